//! Area `crds`: our definitions against `crds/<plural>.json` (whole definitions) and
//! `crds/<plural>.paths.jsonl` (one line for each path of a schema), path by path.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::Report;
use crate::crds::{self, compare};

/// Differences that are meant: resource, path, reason. Each also stands in `COMPATIBILITY.md`.
const INTENDED: &[(&str, &str, &str)] = &[];

/// Compares with every file of the folder's `crds` that is about a kind of ours.
///
/// # Errors
/// When there is no such file, or one cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for definition in crds::definitions()? {
        let ours = compare::paths(&definition.value);
        let whole = format!("crds/{}.json", definition.plural);
        if let Some(text) = read(&folder.join(&whole))? {
            let theirs = serde_json::from_str(&text).with_context(|| whole.clone())?;
            let theirs = compare::paths(&theirs);
            reports.push(report(whole, definition.plural, &ours, &theirs));
        }
        let lines = format!("crds/{}.paths.jsonl", definition.plural);
        if let Some(text) = read(&folder.join(&lines))? {
            let theirs = read_lines(&text).with_context(|| lines.clone())?;
            let ours = ours
                .iter()
                .filter(|(path, _)| !path.starts_with('@'))
                .map(|(path, keywords)| (path.clone(), keywords.clone()))
                .collect();
            reports.push(report(lines, definition.plural, &ours, &theirs));
        }
    }
    if reports.is_empty() {
        bail!(
            "{} holds no definitions of ours",
            folder.join("crds").display()
        );
    }
    Ok(reports)
}

fn report(
    file: String,
    plural: &str,
    ours: &BTreeMap<String, Map<String, Value>>,
    theirs: &BTreeMap<String, Map<String, Value>>,
) -> Report {
    let (mut passed, differences) = compare::compare(ours, theirs);
    let mut failures = Vec::new();
    for difference in differences {
        let is_meant =
            |(kind, path, _): &(&str, &str, &str)| *kind == plural && *path == difference.path;
        if INTENDED.iter().any(is_meant) {
            passed += 1;
        } else {
            failures.push(difference.to_string());
        }
    }
    Report {
        file,
        passed,
        failures,
    }
}

/// The file's text; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Some(text))
}

fn read_lines(text: &str) -> Result<BTreeMap<String, Map<String, Value>>> {
    text.lines()
        .map(|line| {
            let mut keywords: Map<String, Value> = serde_json::from_str(line)?;
            let path = keywords.remove("path").context("a line without path")?;
            let path = path.as_str().context("a path that is no text")?.to_owned();
            Ok((path, keywords))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_definitions_is_refused() {
        let error = run(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent/crds holds no definitions of ours"
        );
    }

    #[test]
    fn lines_are_read_by_path() {
        let lines = read_lines("{\"path\":\"spec\",\"type\":\"object\"}\n").unwrap();
        assert_eq!(lines["spec"]["type"], "object");
    }

    #[test]
    fn a_difference_that_is_not_meant_fails() {
        let theirs = read_lines("{\"path\":\"spec\",\"type\":\"object\"}\n").unwrap();
        let report = report("file".to_owned(), "rollouts", &BTreeMap::new(), &theirs);
        assert_eq!(report.passed, 0);
        assert_eq!(
            report.failures,
            ["spec: nothing, not {\"type\":\"object\"}"]
        );
    }
}
