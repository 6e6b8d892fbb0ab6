//! `kindred.v1.RecommendationService`: each call takes one snapshot and answers wholly from it.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tonic::{Request, Response, Status};

use super::{convert, reply, status::Refusal};
use crate::{
    lookup::{self, Context, Direction, Page, Plan, QuerySeed, Scene, Scratch},
    policy::Policy,
    pb::{self, EncodedResponse, server::recommendation_service_server::RecommendationService},
    snapshot::{Live, Snapshot},
    stock::StockView,
};

thread_local! {
    /// One a runtime, as each runtime is one thread.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Answers from the live snapshot.
#[derive(Clone, Debug)]
pub struct Recommendations {
    live: Live,
}

impl Recommendations {
    /// Answers from what is live in this slot.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live }
    }

    /// The snapshot of this call: the only load.
    fn snapshot(&self, asked: &str) -> Result<Arc<Snapshot>, Refusal> {
        let snapshot = self.live.load().ok_or(Refusal::NotServing)?;
        if asked.is_empty() || asked == snapshot.id() {
            return Ok(snapshot);
        }
        Err(Refusal::not_active(asked, snapshot.id()))
    }
}

/// Answers one request from one snapshot: the same code for the server and for `kindred lookup`.
///
/// # Errors
/// `INVALID_ARGUMENT` with the path of each wrong field.
pub fn get_recommendations(
    snapshot: &Snapshot,
    request: &pb::GetRecommendationsRequest,
) -> Result<EncodedResponse, Status> {
    let view = snapshot.catalog().view();
    let (query, detail) = convert::query(request, &view)?;
    // No policy and no stock yet, in the default market.
    let scene = Scene { view, policy: &Policy::default(), stock: &StockView::empty() };
    let market = view.meta().default_market.to_native();
    let declared = view.meta().markets.get(market as usize);
    let inventory = declared.map_or(0, |market| market.default_inventory.to_native());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let (visitor, is_as_of) = ("", false);
    let context = Context { market, inventory, stage: None, visitor, at_s, is_as_of };
    let plan = Plan::new(&scene, &context, &query)
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let mut page = Page::default();
    let bytes = SCRATCH.with_borrow_mut(|scratch| {
        let answer = lookup::answer(&scene, &context, &query, &plan, &mut page, scratch);
        let seed_ids = query.seeds.iter().map(QuerySeed::id);
        reply::encode(&view, snapshot.id(), &answer, seed_ids, detail)
    });
    Ok(EncodedResponse(bytes))
}

#[tonic::async_trait]
impl RecommendationService for Recommendations {
    async fn get_recommendations(
        &self,
        request: Request<pb::GetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        let request = request.into_inner();
        let snapshot = self.snapshot(&request.snapshot_id)?;
        get_recommendations(&snapshot, &request).map(Response::new)
    }

    async fn list_relations(
        &self,
        request: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        let request = request.into_inner();
        let snapshot = self.snapshot(&request.snapshot_id)?;
        let view = snapshot.catalog().view();
        let listing = convert::listing(&request, &view, snapshot.id())?;
        let mut response = pb::ListRelationsResponse {
            data_version: Some(convert::data_version(snapshot.id())),
            ..Default::default()
        };
        let Some(product) = view.find(&request.product_id) else {
            response.product_missing = true;
            return Ok(Response::new(response));
        };
        let direction = if request.incoming { Direction::Incoming } else { Direction::Outgoing };
        let skip = listing.token.skip;
        let mut listed = lookup::list(&view, product, direction, &listing.types, skip);
        for one in listed.by_ref().take(listing.page_size) {
            let provenance = snapshot.provenance();
            let place = provenance.and_then(|provenance| provenance.place(one.source, one.index));
            response.relations.push(convert::relation(&view, &one, place));
        }
        if listed.next().is_some() {
            let next = skip.saturating_add(listing.page_size);
            response.next_page_token = listing.token.at(next);
        }
        Ok(Response::new(response))
    }

    async fn describe_catalog(
        &self,
        request: Request<pb::DescribeCatalogRequest>,
    ) -> Result<Response<pb::DescribeCatalogResponse>, Status> {
        let snapshot = self.snapshot(&request.into_inner().snapshot_id)?;
        let view = snapshot.catalog().view();
        Ok(Response::new(convert::description(&view, snapshot.id())))
    }
}
