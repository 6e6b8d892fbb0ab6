//! What sources yield: one shape for every system.
//!
//! Records borrow from the row they were read from; a [`RecordSink`] keeps what it needs. Sources
//! read syntax only: whether a product, type, market or currency exists is the graph's question.

use super::{
    decimal::Decimal,
    finding::FindingCode,
    relation::{Availability, Origin, StageMask},
};

/// A file that was read, as the sink numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The line, from 1; with several lines in a row, that of the value.
    pub line: u32,
}

/// A file as provenance names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The path below the `--from` path, with `/`.
    pub name: String,
    /// When the file was last changed, in seconds since 1970; the source last confirmed its
    /// records then.
    pub modified_s: Option<i64>,
}

/// One statement of a source.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// A product.
    Product(ProductRecord<'a>),
    /// A product in one market.
    ProductMarket(ProductMarketRecord<'a>),
    /// A typed link between two products.
    Relation(RelationRecord<'a>),
    /// One selection of one option of a bundle.
    Bundle(BundleRecord<'a>),
    /// Another id of a product.
    Alias(AliasRecord<'a>),
    /// A product is a variant of another: said by the parent's row, so that the variant's own row
    /// may stand elsewhere.
    Variant(VariantRecord<'a>),
    /// This input is all that its source has to say of a relation type, or of one product's
    /// relations of it, though it may hold none.
    Scope(ScopeRecord<'a>),
    /// The source has the product no longer.
    Tombstone(TombstoneRecord<'a>),
}

/// Can shoppers see a product on its own?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Yes.
    #[default]
    Visible,
    /// No: it is sold through a parent or a bundle only, and never recommended.
    Hidden,
}

/// A product. Absent values are `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductRecord<'a> {
    /// Its id as written.
    pub id: &'a str,
    /// For people.
    pub title: Option<&'a str>,
    /// Brand id.
    pub brand: Option<&'a str>,
    /// Category paths, levels joined by `/`; the first is the primary one.
    pub categories: Vec<&'a str>,
    /// Price in the default market.
    pub price: Option<PriceRecord<'a>>,
    /// State of stock as the source read it.
    pub availability: Option<Availability>,
    /// When the source read price and availability, in seconds since 1970.
    pub read_at_s: Option<i64>,
    /// The product of which this is a variant.
    pub parent: Option<&'a str>,
    /// Place among the parent's variants, smaller first.
    pub variant_position: Option<u32>,
    /// Can shoppers see it on its own?
    pub visibility: Visibility,
    /// Larger is more popular; finite and >= 0.
    pub popularity: Option<f64>,
    /// Tags.
    pub tags: Vec<&'a str>,
    /// 1 (worst) to 5 (best).
    pub eco_grade: Option<u8>,
    /// Markets whose assortment holds it; empty means every market.
    pub markets: Vec<&'a str>,
}

/// An amount as written, and its currency if the source names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRecord<'a> {
    /// In major units: `12.50`.
    pub amount: Decimal,
    /// ISO 4217; `None` means the market's.
    pub currency: Option<&'a str>,
}

/// A product in one market.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductMarketRecord<'a> {
    /// The product.
    pub id: &'a str,
    /// The market.
    pub market: &'a str,
    /// Does the market's assortment hold it? `None` leaves it as it is.
    pub listed: Option<bool>,
    /// Price there.
    pub price: Option<PriceRecord<'a>>,
    /// When the source read the price, in seconds since 1970.
    pub read_at_s: Option<i64>,
}

/// A typed link.
#[derive(Clone, Debug, PartialEq)]
pub struct RelationRecord<'a> {
    /// The product it goes out from.
    pub source: &'a str,
    /// A type code (`cross_sell`) or what the source calls it (`magento:crosssell`).
    pub relation_type: &'a str,
    /// The product it leads to.
    pub target: &'a str,
    /// Rank inside source and type, smaller first.
    pub position: Option<u32>,
    /// 0 to 1, larger first.
    pub score: Option<f32>,
    /// Units of the target that go with one of the source; > 0.
    pub quantity: Option<f64>,
    /// Where it came from.
    pub origin: Origin,
    /// Does it hold in both directions? `None` means as its type says.
    pub two_way: Option<bool>,
    /// Valid from this second since 1970 on.
    pub valid_from_s: Option<i64>,
    /// Not valid from this second since 1970 on.
    pub valid_to_s: Option<i64>,
    /// Stages it is meant for.
    pub stages: StageMask,
    /// Markets it is meant for; empty means every market.
    pub markets: Vec<&'a str>,
    /// Switched on?
    pub active: bool,
    /// When the source last said that it still holds, in seconds since 1970; `None` leaves it to the
    /// time of its file.
    pub confirmed_at_s: Option<i64>,
}

impl<'a> RelationRecord<'a> {
    /// A link with nothing said but its ends, type and origin.
    #[must_use]
    pub fn new(source: &'a str, relation_type: &'a str, target: &'a str, origin: Origin) -> Self {
        Self {
            source,
            relation_type,
            target,
            position: None,
            score: None,
            quantity: None,
            origin,
            two_way: None,
            valid_from_s: None,
            valid_to_s: None,
            stages: StageMask::EVERY,
            markets: Vec::new(),
            active: true,
            confirmed_at_s: None,
        }
    }
}

/// One selection of one option of a bundle. Options and selections keep the order in which
/// positions say, then names and ids.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleRecord<'a> {
    /// The bundle's product id.
    pub bundle: &'a str,
    /// Names the option; unique in the bundle.
    pub option: &'a str,
    /// Place of the option in the bundle, smaller first.
    pub option_position: u32,
    /// Must the shopper take one?
    pub required: bool,
    /// Fewest selections.
    pub min_selections: u32,
    /// Most selections; 0 means one.
    pub max_selections: u32,
    /// The product of this selection.
    pub product: &'a str,
    /// Place of the selection in the option, smaller first.
    pub selection_position: u32,
    /// Units of it; > 0.
    pub quantity: f64,
    /// Chosen unless the shopper says otherwise?
    pub is_default: bool,
}

/// Another id of a product: a UUID, a handle, an old SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasRecord<'a> {
    /// The other id.
    pub alias: &'a str,
    /// The product's id.
    pub product: &'a str,
}

