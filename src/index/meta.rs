//! The structured sections: what rkyv archives. Only integers, `Vec`, `String`, `Option`: no maps,
//! no shared pointers, so that a checked archive holds no surprises.

use rkyv::{Archive, Deserialize, Serialize};

/// What a catalog declares.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[rkyv(derive(Debug))]
pub struct CatalogMeta {
    /// 0 exact, 1 case-folded.
    pub id_rule: u8,
    /// Relations over all products and types.
    pub relation_count: u64,
    /// By number.
    pub relation_types: Vec<TypeMeta>,
    /// In the order of their assortment bits.
    pub markets: Vec<MarketMeta>,
    /// Index into `markets`.
    pub default_market: u32,
    /// Ids.
    pub inventories: Vec<String>,
    /// In the order of their bits.
    pub tags: Vec<String>,
    /// Sorted; products name them by index.
    pub brands: Vec<String>,
    /// In pre-order; products name them by index.
    pub categories: Vec<CategoryMeta>,
}

/// A relation type.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[rkyv(derive(Debug))]
pub struct TypeMeta {
    /// 1 to 9 or 100 to 199.
    pub number: u8,
    /// `cross_sell`.
    pub code: String,
    /// For people.
    pub display_name: String,
    /// 1 if each relation holds in both directions.
    pub two_way: u8,
    /// 1 if incoming relations can be listed.
    pub reverse: u8,
    /// Relations of it.
    pub relation_count: u64,
}

/// A market.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[rkyv(derive(Debug))]
pub struct MarketMeta {
    /// Its id.
    pub id: String,
    /// ISO 4217.
    pub currency: String,
    /// Index into the inventories.
    pub default_inventory: u32,
    /// Products in its assortment.
    pub product_count: u64,
}

/// A category. `a` is `b` or below it if `b <= a < end(b)`.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[rkyv(derive(Debug))]
pub struct CategoryMeta {
    /// Full path joined by `/`.
    pub id: String,
    /// Index of the parent, or `u32::MAX`.
    pub parent: u32,
    /// One past the last category below.
    pub end: u32,
}

/// Where the relations of a catalog were read.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[rkyv(derive(Debug))]
pub struct ProvenanceMeta {
    /// The catalog blob's hash.
    pub catalog: Vec<u8>,
    /// Names.
    pub sources: Vec<String>,
    /// Files.
    pub files: Vec<FileMeta>,
}

/// A file that a source read.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[rkyv(derive(Debug))]
pub struct FileMeta {
    /// Index into the sources.
    pub source: u32,
    /// Path below the source's own.
    pub name: String,
    /// When the source last confirmed its records, in seconds since 1970; `None` unknown.
    pub confirmed_s: Option<i64>,
}

/// What the compiler refused.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[rkyv(derive(Debug))]
pub struct DroppedMeta {
    /// 0 exact, 1 case-folded: how `relations` are sorted.
    pub id_rule: u8,
    /// Sorted by folded source, type, folded target, place.
    pub relations: Vec<DroppedRelation>,
    /// Refused relations that are not listed.
    pub unlisted: u64,
    /// Files, as in the provenance blob.
    pub files: Vec<FileMeta>,
    /// Names.
    pub sources: Vec<String>,
}

/// A refused relation, as it was written.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[rkyv(derive(Debug))]
pub struct DroppedRelation {
    /// [`crate::model::finding::FindingCode`].
    pub reason: u8,
    /// The source product.
    pub source: String,
    /// The type.
    pub relation_type: String,
    /// The target product.
    pub target: String,
    /// Index into the files.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
}
