//! What health says, from the start to the drain.

use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{Server, block_on, check_health, options};

#[test]
fn health_is_not_serving_until_told_and_follows_what_it_is_told() {
    let server = Server::start(options(1));
    block_on(async {
        for (serving, expected) in [
            (None, ServingStatus::NotServing),
            (Some(true), ServingStatus::Serving),
            (Some(false), ServingStatus::NotServing),
            (Some(true), ServingStatus::Serving),
        ] {
            serving.into_iter().for_each(|serving| server.health.set_serving(serving));
            assert_eq!(server.health.is_serving(), expected == ServingStatus::Serving);
            for name in ["", "kindred.v1.RecommendationService", "kindred.v1.SnapshotService"] {
                assert_eq!(check_health(&server, name).await, Ok(expected), "{name:?}");
            }
        }
        assert_eq!(check_health(&server, "kindred.v1.Unheard").await, Err(Code::NotFound));
    });
    server.drained();
}

#[test]
fn a_watch_sees_each_change_once_and_ends_with_the_drain() {
    let server = Server::start(options(1));
    let told = block_on(async {
        let mut watch = server.watch("").await;
        let mut unknown = server.watch("kindred.v1.Unheard").await;
        let mut told = vec![watch.next().await.unwrap().unwrap().status()];
        server.health.set_serving(false);
        server.health.set_serving(true);
        told.push(watch.next().await.unwrap().unwrap().status());
        server.stop.drain();
        let end = loop {
            match watch.next().await.unwrap() {
                Ok(answer) => told.push(answer.status()),
                Err(status) => break status,
            }
        };
        assert_eq!(end.code(), Code::Unavailable);
        assert!(watch.next().await.is_none());
        let first = unknown.next().await.unwrap().unwrap().status();
        assert_eq!(first, ServingStatus::ServiceUnknown);
        assert_eq!(unknown.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
        server.health.set_serving(true);
        assert!(!server.health.is_serving(), "a drain is for good");
        told
    });
    // The drain's own NOT_SERVING may be overtaken by the end of the stream.
    let (before, after) = told.split_at(2);
    assert_eq!(before, [ServingStatus::NotServing, ServingStatus::Serving]);
    assert!(matches!(after, [] | [ServingStatus::NotServing]), "{after:?}");
    assert_eq!(server.ended().cut, 0);
}
