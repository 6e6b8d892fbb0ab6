//! Rows of products: one of each source that states a product, and what they say together.
//!
//! Two rows of one source are one too many: the better one counts, whole. Rows of several sources are
//! merged field by field, so that a source that knows little of a product hides nothing of what
//! another one knows:
//!
//! - A field has the value of the largest priority that states it; of equal ones the larger value,
//!   whichever came first. A list is one field, and so is the assortment.
//! - A product is hidden if any source hides it: none can say more than nothing about a visible one,
//!   and to show what must not be seen is worse.
//! - Price and availability carry their reading time along. A product has one: the older of the two,
//!   so that a live reading between them still counts.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeSet,
    mem,
};

use super::{
    GraphError,
    intern::{index, number},
    ledger::Ledger,
    words::Words,
};
use crate::model::{
    record::{Location, Visibility},
    relation::Availability,
};

/// No row, no text.
const NONE: u32 = u32::MAX;

/// A row of a product, in numbers of ids and texts; later what all of its rows say.
#[derive(Debug)]
pub(super) struct ProductRow {
    pub(super) node: u32,
    pub(super) authority: u16,
    pub(super) at: Location,
    pub(super) title: Option<u32>,
    pub(super) brand: Option<u32>,
    /// Normal paths, the primary one first, the others sorted.
    pub(super) categories: Box<[u32]>,
    pub(super) price: Option<i64>,
    /// That of the source whose price it is.
    pub(super) price_authority: u16,
    pub(super) availability: Option<Availability>,
    /// When price and availability were read.
    pub(super) read_at_s: Option<i64>,
    /// When the availability was read.
    pub(super) availability_read_at_s: Option<i64>,
    pub(super) parent: Option<u32>,
    /// The row that names the parent.
    pub(super) parent_at: Location,
    pub(super) variant_position: Option<u32>,
    pub(super) visibility: Visibility,
    pub(super) popularity: Option<f64>,
    /// Sorted.
    pub(super) tags: Box<[u32]>,
    /// The row that names the tags.
    pub(super) tags_at: Location,
    pub(super) eco_grade: Option<u8>,
    pub(super) markets: u64,
    /// Does it say which markets? Else they are all.
    pub(super) names_markets: bool,
}

/// The best row of each product and source so far.
#[derive(Debug, Default)]
pub(super) struct ProductRows {
    rows: Vec<ProductRow>,
    /// By row.
    links: Vec<RowLink>,
    /// Index of a product's first row by number of its id.
    row_of: Vec<u32>,
    /// Further spellings of a source beside that of its first row: the row's index, the text's number.
    other_spellings: BTreeSet<(u32, u32)>,
}

/// What is known of a row only while reading.
#[derive(Debug)]
struct RowLink {
    /// Index of the product's next row, by another source.
    next: u32,
    /// How its source's first row spells the id; [`NONE`] is the spelling that names the product.
    spelling: u32,
}

/// What a further row of a product is to those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Further {
    /// The first one by its source.
    OtherSource,
    /// Another one by its source.
    Duplicate,
    /// Another one by its source, which spells the id anew.
    Respelled,
}

impl ProductRows {
    /// Is this id that of a product?
    pub(super) fn holds(&self, node: u32) -> bool {
        self.first(node).is_some()
    }

    /// Takes a row that spells its id like this; says what it is if it is not the product's first. The
    /// smallest spelling names the product; of two rows of one source the better one stays.
    pub(super) fn add(
        &mut self,
        row: ProductRow,
        id: &str,
        words: &mut Words,
        ledger: &Ledger,
    ) -> Result<Option<Further>, GraphError> {
        let node = row.node;
        if !self.holds(node) {
            words.ids.respell(node, id);
            self.push(row, NONE);
            return Ok(None);
        }
        if id < words.ids.text(node) {
            self.rename(node, id, words)?;
        }
        let spelling = if words.ids.text(node) == id { NONE } else { words.text(id)? };
        let source = ledger.source(row.at);
        let held = self.of_product(node).find(|held| ledger.source(self.rows[*held].at) == source);
        let Some(held) = held else {
            self.push(row, spelling);
            return Ok(Some(Further::OtherSource));
        };
        let is_new = spelling != self.links[held].spelling
            && self.other_spellings.insert((number(held), words.text(id)?));
        if standing(&row, &self.rows[held], words).is_gt() {
            self.rows[held] = row;
        }
        Ok(Some(if is_new { Further::Respelled } else { Further::Duplicate }))
    }

