//! The state as pieces of at most two MiB, and back.
//!
//! Feeds and places come first, because readings name them by number. Products are in the order of
//! their numbers, so that lists go on in the same order after a restart; ids without readings are
//! left out. Reading takes any bytes and checks what the state relies on.

use super::{
    blocks::Block,
    entry::{
        read_currency, read_flag, read_markets, read_note, read_price, read_quantity, write_texts,
    },
    error::DecodeError,
    feeds::Feed,
    readings::{Held, PriceRow, ProductReadings, StateSince, StockRow},
    state::State,
    wire::{Reader, Writer},
};
use crate::model::relation::Availability;

/// The layout that this version writes and reads.
const VERSION: u8 = 1;

/// A piece ends with the element that reaches this length.
const PIECE_BYTES: usize = 1 << 20;
/// Rows of one element; further ones of the product stand in further elements.
const ROWS_PER_ELEMENT: usize = 8_192;

const KIND_FEEDS: u8 = 1;
const KIND_INVENTORIES: u8 = 2;
const KIND_MARKETS: u8 = 3;
const KIND_PRODUCTS: u8 = 4;
const KIND_BLOCKS: u8 = 5;

const STOCK_ROW_BYTES_MIN: usize = 4 + 1 + 2;
const PRICE_ROW_BYTES: usize = 4 + 1 + 3 + 8 + 8 + 8 + 4;

impl State {
    /// The whole state, piece by piece.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> {
        let inventories = (0..).map(|n| self.inventories.name(n)).take(self.inventories.len());
        let markets = (0..).map(|n| self.markets.name(n)).take(self.markets.len());
        let products = (0..).map(|n| (self.products.name(n), self.readings(n)));
        let elements = products.take(self.products.len()).flat_map(elements);
        pieces(KIND_FEEDS, self.feeds.iter(), write_feed)
            .chain(pieces(KIND_INVENTORIES, inventories, Writer::text))
            .chain(pieces(KIND_MARKETS, markets, Writer::text))
            .chain(pieces(KIND_PRODUCTS, elements, write_element))
            .chain(pieces(KIND_BLOCKS, self.blocks.iter(), write_block))
    }

    /// Takes a piece back, into a state that holds the pieces before it and nothing else.
    ///
    /// # Errors
    /// Any bytes that [`State::pieces`] does not give.
    pub(super) fn take_piece(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new("piece of the stock checkpoint", piece);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(reader.fault(format!("layout {version}, this version reads {VERSION}")));
        }
        let kind = reader.u8()?;
        while !reader.is_at_end() {
            match kind {
                KIND_FEEDS => {
                    let feed = read_feed(&mut reader)?;
                    let restored = self.feeds.restore(feed);
                    restored.ok_or_else(|| reader.fault("a feed cannot have been so"))?;
                }
                KIND_INVENTORIES => {
                    self.inventories.intern(reader.place()?);
                }
                KIND_MARKETS => {
                    self.markets.intern(reader.place()?);
                }
                KIND_PRODUCTS => self.take_element(&mut reader)?,
                KIND_BLOCKS => {
                    let (id, block) = read_block(&mut reader)?;
                    self.blocks.insert(id, block);
                }
                other => return Err(reader.fault(format!("kind {other} is unknown"))),
            }
        }
        Ok(())
    }

    fn take_element(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let product = reader.id()?;
        let stock = (0..reader.count(STOCK_ROW_BYTES_MIN)?)
            .map(|_| self.read_stock_row(reader))
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let prices = (0..reader.count(PRICE_ROW_BYTES)?)
            .map(|_| self.read_price_row(reader))
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let restored = self.restore(product, ProductReadings { stock, prices });
        restored.ok_or_else(|| reader.fault("expected rows in order, each once, and at least one"))
    }

    fn read_stock_row(&self, reader: &mut Reader<'_>) -> Result<StockRow, DecodeError> {
        let inventory = read_number(reader, self.inventories.len())?;
        let source = self.read_source(reader)?;
        let state = if read_flag(reader)? {
            let number = reader.u8()?;
            let Some(state) = Availability::new(number) else {
                return Err(reader.fault(format!("availability {number} is unknown")));
            };
            let since_us = reader.i64()?;
            Some(read_held(reader, StateSince { state, since_us })?)
        } else {
            None
        };
        let quantity = if read_flag(reader)? {
            let quantity = read_quantity(reader)?;
            Some(read_held(reader, quantity)?)
        } else {
            None
        };
        let row = StockRow { inventory, source, state, quantity };
        if row.is_empty() { Err(reader.fault("a row says nothing")) } else { Ok(row) }
    }

    fn read_price_row(&self, reader: &mut Reader<'_>) -> Result<PriceRow, DecodeError> {
        let market = read_number(reader, self.markets.len())?;
        let source = self.read_source(reader)?;
        let currency = read_currency(reader)?;
        let price = read_price(reader)?;
        Ok(PriceRow { market, source, currency, price: read_held(reader, price)? })
    }

    fn read_source(&self, reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
        let source = reader.u8()?;
        if usize::from(source) >= self.feeds.len() {
            return Err(reader.fault(format!("feed {source} of {} is named", self.feeds.len())));
        }
        Ok(source)
    }
}

