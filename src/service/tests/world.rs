//! What tests of answers share: a world in text form as the present of a call, and requests.

use crate::{
    index::View,
    lookup::{
        Context, Query,
        tests::{shop::Shop, world::World},
    },
    pb::{self, RecommendationView, seed::Target},
    service::{convert, present::Present, status::Refusal},
    stock::FeedPosition,
};

/// The clock of tests.
pub(super) const NOW_S: i64 = 1_000;

/// A lookup as a request asks for it.
#[derive(Debug)]
pub(super) struct Asked<'q> {
    pub(super) query: Query<'q>,
    pub(super) context: Context<'q>,
    pub(super) detail: RecommendationView,
}

/// The lookup of a request.
pub(super) fn query<'q>(
    request: &'q pb::GetRecommendationsRequest,
    view: &View<'_>,
    now_s: i64,
) -> Result<Asked<'q>, Refusal> {
    let mut query = Query::default();
    let (context, detail) = convert::read_query(request, view, now_s, &mut query)?;
    Ok(Asked { query, context, detail })
}

/// The world as a call finds it.
pub(super) fn present(world: &World) -> Present<'_> {
    let scene = world.scene();
    Present {
        snapshot_id: "5eed",
        scene,
        provenance: None,
        dropped: None,
        slots: None,
        now_s: NOW_S,
    }
}

/// Says how far feeds were applied: source, sequence, batches beyond a gap.
pub(super) fn feed(world: &mut World, positions: &[(&str, u64, u32)]) {
    let positions = positions.iter().map(|(source_id, sequence, gap)| FeedPosition {
        source_id: (*source_id).into(),
        sequence: *sequence,
        applied_beyond_gap: *gap,
        received_s: 0,
        event_us_max: 0,
        reading_count: 1,
    });
    world.stock.set_positions(positions.collect());
}

pub(super) fn with_view<T>(look: impl FnOnce(&View<'_>) -> T) -> T {
    let catalog = Shop::parse("a cross_sell b 90\n a accessory c 80").catalog();
    look(&catalog.view())
}

pub(super) fn seed(id: &str, quantity: f64) -> pb::Seed {
    pb::Seed { target: Some(Target::ProductId(id.to_owned())), quantity }
}

pub(super) fn category(id: &str) -> pb::Seed {
    pb::Seed { target: Some(Target::CategoryId(id.to_owned())), quantity: 1.0 }
}

/// A lookup for these types.
pub(super) fn types(types: &[i32]) -> pb::LookupSpec {
    pb::LookupSpec { relation_types: types.to_vec(), ..<_>::default() }
}

/// The fields of a refusal, which says of each what was expected.
#[track_caller]
pub(super) fn check_fields(refused: Result<(), Refusal>, expected: &[&str]) {
    let violations = match refused {
        Ok(()) => Vec::new(),
        Err(Refusal::Invalid(violations)) => violations,
        Err(other) => panic!("{other:?}"),
    };
    let fields = violations.iter().map(|one| &*one.field).collect::<Vec<_>>();
    assert_eq!(fields, expected, "{violations:?}");
    assert!(violations.iter().all(
        |one| one.description.starts_with("expected") || one.description.starts_with("the id")
    ));
}