    /// The rows by folded id, those of one product by standing.
    pub(super) fn sorted(self, words: &Words) -> Vec<ProductRow> {
        let mut rows = self.rows;
        sort(&mut rows, words);
        rows
    }

    fn first(&self, node: u32) -> Option<usize> {
        let row = self.row_of.get(index(node)).copied();
        row.filter(|row| *row != NONE).map(index)
    }

    /// The indexes of a product's rows.
    fn of_product(&self, node: u32) -> impl Iterator<Item = usize> {
        let next = |row: &usize| Some(self.links[*row].next).filter(|row| *row != NONE).map(index);
        std::iter::successors(self.first(node), next)
    }

    fn push(&mut self, row: ProductRow, spelling: u32) {
        let node = index(row.node);
        if self.row_of.len() <= node {
            self.row_of.resize(node + 1, NONE);
        }
        let next = mem::replace(&mut self.row_of[node], number(self.rows.len()));
        self.links.push(RowLink { next, spelling });
        self.rows.push(row);
    }

    /// Names a product by another spelling; rows that used the name so far keep it as theirs.
    fn rename(&mut self, node: u32, id: &str, words: &mut Words) -> Result<(), GraphError> {
        let name = words.ids.text(node).to_owned();
        let name = words.text(&name)?;
        let rows = self.of_product(node).collect::<Vec<_>>();
        for link in rows {
            let spelling = &mut self.links[link].spelling;
            if *spelling == NONE {
                *spelling = name;
            }
        }
        words.ids.respell(node, id);
        Ok(())
    }
}

/// Sorts rows by folded id; those of one product by priority, then the one first that says more or
/// says larger things.
pub(super) fn sort(rows: &mut [ProductRow], words: &Words) {
    // The beginnings of most ids differ: of millions of rows, sixteen bytes each are compared and moved.
    let place = |key: &u128| index((key & u128::from(u32::MAX)).try_into().expect("32 bits"));
    let keys = rows.iter().zip(0_u32..);
    let keys = keys.map(|(row, at)| words.ids.prefix(row.node) << 32 | u128::from(at));
    let mut keys = keys.collect::<Vec<_>>();
    keys.sort_unstable();
    for alike in keys.chunk_by_mut(|left, right| left >> 32 == right >> 32) {
        alike.sort_unstable_by(|left, right| {
            let (left, right) = (&rows[place(left)], &rows[place(right)]);
            let order = words.ids.order(left.node, right.node);
            order.then_with(|| standing(right, left, words))
        });
    }
    let mut from = keys.iter().map(place).collect::<Vec<_>>();
    drop(keys);
    for begin in 0..rows.len() {
        let mut to = begin;
        while from[to] != begin {
            let next = mem::replace(&mut from[to], to);
            rows.swap(to, next);
            to = next;
        }
        from[to] = to;
    }
}

/// The ids of sorted rows, each once.
pub(super) fn nodes(rows: &[ProductRow]) -> impl Iterator<Item = u32> {
    by_product(rows).map(|rows| rows[0].node)
}

/// Sorted rows product by product.
pub(super) fn by_product(rows: &[ProductRow]) -> impl Iterator<Item = &[ProductRow]> {
    rows.chunk_by(|left, right| left.node == right.node)
}

/// Lets one row stand for all sorted rows of a product. `read_at_s` is when rows were read that do
/// not say it.
pub(super) fn merge(rows: &mut Vec<ProductRow>, read_at_s: Option<i64>, words: &Words) {
    let (mut first, mut kept) = (0, 0);
    while let Some(row) = rows.get(first) {
        let node = row.node;
        let count = rows[first..].iter().take_while(|row| row.node == node).count();
        if count > 1 {
            rows[first] = merged(&mut rows[first..first + count], read_at_s, words);
        }
        rows.swap(kept, first);
        kept += 1;
        first += count;
    }
    rows.truncate(kept);
}

