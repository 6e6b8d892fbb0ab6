//! Goal: each refusal has one status, and JSON is that of gRPC tools. Method: by hand.

use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::block_on;
use crate::{
    pb::{self, server::recommendation_service_server::RecommendationService},
    service::{
        Recommendations, from_json,
        status::{Lag, Refusal, Violation},
        to_json,
    },
};

#[test]
fn a_refusal_has_one_status() {
    let violations = vec![Violation::new("seeds[2]", "expected x"), Violation::new("view", "y")];
    let status = Status::from(Refusal::Invalid(violations));
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "seeds[2]: expected x; view: y");
    let details = status.get_details_bad_request().unwrap().field_violations;
    let fields = details.iter().map(|one| (&*one.field, &*one.description)).collect::<Vec<_>>();
    assert_eq!(fields, [("seeds[2]", "expected x"), ("view", "y")]);

    let refusal = Refusal::SnapshotNotActive { asked: "01d".to_owned(), active: "5eed".to_owned() };
    let status = Status::from(refusal);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "snapshot 01d is not active; active is 5eed");
    let violation = &status.get_details_precondition_failure().unwrap().violations[0];
    assert_eq!((&*violation.r#type, &*violation.subject), ("SNAPSHOT", "01d"));

    assert_eq!(Status::from(Refusal::NotServing).code(), Code::Unavailable);

    let lag =
        |source_id: &str, asked, applied| Lag { source_id: source_id.to_owned(), asked, applied };
    let status = Status::from(Refusal::Behind(vec![lag("erp", 9, 7), lag("wms", 1, 0)]));
    assert_eq!(status.code(), Code::Unavailable);
    let expected = "stock is behind on this replica: feed erp is at 7, not at 9; feed wms is at 0, \
                    not at 1; try another one";
    assert_eq!(status.message(), expected);
}

#[test]
fn without_a_snapshot_every_method_is_unavailable() {
    let service = Recommendations::new(Default::default());
    block_on(async {
        let get = service.get_recommendations(Request::new(Default::default())).await.map(drop);
        let page =
            service.batch_get_recommendations(Request::new(Default::default())).await.map(drop);
        let bundles = service.get_bundles(Request::new(Default::default())).await.map(drop);
        let explain =
            service.explain_recommendations(Request::new(Default::default())).await.map(drop);
        let list = service.list_relations(Request::new(Default::default())).await.map(drop);
        let describe = service.describe_catalog(Request::new(Default::default())).await.map(drop);
        for answer in [get, page, bundles, explain, list, describe] {
            assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
        }
    });
}

#[test]
fn messages_become_the_json_of_grpc_tools() {
    let check = |message: &str, bytes: &[u8], expected: &str| {
        assert_eq!(to_json(message, bytes).unwrap(), expected);
    };
    check("Seed", b"", "{}");
    check("Seed", b"\x0a\x01a\x11\0\0\0\0\0\0\0\x40", r#"{"productId":"a","quantity":2.0}"#);
    check(
        "Recommendation",
        b"\x0a\x01a\x10\x01",
        r#"{"productId":"a","relationType":"RELATION_TYPE_CROSS_SELL"}"#,
    );
    // A type of the catalog has no name in the enum.
    check("Recommendation", b"\x10\x64", r#"{"relationType":100}"#);
    check("Recommendation", b"\x4a\x02\x08\x3c", r#"{"expireTime":"1970-01-01T00:01:00Z"}"#);
    // 64-bit integers are strings in JSON.
    check("ProductAttributes", b"\x10\x05", r#"{"priceMinorUnits":"5"}"#);
}

#[test]
fn what_is_no_message_is_not_shown() {
    let check = |message: &str, bytes: &[u8], expected: &str| {
        let error = to_json(message, bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("Nothing", b"", "no message kindred.v1.Nothing");
    check("Seed", b"\x0a\x05a", "decode");
}

#[test]
fn json_becomes_the_message_again() {
    let seed =
        pb::Seed { target: Some(pb::seed::Target::CategoryId("A/B".to_owned())), quantity: 2.0 };
    let bytes = prost::Message::encode_to_vec(&seed);
    for text in [
        r#"{"categoryId":"A/B","quantity":2.0}"#,
        r#"{"category_id": "A/B", "quantity": 2}"#,
        &to_json("Seed", &bytes).unwrap(),
    ] {
        assert_eq!(from_json::<pb::Seed>("Seed", text).unwrap(), seed, "{text}");
    }
    let check = |text: &str, expected: &str| {
        let error = from_json::<pb::Seed>("Seed", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    };
    check("{", "line 1");
    check("{} {}", "trailing");
    check(r#"{"colour":"red"}"#, "colour");
    check(r#"{"quantity":"much"}"#, "line 1");
    assert!(from_json::<pb::Seed>("Nothing", "{}").unwrap_err().to_string().contains("no message"));
}
