//! `cargo xtask conformance <folder>`: compares what we compute with recorded answers, area by
//! area. A new area is a file under `conformance/` and a line in [`AREAS`].

mod affinity;
mod analysis;
mod arguments;
mod cases;
mod crds;
mod experiments;
mod expr;
mod jsonpath;
mod normal;
mod numbers;
mod objects;
mod patches;
mod phase;
mod podhash;
mod scaling;
mod steps;
mod types;
mod validate;
mod wire;

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::{Result, bail};

/// Failures that are printed for each file; the rest is only counted.
const SHOWN: usize = 10;

/// What one file said.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The file, below the folder.
    pub(crate) file: String,
    /// Cases that agree, or differ on purpose (each area lists those with their reasons).
    pub(crate) passed: usize,
    /// The others, each with its id and both sides.
    pub(crate) failures: Vec<String>,
}

/// Compares one area with the files of a folder.
type Area = fn(&Path) -> Result<Vec<Report>>;

/// Every area by its name, in the order in which they run.
const AREAS: &[(&str, Area)] = &[
    ("crds", crds::run),
    ("expr", expr::run),
    ("jsonpath", jsonpath::run),
    ("templates", arguments::run),
    ("wire", wire::run),
    ("types", types::run),
    ("fieldwalk", normal::run_fieldwalk),
    ("normalise", normal::run_normalise),
    ("podhash", podhash::run),
    ("numbers", numbers::run),
    ("rollouts-steps", steps::run),
    ("rollouts-phase", phase::run),
    ("rollouts-scaling", scaling::run),
    ("rollouts-validate", validate::run),
    ("rollouts-patches", patches::run),
    ("rollouts-analysis", analysis::run),
];

/// Runs the areas named (all if none is) and prints what each file said.
///
/// # Errors
/// When an area is not known, or a case fails or cannot be read.
pub(crate) fn run(folder: &Path, only: &[String]) -> Result<()> {
    for name in only {
        if AREAS.iter().all(|(area, _)| !is_called(area, name)) {
            let known: Vec<&str> = AREAS.iter().map(|(area, _)| *area).collect();
            bail!("no area is called {name}; there are {}", known.join(", "));
        }
    }
    let chosen = |name: &str| only.is_empty() || only.iter().any(|wanted| is_called(name, wanted));
    let (mut passed, mut failed) = (0, 0);
    let mut out = io::stdout().lock();
    for (name, area) in AREAS.iter().filter(|(name, _)| chosen(name)) {
        if only.is_empty() && !is_there(folder, name) {
            writeln!(out, "{name:<18} has no answers in this folder")?;
            continue;
        }
        let reports = area(folder).unwrap_or_else(|error| {
            // The other areas have something to say all the same.
            vec![Report {
                failures: vec![format!("{error:#}")],
                ..Report::default()
            }]
        });
        for report in reports {
            passed += report.passed;
            failed += report.failures.len();
            print(name, &report, &mut out)?;
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    if failed > 0 {
        bail!("{failed} cases failed");
    }
    if passed == 0 {
        bail!("{} holds no answers of any area", folder.display());
    }
    Ok(())
}

/// Whether a folder has an area's answers: files or a folder whose names begin with the area's. The
/// area `wire` asks the file of `fieldwalk` another question.
fn is_there(folder: &Path, area: &str) -> bool {
    let name = if area == "wire" { "fieldwalk" } else { area };
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|found| found.to_string_lossy().starts_with(name))
}

/// `rollouts-` need not be said.
fn is_called(area: &str, name: &str) -> bool {
    area == name || area.strip_prefix("rollouts-") == Some(name)
}

fn print(area: &str, report: &Report, out: &mut impl Write) -> Result<()> {
    let (passed, failed) = (report.passed, report.failures.len());
    writeln!(
        out,
        "{area:<18} {:<30} {passed:>6} passed {failed:>6} failed",
        report.file
    )?;
    for failure in report.failures.iter().take(SHOWN) {
        writeln!(out, "    {failure}")?;
    }
    if failed > SHOWN {
        writeln!(out, "    … and {} more", failed - SHOWN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_area_is_refused_with_those_that_exist() {
        let error = run(Path::new("/nonexistent"), &["tea".to_owned()]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("no area is called tea; there are crds"),
            "{text}"
        );
    }

    #[test]
    fn a_folder_without_answers_is_no_success() {
        let error = run(Path::new("/nonexistent"), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent holds no answers of any area"
        );
    }

    #[test]
    fn an_area_that_is_asked_for_must_be_there() {
        assert!(run(Path::new("/nonexistent"), &["numbers".to_owned()]).is_err());
    }

    #[test]
    fn failures_are_shown_up_to_a_limit() {
        let report = Report {
            file: "a.jsonl".to_owned(),
            passed: 1,
            failures: vec!["no".to_owned(); SHOWN + 2],
        };
        let mut out = Vec::new();
        print("tea", &report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), SHOWN + 2);
        assert!(text.ends_with("… and 2 more\n"), "{text}");
    }
}
