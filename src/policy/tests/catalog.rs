//! A catalog of plain lists: the number of a name is its place in its list.

use crate::{
    model::relation::{RelationType, STANDARD_TYPES},
    policy::Names,
};

/// Knows these names.
#[derive(Clone, Debug, Default)]
pub(crate) struct TinyCatalog {
    pub(crate) products: Vec<&'static str>,
    pub(crate) own_types: Vec<(&'static str, u8)>,
    pub(crate) markets: Vec<&'static str>,
    pub(crate) categories: Vec<&'static str>,
    pub(crate) brands: Vec<&'static str>,
    pub(crate) tags: Vec<&'static str>,
}

impl TinyCatalog {
    /// A shop for phones.
    pub(crate) fn phones() -> Self {
        Self {
            products: vec!["phone", "case", "film", "charger", "tablet"],
            own_types: vec![("fits_model", 100)],
            markets: vec!["de", "uk"],
            categories: vec!["Phones", "Phones/Cases"],
            brands: vec!["Acme", "Bolt"],
            tags: vec!["new", "sale"],
        }
    }
}

impl Names for TinyCatalog {
    fn product(&self, id: &str) -> Option<u32> {
        place(&self.products, id)
    }

    fn relation_type(&self, code: &str) -> Option<RelationType> {
        let own = self.own_types.iter().find(|(own, _)| *own == code);
        let standard = STANDARD_TYPES.iter().find(|standard| standard.code == code);
        own.and_then(|(_, number)| RelationType::new(*number))
            .or(standard.map(|standard| standard.relation_type))
    }

    fn market(&self, id: &str) -> Option<u32> {
        place(&self.markets, id)
    }

    fn category(&self, id: &str) -> Option<u32> {
        place(&self.categories, id)
    }

    fn brand(&self, id: &str) -> Option<u32> {
        place(&self.brands, id)
    }

    fn tag(&self, id: &str) -> Option<u32> {
        place(&self.tags, id)
    }
}

fn place(list: &[&str], name: &str) -> Option<u32> {
    list.iter().position(|known| *known == name).and_then(|place| u32::try_from(place).ok())
}
