//! ISO 4217: which currency codes exist and how many digits their minor unit has.

use std::fmt;

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Currencies whose minor unit is a hundredth.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD \
     BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
     GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP \
     LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD \
     PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
     SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG";
/// Currencies without a minor unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Currencies whose minor unit is a thousandth.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// The euro, the currency of a catalog that names none.
    pub const EUR: Self = Self(*b"EUR");

    /// The currency of a three-letter code in capitals.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes = <[u8; 3]>::try_from(code.as_bytes()).ok()?;
        let known = [HUNDREDTHS, WHOLE, THOUSANDTHS];
        known
            .iter()
            .any(|list| list.split_ascii_whitespace().any(|known| known == code))
            .then_some(Self(bytes))
    }

    /// The code in capitals.
    #[must_use]
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).expect("codes come from the ASCII lists above")
    }

    /// Digits of the minor unit: 0, 2 or 3.
    #[must_use]
    pub fn exponent(&self) -> u8 {
        let is_in = |list: &str| list.split_ascii_whitespace().any(|known| known == self.code());
        if is_in(WHOLE) {
            0
        } else if is_in(THOUSANDTHS) {
            3
        } else {
            2
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