/// What the rows of one product say together; the first one is that of the best standing.
fn merged(rows: &mut [ProductRow], read_at_s: Option<i64>, words: &Words) -> ProductRow {
    let text = |number: u32| (words.texts.bytes(number), number);
    let read = |row: &ProductRow| row.read_at_s.or(read_at_s);
    let price = best(rows, |row| Some((row.price?, read(row), row.authority)));
    let availability = best(rows, |row| Some((row.availability?, read(row))));
    let times = [price.map(|(_, read, _)| read), availability.map(|(_, read)| read)];
    let times = times.into_iter().flatten();
    let parent =
        best(rows, |row| Some((words.ids.folded(row.parent?), row.parent, Reverse(row.at))));
    let parent = parent.map(|(_, parent, Reverse(at))| (parent, at));
    let place = best(rows, |row| row.variant_position.map(Reverse));
    let popularity = best(rows, |row| row.popularity.map(f64::to_bits));
    let markets = best(rows, |row| row.names_markets.then_some(row.markets));
    let mut merged = ProductRow {
        title: best(rows, |row| row.title.map(text)).map(|(_, title)| title),
        brand: best(rows, |row| row.brand.map(text)).map(|(_, brand)| brand),
        categories: Box::default(),
        price: price.map(|(price, ..)| price),
        price_authority: price.map_or(0, |(.., authority)| authority),
        availability: availability.map(|(state, _)| state),
        read_at_s: match times.clone().next() {
            Some(_) => times.flatten().min(),
            None => best(rows, |row| row.read_at_s),
        },
        availability_read_at_s: availability.and_then(|(_, read)| read),
        parent: parent.and_then(|(parent, _)| parent),
        parent_at: parent.map_or(rows[0].at, |(_, at)| at),
        variant_position: place.map(|Reverse(place)| place),
        visibility: rows.iter().map(|row| row.visibility).max().unwrap_or_default(),
        popularity: popularity.map(f64::from_bits),
        tags: Box::default(),
        tags_at: rows[0].at,
        eco_grade: best(rows, |row| row.eco_grade),
        markets: markets.unwrap_or(rows[0].markets),
        names_markets: markets.is_some(),
        ..rows[0]
    };
    if let Some(row) = best_list(rows, words, |row| &row.categories) {
        merged.categories = mem::take(&mut rows[row].categories);
    }
    if let Some(row) = best_list(rows, words, |row| &row.tags) {
        (merged.tags, merged.tags_at) = (mem::take(&mut rows[row].tags), rows[row].at);
    }
    merged
}

/// The value of the largest priority that states one; of equal ones the largest.
fn best<'r, T: Ord>(
    rows: &'r [ProductRow],
    stated: impl Fn(&'r ProductRow) -> Option<T>,
) -> Option<T> {
    let values = rows.iter().filter_map(|row| Some((row.authority, stated(row)?)));
    values.max().map(|(_, value)| value)
}

/// The index of the row whose list counts, if any has one.
fn best_list(
    rows: &[ProductRow],
    words: &Words,
    list: impl Fn(&ProductRow) -> &[u32],
) -> Option<usize> {
    let stated = rows.iter().enumerate().filter(|(_, row)| !list(row).is_empty());
    let key = |row: &ProductRow| (row.authority, texts(list(row), words), Reverse(row.at));
    stated.max_by_key(|(_, row)| key(row)).map(|(at, _)| at)
}

fn texts<'w>(numbers: &[u32], words: &'w Words) -> Vec<&'w [u8]> {
    numbers.iter().map(|number| words.texts.bytes(*number)).collect()
}

/// The order of two rows of one product: by priority, then by what they say, whichever came first.
fn standing(row: &ProductRow, held: &ProductRow, words: &Words) -> Ordering {
    let text = |number: u32| words.texts.bytes(number);
    let content = |row: &ProductRow| {
        let labels = (row.title.map(text), row.brand.map(text), texts(&row.categories, words));
        let parent = row.parent.map(|parent| words.ids.folded(parent));
        // Popularity is not negative: its bits stand in the order of its values.
        let popularity = row.popularity.map(f64::to_bits);
        let rest = (texts(&row.tags, words), row.eco_grade, row.markets, row.names_markets);
        let family = (parent, Reverse(row.variant_position), row.visibility);
        (labels, row.price, row.availability, row.read_at_s, family, popularity, rest)
    };
    row.authority
        .cmp(&held.authority)
        .then_with(|| content(row).cmp(&content(held)))
        // Equal rows differ by place only; the first place is the one to show.
        .then_with(|| held.at.cmp(&row.at))
}
