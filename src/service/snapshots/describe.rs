//! Snapshots in words of the wire: one, or a page of them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

use super::Inner;
use crate::{
    index::{BlobHash, CatalogFacts, Dropped, Role},
    model::{
        finding::FindingCode,
        limits::{SNAPSHOT_PAGE_DEFAULT, SNAPSHOT_PAGE_MAX, SNAPSHOTS_REMEMBERED_MAX},
    },
    pb::{self, SnapshotState},
    service::status::{Refusal, Violation, Why, quoted},
    store::{BlobRef, Manifest, SnapshotId},
};

/// What catalog files say of themselves, so that a page reads each only once.
#[derive(Debug, Default)]
pub(super) struct Facts(Mutex<BTreeMap<[u8; 32], CatalogFacts>>);

impl Facts {
    /// Those of a catalog; `read` is asked where they are not known.
    fn of(
        &self,
        hash: &BlobHash,
        read: impl FnOnce() -> Option<CatalogFacts>,
    ) -> Option<CatalogFacts> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = known().get(hash.as_bytes()) {
            return Some(facts.clone());
        }
        let facts = read()?;
        let mut known = known();
        if known.len() >= SNAPSHOTS_REMEMBERED_MAX {
            known.clear();
        }
        known.insert(*hash.as_bytes(), facts.clone());
        Some(facts)
    }
}

impl Inner {
    pub(super) fn get(&self, id: &str) -> Result<pb::GetSnapshotResponse, Refusal> {
        let manifest = if id.is_empty() {
            let moment = self.parts.live.load().ok_or(Refusal::NotServing)?;
            moment.snapshot.manifest().clone()
        } else {
            self.find(snapshot_id("snapshot_id", id)?)?
        };
        let held = self.parts.track.head()?.is_some_and(|head| head.held);
        Ok(pb::GetSnapshotResponse { snapshot: Some(self.describe(&manifest)), held })
    }

    /// Every snapshot once, at its newest manifest.
    pub(super) fn list(
        &self,
        request: &pb::ListSnapshotsRequest,
    ) -> Result<pb::ListSnapshotsResponse, Refusal> {
        let page_size = match usize::try_from(request.page_size) {
            Ok(0) => SNAPSHOT_PAGE_DEFAULT,
            Ok(asked) => asked.min(SNAPSHOT_PAGE_MAX),
            Err(_) => {
                let text = format!("expected 0 or more, found {}", request.page_size);
                return Err(invalid("page_size", text));
            }
        };
        let below = match &*request.page_token {
            "" => u64::MAX,
            token => token.parse().map_err(|_| {
                invalid("page_token", "expected one from an answer of this call".to_owned())
            })?,
        };
        let mut response = pb::ListSnapshotsResponse::default();
        let mut seen = HashSet::new();
        let mut last = None;
        for manifest in self.parts.track.history() {
            let manifest = manifest?;
            if !seen.insert(manifest.snapshot_id) || manifest.number >= below {
                continue;
            }
            if response.snapshots.len() == page_size {
                response.next_page_token =
                    last.map(|last: u64| last.to_string()).unwrap_or_default();
                break;
            }
            last = Some(manifest.number);
            response.snapshots.push(self.describe(&manifest));
        }
        Ok(response)
    }

    /// The newest manifest of a snapshot.
    pub(super) fn find(&self, id: SnapshotId) -> Result<Manifest, Refusal> {
        for manifest in self.parts.track.history() {
            let manifest = manifest?;
            if manifest.snapshot_id == id {
                return Ok(manifest);
            }
        }
        let text = format!("no manifest of the track names snapshot {id}; list them");
        Err(Refusal::Snapshots(Why::Absent, text))
    }

    pub(super) fn describe(&self, manifest: &Manifest) -> pb::Snapshot {
        let id = manifest.snapshot_id;
        let facts = manifest.blob(Role::Catalog).and_then(|blob| self.facts_of(blob));
        let CatalogFacts { format, products, relations, types } = facts.unwrap_or_default();
        let count =
            |(number, count)| pb::RelationTypeCount { relation_type: i32::from(number), count };
        let live = self.parts.live.load();
        let active = live.as_deref().filter(|live| live.snapshot.manifest().snapshot_id == id);
        let dropped = active.and_then(|live| live.snapshot.dropped());
        pb::Snapshot {
            snapshot_id: id.to_string(),
            manifest_number: manifest.number,
            state: self.state(id, active.is_some()).into(),
            create_time: manifest.note.created_at.parse().ok(),
            activate_time: self.parts.news.activated(id).map(Into::into),
            format_version: format,
            size_bytes: manifest.blobs.iter().map(|blob| blob.size_bytes).sum(),
            product_count: products,
            relation_count: relations,
            relation_type_counts: types.into_iter().map(count).collect(),
            reject_counts: dropped.map(reject_counts).unwrap_or_default(),
        }
    }

    fn state(&self, id: SnapshotId, is_active: bool) -> SnapshotState {
        let news = &self.parts.news;
        match () {
            () if is_active => SnapshotState::Active,
            () if self.parts.quarantine.holds(id) => SnapshotState::Quarantined,
            () if news.is_refused(id) => SnapshotState::Rejected,
            () if news.is_mapped(id) => SnapshotState::Retained,
            () => SnapshotState::Available,
        }
    }

    /// What cannot be read has no numbers; whoever activates it is told why.
    fn facts_of(&self, blob: &BlobRef) -> Option<CatalogFacts> {
        let read = || CatalogFacts::read(&self.parts.store.blob_path(blob)).ok();
        self.facts.of(&blob.hash, read)
    }
}

/// How many relations the compiler refused, by reason.
fn reject_counts(dropped: &Dropped) -> Vec<pb::RejectCount> {
    let mut counts = BTreeMap::new();
    let all = dropped.get();
    for relation in all.relations.iter() {
        let reason = FindingCode::new(relation.reason).map_or("unknown", FindingCode::code);
        *counts.entry(reason).or_insert(0) += 1;
    }
    if all.unlisted > 0 {
        counts.insert("unlisted", all.unlisted.to_native());
    }
    let count = |(reason, count): (&str, u64)| pb::RejectCount { reason: reason.to_owned(), count };
    counts.into_iter().map(count).collect()
}

/// A snapshot id of a request.
pub(super) fn snapshot_id(field: &str, text: &str) -> Result<SnapshotId, Refusal> {
    text.parse().map_err(|error| invalid(field, format!("{error}, found {:?}", quoted(text))))
}

pub(super) fn invalid(field: &str, description: String) -> Refusal {
    Refusal::Invalid(vec![Violation::new(field, description)])
}
