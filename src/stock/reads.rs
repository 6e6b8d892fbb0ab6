//! What the state says, told to people and replicas: what holds, every reading, every block.

use super::{
    BlockPage, Effective, EffectiveList, Reading, ReadingPage, Said, StockError, Told,
    projection::{Projection, snapshot_price, snapshot_state},
    readings::{PriceRow, StockRow},
    resolve::Claim,
    state::{State, UNNAMED},
    wire::{Reader, Writer},
};
use crate::{index::Ordinal, model::currency::Currency};

/// What holds for some products in an inventory and a market; empty means the default ones.
pub(super) fn effective(
    state: &State,
    projection: &Projection,
    product_ids: Vec<String>,
    inventory_id: &str,
    market_id: &str,
) -> Result<EffectiveList, StockError> {
    let places = &projection.places;
    let unknown = |field: &str, id: &str| {
        StockError::invalid(field, format!("`{id:.64}` is unknown to the snapshot"))
    };
    let market = places.market(market_id).ok_or_else(|| unknown("market_id", market_id))?;
    let declared = places.market_at(market).ok_or_else(|| unknown("market_id", market_id))?;
    let inventory = if inventory_id.is_empty() {
        Some(declared.default_inventory)
    } else {
        places.inventory(inventory_id)
    };
    let inventory_id = inventory
        .and_then(|inventory| places.inventory_at(inventory))
        .ok_or_else(|| unknown("inventory_id", inventory_id))?;
    let look = Look { state, projection, inventory_id, market };
    let products = product_ids.into_iter().map(|id| look.at(id)).collect();
    Ok(EffectiveList {
        products,
        inventory_id: inventory_id.to_owned(),
        market_id: declared.id.clone(),
        currency_code: declared.currency.as_ref().map_or("", Currency::code).to_owned(),
        positions: state.feeds.positions(),
        blocks_digest: state.blocks.digest(),
    })
}

/// Where to look at products.
struct Look<'a> {
    state: &'a State,
    projection: &'a Projection,
    inventory_id: &'a str,
    market: u32,
}

impl Look<'_> {
    fn at(&self, product_id: String) -> Effective {
        let (state, projection) = (self.state, self.projection);
        let catalog = projection.catalog.view();
        let known = catalog.find(&product_id);
        let ids = match known {
            Some(product) => projection.ids(product),
            None => state.products.find(&product_id).into_iter().collect(),
        };
        let named = state.inventories.find(self.inventory_id);
        let inventories = named.into_iter().chain([UNNAMED]);

        let own = known.and_then(|product| snapshot_state(&catalog, product));
        let holds = |claim: &Claim<_>| later(claim.event_us, own.and_then(|own| own.1));
        let mut claims =
            inventories.clone().filter_map(|inventory| state.state_of(&ids, inventory));
        let claim = claims.find(holds);
        let since_us = match &claim {
            Some(claim) => Some(claim.value.since_us),
            None => own.and_then(|own| own.1),
        };
        let told = claim.map(|claim| self.told(claim.value.state, claim.event_us, claim.source));
        let availability = told.or_else(|| own.map(|(state, read_us)| by_snapshot(state, read_us)));

        let mut claims = inventories.filter_map(|inventory| state.quantity_of(&ids, inventory));
        let claim = claims.next();
        let quantity = claim.map(|claim| self.told(claim.value, claim.event_us, claim.source));

        let price = self.price(known, &ids);
        let is_known = known.is_some();
        Effective { product_id, is_known, availability, since_us, quantity, price }
    }

    fn price(&self, known: Option<Ordinal>, ids: &[u32]) -> Option<Told<i64>> {
        let projection = self.projection;
        let catalog = projection.catalog.view();
        let own = known
            .and_then(|product| snapshot_price(&catalog, &projection.places, product, self.market));
        let claim = projection.price_claim(self.state, ids, self.market);
        let claim = claim.filter(|claim| later(claim.event_us, own.and_then(|own| own.1)));
        let told = claim.map(|claim| self.told(claim.value, claim.event_us, claim.source));
        told.or_else(|| own.map(|(price, read_us)| by_snapshot(price, read_us)))
    }

    fn told<T>(&self, value: T, event_us: i64, source: u8) -> Told<T> {
        let source_id = self.state.feeds.get(source).source.clone();
        Told { value, event_us: Some(event_us), source_id }
    }
}

fn by_snapshot<T>(value: T, event_us: Option<i64>) -> Told<T> {
    Told { value, event_us, source_id: "".into() }
}

/// Does a reading hold against the snapshot's own?
fn later(event_us: i64, read_us: Option<i64>) -> bool {
    read_us.is_none_or(|read_us| event_us > read_us)
}

/// Every reading, or those of one source, page by page. Products come in the order in which they
/// were first heard of, which a restart keeps.
pub(super) fn readings(
    state: &State,
    source_id: Option<&str>,
    page_token: &str,
    page_size: usize,
) -> Result<ReadingPage, StockError> {
    let source = match source_id.map(|id| state.feeds.find(id)) {
        None => None,
        Some(Some(source)) => Some(source),
        // It never said anything, so that there is nothing to look for.
        Some(None) => return Ok(reading_page(state, Vec::new(), None)),
    };
    let after = if page_token.is_empty() { None } else { Some(Place::parse(state, page_token)?) };
    let first = after.map_or(0, |after| after.product);
    let count = u32::try_from(state.products.len()).unwrap_or(u32::MAX);
    let mut places = (first..count)
        .flat_map(|product| Place::of(state, product))
        .filter(|place| source.is_none_or(|source| place.source == source))
        .filter(|place| after.is_none_or(|after| *place > after));
    let page = places.by_ref().take(page_size.max(1)).collect::<Vec<_>>();
    let is_end = places.next().is_none();
    let readings = page.iter().filter_map(|place| place.reading(state)).collect();
    let next = page.last().filter(|_| !is_end).map(|place| place.token(state));
    Ok(reading_page(state, readings, next))
}

