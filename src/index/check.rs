//! Does a whole catalog mean something? Asked once at open, so that a file that was forged or
//! written by a faulty compiler is refused by name instead of answering nonsense.

use std::{iter, mem};

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::little_endian::U64;

use super::{
    Ordinal, View, check_details, check_meta,
    edges::{header_bytes, pointed},
    error::Fault,
    keys,
    layout::{
        Edge, FLAGS_KNOWN, INLINE_KEY_BYTES_MAX, Key, META_KNOWN, META_MARKETS, META_RARE, NONE,
        ProductRecord, RareRecord, Section,
    },
};
use crate::model::{
    limits::{ID_BYTES_MAX, PRODUCTS_MAX, RELATIONS_PER_TYPE_MAX, VARIANT_DEPTH_MAX},
    relation::{Availability, Origin},
};

/// Fails with the fault of a section unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $part:expr, $($what:tt)+) => {
        if !$condition {
            return Err(Fault::structure($part, format!($($what)+)));
        }
    };
}
pub(super) use ensure;

/// Checks every section against every other one.
pub(super) fn catalog(view: &View<'_>) -> Result<(), Fault> {
    check_meta::catalog(view.meta())?;
    let count = view.product_count();
    ensure!(count <= PRODUCTS_MAX, "products", "{count} products, at most {PRODUCTS_MAX}");
    let mut heap = HeapCheck::default();
    products(view, &mut heap)?;
    parents(view)?;
    aliases(view, &mut heap)?;
    heap.end(view)?;
    key_table(view)?;
    let reverse_marks = edges(view)?;
    check_details::catalog(view, reverse_marks)
}

/// Long ids stand in the heap without gaps, in the order of their entries.
#[derive(Default)]
struct HeapCheck {
    next: u64,
}

impl HeapCheck {
    fn key<'a>(
        &mut self,
        view: &View<'a>,
        part: &'static str,
        key: &'a Key,
    ) -> Result<&'a [u8], Fault> {
        let len = usize::from(key.len);
        ensure!((1..=ID_BYTES_MAX).contains(&len), part, "an id of {len} bytes");
        if len <= INLINE_KEY_BYTES_MAX {
            let rest = key.bytes.get(len..).unwrap_or_default();
            ensure!(rest.iter().all(|byte| *byte == 0), part, "an id with bytes behind its end");
        } else {
            let offset = key.heap_offset();
            ensure!(offset == self.next, part, "an id at {offset} of the heap, not {}", self.next);
            ensure!(key.bytes.first_chunk() == Some(&[0; 7]), part, "a long id with a mark");
            self.next += len as u64;
        }
        let Some(id) = view.key_bytes(key) else {
            return Err(Fault::structure(part, "an id beyond the heap"));
        };
        ensure!(str::from_utf8(id).is_ok(), part, "an id that is not UTF-8");
        Ok(id)
    }

    fn end(&self, view: &View<'_>) -> Result<(), Fault> {
        let len = view.key_heap().len() as u64;
        ensure!(self.next == len, Section::KeyHeap.code(), "{len} bytes, ids take {}", self.next);
        Ok(())
    }
}

fn products(view: &View<'_>, heap: &mut HeapCheck) -> Result<(), Fault> {
    let part = Section::Products.code();
    let count = view.product_count();
    let mut before: Option<&[u8]> = None;
    for (index, product) in view.products().iter().enumerate() {
        let ProductRecord { parent, flags, eco_grade, availability, reserved, .. } = *product;
        let id = heap.key(view, part, &product.key)?;
        if let Some(before) = before {
            ensure!(
                view.id_rule().order(before, id).is_lt(),
                part,
                "product {index} is out of order"
            );
        }
        before = Some(id);
        let parent = parent.get();
        let sound = parent == NONE || (parent as usize) < count && parent as usize != index;
        ensure!(sound, part, "product {index} is a variant of {parent}");
        ensure!(flags & !FLAGS_KNOWN == 0, part, "product {index} has flags {flags:#x}");
        ensure!(eco_grade <= 5, part, "product {index} has grade {eco_grade}");
        let known = availability == 0 || Availability::new(availability).is_some();
        ensure!(known, part, "product {index} has availability {availability}");
        ensure!(reserved == 0, part, "product {index} has a reserved byte");
    }
    Ok(())
}

