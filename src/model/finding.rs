//! What is wrong with the input: counted, sampled, reported, never lost.

use std::collections::BTreeMap;

use super::limits::FINDING_SAMPLES_MAX;

/// How bad a finding is. `--strict` fails on warnings and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing was lost against the source's will.
    Info,
    /// A value was ignored or a relation dropped.
    Warning,
    /// A whole row was lost.
    Error,
}

impl Severity {
    /// The word in reports.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! finding_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $severity:ident;)*) => {
        /// What kind of thing was found. Numbers stand in `dropped` blobs: never reuse one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum FindingCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl FindingCode {
            /// Every code in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in reports.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

finding_codes! {
    /// A relation whose source is no product of the catalog.
    UnknownSource = 1, "unknown_source", Warning;
    /// A relation whose target is no product of the catalog.
    DanglingTarget = 2, "dangling_target", Warning;
    /// A relation from a product to itself.
    SelfLink = 3, "self_link", Warning;
    /// A relation that another one of the same source, type and target outranks.
    DuplicateRelation = 4, "duplicate_relation", Warning;
    /// A relation of a type that neither the standard nor `catalog.toml` knows.
    UnknownType = 5, "unknown_type", Warning;
    /// A relation to a product that is not visible on its own.
    HiddenTarget = 6, "hidden_target", Warning;
    /// A relation below the best that are kept of one product and type.
    OverCap = 7, "over_cap", Warning;
    /// A relation switched off by its `active` column.
    InactiveRelation = 8, "inactive_relation", Info;
    /// A relation whose validity ends before it begins.
    NeverValid = 9, "never_valid", Warning;
    /// A price in another currency than the market's.
    MixedCurrency = 20, "mixed_currency", Warning;
    /// Two ids that the id rule cannot tell apart.
    CollidingId = 21, "colliding_id", Error;
    /// A second row for a product.
    DuplicateProduct = 22, "duplicate_product", Error;
    /// A product, alias or relation end without an id, or with one that is too long.
    BadId = 23, "bad_id", Error;
    /// A market that the catalog does not declare.
    UnknownMarket = 24, "unknown_market", Warning;
    /// A currency that ISO 4217 does not know.
    UnknownCurrency = 25, "unknown_currency", Warning;
    /// A tag that `catalog.toml` does not list, or more tags than fit.
    UnknownTag = 26, "unknown_tag", Warning;
    /// A parent that is no product of the catalog.
    UnknownParent = 27, "unknown_parent", Warning;
    /// Parents that lead in a circle or too deep.
    ParentCycle = 28, "parent_cycle", Warning;
    /// A bundle or bundle part that is no product of the catalog.
    UnknownBundleProduct = 29, "unknown_bundle_product", Warning;
    /// An alias whose product is unknown, or that is a product id or another product's alias.
    BadAlias = 30, "bad_alias", Warning;
    /// A market row for a product that is unknown.
    UnknownMarketProduct = 31, "unknown_market_product", Warning;
    /// A row with more or fewer cells than the header.
    RaggedRow = 40, "ragged_row", Error;
    /// A cell that cannot be read.
    BadValue = 41, "bad_value", Warning;
    /// A column that means nothing to the importer.
    UnknownColumn = 42, "unknown_column", Info;
    /// A file in a directory that no importer reads.
    IgnoredFile = 43, "ignored_file", Info;
    /// A row that cannot be read as a whole.
    BadRow = 44, "bad_row", Error;
    /// The run imported no relation at all.
    NoRelations = 60, "no_relations", Warning;
}

impl FindingCode {
    /// The code of this number.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| *code as u8 == number)
    }
}

/// Findings of one code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingGroup {
    /// How many there were.
    pub count: u64,
    /// The first few, each with place and what was expected and found.
    pub samples: Vec<String>,
}

/// Findings of one run, by code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    groups: BTreeMap<FindingCode, FindingGroup>,
}

impl Findings {
    /// Counts one finding and keeps its sample while there are few. The text is only made if kept.
    pub fn add(&mut self, code: FindingCode, sample: impl FnOnce() -> String) {
        let group = self.groups.entry(code).or_default();
        group.count += 1;
        if group.samples.len() < FINDING_SAMPLES_MAX {
            group.samples.push(sample());
        }
    }

    /// The groups in the order of their codes.
    pub fn groups(&self) -> impl Iterator<Item = (FindingCode, &FindingGroup)> {
        self.groups.iter().map(|(code, group)| (*code, group))
    }

    /// How many findings of this code there were.
    #[must_use]
    pub fn count(&self, code: FindingCode) -> u64 {
        self.groups.get(&code).map_or(0, |group| group.count)
    }

    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.groups.keys().map(|code| code.severity()).max()
    }
}
