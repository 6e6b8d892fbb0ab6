//! Goal: a replica that was told to wait for its stock says `SERVING` when the stock is young enough,
//! not sooner, and then for good. Method: positions of feeds and clocks that the test makes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    service::{Health, Readiness, readiness::awaited},
    stock::FeedPosition,
};

const AGE: Duration = Duration::from_secs(60);
const NOW_S: i64 = 1_000;

/// Heard of so many seconds ago, with so many readings.
fn feed(source: &str, ago_s: i64, reading_count: usize) -> FeedPosition {
    FeedPosition {
        source_id: source.into(),
        sequence: 1,
        applied_beyond_gap: 0,
        received_s: NOW_S - ago_s,
        event_us_max: 0,
        reading_count,
    }
}

/// The sources that are waited for.
fn check(feeds: &[FeedPosition], expected: Option<&[&str]>) {
    let now = UNIX_EPOCH + Duration::from_secs(NOW_S.unsigned_abs());
    let expected = expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    assert_eq!(awaited(feeds, now, AGE), expected, "{feeds:?}");
}

#[test]
fn a_feed_is_young_up_to_the_age_and_old_beyond_it() {
    check(&[feed("erp", 0, 1)], None);
    check(&[feed("erp", 59, 1)], None);
    check(&[feed("erp", 60, 1)], None);
    check(&[feed("erp", 61, 1)], Some(&["erp"]));
    // A clock that was set back makes nothing old.
    check(&[feed("erp", -5, 1)], None);
}

#[test]
fn one_old_feed_of_several_is_waited_for() {
    check(&[feed("erp", 5, 1), feed("pos", 61, 1), feed("wms", 5, 1)], Some(&["pos"]));
    check(&[feed("erp", 99, 1), feed("pos", 61, 1)], Some(&["erp", "pos"]));
    check(&[feed("erp", 5, 1), feed("pos", 5, 1)], None);
}

/// A source that was retired once kept every replica from serving after its next start.
#[test]
fn a_feed_without_readings_is_not_waited_for() {
    check(&[feed("erp", 5, 1), feed("retired", 9_999, 0)], None);
    check(&[feed("erp", 61, 1), feed("retired", 9_999, 0)], Some(&["erp"]));
    // It was heard of: it has nothing to say.
    check(&[feed("erp", 5, 0)], None);
}

#[test]
fn some_feed_must_have_been_heard_of() {
    check(&[], Some(&[]));
    check(&[feed("retired", 61, 0)], Some(&[]));
}

/// A feed that was heard of so many seconds before the real now.
fn real(source: &str, ago_s: u64) -> FeedPosition {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let received_s = i64::try_from(now.as_secs() - ago_s).unwrap();
    FeedPosition { received_s, ..feed(source, 0, 1) }
}

#[test]
fn an_old_feed_keeps_health_from_serving_until_it_is_heard_of() {
    let health = Health::new();
    let readiness = Readiness::new(health.clone(), Some(Duration::from_secs(3_600)));
    readiness.snapshot_is_live(&[real("erp", 0), real("pos", 9_999)]);
    assert!(!health.is_serving());
    readiness.stock_changed(&[real("erp", 0), real("pos", 9_999)]);
    assert!(!health.is_serving());
    readiness.stock_changed(&[real("erp", 0), real("pos", 0)]);
    assert!(health.is_serving());
    // From then on nothing is waited for.
    readiness.stock_changed(&[real("erp", 9_999), real("pos", 9_999)]);
    readiness.snapshot_is_live(&[real("erp", 9_999)]);
    assert!(health.is_serving());
}

#[test]
fn young_stock_alone_does_not_serve_before_a_snapshot_is_live() {
    let health = Health::new();
    let readiness = Readiness::new(health.clone(), Some(Duration::from_secs(3_600)));
    readiness.stock_changed(&[real("erp", 0)]);
    assert!(!health.is_serving());
    readiness.snapshot_is_live(&[real("erp", 0)]);
    assert!(health.is_serving());
}

#[test]
fn without_an_age_the_snapshot_is_enough() {
    let health = Health::new();
    let readiness = Readiness::new(health.clone(), None);
    readiness.stock_changed(&[]);
    assert!(!health.is_serving());
    readiness.snapshot_is_live(&[real("erp", 9_999)]);
    assert!(health.is_serving());
}
