//! Base64 with padding, as Go's `base64.StdEncoding`.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
                continue;
            }
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).expect("six bits");
            out.push(char::from(ALPHABET[index]));
        }
    }
    out
}

/// Decodes a text; line breaks in it are ignored.
///
/// # Errors
/// With the position of the first byte that is wrong.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut digits = text
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let (mut bits, mut count) = (0_u32, 0_usize);
    while let Some((position, byte)) = digits.next() {
        if byte == b'=' {
            let missing = 4 - count;
            if missing > 2 {
                return Err(position);
            }
            if missing == 2 {
                match digits.next() {
                    Some((_, b'=')) => {}
                    Some((position, _)) => return Err(position),
                    None => return Err(text.len()),
                }
            }
            if let Some((position, _)) = digits.next() {
                return Err(position);
            }
            let whole = bits << (6 * missing);
            out.extend_from_slice(&whole.to_be_bytes()[1..4 - missing]);
            return Ok(out);
        }
        let digit = ALPHABET.iter().position(|letter| *letter == byte);
        let digit = digit.ok_or(position)?;
        bits = bits << 6 | u32::try_from(digit).expect("below 64");
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    if count > 0 {
        // Go names the beginning of the group that is cut.
        return Err(text.len() - count);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for (bytes, text) in [
            ("", ""),
            ("a", "YQ=="),
            ("ab", "YWI="),
            ("abc", "YWJj"),
            ("abcd", "YWJjZA=="),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        assert_eq!(decode(b"YW Jj"), Err(2));
        assert_eq!(decode(b"YQ"), Err(0));
        assert_eq!(decode(b"YQ="), Err(3));
        assert_eq!(decode(b"YQ==YQ=="), Err(4));
    }
}
