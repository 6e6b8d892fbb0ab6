//! What is asked, already checked: a query that exists can be answered.

use arrayvec::ArrayVec;

use crate::model::{
    limits::{RELATION_TYPES_PER_REQUEST_MAX, RESULTS_MAX, SEEDS_MAX},
    relation::RelationType,
};

/// A lookup by relation types. It borrows ids from the request.
#[derive(Clone, Debug)]
pub struct Query<'q> {
    /// Distinct, in the order asked: it breaks ties of score.
    pub types: ArrayVec<RelationType, RELATION_TYPES_PER_REQUEST_MAX>,
    /// The first [`SEEDS_MAX`].
    pub seeds: ArrayVec<QuerySeed<'q>, SEEDS_MAX>,
    /// Seeds beyond them.
    pub ignored_seeds: u32,
    /// The first [`crate::model::limits::EXCLUSIONS_MAX`].
    pub exclude: &'q [String],
    /// Exclusions beyond them.
    pub ignored_exclusions: u32,
    /// 1 to [`RESULTS_MAX`].
    pub max_results: usize,
    /// Drop candidates below it.
    pub min_score: Option<ScoreThreshold>,
}

/// A product asked about.
#[derive(Clone, Copy, Debug)]
pub struct QuerySeed<'q> {
    /// Its id or alias.
    pub id: &'q str,
    /// Units of it; > 0 and finite.
    pub quantity: f64,
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
    /// A query for types and seeds, with everything else at its default.
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
        Self {
            types: distinct,
            seeds: seeds.into_iter().take(SEEDS_MAX).collect(),
            ignored_seeds: 0,
            exclude: &[],
            ignored_exclusions: 0,
            max_results: crate::model::limits::RESULTS_DEFAULT,
            min_score: None,
        }
    }

    /// The same query with at most this many results, cut to [`RESULTS_MAX`]; zero means the
    /// default.
    #[must_use]
    pub fn with_max_results(mut self, max_results: usize) -> Self {
        if max_results > 0 {
            self.max_results = max_results.min(RESULTS_MAX);
        }
        self
    }
}
