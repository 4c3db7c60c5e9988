//! Files of cases: one JSON object a line, with an `id`.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tidegate_gocompat::json::{self, Node, Tree};

use super::Report;

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

/// Compares every case of a file; `check` says how one differs, if not on purpose.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn check_file(
    folder: &Path,
    file: &str,
    check: impl Fn(&Case) -> Result<Option<String>>,
) -> Result<Report> {
    check_lines(folder, file, |line| {
        let value: Value = serde_json::from_str(line)?;
        let node = json::parse(line)?;
        check(&Case { value, node })
    })
}

/// The same for areas that need values only.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn check_values(
    folder: &Path,
    file: &str,
    check: impl Fn(&Value) -> Result<Option<String>>,
) -> Result<Report> {
    check_lines(folder, file, |line| check(&serde_json::from_str(line)?))
}

/// The same for areas that read lines themselves. One that cannot be read is a failure among others.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn check_lines(
    folder: &Path,
    file: &str,
    check: impl Fn(&str) -> Result<Option<String>>,
) -> Result<Report> {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut report = Report {
        file: file.to_owned(),
        ..Report::default()
    };
    let lines = text.lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let failure = match check(line) {
            Ok(None) => {
                report.passed += 1;
                continue;
            }
            Ok(Some(difference)) => difference,
            Err(error) => format!("{error:#}"),
        };
        report
            .failures
            .push(format!("{}: {failure}", name(index, line)));
    }
    Ok(report)
}

/// A case's id, or its place in the file.
fn name(index: usize, line: &str) -> String {
    let case: Value = serde_json::from_str(line).unwrap_or_default();
    match case["id"].as_str() {
        Some(id) => id.to_owned(),
        None => format!("line {}", index + 1),
    }
}

/// Those of an area's files that a folder has.
///
/// # Errors
/// When it has none.
pub(super) fn present<'a>(folder: &Path, files: &[&'a str]) -> Result<Vec<&'a str>> {
    let is_there = |file: &&&str| folder.join(file).is_file();
    let found: Vec<&str> = files.iter().filter(is_there).copied().collect();
    if found.is_empty() {
        bail!("{} holds no {}", folder.display(), files.join(", no "));
    }
    Ok(found)
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

    fn folder(name: &str) -> std::path::PathBuf {
        let own = format!("tidegate-cases-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(own);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_case_that_differs_and_one_that_cannot_be_read_fail_and_the_others_go_on() {
        let folder = folder("differs");
        let lines = "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":2}\n\n{\n{\"id\":\"c\"}\n{\"id\":\"d\",\"n\":1}\n";
        fs::write(folder.join("x.jsonl"), lines).unwrap();
        let report = check_file(&folder, "x.jsonl", |case| {
            let n = case.value["n"].as_i64().context("no n")?;
            Ok(difference("n", &n, &1))
        })
        .unwrap();
        assert_eq!(report.passed, 2);
        assert_eq!(
            report.failures,
            [
                "b: n is 2 instead of 1",
                "line 4: EOF while parsing an object at line 1 column 1",
                "c: no n"
            ]
        );
    }

    #[test]
    fn files_that_are_missing_are_left_out_unless_all_are() {
        let folder = folder("missing");
        fs::write(folder.join("b.jsonl"), "").unwrap();
        assert_eq!(
            present(&folder, &["a.jsonl", "b.jsonl"]).unwrap(),
            ["b.jsonl"]
        );
        let error = present(&folder, &["a.jsonl", "c.jsonl"]).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("holds no a.jsonl, no c.jsonl"), "{text}");
    }
}
