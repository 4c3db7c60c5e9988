//! Files of cases: one JSON object a line, with an `id`.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;
use tidegate_gocompat::json::{self, Node, Tree};

use super::Report;

/// A case that differs on purpose: its id and the reason.
pub(super) type Difference = (&'static str, &'static str);

/// One line, once as a value and once as it was written.
pub(super) struct Case {
    /// Its members.
    pub(super) value: Value,
    node: Node,
}

impl Case {
    /// A member as it was written: with the order of members and the text of numbers.
    ///
    /// # Errors
    /// When there is no such member.
    pub(super) fn written(&self, name: &str) -> Result<&Node> {
        self.node.member(name).with_context(|| format!("no {name}"))
    }

    /// A member that is a text.
    ///
    /// # Errors
    /// When there is no such text.
    pub(super) fn text(&self, name: &str) -> Result<&str> {
        self.value[name]
            .as_str()
            .with_context(|| format!("no text {name}"))
    }

    /// The recorded error's text, if the case has one.
    pub(super) fn error(&self) -> Option<&str> {
        self.value.pointer("/error/text").and_then(Value::as_str)
    }
}

/// Compares every case of a file; `check` says how one differs. A case that is meant to differ must do so.
///
/// # Errors
/// When the file or a line of it cannot be read.
pub(super) fn check_file(
    folder: &Path,
    file: &str,
    different: &[Difference],
    check: impl Fn(&Case) -> Result<Option<String>>,
) -> Result<Report> {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut report = Report {
        file: file.to_owned(),
        ..Report::default()
    };
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).with_context(|| file.to_owned())?;
        let node = json::parse(line).with_context(|| file.to_owned())?;
        let case = Case { value, node };
        let id = case.text("id").context(file.to_owned())?;
        let difference = check(&case).with_context(|| format!("{file}: {id}"))?;
        let meant = different.iter().find(|(meant, _)| *meant == id);
        match (difference, meant) {
            (None, None) | (Some(_), Some(_)) => report.passed += 1,
            (Some(difference), None) => report.failures.push(format!("{id}: {difference}")),
            (None, Some((_, reason))) => report
                .failures
                .push(format!("{id}: agrees, but was meant to differ: {reason}")),
        }
    }
    Ok(report)
}

/// How two values differ, if they do.
pub(super) fn difference<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Option<String> {
    (found != expected).then(|| format!("{what} is {found:?} instead of {expected:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(different: &[Difference]) -> Report {
        let folder = std::env::temp_dir().join(format!("tidegate-cases-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = format!("{}.jsonl", different.len());
        fs::write(
            folder.join(&file),
            "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n",
        )
        .unwrap();
        check_file(&folder, &file, different, |case| {
            Ok(difference("n", &case.value["n"].as_i64(), &Some(1)))
        })
        .unwrap()
    }

    #[test]
    fn a_case_that_differs_fails() {
        let report = check(&[]);
        assert_eq!(report.passed, 1);
        assert_eq!(report.failures, ["b: n is Some(2) instead of Some(1)"]);
    }

    #[test]
    fn a_case_that_is_meant_to_differ_passes_only_while_it_does() {
        let report = check(&[("b", "reason"), ("a", "reason")]);
        assert_eq!(report.passed, 1);
        assert_eq!(
            report.failures,
            ["a: agrees, but was meant to differ: reason"]
        );
    }
}
