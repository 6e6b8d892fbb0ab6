//! The state as one catalog sees it: which ids are which of its products, and the view of that.
//!
//! After each entry only the places that it touched are looked at again; for a new catalog all are.
//! Both give the same view. Products, inventories and markets that the catalog does not know are
//! left out.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::{
    ProductBlock, StockView,
    state::{State, Touched, UNNAMED},
    view::BlockedProducts,
};
use crate::{
    index::{
        Catalog, Ordinal, View,
        layout::{NO_PRICE, NONE},
    },
    model::{currency::Currency, relation::Availability},
};

/// A catalog, and what the state says about it.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) catalog: Arc<Catalog>,
    pub(super) places: Places,
    /// Ordinal by number of the id; [`NONE`] where the catalog does not know it.
    ordinals: Vec<u32>,
    /// The first id that was heard of each product, or [`NONE`].
    ids: Vec<u32>,
    /// The other ids of the few products that have several.
    more_ids: HashMap<u32, Vec<u32>>,
    view: StockView,
}

/// The inventories and markets of a catalog by id.
#[derive(Debug)]
pub(super) struct Places {
    inventories: HashMap<String, u32>,
    markets: HashMap<String, u32>,
    market_list: Vec<Market>,
    inventory_list: Vec<String>,
    pub(super) default_market: u32,
}

/// What is checked of a market.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) id: String,
    /// `None` only in a catalog that a compiler would not write.
    pub(super) currency: Option<Currency>,
    pub(super) default_inventory: u32,
}

impl Projection {
    /// Looks at everything. It costs a search in the catalog for each id, some 150 ns where the
    /// catalog is warm.
    pub(super) fn new(catalog: Arc<Catalog>, state: &State) -> Self {
        let (places, product_count) = {
            let view = catalog.view();
            (Places::new(&view), view.product_count())
        };
        let view = StockView::of_catalog(catalog.blob().hash());
        let mut projection = Self {
            catalog,
            places,
            ordinals: Vec::new(),
            ids: vec![NONE; product_count],
            more_ids: HashMap::new(),
            view,
        };
        let mut touched = Touched { blocks: true, ..Touched::default() };
        for product in 0..u32::try_from(state.products.len()).unwrap_or(NONE) {
            let readings = state.readings(product);
            touched.stock.extend(readings.stock.iter().map(|row| (product, row.inventory)));
            touched.prices.extend(readings.prices.iter().map(|row| (product, row.market)));
        }
        projection.follow(state, &touched);
        projection
    }

    /// The view as it is now.
    pub(super) fn view(&self) -> &StockView {
        &self.view
    }

    /// Looks again at what an entry touched.
    pub(super) fn follow(&mut self, state: &State, touched: &Touched) {
        let catalog = Arc::clone(&self.catalog);
        let catalog = catalog.view();
        self.resolve(&catalog, state);
        for (product, inventory) in &touched.stock {
            if let Some(product) = self.ordinal(*product) {
                self.stock(&catalog, state, product, *inventory);
            }
        }
        for (product, market) in &touched.prices {
            if let Some(product) = self.ordinal(*product) {
                self.price(&catalog, state, product, *market);
            }
        }
        if touched.blocks {
            let blocks = self.blocked(&catalog, state);
            self.view.set_blocks(blocks, state.blocks.digest());
        }
        self.view.set_positions(state.feeds.positions());
    }

    /// The numbers under which the state knows a product.
    pub(super) fn ids(&self, product: Ordinal) -> Vec<u32> {
        let first = self.ids.get(product.index()).copied().filter(|id| *id != NONE);
        let more = self.more_ids.get(&product.0).into_iter().flatten().copied();
        first.into_iter().chain(more).collect()
    }

