//! Goal: each check of relations, in its order, and the order of what is left.

use super::*;
use crate::model::{
    limits::RELATIONS_PER_TYPE_MAX,
    record::{AliasRecord, ScopeRecord, TombstoneRecord, Visibility},
    relation::RelationType,
};

/// Products `a`, `b`, `c`, the hidden `h`, the alias `old-a` of `a`, and these relations.
fn shop(relations: &[RelationRecord<'_>]) -> Graph<MemoryRuns> {
    build(config(), &[("test", &with_products(relations))])
}

fn with_products<'a>(relations: &[RelationRecord<'a>]) -> Vec<Record<'a>> {
    let mut records: Vec<_> = ["c", "b", "a"].into_iter().map(product).collect();
    let visibility = Visibility::Hidden;
    records.push(Record::Product(ProductRecord { id: "h", visibility, ..Default::default() }));
    records.push(Record::Alias(AliasRecord { alias: "old-a", product: "a" }));
    records.extend(relations.iter().cloned().map(Record::Relation));
    records
}

#[track_caller]
fn check(relations: &[RelationRecord<'_>], expected: &[&str]) -> Graph<MemoryRuns> {
    let graph = shop(relations);
    assert_eq!(links(&graph), expected);
    graph
}

/// The relation is refused for this reason, which is counted and kept.
#[track_caller]
fn check_refused(relation: RelationRecord<'_>, code: &str) {
    let graph = check(std::slice::from_ref(&relation), &[]);
    assert_eq!(findings(&graph), [(code, 1)]);
    let dropped: Vec<_> = graph.dropped().collect();
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0].code.code(), code);
    assert_eq!((dropped[0].source, dropped[0].target), (relation.source, relation.target));
    assert_eq!(dropped[0].at.line, 6);
    let typed = graph.counts.by_type.values().chain([&graph.counts.untyped]);
    let counted: Vec<_> = typed.filter(|counts| counts.read > 0).collect();
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].read, counted[0].kept, counted[0].reversed), (1, 0, 0));
    assert_eq!(counted[0].dropped, [(dropped[0].code, 1)].into());
}

/// What an input speaks of is settled before the graph: it makes no product and no relation, and
/// takes none away.
#[test]
fn scopes_and_tombstones_change_nothing() {
    let relations = [link("a", "related", "b")];
    let plain = with_products(&relations);
    let mut spoken = plain.clone();
    for (relation_type, product) in [("related", None), ("related", Some("a")), ("no_type", None)] {
        spoken.push(Record::Scope(ScopeRecord { relation_type, product }));
    }
    spoken.push(Record::Tombstone(TombstoneRecord { product: "a" }));
    spoken.push(Record::Tombstone(TombstoneRecord { product: "nobody" }));
    let [plain, spoken] = [plain, spoken].map(|records| build(config(), &[("test", &records)]));
    assert_eq!(links(&spoken), links(&plain));
    assert_eq!(spoken.products.len(), plain.products.len());
    assert_eq!(findings(&spoken), findings(&plain));
}

#[test]
fn each_check_has_its_reason() {
    check_refused(
        RelationRecord { active: false, ..link("a", "related", "b") },
        "inactive_relation",
    );
    for (from, to) in [(5, 5), (5, 4)] {
        let (valid_from_s, valid_to_s) = (Some(from), Some(to));
        let never = RelationRecord { valid_from_s, valid_to_s, ..link("a", "related", "b") };
        check_refused(never, "never_valid");
    }
    check_refused(link("", "related", "b"), "bad_id");
    check_refused(link("a", "related", ""), "bad_id");
    check_refused(link("a", "friends", "b"), "unknown_type");
    check_refused(
        RelationRecord { markets: vec!["us"], ..link("a", "related", "b") },
        "unknown_market",
    );
    check_refused(link("x", "related", "b"), "unknown_source");
    check_refused(link("a", "related", "x"), "dangling_target");
    check_refused(link("a", "related", "a"), "self_link");
    check_refused(link("a", "related", "h"), "hidden_target");
}

#[test]
fn the_first_check_that_applies_is_the_reason() {
    let worst = RelationRecord { active: false, markets: vec!["us"], ..link("", "friends", "") };
    check_refused(worst.clone(), "inactive_relation");
    let worst = RelationRecord { active: true, ..worst };
    check_refused(worst.clone(), "bad_id");
    let worst = RelationRecord { source: "x", target: "y", ..worst };
    check_refused(worst.clone(), "unknown_type");
    let worst = RelationRecord { relation_type: "related", ..worst };
    check_refused(worst.clone(), "unknown_market");
    let worst = RelationRecord { markets: Vec::new(), ..worst };
    check_refused(worst.clone(), "unknown_source");
    check_refused(RelationRecord { source: "h", ..worst }, "dangling_target");
    check_refused(link("h", "related", "h"), "self_link");
}

