//! From the seeds of a request to products that the catalog knows.

use super::{
    page::Page,
    query::{Query, QuerySeed, SeedTarget},
    variants::group_root,
};
use crate::{
    index::{Ordinal, View},
    model::limits::SEEDS_MAX,
};

/// Best sellers that stand for a category seed.
const PRODUCTS_PER_CATEGORY: usize = 10;

/// A product that candidates come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) product: Ordinal,
    /// Bit per position in the query.
    pub(super) positions: u64,
    pub(super) quantity: f64,
}

/// The known products of a lookup.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    /// In the order of the query, at most [`SEEDS_MAX`].
    pub(super) known: Vec<Known>,
    /// Tops of the variant groups of product seeds, sorted: they are never recommended.
    pub(super) own: Vec<Ordinal>,
}

impl Seeds {
    /// Finds the products of the seeds; returns a bit per seed that leads to none.
    pub(super) fn resolve(&mut self, view: &View<'_>, query: &Query<'_>, page: &Page) -> u64 {
        self.known.clear();
        self.own.clear();
        self.own.extend_from_slice(page.own());
        if page.own().is_empty() {
            prefetch_seeds(view, query.seeds.iter().copied());
        }
        let mut missing = 0;
        for (position, seed) in query.seeds.iter().enumerate() {
            let bit = 1_u64 << (position & 63);
            if !self.add(view, seed, bit, page.found(position)) {
                missing |= bit;
            }
        }
        self.own.sort_unstable();
        self.own.dedup();
        missing
    }

    /// Adds the products of a seed; says whether there are any. `guess` may be its product: looking at
    /// its id is cheaper than looking for it.
    fn add(
        &mut self,
        view: &View<'_>,
        seed: &QuerySeed<'_>,
        positions: u64,
        guess: Option<Ordinal>,
    ) -> bool {
        let quantity = if seed.quantity > 0.0 { seed.quantity } else { 1.0 };
        match seed.target {
            SeedTarget::Product(id) => {
                let guess = guess.filter(|guess| view.id_bytes(*guess) == id.as_bytes());
                let Some(product) = guess.or_else(|| view.find(id)) else { return false };
                let known = view.product(product);
                // Read soon, while there is other work to do.
                known.into_iter().for_each(|known| view.prefetch_block(known));
                view.prefetch_attributes(product);
                self.own.extend(known.map(|known| group_root(view, product, known)));
                join(&mut self.known, Known { product, positions, quantity });
                true
            }
            SeedTarget::Category(id) => {
                let popular = view.category(id).map(|category| view.popular(Some(category)));
                let best = popular.unwrap_or_default().iter().take(PRODUCTS_PER_CATEGORY);
                let products = best.map(|product| Ordinal(product.get()));
                for product in products.clone() {
                    join(&mut self.known, Known { product, positions, quantity });
                }
                products.len() > 0
            }
        }
    }
}

/// Adds a known product, or its units and positions to those of the same one.
fn join(known: &mut Vec<Known>, new: Known) {
    if let Some(same) = known.iter_mut().find(|same| same.product == new.product) {
        same.positions |= new.positions;
        same.quantity = (same.quantity + new.quantity).min(f64::MAX);
    } else if known.len() < SEEDS_MAX {
        known.push(new);
    }
}

/// Adds a product that a fallback starts from, or positions to those of the same one.
pub(super) fn join_derived(derived: &mut Vec<Known>, product: Ordinal, positions: u64) {
    if let Some(same) = derived.iter_mut().find(|same| same.product == product) {
        same.positions |= positions;
    } else if derived.len() < SEEDS_MAX {
        derived.push(Known { product, positions, quantity: 1.0 });
    }
}

impl Known {
    /// Its weight among several: its units rounded, at least 1 and at most 4, so that a dozen
    /// batteries do not drown one camera.
    pub(super) fn weight(&self) -> u32 {
        [1.5, 2.5, 3.5]
            .iter()
            .fold(1, |weight, step| weight.saturating_add(u32::from(self.quantity >= *step)))
    }
}

/// Asks for what finding the products of several seeds reads.
pub(super) fn prefetch_seeds<'q>(
    view: &View<'_>,
    seeds: impl Iterator<Item = QuerySeed<'q>> + Clone,
) {
    if seeds.clone().nth(1).is_some() {
        view.prefetch_ids(seeds.filter_map(|seed| match seed.target {
            SeedTarget::Product(id) => Some(id),
            SeedTarget::Category(_) => None,
        }));
    }
}
