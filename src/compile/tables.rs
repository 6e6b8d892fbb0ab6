//! The graph's tables as the index wants them.

use crate::{
    graph::{Graph, SortedRuns},
    index::{
        ProductDraft, ProductTable,
        layout::NONE,
        meta::{CatalogMeta, CategoryMeta, MarketMeta, TypeMeta},
    },
};

/// The products of a graph by ordinal.
#[derive(Debug)]
pub(super) struct Products<'a, R>(pub(super) &'a Graph<R>);

impl<R: SortedRuns> ProductTable for Products<'_, R> {
    fn count(&self) -> u32 {
        u32::try_from(self.0.products.len()).expect("ordinals are 32 bits")
    }

    fn id(&self, ordinal: u32) -> &str {
        self.0.id(&self.0.products[ordinal as usize])
    }

    fn title(&self, ordinal: u32) -> &str {
        self.0.title(&self.0.products[ordinal as usize]).unwrap_or_default()
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let product = &self.0.products[ordinal as usize];
        ProductDraft {
            parent: product.parent,
            variant_position: product.variant_position.unwrap_or(u32::MAX),
            visibility: product.visibility,
            eco_grade: product.eco_grade.unwrap_or(0),
            availability: product.availability.map_or(0, |state| state as u8),
            price: product.price,
            tags: product.tags,
            assortment: product.markets,
            brand: product.brand,
            category: product.category,
            read_at_s: seconds(product.read_at_s),
            extra_categories: &product.extra_categories,
            popularity: product.popularity,
        }
    }
}

/// Seconds since 1970 as the file has them: 0 unknown, and nothing before 1970 or after 2106.
pub(super) fn seconds(read_at_s: Option<i64>) -> u32 {
    u32::try_from(read_at_s.unwrap_or(0).max(0)).unwrap_or(u32::MAX)
}

/// What the catalog declares; counts are filled in by the writer.
pub(super) fn meta<R>(graph: &Graph<R>) -> CatalogMeta {
    let config = &graph.config;
    let number = |index: usize| u32::try_from(index).expect("counted by model/limits");
    let categories = graph.categories.nodes().iter().zip(0..);
    CatalogMeta {
        relation_types: config
            .relation_types
            .iter()
            .map(|declared| TypeMeta {
                number: declared.relation_type.number(),
                code: declared.code.clone(),
                display_name: declared.display_name.clone(),
                two_way: u8::from(declared.two_way),
                reverse: u8::from(declared.reverse),
                relation_count: 0,
            })
            .collect(),
        markets: config
            .markets
            .iter()
            .map(|market| MarketMeta {
                id: market.id.clone(),
                currency: market.currency.code().to_owned(),
                default_inventory: number(market.default_inventory),
                product_count: 0,
            })
            .collect(),
        default_market: number(config.default_market),
        inventories: config.inventories.clone(),
        tags: graph.tags.clone(),
        brands: graph.brands.clone(),
        categories: categories
            .map(|(category, id)| CategoryMeta {
                id: graph.categories.path(id),
                parent: category.parent.unwrap_or(NONE),
                end: category.end,
            })
            .collect(),
        ..CatalogMeta::default()
    }
}
