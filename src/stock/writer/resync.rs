//! All that a source says, in the place of what it said before.

use std::collections::BTreeSet;

use super::Writer;
use crate::{
    model::limits::{PRODUCTS_FORGOTTEN_MIN, REJECTIONS_MAX},
    stock::{
        ReplaceDone, StockError, UpdateDraft, check,
        command::ReplaceCommand,
        entry::{Batch, Entry, Part, UPDATES_PER_PART, Update},
        projection::Projection,
        state::{Outcome, Touched},
    },
};

impl Writer {
    pub(super) fn replace(&mut self, command: ReplaceCommand) {
        let ReplaceCommand { seat, source_id, sequence, updates, reply } = command;
        let answer = self.replaced(source_id, sequence, updates);
        drop(seat);
        reply(answer);
        self.forget_idle(PRODUCTS_FORGOTTEN_MIN);
    }

    /// Lets go of products of which nothing is kept, where they are many.
    fn forget_idle(&mut self, idle_min: usize) {
        if self.state.forget_idle(idle_min)
            && let Some(projection) = &mut self.projection
        {
            projection.renumber(&self.state);
        }
    }

    fn replaced(
        &mut self,
        source_id: String,
        sequence: u64,
        updates: Vec<UpdateDraft>,
    ) -> Result<ReplaceDone, StockError> {
        let projection = self.projection.as_ref().ok_or(StockError::NoCatalog)?;
        let now_s = self.now_s();
        let checked = check::updates(updates, &projection.places, now_s);
        let check::Checked { updates, mut rejected, rejected_products } = checked;
        let keeps = self.said_of(&source_id, &rejected_products, projection);
        self.state.check_replace(&source_id, sequence, &keeps, updates.iter())?;
        let rejected_count = rejected.len() as u64;
        rejected.truncate(REJECTIONS_MAX);

        let batch = Batch { source: source_id.clone(), sequence, received_s: now_s, updates };
        let entries = parts(batch, keeps);
        // Parts before the last count for nothing yet, so that each may have a write of its own:
        // a resync of two million readings needs no buffer of their length.
        for entry in &entries {
            self.append(&[entry.encode()])?;
        }
        let mut touched = Touched::default();
        let (mut applied, mut removed) = (0, 0);
        for entry in &entries {
            if let Outcome::Replaced { applied: all, removed: gone } =
                self.state.apply(entry, &mut touched)?
            {
                (applied, removed) = (all, gone);
            }
        }
        self.show(&touched);
        let source = self.state.feeds.find(&source_id).expect("the resync opened the feed");
        let position = self.state.feeds.get(source).to_position();
        Ok(ReplaceDone { position, applied, removed, rejected, rejected_count })
    }

    /// Of the products with these ids, each id under which the source said something.
    fn said_of(&self, source_id: &str, ids: &[String], projection: &Projection) -> Vec<String> {
        let Some(source) = self.state.feeds.find(source_id) else { return Vec::new() };
        let catalog = projection.catalog.view();
        let numbers = ids.iter().flat_map(|id| match catalog.find(id) {
            Some(product) => projection.ids(product),
            None => self.state.products.find(id).into_iter().collect(),
        });
        let of_source = |number: &u32| self.state.readings(*number).are_of(source);
        let numbers = numbers.filter(of_source).collect::<BTreeSet<_>>();
        numbers.into_iter().map(|number| self.state.products.name(number).to_owned()).collect()
    }
}

/// A resync as entries that fit the journal. Ids that are kept have parts of their own.
fn parts(batch: Batch, keeps: Vec<String>) -> Vec<Entry> {
    let Batch { source, sequence, received_s, updates } = batch;
    let kept = pieces(keeps).into_iter().map(|keeps| (Vec::new(), keeps));
    let said = pieces(updates).into_iter().map(|updates| (updates, Vec::new()));
    let mut all = kept.chain(said).collect::<Vec<_>>();
    // A source that says nothing takes everything back.
    if all.is_empty() {
        all.push((Vec::new(), Vec::new()));
    }
    let count = all.len();
    let part = |(part, (updates, keeps)): (u32, (Vec<Update>, Vec<String>))| {
        let batch = Batch { source: source.clone(), sequence, received_s, updates };
        let is_last = part as usize + 1 == count;
        Entry::Replace(Part { part, is_last, batch, keeps })
    };
    (0..).zip(all).map(part).collect()
}

/// A list in pieces of one part each, none of which holds more room than it needs.
fn pieces<T>(all: Vec<T>) -> Vec<Vec<T>> {
    let mut rest = all.into_iter();
    let piece = || {
        let piece = rest.by_ref().take(UPDATES_PER_PART).collect::<Vec<_>>();
        (!piece.is_empty()).then_some(piece)
    };
    std::iter::from_fn(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::{UPDATES_PER_PART, pieces};

    #[test]
    fn the_pieces_of_a_long_resync_take_the_room_of_one_copy() {
        let all = (0..50 * UPDATES_PER_PART + 1).collect::<Vec<_>>();
        let pieces = pieces(all.clone());
        assert_eq!(pieces.len(), 51);
        let room = pieces.iter().map(Vec::capacity).sum::<usize>();
        assert!(room <= 2 * all.len(), "{room} places for {} items", all.len());
        assert_eq!(pieces.concat(), all);
    }
}
