//! The checks of relations that need no other relation.

use std::{iter, mem};

use arrayvec::ArrayVec;

use super::{
    GraphError,
    edge::{Edge, EdgeParts},
    intake::{Intake, cut},
    intern::TOGETHER,
    ledger::{Ledger, Link, Refusal},
    markets::{every_market, find_markets},
    words::{Ordinals, TypeName, Words},
};
use crate::model::{
    finding::FindingCode,
    id,
    limits::ID_BYTES_MAX,
    record::{Location, RelationRecord},
};

impl Intake {
    /// An edge between ids if the row by itself can hold. It has no target until
    /// [`Intake::settle_targets`] is called, at the latest for [`TOGETHER`] of them.
    pub(super) fn relation(
        &mut self,
        at: Location,
        record: &RelationRecord<'_>,
    ) -> Result<Option<Edge>, GraphError> {
        let found = self.words.find_type(record.relation_type);
        let name = match found {
            Some((relation_type, _)) => TypeName::Known(relation_type),
            None => TypeName::Unknown(self.words.text(cut(record.relation_type, ID_BYTES_MAX))?),
        };
        self.ledger.read(name);
        let source = self.relation_source(cut(record.source, ID_BYTES_MAX))?;
        let target = cut(record.target, ID_BYTES_MAX);
        let ids = id::check(record.source).and(id::check(record.target));
        let (refusal, detail) = if !record.active {
            (Refusal::Inactive, String::new())
        } else if is_never_valid(record) {
            (Refusal::NeverValid, String::new())
        } else if let Err(bad) = ids {
            (Refusal::BadId, bad.to_string())
        } else if let Some((relation_type, type_two_way)) = found {
            if let Some(markets) = self.relation_markets(at, &record.markets) {
                self.targets.push(target);
                return Ok(Some(Edge::new(&EdgeParts {
                    source,
                    relation_type,
                    target: 0,
                    authority: self.authority(at),
                    position: record.position,
                    score: record.score,
                    quantity: record.quantity,
                    origin: record.origin,
                    two_way: record.two_way.unwrap_or(type_two_way),
                    valid_from_s: record.valid_from_s,
                    valid_to_s: record.valid_to_s,
                    stages: record.stages,
                    markets,
                    confirmed_at_s: record.confirmed_at_s.or_else(|| self.modified_s(at)),
                    at,
                })));
            }
            (Refusal::UnknownMarket, record.markets.join(", "))
        } else {
            (Refusal::UnknownType, String::new())
        };
        let link = Link { source, relation_type: name, target: self.node(target)? };
        self.ledger.refuse(&self.words, refusal, link, at, &detail);
        Ok(None)
    }

    /// Do so many edges wait for their targets that they are to be settled?
    pub(super) fn targets_wait(&self) -> bool {
        self.targets.ends.len() >= TOGETHER
    }

    /// Gives the last of these edges their targets, as many as wait for them.
    pub(super) fn settle_targets(&mut self, edges: &mut [Edge]) -> Result<(), GraphError> {
        let targets = mem::take(&mut self.targets);
        let texts = targets.texts().collect::<ArrayVec<_, TOGETHER>>();
        let found = self.words.ids.find_together(&texts);
        let waiting = edges.len() - texts.len();
        for ((edge, text), found) in edges[waiting..].iter_mut().zip(texts).zip(found) {
            let target = match found {
                Some(node) => self.spelled(node, text),
                None => self.node(text)?,
            };
            *edge = edge.between(edge.source(), target);
        }
        self.targets = targets.emptied();
        Ok(())
    }

    /// The number of the id that a relation goes out from, most often that of the row before.
    fn relation_source(&mut self, id: &str) -> Result<u32, GraphError> {
        if let Some(last) = self.last_source
            && self.words.ids.bytes(last) == id.as_bytes()
        {
            return Ok(last);
        }
        let node = self.node(id)?;
        self.last_source = Some(node);
        Ok(node)
    }

    /// The mask of the markets that exist; `None` if none of those named does.
    fn relation_markets(&mut self, at: Location, names: &[&str]) -> Option<u64> {
        if names.is_empty() {
            return Some(every_market(&self.config));
        }
        let (mask, unknown) = find_markets(&self.config, names);
        if mask == 0 {
            return None;
        }
        if !unknown.is_empty() {
            self.ledger.find(FindingCode::UnknownMarket, at, "markets", || {
                format!("expected declared markets, found {}", unknown.join(", "))
            });
        }
        Some(mask)
    }
}

fn is_never_valid(record: &RelationRecord<'_>) -> bool {
    record.valid_from_s.zip(record.valid_to_s).is_some_and(|(from, to)| from >= to)
}

/// The ids of targets, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Targets {
    text: String,
    ends: Vec<usize>,
}

impl Targets {
    fn push(&mut self, target: &str) {
        self.text.push_str(target);
        self.ends.push(self.text.len());
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let begins = iter::once(&0).chain(&self.ends);
        let bounds = begins.zip(&self.ends);
        bounds.map(|(begin, end)| self.text.get(*begin..*end).expect("whole texts"))
    }

    /// None, in the same memory.
    fn emptied(mut self) -> Self {
        self.text.clear();
        self.ends.clear();
        self
    }
}

/// Turns ids into ordinals, drops edges that have no two ends, and adds the other direction of two-way
/// ones.
pub(super) fn resolve_chunk(
    chunk: &mut Vec<Edge>,
    words: &Words,
    ordinals: &Ordinals,
    ledger: &mut Ledger,
) {
    chunk.retain_mut(|edge| {
        let refusal = match (ordinals.of(edge.source()), ordinals.of(edge.target())) {
            (None, _) => Refusal::UnknownSource,
            (Some(_), None) => Refusal::DanglingTarget,
            (Some(source), Some(target)) if source == target => Refusal::SelfLink,
            (Some(source), Some(target)) => {
                *edge = edge.between(source, target);
                return true;
            }
        };
        let link = Link {
            source: edge.source(),
            relation_type: TypeName::Known(edge.relation_type()),
            target: edge.target(),
        };
        ledger.refuse(words, refusal, link, edge.at(), "");
        false
    });
    for stated in 0..chunk.len() {
        let edge = chunk[stated];
        if edge.is_two_way() {
            chunk.push(edge.reversed());
        }
    }
}
