//! `cargo xtask tidy`: the rules of the house that no lint knows. A new rule is a function in a file
//! under `tidy/`, a line in [`RULES`], and a test that shows that it can fail.

mod arrows;
mod documents;
mod doors;
mod proofs;
mod shape;
mod words;

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::crds;

/// One file of the tree.
#[derive(Debug)]
pub(crate) struct File {
    /// Its path from the root, with slashes.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl File {
    /// Its lines with their numbers, without the tests at the end and without comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// What is wrong, one sentence each, with the path first.
type Complaints = Vec<String>;

/// A rule over the files of the tree.
type Rule = fn(&[File]) -> Complaints;

/// Every rule that looks at files alone, by name.
const RULES: [(&str, Rule); 12] = [
    ("names of rooms", shape::names),
    ("sizes of files", shape::sizes),
    ("first sentences", shape::first_sentences),
    ("attributes and features", shape::attributes),
    ("copies of clippy.toml", shape::clippy),
    ("writes to the cluster", doors::writes),
    ("calls of the outside", doors::calls),
    ("wire objects in decisions", doors::wire),
    ("names of vendors", words::vendors),
    ("words", words::banned),
    ("documents", documents::all),
    ("proofs", proofs::all),
];

/// Applies every rule.
///
/// # Errors
/// When one is broken; the complaints are printed before.
pub(crate) fn run(root: &Path) -> Result<()> {
    let files = read(root)?;
    let mut broken = 0;
    for (name, rule) in RULES {
        broken += tell(name, &rule(&files))?;
    }
    broken += tell("arrows", &arrows::all(root)?)?;
    let fresh = crds::run(&root.join("deploy/crds"), crds::Mode::Check);
    let stale: Complaints = fresh
        .err()
        .iter()
        .map(|error| format!("{error:#}"))
        .collect();
    broken += tell("generated files", &stale)?;
    if broken > 0 {
        bail!("{broken} complaints");
    }
    writeln!(io::stdout(), "tidy: {} files, no complaints", files.len())?;
    Ok(())
}

fn tell(rule: &str, complaints: &[String]) -> Result<usize> {
    for complaint in complaints {
        writeln!(io::stdout(), "tidy: {rule}: {complaint}")?;
    }
    Ok(complaints.len())
}

/// Every text that is, or would be, committed.
fn read(root: &Path) -> Result<Vec<File>> {
    let listing = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    if !listing.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    }
    let paths = String::from_utf8(listing.stdout).context("a path is not UTF-8")?;
    let mut files = Vec::new();
    for path in paths.split('\0').filter(|path| !path.is_empty()) {
        // A file that was removed but not committed is listed, and bytes that are no text have no words.
        if let Ok(text) = fs::read_to_string(root.join(path)) {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

/// A tree of one file, for the rules' own tests.
#[cfg(test)]
fn one(path: &str, text: &str) -> Vec<File> {
    vec![File {
        path: path.to_owned(),
        text: text.to_owned(),
    }]
}
