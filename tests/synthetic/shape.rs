//! A catalog of some shape, written on the fly.

use std::{fs::File, path::Path};

use kindred::{
    index::{
        CatalogDraft, CatalogWriter, IndexError, ProductDraft, ProductTable, RunDraft,
        layout::{Edge, META_ORIGIN_SHIFT},
        meta::{CatalogMeta, MarketMeta, TypeMeta},
    },
    model::{id::IdRule, relation::Origin},
};

/// Relation types: none of them reverse.
const TYPES: [(u8, &str); 3] = [(1, "cross_sell"), (4, "alternative"), (7, "related")];

/// Brands, among which the products are spread.
const BRANDS: u32 = 97;

/// What a catalog is like. Functions take the number of products first.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) products: u32,
    /// How many of the relation types there are.
    pub(crate) types: usize,
    /// Relations of each product and type.
    pub(crate) per_type: u32,
    /// The id of an ordinal: all of one length, and ascending.
    pub(crate) id: fn(u32, u32) -> String,
    /// The target of a source's relation: not the source, and no target twice.
    pub(crate) target: fn(u32, u32, u32) -> u32,
    /// The stages of a product's relation by its place, as [`StageMask::bits`].
    ///
    /// [`StageMask::bits`]: kindred::model::relation::StageMask::bits
    pub(crate) stages: fn(u32) -> u8,
}

struct Products {
    ids: String,
    id_bytes: usize,
    count: u32,
}

impl Products {
    fn new(shape: &Shape) -> Self {
        let mut ids = String::new();
        (0..shape.products).for_each(|ordinal| ids += &(shape.id)(shape.products, ordinal));
        Self { id_bytes: ids.len() / shape.products as usize, ids, count: shape.products }
    }
}

impl ProductTable for Products {
    fn count(&self) -> u32 {
        self.count
    }

    fn id(&self, ordinal: u32) -> &str {
        let start = ordinal as usize * self.id_bytes;
        self.ids.get(start..start + self.id_bytes).expect("an id per product")
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let (price, brand) = (Some(i64::from(ordinal)), Some(ordinal % BRANDS));
        ProductDraft { price, brand, assortment: 1, ..Default::default() }
    }
}

impl Shape {
    /// Writes the catalog.
    pub(crate) fn write(&self, file: File, path: &Path) -> Result<(), IndexError> {
        let mut writer = CatalogWriter::new(file, path, Vec::new())?;
        let mut runs = self.runs();
        for source in 0..self.products {
            let edges = runs.iter_mut().flat_map(|run| &mut run.edges);
            for ((edge, _), relation) in edges.zip(0..) {
                edge.target.set((self.target)(self.products, source, relation));
            }
            writer.block(&runs)?;
        }
        writer.finish(CatalogDraft {
            id_rule: IdRule::Exact,
            products: &Products::new(self),
            aliases: &[],
            market_prices: &[],
            bundles: &[],
            meta: declarations(),
        })
    }

    /// The runs of a product but for their targets: the same for each.
    fn runs(&self) -> Vec<RunDraft> {
        let run = |(place, (relation_type, _)): (u32, &(u8, &str))| {
            let edge = |rank: u32| {
                let score = u16::MAX - u16::try_from(rank).expect("runs are short");
                let stages = (self.stages)(place * self.per_type + rank);
                let meta = (Origin::Imported as u16) << META_ORIGIN_SHIFT | u16::from(stages);
                (Edge { target: 0.into(), score: score.into(), meta: meta.into() }, None)
            };
            RunDraft {
                relation_type: *relation_type,
                edges: (0..self.per_type).map(edge).collect(),
            }
        };
        (0..).zip(&TYPES).take(self.types).map(run).collect()
    }
}

/// One market, one inventory, the types.
pub(crate) fn declarations() -> CatalogMeta {
    let declare = |(number, code): (u8, &str)| TypeMeta {
        number,
        code: code.to_owned(),
        display_name: code.to_owned(),
        two_way: 0,
        reverse: 0,
        relation_count: 0,
    };
    CatalogMeta {
        relation_types: TYPES.map(declare).into(),
        markets: vec![MarketMeta {
            id: "default".to_owned(),
            currency: "EUR".to_owned(),
            default_inventory: 0,
            product_count: 0,
        }],
        inventories: vec!["default".to_owned()],
        brands: (0..BRANDS).map(|brand| format!("brand-{brand:02}")).collect(),
        ..CatalogMeta::default()
    }
}
