//! Why candidates were removed, and the count of it that every answer carries.

/// Counts of candidates by the first reason that removed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FillReport {
    /// Removed and kept; those that nobody looked at once the list was full are none.
    pub candidates: u32,
    /// Recalled.
    pub removed_blocked: u32,
    /// Hidden or withdrawn.
    pub removed_hidden: u32,
    /// By an override: the relation or the product.
    pub removed_by_override: u32,
    /// A seed, or in the variant group of one.
    pub removed_same_variant_group: u32,
    /// Excluded by the request.
    pub removed_excluded: u32,
    /// Not in the market's assortment, or linked for other markets only.
    pub removed_outside_market: u32,
    /// Linked for another time.
    pub removed_outside_validity: u32,
    /// Linked for other stages.
    pub removed_by_stage: u32,
    /// Against a condition of the filter.
    pub removed_by_filter: u32,
    /// Cannot be bought.
    pub removed_unavailable: u32,
    /// Below the minimum score.
    pub removed_below_score: u32,
    /// Hidden by a rule.
    pub removed_by_rule: u32,
    /// Shown by an earlier slot of the page.
    pub removed_on_page: u32,
    /// One too many of its brand, category, variant group or relation type.
    pub removed_by_diversity: u32,
    /// Results that came by a fallback step.
    pub added_by_fallback: u32,
    /// Results missing to `max_results`.
    pub shortfall: u32,
    /// Seeds beyond the limit.
    pub ignored_seeds: u32,
    /// Exclusions beyond the limit.
    pub ignored_exclusions: u32,
}

/// Why a candidate was removed: the first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The product is blocked.
    Blocked,
    /// It is hidden or withdrawn.
    Hidden,
    /// By the override of this line.
    Overridden(u32),
    /// It is a seed or of the variant group of one.
    SameGroup,
    /// The request excludes it.
    Excluded,
    /// It, or its relation, is not for this market.
    Market,
    /// The relation is not for this time.
    Validity,
    /// The relation is not for this stage.
    Stage,
    /// This condition does not hold.
    Filter(FilterPart),
    /// It cannot be bought.
    Unavailable,
    /// Its score is below the minimum.
    Score,
    /// The rule of this index in the policy hides it.
    Rule(u32),
    /// An earlier slot shows it.
    OnPage,
    /// The list has enough of its kind.
    Diversity(Bound),
}

/// A condition of a filter, by its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterPart {
    /// `price`.
    Price,
    /// `brand`.
    Brand,
    /// `category`.
    Category,
    /// `brand_ids`.
    BrandIds,
    /// `category_ids`.
    CategoryIds,
    /// `any_tags`.
    AnyTags,
    /// `none_tags`.
    NoneTags,
    /// `min_eco_grade`.
    MinEcoGrade,
}

impl FilterPart {
    /// The name of its field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Brand => "brand",
            Self::Category => "category",
            Self::BrandIds => "brand_ids",
            Self::CategoryIds => "category_ids",
            Self::AnyTags => "any_tags",
            Self::NoneTags => "none_tags",
            Self::MinEcoGrade => "min_eco_grade",
        }
    }
}

/// What a list has enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `max_per_brand`.
    Brand,
    /// `max_per_category`.
    Category,
    /// `max_per_variant_group`.
    VariantGroup,
    /// `max_results` of the entry of the mix.
    MixEntry,
}

impl Bound {
    /// The name of its field.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Brand => "max_per_brand",
            Self::Category => "max_per_category",
            Self::VariantGroup => "max_per_variant_group",
            Self::MixEntry => "mix.max_results",
        }
    }
}

impl FillReport {
    /// Counts a candidate that was removed.
    #[inline]
    pub(super) fn remove(&mut self, reason: Reason) {
        self.candidates = self.candidates.saturating_add(1);
        let count = match reason {
            Reason::Blocked => &mut self.removed_blocked,
            Reason::Hidden => &mut self.removed_hidden,
            Reason::Overridden(_) => &mut self.removed_by_override,
            Reason::SameGroup => &mut self.removed_same_variant_group,
            Reason::Excluded => &mut self.removed_excluded,
            Reason::Market => &mut self.removed_outside_market,
            Reason::Validity => &mut self.removed_outside_validity,
            Reason::Stage => &mut self.removed_by_stage,
            Reason::Filter(_) => &mut self.removed_by_filter,
            Reason::Unavailable => &mut self.removed_unavailable,
            Reason::Score => &mut self.removed_below_score,
            Reason::Rule(_) => &mut self.removed_by_rule,
            Reason::OnPage => &mut self.removed_on_page,
            Reason::Diversity(_) => &mut self.removed_by_diversity,
        };
        *count = count.saturating_add(1);
    }

    /// Counts a candidate that was kept, by this step (0: not by a fallback).
    #[inline]
    pub(super) fn keep(&mut self, step: u8) {
        self.candidates = self.candidates.saturating_add(1);
        if step > 0 {
            self.added_by_fallback = self.added_by_fallback.saturating_add(1);
        }
    }
}
