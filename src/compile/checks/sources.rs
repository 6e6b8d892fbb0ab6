//! How old what each source says is.

use serde::Serialize;

use super::CheckLimits;
use crate::{
    compile::place::Side,
    model::finding::{FindingCode, Findings},
};

/// A source of relations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceAge {
    /// Its name.
    pub source: String,
    /// Files that it was read from.
    pub files: u64,
    /// Relations of the catalog that it states, other directions included.
    pub relations: u64,
    /// Days since the newest of its files was changed; none if no file says.
    pub age_days: Option<i64>,
    /// When that was, in seconds since 1970.
    pub confirmed_s: Option<i64>,
}

pub(super) fn ages(side: Side<'_>, limits: &CheckLimits) -> Vec<SourceAge> {
    let Some(places) = side.provenance else { return Vec::new() };
    let mut relations = vec![0; places.files().len()];
    for product in side.view.ordinals() {
        for record in places.records_of(product) {
            if let Some(count) = relations.get_mut(record.file.get() as usize) {
                *count += 1_u64;
            }
        }
    }
    let age = |(source, name): (u32, &str)| {
        let files = places.files().zip(&relations);
        let own = files.filter(|(file, _)| file.source.to_native() == source).collect::<Vec<_>>();
        let confirmed = own.iter().filter_map(|(file, _)| file.confirmed_s.as_ref());
        let newest = confirmed.map(|at| at.to_native()).max();
        SourceAge {
            source: name.to_owned(),
            files: own.len() as u64,
            relations: own.iter().map(|(_, count)| **count).sum(),
            age_days: newest.map(|at| limits.age_days(at)),
            confirmed_s: newest,
        }
    };
    (0..).zip(places.sources()).map(age).collect()
}

pub(super) fn check(sources: &[SourceAge], limits: &CheckLimits, findings: &mut Findings) {
    for SourceAge { source, age_days, confirmed_s, .. } in sources {
        if confirmed_s.is_some_and(|at| limits.is_older(at, limits.silent_days)) {
            findings.add(FindingCode::SilentSource, || {
                let days = age_days.unwrap_or_default();
                format!("{source}: none of its files was renewed for {days} days")
            });
        }
    }
}
