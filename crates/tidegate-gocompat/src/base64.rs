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
    let digits = text
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let (mut bits, mut count, mut padding) = (0_u32, 0_usize, 0_usize);
    for (position, byte) in digits {
        if byte == b'=' && (count % 4 >= 2 || padding > 0) && padding < 2 {
            padding += 1;
            count += 1;
            continue;
        }
        let digit = ALPHABET.iter().position(|letter| *letter == byte);
        let digit = digit.filter(|_| padding == 0).ok_or(position)?;
        bits = bits << 6 | u32::try_from(digit).expect("below 64");
        count += 1;
        if count % 4 == 0 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (0, 1) => out.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
        (0, 2) => out.extend_from_slice(&(bits << 12).to_be_bytes()[1..2]),
        _ => return Err(text.len()),
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
        assert_eq!(decode(b"YQ"), Err(2));
        assert_eq!(decode(b"YQ==YQ=="), Err(4));
    }
}
