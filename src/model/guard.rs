//! Guards: how much of what shoppers see may change from one snapshot to the next without a
//! person's word. The one table of their defaults is [`GuardLimits::DEFAULT`].

use std::fmt;

/// Relations that end within so many seconds count as over: before the next night or the one after it
/// nobody would notice.
pub const GUARD_SOON_S: i64 = 48 * 3_600;

/// A share from 0 to 1 in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// The whole: a limit that nothing passes.
    pub const ONE: Self = Self(Self::WHOLE);
    const WHOLE: u16 = 10_000;

    /// So many of a hundred; more than a hundred are a hundred.
    #[must_use]
    pub const fn percent(percent: u8) -> Self {
        Self(if percent < 100 { percent as u16 * 100 } else { Self::WHOLE })
    }

    /// A number from 0 to 1, rounded to ten-thousandths.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share in range is at most 10,000"
        )]
        let parts = (share * f64::from(Self::WHOLE)).round() as u16;
        Some(Self(parts))
    }

    /// Is `part` a larger share of `whole` than this?
    #[must_use]
    pub fn is_passed_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(Self::WHOLE) > u128::from(whole) * u128::from(self.0)
    }

    /// In percent.
    #[must_use]
    pub fn as_percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.as_percent())
    }
}

/// What is watched between two snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Relations, bundles and aliases that are fewer.
    Shrink,
    /// Lists and bundles that begin with other products.
    Churn,
    /// Products that are fewer, or fewer of which shoppers see.
    Products,
    /// Products whose ids are gone, however many came in their place.
    Ids,
    /// Median prices that moved, and prices that are gone.
    Prices,
    /// Products that could be bought and are fewer.
    Stock,
    /// Overrides that are fewer.
    Overrides,
}

impl Guard {
    /// Every guard in the order of its reports.
    pub const ALL: [Self; 7] = [
        Self::Shrink,
        Self::Churn,
        Self::Products,
        Self::Ids,
        Self::Prices,
        Self::Stock,
        Self::Overrides,
    ];

    /// The word of reports, of `--allow` and of `[guards]`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Shrink => "shrink",
            Self::Churn => "churn",
            Self::Products => "products",
            Self::Ids => "ids",
            Self::Prices => "prices",
            Self::Stock => "stock",
            Self::Overrides => "overrides",
        }
    }

    /// The guard of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.code() == code)
    }

    /// Where a person looks first when it refuses.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Shrink => {
                "look whether the named source exported everything, and whether a column is empty"
            }
            Self::Churn => {
                "look whether positions, scores, quantities or the order of rows changed in the named \
                 source"
            }
            Self::Products => {
                "look whether the export of products is whole, of this shop, and hides what it should"
            }
            Self::Ids => {
                "look whether the export is of this shop and spells ids as before; \
                          aliases keep old ids known"
            }
            Self::Prices => "look whether prices are in another currency or in minor units",
            Self::Stock => "look whether the column of availability is there and filled",
            Self::Overrides => "look whether overrides.csv is the newest: `kindred override list`",
        }
    }
}

/// Limits of one guard, each a share that may be lost and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimit {
    /// Of the sums over the whole catalog.
    pub whole: Share,
    /// Of a source, market or category: smaller groups move more from night to night.
    pub group: Share,
}

/// Limits of every guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// By [`Guard`], in the order of [`Guard::ALL`].
    limits: [GuardLimit; 7],
    /// Groups with fewer than so many before are not judged by themselves: one product more or less
    /// is a large share of them. They count in the sums above them.
    pub group_min: u64,
    /// How many first targets of a list make its top: what a slot shows without scrolling.
    pub churn_top: usize,
}

const fn limit(whole: u8, group: u8) -> GuardLimit {
    GuardLimit { whole: Share::percent(whole), group: Share::percent(group) }
}

impl GuardLimits {
    /// What counts where `catalog.toml` says nothing.
    pub const DEFAULT: Self = Self {
        limits: [
            limit(20, 30), // shrink
            limit(50, 60), // churn
            limit(20, 30), // products
            limit(20, 30), // ids
            limit(25, 40), // prices
            limit(50, 60), // stock
            limit(20, 20), // overrides, which have no groups
        ],
        group_min: 20,
        churn_top: 5,
    };

    /// The limits of a guard.
    #[must_use]
    pub const fn of(&self, guard: Guard) -> GuardLimit {
        self.limits[guard as usize]
    }

    /// The same with another limit for a guard.
    #[must_use]
    pub const fn with(mut self, guard: Guard, limit: GuardLimit) -> Self {
        self.limits[guard as usize] = limit;
        self
    }
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::{Guard, GuardLimits, Share};

    #[test]
    fn a_share_is_passed_by_more_and_not_by_as_much() {
        let fifth = Share::percent(20);
        assert!(!fifth.is_passed_by(20, 100));
        assert!(fifth.is_passed_by(21, 100));
        assert!(!fifth.is_passed_by(0, 0));
        assert!(!Share::ONE.is_passed_by(u64::MAX, u64::MAX));
        assert!(Share::new(0.0).unwrap().is_passed_by(1, u64::MAX));
        assert_eq!(Share::new(0.125).unwrap().to_string(), "12.5 %");
        assert_eq!(Share::percent(255), Share::ONE);
        for bad in [-0.001, 1.001, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_guard_has_its_own_word_and_limits() {
        for (place, guard) in Guard::ALL.into_iter().enumerate() {
            assert_eq!(guard as usize, place);
            assert_eq!(Guard::from_code(guard.code()), Some(guard));
            let limit = GuardLimits::DEFAULT.of(guard);
            assert!(limit.whole <= limit.group && limit.group < Share::ONE, "{guard:?}");
        }
        assert_eq!(Guard::from_code("all"), None);
    }
}
