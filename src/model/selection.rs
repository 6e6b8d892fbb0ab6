//! What a list accepts and how it is filled: words that policies and requests share.

use super::relation::{Availability, RelationType};

/// Conditions on the products of a list; all that are set must hold. The default sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Accepted states of stock.
    pub availabilities: AvailabilitySet,
    /// Price window.
    pub price: PriceCondition,
    /// The brand, compared with the seed's.
    pub brand: SeedMatch,
    /// The primary category, compared with the seed's.
    pub category: SeedMatch,
    /// Accepted brands; none for every one.
    pub brand_ids: Vec<String>,
    /// Accepted categories, each with all below it; none for every one.
    pub category_ids: Vec<String>,
    /// A product needs one of these tags; none for no condition.
    pub any_tags: Vec<String>,
    /// A product may carry none of these tags.
    pub none_tags: Vec<String>,
    /// 1 (worst) to 5 (best); 0 for no condition.
    pub min_eco_grade: u8,
    /// Depth from the root at which categories are compared; 0 for the category itself.
    pub category_level: u8,
}

/// States of stock that a filter accepts. Empty stands for `IN_STOCK` and `LOW_STOCK`; withdrawn
/// products are never accepted, so that `DISCONTINUED` cannot be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AvailabilitySet(u8);

impl AvailabilitySet {
    /// The set with this state, too.
    #[must_use]
    pub const fn with(self, state: Availability) -> Self {
        match state {
            Availability::Discontinued => self,
            Availability::InStock
            | Availability::LowStock
            | Availability::Backorder
            | Availability::Preorder
            | Availability::OutOfStock => Self(self.0 | bit(state)),
        }
    }

    /// Does the set accept this state?
    #[must_use]
    pub const fn accepts(self, state: Availability) -> bool {
        const UNLESS_SET: u8 = bit(Availability::InStock) | bit(Availability::LowStock);
        let accepted = if self.0 == 0 { UNLESS_SET } else { self.0 };
        accepted & bit(state) != 0
    }

    /// Nothing was set, so that the default holds.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The states that were set, in the order of their numbers.
    pub fn states(self) -> impl Iterator<Item = Availability> {
        Availability::ALL.into_iter().filter(move |state| self.0 & bit(*state) != 0)
    }
}

impl FromIterator<Availability> for AvailabilitySet {
    fn from_iter<I: IntoIterator<Item = Availability>>(states: I) -> Self {
        states.into_iter().fold(Self::default(), Self::with)
    }
}

const fn bit(state: Availability) -> u8 {
    1 << (state as u8 - 1)
}

/// A price window, absolute and relative to the seed's price. Every end is part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceCondition {
    /// Smallest price in minor units of the market's currency.
    pub min_minor: Option<i64>,
    /// Largest price.
    pub max_minor: Option<i64>,
    /// Smallest share of the seed's price in millionths.
    pub min_seed_ppm: Option<u64>,
    /// Largest share.
    pub max_seed_ppm: Option<u64>,
}

impl PriceCondition {
    /// Is no end set?
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A ratio in millionths, rounded half up; `None` unless it is from 0 to [`RATIO_MAX`].
#[must_use]
pub fn ratio_ppm(ratio: f64) -> Option<u64> {
    if !(0.0..=RATIO_MAX).contains(&ratio) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to a thousand million"
    )]
    Some((ratio * 1e6 + 0.5).floor() as u64)
}

/// Largest ratio of two prices that a filter can name.
pub const RATIO_MAX: f64 = 1_000.0;

/// Comparison of an attribute of a product with that of the seed it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedMatch {
    /// No condition.
    #[default]
    Any,
    /// Both are known and equal.
    Same,
    /// Not so.
    Different,
}

/// Upper bounds that keep one list varied; 0 for no bound, except as said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diversity {
    /// Products of one brand.
    pub max_per_brand: u32,
    /// Products of one primary category.
    pub max_per_category: u32,
    /// Variants of one parent; 0 means 1.
    pub max_per_variant_group: u32,
}

/// Which product of a variant group is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VariantResolution {
    /// As the relation names it.
    #[default]
    AsLinked,
    /// The product at the top of its group.
    Parent,
    /// The first variant that can be bought.
    SellableVariant,
}

impl VariantResolution {
    /// Every way, the default first.
    pub const ALL: [Self; 3] = [Self::AsLinked, Self::Parent, Self::SellableVariant];

    /// The word in files: `sellable_variant`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AsLinked => "as_linked",
            Self::Parent => "parent",
            Self::SellableVariant => "sellable_variant",
        }
    }

    /// The way of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.code() == code)
    }
}

/// What is tried while a list is short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FallbackStep {
    /// Relations of another type.
    RelationType(RelationType),
    /// Best sellers of the seed's category.
    CategoryPopular,
    /// Relations of the seed's own alternatives.
    ViaAlternatives,
    /// Relations of the other variants of the seed's group.
    VariantGroup,
    /// Best sellers of this category, of the whole catalog without one.
    PopularIn(Option<String>),
}

#[cfg(test)]
mod tests {
    use super::{Availability, AvailabilitySet, ratio_ppm};

    #[test]
    fn an_empty_set_accepts_what_can_be_bought_now() {
        let empty = AvailabilitySet::default();
        let accepted = Availability::ALL.map(|state| empty.accepts(state));
        assert_eq!(accepted, [true, true, false, false, false, false]);
        assert!(empty.is_empty());
    }

    #[test]
    fn a_set_accepts_what_was_set_but_never_withdrawn_products() {
        let all: AvailabilitySet = Availability::ALL.into_iter().collect();
        assert!(!all.accepts(Availability::Discontinued));
        assert_eq!(all.states().count(), 5);
        let backorder = AvailabilitySet::default().with(Availability::Backorder);
        assert!(backorder.accepts(Availability::Backorder));
        assert!(!backorder.accepts(Availability::InStock));
    }

    #[test]
    fn ratios_are_whole_millionths() {
        let cases = [
            (0.0, Some(0)),
            (0.8, Some(800_000)),
            (0.000_000_5, Some(1)),
            (1_000.0, Some(1_000_000_000)),
            (1_000.1, None),
            (-0.1, None),
            (f64::NAN, None),
        ];
        for (ratio, expected) in cases {
            assert_eq!(ratio_ppm(ratio), expected, "{ratio}");
        }
    }
}
