//! Goal: the largest legal messages of `AvailabilityService` are read and written. Method: messages
//! with every list full and every text as long as it may be, by their length and over a socket.

use prost::Message as _;

use super::{Server, block_on, options};
use crate::{
    lookup::tests::shop::Shop,
    model::limits::*,
    pb::{self, availability_service_client::AvailabilityServiceClient},
};

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// An id of its own, as long as it may be.
fn id(number: usize) -> String {
    format!("{number:0>ID_BYTES_MAX$}")
}

/// As long as an instant gets.
fn instant() -> Option<pb::Timestamp> {
    Some(pb::Timestamp { seconds: -62_135_596_800, nanos: 999_999_999 })
}

fn update(number: usize) -> pb::AvailabilityUpdate {
    pb::AvailabilityUpdate {
        product_id: id(number),
        inventory_id: text(ID_BYTES_MAX),
        availability: 6,
        available_quantity: Some(0.1),
        price_minor_units: Some(-1),
        currency_code: "EUR".to_owned(),
        market_id: text(ID_BYTES_MAX),
        event_time: instant(),
    }
}

fn part() -> pb::ReplaceAvailabilityRequest {
    pb::ReplaceAvailabilityRequest {
        source_id: text(ID_BYTES_MAX),
        sequence: SEQUENCE_MAX,
        updates: (0..UPDATES_PER_BATCH_MAX).map(update).collect(),
        end: true,
    }
}

fn block() -> pb::BlockProductsRequest {
    pb::BlockProductsRequest {
        product_ids: (0..BLOCKS_PER_CALL_MAX).map(id).collect(),
        market_ids: (0..MARKETS_MAX).map(id).collect(),
        reason: text(BLOCK_TEXT_BYTES_MAX),
        actor: text(BLOCK_TEXT_BYTES_MAX),
        expire_time: instant(),
    }
}

fn states_request() -> pb::BatchGetAvailabilityRequest {
    pb::BatchGetAvailabilityRequest {
        product_ids: (0..STATES_PER_CALL_MAX).map(id).collect(),
        inventory_id: text(ID_BYTES_MAX),
        market_id: text(ID_BYTES_MAX),
    }
}

fn position() -> pb::FeedPosition {
    let (sequence, applied_beyond_gap) = (u64::MAX, u32::MAX);
    pb::FeedPosition { source_id: text(ID_BYTES_MAX), sequence, applied_beyond_gap }
}

fn rejected() -> Vec<pb::RejectedUpdate> {
    let reason = text(REJECTION_REASON_BYTES_MAX);
    vec![pb::RejectedUpdate { index: u32::MAX, reason }; REJECTIONS_MAX]
}

fn version() -> Option<pb::DataVersion> {
    Some(pb::DataVersion {
        snapshot_id: text(64),
        availability: vec![position(); FEEDS_MAX],
        valid_from_time: instant(),
        valid_until_time: instant(),
        blocks_digest: u64::MAX,
    })
}

fn state() -> pb::AvailabilityState {
    pb::AvailabilityState {
        product_id: text(ID_BYTES_MAX),
        inventory_id: text(ID_BYTES_MAX),
        availability: 6,
        available_quantity: Some(0.1),
        since_time: instant(),
        event_time: instant(),
        source_id: text(ID_BYTES_MAX),
        price_minor_units: Some(-1),
        currency_code: "EUR".to_owned(),
        market_id: text(ID_BYTES_MAX),
        price_event_time: instant(),
        quantity_event_time: instant(),
    }
}

#[test]
fn the_largest_stock_requests_are_read() {
    let batch = pb::BatchUpdateAvailabilityRequest {
        source_id: text(ID_BYTES_MAX),
        sequence: SEQUENCE_MAX,
        updates: part().updates,
    };
    let lens = [part().encoded_len(), batch.encoded_len(), block().encoded_len()];
    let largest = lens.into_iter().chain([states_request().encoded_len()]).max().unwrap();
    // One list over its limit is read, too, and refused in words.
    let legal = STOCK_REQUEST_BYTES_MAX / 9 * 8;
    assert!(largest <= legal, "{largest} > {legal}");
    assert!(legal - largest < UPDATES_PER_BATCH_MAX * 32, "{legal} is far beyond {largest}");
}