#[test]
fn ids_hold_up_to_128_bytes() {
    let check = |len: usize, code: &str| {
        let id = "x".repeat(len);
        let graph = shop(&[link("a", "related", &id)]);
        assert_eq!(findings(&graph), [(code, 1)]);
        assert_eq!(graph.dropped().next().unwrap().target.len(), len.min(128));
    };
    check(127, "dangling_target");
    check(128, "dangling_target");
    check(129, "bad_id");
}

#[test]
fn a_duplicate_comes_before_a_hidden_target() {
    let graph = check(&[link("a", "related", "h"), link("a", "related", "h")], &[]);
    assert_eq!(findings(&graph), [("duplicate_relation", 1), ("hidden_target", 1)]);
}

#[test]
fn aliases_lead_to_their_product() {
    let graph = check(
        &[link("old-a", "related", "b"), link("b", "related", "old-a")],
        &["a related b", "b related a"],
    );
    assert_eq!(findings(&graph), []);
    check_refused(link("old-a", "related", "a"), "self_link");
    let graph =
        check(&[link("old-a", "related", "b"), link("a", "related", "b")], &["a related b"]);
    assert_eq!(findings(&graph), [("duplicate_relation", 1)]);
}

#[test]
fn source_codes_name_types() {
    let graph = check(
        &[link("a", "magento:crosssell", "b"), link("a", "cross_sell", "c")],
        &["a cross_sell b", "a cross_sell c"],
    );
    let counts = &graph.counts.by_type[&RelationType::CROSS_SELL];
    assert_eq!((counts.read, counts.kept, counts.total()), (2, 2, 2));
    assert_eq!(graph.counts.by_type.len(), 9);
    assert_eq!(graph.counts.read(), 2);
}

#[test]
fn relations_stand_by_source_then_type_then_rank() {
    let at = |target, position, score| RelationRecord {
        position,
        score,
        ..link("a", "up_sell", target)
    };
    check(
        &[
            link("b", "cross_sell", "a"),
            at("b", Some(2), None),
            at("c", Some(1), None),
            link("a", "cross_sell", "c"),
        ],
        &["a cross_sell c", "a up_sell c", "a up_sell b", "b cross_sell a"],
    );
    // Absent positions last, then larger scores, absent ones last, then ids.
    check(&[at("b", None, Some(0.9)), at("c", Some(9), None)], &["a up_sell c", "a up_sell b"]);
    check(&[at("b", None, Some(0.1)), at("c", None, Some(0.2))], &["a up_sell c", "a up_sell b"]);
    check(&[at("b", None, None), at("c", None, Some(0.0))], &["a up_sell c", "a up_sell b"]);
    check(&[at("c", None, None), at("b", None, None)], &["a up_sell b", "a up_sell c"]);
}

#[test]
fn authority_ranks_before_position() {
    let low = with_products(&[RelationRecord { position: Some(0), ..link("a", "related", "b") }]);
    let high =
        [Record::Relation(RelationRecord { position: Some(9), ..link("a", "related", "c") })];
    let graph = build(config(), &[("low", &low), ("high", &high)]);
    assert_eq!(links(&graph), ["a related c", "a related b"]);
}

/// The only relation of the graph.
fn only(graph: &Graph<MemoryRuns>) -> Edge {
    let mut groups = graph.relations().unwrap();
    let edges = groups.next_group().unwrap().unwrap().edges.to_vec();
    assert_eq!(edges.len(), 1);
    assert!(groups.next_group().unwrap().is_none());
    edges[0]
}

#[test]
fn the_better_duplicate_stays() {
    let base = link("a", "related", "b");
    let check = |better: RelationRecord<'static>, worse: RelationRecord<'static>| {
        for relations in [[better.clone(), worse.clone()], [worse, better.clone()]] {
            let graph = shop(&relations);
            assert_eq!(findings(&graph), [("duplicate_relation", 1)]);
            let edge = only(&graph);
            assert_eq!((edge.position(), edge.score()), (better.position, better.score));
        }
    };
    let place = |position| RelationRecord { position, ..base.clone() };
    check(place(Some(1)), place(Some(2)));
    check(place(Some(2)), place(None));
    let scored = |position, score| RelationRecord { position, score, ..base.clone() };
    check(scored(None, Some(0.5)), scored(None, Some(0.4)));
    check(scored(None, Some(0.0)), scored(None, None));
    check(scored(Some(1), None), scored(Some(2), Some(1.0)));
}

