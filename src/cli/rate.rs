//! Rates on the command line: `200MiB/s`.

use std::num::NonZeroU64;

const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Bytes a second. A rate below one page a second would never end, and is taken for a slip.
const BYTES_PER_S_MIN: u64 = 4_096;

/// Reads a rate in bytes a second.
pub(super) fn bytes_per_s(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || format!("expected a rate such as 200MiB/s, found `{text}`");
    let amount = text.strip_suffix("/s").ok_or_else(wrong)?;
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((amount.strip_suffix(unit)?, *bytes)));
    let (number, bytes) = unit.ok_or_else(wrong)?;
    let number = number.trim_end().parse::<u64>().map_err(|_| wrong())?;
    let rate = number.checked_mul(bytes).and_then(NonZeroU64::new).ok_or_else(wrong)?;
    if rate.get() < BYTES_PER_S_MIN {
        return Err(format!("expected at least {BYTES_PER_S_MIN}B/s, found `{text}`"));
    }
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::bytes_per_s;

    #[test]
    fn a_rate_is_read_in_its_unit() {
        let rate = |text: &str| bytes_per_s(text).map(u64::from);
        assert_eq!(rate("200MiB/s"), Ok(200 << 20));
        assert_eq!(rate("1 GB/s"), Ok(1_000_000_000));
        assert_eq!(rate("64KiB/s"), Ok(65_536));
        assert_eq!(rate("4096B/s"), Ok(4_096));
        for wrong in ["", "200", "200MiB", "MiB/s", "-1MiB/s", "0MiB/s", "1.5GiB/s", "9x/s"] {
            let expected = format!("expected a rate such as 200MiB/s, found `{wrong}`");
            assert_eq!(rate(wrong), Err(expected));
        }
        assert!(rate("99999999999GiB/s").is_err());
        assert_eq!(rate("4095B/s"), Err("expected at least 4096B/s, found `4095B/s`".to_owned()));
    }
}
