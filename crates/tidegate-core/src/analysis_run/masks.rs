//! What nobody may see: stars take its place (ANA-26, MP-004).

use tidegate_api::analysis::Argument;

use super::{Secret, Secrets, args, room::CUT};

/// What users see of a secret.
const MASK: &str = "*****";
/// From how many letters on the beginning of a secret tells something about it.
const TELLING: usize = 4;

/// Secrets, to be masked wherever users could see them.
#[derive(Clone, Default)]
pub struct Masks(Vec<String>);

impl Masks {
    /// The masks of the secrets that a run's arguments name.
    pub fn new(args: &[Argument], secrets: &Secrets) -> Self {
        Self::of(args::secret_references(args).filter_map(|reference| {
            match secrets.get(&reference.name)? {
                Secret::Values(data) => data.get(&reference.key).cloned(),
                Secret::Absent | Secret::Refused(_) => None,
            }
        }))
    }

    /// The masks of these secrets. A server may show one as it stands in a text between quotes: that is
    /// masked, too.
    pub fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut masks: Vec<String> = secrets
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .flat_map(|secret| [args::escaped(&secret), secret])
            .collect();
        // The longest first, since one may be a part of another, whose rest would show.
        masks.sort_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
        masks.dedup();
        Self(masks)
    }

    /// The text with stars in place of the secrets.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret, MASK);
            hide_beginning(&mut text, secret);
        }
        text
    }
}

/// A long answer is quoted by its beginning, which may end in the middle of a secret.
fn hide_beginning(text: &mut String, secret: &str) {
    let Some((quoted, _)) = text.rsplit_once(CUT) else {
        return;
    };
    let beginnings = (TELLING..secret.len()).rev();
    let shown = beginnings
        .filter_map(|length| secret.get(..length))
        .find(|beginning| quoted.ends_with(beginning));
    if let Some(shown) = shown {
        let end = quoted.len();
        text.replace_range(end - shown.len()..end, MASK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let masks = Masks::of(["hunter2".to_owned(), "a\"b".to_owned(), String::new()]);
        assert_eq!(masks.hide(text), expected);
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        check("hunter2 is hunter2", "***** is *****");
        check(r#"{"a": "a\"b"}"#, r#"{"a": "*****"}"#);
        check("hunter", "hunter");
    }

    #[test]
    fn the_beginning_of_a_secret_is_masked_where_a_text_was_cut() {
        check("got hunt…; try again", "got *****…; try again");
        check("got hunter…", "got *****…");
        check("got hun…", "got hun…");
        check("hunter and more…", "hunter and more…");
    }
}