/// Elements of one kind, collected into pieces.
fn pieces<T>(
    kind: u8,
    elements: impl Iterator<Item = T>,
    write: impl Fn(&mut Writer, T),
) -> impl Iterator<Item = Vec<u8>> {
    let mut elements = elements.peekable();
    std::iter::from_fn(move || {
        elements.peek()?;
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.u8(kind);
        while writer.len() < PIECE_BYTES {
            let Some(element) = elements.next() else { break };
            write(&mut writer, element);
        }
        Some(writer.into_bytes())
    })
}

/// A product and some of its rows.
type Element<'a> = (&'a str, &'a [StockRow], &'a [PriceRow]);

fn elements<'a>(
    (product, readings): (&'a str, &'a ProductReadings),
) -> impl Iterator<Item = Element<'a>> {
    let mut stock = readings.stock.chunks(ROWS_PER_ELEMENT);
    let mut prices = readings.prices.chunks(ROWS_PER_ELEMENT);
    std::iter::from_fn(move || {
        let rows = (stock.next(), prices.next());
        (rows.0.is_some() || rows.1.is_some())
            .then(|| (product, rows.0.unwrap_or_default(), rows.1.unwrap_or_default()))
    })
}

fn write_element(writer: &mut Writer, (product, stock, prices): Element<'_>) {
    writer.text(product);
    writer.count(stock.len());
    for row in stock {
        writer.u32(row.inventory);
        writer.u8(row.source);
        writer.u8(row.state.is_some().into());
        if let Some(state) = &row.state {
            writer.u8(state.value.state as u8);
            writer.i64(state.value.since_us);
            write_age(writer, state);
        }
        writer.u8(row.quantity.is_some().into());
        if let Some(quantity) = &row.quantity {
            writer.f64(quantity.value);
            write_age(writer, quantity);
        }
    }
    writer.count(prices.len());
    for row in prices {
        writer.u32(row.market);
        writer.u8(row.source);
        writer.raw(row.currency.code().as_bytes());
        writer.i64(row.price.value);
        write_age(writer, &row.price);
    }
}

fn write_age<T>(writer: &mut Writer, held: &Held<T>) {
    writer.i64(held.event_us);
    writer.u64(held.sequence);
    writer.u32(held.index);
}

fn read_held<T>(reader: &mut Reader<'_>, value: T) -> Result<Held<T>, DecodeError> {
    Ok(Held::new(value, reader.i64()?, reader.u64()?, reader.u32()?))
}

fn read_number(reader: &mut Reader<'_>, count: usize) -> Result<u32, DecodeError> {
    let number = reader.u32()?;
    if number as usize >= count {
        return Err(reader.fault(format!("place {number} of {count} is named")));
    }
    Ok(number)
}

fn write_feed(writer: &mut Writer, feed: &Feed) {
    writer.text(&feed.source);
    writer.u64(feed.position);
    writer.i64(feed.received_s);
    writer.i64(feed.event_us_max);
    writer.count(feed.runs.len());
    for (first, last) in &feed.runs {
        writer.u64(*first);
        writer.u64(*last);
    }
}

fn read_feed(reader: &mut Reader<'_>) -> Result<Feed, DecodeError> {
    let mut feed = Feed::new(reader.id()?);
    feed.position = reader.u64()?;
    feed.received_s = reader.i64()?;
    feed.event_us_max = reader.i64()?;
    let runs = (0..reader.count(16)?).map(|_| Ok((reader.u64()?, reader.u64()?)));
    feed.runs = runs.collect::<Result<_, DecodeError>>()?;
    Ok(feed)
}

fn write_block(writer: &mut Writer, (id, block): (&str, &Block)) {
    writer.text(id);
    write_texts(writer, &block.markets);
    writer.text(&block.reason);
    writer.text(&block.actor);
    writer.i64(block.block_s);
    writer.i64(block.expire_s);
}

fn read_block(reader: &mut Reader<'_>) -> Result<(String, Block), DecodeError> {
    let id = reader.id()?.to_owned();
    let block = Block {
        markets: read_markets(reader)?,
        reason: read_note(reader)?,
        actor: read_note(reader)?,
        block_s: reader.i64()?,
        expire_s: reader.i64()?,
    };
    Ok((id, block))
}
