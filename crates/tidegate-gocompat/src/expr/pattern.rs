//! Regular expressions as Go's `regexp` reads them, run by a library of the same linear-time family.
//!
//! The two differ in little: Go's `\d`, `\w`, `\s` and `\b` are ASCII; `\Q…\E` quotes; `&&`, `--`, `~~` and `[` mean themselves in
//! classes; counts end at 1000.

use regex::bytes::{Regex, RegexBuilder};

/// How large a compiled expression may become, in bytes: enough for anything sensible, little enough to be built in milliseconds.
const SIZE_LIMIT: usize = 1 << 17;

/// How deep groups may nest, in Go as well as here.
const NEST_LIMIT: u32 = 250;

/// The largest count in `{n,m}`.
const MAX_REPEAT: u32 = 1_000;

/// A regular expression that compiled.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles Go's syntax.
    ///
    /// # Errors
    /// With Go's text where the mistake is a common one.
    pub fn compile(pattern: &[u8]) -> Result<Self, String> {
        let Ok(pattern) = std::str::from_utf8(pattern) else {
            let shown = String::from_utf8_lossy(pattern);
            return Err(error("invalid UTF-8", &shown));
        };
        let mut translation = Translation {
            pattern,
            position: 0,
            out: String::with_capacity(pattern.len()),
            groups: 0,
            atom: Atom::None,
        };
        translation.run()?;
        RegexBuilder::new(&translation.out)
            .size_limit(SIZE_LIMIT)
            .nest_limit(NEST_LIMIT)
            .build()
            .map(Self)
            .map_err(|_| error("invalid or unsupported syntax", pattern))
    }

    /// Whether the expression matches somewhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

fn error(what: &str, part: &str) -> String {
    format!("error parsing regexp: {what}: `{part}`")
}

/// What stands before the place at hand, for a repetition to repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    /// Nothing.
    None,
    /// Something that can be repeated.
    Single,
    /// A repetition, which begins there.
    Repeated(usize),
}

