//! The bytes of a blob as types: header, section table, trailer and every fixed-width record.
//!
//! All numbers are little-endian and every type has alignment 1, so any bytes of the right length
//! are a value: a damaged file gives wrong numbers, never undefined behaviour. `FORMAT.md` says the
//! same in words, and a test compares the two.

use zerocopy::{
    FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned,
    little_endian::{F64, I64, U16, U32, U64},
};

/// First bytes of a blob. The non-ASCII byte, both line ends and the end-of-file mark show damage
/// by text-mode transfers, as in PNG.
pub const MAGIC: [u8; 8] = *b"\x89KDX\r\n\x1a\n";
/// Last 32 bytes start with this.
pub const TRAILER_MAGIC: [u8; 8] = *b"KDXEND\r\n";
/// Reads as another number where byte orders differ.
pub const ENDIAN_MARK: u32 = 0x0102_0304;
/// The format this version writes.
pub const FORMAT: u32 = 2;
/// The oldest format this version reads.
pub const FORMAT_OLDEST: u32 = 1;
/// The last format whose key table has buckets; later ones have groups.
pub(crate) const FORMAT_OF_BUCKETS: u32 = 1;
/// Required features this version knows.
pub const FEATURES_KNOWN: u64 = 0;
/// Sections start at multiples of this: a cache line.
pub const SECTION_ALIGN: u64 = 64;
/// Sections a header has room for.
pub const SECTIONS_MAX: usize = 80;
/// Length of the header: a page.
pub const HEADER_BYTES: u64 = 4096;
/// Length of the trailer.
pub const TRAILER_BYTES: u64 = 32;

/// The first page of a blob.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`ENDIAN_MARK`].
    pub endian: U32,
    /// [`FORMAT`].
    pub format: U32,
    /// Bits a reader must know.
    pub required_features: U64,
    /// Bits a reader may ignore.
    pub optional_features: U64,
    /// Bytes of the whole file.
    pub file_len: U64,
    /// [`super::Role`].
    pub role: U32,
    /// Entries of `sections` in use.
    pub section_count: U32,
    /// Seed of the key hash.
    pub key_seed: U64,
    /// Zero.
    pub reserved: U64,
    /// The sections in file order; unused entries are zero.
    pub sections: [SectionEntry; SECTIONS_MAX],
    /// Zero.
    pub padding: [u8; 176],
    /// XXH3-128 over all bytes before, little-endian.
    pub checksum: [u8; 16],
}

/// One section.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SectionEntry {
    /// [`Section`].
    pub kind: U32,
    /// Version of the section's own layout.
    pub schema: U32,
    /// From the start of the file; a multiple of [`SECTION_ALIGN`].
    pub offset: U64,
    /// Without padding.
    pub len: U64,
    /// XXH3-128 over the section's bytes without padding, little-endian.
    pub checksum: [u8; 16],
    /// Zero.
    pub reserved: U64,
}

/// The last bytes of a blob.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Trailer {
    /// [`TRAILER_MAGIC`].
    pub magic: [u8; 8],
    /// As in the header.
    pub file_len: U64,
    /// The header's checksum.
    pub header_checksum: [u8; 16],
}

const _: () = assert!(size_of::<Header>() as u64 == HEADER_BYTES);
const _: () = assert!(size_of::<SectionEntry>() == 48);
const _: () = assert!(size_of::<Trailer>() as u64 == TRAILER_BYTES);

impl Header {
    pub(crate) fn zeroed() -> Self {
        Self::new_zeroed()
    }
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $schema:literal, $width:expr;)*) => {
        /// What a section holds. A role has a fixed list of sections, all present, in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Section {
            $($(#[$doc])* $name = $number,)*
        }

        impl Section {
            /// Every section in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in errors and in `kindred inspect`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Version of its layout.
            #[must_use]
            pub const fn schema(self) -> u32 {
                match self { $(Self::$name => $schema,)* }
            }

            /// Bytes of one record; its length is a multiple of it.
            #[must_use]
            pub const fn record_bytes(self) -> usize {
                match self { $(Self::$name => $width,)* }
            }
        }
    };
}