/// Parents lead to a product without one, in no more steps than lookups follow.
fn parents(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::Products.code();
    for ordinal in view.ordinals() {
        let above = iter::successors(view.parent(ordinal), |parent| view.parent(*parent));
        let steps = above.take(VARIANT_DEPTH_MAX + 1).count();
        let index = ordinal.0;
        ensure!(
            steps <= VARIANT_DEPTH_MAX,
            part,
            "product {index} has parents in a circle or more than {VARIANT_DEPTH_MAX} of them"
        );
    }
    Ok(())
}

fn aliases(view: &View<'_>, heap: &mut HeapCheck) -> Result<(), Fault> {
    let part = Section::Aliases.code();
    let mut before: Option<&[u8]> = None;
    for alias in view.alias_records() {
        let id = heap.key(view, part, &alias.key)?;
        let sorted = before.is_none_or(|before| view.id_rule().order(before, id).is_lt());
        ensure!(sorted, part, "an alias is out of order");
        before = Some(id);
        let product = alias.product.get();
        ensure!((product as usize) < view.product_count(), part, "an alias of product {product}");
    }
    Ok(())
}

/// Every entry is found under its own id and no other one before it, and nothing else is in the
/// table.
fn key_table(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::Keys.code();
    let entries = keys::entry_count(view.product_count(), view.alias_records().len())?;
    view.keys().check(entries).map_err(|what| Fault::structure(part, what))?;
    for entry in 0..entries {
        let id = view.entry_key(entry).unwrap_or_default();
        let hash = keys::hash(view.id_rule(), view.key_seed(), id);
        let is_it = |found| view.entry_key(found).is_some_and(|key| view.id_rule().same(key, id));
        let found = view.keys().find(hash, is_it);
        ensure!(found == Some(entry), part, "the id of entry {entry} leads to {found:?}");
    }
    Ok(())
}

/// What the blocks hold in all.
struct Tally {
    /// By type number.
    types: [TypeTally; 256],
    /// The sum of the marks of all relations of reverse types.
    reverse_marks: u64,
}

#[derive(Clone, Copy, Default)]
struct TypeTally {
    relations: u64,
    reverse: bool,
}

impl Tally {
    #[expect(clippy::indexing_slicing, reason = "a u8 is below 256")]
    fn of(&mut self, number: u8) -> &mut TypeTally {
        &mut self.types[usize::from(number)]
    }
}

/// A number for a relation. Two lists of relations whose numbers have one sum hold the same ones,
/// whatever their order, unless someone took pains.
pub(super) fn relation_mark(source: u32, relation_type: u8, target: u32) -> u64 {
    let ends = u64::from(target) << 32 | u64::from(source);
    xxh3_64_with_seed(&ends.to_le_bytes(), u64::from(relation_type))
}

/// Blocks follow each other by ordinal without gaps; runs, edges and rare records are sound.
/// Returns the sum of the marks of all relations of reverse types.
fn edges(view: &View<'_>) -> Result<u64, Fault> {
    let part = Section::Edges.code();
    let meta = view.meta();
    let mut tally = Tally { types: [TypeTally::default(); 256], reverse_marks: 0 };
    for declared in meta.relation_types.iter() {
        tally.of(declared.number).reverse = declared.reverse == 1;
    }
    let mut next = 0_u64;
    for (index, product) in view.products().iter().enumerate() {
        let (offset, runs) = pointed(product.edges.get());
        ensure!(runs <= 0xff, part, "product {index} has {runs} runs");
        if runs == 0 {
            ensure!(offset == 0, part, "product {index} has no runs but a block");
            continue;
        }
        ensure!(offset == next, part, "the block of product {index} is at {offset}, not {next}");
        let len = block(view, index, &mut tally)?;
        next += len as u64;
    }
    let len = view.edge_bytes().len() as u64;
    ensure!(next == len, part, "{len} bytes, blocks take {next}");
    for declared in meta.relation_types.iter() {
        let (number, said) = (declared.number, declared.relation_count.to_native());
        let count = mem::take(tally.of(number)).relations;
        ensure!(count == said, part, "{count} of type {number}, meta says {said}");
    }
    let undeclared = tally.types.iter().any(|of_type| of_type.relations > 0);
    ensure!(!undeclared, part, "a relation of an undeclared type");
    let total: u64 =
        meta.relation_types.iter().map(|declared| declared.relation_count.to_native()).sum();
    let said = meta.relation_count.to_native();
    ensure!(total == said, part, "{total} relations, meta says {said}");
    Ok(tally.reverse_marks)
}

