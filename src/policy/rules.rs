//! Rules of merchandising: boost, bury, pin, hide.

use crate::model::relation::StageMask;

/// Changes the lists to which it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What it does.
    pub action: RuleAction,
    /// The products it does it to.
    pub matches: RuleMatch,
    /// The lists it applies to.
    pub when: RuleWhen,
    /// When it applies.
    pub window: Window,
}

/// What a rule does to the products it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// Multiplies their score; thousandths from 1001 to 10000.
    Boost(u16),
    /// Multiplies their score; thousandths from 0 to 999.
    Bury(u16),
    /// Puts them into the list.
    Pin {
        /// Where in the list, from 1.
        position: u32,
        /// The products as the file orders them, each once.
        products: Vec<u32>,
    },
    /// Takes them out of the list.
    Hide,
}

/// The products of a rule: those for which every kind that is stated has one that fits. A kind that
/// is stated but whose names the catalog does not know is empty and matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleMatch {
    /// These, sorted.
    pub products: Option<Vec<u32>>,
    /// Of one of these brands, sorted.
    pub brands: Option<Vec<u32>>,
    /// In one of these categories or below, sorted.
    pub categories: Option<Vec<u32>>,
    /// With one of these tags, bit by bit.
    pub tags: Option<u64>,
}

/// The lists of a rule; what is empty sets no condition. Rules that can never apply, because the
/// catalog knows none of the names of a condition, are left out when a policy is bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleWhen {
    /// At one of these placements, sorted.
    pub placements: Vec<String>,
    /// At one of these stages.
    pub stages: StageMask,
    /// In one of these markets, bit by bit.
    pub markets: u64,
    /// With one of these seeds, sorted.
    pub seeds: Vec<u32>,
    /// With a seed whose primary category is one of these or below, sorted.
    pub seed_categories: Vec<u32>,
}

/// From an instant on, before another; in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// The first second; [`i64::MIN`] for always.
    pub from_s: i64,
    /// The first second after it; [`i64::MAX`] for never.
    pub to_s: i64,
}

impl Window {
    /// No beginning and no end.
    pub const ALWAYS: Self = Self { from_s: i64::MIN, to_s: i64::MAX };

    /// Is the instant in it?
    #[must_use]
    pub const fn contains(self, at_s: i64) -> bool {
        self.from_s <= at_s && at_s < self.to_s
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::ALWAYS
    }
}
