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
        self.0.market(id)
    }

    fn category(&self, id: &str) -> Option<u32> {
        self.0.category(id)
    }

    fn brand(&self, id: &str) -> Option<u32> {
        self.0.brand(id)
    }

    fn tag(&self, id: &str) -> Option<u32> {
        self.0.tag(id)
    }
}
