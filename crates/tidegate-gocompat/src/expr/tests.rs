//! Own small vectors; the recorded answers are compared by `cargo xtask conformance`.

use super::*;

/// Checks one expression on one result: `true`, `false`, or the class and text of an error.
#[track_caller]
fn check(source: &str, result: &str, expected: &str) {
    let json: serde_json::Value = serde_json::from_str(result).unwrap();
    check_value(source, &Value::from_json(&json).unwrap(), expected);
}

#[track_caller]
fn check_value(source: &str, result: &Value, expected: &str) {
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let answer = match eval_condition(source, result, now) {
        Ok(bool) => bool.to_string(),
        Err(error) => format!("{:?}: {error}", error.class),
    };
    assert_eq!(answer, expected, "{source}");
}

/// Keeps ANA-42.
#[test]
fn conditions_as_users_write_them() {
    check_value("result[0] >= 0.99", &Value::floats([0.995]), "true");
    check_value("all(result, # < 0.5)", &Value::floats([0.1, 0.7]), "false");
    check_value(
        "len(result) == 0 || result[0] < 1",
        &Value::floats([]),
        "true",
    );
    check(
        "result.ok && result.successPercent >= 0.90",
        r#"{"ok": true, "successPercent": 0.95}"#,
        "true",
    );
    check("default(result, 0) < 0.05", "null", "true");
    check("isNaN(result) || result < 1", "0.5", "true");
    check("asInt(result) == 42", "\"42\"", "true");
    check(
        "filter(result.items, .v > 1) | map(.name) == [\"b\"]",
        r#"{"items": [{"v": 1, "name": "a"}, {"v": 2, "name": "b"}]}"#,
        "true",
    );
    check("result.a?.b.c == nil", r#"{"x": 1}"#, "true");
    check("let x = result[0]; x > 0.05 && x < 1", "[0.1]", "true");
}

/// Keeps MP-005.
#[test]
fn types_at_hand_decide_what_compiles() {
    check(
        "result > \"1\"",
        "1",
        "Compile: invalid operation: > (mismatched types float64 and string)",
    );
    check(
        "result.a > \"1\"",
        r#"{"a": 1}"#,
        "Runtime: invalid operation: float64 > string",
    );
    check(
        "result[0] == 1",
        "null",
        "Compile: type unknown[int] is undefined",
    );
    check("result.a == 1", "null", "Compile: type nil has no field a");
    check(
        "result % 4 == 0",
        "12",
        "Compile: invalid operation: % (mismatched types float64 and int)",
    );
    check("nope == 1", "1", "Compile: unknown name nope");
    check("result", "1", "Result: expected bool, but got float64");
    check(
        "result[3] == 1",
        "[1]",
        "Runtime: index out of range: 3 (array length is 1)",
    );
}

#[test]
fn folding_shows() {
    check("1 % 0 == 1", "1", "Compile: integer divide by zero");
    check("result.a and false", r#"{"a": 1}"#, "false");
    check(
        "result.a in [\"x\"]",
        r#"{"a": 1}"#,
        "Runtime: reflect.Value.MapIndex: value of type float64 is not assignable to type string",
    );
    check("sum([result, \"b\"]) == \"ab\"", "\"a\"", "true");
    check(
        "max(1, 2.5) == 2",
        "1",
        "Runtime: interface conversion: interface {} is float64, not int",
    );
}

#[test]
fn operators_group_as_upstreams() {
    check("-2 ** 2 == -4.0 && 2 ** 3 ** 2 == 512.0", "1", "true");
    check("1 < result < 3", "2", "true");
    check("not (2 in 1..3)", "1", "false");
    check(
        "not 2 in 1..3",
        "1",
        "Compile: invalid operation: not (mismatched type int)",
    );
    check("2 not in 3..4", "1", "true");
    check(
        "result ?? 1 + 1",
        "1",
        "Compile: Operator (+) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.",
    );
    check("true ? false : true", "1", "false");
    check("if result > 1 { true } else { false }", "2", "true");
}

#[test]
fn time_stands_still() {
    let now: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let time = eval_time("now() - duration(\"1h\")", now).unwrap();
    assert_eq!(
        time.to_timestamp(),
        Some("2026-01-02T02:04:05Z".parse().unwrap())
    );
    assert_eq!(
        eval_time("1", now).unwrap_err().to_string(),
        "expected time.Time, but got int"
    );
    assert_eq!(eval_time("result", now).unwrap_err().class, Class::Compile);
}

#[test]
fn triggers_know_nothing_of_their_variables_before_the_run() {
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let rollout = Value::from_json(&serde_json::json!({"status": {"phase": "Degraded"}})).unwrap();
    let given = |source: &str| eval_trigger(source, [("rollout".to_owned(), rollout.clone())], now);
    assert!(is_triggered(
        &given("rollout.status.phase in ['Degraded']").unwrap()
    ));
    assert!(is_triggered(
        &given("time.Now().Sub(time.Parse(\"2026-01-02T03:00:00Z\")).Minutes() > 4").unwrap()
    ));
    assert!(!is_triggered(&given("rollout.status.phase").unwrap()));
    assert_eq!(
        print(&given("rollout.status.phase + 's'").unwrap()),
        "Degradeds"
    );
    assert_eq!(
        given("rollout.nope.more").unwrap_err().class,
        Class::Runtime
    );
    assert!(is_triggered(&given("nope == nil").unwrap()));
}

/// Keeps MP-006 and MP-009.
#[test]
fn typed_results_keep_their_types() {
    let pointer = Value::pointer(Type::Float64, Some(Value::Float(0.5)));
    check_value("result < 1 && !isNil(result)", &pointer, "true");
    let nothing = Value::pointer(Type::Float64, None);
    check_value("isNil(result) && default(result, 2) == 2", &nothing, "true");
    let list = Value::list(vec![Value::Int64(7), Value::text("x")]).unwrap();
    check_value("result[0] + 1 == 8", &list, "true");
    check_value(
        "result[1] + 1 == 8",
        &list,
        "Runtime: invalid operation: string + int",
    );
}

#[test]
fn texts_are_cut_and_joined_as_in_go() {
    check(
        "split('a,b,', ',') == ['a', 'b', ''] && split('', ',') == [''] && split('', '') == []",
        "1",
        "true",
    );
    check(
        "split('héy', '') == ['h', 'é', 'y'] && split('a,b,c', ',', 2) == ['a', 'b,c']",
        "1",
        "true",
    );
    check(
        "splitAfter('a,b', ',') == ['a,', 'b'] && split('abc', '', 2) == ['a', 'bc']",
        "1",
        "true",
    );
    check(
        "replace('abab', 'b', 'x', 1) == 'axab' && replace('ab', '', '-') == '-a-b-'",
        "1",
        "true",
    );
    check(
        "replace('ab', '', '-', 2) == '-a-b' && replace('', '', '-') == '-' && replace('a', 'a', 'aa') == 'aa'",
        "1",
        "true",
    );
    check(
        "split('é', '')[0][0:1] + 'x' != '' && indexOf('é'[1:] + 'ab', 'b') == 2",
        "1",
        "true",
    );
    check(
        "len(split('é'[1:] + ',' + 'é'[1:] + ',x', ',')) == 3",
        "1",
        "true",
    );
}

#[test]
fn budgets_end_what_would_run_on() {
    let memory = "Runtime: memory budget exceeded";
    let steps = "Runtime: step budget exceeded";
    check("len(1..1000000) > 0", "1", memory);
    check("len(repeat(\"ab\", 900000)) > 0", "1", memory);
    check("let r = 1..1000; all(r, all(r, all(r, true)))", "1", steps);
    check(
        "reduce(1..900000, #acc + #acc, \"ab\") == \"\"",
        "1",
        memory,
    );
    check(
        "len(string(reduce(1..100, [#acc, #acc], 0))) > 0",
        "1",
        memory,
    );
    check(
        "reduce(1..100, [#acc, #acc], 0) == reduce(1..100, [#acc, #acc], 0)",
        "1",
        steps,
    );
    check(
        "reduce(1..1000, [#acc], 0) == nil",
        "1",
        "Runtime: value nests too deep",
    );
    check(
        "len(reduce(1..30, replace(#acc, \"a\", \"aaa\"), \"a\")) > 0",
        "1",
        steps,
    );
}

#[test]
fn nesting_has_an_end_and_chains_do_not() {
    let deep = format!("{}1{} == 1", "(".repeat(240), ")".repeat(240));
    check(&deep, "1", "true");
    let too_deep = "Compile: compilation failed: expression nests deeper than 250 levels";
    for open in [
        "(", "[", "!", "-", "f(", "{a: ", "all(", "1 + (", "1 ** ", "1 ? ", "let x = ", "if ",
        "a?.[",
    ] {
        check(&open.repeat(5_000), "1", too_deep);
    }
    check(&"(1 < ".repeat(5_000), "1", too_deep);
    let chain = format!("{}1 == 3001", "1 + ".repeat(3_000));
    check(&chain, "1", "true");
    let comparisons = format!("1{}", " <= 1".repeat(2_000));
    check(&comparisons, "1", "true");
}