fn reading_page(state: &State, readings: Vec<Reading>, next: Option<String>) -> ReadingPage {
    let (positions, blocks_digest) = (state.feeds.positions(), state.blocks.digest());
    ReadingPage { readings, next, positions, blocks_digest }
}

/// Where a reading stands in the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    product: u32,
    kind: Kind,
    /// Number of the inventory or market.
    place: u32,
    source: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stock,
    Price,
}

impl Place {
    fn of(state: &State, product: u32) -> impl Iterator<Item = Self> {
        let readings = state.readings(product);
        let stock = readings.stock.iter().map(move |row| Self {
            product,
            kind: Kind::Stock,
            place: row.inventory,
            source: row.source,
        });
        let prices = readings.prices.iter().map(move |row| Self {
            product,
            kind: Kind::Price,
            place: row.market,
            source: row.source,
        });
        stock.chain(prices)
    }

    fn reading(&self, state: &State) -> Option<Reading> {
        let readings = state.readings(self.product);
        let said = match self.kind {
            Kind::Stock => {
                let mut rows = readings.stock_in(self.place).iter();
                said_of_stock(state, rows.find(|row| row.source == self.source)?)
            }
            Kind::Price => {
                let mut rows = readings.prices_in(self.place).iter();
                said_of_price(state, rows.find(|row| row.source == self.source)?)
            }
        };
        let product_id = state.products.name(self.product).to_owned();
        let source_id = state.feeds.get(self.source).source.clone();
        Some(Reading { product_id, source_id, said })
    }

    /// Names and not numbers, so that it means the same after a restart.
    fn token(&self, state: &State) -> String {
        let mut writer = Writer::default();
        writer.text(state.products.name(self.product));
        let (kind, place) = match self.kind {
            Kind::Stock => (0, state.inventories.name(self.place)),
            Kind::Price => (1, state.markets.name(self.place)),
        };
        writer.u8(kind);
        writer.text(place);
        writer.text(&state.feeds.get(self.source).source);
        hex(&writer.into_bytes())
    }

    fn parse(state: &State, token: &str) -> Result<Self, StockError> {
        let read = || {
            let bytes = unhex(token)?;
            let mut reader = Reader::new("page token", &bytes);
            let product = state.products.find(reader.id().ok()?)?;
            let kind = reader.u8().ok()?;
            let place = reader.place().ok()?;
            let source = state.feeds.find(reader.id().ok()?)?;
            let (kind, place) = match kind {
                0 => (Kind::Stock, state.inventories.find(place)?),
                1 => (Kind::Price, state.markets.find(place)?),
                _ => return None,
            };
            reader.end().ok()?;
            Some(Self { product, kind, place, source })
        };
        read().ok_or_else(wrong_token)
    }
}

fn said_of_stock(state: &State, row: &StockRow) -> Said {
    let held = |state: &super::readings::Held<super::readings::StateSince>| {
        (state.value.state, state.event_us, state.value.since_us)
    };
    Said::Stock {
        inventory_id: state.inventories.name(row.inventory).to_owned(),
        availability: row.state.as_ref().map(held),
        quantity: row.quantity.as_ref().map(|held| (held.value, held.event_us)),
    }
}

fn said_of_price(state: &State, row: &PriceRow) -> Said {
    Said::Price {
        market_id: state.markets.name(row.market).to_owned(),
        price: row.price.value,
        currency_code: row.currency.code().to_owned(),
        event_us: row.price.event_us,
    }
}

/// The blocks that stand, page by page; the token is the place of the last one before.
pub(super) fn blocks(
    state: &State,
    page_token: &str,
    page_size: usize,
    now_s: i64,
) -> Result<BlockPage, StockError> {
    let after = if page_token.is_empty() { None } else { Some(block_place(page_token)?) };
    let after = state.blocks.after(after);
    let mut standing = after.filter(|(_, block)| block.expire_s > now_s);
    let page = standing.by_ref().take(page_size.max(1)).collect::<Vec<_>>();
    let is_end = standing.next().is_none();
    let token = |(id, digest): &(String, u64)| {
        let mut writer = Writer::default();
        writer.text(id);
        writer.u64(*digest);
        hex(&writer.into_bytes())
    };
    Ok(BlockPage {
        next: page.last().filter(|_| !is_end).map(|(place, _)| token(place)),
        blocks: page.into_iter().map(|((id, _), block)| block.to_listed(id)).collect(),
    })
}

fn block_place(token: &str) -> Result<(String, u64), StockError> {
    let read = || {
        let bytes = unhex(token)?;
        let mut reader = Reader::new("page token", &bytes);
        let place = (reader.id().ok()?.to_owned(), reader.u64().ok()?);
        reader.end().ok()?;
        Some(place)
    };
    read().ok_or_else(wrong_token)
}

fn wrong_token() -> StockError {
    StockError::invalid(
        "page_token",
        "expected the token of a page before; begin with an empty one",
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let pair = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(pair).collect()
}