struct Translation<'p> {
    pattern: &'p str,
    position: usize,
    out: String,
    groups: usize,
    atom: Atom,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(character) = self.peek() {
            let start = self.position;
            match character {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open_group()?,
                ')' => {
                    if self.groups == 0 {
                        return Err(error("unexpected )", self.pattern));
                    }
                    self.groups -= 1;
                    self.copy(character, Atom::Single);
                }
                '|' => self.copy(character, Atom::None),
                '*' | '+' | '?' => {
                    self.copy(character, self.atom);
                    self.repeated(start)?;
                }
                '{' => self.count(start)?,
                // The library knows a verbose mode in which blanks and # mean something; Go does not.
                _ => {
                    self.next();
                    self.literal(character);
                    self.atom = Atom::Single;
                }
            }
        }
        if self.groups > 0 {
            return Err(error("missing closing )", self.pattern));
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.pattern[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn copy(&mut self, character: char, atom: Atom) {
        self.next();
        self.out.push(character);
        self.atom = atom;
    }

    /// Writes a character of the pattern as it is; those that mean something were seen to before.
    fn literal(&mut self, character: char) {
        match character {
            '.' | '^' | '$' => self.out.push(character),
            _ => self.quoted(character),
        }
    }

    fn quoted(&mut self, character: char) {
        self.out
            .push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    /// A repetition was read from `start` on: may it stand here?
    fn repeated(&mut self, start: usize) -> Result<(), String> {
        let before = self.atom;
        if before == Atom::None {
            let part = self.pattern[start..self.position].to_owned();
            return Err(error("missing argument to repetition operator", &part));
        }
        if self.peek() == Some('?') {
            self.next();
            self.out.push('?');
        }
        if let Atom::Repeated(first) = before {
            let part = &self.pattern[first..self.position];
            return Err(error("invalid nested repetition operator", part));
        }
        self.atom = Atom::Repeated(start);
        Ok(())
    }

    /// Reads `{n}`, `{n,}`, `{n,m}`; any other brace means itself.
    fn count(&mut self, start: usize) -> Result<(), String> {
        let Some((least, most, length)) = read_count(self.rest()) else {
            self.next();
            self.quoted('{');
            self.atom = Atom::Single;
            return Ok(());
        };
        let part = &self.rest()[..length];
        let is_wrong = most.is_some_and(|most| most < least || most > MAX_REPEAT);
        if least > MAX_REPEAT || is_wrong {
            return Err(error("invalid repeat count", part));
        }
        let part = part.to_owned();
        self.out.push_str(&part);
        self.position += length;
        self.repeated(start)
    }

    fn open_group(&mut self) -> Result<(), String> {
        let rest = self.rest();
        let mut length = 1;
        if let Some(inner) = rest.strip_prefix("(?") {
            let end = inner.find([':', ')', '<', '=', '!']).unwrap_or(inner.len());
            let flags = &inner[..end];
            let after = inner[end..].chars().next();
            let is_flags = flags
                .chars()
                .all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-'));
            match after {
                Some(':') if is_flags => length = 2 + end + 1,
                Some(')') if is_flags && !flags.is_empty() => {
                    let part = rest[..=2 + end].to_owned();
                    self.out.push_str(&part);
                    self.position += part.len();
                    return Ok(());
                }
                Some('<') if matches!(flags, "" | "P") => {
                    let name_end = inner.find('>').unwrap_or(inner.len());
                    let name = inner.get(end + 1..name_end).unwrap_or("");
                    let is_name = !name.is_empty()
                        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
                    if !is_name {
                        let shown = &rest[..(2 + name_end + 1).min(rest.len())];
                        let is_look_behind = name.is_empty() || name.starts_with(['=', '!']);
                        return Err(if is_look_behind && flags.is_empty() {
                            error("invalid or unsupported Perl syntax", "(?<")
                        } else {
                            error("invalid named capture", shown)
                        });
                    }
                    length = 2 + name_end + 1;
                }
                _ => {
                    let shown = &rest[..(2 + end + 1).min(rest.len())];
                    return Err(error("invalid or unsupported Perl syntax", shown));
                }
            }
        }
        let part = rest[..length].to_owned();
        self.out.push_str(&part);
        self.position += length;
        self.groups += 1;
        self.atom = Atom::None;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let start = self.position;
        self.next();
        let Some(kind) = self.next() else {
            return Err(
                "error parsing regexp: trailing backslash at end of expression: ``".to_owned(),
            );
        };
        self.atom = Atom::Single;
        match kind {
            'Q' => {
                let rest = self.rest().to_owned();
                let (quoted, after) = rest.split_once("\\E").unwrap_or((&rest, ""));
                self.out.push_str(&regex::escape(quoted));
                self.position = self.pattern.len() - after.len();
            }
            'E' => {}
            'A' | 'z' => self.out.extend(['\\', kind]),
            'b' | 'B' => {
                self.out.push_str("(?-u:\\");
                self.out.push(kind);
                self.out.push(')');
            }
            _ => {
                let translated = self.escaped_character(kind, start)?;
                match translated {
                    Escaped::Character(character) => self.quoted(character),
                    Escaped::Class(class) => self.out.push_str(&class),
                }
            }
        }
        Ok(())
    }

    /// What an escape means that may stand in and out of classes. The backslash at `start` and the letter were read.
    fn escaped_character(&mut self, kind: char, start: usize) -> Result<Escaped, String> {
        let class = match kind {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => "[\\t\\n\\x0C\\r ]",
            'S' => "[^\\t\\n\\x0C\\r ]",
            _ => "",
        };
        if !class.is_empty() {
            return Ok(Escaped::Class(class.to_owned()));
        }
        let simple = match kind {
            'a' => Some('\u{7}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            _ if kind.is_ascii_punctuation() => Some(kind),
            _ => None,
        };
        if let Some(character) = simple {
            return Ok(Escaped::Character(character));
        }
        match kind {
            'p' | 'P' => self.unicode_class(kind, start),
            'x' => self.hexadecimal(start),
            '0'..='7' => self.octal(kind, start),
            _ => Err(self.invalid_escape(start)),
        }
    }

    fn invalid_escape(&self, start: usize) -> String {
        error(
            "invalid escape sequence",
            &self.pattern[start..self.position],
        )
    }

    fn unicode_class(&mut self, kind: char, start: usize) -> Result<Escaped, String> {
        let rest = self.rest();
        let length = match rest.strip_prefix('{') {
            Some(inner) => inner.find('}').map(|end| end + 2),
            None => rest.chars().next().map(char::len_utf8),
        };
        let Some(length) = length else {
            return Err(error(
                "invalid character class range",
                &self.pattern[start..],
            ));
        };
        let class = format!("\\{kind}{}", &rest[..length]);
        self.position += length;
        Ok(Escaped::Class(class))
    }

    fn hexadecimal(&mut self, start: usize) -> Result<Escaped, String> {
        let rest = self.rest();
        let (digits, length) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').unwrap_or(inner.len());
                (&inner[..end], end + 2)
            }
            None => (rest.get(..2).unwrap_or(""), 2),
        };
        let code = u32::from_str_radix(digits, 16).ok();
        match code.and_then(char::from_u32) {
            Some(character) if length <= rest.len() => {
                self.position += length;
                Ok(Escaped::Character(character))
            }
            Some(_) | None => Err(self.invalid_escape(start)),
        }
    }

    fn octal(&mut self, kind: char, start: usize) -> Result<Escaped, String> {
        let digits: String = self.pattern[start + 1..]
            .chars()
            .take(3)
            .take_while(|digit| matches!(digit, '0'..='7'))
            .collect();
        // A single digit from 1 on would be a back-reference.
        if kind != '0' && digits.len() < 2 {
            return Err(self.invalid_escape(start));
        }
        self.position = start + 1 + digits.len();
        let code = u32::from_str_radix(&digits, 8).unwrap_or(0);
        Ok(Escaped::Character(char::from_u32(code).unwrap_or('\0')))
    }

    fn class(&mut self) -> Result<(), String> {
        let start = self.position;
        self.copy('[', Atom::Single);
        if self.peek() == Some('^') {
            self.copy('^', Atom::Single);
        }
        let mut is_first = true;
        loop {
            let Some(character) = self.next() else {
                return Err(error("missing closing ]", &self.pattern[start..]));
            };
            match character {
                ']' if !is_first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest().starts_with(':') && self.rest().contains(":]") => {
                    let end = self.rest().find(":]").unwrap_or(0) + 2;
                    let name = self.rest()[..end].to_owned();
                    self.out.push('[');
                    self.out.push_str(&name);
                    self.position += end;
                }
                '\\' => {
                    let at = self.position - 1;
                    let Some(kind) = self.next() else {
                        return Err(error("missing closing ]", &self.pattern[start..]));
                    };
                    match self.escaped_character(kind, at)? {
                        Escaped::Character(character) => self.quoted(character),
                        Escaped::Class(class) => self.out.push_str(&class),
                    }
                }
                '-' if is_first || self.peek() == Some(']') => self.out.push_str("\\-"),
                '-' => self.out.push('-'),
                _ => self.quoted_in_class(character),
            }
            is_first = false;
        }
    }

    fn quoted_in_class(&mut self, character: char) {
        if character.is_ascii_punctuation() {
            self.out.push('\\');
        }
        self.out.push(character);
    }
}

/// What an escape means.
enum Escaped {
    Character(char),
    Class(String),
}

/// Reads `{n}`, `{n,}` or `{n,m}`: the counts and the length.
fn read_count(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let inner = text.strip_prefix('{')?;
    let end = inner.find('}')?;
    let (least, most) = match inner[..end].split_once(',') {
        None => (&inner[..end], Some(&inner[..end])),
        Some((least, "")) => (least, None),
        Some((least, most)) => (least, Some(most)),
    };
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond 32 bits is a count, and too large.
        is_number.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let most = match most {
        None => None,
        Some(digits) => Some(number(digits)?),
    };
    Some((number(least)?, most, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, matches: &str) {
        let pattern = Pattern::compile(pattern.as_bytes()).unwrap();
        assert_eq!(
            pattern.is_match(text.as_bytes()),
            matches == "yes",
            "{pattern:?}"
        );
    }

    #[test]
    fn classes_are_ascii_as_in_go() {
        check(r"^\d+$", "42", "yes");
        check(r"^\d+$", "٤٢", "no");
        check(r"^\w$", "é", "no");
        check(r"^.$", "é", "yes");
        check(r"\bab\b", "x ab y", "yes");
        check(r"^[\w&&[]+$", "a&[", "yes");
        check(r"^[]a-c-]+$", "]b-", "yes");
        check(r"^\Qa.b\E$", "a.b", "yes");
        check(r"^a{,2}$", "a{,2}", "yes");
        check(r"(?i)^ABC$", "abc", "yes");
        check(r"^[[:alpha:]]\x41\x{42}\101$", "zABA", "yes");
        check("a b#c", "a b#c", "yes");
    }

    #[test]
    fn mistakes_are_told_as_in_go() {
        for (pattern, message) in [
            ("(", "error parsing regexp: missing closing ): `(`"),
            ("a)", "error parsing regexp: unexpected ): `a)`"),
            ("[a", "error parsing regexp: missing closing ]: `[a`"),
            (
                "*a",
                "error parsing regexp: missing argument to repetition operator: `*`",
            ),
            (
                "a**",
                "error parsing regexp: invalid nested repetition operator: `**`",
            ),
            (
                "a{1001}",
                "error parsing regexp: invalid repeat count: `{1001}`",
            ),
            (
                r"(a)\1",
                r"error parsing regexp: invalid escape sequence: `\1`",
            ),
            (
                "a(?=b)",
                "error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
            ),
        ] {
            assert_eq!(Pattern::compile(pattern.as_bytes()).unwrap_err(), message);
        }
    }
}