#[test]
fn the_largest_stock_answers_are_written() {
    let batch = pb::BatchUpdateAvailabilityResponse {
        position: Some(position()),
        applied: u32::MAX,
        stale: u32::MAX,
        missing_product_ids: (0..UPDATES_PER_BATCH_MAX).map(id).collect(),
        rejected: rejected(),
        gap: u64::MAX,
    };
    let replace = pb::ReplaceAvailabilityResponse {
        position: Some(position()),
        applied: u64::MAX,
        removed: u64::MAX,
        rejected: rejected(),
        rejected_count: u64::MAX,
    };
    let token = text(2 * (2 * (2 + ID_BYTES_MAX) + 1 + 2 + ID_BYTES_MAX));
    let states = pb::BatchGetAvailabilityResponse {
        states: vec![state(); STATES_PER_CALL_MAX],
        missing_product_ids: (0..STATES_PER_CALL_MAX).map(id).collect(),
        data_version: version(),
    };
    let listed = pb::ListAvailabilityResponse {
        states: vec![state(); PAGE_SIZE_MAX],
        next_page_token: token.clone(),
        data_version: version(),
    };
    let blocked = pb::BlockProductsResponse {
        blocked: u32::MAX,
        missing_product_ids: (0..BLOCKS_PER_CALL_MAX).map(id).collect(),
        blocks_digest: u64::MAX,
    };
    let one = pb::BlockedProduct {
        product_id: text(ID_BYTES_MAX),
        market_ids: (0..MARKETS_MAX).map(id).collect(),
        reason: text(BLOCK_TEXT_BYTES_MAX),
        actor: text(BLOCK_TEXT_BYTES_MAX),
        block_time: instant(),
        expire_time: instant(),
    };
    let blocks = pb::ListBlockedProductsResponse {
        products: vec![one; PAGE_SIZE_MAX],
        next_page_token: token,
    };
    let lens = [
        batch.encoded_len(),
        replace.encoded_len(),
        states.encoded_len(),
        listed.encoded_len(),
        blocked.encoded_len(),
        blocks.encoded_len(),
    ];
    let largest = lens.into_iter().max().unwrap();
    assert!(largest <= STOCK_RESPONSE_BYTES_MAX, "{largest} > {STOCK_RESPONSE_BYTES_MAX}");
    let slack = STOCK_RESPONSE_BYTES_MAX - largest;
    assert!(slack < PAGE_SIZE_MAX * (MARKETS_MAX + 8) * 4, "{slack} beyond {largest}: {lens:?}");
}

#[test]
fn the_largest_stock_calls_pass_over_the_wire() {
    let server = Server::start(options(1));
    let catalog = Shop::parse("a cross_sell b 90").catalog();
    server.stock.attach(catalog.into(), Box::new(|_| {})).unwrap();
    block_on(async {
        let mut stock = AvailabilityServiceClient::new(server.channel().await)
            .max_encoding_message_size(STOCK_REQUEST_BYTES_MAX)
            .max_decoding_message_size(STOCK_RESPONSE_BYTES_MAX);
        let done = stock.replace_availability(tokio_stream::iter([part()])).await;
        let done = done.unwrap().into_inner();
        assert_eq!(done.rejected.len(), UPDATES_PER_BATCH_MAX, "nobody's catalog has the places");

        let request =
            pb::BlockProductsRequest { market_ids: Vec::new(), expire_time: None, ..block() };
        let done = stock.block_products(request).await.unwrap().into_inner();
        assert_eq!(done.missing_product_ids.len(), BLOCKS_PER_CALL_MAX);
        let page_size = i32::try_from(PAGE_SIZE_MAX).unwrap();
        let list = pb::ListBlockedProductsRequest { page_size, ..Default::default() };
        let page = stock.list_blocked_products(list).await.unwrap().into_inner();
        assert_eq!(page.products.len(), PAGE_SIZE_MAX);

        let request = pb::BatchGetAvailabilityRequest {
            inventory_id: String::new(),
            market_id: String::new(),
            ..states_request()
        };
        let states = stock.batch_get_availability(request).await.unwrap().into_inner();
        assert_eq!(states.missing_product_ids.len(), STATES_PER_CALL_MAX);
    });
}
