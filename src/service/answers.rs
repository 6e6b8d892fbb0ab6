//! The answers to the reads, each from one moment: the same code for the server and for the commands
//! that need none.

use std::cell::RefCell;

use tonic::Status;

use super::{
    convert, explain,
    observe::count_slot,
    pages,
    present::Present,
    reply::{self, Showing, Wire},
    status::Refusal,
};
use crate::{
    lookup::{self, Page, Plan, Query, QuerySeed, Repeats, Scratch},
    model::limits::ID_BYTES_MAX,
    pb::{self, EncodedResponse, seed::Target},
    snapshot::Moment,
};

/// What one thread works with, call after call, so that a call allocates its reply and little more.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) scratch: Scratch,
    pub(super) page: Page,
    pub(super) wire: Wire,
    pub(super) missing: pages::Missing,
}

thread_local! {
    /// One a runtime, as each runtime is one thread.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// Lends the thread's workspace. The work never lends it again.
pub(super) fn with_workspace<T>(work: impl FnOnce(&mut Workspace) -> T) -> T {
    WORKSPACE.with_borrow_mut(work)
}

/// Answers a `GetRecommendations` from one moment.
///
/// # Errors
/// `INVALID_ARGUMENT` with the path of each wrong field, `FAILED_PRECONDITION` for another snapshot,
/// `UNAVAILABLE` for stock that is behind.
pub fn get_recommendations(
    moment: &Moment,
    request: &pb::GetRecommendationsRequest,
) -> Result<EncodedResponse, Status> {
    Ok(get(&Present::of(moment), request)?)
}

/// Answers a `BatchGetRecommendations`, likewise.
///
/// # Errors
/// As [`get_recommendations`], for the call as a whole; a bad slot fails alone.
pub fn batch_get_recommendations(
    moment: &Moment,
    request: &pb::BatchGetRecommendationsRequest,
) -> Result<EncodedResponse, Status> {
    Ok(pages::batch(&Present::of(moment), request)?)
}

/// Answers a `GetBundles`, likewise.
///
/// # Errors
/// As [`get_recommendations`].
pub fn get_bundles(
    moment: &Moment,
    request: &pb::GetBundlesRequest,
) -> Result<pb::GetBundlesResponse, Status> {
    Ok(bundles(&Present::of(moment), request)?)
}

/// Answers an `ExplainRecommendations`, likewise.
///
/// # Errors
/// As [`get_recommendations`].
pub fn explain_recommendations(
    moment: &Moment,
    request: &pb::ExplainRecommendationsRequest,
) -> Result<pb::ExplainRecommendationsResponse, Status> {
    Ok(explain::explain(&Present::of(moment), request)?)
}

pub(super) fn get(
    present: &Present<'_>,
    request: &pb::GetRecommendationsRequest,
) -> Result<EncodedResponse, Refusal> {
    present.require_snapshot(&request.snapshot_id)?;
    let scene = &present.scene;
    // Nothing is in the caches of a product that was not asked for lately: what finding it reads is asked
    // for before the rest of the request is looked at, so that the memory works meanwhile.
    let only = only_product(request);
    only.into_iter().for_each(|id| scene.view.prefetch_key(id));
    let mut query = Query::default();
    let now_s = present.now_s;
    let (context, detail) = convert::read_query(request, &scene.view, now_s, &mut query)?;
    only.into_iter().for_each(|id| scene.view.prefetch_record(id));
    present.require_positions(&request.min_availability)?;
    let plan = Plan::new(scene, &context, &query)
        .map_err(|error| Refusal::Invalid(vec![convert::unplanned(error, &query)]))?;
    let reply = with_workspace(|Workspace { scratch, page, wire, .. }| {
        // A list of its own: nobody asks what it shows.
        page.begin(scene, [], Repeats::Allowed);
        let answer = lookup::answer(scene, &context, &query, &plan, page, scratch);
        count_slot(present.slots, &plan, context.market, &answer);
        let showing =
            Showing { scene, snapshot_id: present.snapshot_id, context: &context, detail };
        reply::encode(&showing, &answer, query.seeds.iter().map(QuerySeed::id), wire)
    });
    Ok(reply)
}

/// The one product that a request starts from. Several are asked for together (`Seeds::resolve`).
fn only_product(request: &pb::GetRecommendationsRequest) -> Option<&str> {
    match request.seeds.as_slice() {
        [pb::Seed { target: Some(Target::ProductId(id)), .. }] if id.len() <= ID_BYTES_MAX => {
            Some(id)
        }
        _ => None,
    }
}

pub(super) fn bundles(
    present: &Present<'_>,
    request: &pb::GetBundlesRequest,
) -> Result<pb::GetBundlesResponse, Refusal> {
    present.require_snapshot(&request.snapshot_id)?;
    let scene = &present.scene;
    let asked = convert::bundles_query(request, &scene.view, present.now_s)?;
    present.require_positions(&request.min_availability)?;
    Ok(convert::bundles_answer(present, &asked))
}
