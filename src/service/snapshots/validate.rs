//! May this snapshot go live? Everything that would be asked, without the swap.

use super::{
    Inner,
    describe::{invalid, snapshot_id},
};
use crate::{
    index::CatalogFacts,
    model::limits::SHRINK_RATIO_DEFAULT,
    pb,
    service::status::{Refusal, Why},
    store::{Manifest, SnapshotId},
};

impl Inner {
    pub(super) fn validate(
        &self,
        request: &pb::ActivateSnapshotRequest,
    ) -> Result<pb::ActivateSnapshotResponse, Refusal> {
        let id = snapshot_id("snapshot_id", &request.snapshot_id)?;
        let target = self.validated(id, request.max_shrink_ratio)?;
        let live = self.parts.live.load();
        let previous = live.map(|live| self.describe(live.snapshot.manifest()));
        Ok(pb::ActivateSnapshotResponse { active: Some(self.describe(&target)), previous })
    }

    /// The newest manifest of a snapshot that loads, answers the golden lookups and lost no more than this
    /// share of what is live.
    pub(super) fn validated(
        &self,
        id: SnapshotId,
        max_shrink_ratio: f64,
    ) -> Result<Manifest, Refusal> {
        let ratio = match max_shrink_ratio {
            0.0 => SHRINK_RATIO_DEFAULT,
            ratio if (0.0..=1.0).contains(&ratio) => ratio,
            ratio => {
                let text = format!("expected 0 to 1, found {ratio}");
                return Err(invalid("max_shrink_ratio", text));
            }
        };
        let target = self.find(id)?;
        let candidate = self.check(&target)?;
        if let Some(live) = self.parts.live.load() {
            let before = CatalogFacts::of(live.snapshot.catalog());
            let after = CatalogFacts::of(candidate.catalog());
            if let Some(text) = shrinks(&before, &after, ratio) {
                return Err(Refusal::Snapshots(Why::Precondition, text));
            }
        }
        Ok(target)
    }
}

/// The first number that falls by more than this share.
pub(in crate::service) fn shrinks(
    before: &CatalogFacts,
    after: &CatalogFacts,
    ratio: f64,
) -> Option<String> {
    let of_type = |facts: &CatalogFacts, number: u8| {
        facts.types.iter().find(|(other, _)| *other == number).map_or(0, |(_, count)| *count)
    };
    let sums = [
        ("products".to_owned(), before.products, after.products),
        ("relations".to_owned(), before.relations, after.relations),
    ];
    let types = before.types.iter().map(|(number, count)| {
        (format!("relations of type {number}"), *count, of_type(after, *number))
    });
    let mut all = sums.into_iter().chain(types);
    all.find_map(|(what, was, is)| {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let (lost, whole) = (was.saturating_sub(is) as f64, was as f64);
        (lost > whole * ratio).then(|| {
            format!(
                "{what} fall from {was} to {is}, by more than a share of {ratio}; raise \
                 max_shrink_ratio if that is right"
            )
        })
    })
}
