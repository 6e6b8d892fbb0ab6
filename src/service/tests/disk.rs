//! Goal: on a disk that takes no writes every write is refused by the right status and counts for
//! nothing, reads go on as if it had never been sent, and writes resume by themselves. Method: a
//! server over sockets whose journal is on a disk with a fault, told by its own answers.

use std::{net::SocketAddr, net::TcpListener, sync::Arc, time::Duration};

use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::{block_on, channel, options, spawn, world::seed};
use crate::{
    pb::{
        self, Availability, availability_service_client::AvailabilityServiceClient,
        recommendation_service_client::RecommendationServiceClient,
    },
    service::{Availabilities, Health, Recommendations, Stop, routes},
    snapshot::tests::shop::Shop,
    stock::tests::disk::{Disk, Fault},
};

/// A disk is not freed sooner.
const FULL_RETRY: Option<Duration> = Some(Duration::from_secs(30));

/// A server of a catalog where `a` leads to `target`, with its journal on this disk.
fn serve_on(disk: &Disk) -> SocketAddr {
    let shop = Shop::with_stock(|publisher| disk.stock(publisher));
    shop.serve("a");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let health = Health::new();
    let availability = Availabilities::new(shop.stock.clone(), Arc::clone(&shop.live));
    let routes = routes(Recommendations::new(shop.live), availability, None, &health, false);
    // Nobody waits for its end, which is that of the tests.
    drop(spawn(listener, routes, &health, options(1), &Stop::new()));
    addr
}

struct Caller {
    lookups: RecommendationServiceClient<Channel>,
    stock: AvailabilityServiceClient<Channel>,
}

/// All that a server says, `data_version` included.
#[derive(Debug, PartialEq)]
struct Told {
    recommendations: pb::GetRecommendationsResponse,
    states: pb::BatchGetAvailabilityResponse,
    readings: pb::ListAvailabilityResponse,
    blocks: pb::ListBlockedProductsResponse,
}

impl Told {
    fn ids(&self) -> Vec<&str> {
        self.recommendations.recommendations.iter().map(|one| &*one.product_id).collect()
    }

    /// How far the feed was applied.
    fn sequence(&self) -> u64 {
        let version = self.recommendations.data_version.as_ref().unwrap();
        version.availability.first().map_or(0, |position| position.sequence)
    }
}

fn update(availability: Availability, at_s: i64) -> pb::AvailabilityUpdate {
    pb::AvailabilityUpdate {
        product_id: "target".to_owned(),
        availability: availability.into(),
        event_time: Some(pb::Timestamp { seconds: at_s, nanos: 0 }),
        ..<_>::default()
    }
}

impl Caller {
    async fn of(addr: SocketAddr) -> Self {
        let channel = channel(addr).await;
        let lookups = RecommendationServiceClient::new(channel.clone());
        Self { lookups, stock: AvailabilityServiceClient::new(channel) }
    }

    async fn told(&mut self) -> Told {
        let lookup = pb::LookupSpec { relation_types: vec![1], ..<_>::default() };
        let request = pb::GetRecommendationsRequest {
            lookup: Some(lookup),
            seeds: vec![seed("a", 1.0)],
            ..<_>::default()
        };
        let asked = pb::BatchGetAvailabilityRequest {
            product_ids: vec!["target".to_owned()],
            ..<_>::default()
        };
        let states = self.stock.batch_get_availability(asked).await;
        let readings = self.stock.list_availability(pb::ListAvailabilityRequest::default()).await;
        let blocks = pb::ListBlockedProductsRequest::default();
        let blocks = self.stock.list_blocked_products(blocks).await;
        Told {
            recommendations: self.lookups.get_recommendations(request).await.unwrap().into_inner(),
            states: states.unwrap().into_inner(),
            readings: readings.unwrap().into_inner(),
            blocks: blocks.unwrap().into_inner(),
        }
    }

    /// Says under this sequence that the product has this state.
    async fn batch(
        &mut self,
        sequence: u64,
        state: Availability,
    ) -> Result<pb::BatchUpdateAvailabilityResponse, Status> {
        let at_s = i64::try_from(sequence).unwrap();
        let request = pb::BatchUpdateAvailabilityRequest {
            source_id: "erp".to_owned(),
            sequence,
            updates: vec![update(state, at_s)],
        };
        self.stock.batch_update_availability(request).await.map(tonic::Response::into_inner)
    }

    async fn block(&mut self, product_id: &str) -> Result<(), Status> {
        let request = pb::BlockProductsRequest {
            product_ids: vec![product_id.to_owned()],
            reason: "recall".to_owned(),
            ..<_>::default()
        };
        self.stock.block_products(request).await.map(drop)
    }

