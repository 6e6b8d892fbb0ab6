//! Byte limits of messages, computed from the limits on counts: the largest legal request and answer
//! of every method of `RecommendationService`.

use super::{
    BUNDLE_OPTIONS_MAX, BUNDLE_SELECTIONS_MAX, BUNDLES_MAX, CATEGORY_PATH_BYTES_MAX,
    CHANNEL_BYTES_MAX, EXCLUSIONS_MAX, FALLBACK_STEPS_MAX, FEEDS_MAX, FILTER_VALUES_MAX,
    ID_BYTES_MAX, INVENTORIES_MAX, MARKETS_MAX, PAGE_SIZE_MAX, PLACEMENTS_MAX,
    PROVENANCE_BYTES_MAX, RELATION_TYPES_PER_REQUEST_MAX, RESULTS_MAX, SEEDS_MAX,
    SLOT_ID_BYTES_MAX, SLOTS_MAX, TITLE_BYTES_MAX, TRACED_MAX, VISITOR_BYTES_MAX,
};

/// Tag of a field up to number 15, or up to 2047.
const TAG: usize = 1;
const LONG_TAG: usize = 2;
/// Longest integers: 32 bits that are not negative, and 64 bits.
const INT_32: usize = TAG + 5;
const INT_64: usize = TAG + 10;
const DOUBLE: usize = TAG + 8;
const FLOAT: usize = TAG + 4;
/// A bool, an enum value below 128, a small number.
const SMALL: usize = TAG + 1;
/// A relation type: up to 199.
const TYPE: usize = TAG + 2;
const TIMESTAMP: usize = nested(INT_64 + INT_32);

/// Bytes of a field of so many bytes: tag, length, content.
const fn nested(bytes: usize) -> usize {
    let mut length_bytes = 1;
    let mut rest = bytes >> 7;
    while rest > 0 {
        length_bytes += 1;
        rest >>= 7;
    }
    TAG + length_bytes + bytes
}

const ID: usize = nested(ID_BYTES_MAX);
const CATEGORY: usize = nested(CATEGORY_PATH_BYTES_MAX);
const TITLE: usize = nested(TITLE_BYTES_MAX);

// Requests.

const SEEDS: usize = SEEDS_MAX * nested(CATEGORY + DOUBLE);
const EXCLUSIONS: usize = EXCLUSIONS_MAX * ID;
const PRICE_CONDITION: usize = nested(2 * INT_64 + 2 * FLOAT);
const FILTER: usize = nested(
    FILTER_VALUES_MAX * SMALL
        + PRICE_CONDITION
        + 2 * SMALL
        + 3 * FILTER_VALUES_MAX * ID
        + FILTER_VALUES_MAX * CATEGORY
        + 2 * SMALL,
);
const FALLBACK: usize = nested(FALLBACK_STEPS_MAX * nested(CATEGORY) + SMALL);
const DIVERSITY: usize = nested(3 * INT_32);
/// With types that are not packed: each has a tag of its own.
const LOOKUP: usize = nested(
    nested(SLOT_ID_BYTES_MAX)
        + RELATION_TYPES_PER_REQUEST_MAX * TYPE
        + INT_32
        + FLOAT
        + FILTER
        + FALLBACK
        + DIVERSITY
        + SMALL,
);
const CONTEXT: usize =
    nested(SMALL + nested(CHANNEL_BYTES_MAX) + nested(VISITOR_BYTES_MAX) + 2 * ID + TIMESTAMP);
const FEED_POSITIONS: usize = FEEDS_MAX * nested(ID + INT_64 + INT_32);
/// What every method that answers from stock carries beside its own fields. A longer snapshot id is
/// nobody's.
const GATE: usize = ID + FEED_POSITIONS;

/// Largest legal `GetRecommendationsRequest`.
pub const LOOKUP_REQUEST_BYTES_MAX: usize = LOOKUP + SEEDS + CONTEXT + EXCLUSIONS + SMALL + GATE;

const SLOT: usize = nested(nested(SLOT_ID_BYTES_MAX) + LOOKUP + SEEDS);

/// Largest legal `BatchGetRecommendationsRequest`.
pub const PAGE_REQUEST_BYTES_MAX: usize =
    SLOTS_MAX * SLOT + SEEDS + CONTEXT + EXCLUSIONS + 2 * SMALL + GATE;

/// Largest legal `ExplainRecommendationsRequest`.
pub const EXPLAIN_REQUEST_BYTES_MAX: usize =
    nested(PAGE_REQUEST_BYTES_MAX) + TRACED_MAX * ID + INT_32;

