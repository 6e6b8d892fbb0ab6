//! `kindred.v1.RecommendationService`: each call takes one snapshot and answers wholly from it.

use std::{cell::RefCell, sync::Arc};

use tonic::{Request, Response, Status};

use super::{convert, reply, status::Refusal};
use crate::{
    lookup::{self, Direction, Scratch},
    pb::{self, EncodedResponse, server::recommendation_service_server::RecommendationService},
    snapshot::{Live, Moment, Snapshot},
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

    /// Snapshot and stock of this call: the only load.
    fn moment(&self, asked: &str) -> Result<Arc<Moment>, Refusal> {
        let moment = self.live.load().ok_or(Refusal::NotServing)?;
        let active = moment.snapshot.id();
        if asked.is_empty() || asked == active {
            return Ok(moment);
        }
        Err(Refusal::not_active(asked, active))
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
    let bytes = SCRATCH.with_borrow_mut(|scratch| {
        let answer = lookup::answer(&view, &query, scratch);
        let seed_ids = query.seeds.iter().map(|seed| seed.id);
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
        let moment = self.moment(&request.snapshot_id)?;
        get_recommendations(&moment.snapshot, &request).map(Response::new)
    }

    async fn batch_get_recommendations(
        &self,
        _: Request<pb::BatchGetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        Err(Status::unimplemented("page calls are not answered yet"))
    }

    async fn get_bundles(
        &self,
        _: Request<pb::GetBundlesRequest>,
    ) -> Result<Response<pb::GetBundlesResponse>, Status> {
        Err(Status::unimplemented("bundles are not answered yet"))
    }

    async fn explain_recommendations(
        &self,
        _: Request<pb::ExplainRecommendationsRequest>,
    ) -> Result<Response<pb::ExplainRecommendationsResponse>, Status> {
        Err(Status::unimplemented("answers are not explained yet"))
    }

    async fn list_relations(
        &self,
        request: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        let request = request.into_inner();
        let moment = self.moment(&request.snapshot_id)?;
        let snapshot = &moment.snapshot;
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
        let moment = self.moment(&request.into_inner().snapshot_id)?;
        let snapshot = &moment.snapshot;
        let view = snapshot.catalog().view();
        Ok(Response::new(convert::description(&view, snapshot.id())))
    }
}
