//! Hashes as text: two hexadecimal digits a byte, in lower case, as file names and manifests have
//! them.

use std::fmt;

/// Writes the bytes as digits.
pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// The bytes of exactly `2 * N` digits in lower case.
pub(crate) fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_the_right_number_of_digits_in_lower_case_is_read() {
        assert_eq!(parse("00ff1a"), Some([0, 255, 26]));
        for text in ["", "00ff1", "00ff1a0", "00FF1A", "00ff1g", "0 ff1a", "00ffé"] {
            assert_eq!(parse::<3>(text), None, "{text}");
        }
    }
}
