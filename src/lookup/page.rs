//! What the slots of one page share: what is shown already, and what the page is about.

use arrayvec::ArrayVec;

use super::{
    answer::Pick,
    places::Places,
    query::{QuerySeed, SeedTarget},
    scene::Scene,
    seeds::prefetch_seeds,
    variants::group_root,
};
use crate::{
    index::{Ordinal, layout::NONE},
    model::limits::SEEDS_MAX,
};

/// The page that lookups answer slots of. Empty for a lookup of its own. Keep one and begin anew.
#[derive(Debug, Default)]
pub struct Page {
    shown: Places,
    /// The products in it.
    shown_products: Vec<u32>,
    /// How many it has room for.
    room: usize,
    /// Tops of the variant groups of the page's product seeds.
    own: ArrayVec<Ordinal, SEEDS_MAX>,
    /// The product of each of the page's seeds, by position; [`NONE`] if it leads to none.
    found: ArrayVec<Ordinal, SEEDS_MAX>,
    repeats: Repeats,
}

/// May slots of a page repeat each other?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// An earlier slot keeps a product.
    #[default]
    Refused,
    /// They may.
    Allowed,
}

impl Page {
    /// Forgets what was shown. The products of the page's seeds are in no slot.
    pub fn begin<'q>(
        &mut self,
        scene: &Scene<'_>,
        page_seeds: impl IntoIterator<Item = QuerySeed<'q>, IntoIter: Clone>,
        repeats: Repeats,
    ) {
        self.shown_products.clear();
        self.room = 0;
        self.repeats = repeats;
        self.own.clear();
        self.found.clear();
        let seeds = page_seeds.into_iter().take(SEEDS_MAX);
        prefetch_seeds(&scene.view, seeds.clone());
        for seed in seeds {
            let product = match seed.target {
                SeedTarget::Product(id) => scene.view.find(id),
                SeedTarget::Category(_) => None,
            };
            let known = product.and_then(|product| scene.view.product(product).zip(Some(product)));
            self.own.extend(known.map(|(known, product)| group_root(&scene.view, product, known)));
            self.found.push(product.unwrap_or(Ordinal(NONE)));
        }
    }

    /// The product of the page's seed at this position: most slots have the same seeds.
    pub(super) fn found(&self, position: usize) -> Option<Ordinal> {
        self.found.get(position).copied().filter(|found| found.0 != NONE)
    }

    /// Tops of the variant groups of the page's product seeds.
    pub(super) fn own(&self) -> &[Ordinal] {
        &self.own
    }

    /// Has an earlier slot taken a product?
    pub(super) fn is_showing(&self) -> bool {
        self.room > 0
    }

    /// Is the product taken by an earlier slot?
    #[inline]
    pub(super) fn shows(&self, product: Ordinal) -> bool {
        self.room > 0 && self.shown.place(product.0).is_some()
    }

    /// Takes note of what a slot shows.
    pub(super) fn show(&mut self, picks: &[Pick]) {
        if self.repeats == Repeats::Allowed {
            return;
        }
        let products = picks.iter().map(|pick| pick.product.0);
        self.shown_products.extend(products.clone());
        if self.shown_products.len() > self.room {
            // Small at first, so that what most pages show stays in the nearest cache.
            self.room = self.shown_products.len().saturating_mul(2);
            self.shown.begin(self.room);
            for product in &self.shown_products {
                self.shown.insert(*product);
            }
        } else {
            for product in products {
                self.shown.insert(product);
            }
        }
    }
}
