//! The catalog as formulas: which category, group, visibility and price a product has.
//!
//! Invariant: a plan that exists has enough targets for every list its spec asks for.

use crate::model::{
    limits::{PRODUCTS_MAX, RELATIONS_PER_TYPE_MAX},
    relation::STANDARD_TYPES,
};

use super::{
    Spec, SynthError,
    names::{self, CATEGORIES_MAX, CategoryName, IdShape},
    rng::{Rng, Stream},
};

/// One group of variants stands in each block of so many products.
const VARIANT_BLOCK: u64 = 100;
/// Variants of a group, beside their parent.
pub(super) const VARIANTS_PER_GROUP: usize = 5;
const VARIANTS: u64 = VARIANTS_PER_GROUP as u64;
/// One product of each block of so many is hidden, unless it is in a group or a bundle.
const HIDDEN_BLOCK: u64 = 50;
/// One product of each whole block of so many is a bundle, unless it is in a group.
const BUNDLE_BLOCK: u64 = 200;
/// Popularity of the best product of the first category, in thousandths.
const POPULARITY_MILLIS_MAX: u64 = 10_000_000_000;

/// A catalog before it is written.
#[derive(Debug)]
pub(super) struct Plan {
    spec: Spec,
    products: u64,
    pub(super) id_shape: IdShape,
    pub(super) brand_count: u64,
    categories: Vec<Category>,
    /// Walks over all products in an order that says nothing.
    scatter: u64,
}

/// A leaf of the category tree: a range of products, and their ranks scrambled inside it.
#[derive(Clone, Debug)]
pub(super) struct Category {
    pub(super) name: CategoryName,
    first: u64,
    count: u64,
    multiplier: u64,
    inverse: u64,
    price_cents_median: u64,
}

/// What a product is among its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// On its own.
    Single,
    /// Has variants.
    Parent,
    /// Is one.
    Variant { parent: u64, position: u64 },
}

/// Where a product is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assortment {
    Everywhere,
    OnlyDe,
    OnlyUk,
}

impl Plan {
    pub(super) fn new(spec: &Spec) -> Result<Self, SynthError> {
        let products = u64::from(spec.products);
        if products == 0 || products > PRODUCTS_MAX as u64 {
            return Err(SynthError::Products { found: spec.products });
        }
        let id_shape = match spec.id_bytes {
            12 => IdShape::Sku,
            36 => IdShape::Uuid,
            found => return Err(SynthError::IdBytes { found }),
        };
        if !(1..=STANDARD_TYPES.len() as u64).contains(&u64::from(spec.types_per_product)) {
            return Err(SynthError::Types { found: spec.types_per_product });
        }
        let plan = Self {
            spec: spec.clone(),
            products,
            id_shape,
            brand_count: products.isqrt(),
            categories: categories(spec.seed, products),
            scatter: scramble(&mut Rng::new(spec.seed, Stream::Scatter, 0), products).0,
        };
        plan.check_relations()?;
        Ok(plan)
    }

    /// Says whether each list finds its distinct targets; counts no more products than that takes.
    fn check_relations(&self) -> Result<(), SynthError> {
        let types = u64::from(self.spec.types_per_product);
        let longest = u64::from(self.spec.relations_per_product).div_ceil(types);
        let others =
            (0..self.products).filter(|product| self.is_target(*product)).zip(0..=longest).count()
                as u64;
        let most_per_type = others.saturating_sub(1).min(RELATIONS_PER_TYPE_MAX as u64);
        if longest <= most_per_type {
            return Ok(());
        }
        Err(SynthError::Relations {
            found: self.spec.relations_per_product,
            most_per_type,
            types: self.spec.types_per_product,
            most: most_per_type * types,
        })
    }

    /// A product of each number, all of them in turn.
    pub(super) fn scattered(&self, number: u64) -> u64 {
        // Both are below 2^32.
        number % self.products * self.scatter % self.products
    }

    pub(super) const fn product_count(&self) -> u64 {
        self.products
    }

    pub(super) const fn seed(&self) -> u64 {
        self.spec.seed
    }

    pub(super) const fn rng(&self, stream: Stream, index: u64) -> Rng {
        Rng::new(self.spec.seed, stream, index)
    }

    /// How many relations each of a product's types has.
    pub(super) fn list_lengths(&self) -> impl Iterator<Item = u64> {
        let types = u64::from(self.spec.types_per_product);
        let relations = u64::from(self.spec.relations_per_product);
        (0..types).map(move |list| relations / types + u64::from(list < relations % types))
    }

    pub(super) fn part(&self, product: u64) -> Part {
        let place_count = VARIANT_BLOCK - VARIANTS;
        let block = product / VARIANT_BLOCK;
        let parent = block * VARIANT_BLOCK + self.rng(Stream::Variants, block).below(place_count);
        match product.checked_sub(parent) {
            Some(0) if product + 1 < self.products => Part::Parent,
            Some(position @ 1..=VARIANTS) => Part::Variant { parent, position },
            Some(_) | None => Part::Single,
        }
    }

    /// The product whose title, category, price and markets this one shares.
    pub(super) fn group(&self, product: u64) -> u64 {
        match self.part(product) {
            Part::Single | Part::Parent => product,
            Part::Variant { parent, .. } => parent,
        }
    }

    pub(super) fn is_bundle(&self, product: u64) -> bool {
        self.is_picked(Stream::Bundles, BUNDLE_BLOCK, product)
            && product / BUNDLE_BLOCK < self.products / BUNDLE_BLOCK
            && self.part(product) == Part::Single
    }

