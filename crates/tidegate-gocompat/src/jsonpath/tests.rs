//! Paths and what they find, recorded from client-go (MP-304).

use serde_json::json;

use super::Path;
use crate::expr::Value;

fn data() -> Value {
    let json = json!({
        "ok": true, "pct": 0.95, "n": 12, "name": "it's", "nil": null, "a.b": 7, "dash-key": 1,
        "list": [1, 2, 3, 4, 5], "empty": [],
        "items": [
            {"n": "x", "v": 1, "t": ["p", "q"]},
            {"n": "y", "v": 2.5, "t": []},
            {"n": "z", "v": 4, "extra": null},
        ],
    });
    Value::from_json(&json).unwrap()
}

/// What is found, as JSON, one list for each part; or the error.
fn found(path: &str, data: &Value) -> String {
    let path = match Path::parse(path) {
        Ok(path) => path,
        Err(error) => return format!("parse: {error}"),
    };
    match path.find(data) {
        Ok(parts) => {
            let texts: Vec<String> = parts
                .iter()
                .map(|part| {
                    let values: Vec<String> = part
                        .iter()
                        .map(|value| value.to_compact_json().unwrap())
                        .collect();
                    values.join(" ")
                })
                .collect();
            texts.join("|")
        }
        Err(error) => format!("find: {error}"),
    }
}

#[track_caller]
fn check(path: &str, expected: &str) {
    assert_eq!(found(path, &data()), expected, "{path}");
}

#[test]
fn members_are_found_and_missing_ones_are_errors() {
    check("{.ok}", "true");
    check("{$.n}", "12");
    check("{['name']}", "\"it's\"");
    check("{.a\\.b}", "7");
    check("{.dash-key}", "1");
    check("{.nil}", "null");
    check("{.missing}", "find: missing is not found");
    check("{.nil.x}", "find: x is not found");
    check("{n}", "find: unrecognized identifier n");
}

#[test]
fn what_stands_outside_of_braces_is_text() {
    check("$.ok", "\"$.ok\"");
    check("ok is {.ok}", "\"ok is \"|true");
    check("{.ok}{.pct}", "true|0.95");
    check("{'a\\n'}", "\"a\\n\"");
    check("{12}{1.5}{true}", "12|1.5|true");
}

#[test]
fn slices_beyond_the_end_are_errors() {
    check("{.list[0]}", "1");
    check("{.list[-1]}", "5");
    check("{.list[*]}", "1 2 3 4 5");
    check("{.list[1:3]}", "2 3");
    check("{.list[::2]}", "1 3 5");
    check("{.list[-3:-1]}", "3 4");
    check("{.list[5:5]}", "");
    check("{.list[0,2]}", "1 3");
    check(
        "{.list[0:9]}",
        "find: array index out of bounds: index 8, length 5",
    );
    check(
        "{.list[3:1]}",
        "find: starting index 3 is greater than ending index 1",
    );
    check("{.list[::0]}", "find: step must be > 0");
    check("{.n[0]}", "find: float64 is not array or slice");
}

#[test]
fn filters_compare_like_with_like() {
    check("{.items[?(@.n=='y')].v}", "2.5");
    check("{.items[?(@.v>1.0)].n}", "\"y\" \"z\"");
    check(
        "{.items[?(@.v>1)].n}",
        "find: incompatible types for comparison",
    );
    check("{.items[?(@.n<='y')].n}", "\"x\" \"y\"");
    check("{.items[?(@.extra)].n}", "\"z\"");
    check(
        "{.items[?(@.n='y')].v}",
        "find: unrecognized filter operator =",
    );
    check(
        "{.items[?(@.v>1 && @.v<4)].n}",
        "parse: unrecognized character in action: U+0026 '&'",
    );
    check(
        "{.items[?(@.t[*]=='p')].n}",
        "find: can only compare one element at a time",
    );
    check(
        "{.list[0][?(@.x)]}",
        "find: 1 is not array or slice and cannot be filtered",
    );
}

#[test]
fn a_presence_filter_takes_what_was_there_when_its_path_failed() {
    // An index out of bounds leaves its input, a missing key leaves nothing.
    check("{.items[?(@.t[7])].n}", "\"x\" \"y\"");
    check("{.items[?(@.missing)].n}", "");
}

#[test]
fn a_descent_finds_all_that_holds_something() {
    check("{..v}", "1 2.5 4");
    check(
        "{.items..t[0]}",
        "find: array index out of bounds: index 0, length 0",
    );
    check(
        "{.items[0]..}",
        "{\"n\":\"x\",\"t\":[\"p\",\"q\"],\"v\":1} \"x\" [\"p\",\"q\"] \"p\" \"q\"",
    );
    check("{....}", "parse: invalid multiple recursive descent");
}

#[test]
fn ranges_go_through_their_parts_for_each_value() {
    check(
        "{range .items[*]}{.n}{.v}{end}{.ok}",
        "\"x\"|1|\"y\"|2.5|\"z\"|4|true",
    );
    check("{range .list[0:2]}{range @}x{end}{end}", "\"x\"|\"x\"");
    check("{range .empty[*]}{.n}{end}", "find: n is not found");
    check("{end}", "find: not in range, nothing to end");
}

#[test]
fn what_does_not_parse_says_why() {
    check("{.ok", "parse: unclosed action");
    check("{[}", "parse: unterminated array");
    check("{.list[a]}", "parse: invalid array index a");
    check("{.list[-]}", "parse: array index - is not a number");
    check(
        "{'\\q'}",
        "parse: unquote string '\\q' error invalid syntax",
    );
    check("{1.2.3}", "parse: cannot parse number 1.2.3");
    check("{\t}", "parse: unrecognized character in action: U+0009");
    check("{.list[?(@.n=='y'].v}", "parse: unterminated filter");
}

#[test]
fn a_body_that_is_null_has_no_value() {
    assert_eq!(found("{$}", &Value::Nil), "find: null has no value");
    assert_eq!(
        found("{[0]}", &Value::Nil),
        "find: null is not array or slice"
    );
    assert_eq!(found("{.a}", &Value::Nil), "find: a is not found");
    assert_eq!(found("{.*}", &Value::Nil), "");
}

#[test]
fn no_search_runs_on() {
    let many = format!("{{.list{}}}", "[0,0][0:1]".repeat(200));
    assert_eq!(found(&many, &data()), "find: float64 is not array or slice");
    let nested = Value::from_json(&json!([[[[[[[[[[[[]]]]]]]]]]]])).unwrap();
    let doubling = format!("{{{}}}", "[0,0,0,0,0,0,0,0]".repeat(11));
    assert_eq!(found(&doubling, &nested), "find: step budget exceeded");
    let ranges = "{range @}".repeat(100_000);
    assert_eq!(found(&ranges, &data()), "find: ranges nest too deep");
    let filters = "[?(@.a' ".repeat(1_000);
    assert_eq!(
        found(&format!("{{{filters}"), &data()),
        "parse: unterminated filter"
    );
}