#[test]
fn every_value_decides_before_the_row_does() {
    use crate::model::relation::StageMask;
    let base = link("a", "related", "b");
    let values = |edge: Edge| {
        let valid = (edge.valid_from_s(), edge.valid_to_s(), edge.stages(), edge.markets());
        (valid, edge.quantity(), edge.origin(), edge.is_two_way())
    };
    let check = |left: &RelationRecord<'static>, right: &RelationRecord<'static>| {
        let first = values(only(&shop(&[left.clone(), right.clone()])));
        let last = values(only(&shop(&[right.clone(), left.clone()])));
        assert_eq!(first, last);
    };
    let quantity = |quantity| RelationRecord { quantity, ..base.clone() };
    check(&quantity(Some(1.0)), &quantity(Some(2.0)));
    check(&quantity(None), &quantity(Some(2.0)));
    let from = |valid_from_s| RelationRecord { valid_from_s, ..base.clone() };
    check(&from(Some(0)), &from(Some(1)));
    check(&from(None), &from(Some(0)));
    let to = |valid_to_s| RelationRecord { valid_to_s, ..base.clone() };
    check(&to(Some(-1)), &to(Some(1)));
    let origin = |origin| RelationRecord { origin, ..base.clone() };
    check(&origin(Origin::Model), &origin(Origin::Curated));
    let stages = |bits| RelationRecord { stages: StageMask::from_bits(bits), ..base.clone() };
    check(&stages(1), &stages(2));
    let markets = |markets| RelationRecord { markets, ..base.clone() };
    check(&markets(vec!["eu"]), &markets(vec![]));
}

#[test]
fn the_higher_authority_states_the_relation() {
    let low = with_products(&[RelationRecord { position: Some(1), ..link("a", "related", "b") }]);
    let high =
        [Record::Relation(RelationRecord { position: Some(5), ..link("a", "related", "b") })];
    let graph = build(config(), &[("low", &low), ("high", &high)]);
    let edge = only(&graph);
    assert_eq!((edge.position(), edge.authority(), edge.at().file), (Some(5), 200, FileId(1)));
}

#[test]
fn every_attribute_survives() {
    use crate::model::relation::{Stage, StageMask};
    let stages = StageMask::EVERY.with(Stage::Checkout);
    let edge = only(&shop(&[RelationRecord {
        position: Some(0),
        score: Some(0.25),
        quantity: Some(2.5),
        origin: Origin::Curated,
        two_way: Some(false),
        valid_from_s: Some(-1),
        valid_to_s: Some(0),
        stages,
        markets: vec!["jp"],
        ..link("a", "spare_part", "c")
    }]));
    assert_eq!((edge.source(), edge.target()), (0, 2));
    assert_eq!((edge.position(), edge.score(), edge.quantity()), (Some(0), Some(0.25), Some(2.5)));
    assert_eq!((edge.valid_from_s(), edge.valid_to_s()), (Some(-1), Some(0)));
    assert_eq!((edge.origin(), edge.stages(), edge.markets()), (Origin::Curated, stages, 0b10));
    assert_eq!((edge.is_two_way(), edge.is_reversed(), edge.at().line), (false, false, 6));
    let edge = only(&shop(&[link("a", "spare_part", "c")]));
    assert_eq!((edge.position(), edge.score(), edge.quantity()), (None, None, None));
    assert_eq!((edge.valid_from_s(), edge.valid_to_s()), (None, None));
}

#[test]
fn unknown_markets_are_left_out() {
    let limited = |markets| RelationRecord { markets, ..link("a", "related", "b") };
    let check = |markets, mask, expected: &[(&str, u64)]| {
        let graph = shop(&[limited(markets)]);
        assert_eq!(only(&graph).markets(), mask);
        assert_eq!(findings(&graph), expected);
    };
    check(vec![], 0b11, &[]);
    check(vec!["eu"], 0b01, &[]);
    check(vec!["jp", "eu", "jp"], 0b11, &[]);
    check(vec!["us", "jp", "uk"], 0b10, &[("unknown_market", 1)]);
}

fn two_way<'a>(source: &'a str, target: &'a str, position: u32) -> RelationRecord<'a> {
    let position = Some(position);
    RelationRecord { two_way: Some(true), position, ..link(source, "related", target) }
}

