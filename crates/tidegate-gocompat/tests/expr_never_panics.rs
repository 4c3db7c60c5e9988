//! No input makes the expression language panic, overflow the stack or run on.

use proptest::prelude::*;
use tidegate_gocompat::expr::{Value, eval_condition, eval_time, eval_trigger};

/// Pieces of which expressions are made, sense or no sense.
const PIECES: &[&str] = &[
    "result",
    "result.a",
    "result[0]",
    "#",
    ".a",
    "#acc",
    "#index",
    "$env",
    "x",
    "nil",
    "true",
    "false",
    "0",
    "1",
    "2.5",
    "-1",
    "9223372036854775807",
    "1e308",
    "0x1f",
    "'a'",
    "\"b\"",
    "`c`",
    "b'x'",
    "\"\\u{1F600}\"",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ":",
    "::",
    "?",
    "??",
    "?.",
    ".",
    "..",
    "|",
    "||",
    "&&",
    "and",
    "or",
    "not",
    "in",
    "not in",
    "matches",
    "contains",
    "startsWith",
    "endsWith",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "^",
    "!",
    "let x =",
    "if",
    "else",
    "all(",
    "none(",
    "any(",
    "one(",
    "filter(",
    "map(",
    "count(",
    "sum(",
    "find(",
    "findIndex(",
    "findLast(",
    "findLastIndex(",
    "groupBy(",
    "sortBy(",
    "reduce(",
    "len(",
    "type(",
    "abs(",
    "ceil(",
    "int(",
    "float(",
    "string(",
    "trim(",
    "upper(",
    "split(",
    "splitAfter(",
    "replace(",
    "repeat(",
    "join(",
    "indexOf(",
    "lastIndexOf(",
    "max(",
    "min(",
    "mean(",
    "median(",
    "toJSON(",
    "fromJSON(",
    "toBase64(",
    "fromBase64(",
    "now()",
    "duration(",
    "date(",
    "timezone(",
    "first(",
    "last(",
    "get(",
    "take(",
    "keys(",
    "values(",
    "toPairs(",
    "fromPairs(",
    "reverse(",
    "uniq(",
    "concat(",
    "flatten(",
    "sort(",
    "bitshl(",
    "bitushr(",
    "asInt(",
    "asFloat(",
    "isNaN(",
    "isInf(",
    "isNil(",
    "default(",
    ".AddDate(1,2,3)",
    ".Truncate(",
    ".Format(",
    ".Month()",
    "'1h'",
    "'2024-01-31'",
    "1..9",
    "1..1000000",
    "[1, 2]",
    "{a: 1}",
    "[[1], ['a']]",
];

/// Operators with two operands.
const BINARY: &[&str] = &[
    "==", "!=", "<", ">=", "+", "-", "*", "/", "%", "**", "and", "or", "??", "in", "not in", "..",
    "contains", "matches",
];

/// Functions of one value.
const ONE: &[&str] = &[
    "len",
    "type",
    "string",
    "int",
    "float",
    "abs",
    "round",
    "upper",
    "first",
    "last",
    "keys",
    "values",
    "toPairs",
    "fromPairs",
    "reverse",
    "uniq",
    "flatten",
    "sort",
    "sum",
    "count",
    "max",
    "min",
    "mean",
    "median",
    "toJSON",
    "fromJSON",
    "asInt",
    "asFloat",
    "isNaN",
    "isNil",
    "not",
    "-",
    "!",
    "trim",
    "date",
    "duration",
    "concat",
    "bitnot",
];

/// Functions of two values, or of a list and a predicate.
const TWO: &[&str] = &[
    "split",
    "join",
    "repeat",
    "take",
    "get",
    "max",
    "indexOf",
    "default",
    "concat",
    "bitand",
    "bitshl",
    "trimPrefix",
    "map",
    "filter",
    "all",
    "any",
    "one",
    "none",
    "groupBy",
    "sortBy",
    "reduce",
    "find",
    "count",
    "sum",
];

