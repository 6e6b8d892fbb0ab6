//! Explain: the answer of a page call, made by the same code, and what happened to every candidate.

mod detail;
mod slot;

use std::time::Instant;

use super::{
    convert::{self, SlotIds},
    pages::{self, Engine, SlotAsked},
    present::Present,
    status::Refusal,
};
use crate::{
    index::Ordinal,
    lookup::{self, Answer, Page, Plan, Query, Scratch, Trace},
    model::limits::{EXPLAINED_MAX, EXPLAINED_RELATIONS_MAX, EXPLANATION_BYTES_MAX},
    pb::{self, EncodedResponse, explain_recommendations_request::Request as Asked},
};

pub(super) fn explain(
    present: &Present<'_>,
    request: &pb::ExplainRecommendationsRequest,
) -> Result<pb::ExplainRecommendationsResponse, Refusal> {
    let limits = convert::explain_limits(request)?;
    let started = Instant::now();
    let mut explainer = Explainer::new(present, request, limits);
    let reply = match &request.request {
        Some(Asked::Batch(page)) => {
            let answer = pages::answer(present, page, SlotIds::Required, &mut explainer);
            answer.map_err(|refusal| refusal.below("batch"))?
        }
        Some(Asked::Get(single)) => {
            // A bad slot would fail alone; a bad single lookup is refused as a call of its own.
            check(present, single).map_err(|refusal| refusal.below("get"))?;
            let page = page_of(single.clone());
            let answer = pages::answer(present, &page, SlotIds::Waived, &mut explainer);
            answer.map_err(|refusal| refusal.below("get"))?
        }
        None => EncodedResponse::default(),
    };
    let lookup_nanos = u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX);
    let response =
        reply.decoded_page().expect("the hot encoder writes what the generated one would");
    Ok(pb::ExplainRecommendationsResponse {
        response: Some(response),
        slots: explainer.slots,
        lookup_nanos,
    })
}

/// Refuses what a call of this lookup would refuse.
fn check(present: &Present<'_>, single: &pb::GetRecommendationsRequest) -> Result<(), Refusal> {
    let view = &present.scene.view;
    let mut query = Query::default();
    let (context, _) = convert::read_query(single, view, present.now_s, &mut query)?;
    match Plan::new(&present.scene, &context, &query) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::Invalid(vec![convert::unplanned(error, &query)])),
    }
}

/// A single lookup as a page of one slot without a name.
fn page_of(single: pb::GetRecommendationsRequest) -> pb::BatchGetRecommendationsRequest {
    let slot = pb::Slot { slot_id: String::new(), lookup: single.lookup, seeds: single.seeds };
    pb::BatchGetRecommendationsRequest {
        slots: vec![slot],
        seeds: Vec::new(),
        context: single.context,
        exclude_product_ids: single.exclude_product_ids,
        allow_duplicates: false,
        view: single.view,
        snapshot_id: single.snapshot_id,
        min_availability: single.min_availability,
    }
}

/// Answers slots and takes notes.
struct Explainer<'a> {
    present: &'a Present<'a>,
    /// As the request names them, each once.
    traced_ids: Vec<&'a str>,
    candidates_max: usize,
    trace: Trace,
    slots: Vec<pb::SlotExplanation>,
    /// What each slot so far shows.
    shown: Vec<(String, Vec<Ordinal>)>,
    budget: Budget,
}

impl<'a> Explainer<'a> {
    fn new(
        present: &'a Present<'a>,
        request: &'a pb::ExplainRecommendationsRequest,
        candidates_max: usize,
    ) -> Self {
        let mut traced_ids = Vec::<&str>::new();
        for id in &request.trace_product_ids {
            if !traced_ids.contains(&&**id) {
                traced_ids.push(id);
            }
        }
        let traced = traced_ids.iter().filter_map(|id| present.scene.view.find(id)).collect();
        Self {
            present,
            traced_ids,
            candidates_max,
            // One candidate for a person is several for the engine: one a relation.
            trace: Trace::new(EXPLAINED_MAX.saturating_mul(EXPLAINED_RELATIONS_MAX), traced),
            slots: Vec::new(),
            shown: Vec::new(),
            budget: Budget { bytes_left: EXPLANATION_BYTES_MAX },
        }
    }
}

impl Engine for Explainer<'_> {
    fn answer<'s>(
        &mut self,
        asked: &SlotAsked<'_>,
        page: &mut Page,
        scratch: &'s mut Scratch,
    ) -> Answer<'s> {
        let SlotAsked { slot, scene, context, query, plan } = *asked;
        let answer = lookup::explain(scene, context, query, plan, page, scratch, &mut self.trace);
        let explanation = slot::explanation(self, asked);
        self.slots.push(explanation);
        let shown = answer.picks.iter().map(|pick| pick.product).collect();
        self.shown.push((slot.slot_id.clone(), shown));
        answer
    }

    fn failed(&mut self, slot: &pb::Slot) {
        let slot_id = slot.slot_id.clone();
        self.slots.push(pb::SlotExplanation { slot_id, ..Default::default() });
    }
}

/// Room for explanations in one answer.
#[derive(Debug)]
struct Budget {
    bytes_left: usize,
}

impl Budget {
    /// Takes the room of a part of the answer, if there is enough.
    fn has_room(&mut self, part: &impl prost::Message) -> bool {
        /// Tag and longest length.
        const HEAD_BYTES: usize = 6;
        let bytes = part.encoded_len().saturating_add(HEAD_BYTES);
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }
}