#[test]
fn two_way_relations_hold_in_both_directions() {
    let stated = RelationRecord { quantity: Some(4.0), ..two_way("b", "a", 7) };
    let graph = check(&[stated], &["a related b", "b related a"]);
    let counts = &graph.counts.by_type[&RelationType::RELATED];
    assert_eq!((counts.read, counts.kept, counts.reversed, counts.total()), (1, 1, 1, 2));
    assert_eq!(findings(&graph), []);
    let mut groups = graph.relations().unwrap();
    let reversed = groups.next_group().unwrap().unwrap().edges[0];
    assert!(reversed.is_reversed() && reversed.is_two_way());
    assert_eq!((reversed.position(), reversed.at().line), (Some(7), 6));
    assert_eq!(reversed.quantity(), None, "four of a to one of b say nothing of the reverse");
    assert_eq!(groups.next_group().unwrap().unwrap().edges[0].quantity(), Some(4.0));
}

#[test]
fn a_type_may_be_two_way_and_a_row_may_object() {
    let mut config = config();
    config.relation_types[6].two_way = true;
    let objects = RelationRecord { two_way: Some(false), ..link("b", "related", "c") };
    let records = with_products(&[link("a", "related", "b"), objects]);
    let graph = build(config, &[("test", &records)]);
    assert_eq!(links(&graph), ["a related b", "b related a", "b related c"]);
}

#[test]
fn what_a_source_states_outranks_what_we_reversed() {
    let low = with_products(&[RelationRecord { position: Some(9), ..link("b", "related", "a") }]);
    let high = [Record::Relation(two_way("a", "b", 1))];
    let graph = build(config(), &[("low", &low), ("high", &high)]);
    assert_eq!(links(&graph), ["a related b", "b related a"]);
    assert_eq!(findings(&graph), []);
    let counts = &graph.counts.by_type[&RelationType::RELATED];
    assert_eq!((counts.read, counts.kept, counts.reversed), (2, 2, 0));
    let mut groups = graph.relations().unwrap();
    groups.next_group().unwrap();
    let stated = groups.next_group().unwrap().unwrap().edges[0];
    assert_eq!((stated.position(), stated.is_reversed()), (Some(9), false));
}

#[test]
fn reversed_relations_vanish_without_a_finding() {
    // To the hidden source of a two-way relation, and beside its own duplicate.
    let graph = check(&[two_way("h", "a", 1)], &["h related a"]);
    assert_eq!(findings(&graph), []);
    let graph =
        check(&[two_way("a", "b", 1), two_way("a", "b", 2)], &["a related b", "b related a"]);
    assert_eq!(findings(&graph), [("duplicate_relation", 1)]);
    assert_eq!(graph.counts.by_type[&RelationType::RELATED].reversed, 1);
}

#[test]
fn one_product_keeps_its_best_relations_of_a_type() {
    let ids: Vec<_> = (0..=RELATIONS_PER_TYPE_MAX).map(|n| format!("p{n:04}")).collect();
    let check = |count: usize, over: u64| {
        let mut records: Vec<_> = ids.iter().map(|id| product(id)).collect();
        records.push(product("seed"));
        // The first id has the last position.
        records.extend(ids.iter().zip(0_u32..).take(count).map(|(id, n)| {
            let position = Some(5_000 - n);
            Record::Relation(RelationRecord { position, ..link("seed", "related", id) })
        }));
        let graph = one(&records);
        let kept = links(&graph);
        assert_eq!(kept.len(), count.min(RELATIONS_PER_TYPE_MAX));
        assert_eq!(kept[0], format!("seed related p{:04}", count - 1));
        assert_eq!(graph.findings.count(FindingCode::OverCap), over);
        let dropped: Vec<_> = graph.dropped().map(|row| row.target).collect();
        assert_eq!(dropped, ["p0000"].iter().take(dropped.len()).copied().collect::<Vec<_>>());
        assert_eq!(dropped.len() as u64, over);
    };
    check(RELATIONS_PER_TYPE_MAX - 1, 0);
    check(RELATIONS_PER_TYPE_MAX, 0);
    check(RELATIONS_PER_TYPE_MAX + 1, 1);
}

