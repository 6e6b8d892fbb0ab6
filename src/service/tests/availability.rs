//! What callers of the availability service are told when something is wrong.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Server, block_on, options};
use crate::{
    pb::{self, availability_service_client::AvailabilityServiceClient},
    service::status::Refusal,
    stock::StockError,
};

fn text() -> String {
    "why".to_owned()
}

#[test]
fn each_failure_of_the_writer_has_its_status() {
    let busy = Some(Duration::from_millis(500));
    let full = Some(Duration::from_secs(30));
    let check = |error: StockError, code: Code, retry: Option<Duration>| {
        let status = Status::from(Refusal::from(error.clone()));
        assert_eq!(status.code(), code, "{error}");
        let details = status.get_error_details();
        assert_eq!(details.retry_info().and_then(|info| info.retry_delay), retry, "{error}");
    };
    check(StockError::Busy, Code::ResourceExhausted, busy);
    check(StockError::TooManyStreams, Code::ResourceExhausted, busy);
    check(StockError::Full { reason: text() }, Code::ResourceExhausted, full);
    check(StockError::TooManyFeeds { source_id: text() }, Code::ResourceExhausted, None);
    check(StockError::TooManyReadings, Code::ResourceExhausted, None);
    check(StockError::TooManyBlocks { count: 1 }, Code::ResourceExhausted, None);
    let gaps = StockError::TooManyGaps { source_id: text(), position: 1 };
    check(gaps, Code::FailedPrecondition, None);
    let blocks = StockError::TooManyBlocksOfOne { product_id: text() };
    check(blocks, Code::FailedPrecondition, None);
    check(StockError::TooManyUpdates, Code::InvalidArgument, None);
    check(StockError::Closed, Code::Unavailable, None);
    check(StockError::NoCatalog, Code::Unavailable, None);
    check(StockError::Broken { reason: text() }, Code::Unavailable, None);
    check(StockError::NoThread { reason: text() }, Code::Unavailable, None);
    check(StockError::Unreadable { reason: text() }, Code::Unavailable, None);
    let wrong = StockError::Invalid { field: "market_ids[2]".to_owned(), reason: text() };
    check(wrong.clone(), Code::InvalidArgument, None);
    let status = Status::from(Refusal::from(wrong));
    let details = status.get_error_details();
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "market_ids[2]");
    for refusal in [Refusal::Silent, Refusal::Slow] {
        assert_eq!(Status::from(refusal).code(), Code::DeadlineExceeded);
    }
}

/// The fields that a refusal of wrong ones names.
fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_error_details().bad_request().unwrap().field_violations.clone();
    violations.into_iter().map(|one| one.field).collect()
}

#[test]
fn what_is_wrong_is_named_by_its_field_whether_a_snapshot_is_live_or_not() {
    let server = Server::start(options(1));
    block_on(async {
        let mut stock = AvailabilityServiceClient::new(server.channel().await);
        let asking = |count: usize| pb::BatchGetAvailabilityRequest {
            product_ids: vec!["a".to_owned(); count],
            ..Default::default()
        };
        for count in [0, 1_001] {
            let refused = stock.batch_get_availability(asking(count)).await.unwrap_err();
            assert_eq!(fields(&refused), ["product_ids"]);
        }
        for count in [1, 1_000] {
            let refused = stock.batch_get_availability(asking(count)).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unavailable, "no catalog yet");
        }
        let mut request = asking(3);
        (request.product_ids[0], request.product_ids[2]) = (String::new(), "x".repeat(129));
        let refused = stock.batch_get_availability(request).await.unwrap_err();
        assert_eq!(fields(&refused), ["product_ids[0]", "product_ids[2]"]);

        let mut batch = pb::BatchUpdateAvailabilityRequest::default();
        let refused = stock.batch_update_availability(batch.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["source_id"]);
        batch.source_id = "erp".to_owned();
        let refused = stock.batch_update_availability(batch.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["sequence"]);
        batch.sequence = 1;
        let refused = stock.batch_update_availability(batch.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["updates"]);

        let list = pb::ListAvailabilityRequest { page_size: -1, ..Default::default() };
        let refused = stock.list_availability(list).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_size"]);
        let list = pb::ListAvailabilityRequest { page_token: "?".to_owned(), ..Default::default() };
        let refused = stock.list_availability(list).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);

        let mut block = pb::BlockProductsRequest::default();
        let refused = stock.block_products(block.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["product_ids"]);
        block.product_ids = vec!["a".to_owned(); 10_001];
        let refused = stock.block_products(block.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["product_ids"]);
        block.product_ids.truncate(10_000);
        let refused = stock.block_products(block.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["reason"]);
        block.reason = "recall".to_owned();
        block.expire_time = Some(pb::Timestamp { seconds: 1, nanos: 0 });
        let refused = stock.block_products(block.clone()).await.unwrap_err();
        assert_eq!(fields(&refused), ["expire_time"]);
        // A recall waits for no snapshot.
        block.expire_time = None;
        let done = stock.block_products(block).await.unwrap().into_inner();
        assert_eq!((done.blocked, done.missing_product_ids.len()), (1, 0));
        let none = tokio_stream::iter(Vec::<pb::ReplaceAvailabilityRequest>::new());
        let refused = stock.replace_availability(none).await.unwrap_err();
        assert_eq!(fields(&refused), ["source_id"]);
    });
}
