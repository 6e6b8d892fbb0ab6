//! What the slots of one page share: what is shown already, and what the page is about.

use arrayvec::ArrayVec;

use super::{answer::Pick, places::Places, query::QuerySeed, scene::Scene, seeds::own_roots};
use crate::{
    index::Ordinal,
    model::limits::{RESULTS_MAX, SEEDS_MAX, SLOTS_MAX},
};

/// The page that lookups answer slots of. Empty for a lookup of its own. Keep one and begin anew.
#[derive(Debug, Default)]
pub struct Page {
    shown: Places,
    shown_count: usize,
    own: ArrayVec<Ordinal, SEEDS_MAX>,
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
        page_seeds: impl IntoIterator<Item = QuerySeed<'q>>,
        repeats: Repeats,
    ) {
        self.shown_count = 0;
        self.own = own_roots(&scene.view, page_seeds);
        self.repeats = repeats;
    }

    /// Tops of the variant groups of the page's product seeds.
    pub(super) fn own(&self) -> &[Ordinal] {
        &self.own
    }

    /// Is the product taken by an earlier slot?
    #[inline]
    pub(super) fn shows(&self, product: Ordinal) -> bool {
        self.shown_count > 0 && self.shown.place(product.0).is_some()
    }

    /// Takes note of what a slot shows.
    pub(super) fn show(&mut self, picks: &[Pick]) {
        if self.repeats == Repeats::Allowed {
            return;
        }
        if self.shown_count == 0 {
            self.shown.begin(SLOTS_MAX.saturating_mul(RESULTS_MAX));
        }
        for pick in picks {
            self.shown.insert(pick.product.0);
            self.shown_count = self.shown_count.saturating_add(1);
        }
    }
}