sections! {
    /// Edge blocks by ordinal.
    Edges = 1, "edges", 1, 8;
    /// [`ProductRecord`] by ordinal.
    Products = 2, "products", 1, size_of::<ProductRecord>();
    /// [`AliasRecord`] by folded alias.
    Aliases = 3, "aliases", 1, size_of::<AliasRecord>();
    /// Ids of more than 15 bytes: those of products, then those of aliases.
    KeyHeap = 4, "key_heap", 1, 1;
    /// [`KeyGroup`]s of the key table; in format 1 [`U64`] buckets.
    Keys = 5, "keys", 2, size_of::<KeyGroup>();
    /// [`AttributeRecord`] by ordinal.
    Attributes = 6, "attributes", 1, size_of::<AttributeRecord>();
    /// [`U64`] ends of the titles in the title heap, by ordinal; empty if there are no titles.
    TitleEnds = 7, "title_ends", 1, 8;
    /// Titles one after the other.
    TitleHeap = 8, "title_heap", 1, 1;
    /// [`ExtraCategoryRecord`] sorted.
    ExtraCategories = 9, "extra_categories", 1, size_of::<ExtraCategoryRecord>();
    /// [`MarketPriceRecord`] sorted.
    MarketPrices = 10, "market_prices", 1, size_of::<MarketPriceRecord>();
    /// [`VariantGroupRecord`] sorted by parent.
    VariantGroups = 11, "variant_groups", 1, size_of::<VariantGroupRecord>();
    /// [`U32`] ordinals, group after group, in the order of the variants.
    VariantMembers = 12, "variant_members", 1, 4;
    /// [`BundleRecord`] sorted by bundle.
    Bundles = 13, "bundles", 1, size_of::<BundleRecord>();
    /// [`BundleOptionRecord`], bundle after bundle.
    BundleOptions = 14, "bundle_options", 1, size_of::<BundleOptionRecord>();
    /// [`BundleSelectionRecord`], option after option.
    BundleSelections = 15, "bundle_selections", 1, size_of::<BundleSelectionRecord>();
    /// Option names one after the other.
    BundleNames = 16, "bundle_names", 1, 1;
    /// [`BundleMemberRecord`] sorted by product.
    BundleMembers = 17, "bundle_members", 1, size_of::<BundleMemberRecord>();
    /// [`U64`] ends of the reverse lists, by ordinal; empty if there are no reverse lists.
    ReverseEnds = 18, "reverse_ends", 1, 8;
    /// [`ReverseRecord`], target after target, sorted by type and source.
    Reverse = 19, "reverse", 1, size_of::<ReverseRecord>();
    /// rkyv archive of [`super::meta::CatalogMeta`].
    Meta = 20, "meta", 1, 1;
    /// [`U64`] ends of the popular lists: one a category, then the whole catalog's.
    PopularEnds = 21, "popular_ends", 1, 8;
    /// [`U32`] ordinals, list after list, the most popular first.
    Popular = 22, "popular", 1, 4;
    /// [`ProvenanceRecord`] in the order of the catalog's edges.
    Provenance = 30, "provenance", 1, size_of::<ProvenanceRecord>();
    /// [`U64`] ends of the provenance lists, by ordinal.
    ProvenanceEnds = 31, "provenance_ends", 1, 8;
    /// rkyv archive of [`super::meta::ProvenanceMeta`].
    ProvenanceMeta = 32, "provenance_meta", 1, 1;
    /// rkyv archive of [`super::meta::DroppedMeta`].
    Dropped = 40, "dropped", 1, 1;
    /// `placements.toml` as it was published.
    PolicyToml = 50, "policy_toml", 1, 1;
    /// `overrides.csv` as it was published.
    OverridesCsv = 51, "overrides_csv", 1, 1;
}

impl Section {
    /// The sections of a catalog blob.
    pub const CATALOG: &'static [Self] = Self::ALL.split_at(22).0;
    /// The sections of a provenance blob.
    pub const PROVENANCE: &'static [Self] = Self::ALL.split_at(22).1.split_at(3).0;
    /// The sections of a dropped blob.
    pub const DROPPED: &'static [Self] = Self::ALL.split_at(25).1.split_at(1).0;
    /// The sections of a policy blob.
    pub const POLICY: &'static [Self] = Self::ALL.split_at(26).1.split_at(1).0;
    /// The sections of an overrides blob.
    pub const OVERRIDES: &'static [Self] = Self::ALL.split_at(27).1;