/// Largest request read from the wire: the largest legal one of any method, and once more every list
/// that is cut and reported where it is over its limit instead of refused.
pub const REQUEST_BYTES_MAX: usize =
    EXPLAIN_REQUEST_BYTES_MAX + (SLOTS_MAX + 1) * SEEDS + EXCLUSIONS;

// Answers.

const DATA_VERSION: usize = nested(ID + FEED_POSITIONS + 2 * TIMESTAMP + DOUBLE);
const ATTRIBUTES: usize = nested(SMALL + INT_64 + ID + CATEGORY + SMALL + nested(3) + TITLE);
const RECOMMENDATION: usize = nested(
    ID + TYPE + FLOAT + SMALL + DOUBLE + SMALL + nested(SEEDS_MAX) + ATTRIBUTES + TIMESTAMP + ID,
);
const FILL_REPORT: usize = nested(19 * (LONG_TAG + 5));
const MISSING: usize = SEEDS_MAX * CATEGORY;
const RESULTS: usize = RESULTS_MAX * RECOMMENDATION + FILL_REPORT;

/// Largest `GetRecommendationsResponse`.
pub const LOOKUP_RESPONSE_BYTES_MAX: usize = RESULTS + MISSING + DATA_VERSION;

/// Largest `BatchGetRecommendationsResponse`. The error of a slot is far smaller than its results.
pub const PAGE_RESPONSE_BYTES_MAX: usize = SLOTS_MAX * nested(nested(SLOT_ID_BYTES_MAX) + RESULTS)
    + (SLOTS_MAX + 1) * MISSING
    + DATA_VERSION;

/// Largest explanations of one Explain, all slots together: candidates and rules beyond it are left
/// out. What a hundred candidates of every slot say takes a hundredth.
pub const EXPLANATION_BYTES_MAX: usize = 32 << 20;

/// Largest `ExplainRecommendationsResponse`.
pub const EXPLAIN_RESPONSE_BYTES_MAX: usize =
    nested(PAGE_RESPONSE_BYTES_MAX) + EXPLANATION_BYTES_MAX + INT_32;

const RELATION: usize = nested(
    2 * ID
        + TYPE
        + FLOAT
        + SMALL
        + DOUBLE
        + nested(5)
        + 2 * TIMESTAMP
        + nested(PROVENANCE_BYTES_MAX)
        + TIMESTAMP
        + MARKETS_MAX * ID,
);

/// Largest `ListRelationsResponse`. A page token names a snapshot and two numbers.
pub const RELATIONS_RESPONSE_BYTES_MAX: usize =
    PAGE_SIZE_MAX * RELATION + nested(ID_BYTES_MAX + 64) + DATA_VERSION + SMALL;

/// A selection, which stands in for nothing, and its substitute, which is never a default.
const SELECTION: usize = nested(ID + DOUBLE + 2 * SMALL) + nested(2 * ID + DOUBLE + SMALL);
const OPTION: usize = nested(2 * TITLE + SMALL + 2 * INT_32);
const BUNDLE: usize = nested(
    ID + BUNDLE_OPTIONS_MAX * OPTION
        + BUNDLE_SELECTIONS_MAX * SELECTION
        + SMALL
        + 3 * INT_64
        + nested(3),
);

/// Largest `GetBundlesResponse`.
pub const BUNDLES_RESPONSE_BYTES_MAX: usize = BUNDLES_MAX * BUNDLE + SMALL + DATA_VERSION;

/// Relation types that a catalog may declare: the standard ones and its own.
const DECLARED_TYPES_MAX: usize = 9 + 100;

/// Largest `DescribeCatalogResponse`.
pub const CATALOG_RESPONSE_BYTES_MAX: usize = DECLARED_TYPES_MAX
    * nested(TYPE + ID + TITLE + 2 * SMALL + INT_64)
    + PLACEMENTS_MAX * nested(SLOT_ID_BYTES_MAX)
    + MARKETS_MAX * nested(2 * ID + nested(3) + INT_64)
    + INVENTORIES_MAX * ID
    + DATA_VERSION
    + SMALL;

/// Largest answer written to the wire, of whatever method.
pub const RESPONSE_BYTES_MAX: usize = largest(&[
    LOOKUP_RESPONSE_BYTES_MAX,
    PAGE_RESPONSE_BYTES_MAX,
    EXPLAIN_RESPONSE_BYTES_MAX,
    RELATIONS_RESPONSE_BYTES_MAX,
    BUNDLES_RESPONSE_BYTES_MAX,
    CATALOG_RESPONSE_BYTES_MAX,
]);

const fn largest(all: &[usize]) -> usize {
    match all {
        [] => 0,
        [first, rest @ ..] => {
            let others = largest(rest);
            if *first > others { *first } else { others }
        }
    }
}
