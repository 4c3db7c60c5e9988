//! No path makes the search panic, overflow the stack or run on (MP-304).

use proptest::prelude::*;
use tidegate_gocompat::{expr::Value, jsonpath::Path};

/// Pieces of which paths are made, sense or no sense.
const PIECES: &[&str] = &[
    "{",
    "}",
    "{$}",
    "$",
    "@",
    ".",
    "..",
    "*",
    ".a",
    ".b",
    "a",
    ".a\\.b",
    "\\",
    "[",
    "]",
    "[0]",
    "[-1]",
    "[*]",
    "[1:]",
    "[:2]",
    "[::2]",
    "[0:9]",
    "[0,1]",
    "['a']",
    "['a','b']",
    "[?(",
    ")]",
    "[?(@.a)]",
    "[?(@.a=='x')]",
    "[?(@>1.0)]",
    "[?(@.a!=@.b)]",
    "==",
    "<=",
    "!",
    "=",
    "'",
    "\"",
    "'x'",
    "'\\n'",
    "\\'",
    " ",
    "\t",
    "\n",
    "range ",
    "{range .a[*]}",
    "{range @}",
    "{end}",
    "end",
    "true",
    "1",
    "-1",
    "1.5",
    "1e5",
    "9223372036854775807",
    "-9223372036854775808",
    ",",
    ":",
    "-",
    "é",
    "٣",
    "(",
    ")",
    "text",
];

fn bodies() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        "null",
        "1",
        "\"aé\"",
        "[]",
        "[1, 2.5, null, \"x\", [3], {\"a\": \"x\"}]",
        r#"{"a": [{"a": "x", "b": 1}, {"a": null}], "b": {"a": {"b": [[]]}}}"#,
        "[[[[[[[[[[1, 2], [3]]]]]]]]]]",
    ])
    .prop_map(|json| {
        let json = serde_json::from_str(json).expect("the list holds JSON");
        Value::from_json(&json).expect("the list is shallow")
    })
}

/// Searches; the answer does not matter, but that it can be written does.
fn search(path: &str, body: &Value) {
    let Ok(path) = Path::parse(path) else { return };
    let Ok(found) = path.find(body) else { return };
    for value in found.iter().flatten() {
        value.to_compact_json().expect("JSON comes of JSON");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(path in "\\PC{0,60}", body in bodies()) {
        search(&path, &body);
        search(&format!("{{{path}}}"), &body);
    }

    #[test]
    fn any_pieces_have_an_answer(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..30), body in bodies()) {
        search(&pieces.concat(), &body);
        search(&format!("{{{}}}", pieces.concat()), &body);
    }

}

proptest! {
    // Each case may use up its whole budget.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_repetition_has_an_answer(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..4),
        count in 1_usize..2_000,
        body in bodies(),
    ) {
        search(&pieces.concat().repeat(count), &body);
        search(&format!("{{{}}}", pieces.concat().repeat(count)), &body);
    }
}

/// As deep as answers and ranges go, on a stack of half the usual size.
#[test]
fn the_deepest_searches_need_half_a_stack() {
    let run = || {
        let deep = (0..199).fold(Value::Float(1.0), |inner, _| {
            Value::list(vec![inner]).expect("199 levels are allowed")
        });
        let paths = [
            "{..}".to_owned(),
            format!("{{{}}}", "[*]".repeat(199)),
            "{range @}".repeat(100),
            format!("{{{}", "[?(@.a' ".repeat(500)),
            format!(
                "{{{}1{}}}",
                "[?(@.a' [?(@.b\" ".repeat(50),
                "\".c)]'.c)]".repeat(50)
            ),
            format!(
                "{{{}{}}}",
                "[?('\\'[?(\"\\\"".repeat(50),
                "\")]')]".repeat(50)
            ),
        ];
        for path in paths {
            search(&path, &deep);
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    let ended = thread.expect("a thread starts").join();
    assert!(ended.is_ok(), "a search panicked");
}
