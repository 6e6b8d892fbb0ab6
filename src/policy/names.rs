//! How names become numbers of one catalog.

use crate::model::relation::RelationType;

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