    /// The ids that the catalog does not know, as often as they come. One that the state knows is not
    /// searched in the catalog again.
    pub(super) fn missing<'i>(
        &self,
        state: &State,
        ids: impl Iterator<Item = &'i str>,
    ) -> Vec<String> {
        let catalog = self.catalog.view();
        let is_missing = |id: &&str| {
            let number = state.products.find(id);
            let known = number.and_then(|number| self.ordinals.get(number as usize));
            known.map_or_else(|| catalog.find(id).is_none(), |ordinal| *ordinal == NONE)
        };
        ids.filter(is_missing).map(str::to_owned).collect()
    }

    /// Follows new numbers of the same products; what holds of them is as it was.
    pub(super) fn renumber(&mut self, state: &State) {
        self.ordinals.clear();
        self.ids.fill(NONE);
        self.more_ids.clear();
        let catalog = Arc::clone(&self.catalog);
        self.resolve(&catalog.view(), state);
    }

    /// Finds the products of ids that are new to the state.
    fn resolve(&mut self, catalog: &View<'_>, state: &State) {
        let known = u32::try_from(self.ordinals.len()).unwrap_or(NONE);
        for id in known..u32::try_from(state.products.len()).unwrap_or(NONE) {
            let ordinal = catalog.find(state.products.name(id));
            self.ordinals.push(ordinal.map_or(NONE, |ordinal| ordinal.0));
            let Some(ordinal) = ordinal else { continue };
            match self.ids.get_mut(ordinal.index()) {
                Some(first) if *first == NONE => *first = id,
                _ => self.more_ids.entry(ordinal.0).or_default().push(id),
            }
        }
    }

    fn ordinal(&self, id: u32) -> Option<Ordinal> {
        self.ordinals.get(id as usize).filter(|ordinal| **ordinal != NONE).map(|o| Ordinal(*o))
    }

    fn stock(&mut self, catalog: &View<'_>, state: &State, product: Ordinal, inventory: u32) {
        let place = match inventory {
            UNNAMED => None,
            named => match self.places.inventory(state.inventories.name(named)) {
                Some(index) => Some(index),
                None => return,
            },
        };
        let ids = self.ids(product);
        let held = state.state_of(&ids, inventory).map(|claim| (claim.value.state, claim.event_us));
        let read_us = snapshot_state(catalog, product).and_then(|(_, read_us)| read_us);
        let holds = held.filter(|(_, event_us)| read_us.is_none_or(|read| *event_us > read));
        self.view.set_reading(product, place, holds.map(|(state, _)| state));
        let quantity = state.quantity_of(&ids, inventory).map(|claim| claim.value);
        self.view.set_quantity(product, place, quantity);
    }

    fn price(&mut self, catalog: &View<'_>, state: &State, product: Ordinal, market: u32) {
        let Some(index) = self.places.market(state.markets.name(market)) else { return };
        let claim = self.price_claim(state, &self.ids(product), index);
        let read_us = snapshot_price(catalog, &self.places, product, index);
        let read_us = read_us.and_then(|(_, read_us)| read_us);
        let holds = claim.filter(|claim| read_us.is_none_or(|read| claim.event_us > read));
        self.view.set_price(product, index, holds.map(|claim| claim.value));
    }

    /// The price that sources say in a market of the catalog.
    pub(super) fn price_claim(
        &self,
        state: &State,
        ids: &[u32],
        market: u32,
    ) -> Option<super::resolve::Claim<i64>> {
        let declared = self.places.market_at(market)?;
        let mut names = arrayvec::ArrayVec::<u32, 2>::new();
        if market == self.places.default_market {
            names.push(UNNAMED);
        }
        names.extend(state.markets.find(&declared.id));
        state.price_of(ids, &names, declared.currency?)
    }

    /// Every blocked product of the catalog. It is made anew when any block changes: recalls are
    /// rare, and 100,000 blocks take some tens of milliseconds.
    fn blocked(&self, catalog: &View<'_>, state: &State) -> BlockedProducts {
        let mut blocked = BlockedProducts::default();
        let mut seen = HashSet::new();
        let mut rest = Vec::new();
        for (id, block) in state.blocks.iter() {
            let markets = self.places.market_mask(&block.markets);
            let Some(product) = catalog.find(id).filter(|_| markets != 0) else { continue };
            let own = ProductBlock { markets, expire_s: block.expire_s };
            seen.clear();
            rest.push(product);
            while let Some(product) = rest.pop() {
                if seen.insert(product) {
                    blocked.add(product, own);
                    let variants = catalog.variants(product);
                    rest.extend(variants.iter().map(|variant| Ordinal(variant.get())));
                }
            }
        }
        blocked
    }
}

