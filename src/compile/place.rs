//! Places that are counted and judged: the whole catalog, and its sources, types, markets, stages and top
//! categories.

use std::collections::BTreeMap;

use crate::{
    index::{Ordinal, Provenance, View, layout::NONE},
    model::relation::StageMask,
};

/// A catalog, and where its relations were read, if that is known.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The catalog.
    pub view: View<'a>,
    /// Whose relations they are; without it, sources are not told apart.
    pub provenance: Option<&'a Provenance>,
}

/// A source that no provenance names.
pub(super) const UNKNOWN_SOURCE: u32 = u32::MAX;

/// Where something is counted; what is absent is summed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) relation_type: Option<u8>,
    pub(super) source: Option<&'a str>,
    pub(super) market: Option<&'a str>,
    /// Empty for products without a category.
    pub(super) category: Option<&'a str>,
    /// Bit of the stage in a [`StageMask`].
    pub(super) stage: Option<u32>,
}

impl Place<'_> {
    /// Is it a sum over the catalog?
    pub(super) fn is_whole(&self) -> bool {
        let Self { source, market, category, stage, relation_type: _ } = self;
        source.is_none() && market.is_none() && category.is_none() && stage.is_none()
    }
}

/// What two catalogs tell apart: with one source or market, groups by it would repeat the sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dimensions {
    by_source: bool,
    by_market: bool,
}

impl Dimensions {
    pub(super) fn new(before: Side<'_>, after: Side<'_>) -> Self {
        let sources = |side: Side<'_>| side.provenance.map(|places| places.sources().len());
        let known = sources(before).zip(sources(after));
        let markets = |side: Side<'_>| side.view.meta().markets.len();
        Self {
            by_source: known.is_some_and(|(before, after)| before.max(after) > 1),
            by_market: markets(before).max(markets(after)) > 1,
        }
    }
}

/// Ordinals of one catalog's names on the way to places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The category at the top of the product's, or [`NONE`].
    pub(super) top: u32,
    /// 0 for what has no type.
    pub(super) relation_type: u8,
    pub(super) source: u32,
    /// Bit `n` for the market at index `n`.
    pub(super) markets: u64,
    /// Bits of the stages; 0 where stages are no matter.
    pub(super) stages: u8,
}

/// Bits of the stages that a relation is meant for.
pub(super) fn stage_bits(stages: StageMask) -> u8 {
    let every = StageMask::from_bits(u8::MAX);
    if stages == StageMask::EVERY { every.bits() } else { stages.bits() }
}

/// Names of one catalog.
pub(super) struct Names<'a> {
    side: Side<'a>,
    /// By category.
    tops: Vec<u32>,
    /// By file.
    sources: Vec<u32>,
}

impl<'a> Names<'a> {
    pub(super) fn new(side: Side<'a>) -> Self {
        let mut tops: Vec<u32> = Vec::new();
        for (own, category) in (0..).zip(side.view.meta().categories.iter()) {
            // Categories stand in pre-order: the parent's is known.
            let parent = tops.get(category.parent.to_native() as usize);
            tops.push(parent.copied().unwrap_or(own));
        }
        let sources = side
            .provenance
            .map(|places| places.files().map(|file| file.source.to_native()).collect());
        Self { side, tops, sources: sources.unwrap_or_default() }
    }

    /// The key of a product: its category and its markets.
    pub(super) fn product(&self, product: Ordinal) -> Key {
        let known = self.side.view.attributes(product);
        let category = known.map_or(NONE, |known| known.category.get());
        Key {
            top: self.tops.get(category as usize).copied().unwrap_or(NONE),
            relation_type: 0,
            source: UNKNOWN_SOURCE,
            markets: known.map_or(0, |known| known.assortment.get()),
            stages: 0,
        }
    }

    /// The sources of a product's relations, in their order over its runs.
    pub(super) fn sources(&self, product: Ordinal) -> impl Iterator<Item = u32> {
        let records = self.side.provenance.map(|places| places.records_of(product));
        let source_of = |file: u32| self.sources.get(file as usize).copied();
        let known = records.unwrap_or_default().iter();
        known.map(move |record| source_of(record.file.get()).unwrap_or(UNKNOWN_SOURCE))
    }

    /// Adds what is counted by keys to all places that hold it.
    pub(super) fn places(
        &self,
        cells: &BTreeMap<Key, u64>,
        dimensions: Dimensions,
    ) -> BTreeMap<Place<'a>, u64> {
        let mut sums = BTreeMap::new();
        let mut places = Vec::new();
        for (key, count) in cells {
            self.places_of(*key, dimensions, &mut places);
            for place in &places {
                *sums.entry(*place).or_default() += *count;
            }
        }
        sums
    }

    fn places_of(&self, key: Key, dimensions: Dimensions, places: &mut Vec<Place<'a>>) {
        places.clear();
        let relation_type = Some(key.relation_type).filter(|number| *number != 0);
        let whole = Place { relation_type, ..Place::default() };
        let source = Some(key.source).filter(|_| dimensions.by_source);
        let source = source.and_then(|source| self.source(source));
        let category = Some(self.category(key.top));
        places.extend([whole, Place { source, ..whole }, Place { category, ..whole }]);
        for market in bits(key.markets) {
            let market = self.market(market).filter(|_| dimensions.by_market);
            places.push(Place { market, ..whole });
            places.push(Place { source, market, category, ..whole });
        }
        let stages = bits(u64::from(key.stages));
        places.extend(stages.map(|stage| Place { stage: Some(stage), ..whole }));
        places.sort_unstable();
        places.dedup();
    }

    pub(super) fn category(&self, top: u32) -> &'a str {
        let found = self.side.view.meta().categories.get(top as usize);
        found.map_or("", |category| category.id.as_str())
    }

    pub(super) fn market(&self, index: u32) -> Option<&'a str> {
        self.side.view.meta().markets.get(index as usize).map(|market| market.id.as_str())
    }

    fn source(&self, index: u32) -> Option<&'a str> {
        self.side.provenance?.sources().nth(index as usize)
    }

    pub(super) fn view(&self) -> View<'a> {
        self.side.view
    }
}

/// The places of the bits that are set.
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros())?;
        mask &= mask - 1;
        Some(bit)
    })
}

/// Counts by key; equal keys in a row cost no look-up.
#[derive(Default)]
pub(super) struct Tally {
    cells: BTreeMap<Key, u64>,
    open: Option<(Key, u64)>,
}

impl Tally {
    pub(super) fn add(&mut self, key: Key) {
        match &mut self.open {
            Some((open, count)) if *open == key => *count += 1,
            _ => {
                self.close();
                self.open = Some((key, 1));
            }
        }
    }

    pub(super) fn into_cells(mut self) -> BTreeMap<Key, u64> {
        self.close();
        self.cells
    }

    fn close(&mut self) {
        if let Some((key, count)) = self.open.take() {
            *self.cells.entry(key).or_default() += count;
        }
    }
}