#[test]
fn a_type_may_keep_fewer_and_what_is_cut_is_counted() {
    let mut config = config();
    let related = config.relation_types.iter_mut().find(|known| known.code == "related");
    related.unwrap().max_per_product = 2;
    let mut records: Vec<_> = ["a", "b", "c", "d", "e"].map(product).to_vec();
    for (position, target) in (1..).zip(["b", "c", "d", "e"]) {
        for code in ["related", "cross_sell"] {
            let position = Some(position);
            records.push(Record::Relation(RelationRecord { position, ..link("a", code, target) }));
        }
    }
    let graph = builder(config, &[("test", &records)]).finish().unwrap();
    let kept = links(&graph);
    assert_eq!(kept.iter().filter(|link| link.contains("cross_sell")).count(), 4);
    let related: Vec<_> = kept.iter().filter(|link| link.contains("related")).collect();
    assert_eq!(related, ["a related b", "a related c"]);
    // The shop's own wish is no fault: `--strict` lets it be.
    assert_eq!(findings(&graph), [("capped", 2)]);
    assert_eq!(graph.findings.worst(), Some(crate::model::finding::Severity::Info));
    let counts = &graph.counts.by_type[&RelationType::RELATED];
    assert_eq!((counts.read, counts.kept, counts.dropped[&FindingCode::Capped]), (4, 2, 2));
    let dropped: Vec<_> = graph.dropped().map(|row| row.target).collect();
    assert_eq!(dropped, ["d", "e"]);
}

#[test]
fn dropped_relations_are_sorted_and_bounded() {
    let dropped = |targets: &[&str], max| {
        let mut builder = builder(case_folded(), &[("test", &[product("a")])]);
        builder.intake.ledger.dropped_max = max;
        for (line, target) in (1..).zip(targets) {
            let record = Record::Relation(link("a", "related", target));
            builder.record(Location { file: FileId(0), line }, record);
        }
        let graph = builder.finish().unwrap();
        assert_eq!(graph.findings.count(FindingCode::DanglingTarget), targets.len() as u64);
        graph.dropped().map(|row| row.target.to_owned()).collect::<Vec<_>>()
    };
    let forward = ["v", "Z", "x", "w", "z", "y", "X", "q"];
    let backward: Vec<_> = forward.iter().rev().copied().collect();
    for targets in [&forward[..], &backward] {
        assert_eq!(dropped(targets, 3), ["q", "v", "w"]);
        assert_eq!(dropped(targets, 5), ["q", "v", "w", "X", "X"]);
        assert_eq!(dropped(targets, 99).len(), 8);
    }
}

#[test]
fn refused_samples_name_place_ends_and_reason() {
    let check = |relation, expected: &str| {
        let graph = shop(&[relation]);
        let (_, group) = graph.findings.groups().next().unwrap();
        assert_eq!(group.samples, [expected]);
    };
    check(
        RelationRecord { markets: vec!["us", "uk"], ..link("a", "magento:related", "b") },
        "test.csv:6: a related b: expected a market that the catalog declares, found us, uk",
    );
    check(
        link("x", "related", "b"),
        "test.csv:6: x related b: expected a source that is a product, found none of that id",
    );
}

#[test]
fn a_link_was_confirmed_when_the_latest_of_its_statements_was() {
    let confirmed = |day: Option<i64>| {
        let confirmed_at_s = day.map(|day| day * 86_400 + 86_399);
        let links = [RelationRecord { confirmed_at_s, ..link("a", "related", "b") }];
        with_products(&links)
    };
    let check = |low: Option<i64>, high: Option<i64>, modified_s: Option<i64>, expected| {
        let mut builder = builder(config(), &[("low", &confirmed(low))]);
        builder.begin_source("high");
        let file = builder.open_file(FileInfo { name: "high.csv".to_owned(), modified_s });
        for (line, record) in (1..).zip(confirmed(high)) {
            builder.record(Location { file, line }, record);
        }
        let edge = only(&builder.finish().unwrap());
        assert_eq!((edge.authority(), edge.confirmed_day()), (200, expected));
    };
    check(None, None, None, None);
    check(None, Some(7), None, Some(7));
    check(Some(7), None, None, Some(7));
    check(Some(7), Some(9), None, Some(9));
    check(Some(9), Some(7), None, Some(9));
    // The time of the file counts where the row says none, and there only.
    check(None, None, Some(86_400 * 8), Some(8));
    check(None, Some(3), Some(86_400 * 8), Some(3));
    check(Some(9), None, Some(86_400 * 8), Some(9));
    check(Some(7), None, Some(86_400 * 8), Some(8));
    // As far as it reaches.
    check(None, Some(-5), None, Some(0));
    check(None, Some(65_534), None, Some(65_534));
    check(None, Some(i64::MAX / 100_000), None, Some(65_534));
}
