//! Calls of the generated client.

use std::net::SocketAddr;

use kindred::pb::{self, recommendation_service_client::RecommendationServiceClient, seed::Target};
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use crate::server::PATIENCE;

pub(crate) type Client = RecommendationServiceClient<Channel>;

/// Runs a conversation to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    endlessly(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
}

/// Runs calls for as long as the future wants; each single call has its deadline.
pub(crate) fn endlessly<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

pub(crate) async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.timeout(PATIENCE).connect().await.unwrap()
}

pub(crate) async fn client(address: SocketAddr) -> Client {
    RecommendationServiceClient::new(channel(address).await)
}

/// What the health service says, of the server and of the service alike.
pub(crate) async fn health(address: SocketAddr) -> ServingStatus {
    let mut client = HealthClient::new(channel(address).await);
    let mut said = Vec::new();
    for name in ["", "kindred.v1.RecommendationService"] {
        let request = HealthCheckRequest { service: name.to_owned() };
        said.push(client.check(request).await.unwrap().into_inner().status());
    }
    assert_eq!(said[0], said[1]);
    said[0]
}

/// What the health service says from now on.
pub(crate) async fn watch(address: SocketAddr) -> Streaming<HealthCheckResponse> {
    let mut client = HealthClient::new(channel(address).await);
    client.watch(HealthCheckRequest::default()).await.unwrap().into_inner()
}

pub(crate) fn seed(id: &str) -> pb::Seed {
    pb::Seed { target: Some(Target::ProductId(id.to_owned())), quantity: 0.0 }
}

/// A request for these types; as many results as there may be.
pub(crate) fn asking(types: &[i32], seeds: &[&str]) -> pb::GetRecommendationsRequest {
    pb::GetRecommendationsRequest {
        lookup: Some(pb::LookupSpec {
            relation_types: types.to_vec(),
            max_results: 100,
            ..Default::default()
        }),
        seeds: seeds.iter().map(|id| seed(id)).collect(),
        ..Default::default()
    }
}

pub(crate) async fn answer(
    client: &mut Client,
    request: pb::GetRecommendationsRequest,
) -> pb::GetRecommendationsResponse {
    client.get_recommendations(request).await.unwrap().into_inner()
}

/// The ids that one type gives for one product, best first.
pub(crate) async fn ids(client: &mut Client, relation_type: i32, product: &str) -> Vec<String> {
    let answer = answer(client, asking(&[relation_type], &[product])).await;
    assert_eq!(answer.missing_product_ids, Vec::<String>::new());
    answer.recommendations.into_iter().map(|one| one.product_id).collect()
}

/// Every stored relation of a product, over all pages.
pub(crate) async fn relations(
    client: &mut Client,
    mut request: pb::ListRelationsRequest,
) -> Result<Vec<pb::Relation>, Status> {
    let mut all = Vec::new();
    loop {
        let page = client.list_relations(request.clone()).await?.into_inner();
        assert!(!page.product_missing, "{} is missing", request.product_id);
        all.extend(page.relations);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) fn listing(product: &str) -> pb::ListRelationsRequest {
    pb::ListRelationsRequest { product_id: product.to_owned(), ..Default::default() }
}

pub(crate) fn snapshot_id(version: Option<pb::DataVersion>) -> String {
    version.expect("every answer names its snapshot").snapshot_id
}

/// Numbers of the standard types on the wire.
pub(crate) const CROSS_SELL: i32 = pb::RelationType::CrossSell as i32;
pub(crate) const UP_SELL: i32 = pb::RelationType::UpSell as i32;
pub(crate) const BUNDLE: i32 = pb::RelationType::Bundle as i32;
pub(crate) const ALTERNATIVE: i32 = pb::RelationType::Alternative as i32;
pub(crate) const RELATED: i32 = pb::RelationType::Related as i32;
pub(crate) const ACCESSORY: i32 = pb::RelationType::Accessory as i32;
pub(crate) const CONSUMABLE: i32 = pb::RelationType::Consumable as i32;
