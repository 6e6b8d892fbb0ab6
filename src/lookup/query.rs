//! What is asked, already checked: a query that exists can be answered.

use arrayvec::ArrayVec;

use crate::model::{
    limits::{RELATION_TYPES_PER_REQUEST_MAX, SEEDS_MAX},
    relation::RelationType,
    selection::{Diversity, FallbackStep, Filter, VariantResolution},
};

/// What a request asks of one list, as it stands in the request: what is `None` or empty is not set
/// there. Ids are borrowed from the request.
#[derive(Clone, Debug, Default)]
pub struct Query<'q> {
    /// A placement of the policy.
    pub placement: Option<&'q str>,
    /// Distinct, in the order asked: it breaks ties of score.
    pub types: ArrayVec<RelationType, RELATION_TYPES_PER_REQUEST_MAX>,
    /// 1 to [`crate::model::limits::RESULTS_MAX`]; larger ones are cut to it.
    pub max_results: Option<usize>,
    /// Drop candidates below it.
    pub min_score: Option<ScoreThreshold>,
    /// Conditions on products.
    pub filter: Option<Filter>,
    /// What to try when too few candidates remain.
    pub fallback: FallbackAsk,
    /// Bounds that keep the list varied.
    pub diversity: Option<Diversity>,
    /// Which product of a variant group to show.
    pub variant_resolution: Option<VariantResolution>,
    /// The first [`SEEDS_MAX`].
    pub seeds: ArrayVec<QuerySeed<'q>, SEEDS_MAX>,
    /// Seeds beyond them.
    pub ignored_seeds: u32,
    /// The first [`crate::model::limits::EXCLUSIONS_MAX`] count.
    pub exclude: &'q [String],
    /// Exclusions beyond them.
    pub ignored_exclusions: u32,
}

/// Something asked about.
#[derive(Clone, Copy, Debug)]
pub struct QuerySeed<'q> {
    /// What.
    pub target: SeedTarget<'q>,
    /// Units of it, finite; anything but a number above 0 means one.
    pub quantity: f64,
}

/// What a seed names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedTarget<'q> {
    /// A product by its id or alias.
    Product(&'q str),
    /// A category by its path: its best sellers stand for it.
    Category(&'q str),
}

/// What a request says of fallbacks.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FallbackAsk {
    /// Nothing: the chain of the placement holds.
    #[default]
    Unset,
    /// There is to be none.
    Disabled,
    /// These steps.
    Steps(Vec<FallbackStep>),
}

/// A score in 1/65535 below which candidates drop out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreThreshold(pub(super) u16);

impl ScoreThreshold {
    /// The threshold of a share from 0 to 1, rounded as the compiler rounds given scores, so that a
    /// relation given exactly this score passes. `None` outside 0 to 1 and for NaN.
    #[must_use]
    pub fn new(share: f32) -> Option<Self> {
        (0.0..=1.0).contains(&share).then(|| Self(crate::model::score::quantize(share)))
    }
}

impl<'q> Query<'q> {
    /// A query for types and seeds that sets nothing else.
    ///
    /// Repeated types count once. Types beyond the limit of a request and seeds beyond theirs are
    /// ignored; the caller refuses or reports them.
    #[must_use]
    pub fn new(
        types: impl IntoIterator<Item = RelationType>,
        seeds: impl IntoIterator<Item = QuerySeed<'q>>,
    ) -> Self {
        let mut distinct = ArrayVec::new();
        for relation_type in types {
            if !distinct.contains(&relation_type) && !distinct.is_full() {
                distinct.push(relation_type);
            }
        }
        let seeds = seeds.into_iter().take(SEEDS_MAX).collect();
        Self { types: distinct, seeds, ..Self::default() }
    }

    /// The same query with at most this many results; zero leaves it to the placement.
    #[must_use]
    pub fn with_max_results(mut self, max_results: usize) -> Self {
        self.max_results = (max_results > 0).then_some(max_results);
        self
    }
}

impl<'q> QuerySeed<'q> {
    /// Some units of a product.
    #[must_use]
    pub fn product(id: &'q str, quantity: f64) -> Self {
        Self { target: SeedTarget::Product(id), quantity }
    }

    /// Some units of a category's best sellers.
    #[must_use]
    pub fn category(id: &'q str, quantity: f64) -> Self {
        Self { target: SeedTarget::Category(id), quantity }
    }

    /// What it names, as the request wrote it.
    #[must_use]
    pub fn id(&self) -> &'q str {
        match self.target {
            SeedTarget::Product(id) | SeedTarget::Category(id) => id,
        }
    }
}
