//! Goal: under more load than there is room for, lookups that waited are refused with when to come again,
//! and nothing else is; without the bound nobody is. Method: calls that each keep their runtime's only
//! thread, so that those that come meanwhile wait behind.

use std::time::Duration;

use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{Server, asking, block_on, call, options};
use crate::{pb::recommendation_service_client::RecommendationServiceClient, telemetry::Metrics};

/// Askers, each with one call after the other. A call keeps the thread for `WORK`, so that whoever comes
/// while others work waits for longer than it may, and all of them work for longer than a busy span.
const LANES: usize = 8;
const CALLS_OF_A_LANE: usize = 5;
const CALLS: usize = LANES * CALLS_OF_A_LANE;

/// What calls that came together came to, with their pushbacks; what a health check among them did. As many
/// are counted as shed.
fn overloaded(shed_after: Option<Duration>) -> (Vec<(Code, Option<u64>)>, Code) {
    let metrics = Metrics::default();
    let server = Server::told(options(1), shed_after, metrics.clone());
    let found = block_on(async {
        let channel = server.channel().await;
        let mut lookups = RecommendationServiceClient::new(channel.clone());
        call(&mut lookups).await;
        let lanes = (0..LANES).map(|_| {
            let mut lookups = lookups.clone();
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..CALLS_OF_A_LANE {
                    answers.push(lookups.get_recommendations(asking("work")).await);
                }
                answers
            })
        });
        let lanes = lanes.collect::<Vec<_>>();
        let mut health = HealthClient::new(channel);
        let check = tokio::spawn(async move { health.check(HealthCheckRequest::default()).await });
        let mut found = Vec::new();
        for lane in lanes {
            let answers = lane.await.unwrap().into_iter();
            found.extend(answers.map(|answer| match answer {
                Ok(_) => (Code::Ok, None),
                Err(status) => {
                    let pushback = status.metadata().get("grpc-retry-pushback-ms");
                    let pushback = pushback.and_then(|wait| wait.to_str().ok()?.parse().ok());
                    (status.code(), pushback)
                }
            }));
        }
        let check = check.await.unwrap().map_or_else(|status| status.code(), |_| Code::Ok);
        // There is room again at once.
        call(&mut lookups).await;
        (found, check)
    });
    server.drained();
    let shed = found.0.iter().filter(|(code, _)| *code == Code::ResourceExhausted).count();
    let line = format!("kindred_shed_total {shed}\n");
    assert!(metrics.scrape().unwrap().contains(&line), "{line}");
    found
}

#[test]
fn lookups_that_waited_on_a_busy_runtime_are_refused_with_when_to_come_again() {
    let (calls, check) = overloaded(Some(Duration::from_millis(5)));
    let count = |code: Code| calls.iter().filter(|(found, _)| *found == code).count();
    let (answered, shed) = (count(Code::Ok), count(Code::ResourceExhausted));
    assert!(answered > 0 && shed > 0 && answered + shed == CALLS, "{calls:?}");
    for (code, pushback) in &calls {
        let is_told = pushback.is_some_and(|wait| (25..=100).contains(&wait));
        assert_eq!(is_told, *code == Code::ResourceExhausted, "{calls:?}");
    }
    assert_eq!(check, Code::Ok, "health is never refused");
}

#[test]
fn without_the_bound_all_wait_for_their_turn() {
    let (calls, check) = overloaded(None);
    assert!(calls.iter().all(|call| *call == (Code::Ok, None)), "{calls:?}");
    assert_eq!(check, Code::Ok);
}