/// A parent names one of its variants; it counts where the variant's own row names no parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantRecord<'a> {
    /// The product shoppers see.
    pub parent: &'a str,
    /// Its variant.
    pub variant: &'a str,
    /// Place among the parent's variants, smaller first.
    pub position: Option<u32>,
}

/// What an input speaks of, so that an empty cell clears and an absent column leaves untouched what
/// the source said before. Only the merge with what was kept reads it; a graph ignores it.
///
/// A table with a column a type yields one without a product for each such column, and one with the
/// product for each row and such column, also where the cell is empty; not where the system's own
/// blank means "no change". A table with a row a relation yields none: each row implies both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeRecord<'a> {
    /// The type as the source's relations write it; [`Self::BUNDLES`] for the options of bundles,
    /// [`Self::VARIANTS`] for the variants that parents name; or what [`Span`] says, by the words
    /// below. Types have no such words.
    pub relation_type: &'a str,
    /// The product, as the source's relations write it; `None` means that the input speaks of the
    /// type at all.
    pub product: Option<&'a str>,
}

/// How far a [`ScopeRecord`] reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    /// All of one type, as relations write it.
    Type(&'a str),
    /// All options of bundles.
    Bundles,
    /// All variants that parents name.
    Variants,
    /// All types of a system for the product, also those that the input does not name.
    Every {
        /// What the types begin with, to the first `:`.
        system: &'a str,
        /// The links meant.
        links: Links,
    },
    /// One type, of which the product has links that only a whole input tells.
    Part(&'a str),
    /// One type, of which the product has links that could not be read.
    Unread(&'a str),
    /// Nothing: a category whose parents are not in the input.
    Rootless(&'a str),
    /// Nothing: a type of which the input does not say whether it is two-way.
    Undeclared(&'a str),
}

/// Which links of a system a whole map of types holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Each.
    All,
    /// Those without a quantity.
    Plain,
    /// Those with a quantity.
    Counted,
}

impl<'a> ScopeRecord<'a> {
    /// Before a system (`salsify:`): the map of types of a product is there as a whole, so that a type
    /// that it lacks has no links. Only `patch` clears by it: in `replace` one product with an empty
    /// map would clear those of all.
    pub const EVERY: &'static str = "#every ";
    /// As [`Self::EVERY`], of links without a quantity.
    pub const EVERY_PLAIN: &'static str = "#every-plain ";
    /// As [`Self::EVERY`], of links with a quantity.
    pub const EVERY_COUNTED: &'static str = "#every-counted ";

    /// Before a type: the product has links of it that lead to all products of something, of which a
    /// delta may hold some. In `patch`, what was kept of the product and type stays, and what the input
    /// says of it is added. Stands before those links. Before a system, without a product: the input
    /// has products of such groups, to which products outside of it may link.
    pub const PART: &'static str = "#part ";
    /// Before a type: the product has links of it that could not be read. In `patch` and `replace`,
    /// what was kept of the product and type stays, and what the input says of it is added. Stands
    /// before those links, unless [`Self::PART`] does.
    pub const UNREAD: &'static str = "#unread ";

    /// Before a category with which paths begin: what stands above it is said elsewhere and not in this
    /// input. But in `full`, those who merge take it from what was kept.
    pub const ROOTLESS: &'static str = "#rootless ";
    /// Before a type: whether it is two-way is said elsewhere and not in this input. But in `full`,
    /// those who merge take it from what was kept; links that are one-way for sure say so.
    pub const UNDECLARED: &'static str = "#undeclared ";

    /// How far it reaches.
    #[must_use]
    pub fn span(&self) -> Span<'a> {
        let words = [
            (Self::EVERY, Links::All),
            (Self::EVERY_PLAIN, Links::Plain),
            (Self::EVERY_COUNTED, Links::Counted),
        ];
        let every = words
            .into_iter()
            .find_map(|(word, links)| Some((self.relation_type.strip_prefix(word)?, links)));
        let after = |word| self.relation_type.strip_prefix(word);
        match (self.relation_type, every) {
            (_, Some((system, links))) => Span::Every { system, links },
            (Self::BUNDLES, None) => Span::Bundles,
            (Self::VARIANTS, None) => Span::Variants,
            (relation_type, None) => {
                let part = after(Self::PART).map(Span::Part);
                let unread = || after(Self::UNREAD).map(Span::Unread);
                let rootless = || after(Self::ROOTLESS).map(Span::Rootless);
                let undeclared = || after(Self::UNDECLARED).map(Span::Undeclared);
                let doubt = part.or_else(unread).or_else(rootless).or_else(undeclared);
                doubt.unwrap_or(Span::Type(relation_type))
            }
        }
    }

    /// What stands for a type where [`BundleRecord`]s are meant, of which there is one kind only.
    pub const BUNDLES: &'static str = "#bundles";
    /// What stands for a type where [`VariantRecord`]s are meant; the product is the parent.
    pub const VARIANTS: &'static str = "#variants";
}

/// The source has a product no longer: neither its row nor its relations stay of what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TombstoneRecord<'a> {
    /// The product.
    pub product: &'a str,
}

/// Takes what sources read.
pub trait RecordSink {
    /// Numbers a file before its first record.
    fn open_file(&mut self, file: FileInfo) -> FileId;

    /// Takes one record.
    fn record(&mut self, at: Location, record: Record<'_>);

    /// Takes one finding. `field` names the column or key, empty for the whole row; `message` says
    /// what was expected and what was found.
    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str);
}