    /// How each kind of write ends; every one would change what is told.
    async fn write(&mut self) -> [(&'static str, Result<(), Status>); 4] {
        let part = pb::ReplaceAvailabilityRequest {
            source_id: "erp".to_owned(),
            sequence: 9,
            updates: vec![update(Availability::OutOfStock, 9)],
            end: true,
        };
        let unblock = pb::UnblockProductsRequest {
            product_ids: vec!["ghost".to_owned()],
            reason: "over".to_owned(),
            ..<_>::default()
        };
        [
            ("batch", self.batch(2, Availability::OutOfStock).await.map(drop)),
            (
                "replace",
                self.stock.replace_availability(tokio_stream::iter([part])).await.map(drop),
            ),
            ("block", self.block("target").await),
            ("unblock", self.stock.unblock_products(unblock).await.map(drop)),
        ]
    }
}

/// Writes to a server whose disk has a fault are refused so, and reads go on.
async fn check_refused(
    caller: &mut Caller,
    before: &Told,
    code: Code,
    retry: Option<Duration>,
    says: &str,
) {
    // The first write breaks the journal, each later one tries to mend it.
    for round in 0..2 {
        for (kind, done) in caller.write().await {
            let refused = done.expect_err(kind);
            assert_eq!(refused.code(), code, "{kind} {round}: {refused}");
            assert!(refused.message().contains(says), "{kind} {round}: {refused}");
            let info = refused.get_error_details().retry_info().cloned();
            assert_eq!(info.and_then(|info| info.retry_delay), retry, "{kind} {round}");
            assert_eq!(caller.told().await, *before, "{kind} {round}");
        }
    }
}

#[track_caller]
fn check(fault: Fault, code: Code, retry: Option<Duration>, says: &str) {
    let disk = Disk::new();
    let addr = serve_on(&disk);
    let after = block_on(async {
        let mut caller = Caller::of(addr).await;
        caller.batch(1, Availability::LowStock).await.unwrap();
        caller.block("ghost").await.unwrap();
        let before = caller.told().await;
        assert_eq!((before.ids(), before.sequence()), (vec!["target"], 1));
        assert_eq!(before.blocks.products.len(), 1);

        disk.set_fault(Some(fault));
        check_refused(&mut caller, &before, code, retry, says).await;

        // Refused meant not applied: the same sequence is news, and nothing lies beyond it.
        disk.set_fault(None);
        let done = caller.batch(2, Availability::OutOfStock).await.unwrap();
        assert_eq!((done.applied, done.stale, done.gap), (1, 0, 0));
        let after = caller.told().await;
        assert_eq!((after.ids(), after.sequence()), (vec![], 2));
        assert_eq!(after.blocks, before.blocks);
        after
    });
    // Nor does a restart find what was refused.
    let restarted = serve_on(&disk);
    assert_eq!(block_on(async { Caller::of(restarted).await.told().await }), after);
}

#[test]
fn a_full_disk_refuses_writes_alone() {
    check(Fault::Full, Code::ResourceExhausted, FULL_RETRY, "the disk is full");
}

#[test]
fn a_read_only_disk_refuses_writes_alone() {
    check(Fault::ReadOnly, Code::Unavailable, None, "the stock journal cannot be written");
}

#[test]
fn a_failed_sync_refuses_writes_alone() {
    check(Fault::Sync, Code::Unavailable, None, "the stock journal cannot be written");
}

#[test]
fn a_server_starts_on_a_disk_that_takes_no_writes() {
    for (fault, code, retry) in [
        (Fault::Full, Code::ResourceExhausted, FULL_RETRY),
        (Fault::ReadOnly, Code::Unavailable, None),
        (Fault::Sync, Code::Unavailable, None),
    ] {
        let disk = Disk::new();
        block_on(async {
            let mut caller = Caller::of(serve_on(&disk)).await;
            caller.batch(1, Availability::LowStock).await.unwrap();
            caller.block("ghost").await.unwrap();
            let before = caller.told().await;
            disk.set_fault(Some(fault));
            let mut caller = Caller::of(serve_on(&disk)).await;
            assert_eq!(caller.told().await, before, "{fault:?}");
            check_refused(&mut caller, &before, code, retry, "the stock journal cannot").await;
            disk.set_fault(None);
            assert!(caller.write().await.iter().all(|(_, done)| done.is_ok()), "{fault:?}");
            assert_eq!(caller.told().await.sequence(), 9);
        });
    }
}