/// Checks one block and returns its length.
fn block(view: &View<'_>, index: usize, tally: &mut Tally) -> Result<usize, Fault> {
    let part = Section::Edges.code();
    let ordinal = Ordinal(u32::try_from(index).unwrap_or(NONE));
    let block = view.block(ordinal);
    let (_, runs) = view.product(ordinal).map_or((0, 0), |product| pointed(product.edges.get()));
    let headers = block.headers();
    ensure!(headers.len() as u64 == runs, part, "the block of product {index} passes the end");
    let sorted = headers.is_sorted_by(|a, b| a.relation_type < b.relation_type);
    ensure!(sorted, part, "the runs of product {index} are not sorted");
    ensure!(block.padding_is_zero(), part, "bytes behind the runs of product {index}");
    let mut len = header_bytes(headers.len());
    let mut runs_read = 0;
    for (run, header) in block.runs().zip(headers) {
        runs_read += 1;
        let count = run.edges().len();
        ensure!((1..=RELATIONS_PER_TYPE_MAX).contains(&count), part, "a run of {count} relations");
        let of_type = tally.of(header.relation_type);
        of_type.relations += count as u64;
        let reverse = of_type.reverse;
        let mut rare = 0;
        let mut score_before = None;
        for relation in run.relations() {
            edge(view, ordinal, relation.edge, score_before)?;
            score_before = Some(relation.edge.score.get());
            if reverse {
                let target = relation.edge.target.get();
                let mark = relation_mark(ordinal.0, header.relation_type, target);
                tally.reverse_marks = tally.reverse_marks.wrapping_add(mark);
            }
            let has_rare = relation.edge.meta.get() & META_RARE != 0;
            ensure!(has_rare == relation.rare.is_some(), part, "a rare record passes the end");
            if let Some(record) = relation.rare {
                rare_record(view, relation.edge, record)?;
                rare += 1;
            }
        }
        ensure!(header.has_rare == u8::from(rare > 0), part, "a run's rare mark is wrong");
        len += size_of_val(run.edges()) + rare * size_of::<RareRecord>();
    }
    ensure!(runs_read == headers.len(), part, "the block of product {index} passes the end");
    Ok(len)
}

fn edge(view: &View<'_>, source: Ordinal, edge: &Edge, before: Option<u16>) -> Result<(), Fault> {
    let part = Section::Edges.code();
    let (target, score, meta) = (edge.target.get(), edge.score.get(), edge.meta.get());
    ensure!((target as usize) < view.product_count(), part, "a relation to product {target}");
    ensure!(target != source.0, part, "product {target} is related to itself");
    ensure!(before.is_none_or(|before| score < before), part, "scores do not fall");
    ensure!(meta & !META_KNOWN == 0, part, "a relation has marks {meta:#x}");
    ensure!(Origin::new(edge.origin_number()).is_some(), part, "a relation has no origin");
    Ok(())
}

fn rare_record(view: &View<'_>, edge: &Edge, rare: &RareRecord) -> Result<(), Fault> {
    let part = Section::Edges.code();
    let quantity = rare.quantity.get();
    ensure!(quantity.is_finite() && quantity >= 0.0, part, "a quantity of {quantity}");
    let (from, to) = (rare.valid_from_s.get(), rare.valid_to_s.get());
    ensure!(from < to, part, "a relation valid from {from} to {to}");
    ensure!(rare.markets.get() & !market_mask(view) == 0, part, "a relation in unknown markets");
    let limited = edge.meta.get() & META_MARKETS != 0;
    ensure!(limited == (rare.markets.get() != 0), part, "a relation's market mark is wrong");
    Ok(())
}

/// A bit for each market.
pub(super) fn market_mask(view: &View<'_>) -> u64 {
    let markets = u32::try_from(view.meta().markets.len()).unwrap_or(64);
    u64::MAX.checked_shr(64 - markets).unwrap_or(0)
}

/// List ends by ordinal: as many as products (or none at all), ascending, up to `items`.
pub(super) fn ends(view: &View<'_>, section: Section, items: usize) -> Result<(), Fault> {
    let ends = view.section::<U64>(section);
    let (found, count) = (ends.len(), view.product_count());
    if found == 0 {
        ensure!(items == 0, section.code(), "no ends for {items} items");
        return Ok(());
    }
    ensure!(found == count, section.code(), "{found} ends for {count} products");
    ensure!(ends.is_sorted_by_key(|end| end.get()), section.code(), "ends do not rise");
    let last = ends.last().map_or(0, |end| end.get());
    ensure!(last == items as u64, section.code(), "the last end is {last} of {items}");
    Ok(())
}
