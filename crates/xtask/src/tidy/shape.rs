//! What files look like: names, sizes, first sentences, attributes, configuration.

use super::{Complaints, File};

/// Lines of code, tests aside (rule 18).
const MOST_LINES: usize = 500;

/// Tables that a command writes.
const GENERATED: [&str; 1] = ["crates/tidegate-api/src/shape/table.rs"];

/// Names that say nothing of what is inside (rule 3).
const EMPTY_NAMES: [&str; 7] = [
    "utils", "util", "common", "helpers", "helper", "misc", "mod",
];

/// Attributes that switch a check off for good.
const SILENCERS: [&str; 4] = ["#[allow", "#![allow", "#[ignore", "#[should_panic"];

/// Attributes that keep code out of some builds, and the one condition that may.
const CONDITIONS: [&str; 4] = ["#[cfg(", "#![cfg(", "#[cfg_attr(", "#![cfg_attr("];
const TESTS: &str = "#[cfg(test)]";

/// Rooms are named after what is in them.
pub(super) fn names(files: &[File]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.is_rust())
    {
        let empty = file
            .path
            .split('/')
            .map(|part| part.trim_end_matches(".rs"))
            .find(|part| EMPTY_NAMES.contains(part));
        if let Some(name) = empty {
            complaints.push(format!(
                "{}: \"{name}\" says nothing of what is inside",
                file.path
            ));
        }
    }
    complaints
}

/// Files stay short enough to be read in one go.
pub(super) fn sizes(files: &[File]) -> Complaints {
    files
        .iter()
        .filter(|file| file.is_rust() && file.path.contains("/src/"))
        .filter(|file| !file.path.ends_with("/tests.rs"))
        .filter(|file| !GENERATED.contains(&file.path.as_str()))
        .filter_map(|file| {
            let lines = file
                .text
                .lines()
                .take_while(|line| !line.starts_with(TESTS))
                .count();
            (lines > MOST_LINES).then(|| {
                format!(
                    "{}: {lines} lines without tests; split it by thing, {MOST_LINES} are the most",
                    file.path
                )
            })
        })
        .collect()
}

/// Every file begins by saying what it is.
pub(super) fn first_sentences(files: &[File]) -> Complaints {
    files
        .iter()
        .filter(|file| file.is_rust() && file.path.starts_with("crates/"))
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            format!(
                "{}: begin with a sentence that says what is in it (//!)",
                file.path
            )
        })
        .collect()
}

/// No check is switched off for good, and there is one build only.
pub(super) fn attributes(files: &[File]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files {
        if file.is_rust() {
            for (index, line) in file.text.lines().enumerate() {
                let line = line.trim_start();
                if let Some(found) = SILENCERS
                    .iter()
                    .find(|attribute| line.starts_with(**attribute))
                {
                    complaints.push(format!("{}:{}: {found}…]", file.path, index + 1));
                }
                let conditional = CONDITIONS.iter().any(|sign| line.starts_with(sign));
                if conditional && !line.starts_with(TESTS) {
                    complaints.push(format!(
                        "{}:{}: code for some builds only: there is one, and its tests",
                        file.path,
                        index + 1
                    ));
                }
            }
        }
        if file.path.ends_with("Cargo.toml") && file.text.lines().any(|line| line == "[features]") {
            complaints.push(format!(
                "{}: cargo features: there is one build only",
                file.path
            ));
        }
    }
    complaints
}

/// A crate's clippy.toml replaces the root's: thresholds must be repeated, and bans be the same.
pub(super) fn clippy(files: &[File]) -> Complaints {
    let named = |path: &str| files.iter().find(|file| file.path == path);
    let Some(root) = named("clippy.toml") else {
        return vec!["clippy.toml: missing".to_owned()];
    };
    let mut complaints = Complaints::new();
    let mut copies = Vec::new();
    for pure in super::arrows::PURE {
        let path = format!("crates/{pure}/clippy.toml");
        match named(&path) {
            Some(copy) => copies.push(copy),
            None => complaints.push(format!("{path}: missing: a pure crate has bans")),
        }
    }
    for copy in &copies {
        if let Some(line) = root
            .text
            .lines()
            .find(|line| !copy.text.lines().any(|held| held == *line))
        {
            complaints.push(format!("{}: lacks the root's line `{line}`", copy.path));
        }
        if copy.text != copies[0].text {
            complaints.push(format!("{}: differs from {}", copy.path, copies[0].path));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::{super::one, *};

    #[test]
    fn an_empty_name_is_told() {
        assert_eq!(names(&one("crates/a/src/utils/x.rs", "")).len(), 1);
        assert_eq!(names(&one("crates/a/src/x/mod.rs", "")).len(), 1);
        assert!(names(&one("crates/a/src/weight.rs", "")).is_empty());
    }

    #[test]
    fn a_long_file_is_told_but_not_for_its_tests() {
        let code = "x\n".repeat(MOST_LINES + 1);
        assert_eq!(sizes(&one("crates/a/src/x.rs", &code)).len(), 1);
        let tested = format!("x\n#[cfg(test)]\n{code}");
        assert!(sizes(&one("crates/a/src/x.rs", &tested)).is_empty());
    }

    #[test]
    fn a_file_without_a_first_sentence_is_told() {
        assert_eq!(
            first_sentences(&one("crates/a/src/x.rs", "use a;\n")).len(),
            1
        );
        assert!(first_sentences(&one("crates/a/src/x.rs", "//! Things.\n")).is_empty());
    }

    #[test]
    fn a_silenced_check_is_told() {
        let silenced = format!("    {}]\n", "#[ignore");
        assert_eq!(attributes(&one("crates/a/src/x.rs", &silenced)).len(), 1);
        assert_eq!(
            attributes(&one("crates/a/Cargo.toml", "[features]\nx = []\n")).len(),
            1
        );
        assert!(attributes(&one("crates/a/src/x.rs", "#[expect(a, reason = \"b\")]\n")).is_empty());
    }

    #[test]
    fn code_for_some_builds_only_is_told_but_not_tests() {
        let complaints = |condition: &str| {
            let text = format!("    {}({condition})]\n    fn f() {{}}\n", "#[cfg");
            attributes(&one("crates/a/src/x.rs", &text)).len()
        };
        for condition in ["unix", "feature = \"x\"", "not(test)", "all(test, unix)"] {
            assert_eq!(complaints(condition), 1, "{condition}");
        }
        assert_eq!(complaints("test"), 0);
    }

    #[test]
    fn copies_of_the_thresholds_must_agree() {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let mut files = vec![file("clippy.toml", "a = 1\n")];
        for pure in super::super::arrows::PURE {
            files.push(file(
                &format!("crates/{pure}/clippy.toml"),
                "a = 1\nb = 2\n",
            ));
        }
        assert!(clippy(&files).is_empty());
        files[0].text.push_str("c = 3\n");
        assert_eq!(clippy(&files).len(), super::super::arrows::PURE.len());
        assert_eq!(clippy(&files[..1]).len(), super::super::arrows::PURE.len());
    }
}