impl Places {
    fn new(view: &View<'_>) -> Self {
        let meta = view.meta();
        let index = |index: usize| u32::try_from(index).unwrap_or(NONE);
        let market_list = meta.markets.iter().map(|market| Market {
            id: market.id.as_str().to_owned(),
            currency: Currency::parse(market.currency.as_str()),
            default_inventory: market.default_inventory.to_native(),
        });
        let market_list = market_list.collect::<Vec<_>>();
        let inventory_list = meta.inventories.iter().map(|id| id.as_str().to_owned());
        let inventory_list = inventory_list.collect::<Vec<_>>();
        let markets = market_list.iter().enumerate().map(|(at, m)| (m.id.clone(), index(at)));
        let inventories = inventory_list.iter().enumerate().map(|(at, id)| (id.clone(), index(at)));
        Self {
            inventories: inventories.collect(),
            markets: markets.collect(),
            market_list,
            inventory_list,
            default_market: meta.default_market.to_native(),
        }
    }

    /// The index of an inventory.
    pub(super) fn inventory(&self, id: &str) -> Option<u32> {
        self.inventories.get(id).copied()
    }

    /// The id of an inventory.
    pub(super) fn inventory_at(&self, index: u32) -> Option<&str> {
        self.inventory_list.get(index as usize).map(String::as_str)
    }

    /// The index of a market; that of the default one for an empty id.
    pub(super) fn market(&self, id: &str) -> Option<u32> {
        if id.is_empty() { Some(self.default_market) } else { self.markets.get(id).copied() }
    }

    /// What a market declares.
    pub(super) fn market_at(&self, index: u32) -> Option<&Market> {
        self.market_list.get(index as usize)
    }

    /// A bit per market named that the catalog knows; every bit if none is named.
    fn market_mask(&self, ids: &[String]) -> u64 {
        if ids.is_empty() {
            return u64::MAX;
        }
        let bits = ids.iter().filter_map(|id| self.markets.get(id));
        bits.fold(0, |mask, index| mask | 1_u64.checked_shl(*index).unwrap_or(0))
    }
}

/// The snapshot's own state of a product and when it was read, if it says when.
pub(super) fn snapshot_state(
    catalog: &View<'_>,
    product: Ordinal,
) -> Option<(Availability, Option<i64>)> {
    let state = Availability::new(catalog.product(product)?.availability)?;
    let read_at_s = catalog.attributes(product).map_or(0, |attributes| attributes.read_at_s.get());
    Some((state, read_us(read_at_s)))
}

/// The snapshot's own price of a product in a market, likewise.
pub(super) fn snapshot_price(
    catalog: &View<'_>,
    places: &Places,
    product: Ordinal,
    market: u32,
) -> Option<(i64, Option<i64>)> {
    if market == places.default_market {
        let attributes = catalog.attributes(product)?;
        let price = attributes.price.get();
        return (price != NO_PRICE).then(|| (price, read_us(attributes.read_at_s.get())));
    }
    let prices = catalog.market_prices(product);
    let own = prices.iter().find(|price| u32::from(price.market.get()) == market)?;
    Some((own.price.get(), read_us(own.read_at_s.get())))
}

fn read_us(read_at_s: u32) -> Option<i64> {
    (read_at_s != 0).then(|| i64::from(read_at_s) * 1_000_000)
}
