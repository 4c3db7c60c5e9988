//! JSON text as it is kept: packed, because a pod template says much and most of it several times.

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

/// A packed text.
#[derive(Clone, Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn new(text: &str) -> Self {
        Self(compress_prepend_size(text.as_bytes()).into())
    }

    /// The text that it was made from.
    pub(super) fn text(&self) -> String {
        let bytes = decompress_size_prepended(&self.0).expect("it was packed here");
        String::from_utf8(bytes).expect("it was a text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_out_as_it_went_in_and_takes_less_room_meanwhile() {
        let text = r#"{"name":"SETTING_1","value":"grün"},"#.repeat(40);
        let packed = Packed::new(&text);
        assert!(packed.0.len() < text.len() / 4, "{}", packed.0.len());
        assert_eq!(packed.text(), text);
        assert_eq!(Packed::new("").text(), "");
    }
}
