//! How names become numbers of one catalog.

use std::fmt;

use crate::model::{
    relation::{RelationType, STANDARD_TYPES},
    text::{Place, shown},
};

/// The catalog as policies know it; whoever binds a policy implements it.
pub trait Names {
    /// The ordinal of a product id or alias.
    fn product(&self, id: &str) -> Option<u32>;

    /// The type that the catalog declares under this code.
    fn relation_type(&self, code: &str) -> Option<RelationType>;

    /// The number of a market, below 64.
    fn market(&self, id: &str) -> Option<u32>;

    /// The number of a category.
    fn category(&self, id: &str) -> Option<u32>;

    /// The number of a brand.
    fn brand(&self, id: &str) -> Option<u32>;

    /// The bit of a tag, below 64.
    fn tag(&self, id: &str) -> Option<u32>;
}

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noun {
    /// A product id or alias.
    Product,
    /// The code of a relation type.
    RelationType,
    /// A market.
    Market,
    /// A category's whole path.
    Category,
    /// A brand.
    Brand,
    /// A tag.
    Tag,
}

impl Noun {
    /// The word in messages, with its article.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Product => "a product",
            Self::RelationType => "a relation type",
            Self::Market => "a market",
            Self::Category => "a category",
            Self::Brand => "a brand",
            Self::Tag => "a tag",
        }
    }
}

/// A name that the catalog does not know: what it stands in matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// The document.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is named.
    pub noun: Noun,
    /// The name.
    pub name: String,
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, noun, name } = self;
        let (noun, name) = (noun.word(), shown(name));
        write!(f, "{file}:{place}: expected {noun} of the catalog, found `{name}`")
    }
}

/// Does the catalog know the name?
pub(super) fn is_known(names: &dyn Names, noun: Noun, name: &str) -> bool {
    match noun {
        Noun::Product => names.product(name).is_some(),
        Noun::RelationType => relation_type(names, name).is_some(),
        Noun::Market => names.market(name).is_some(),
        Noun::Category => names.category(name).is_some(),
        Noun::Brand => names.brand(name).is_some(),
        Noun::Tag => names.tag(name).is_some(),
    }
}

/// The type of a code: as the catalog declares it, else the standard type. A catalog may give a
/// standard type another code, and the built-in policy must suit it all the same.
pub(super) fn relation_type(names: &dyn Names, code: &str) -> Option<RelationType> {
    names.relation_type(code).or_else(|| {
        let standard = STANDARD_TYPES.iter().find(|standard| standard.code == code);
        standard.map(|standard| standard.relation_type)
    })
}
