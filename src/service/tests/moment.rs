//! Goal: an answer comes wholly from one moment, whatever goes live meanwhile. Method: every lookup, on a
//! thread that counts how often it loads what is live; a second load could see another moment.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    block_on,
    world::{seed, types},
};
use crate::{
    pb::{
        self, explain_recommendations_request::Request as Asked,
        server::recommendation_service_server::RecommendationService as _,
    },
    service::Recommendations,
    slot::tests::loads,
    snapshot::tests::shop::Shop,
};

#[track_caller]
fn check<T>(call: impl Future<Output = Result<Response<T>, Status>>) {
    assert_eq!(loads(|| drop(block_on(call).unwrap())), 1);
}

#[test]
fn each_lookup_takes_what_is_live_once() {
    let shop = Shop::new();
    shop.serve("a");
    let service = Recommendations::new(Arc::clone(&shop.live));
    let lookup = pb::GetRecommendationsRequest {
        lookup: Some(types(&[1])),
        seeds: vec![seed("a", 1.0)],
        ..<_>::default()
    };
    let slot = |id: &str| pb::Slot {
        slot_id: id.to_owned(),
        lookup: Some(types(&[1])),
        seeds: vec![seed("a", 1.0)],
    };
    let page = pb::BatchGetRecommendationsRequest {
        slots: vec![slot("top"), slot("bottom")],
        ..<_>::default()
    };
    let explain =
        |request| pb::ExplainRecommendationsRequest { request: Some(request), ..<_>::default() };
    let bundles = pb::GetBundlesRequest { product_id: "a".to_owned(), ..<_>::default() };
    let relations = pb::ListRelationsRequest { product_id: "a".to_owned(), ..<_>::default() };

    assert_eq!(loads(|| drop(service.get(&lookup).unwrap())), 1);
    assert_eq!(loads(|| drop(service.batch_get(&page).unwrap())), 1);
    check(service.get_recommendations(Request::new(lookup.clone())));
    check(service.batch_get_recommendations(Request::new(page.clone())));
    check(service.explain_recommendations(Request::new(explain(Asked::Get(lookup)))));
    check(service.explain_recommendations(Request::new(explain(Asked::Batch(page)))));
    check(service.get_bundles(Request::new(bundles)));
    check(service.list_relations(Request::new(relations)));
    check(service.describe_catalog(Request::new(pb::DescribeCatalogRequest::default())));
}
