//! The FNV-1a hash with 32 bits, which Go calls `fnv.New32a`.

const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The hash of some bytes.
pub fn hash(bytes: &[u8]) -> u32 {
    extend(OFFSET, bytes)
}

/// The hash of bytes that follow those which gave `sum`.
pub fn extend(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_fnv_1a() {
        assert_eq!(hash(b""), 0x811c_9dc5);
        assert_eq!(hash(b"a"), 0xe40c_292c);
        assert_eq!(hash(b"foobar"), 0xbf9c_f968);
        assert_eq!(extend(hash(b"foo"), b"bar"), hash(b"foobar"));
    }
}
