//! `DiffSnapshots`: two catalogs list by list.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Inner,
    describe::{invalid, snapshot_id},
};
use crate::{
    index::{Catalog, Ordinal, Role, UnverifiedBlob, View},
    model::{
        id,
        limits::{DIFF_LISTS_MAX, DIFF_PRODUCTS_MAX, DIFF_TOP_DEFAULT, DIFF_TOP_MAX},
    },
    pb,
    service::status::{Refusal, Why},
    snapshot::Moment,
    store::{self, SnapshotId},
};

/// A catalog of the store, or the one that is live.
enum Opened {
    Live(Arc<Moment>),
    File(Box<Catalog>),
}

impl Opened {
    fn view(&self) -> View<'_> {
        match self {
            Self::Live(moment) => moment.snapshot.catalog().view(),
            Self::File(catalog) => catalog.view(),
        }
    }
}

impl Inner {
    pub(super) fn diff(
        &self,
        request: &pb::DiffSnapshotsRequest,
    ) -> Result<pb::DiffSnapshotsResponse, Refusal> {
        let base = snapshot_id("base_snapshot_id", &request.base_snapshot_id)?;
        let target = snapshot_id("target_snapshot_id", &request.target_snapshot_id)?;
        let top = match usize::try_from(request.top_k) {
            Ok(0) => DIFF_TOP_DEFAULT,
            Ok(top) if top <= DIFF_TOP_MAX => top,
            _ => {
                let text = format!("expected 0 to {DIFF_TOP_MAX}, found {}", request.top_k);
                return Err(invalid("top_k", text));
            }
        };
        let ids = &request.product_ids;
        if ids.len() > DIFF_PRODUCTS_MAX {
            let text = format!("expected at most {DIFF_PRODUCTS_MAX}, found {}", ids.len());
            return Err(invalid("product_ids", text));
        }
        for (index, one) in ids.iter().enumerate() {
            let field = || format!("product_ids[{index}]");
            id::check(one).map_err(|error| invalid(&field(), error.to_string()))?;
        }
        let (before, after) = (self.open(base)?, self.open(target)?);
        Ok(diff(&before.view(), &after.view(), top, ids))
    }

    fn open(&self, id: SnapshotId) -> Result<Opened, Refusal> {
        let live = self.parts.live.load();
        if let Some(live) = live.filter(|live| live.snapshot.manifest().snapshot_id == id) {
            return Ok(Opened::Live(live));
        }
        let manifest = self.find(id)?;
        let blob = manifest.blob(Role::Catalog).ok_or(store::Error::NoCatalog)?;
        self.require_not_quarantined(&manifest)?;
        // What ends the process here counts as if it had been live.
        let _trial = self.parts.gate.trials.begin(id);
        let path = self.parts.store.blob_path(blob);
        let catalog = UnverifiedBlob::open_paced(&path, self.parts.loading, &mut |_| Ok(()))
            .and_then(|opened| opened.verify(Some(blob.hash)))
            .and_then(Catalog::from_blob);
        let catalog = catalog.map_err(|error| {
            let text = format!("snapshot {id} cannot be compared: {error}");
            Refusal::Snapshots(Why::Precondition, text)
        })?;
        Ok(Opened::File(Box::new(catalog)))
    }
}

/// Compares the lists of these products, or of all.
pub(in crate::service) fn diff(
    before: &View<'_>,
    after: &View<'_>,
    top: usize,
    ids: &[String],
) -> pb::DiffSnapshotsResponse {
    let mut diff = Diff { before, after, top, types: BTreeMap::new(), products: Vec::new() };
    if ids.is_empty() {
        diff.all();
    } else {
        // Each once, however it is named.
        let ids = ids.iter().map(|id| (before.find(id), after.find(id)));
        ids.collect::<BTreeSet<_>>().into_iter().for_each(|(old, new)| diff.product(old, new));
    }
    let types = diff.types.into_iter().map(|(number, tally)| tally.into_diff(number));
    pb::DiffSnapshotsResponse { relation_type_diffs: types.collect(), product_diffs: diff.products }
}

