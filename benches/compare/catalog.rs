//! The catalog that is asked: products of two types of 15 relations each, spread over the whole
//! catalog, an eighth of them for one stage only, a fifth of the products sold out.

use std::{fs::File, path::Path};

use kindred::{
    index::{
        Catalog, CatalogDraft, CatalogWriter, IndexError, ProductDraft, ProductTable, Role,
        RunDraft,
        layout::{Edge, META_ORIGIN_SHIFT},
        meta::{CatalogMeta, MarketMeta, TypeMeta},
    },
    model::{
        id::IdRule,
        relation::{Origin, RelationType, Stage},
    },
    store::{BlobRef, Store},
};

use crate::support;

pub(crate) const TYPES: [RelationType; 2] = [RelationType::CROSS_SELL, RelationType::UP_SELL];
const RELATIONS_PER_TYPE: u32 = 15;
/// Relations of a product.
pub(crate) const RELATIONS: u32 = 30;
/// The stage that requests name.
pub(crate) const STAGE: Stage = Stage::Consideration;
/// The stage for which an eighth of the relations are meant.
const OTHER_STAGE: Stage = Stage::PostPurchase;

/// How long ids are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdBytes {
    /// As most article numbers: they stand inside the product's record.
    Twelve,
    /// As UUIDs are written: they stand in the key heap.
    ThirtySix,
}

/// A catalog's size and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) products: u32,
    pub(crate) id_bytes: IdBytes,
}

impl Shape {
    /// The id of an ordinal. Ids ascend with ordinals but their steps are uneven, so that no cache or
    /// branch predictor can guess one from another.
    pub(crate) fn id(self, ordinal: u32) -> String {
        let step = (1 << 44) / u64::from(self.products);
        let number = u64::from(ordinal) * step + mixed(u64::from(ordinal)) % step;
        match self.id_bytes {
            IdBytes::Twelve => format!("p{number:011x}"),
            IdBytes::ThirtySix => {
                let tail = mixed(number);
                let (a, b, c) = (number >> 12, number & 0xfff, tail >> 48);
                format!(
                    "{a:08x}-0{b:03x}-4{:03x}-{c:04x}-{:012x}",
                    tail >> 4 & 0xfff,
                    tail & 0xffff_ffff_ffff
                )
            }
        }
    }

    /// Is the product sold out, as the stock feed says?
    pub(crate) fn is_out(ordinal: u32) -> bool {
        ordinal.wrapping_mul(2_654_435_761) >> 16 & 0xff < 51
    }

    /// A word for file names.
    pub(crate) fn name(self) -> String {
        let bytes = match self.id_bytes {
            IdBytes::Twelve => 12,
            IdBytes::ThirtySix => 36,
        };
        format!("{}x{bytes}", self.products)
    }

    /// Publishes the catalog in a store.
    pub(crate) fn publish(self, store: &Store) {
        support::publish(store, |file, path| self.write(file, path, RELATIONS_PER_TYPE));
    }

    /// Puts the catalog into a store, or one with a relation less of each type, and publishes neither.
    pub(crate) fn stage(self, store: &Store, is_other: bool) -> BlobRef {
        let staged = store.stage(Role::Catalog).unwrap();
        let per_type = RELATIONS_PER_TYPE - u32::from(is_other);
        self.write(staged.file().try_clone().unwrap(), staged.path(), per_type).unwrap();
        let (hash, size_bytes) = {
            let catalog = Catalog::open(staged.path(), None).unwrap();
            (catalog.blob().hash(), catalog.blob().size_bytes())
        };
        staged.commit(hash, size_bytes).unwrap()
    }

    fn write(self, file: File, path: &Path, per_type: u32) -> Result<(), IndexError> {
        let mut writer = CatalogWriter::new(file, path, Vec::new())?;
        let mut runs = TYPES.map(|relation_type| RunDraft {
            relation_type: relation_type.number(),
            edges: Vec::new(),
        });
        for source in 0..self.products {
            for (index, run) in (0..).zip(&mut runs) {
                run.edges.clear();
                let first = index * RELATIONS_PER_TYPE;
                let relations = first..first + per_type;
                run.edges.extend(relations.map(|relation| (self.edge(source, relation), None)));
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
        })?;
        Ok(())
    }

    /// Ids of the targets of a product, type after type, best first.
    pub(crate) fn targets(self, source: u32) -> impl Iterator<Item = String> {
        (0..RELATIONS).map(move |relation| self.id(self.edge(source, relation).target.get()))
    }

    fn edge(self, source: u32, relation: u32) -> Edge {
        let random = mixed(u64::from(source) * u64::from(RELATIONS) + u64::from(relation));
        let target = u32::try_from((random >> 32) * u64::from(self.products) >> 32).unwrap();
        let target = if target == source { (source + 1) % self.products } else { target };
        let stage = if random & 7 == 0 { 1 << (OTHER_STAGE as u16 - 1) } else { 0 };
        let score = 60_000 - u16::try_from(relation % RELATIONS_PER_TYPE).unwrap() * 1_000;
        let meta = (Origin::Imported as u16) << META_ORIGIN_SHIFT | stage;
        Edge { target: target.into(), score: score.into(), meta: meta.into() }
    }
}

/// A permutation of the numbers that looks random (the finalizer of splitmix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

struct Products {
    ids: String,
    id_bytes: usize,
    count: u32,
}

impl Products {
    fn new(shape: Shape) -> Self {
        let ids = (0..shape.products).map(|ordinal| shape.id(ordinal)).collect::<String>();
        Self { id_bytes: ids.len() / shape.products as usize, ids, count: shape.products }
    }
}

impl ProductTable for Products {
    fn count(&self) -> u32 {
        self.count
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let start = ordinal as usize * self.id_bytes;
        let id = self.ids.get(start..start + self.id_bytes).unwrap();
        ProductDraft { id, assortment: 1, ..ProductDraft::default() }
    }
}

fn declarations() -> CatalogMeta {
    let declared = |relation_type: RelationType| TypeMeta {
        number: relation_type.number(),
        code: format!("type-{}", relation_type.number()),
        display_name: String::new(),
        two_way: 0,
        reverse: 0,
        relation_count: 0,
    };
    let market = MarketMeta {
        id: "eu".to_owned(),
        currency: "EUR".to_owned(),
        default_inventory: 0,
        product_count: 0,
    };
    CatalogMeta {
        relation_types: TYPES.map(declared).into(),
        markets: vec![market],
        inventories: vec!["main".to_owned()],
        ..CatalogMeta::default()
    }
}
