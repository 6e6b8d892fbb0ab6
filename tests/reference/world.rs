//! A shop as plain data: maps of strings, lists of what happened. The catalog, policy and stock of the
//! server are made from it, and the reference reads nothing else.

use std::collections::{BTreeMap, BTreeSet};

use kindred::model::{
    record::Visibility,
    relation::{Availability, Origin, RelationType, STANDARD_TYPES, Stage},
    selection::{Diversity, Filter, VariantResolution},
};

/// Everything there is to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    /// Every market sells everything, and there are neither rules nor overrides: what most lookups of
    /// most shops find.
    pub(crate) is_plain: bool,
    /// Do ids compare without case?
    pub(crate) is_folded: bool,
    pub(crate) markets: Vec<Market>,
    pub(crate) default_market: usize,
    pub(crate) inventories: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// Types of this catalog beside the standard ones.
    pub(crate) own_types: Vec<(RelationType, String)>,
    /// By key, which is the id as it compares.
    pub(crate) products: BTreeMap<String, Product>,
    /// Other ids as written, and the keys of their products.
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) policy: Policy,
    pub(crate) overrides: Vec<Override>,
    pub(crate) history: Vec<Event>,
}

#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) id: String,
    pub(crate) currency: &'static str,
    pub(crate) default_inventory: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    /// As written.
    pub(crate) id: String,
    /// Key of the product of which it is a variant.
    pub(crate) parent: Option<String>,
    pub(crate) variant_position: Option<u32>,
    pub(crate) visibility: Visibility,
    pub(crate) brand: Option<String>,
    /// The first is the primary one.
    pub(crate) categories: Vec<String>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) eco_grade: Option<u8>,
    pub(crate) availability: Option<Availability>,
    /// In the default market.
    pub(crate) price: Option<i64>,
    pub(crate) read_at_s: Option<i64>,
    pub(crate) popularity: Option<f64>,
    /// Ids of the markets that sell it.
    pub(crate) assortment: BTreeSet<String>,
    /// Price and when it was read, by the id of a market that is not the default one.
    pub(crate) market_prices: BTreeMap<String, (i64, Option<i64>)>,
    /// By type, best first.
    pub(crate) lists: BTreeMap<RelationType, Vec<Relation>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Relation {
    /// A key.
    pub(crate) target: String,
    pub(crate) score: Option<f32>,
    pub(crate) quantity: Option<f64>,
    pub(crate) origin: Origin,
    pub(crate) window: Window,
    /// Empty for every one, as are the markets.
    pub(crate) stages: Vec<Stage>,
    pub(crate) markets: Vec<String>,
}

/// From an instant on, before another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Window {
    pub(crate) from_s: Option<i64>,
    pub(crate) to_s: Option<i64>,
}

impl Window {
    pub(crate) fn contains(self, at_s: i64) -> bool {
        self.from_s.is_none_or(|from_s| from_s <= at_s) && self.to_s.is_none_or(|to_s| at_s < to_s)
    }

    pub(crate) fn edges(self) -> impl Iterator<Item = i64> {
        self.from_s.into_iter().chain(self.to_s)
    }
}

/// `placements.toml`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) placements: Vec<Placement>,
    pub(crate) stages: BTreeMap<Stage, Slot>,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    pub(crate) id: String,
    pub(crate) base: Slot,
    /// What is set here replaces what the base says.
    pub(crate) stages: BTreeMap<Stage, Slot>,
}

/// A table of the file: each key is set or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) mix: Option<Vec<MixEntry>>,
    pub(crate) max_results: Option<usize>,
    pub(crate) min_score: Option<f32>,
    pub(crate) filter: Option<Filter>,
    pub(crate) fallback: Option<Vec<Step>>,
    pub(crate) diversity: Option<Diversity>,
    pub(crate) resolution: Option<VariantResolution>,
    pub(crate) rotate: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct MixEntry {
    pub(crate) code: String,
    pub(crate) weight_milli: u64,
    pub(crate) max_results: Option<usize>,
}

/// A step of a fallback chain, as the file has it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Type(String),
    ViaAlternatives,
    VariantGroup,
    CategoryPopular,
    /// `*` for the whole catalog.
    PopularIn(String),
    /// Goes on with the chain of this placement.
    Placement(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) action: Action,
    pub(crate) products: Vec<String>,
    pub(crate) brands: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) placements: Vec<String>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) markets: Vec<String>,
    pub(crate) seeds: Vec<String>,
    pub(crate) seed_categories: Vec<String>,
    pub(crate) window: Window,
}

/// What a rule does; factors in thousandths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    Boost(u64),
    Bury(u64),
    Pin(usize),
    Hide,
}

/// A row of `overrides.csv`.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) deed: Deed,
    /// As written; `None` for everywhere.
    pub(crate) source: Option<String>,
    /// A code.
    pub(crate) relation_type: Option<String>,
    pub(crate) target: String,
    pub(crate) markets: Vec<String>,
    pub(crate) window: Window,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    Add { position: Option<usize>, quantity: Option<f64> },
    Remove,
    Reorder { position: usize },
    Pin { position: usize },
    Hide,
}

