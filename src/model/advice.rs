//! What a person does about a finding. A code without advice does not compile.

use super::finding::FindingCode;

impl FindingCode {
    /// What to do, in one sentence.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownSource => "add the product, or take its links out of the source",
            Self::DanglingTarget => "add the product, or link to one that is there",
            Self::SelfLink => "take the link out: a product never recommends itself",
            Self::DuplicateRelation => "keep one row; the better position or authority counts",
            Self::UnknownType => "declare the type, or its source code, in catalog.toml",
            Self::HiddenTarget => "link to the product that shoppers see, often the parent",
            Self::OverCap => "keep the best; nobody sees the thousandth link",
            Self::Capped => "nothing, if max_per_product in catalog.toml is as meant",
            Self::InactiveRelation => "nothing, if it is meant to be off",
            Self::NeverValid => "swap or mend valid_from and valid_to",
            Self::MixedCurrency => "give prices in the market's currency",
            Self::CollidingId => "rename one product, or set id_rule = \"exact\"",
            Self::DuplicateProduct => "keep one row for each product",
            Self::BadId => "give every product an id of 1 to 128 bytes",
            Self::UnknownMarket => "declare the market in catalog.toml, or mend its spelling",
            Self::UnknownCurrency => "use a code of ISO 4217 like EUR",
            Self::UnknownTag => "list the tag in catalog.toml; 64 fit",
            Self::UnknownParent => "add the parent, or clear the cell",
            Self::ParentCycle => "give variants a parent that is no variant",
            Self::UnknownBundleProduct => "add the product, or take it out of the bundle",
            Self::BadAlias => {
                "let each alias name one product and be the id of none, or of one of another source"
            }
            Self::MergedProduct => {
                "nothing, if these products are one; set priority in catalog.toml to say who counts"
            }
            Self::UnknownMarketProduct => "add the product, or take the row out",
            Self::RaggedRow => "export the table again; a quote or delimiter may be missing",
            Self::BadValue => "mend the cell; it counts as empty",
            Self::UnknownColumn => "nothing, if Kindred need not know it; else mend its name",
            Self::IgnoredFile => "nothing, if it is no table; else give it the name of one",
            Self::BadRow => "mend the row; all of it is lost",
            Self::NoRelations => "look whether the export holds the columns of links",
            Self::WithdrawnTarget => "link to the successor; a withdrawn product is never shown",
            Self::VariantTarget => "take the link out: variants of one product are never shown",
            Self::CheaperUpSell => "make it an alternative, or link to a better product",
            Self::ZeroPrice => "give the price, or clear the cell if it is unknown",
            Self::NewCategoryPair => "look at the samples: new ideas and wrong rows look alike",
            Self::LowScore => "take weak links out, or lower --min-score",
            Self::LongList => "keep the best, or set max_per_product in catalog.toml",
            Self::NoLinks => "link the best sellers first; fallbacks fill the rest",
            Self::Unconfirmed => "export the source anew, or take the links out",
            Self::SilentSource => "look whether the job that exports this source still runs",
            Self::SoldOutTarget => "link to what can be bought, or to the successor",
            Self::Guarded => "look at the guard's advice; publish with --allow if it is right",
            Self::ProductRemoved => "nothing, if the product is meant to be gone",
            Self::RelationRemoved => "nothing, if the links are meant to be gone",
            Self::RelationAdded => "nothing, if the links are meant to be new",
            Self::ListReordered => "nothing, if the order is meant to change",
        }
    }
}
