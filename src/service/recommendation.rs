//! `kindred.v1.RecommendationService`: each call takes one moment and answers wholly from it.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answers, convert, present::Present, status::Refusal};
use crate::{
    lookup::{self, Direction, Interval},
    pb::{self, EncodedResponse, server::recommendation_service_server::RecommendationService},
    snapshot::{Live, Moment},
};

/// Answers from what is live.
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

    /// Answers a `GetRecommendations`.
    pub(super) fn get(
        &self,
        request: &pb::GetRecommendationsRequest,
    ) -> Result<EncodedResponse, Status> {
        answers::get_recommendations(&*self.moment()?, request)
    }

    /// Answers a `BatchGetRecommendations`.
    pub(super) fn batch_get(
        &self,
        request: &pb::BatchGetRecommendationsRequest,
    ) -> Result<EncodedResponse, Status> {
        answers::batch_get_recommendations(&*self.moment()?, request)
    }

    /// Snapshot and stock of this call: the only load.
    fn moment(&self) -> Result<Arc<Moment>, Refusal> {
        self.live.load().ok_or(Refusal::NotServing)
    }
}

#[tonic::async_trait]
impl RecommendationService for Recommendations {
    async fn get_recommendations(
        &self,
        request: Request<pb::GetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        self.get(request.get_ref()).map(Response::new)
    }

    async fn batch_get_recommendations(
        &self,
        request: Request<pb::BatchGetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        self.batch_get(request.get_ref()).map(Response::new)
    }

    async fn get_bundles(
        &self,
        request: Request<pb::GetBundlesRequest>,
    ) -> Result<Response<pb::GetBundlesResponse>, Status> {
        answers::get_bundles(&*self.moment()?, request.get_ref()).map(Response::new)
    }

    async fn explain_recommendations(
        &self,
        request: Request<pb::ExplainRecommendationsRequest>,
    ) -> Result<Response<pb::ExplainRecommendationsResponse>, Status> {
        answers::explain_recommendations(&*self.moment()?, request.get_ref()).map(Response::new)
    }

    async fn list_relations(
        &self,
        request: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        let moment = self.moment()?;
        Ok(list_relations(&Present::of(&moment), request.get_ref()).map(Response::new)?)
    }

    async fn describe_catalog(
        &self,
        request: Request<pb::DescribeCatalogRequest>,
    ) -> Result<Response<pb::DescribeCatalogResponse>, Status> {
        let moment = self.moment()?;
        let present = Present::of(&moment);
        present.require_snapshot(&request.get_ref().snapshot_id)?;
        Ok(Response::new(convert::description(&present)))
    }
}

pub(super) fn list_relations(
    present: &Present<'_>,
    request: &pb::ListRelationsRequest,
) -> Result<pb::ListRelationsResponse, Refusal> {
    present.require_snapshot(&request.snapshot_id)?;
    let view = &present.scene.view;
    let listing = convert::listing(request, view, present.snapshot_id)?;
    let mut response = pb::ListRelationsResponse {
        data_version: Some(convert::data_version(present, Interval::UNBOUNDED)),
        ..Default::default()
    };
    let Some(product) = view.find(&request.product_id) else {
        response.product_missing = true;
        return Ok(response);
    };
    let direction = if request.incoming { Direction::Incoming } else { Direction::Outgoing };
    let skip = listing.token.skip;
    let mut listed = lookup::list(view, product, direction, &listing.types, skip);
    for one in listed.by_ref().take(listing.page_size) {
        let place = present.provenance.and_then(|all| all.place(one.source, one.index));
        response.relations.push(convert::relation(view, &convert::Stored::from(&one), place));
    }
    if listed.next().is_some() {
        let next = skip.saturating_add(listing.page_size);
        response.next_page_token = listing.token.at(next);
    }
    Ok(response)
}
