//! Which member of a JSON text an error is about: the reader says only in which line and column.

/// An error of the reader with the path of the member in front, such as
/// `spec.steps[1].setWeight: invalid type: string "x", expected i32`.
pub(crate) fn named(text: &str, error: &serde_json::Error) -> String {
    let what = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = what.strip_suffix(&place).unwrap_or(&what);
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let path = path(text, (before + error.column()).saturating_sub(1));
    if path.is_empty() {
        what.to_owned()
    } else {
        format!("{path}: {what}")
    }
}

/// A list or an object that is still open.
enum Open {
    /// With the name of the member at hand.
    Object(Option<String>),
    /// With the number of the item at hand.
    List(usize),
}

/// The path of the value of which the byte at `place` is a part.
fn path(text: &str, place: usize) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at)
        && at <= place
    {
        match byte {
            b'"' => {
                let end = string_end(text, at);
                if let Some(Open::Object(name @ None)) = open.last_mut() {
                    *name = text
                        .get(at..=end)
                        .and_then(|quoted| serde_json::from_str(quoted).ok());
                }
                at = end;
            }
            // The value is the list or the object itself.
            b'{' | b'[' if at == place => break,
            b'{' => open.push(Open::Object(None)),
            b'[' => open.push(Open::List(0)),
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Open::Object(name)) => *name = None,
                Some(Open::List(number)) => *number += 1,
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for level in open {
        match level {
            Open::Object(Some(name)) if path.is_empty() => path = name,
            Open::Object(Some(name)) => path = format!("{path}.{name}"),
            Open::Object(None) => {}
            Open::List(number) => path = format!("{path}[{number}]"),
        }
    }
    path
}

/// Where the string that begins at `at` ends.
fn string_end(text: &str, at: usize) -> usize {
    let mut escaped = false;
    let rest = text.as_bytes().iter().enumerate().skip(at + 1);
    for (place, byte) in rest {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_api::rollout::Rollout;

    use super::*;

    fn fault(rollout: &serde_json::Value) -> String {
        let texts = [
            rollout.to_string(),
            serde_json::to_string_pretty(rollout).unwrap(),
        ];
        let faults = texts.map(|text| {
            let error = serde_json::from_str::<Rollout>(&text).unwrap_err();
            named(&text, &error)
        });
        assert_eq!(faults[0], faults[1]);
        let [fault, _] = faults;
        // Reading a value instead of a text finds the same.
        let error = serde_path_to_error::deserialize::<_, Rollout>(rollout).unwrap_err();
        assert_eq!(fault, format!("{}: {}", error.path(), error.inner()));
        fault
    }

    #[test]
    fn a_fault_is_named_by_the_path_to_it() {
        let canary = |steps: serde_json::Value| json!({"metadata": {"name": "a\"},{"}, "spec": {"strategy": {"canary": {"steps": steps}}}});
        for (rollout, expected) in [
            (
                json!({"spec": {"replicas": "two"}}),
                r#"spec.replicas: invalid type: string "two", expected i32"#,
            ),
            (
                json!({"spec": {"replicas": 1.5, "paused": true}}),
                "spec.replicas: invalid type: floating point `1.5`, expected i32",
            ),
            (
                json!({"metadata": {"labels": {"a": "b", "c": 7}}}),
                "metadata.labels.c: invalid type: integer `7`, expected a string",
            ),
            (
                json!({"spec": {"selector": {"matchLabels": [{}]}}}),
                "spec.selector.matchLabels: invalid type: sequence, expected a map",
            ),
            (
                canary(json!([{"setWeight": 5}, {"setWeight": {"a": 1}}])),
                "spec.strategy.canary.steps[1].setWeight: invalid type: map, expected i32",
            ),
            (
                canary(json!([{"setWeight": 5}, 7])),
                "spec.strategy.canary.steps[1]: invalid type: integer `7`, expected struct CanaryStep",
            ),
        ] {
            assert_eq!(fault(&rollout), expected);
        }
    }
}
