//! Compares what a page shows with what a command said: names that are made up, ages and instants differ
//! from run to run, everything else is the same.

use std::sync::LazyLock;

use regex::Regex;

/// What a page writes for what it leaves out: within a line some text, alone any number of lines.
const LEFT_OUT: &str = "…";

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("patterns here are literal")
}

/// Colours and the movements of a cursor.
static ESCAPES: LazyLock<Regex> = LazyLock::new(|| regex("\u{1b}\\[[0-9;]*[A-Za-z]"));
/// What varies, and what stands for it.
static VARYING: LazyLock<[(Regex, &str); 5]> = LazyLock::new(|| {
    [
        (regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
        (regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"), "INSTANT"),
        (regex(r"\b10\.[0-9]+\.[0-9]+\.[0-9]+\b"), "ADDRESS"),
        // A pod is its ReplicaSet and five letters that Kubernetes chooses, none of which is a vowel.
        (
            regex("(-[bcdf-hj-np-tv-z0-9]{6,10})-[bcdf-hj-np-tv-xz2-9]{5}\\b"),
            "$1-POD",
        ),
        (
            regex(r"(^|[ :(])([0-9]+d)?([0-9]+h)?([0-9]+m)?[0-9]+[smhd]\b"),
            "${1}AGE",
        ),
    ]
});

/// A line without what varies, and with one space between its words.
fn plain(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut line = words.join(" ");
    for (varying, name) in VARYING.iter() {
        line = varying.replace_all(&line, *name).into_owned();
    }
    line
}

/// Whether a command said what the page shows.
pub(crate) fn is_shown(shown: &[String], said: &str) -> bool {
    let said: String = readable(said)
        .trim_end()
        .lines()
        .map(|line| plain(line) + "\n")
        .collect();
    let mut pattern = String::from("^");
    for line in shown {
        if line.trim() == LEFT_OUT {
            pattern.push_str("([^\n]*\n)*");
        } else {
            let parts: Vec<String> = plain(line).split(LEFT_OUT).map(regex::escape).collect();
            pattern.push_str(&parts.join("[^\n]+"));
            pattern.push('\n');
        }
    }
    pattern.push('$');
    regex(&pattern).is_match(&said)
}

/// Every whole picture of a command that draws again and again; the end of one wipes what is below it.
pub(crate) fn frames(said: &str) -> impl Iterator<Item = &str> {
    said.split_inclusive("\u{1b}[J")
        .filter(|frame| frame.ends_with("\u{1b}[J"))
}

/// What was said, for people.
pub(crate) fn readable(said: &str) -> String {
    ESCAPES.replace_all(said, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn same(shown: &str, said: &str) {
        assert!(is_shown(&lines(shown), said), "{said}");
    }

    #[track_caller]
    fn other(shown: &str, said: &str) {
        assert!(!is_shown(&lines(shown), said), "{said}");
    }

    #[test]
    fn ages_and_names_that_are_made_up_make_no_difference() {
        same(
            "web-6fc6cdff94-5wnf7  Running  86s",
            "web-6fc6cdff94-zzzzz   Running   2m3s\n",
        );
        same(
            "web-6fc6cdff94  stable,delay:9m59s",
            "web-6fc6cdff94 stable,delay:31s",
        );
        other("web-6fc6cdff94-5wnf7", "web-6fc6cdff95-5wnf7");
        other("weight 20", "weight 50");
        other("web-6fc6cdff94-2-2", "web-6fc6cdff94-2-3");
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        same("a\n…\nd", "a\nb\nc\nd\n");
        same("a\n…", "a\n");
        other("a\n…\nd", "a\nb\n");
        same("✖ 3,✔ …", "✖ 3,✔ 17");
        other("a", "a\nb");
    }

    #[test]
    fn colours_are_not_compared() {
        same(
            "✔ Healthy",
            "\u{1b}[32m✔\u{1b}[0m Healthy\u{1b}[K\n\u{1b}[J",
        );
    }
}
