//! Catalogs of any size for tests and benches: made on the fly, with almost nothing in memory.

use std::{fs::File, path::Path};

use kindred::{
    index::{
        CatalogDraft, CatalogWriter, IndexError, ProductDraft, ProductTable, RunDraft,
        layout::{Edge, META_ORIGIN_SHIFT},
        meta::{CatalogMeta, MarketMeta, TypeMeta},
    },
    model::{id::IdRule, relation::Origin},
};

/// Bytes of each id.
const ID_BYTES: usize = 10;
/// Relation types: none of them reverse.
const TYPES: [(u8, &str); 3] = [(1, "cross_sell"), (4, "alternative"), (7, "related")];

/// Brands, among which the products are spread.
const BRANDS: u32 = 97;

/// Products `p000000000`, `p000000001` and so on.
pub(crate) struct Products {
    ids: String,
    count: u32,
}

impl Products {
    pub(crate) fn new(count: u32) -> Self {
        Self { ids: (0..count).map(id).collect(), count }
    }
}

impl ProductTable for Products {
    fn count(&self) -> u32 {
        self.count
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let start = ordinal as usize * ID_BYTES;
        let id = self.ids.get(start..start + ID_BYTES).expect("an id per product");
        let (price, brand) = (Some(i64::from(ordinal)), Some(ordinal % BRANDS));
        ProductDraft { id, price, brand, assortment: 1, ..Default::default() }
    }
}

/// The id of an ordinal.
pub(crate) fn id(ordinal: u32) -> String {
    format!("p{ordinal:09}")
}

/// The target of a source's relation.
pub(crate) fn target(products: u32, source: u32, relation: u32) -> u32 {
    let step = u64::from(relation) * 7919 + 1;
    let target = (u64::from(source) + step) % u64::from(products);
    u32::try_from(target).expect("below the number of products")
}

/// Writes a catalog with this many relations of each product and type.
pub(crate) fn write(
    file: File,
    path: &Path,
    products: u32,
    per_type: u32,
) -> Result<(), IndexError> {
    let mut writer = CatalogWriter::new(file, path, Vec::new())?;
    let meta = (Origin::Imported as u16) << META_ORIGIN_SHIFT;
    let mut runs: Vec<RunDraft> = TYPES
        .iter()
        .map(|(relation_type, _)| RunDraft {
            relation_type: *relation_type,
            edges: (0..per_type)
                .map(|rank| {
                    let score = u16::MAX - u16::try_from(rank).expect("runs are short");
                    (Edge { target: 0.into(), score: score.into(), meta: meta.into() }, None)
                })
                .collect(),
        })
        .collect();
    for source in 0..products {
        let edges = runs.iter_mut().flat_map(|run| &mut run.edges);
        for ((edge, _), relation) in edges.zip(0..) {
            edge.target.set(target(products, source, relation));
        }
        writer.block(&runs)?;
    }
    writer.finish(CatalogDraft {
        id_rule: IdRule::Exact,
        products: &Products::new(products),
        aliases: &[],
        market_prices: &[],
        bundles: &[],
        meta: declarations(),
    })
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
