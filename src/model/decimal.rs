//! Decimal amounts as tables write them, before a currency says how many digits count.

use std::fmt;

/// `digits` times ten to the power of minus `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The amount without its point.
    pub digits: i64,
    /// Digits behind the point, at most 18.
    pub scale: u8,
}

impl Decimal {
    /// Reads `12`, `-3.50` or `0.999`: an optional sign, digits, optionally a point and digits.
    ///
    /// No group separators, no exponent, no other sign. `None` for anything else and for an amount
    /// that does not fit 18 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 18 {
            return None;
        }
        let mut value = 0_i64;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
        }
        let scale = u8::try_from(fraction.len()).ok()?;
        Some(Self { digits: if negative { -value } else { value }, scale })
    }

    /// The amount in units of ten to the power of minus `exponent`, half away from zero; `None` if
    /// it does not fit.
    #[must_use]
    pub fn minor_units(self, exponent: u8) -> Option<i64> {
        if exponent >= self.scale {
            let factor = 10_i64.checked_pow(u32::from(exponent - self.scale))?;
            return self.digits.checked_mul(factor);
        }
        let divisor = 10_i64.checked_pow(u32::from(self.scale - exponent))?;
        let half = divisor / 2;
        let rounded = if self.digits < 0 { self.digits - half } else { self.digits + half };
        Some(rounded / divisor)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs();
        let divisor = 10_u64.pow(u32::from(self.scale));
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let width = usize::from(self.scale);
        write!(f, "{sign}{}.{:0width$}", digits / divisor, digits % divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[track_caller]
    fn check(text: &str, exponent: u8, expected: Option<i64>) {
        assert_eq!(Decimal::parse(text).and_then(|d| d.minor_units(exponent)), expected, "{text}");
    }

    #[test]
    fn amounts_become_minor_units_of_their_currency() {
        check("12", 2, Some(1200));
        check("12.5", 2, Some(1250));
        check("12.345", 2, Some(1235));
        check("-12.345", 2, Some(-1235));
        check("1200", 0, Some(1200));
        check("1.2345", 3, Some(1235));
        check(".5", 2, Some(50));
        check("5.", 2, Some(500));
        check("0.0000", 2, Some(0));
    }

    #[test]
    fn anything_else_is_no_amount() {
        for text in ["", "-", ".", "1,5", "1e3", "+1", "NaN", "1.2.3", "1234567890123456789"] {
            check(text, 2, None);
        }
        check("999999999999999999", 2, None);
    }
}
