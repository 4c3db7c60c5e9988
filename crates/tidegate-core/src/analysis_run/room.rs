//! How much of what providers say a status has room for: one object must hold all of it, or the API server
//! refuses the write, and the run never ends.

/// How much of one text is kept, in bytes as they are stored. Conditions see all of it.
const LONGEST: usize = 16 * 1024;
/// That much is kept however many measurements are.
const SHORTEST: usize = 256;
/// What the values of all measurements may take together: the API server keeps objects of 1.5 MiB, and there
/// are messages, metadata and the spec besides.
const ALL: usize = 512 * 1024;
/// Stands where a text was cut.
pub(super) const CUT: char = '…';

/// How long one text may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Room {
    /// Where so many measurements are kept.
    pub(super) fn among(measurements: usize) -> Self {
        Self((ALL / measurements.max(1)).clamp(SHORTEST, LONGEST))
    }

    /// Cuts a text that is longer.
    pub(super) fn fit(self, text: &mut String) {
        let mut left = self.0;
        for (at, byte) in text.bytes().enumerate() {
            let Some(rest) = left.checked_sub(stored(byte)) else {
                text.truncate(text.floor_char_boundary(at));
                text.push(CUT);
                return;
            };
            left = rest;
        }
    }
}

/// How many bytes the API server's JSON takes for one.
fn stored(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' => 2,
        ..b' ' | b'<' | b'>' | b'&' => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, measurements: usize, kept: usize) {
        let mut text = text.to_owned();
        Room::among(measurements).fit(&mut text);
        assert_eq!(text.trim_end_matches(CUT).len(), kept);
        assert!(text.ends_with(CUT));
    }

    #[test]
    fn a_text_is_cut_between_letters_once_its_room_is_taken() {
        check(&"é".repeat(20_000), 10, LONGEST);
        check(&"x".repeat(20_000), 10, LONGEST);
        check(&"\u{1}".repeat(20_000), 10, LONGEST / 6);
        let mut short = "x".repeat(LONGEST);
        Room::among(10).fit(&mut short);
        assert_eq!(short.len(), LONGEST);
    }

    #[test]
    fn the_more_measurements_are_kept_the_less_of_each() {
        check(&"x".repeat(20_000), 64, ALL / 64);
        check(&"x".repeat(20_000), 1_000_000, SHORTEST);
    }
}
