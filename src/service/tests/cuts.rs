//! Goal: what the proto files say of the cuts of an explanation holds. Method: shops that say more
//! than is told, once for each cut.

use prost::Message as _;

use super::world::{present, seed, types};
use crate::{
    lookup::tests::world::World,
    model::limits::{EXPLAIN_RESPONSE_BYTES_MAX, EXPLANATION_BYTES_MAX},
    pb::{self, explain_recommendations_request::Request as Asked},
    service::{explain::explain, pages},
};

/// The explanation of one lookup of these types.
fn slot(world: &World, lookup: pb::LookupSpec, traced: &[&str]) -> pb::SlotExplanation {
    let single = pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        seeds: vec![seed("a", 1.0)],
        ..<_>::default()
    };
    let request = pb::ExplainRecommendationsRequest {
        trace_product_ids: traced.iter().map(|id| (*id).to_owned()).collect(),
        max_candidates: 0,
        request: Some(Asked::Get(single)),
    };
    explain(&present(world), &request).unwrap().slots.remove(0)
}

#[test]
fn a_candidate_is_told_with_the_first_8_of_its_relations() {
    let codes = [
        "cross_sell",
        "up_sell",
        "bundle",
        "alternative",
        "spare_part",
        "accessory",
        "related",
        "eco_alternative",
        "consumable",
    ];
    let told = |count: usize| {
        let lists = codes[..count].iter().map(|code| format!("a {code} b 90"));
        let world = World::parse(&lists.collect::<Vec<_>>().join("\n"));
        let slot = slot(&world, types(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), &[]);
        let [candidate] = slot.candidates.as_slice() else { panic!("{slot:?}") };
        candidate.relations.iter().map(|one| one.relation_type).collect::<Vec<_>>()
    };
    let all = told(8);
    assert_eq!(all.len(), 8);
    let first = told(9);
    assert_eq!(first.len(), 8);
    assert!((1..=8).all(|one| all.contains(&one)));
}

#[test]
fn a_rule_names_the_first_100_products_that_it_acted_on() {
    let named = |count: usize| {
        let links = (0..count).map(|number| format!("p{number:03} {}", 9_000 - number));
        let brands = (0..count).map(|number| format!("\n p{number:03} brand acme"));
        let (links, brands) =
            (links.collect::<Vec<_>>().join(", "), brands.collect::<Vec<_>>().concat());
        let text = format!("a cross_sell {links}{brands}\n ? boost 2000 brands=acme");
        let slot = slot(&World::parse(&text), types(&[1]), &[]);
        let [rule] = slot.rules.as_slice() else { panic!("{slot:?}") };
        rule.product_ids.clone()
    };
    assert_eq!(named(100).len(), 100);
    let expected = (0..100).map(|number| format!("p{number:03}")).collect::<Vec<_>>();
    assert_eq!(named(101), expected);
}

#[test]
fn a_detail_is_cut_after_512_bytes() {
    // A rule is named by its whole text here.
    let rule = format!("hide products=b{},q1", ",b".repeat(400));
    let text = format!("a cross_sell b 90\n a up_sell q 80\n q1 < q\n ? {rule}");
    let world = World::parse(&text);
    let resolution = pb::VariantResolution::SellableVariant.into();
    let lookup = pb::LookupSpec { variant_resolution: resolution, ..types(&[1, 2]) };
    let slot = slot(&world, lookup, &["b", "q"]);
    let detail = |id: &str| {
        let found = slot.candidates.iter().find(|one| one.product_id == id);
        found.unwrap_or_else(|| panic!("{slot:?}")).detail.clone()
    };
    let cut = |text: &str| text.chars().take(512).collect::<String>();
    assert_eq!(detail("b"), cut(&rule));
    assert_eq!(detail("q"), cut(&format!("shown as q1: {rule}")));
}

/// The longest explanations of a whole page: 16 times 1000 candidates, each with 8 relations between
/// the longest ids.
#[test]
fn explanations_of_all_slots_together_have_32_mib_and_the_answer_is_whole() {
    const SLOTS: usize = 16;
    const CANDIDATES: usize = 1_000;
    const SEEDS: usize = 32;
    let target = |number: usize| format!("t{number:0127}");
    let source = |number: usize| format!("s{number:0127}");
    // Four groups of seeds, each with as many targets as are weighed of one seed, or nearly.
    let line = |number: usize| {
        let first = number / 8 * 250;
        let links = (first..first + 250).map(|to| format!("{} {}", target(to), 9_000 - to));
        format!("{} cross_sell {}", source(number), links.collect::<Vec<_>>().join(", "))
    };
    let world = World::parse(&(0..SEEDS).map(line).collect::<Vec<_>>().join("\n"));
    let slots = (0..SLOTS).map(|number| pb::Slot {
        slot_id: number.to_string(),
        lookup: Some(types(&[1])),
        seeds: Vec::new(),
    });
    let page = pb::BatchGetRecommendationsRequest {
        slots: slots.collect(),
        seeds: (0..SEEDS).map(|number| seed(&source(number), 1.0)).collect(),
        allow_duplicates: true,
        ..<_>::default()
    };
    let answer = pages::batch(&present(&world), &page).unwrap().decoded_page().unwrap();
    let request = pb::ExplainRecommendationsRequest {
        trace_product_ids: Vec::new(),
        max_candidates: i32::try_from(CANDIDATES).unwrap(),
        request: Some(Asked::Batch(page)),
    };
    let explained = explain(&present(&world), &request).unwrap();
    assert!(explained.encoded_len() <= EXPLAIN_RESPONSE_BYTES_MAX);
    assert_eq!(explained.response.as_ref(), Some(&answer));

    let whole = |slot: &pb::SlotExplanation| slot.candidates.len() == CANDIDATES;
    assert_eq!(explained.slots.len(), SLOTS);
    let first_cut = explained.slots.iter().position(|slot| !whole(slot)).expect("one is cut");
    assert!(first_cut >= SLOTS / 2, "{first_cut}");
    assert!(explained.slots[first_cut + 1..].iter().all(|slot| slot.candidates.is_empty()));
    assert!(
        explained
            .slots
            .iter()
            .flat_map(|slot| &slot.candidates)
            .all(|one| { one.relations.len() == 8 })
    );
    let used = explained.slots.iter().map(|slot| slot.encoded_len()).sum::<usize>();
    let unused = EXPLANATION_BYTES_MAX.checked_sub(used).expect("no more than there is room for");
    assert!(unused < 100_000, "{unused}");
}
