//! Pairs of categories that relations lead from and to.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::{
    Ordinal, View,
    layout::{META_REVERSED, NONE},
};

/// What the snapshot before linked, in numbers of the new one's categories.
pub(super) struct Pairs {
    /// Categories of the new catalog that the one before has, too.
    known: Vec<bool>,
    linked: BTreeSet<(u32, u32)>,
}

impl Pairs {
    pub(super) fn new(before: &View<'_>, after: &View<'_>) -> Self {
        let categories = after.meta().categories.iter().zip(0..);
        let by_path = categories
            .map(|(category, id)| (category.id.as_str(), id))
            .collect::<BTreeMap<_, u32>>();
        let old = before.meta().categories.iter();
        let old = old.map(|category| by_path.get(category.id.as_str()).copied());
        let renumbered = old.collect::<Vec<_>>();
        let mut known = vec![false; by_path.len()];
        for id in renumbered.iter().flatten() {
            if let Some(known) = known.get_mut(*id as usize) {
                *known = true;
            }
        }
        let mut linked = BTreeSet::new();
        let mut last = (NONE, NONE);
        for source in before.ordinals() {
            let from = category(before, source);
            for run in before.block(source).runs() {
                for edge in run.edges() {
                    let pair = (from, category(before, Ordinal(edge.target.get())));
                    // Lists mostly stay in one category; only stated ones count, as below.
                    if pair != last && edge.meta.get() & META_REVERSED == 0 {
                        let new = |old: u32| renumbered.get(old as usize).copied().flatten();
                        linked.extend(new(pair.0).zip(new(pair.1)));
                        last = pair;
                    }
                }
            }
        }
        Self { known, linked }
    }

    /// The names of two categories that were there before, but that nothing linked. A snapshot
    /// without any such link says nothing of what is usual.
    pub(super) fn new_pair<'a>(
        &self,
        view: &View<'a>,
        source: Ordinal,
        target: Ordinal,
    ) -> Option<(&'a str, &'a str)> {
        let (from, to) = (category(view, source), category(view, target));
        let was_there = |id: u32| self.known.get(id as usize).copied().unwrap_or_default();
        if self.linked.is_empty() || !was_there(from) || !was_there(to) {
            return None;
        }
        if from == to || self.linked.contains(&(from, to)) {
            return None;
        }
        let name = |id: u32| view.meta().categories.get(id as usize).map(|one| one.id.as_str());
        name(from).zip(name(to))
    }
}

fn category(view: &View<'_>, product: Ordinal) -> u32 {
    view.attributes(product).map_or(NONE, |known| known.category.get())
}
