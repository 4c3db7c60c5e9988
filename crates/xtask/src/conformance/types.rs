//! Area `types`: our table of Go's structs is made from this list of types.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::Report;
use crate::{root, shapes};

/// Compares the table, struct by struct.
///
/// # Errors
/// When the list is missing or cannot be read.
pub(crate) fn run(folder: &Path) -> Result<Vec<Report>> {
    let path = folder.join("types.jsonl");
    let types = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let expected = shapes::table(&types)?;
    let found = fs::read_to_string(root().join(shapes::TABLE)).context(shapes::TABLE)?;
    Ok(vec![compare(&found, &expected)])
}

fn compare(found: &str, expected: &str) -> Report {
    let mut report = Report {
        file: "types.jsonl".to_owned(),
        ..Report::default()
    };
    let ours: Vec<&str> = found.split("\n\n").collect();
    for paragraph in expected.split("\n\n") {
        if ours.contains(&paragraph.trim_end()) || ours.contains(&paragraph) {
            report.passed += 1;
        } else {
            let name = paragraph.lines().next().unwrap_or_default();
            report.failures.push(format!("{name}: not so in our table"));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_that_is_missing_or_different_fails() {
        let report = compare("//! a\n\n/// x\n1", "//! a\n\n/// x\n2\n\n/// y\n1");
        assert_eq!(report.passed, 1);
        assert_eq!(report.failures.len(), 2);
    }
}
