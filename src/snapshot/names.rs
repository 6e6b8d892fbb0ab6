//! A catalog as policies know it.

use crate::{index::View, model::relation::RelationType, policy::Names};

/// The names of one catalog.
pub(super) struct CatalogNames<'a>(pub(super) View<'a>);

impl Names for CatalogNames<'_> {
    fn product(&self, id: &str) -> Option<u32> {
        self.0.find(id).map(|product| product.0)
    }

    fn relation_type(&self, code: &str) -> Option<RelationType> {
        let mut declared = self.0.meta().relation_types.iter();
        RelationType::new(declared.find(|declared| declared.code == code)?.number)
    }

    fn market(&self, id: &str) -> Option<u32> {
        place(self.0.meta().markets.iter().map(|market| market.id.as_str()), id)
    }

    fn category(&self, id: &str) -> Option<u32> {
        place(self.0.meta().categories.iter().map(|category| category.id.as_str()), id)
    }

    fn brand(&self, id: &str) -> Option<u32> {
        let brands = &self.0.meta().brands;
        let sorted = brands.binary_search_by(|brand| brand.as_bytes().cmp(id.as_bytes()));
        sorted.ok().and_then(|index| u32::try_from(index).ok())
    }

    fn tag(&self, id: &str) -> Option<u32> {
        place(self.0.meta().tags.iter().map(|tag| tag.as_str()), id)
    }
}

fn place<'a>(mut names: impl Iterator<Item = &'a str>, id: &str) -> Option<u32> {
    names.position(|name| name == id).and_then(|index| u32::try_from(index).ok())
}