    /// Version of its layout and bytes of one record in a format that is read.
    pub(crate) const fn shape(self, format: u32) -> (u32, usize) {
        match (format, self) {
            (..=FORMAT_OF_BUCKETS, Self::Keys) => (1, size_of::<U64>()),
            _ => (self.schema(), self.record_bytes()),
        }
    }
}

/// No ordinal, brand, category or parent.
pub const NONE: u32 = u32::MAX;
/// No price.
pub const NO_PRICE: i64 = i64::MIN;
/// Longest id inside a [`Key`].
pub const INLINE_KEY_BYTES_MAX: usize = 15;

/// An id: up to 15 bytes inside, longer ones in the key heap.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Key {
    /// Length in bytes, 1 to 128.
    pub len: u8,
    /// The id and zeros; for a length over 15, seven zeros and the [`U64`] offset into the heap.
    pub bytes: [u8; 15],
}

/// A product: what every candidate of a lookup touches, half a cache line.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ProductRecord {
    /// Its id.
    pub key: Key,
    /// Bits 0 to 39: offset of its edge block in the edge section in units of 8 bytes. Bits 40 to
    /// 47: runs in the block. The rest is zero. All zero bits from 40 on: no relations.
    pub edges: U64,
    /// Ordinal of the product of which it is a variant, or [`NONE`].
    pub parent: U32,
    /// [`FLAG_HIDDEN`] and its like.
    pub flags: u8,
    /// 1 (worst) to 5 (best), 0 unknown.
    pub eco_grade: u8,
    /// 1 to 6 as on the wire, 0 no reading.
    pub availability: u8,
    /// Zero.
    pub reserved: u8,
}

/// Not visible on its own: never recommended.
pub const FLAG_HIDDEN: u8 = 1;
/// Has variants.
pub const FLAG_PARENT: u8 = 2;
/// Has further categories.
pub const FLAG_EXTRA_CATEGORIES: u8 = 4;
/// Has prices of its own in markets beside the default one.
pub const FLAG_MARKET_PRICES: u8 = 8;
/// Every flag there is.
pub const FLAGS_KNOWN: u8 = 15;

/// Another id of a product.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AliasRecord {
    /// The other id.
    pub key: Key,
    /// The product.
    pub product: U32,
}

/// Slots of a [`KeyGroup`].
pub const SLOTS_PER_GROUP: usize = 12;

/// Slots of the key table, one cache line.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct KeyGroup {
    /// Of each slot eight bits of the id's hash, or 0: it and those behind it are empty.
    pub tags: [u8; SLOTS_PER_GROUP],
    /// Zero.
    pub reserved: [u8; 4],
    /// Of each slot the ordinal of a product, or the number of products and an alias's place; 0 if
    /// it is empty.
    pub entries: [U32; SLOTS_PER_GROUP],
}

/// Start of one run of an edge block: all relations of one type.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RunHeader {
    /// The relation type's number; ascending inside a block.
    pub relation_type: u8,
    /// 1 if some of its edges have a [`RareRecord`], else 0.
    pub has_rare: u8,
    /// Edges, 1 to 1000.
    pub count: U16,
}

/// One relation.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Edge {
    /// Ordinal of the target.
    pub target: U32,
    /// Score in 1/65535, strictly falling inside a run.
    pub score: U16,
    /// Bits 0 to 4: stages ([`crate::model::relation::StageMask`]). Bits 5 to 8: origin. Then the
    /// `META_` bits. The rest is zero.
    pub meta: U16,
}

/// Shift of the origin in [`Edge::meta`].
pub const META_ORIGIN_SHIFT: u32 = 5;
/// The source gave a score.
pub const META_SCORED: u16 = 1 << 9;
/// Has a [`RareRecord`].
pub const META_RARE: u16 = 1 << 10;
/// Its [`RareRecord`] limits it to some markets.
pub const META_MARKETS: u16 = 1 << 11;
/// Made by the compiler from a two-way relation of the target.
pub const META_REVERSED: u16 = 1 << 12;
/// Every bit there is.
pub const META_KNOWN: u16 = (1 << 13) - 1;