/// Expressions with sense, to be nested in one another.
fn sensible() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "result",
        "result.a",
        "result[0]",
        "1",
        "2.5",
        "'a'",
        "nil",
        "true",
        "[1, 2, 3]",
        "{a: 1}",
        "1..9",
        "[]",
        "now()",
        "duration('90s')",
        "date('2024-02-29')",
        "'x y'",
        "\"é\"",
        "[nil, 'b', 2]",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(6, 40, 3, |inner| {
        let binary = prop::sample::select(BINARY);
        let one = prop::sample::select(ONE);
        let two = prop::sample::select(TWO);
        prop_oneof![
            (inner.clone(), binary, inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (one, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (two, inner.clone(), inner.clone()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}:]")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            inner.clone().prop_map(|a| format!("map({a}, [#, #index])")),
            inner
                .clone()
                .prop_map(|a| format!("reduce({a}, [#acc, #], nil)")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("let v = {a}; replace(v, v, {b})")),
        ]
    })
}

fn results() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        "null",
        "1",
        "\"a\"",
        "true",
        "[]",
        "[1, 2.5]",
        r#"{"a": 1}"#,
        r#"[{"a": "x"}, null, [3]]"#,
        r#"{"a": {"a": [1]}}"#,
    ])
    .prop_map(|json| {
        let json = serde_json::from_str(json).expect("the list holds JSON");
        Value::from_json(&json).expect("the list is shallow")
    })
}

/// Evaluates in every way; the answers do not matter.
fn evaluate(source: &str, result: &Value) {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let _ = eval_condition(source, result, now);
    let _ = eval_time(source, now);
    let _ = eval_trigger(source, [("result".to_owned(), result.clone())], now);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(source in "\\PC{0,60}", result in results()) {
        evaluate(&source, &result);
    }

    #[test]
    fn any_words_have_an_answer(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40), result in results()) {
        evaluate(&pieces.join(" "), &result);
    }

    #[test]
    fn any_sensible_expression_has_an_answer(source in sensible(), result in results()) {
        evaluate(&source, &result);
    }

    #[test]
    fn any_nesting_has_an_answer(
        open in prop::collection::vec(prop::sample::select(PIECES), 1..4),
        middle in prop::sample::select(PIECES),
        close in prop::collection::vec(prop::sample::select(PIECES), 1..3),
        depth in 1_usize..2_000,
        result in results(),
    ) {
        let source = format!("{}{middle}{}", open.join(" ").repeat(depth), close.join(" ").repeat(depth));
        evaluate(&source, &result);
    }
}

/// As deep as expressions may nest, on a stack of half the usual size: brackets of every sort, around one another.
#[test]
fn the_deepest_expressions_need_half_a_stack() {
    let shapes: &[(&str, &str)] = &[
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("{a: ", "}"),
        ("1 + (", ")"),
        ("1 ** ", ""),
        ("true ? 1 : ", ""),
        ("string(", ")"),
        ("max(1, ", ")"),
        ("default(1, ", ")"),
        ("all([1], ", ")"),
        ("reduce([1, 2], ", ", 0)"),
        ("map([1], {", "})"),
        ("[1][", "]"),
        ("[0][0:", "]"),
        ("if true { ", " } else { 1 }"),
        ("(1 | string()) + (", ")"),
        ("(0 < ", " < 1)"),
        ("{a: [max(1, (", "))]}"),
        ("filter([1], not (true && ", "))"),
        ("sum([1, ", "])"),
    ];
    let run = move || {
        for (open, close) in shapes {
            for depth in [40, 60, 80, 120, 124, 200, 240, 249, 250] {
                let source = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                evaluate(&source, &Value::Nil);
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    let ended = thread.expect("a thread starts").join();
    assert!(ended.is_ok(), "an expression panicked");
}