struct Diff<'d, 'v> {
    before: &'d View<'v>,
    after: &'d View<'v>,
    top: usize,
    types: BTreeMap<u8, Tally>,
    products: Vec<pb::ProductDiff>,
}

/// What changed in one relation type.
#[derive(Debug, Default)]
struct Tally {
    added: u64,
    removed: u64,
    changed: u64,
    lists: u64,
    overlap: f64,
}

impl Tally {
    fn into_diff(self, number: u8) -> pb::RelationTypeDiff {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let lists = self.lists.max(1) as f64;
        pb::RelationTypeDiff {
            relation_type: i32::from(number),
            added: self.added,
            removed: self.removed,
            changed: self.changed,
            mean_overlap: self.overlap / lists,
        }
    }
}

/// Relation type, and the ids of the targets, best first.
type Lists<'v> = BTreeMap<u8, Vec<&'v str>>;

impl<'v> Diff<'_, 'v> {
    /// Every product that either has, in the order of ids.
    fn all(&mut self) {
        let mut old = self.before.ordinals().peekable();
        let mut new = self.after.ordinals().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => {
                    let ids = (self.before.id_bytes(*old), self.after.id_bytes(*new));
                    self.after.id_rule().order(ids.0, ids.1)
                }
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let old = if order.is_le() { old.next() } else { None };
            let new = if order.is_ge() { new.next() } else { None };
            self.product(old, new);
        }
    }

    fn product(&mut self, old: Option<Ordinal>, new: Option<Ordinal>) {
        let (before, after) = (lists(self.before, old), lists(self.after, new));
        let id = new.map(|new| self.after.id(new));
        let id = id.or_else(|| old.map(|old| self.before.id(old))).unwrap_or_default();
        let types = before.keys().chain(after.keys()).copied().collect::<BTreeSet<_>>();
        for number in types {
            let of = |lists: &Lists<'v>| lists.get(&number).cloned().unwrap_or_default();
            self.list(id, number, &of(&before), &of(&after));
        }
    }

    fn list(&mut self, id: &str, number: u8, old: &[&str], new: &[&str]) {
        let tally = self.types.entry(number).or_default();
        tally.lists += 1;
        tally.added += only_in(new, old).len() as u64;
        tally.removed += only_in(old, new).len() as u64;
        let [old, new] = [old, new].map(|list| list.get(..self.top).unwrap_or(list));
        let (added, removed) = (only_in(new, old), only_in(old, new));
        tally.changed += u64::from(added.is_empty() && removed.is_empty() && old != new);
        let longest = old.len().max(new.len()).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a list has at most a thousand")]
        let share = (new.len() - added.len()) as f64 / longest as f64;
        tally.overlap += share;
        if old != new && self.products.len() < DIFF_LISTS_MAX {
            let own = |ids: Vec<&str>| ids.into_iter().map(ToOwned::to_owned).collect();
            self.products.push(pb::ProductDiff {
                product_id: id.to_owned(),
                relation_type: i32::from(number),
                added_product_ids: own(added),
                removed_product_ids: own(removed),
            });
        }
    }
}

fn lists<'v>(view: &View<'v>, product: Option<Ordinal>) -> Lists<'v> {
    let Some(product) = product else { return Lists::new() };
    let runs = view.block(product).runs().filter_map(|run| {
        let number = run.relation_type()?.number();
        let targets = run.edges().iter().map(|edge| view.id(Ordinal(edge.target.get())));
        Some((number, targets.collect()))
    });
    runs.collect()
}

/// The ids of the first list that the second does not have, in their order.
fn only_in<'l>(list: &[&'l str], other: &[&str]) -> Vec<&'l str> {
    let other = other.iter().copied().collect::<BTreeSet<_>>();
    list.iter().copied().filter(|id| !other.contains(id)).collect()
}