/// What few relations have. A block's rare records follow its edges, in their order.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RareRecord {
    /// Units of the target to one of the source; 0 not said.
    pub quantity: F64,
    /// Valid from this second since 1970 on; `i64::MIN` always.
    pub valid_from_s: I64,
    /// Not valid from this second since 1970 on; `i64::MAX` never.
    pub valid_to_s: I64,
    /// Markets it is meant for; 0 every one.
    pub markets: U64,
}

/// What a product is, for filters and for the full view.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct AttributeRecord {
    /// In minor units of the default market's currency, or [`NO_PRICE`].
    pub price: I64,
    /// Bit per tag of the meta section.
    pub tags: U64,
    /// Bit per market whose assortment holds it.
    pub assortment: U64,
    /// Index into the meta section's brands, or [`NONE`].
    pub brand: U32,
    /// Id of its primary category, or [`NONE`].
    pub category: U32,
    /// When price and availability were read, in seconds since 1970; 0 unknown.
    pub read_at_s: U32,
    /// Zero.
    pub reserved: U32,
}

/// A further category of a product.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ExtraCategoryRecord {
    /// The product.
    pub product: U32,
    /// The category.
    pub category: U32,
}

/// A product's price in a market other than the default one.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MarketPriceRecord {
    /// The product.
    pub product: U32,
    /// Index of the market.
    pub market: U16,
    /// Zero.
    pub reserved: U16,
    /// In minor units of the market's currency.
    pub price: I64,
    /// When it was read, in seconds since 1970; 0 unknown.
    pub read_at_s: U32,
}

/// The variants of one product.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct VariantGroupRecord {
    /// The product that has variants.
    pub parent: U32,
    /// First of them in the member section.
    pub first: U32,
    /// How many.
    pub count: U32,
}

/// A bundle.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BundleRecord {
    /// The bundle's product.
    pub product: U32,
    /// First of its options.
    pub first_option: U32,
    /// How many.
    pub option_count: U32,
}

/// A fixed part (one selection, required) or a choice of a bundle.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BundleOptionRecord {
    /// Offset of its name in the name section.
    pub name_offset: U64,
    /// Bytes of its name.
    pub name_len: U32,
    /// 1 if a shopper must take one, else 0.
    pub required: U32,
    /// Fewest selections.
    pub min_selections: U32,
    /// Most selections; 0 means one.
    pub max_selections: U32,
    /// First of its selections.
    pub first_selection: U32,
    /// How many.
    pub selection_count: U32,
}

/// One product to choose in an option.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BundleSelectionRecord {
    /// The product.
    pub product: U32,
    /// 1 if chosen unless the shopper says otherwise, else 0.
    pub is_default: U32,
    /// Units of it.
    pub quantity: F64,
}

/// A product that a bundle holds.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BundleMemberRecord {
    /// The product.
    pub product: U32,
    /// Index of the bundle record.
    pub bundle: U32,
}

/// A relation seen from its target.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ReverseRecord {
    /// The product it goes out from.
    pub source: U32,
    /// The relation type's number.
    pub relation_type: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// Where a relation was read.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ProvenanceRecord {
    /// Index into the meta section's files.
    pub file: U32,
    /// Line, from 1.
    pub line: U32,
}

const _: () = assert!(size_of::<Key>() == 16);
const _: () = assert!(size_of::<ProductRecord>() == 32);
const _: () = assert!(size_of::<AliasRecord>() == 20);
const _: () = assert!(size_of::<KeyGroup>() as u64 == SECTION_ALIGN);
const _: () = assert!(size_of::<RunHeader>() == 4);
const _: () = assert!(size_of::<Edge>() == 8);
const _: () = assert!(size_of::<RareRecord>() == 32);
const _: () = assert!(size_of::<AttributeRecord>() == 40);
const _: () = assert!(size_of::<MarketPriceRecord>() == 20);
