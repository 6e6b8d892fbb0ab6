//! Fallback chains that go on with another placement's.

use super::{TinyCatalog, check_faults, faults, parsed};
use crate::{
    model::{limits::FALLBACK_STEPS_MAX, relation::Stage, selection::FallbackStep},
    policy::Policy,
};

fn placement(id: &str, fallback: &str) -> String {
    format!("[[placements]]\nid = \"{id}\"\nfallback = [{fallback}]\n")
}

#[test]
fn a_chain_goes_on_with_that_of_a_placement() {
    let text = [
        placement("a", "{ variant_group = true }, { placement = \"b\" }"),
        placement("b", "{ category_popular = true }, { placement = \"c\" }"),
        placement("c", "{ popular_in = \"*\" }"),
    ];
    let policy = Policy::bind(&parsed(&text.concat()), None, &TinyCatalog::phones()).0;
    let chain = |id: &str| policy.placement(id).unwrap().slot(None).fallback.clone();
    use FallbackStep::{CategoryPopular, PopularIn, VariantGroup};
    assert_eq!(chain("a"), [VariantGroup, CategoryPopular, PopularIn(None)]);
    assert_eq!(chain("b"), [CategoryPopular, PopularIn(None)]);
}

#[test]
fn a_chain_goes_on_at_its_stage() {
    let text = [
        placement("a", "{ placement = \"b\" }"),
        placement("b", "{ category_popular = true }"),
        "[placements.stages.checkout]\nfallback = [{ popular_in = \"*\" }]\n".to_owned(),
        "[stages.checkout]\nfallback = [{ placement = \"a\" }]\n".to_owned(),
    ];
    let policy = Policy::bind(&parsed(&text.concat()), None, &TinyCatalog::phones()).0;
    let a = policy.placement("a").unwrap();
    assert_eq!(a.slot(None).fallback, [FallbackStep::CategoryPopular]);
    assert_eq!(a.slot(Some(Stage::Discovery)).fallback, [FallbackStep::CategoryPopular]);
    assert_eq!(a.slot(Some(Stage::Checkout)).fallback, [FallbackStep::PopularIn(None)]);
    let stage = policy.stage(Stage::Checkout).unwrap();
    assert_eq!(stage.fallback, [FallbackStep::PopularIn(None)]);
}

#[test]
fn a_cycle_is_told_once_from_its_smallest_id_on() {
    let on = |id: &str| format!("{{ placement = \"{id}\" }}");
    check_faults(
        &placement("a", &on("a")),
        &["p.toml:3:27: expected a fallback chain that ends, found `a -> a`"],
    );
    let text = [
        placement("d", &on("c")),
        placement("c", &on("a")),
        placement("b", &on("c")),
        placement("a", &on("b")),
    ];
    check_faults(
        &text.concat(),
        &["p.toml:9:27: expected a fallback chain that ends, found `a -> b -> c -> a`"],
    );
}

#[test]
fn a_cycle_of_one_stage_is_found() {
    let text = [
        placement("a", "{ placement = \"b\" }"),
        placement("b", ""),
        "[placements.stages.checkout]\nfallback = [{ placement = \"a\" }]\n".to_owned(),
    ];
    check_faults(
        &text.concat(),
        &["p.toml:8:27: expected a fallback chain that ends, found `a -> b -> a`"],
    );
}

#[test]
fn a_chain_must_lead_to_a_placement_and_stand_last() {
    check_faults(
        &placement("a", "{ placement = \"x\" }"),
        &["p.toml:3:27: expected a placement of the policy, found `x`"],
    );
    check_faults(
        "[stages.checkout]\nfallback = [{ placement = \"x\" }]\n",
        &["p.toml:2:27: expected a placement of the policy, found `x`"],
    );
    let text =
        placement("a", "{ placement = \"b\" }, { variant_group = true }") + &placement("b", "");
    check_faults(
        &text,
        &[
            "p.toml:3:34: placements[0].fallback[1]: expected the step `placement` to stand last, as it goes on with another chain, found a step behind it",
        ],
    );
}

#[test]
fn a_whole_chain_has_the_limit_of_one() {
    let steps = |count: usize| vec!["{ variant_group = true }"; count].join(", ");
    let text = |count: usize| {
        placement("a", &(steps(FALLBACK_STEPS_MAX - 4) + ", { placement = \"b\" }"))
            + &placement("b", &steps(count))
    };
    parsed(&text(3));
    parsed(&text(4));
    let found = faults(&text(5));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("expected at most 16 steps in the whole fallback chain, found more"),
        "{found:?}"
    );
    // Steps that only lead on are bounded, too.
    let long = |count: usize| {
        let chain = (1..count)
            .map(|n| placement(&n.to_string(), &format!("{{ placement = \"{}\" }}", n + 1)));
        chain.collect::<String>() + &placement(&count.to_string(), "")
    };
    parsed(&long(FALLBACK_STEPS_MAX));
    assert!(!faults(&long(FALLBACK_STEPS_MAX + 1)).is_empty());
}