impl Deed {
    /// The place of its word among those of the file.
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Add { .. } => 0,
            Self::Remove => 1,
            Self::Reorder { .. } => 2,
            Self::Pin { .. } => 3,
            Self::Hide => 4,
        }
    }
}

/// Something that the stock room was told.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Batch { source: String, sequence: u64, updates: Vec<Update> },
    Replace { source: String, sequence: u64, updates: Vec<Update> },
    Block { ids: Vec<String>, markets: Vec<String>, expire_s: Option<i64> },
    Unblock { ids: Vec<String> },
}

/// One reading; empty inventory: every one, empty market: the default one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    pub(crate) id: String,
    pub(crate) inventory: String,
    pub(crate) availability: Option<Availability>,
    pub(crate) quantity: Option<f64>,
    pub(crate) price: Option<i64>,
    pub(crate) market: String,
    pub(crate) event_us: i64,
}

impl World {
    /// An id as it compares.
    pub(crate) fn key(&self, id: &str) -> String {
        if self.is_folded { id.to_ascii_lowercase() } else { id.to_owned() }
    }

    /// The key of the product that an id or alias names.
    pub(crate) fn find(&self, id: &str) -> Option<String> {
        let key = self.key(id);
        if self.products.contains_key(&key) {
            return Some(key);
        }
        let alias = self.aliases.iter().find(|(alias, _)| self.key(alias) == key);
        alias.map(|(_, product)| product.clone())
    }

    pub(crate) fn product(&self, key: &str) -> &Product {
        &self.products[key]
    }

    pub(crate) fn is_hidden(&self, key: &str) -> bool {
        self.product(key).visibility == Visibility::Hidden
    }

    /// A product, its parent, and so on.
    pub(crate) fn lineage(&self, key: &str) -> Vec<String> {
        let mut lineage = vec![key.to_owned()];
        while let Some(parent) = &self.product(&lineage[lineage.len() - 1]).parent {
            lineage.push(parent.clone());
        }
        assert!(lineage.len() <= 5, "a variant has at most four products above it");
        lineage
    }

    /// The product at the top of the chain of parents.
    pub(crate) fn root(&self, key: &str) -> String {
        self.lineage(key).pop().unwrap()
    }

    /// The variants of a product, in their order.
    pub(crate) fn variants(&self, key: &str) -> Vec<String> {
        let below = self.products.iter().filter(|(_, one)| one.parent.as_deref() == Some(key));
        let place = |one: &Product| one.variant_position.unwrap_or(u32::MAX);
        let mut below = below.map(|(key, one)| (place(one), key.clone())).collect::<Vec<_>>();
        below.sort();
        below.into_iter().map(|(_, key)| key).collect()
    }

    /// The products without variants below a product, depth first; itself if it has none.
    pub(crate) fn leaves(&self, key: &str) -> Vec<String> {
        let variants = self.variants(key);
        if variants.is_empty() {
            return vec![key.to_owned()];
        }
        variants.iter().flat_map(|variant| self.leaves(variant)).collect()
    }

    /// The declared type of a code.
    pub(crate) fn type_of(&self, code: &str) -> Option<RelationType> {
        let standard = STANDARD_TYPES.iter().find(|standard| standard.code == code);
        let own = || self.own_types.iter().find(|(_, own)| own == code);
        standard.map(|standard| standard.relation_type).or_else(|| own().map(|(number, _)| *number))
    }

    pub(crate) fn declares(&self, relation_type: RelationType) -> bool {
        relation_type.number() < 100 || self.own_types.iter().any(|(own, _)| *own == relation_type)
    }

    /// The market of this id; the default one if it is empty.
    pub(crate) fn market(&self, id: &str) -> Option<&Market> {
        if id.is_empty() {
            return self.markets.get(self.default_market);
        }
        self.markets.iter().find(|market| market.id == id)
    }

    /// Is a product in a category or below it, by its primary or a further one?
    pub(crate) fn is_within(&self, key: &str, category: &str) -> bool {
        self.product(key).categories.iter().any(|own| is_below(own, category))
    }

    /// The best sellers of a category, or of the whole catalog.
    pub(crate) fn popular(&self, category: Option<&str>) -> Vec<String> {
        let mut listed = Vec::new();
        for (key, product) in &self.products {
            let is_in = category.is_none_or(|category| self.is_within(key, category));
            if let Some(popularity) = product.popularity
                && is_in
                && !self.is_hidden(key)
            {
                listed.push((popularity, key.clone()));
            }
        }
        // Stable: of equally popular ones the smaller key comes first.
        listed.sort_by(|left, right| right.0.total_cmp(&left.0));
        listed.into_iter().map(|(_, key)| key).collect()
    }
}

/// Is a category another one or below it?
pub(crate) fn is_below(category: &str, above: &str) -> bool {
    category == above || category.starts_with(&format!("{above}/"))
}
