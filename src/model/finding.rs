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
    /// A relation below the best that `catalog.toml` lets one product and type keep.
    Capped = 10, "capped", Info;
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
    /// A product that a further source knows, too: each field is that of the largest priority.
    MergedProduct = 32, "merged_product", Info;
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
    /// A relation to a product that is withdrawn for good.
    WithdrawnTarget = 80, "withdrawn_target", Warning;
    /// A relation between variants of one product, or between it and one of them.
    VariantTarget = 81, "variant_target", Warning;
    /// An up-sell to a product that costs less.
    CheaperUpSell = 82, "cheaper_up_sell", Warning;
    /// A product that costs nothing.
    ZeroPrice = 83, "zero_price", Warning;
    /// A relation between two categories that the snapshot before never linked.
    NewCategoryPair = 84, "new_category_pair", Info;
    /// A relation whose score is below the one asked for.
    LowScore = 85, "low_score", Info;
    /// A product with more relations of one type than anyone looks at.
    LongList = 86, "long_list", Info;
    /// A product without any relation, of its own or of the product it is a variant of.
    NoLinks = 87, "no_links", Info;
    /// A relation that its source has not confirmed for long.
    Unconfirmed = 88, "unconfirmed", Warning;
    /// A source none of whose files was renewed for long.
    SilentSource = 89, "silent_source", Warning;
    /// A relation to a product that has been out of stock for long.
    SoldOutTarget = 90, "sold_out_target", Warning;
    /// A change that a guard would refuse to publish.
    Guarded = 91, "guarded", Error;
    /// A product of the snapshot before that is gone.
    ProductRemoved = 92, "product_removed", Info;
    /// A relation of the snapshot before that is gone.
    RelationRemoved = 93, "relation_removed", Info;
    /// A relation that the snapshot before does not have.
    RelationAdded = 94, "relation_added", Info;
    /// A list that holds the same products in another order.
    ListReordered = 95, "list_reordered", Info;
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

    /// Counts many findings of one code, of which these are the first.
    pub fn add_all(
        &mut self,
        code: FindingCode,
        count: u64,
        samples: impl IntoIterator<Item = String>,
    ) {
        if count > 0 {
            let group = self.groups.entry(code).or_default();
            group.count += count;
            let free = FINDING_SAMPLES_MAX.saturating_sub(group.samples.len());
            group.samples.extend(samples.into_iter().take(free));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FINDING_SAMPLES_MAX, FindingCode, Findings};

    #[test]
    fn many_at_once_are_counted_and_few_are_kept() {
        let mut findings = Findings::default();
        findings.add_all(FindingCode::NoLinks, 0, ["nothing".to_owned()]);
        assert_eq!((findings.groups().count(), findings.worst()), (0, None));
        findings.add(FindingCode::NoLinks, || "first".to_owned());
        let samples = (0..100).map(|number| number.to_string());
        findings.add_all(FindingCode::NoLinks, 1_000, samples);
        let (_, group) = findings.groups().next().unwrap();
        assert_eq!((group.count, group.samples.len()), (1_001, FINDING_SAMPLES_MAX));
        assert_eq!(group.samples[..2], ["first", "0"]);
    }

    #[test]
    fn every_code_has_a_number_a_word_and_advice() {
        let words = FindingCode::ALL.iter().map(|code| code.code()).collect::<BTreeSet<_>>();
        assert_eq!(words.len(), FindingCode::ALL.len());
        for code in FindingCode::ALL {
            assert_eq!(FindingCode::new(*code as u8), Some(*code));
            let advice = code.advice();
            assert!(!advice.is_empty() && !advice.ends_with('.'), "{advice}");
        }
    }
}