    pub(super) fn is_hidden(&self, product: u64) -> bool {
        self.is_picked(Stream::Hidden, HIDDEN_BLOCK, product)
            && self.part(product) == Part::Single
            && !self.is_bundle(product)
    }

    /// May relations and bundles lead to it?
    pub(super) fn is_target(&self, product: u64) -> bool {
        !matches!(self.part(product), Part::Variant { .. }) && !self.is_hidden(product)
    }

    fn is_picked(&self, stream: Stream, block_len: u64, product: u64) -> bool {
        let block = product / block_len;
        product % block_len == self.rng(stream, block).below(block_len)
    }

    pub(super) fn category_index(&self, product: u64) -> usize {
        self.categories.partition_point(|category| category.first <= product) - 1
    }

    pub(super) fn category(&self, index: usize) -> &Category {
        &self.categories[index]
    }

    /// A category drawn by its size, which is Zipf's already.
    pub(super) fn any_category(&self, rng: &mut Rng) -> &Category {
        self.category(self.category_index(rng.below(self.products)))
    }

    /// In thousandths: falls by rank in the category, and from large categories to small ones.
    pub(super) fn popularity_millis(&self, product: u64) -> u64 {
        let index = self.category_index(product);
        let rank = self.category(index).rank(product);
        POPULARITY_MILLIS_MAX / (rank + 1) / (index as u64 / 8 + 1)
    }

    /// The price in euro cents: log-normal around the category's median, and a price with 9 at its
    /// end as shops like it.
    pub(super) fn price_eur_cents(&self, product: u64) -> u64 {
        let product = self.group(product);
        let mut rng = self.rng(Stream::Price, product);
        let median = self.category(self.category_index(product)).price_cents_median;
        // A product of many even factors is log-normal, and needs no exponential.
        let cents = (0..8).fold(median, |cents, _| cents * (80 + rng.below(46)) / 100);
        charm_price(cents)
    }

    pub(super) fn price_gbp_pence(&self, product: u64) -> u64 {
        charm_price(self.price_eur_cents(product) * 86 / 100)
    }

    pub(super) fn assortment(&self, product: u64) -> Assortment {
        match self.rng(Stream::Markets, self.group(product)).below(100) {
            0..7 => Assortment::OnlyDe,
            7..9 => Assortment::OnlyUk,
            _ => Assortment::Everywhere,
        }
    }
}

impl Category {
    /// The product of this rank; rank 0 is the most popular one.
    fn product(&self, rank: u64) -> u64 {
        self.first + rank * self.multiplier % self.count
    }

    fn rank(&self, product: u64) -> u64 {
        (product - self.first) * self.inverse % self.count
    }

    /// The product so many ranks behind one of this category, from the first one on at its end.
    pub(super) fn behind(&self, product: u64, ranks: u64) -> u64 {
        self.product((self.rank(product) + ranks) % self.count)
    }

    /// A product by popularity, whether it may be a target or not.
    pub(super) fn popular_product(&self, rng: &mut Rng) -> u64 {
        self.product(rng.zipf(self.count))
    }
}

/// As many leaves as the square root of the products; their sizes fall like Zipf's.
fn categories(seed: u64, products: u64) -> Vec<Category> {
    let category_count = products.isqrt().min(CATEGORIES_MAX);
    let weight = |number: u64| (1 << 32) / (number + 4);
    let weight_sum: u64 = (0..category_count).map(weight).sum();
    let mut weight_before = 0;
    let mut first = 0;
    (0..category_count)
        .map(|number| {
            weight_before += weight(number);
            let end = scaled(products, weight_before, weight_sum);
            let count = end - first;
            let mut rng = Rng::new(seed, Stream::Category, number);
            let (multiplier, inverse) = scramble(&mut rng, count);
            let price_cents_median = (300 << rng.below(8)) + rng.below(300);
            let name = names::category(number);
            let category = Category { name, first, count, multiplier, inverse, price_cents_median };
            first = end;
            category
        })
        .collect()
}

/// `whole * part / parts` for `part <= parts`, without overflow.
fn scaled(whole: u64, part: u64, parts: u64) -> u64 {
    let scaled = u128::from(whole) * u128::from(part) / u128::from(parts);
    u64::try_from(scaled).expect("a part is at most the whole")
}

/// A multiplier that permutes the numbers below `count`, and the one that undoes it.
fn scramble(rng: &mut Rng, count: u64) -> (u64, u64) {
    loop {
        let multiplier = 1 + rng.below(count.max(1));
        if let Some(inverse) = inverse(multiplier, count) {
            return (multiplier, inverse);
        }
    }
}

/// The number by which `value` times it is 1 modulo `modulus`, if there is one (Euclid).
fn inverse(value: u64, modulus: u64) -> Option<u64> {
    if modulus <= 1 {
        return Some(1);
    }
    let (mut rest, mut next_rest) = (i128::from(modulus), i128::from(value % modulus));
    let (mut factor, mut next_factor) = (0_i128, 1_i128);
    while next_rest != 0 {
        let quotient = rest / next_rest;
        (rest, next_rest) = (next_rest, rest - quotient * next_rest);
        (factor, next_factor) = (next_factor, factor - quotient * next_factor);
    }
    let inverse = u64::try_from(factor.rem_euclid(i128::from(modulus))).ok()?;
    (rest == 1).then_some(inverse)
}

fn charm_price(cents: u64) -> u64 {
    cents / 50 * 50 + 49
}
