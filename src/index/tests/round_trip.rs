//! What was written is read back: every answer, at every border, the same bytes each time.

use std::path::Path;

use super::testkit::{self, TOYS, blob, catalog, model, provenance, read, written};
use crate::{
    index::{
        Catalog, Dropped, Ordinal, View,
        edges::{pointed, pointer},
        layout::{Edge, META_MARKETS, META_RARE, META_REVERSED, META_SCORED, RareRecord, Section},
        meta::{DroppedMeta, DroppedRelation, FileMeta},
        write_dropped,
    },
    model::{
        finding::FindingCode,
        relation::{Origin, RelationType},
    },
};

/// The smallest catalog there is: one market, no product.
const EMPTY: &str = "inventory main\nmarket de EUR main\n";

/// Writes the catalog of a text, opens it and compares every answer.
#[track_caller]
fn check(text: &str) -> Catalog {
    let model = model(text);
    let catalog = catalog(&model.catalog()).expect("a catalog that was just written opens");
    let (found, expected) = (read(&catalog.view()), model.answers());
    assert_eq!(found, expected, "{text}");
    for (id, ordinal) in model.by_id() {
        let id = str::from_utf8(&id).expect("ids are UTF-8");
        assert_eq!(catalog.view().find(id), Some(ordinal), "{id}");
    }
    catalog
}

fn product(view: &View<'_>, id: &str) -> Ordinal {
    view.find(id).unwrap_or_else(|| panic!("the catalog has {id}"))
}

#[test]
fn every_answer_of_a_small_catalog_is_as_written() {
    let _catalog = check(TOYS);
}

#[test]
fn a_catalog_without_anything_opens_and_answers_nothing() {
    let catalog = check(EMPTY);
    let view = catalog.view();
    assert_eq!((view.product_count(), view.find("a")), (0, None));
    assert!(view.bundles().is_empty() && view.incoming(Ordinal(0)).is_empty());
    assert!(view.title_bytes(Ordinal(0)).is_empty() && view.variants(Ordinal(0)).is_empty());
    assert!(catalog.blob().sections().all(|(section, len)| {
        len == 0 || matches!(section, Section::Keys | Section::Meta | Section::PopularEnds)
    }));
}

#[test]
fn products_without_details_leave_the_sections_of_details_empty() {
    let catalog = check(&format!("{EMPTY} product a\n product b\n"));
    let len = |wanted| catalog.blob().sections().find(|(section, _)| *section == wanted);
    assert_eq!(len(Section::TitleEnds), Some((Section::TitleEnds, 0)));
    assert_eq!(len(Section::ReverseEnds), Some((Section::ReverseEnds, 0)));
    assert_eq!(len(Section::Edges), Some((Section::Edges, 0)));
}

#[test]
fn products_stand_in_the_order_of_their_folded_ids() {
    let catalog = check(&format!("rule folded\n{EMPTY} product b\n product C\n product A\n"));
    let ids: Vec<_> = catalog.view().ordinals().map(|at| catalog.view().id(at)).collect();
    assert_eq!(ids, ["A", "b", "C"]);
    let catalog = check(&format!("{EMPTY} product b\n product C\n product A\n"));
    let ids: Vec<_> = catalog.view().ordinals().map(|at| catalog.view().id(at)).collect();
    assert_eq!(ids, ["A", "C", "b"]);
}

#[test]
fn relations_keep_order_marks_and_rare_values() {
    let catalog = check(TOYS);
    let view = catalog.view();
    let of = |id: &str| product(&view, id);
    let run = view.block(of("toy-car")).run(RelationType::ACCESSORY);
    let relations: Vec<_> = run.relations().collect();
    let targets: Vec<_> = relations.iter().map(|r| Ordinal(r.edge.target.get())).collect();
    let long = of("battery-aa-rechargeable-with-usb-c");
    assert_eq!(targets, [long, of("battery-aa"), of("charger")]);
    let scores: Vec<_> = relations.iter().map(|relation| relation.edge.score.get()).collect();
    assert_eq!(scores, [60000, 59999, 7]);
    let marks = |edge: &Edge| edge.meta.get() & (META_SCORED | META_RARE | META_MARKETS);
    assert_eq!(marks(relations[0].edge), META_SCORED);
    assert_eq!(marks(relations[1].edge), META_SCORED | META_RARE);
    assert_eq!(marks(relations[2].edge), META_RARE | META_MARKETS);
    assert_eq!(relations[1].edge.stages().bits(), 0b0_1110);
    assert_eq!(relations[2].edge.origin(), Some(Origin::Model));
    assert!(relations[0].rare.is_none());
    assert_eq!(relations[1].rare.map(|rare| rare.quantity.get()), Some(2.5));
    assert_eq!(relations[2].rare.map(|rare| rare.markets.get()), Some(0b10));
    let battery = view.block(of("battery-aa")).run(RelationType::CONSUMABLE);
    assert!(battery.edges()[0].meta.get() & META_REVERSED != 0);
    assert!(view.block(of("toy-car")).run(RelationType::UP_SELL).edges().is_empty());
    assert!(view.block(of("set-2")).run(RelationType::CONSUMABLE).edges().is_empty());
}

#[test]
fn rare_values_say_when_and_where() {
    let catalog = check(TOYS);
    let view = catalog.view();
    let run = view.block(product(&view, "toy-car")).run(RelationType::CONSUMABLE);
    let rare = run.relations().next().and_then(|relation| relation.rare).expect("it is rare");
    assert_eq!((rare.valid_from_s.get(), rare.valid_to_s.get()), (-5, 1_800_000_000));
    assert_eq!((rare.quantity.get(), rare.markets.get()), (2.0, 0b01));
    assert!(RareRecord::nothing().is_nothing() && !rare.is_nothing());
}

#[test]
fn details_of_a_product_are_read_by_its_ordinal() {
    let catalog = check(TOYS);
    let view = catalog.view();
    let of = |id: &str| product(&view, id);
    assert_eq!(view.title_bytes(of("toy-car-blue")), "Blaues Spielzeugauto für Kinder".as_bytes());
    assert_eq!(view.attributes(of("battery-aa")).map(|a| a.price.get()), Some(499));
    let prices = view.market_prices(of("charger"));
    assert_eq!(prices.iter().map(|price| price.price.get()).collect::<Vec<_>>(), [2899, 3299]);
    let variants: Vec<_> = view.variants(of("toy-car")).iter().map(|v| Ordinal(v.get())).collect();
    assert_eq!(variants, [of("toy-car-blue"), of("toy-car-red")]);
    assert_eq!(view.parent(of("toy-car-red")), Some(of("toy-car")));
    let incoming: Vec<_> = view
        .incoming(of("charger"))
        .iter()
        .map(|relation| (relation.relation_type, Ordinal(relation.source.get())))
        .collect();
    assert_eq!(incoming, [(6, of("set-2")), (6, of("toy-car"))]);
    let bundle = view.bundle(of("set")).expect("it is a bundle");
    let names: Vec<_> = view.options(bundle).iter().map(|o| view.option_name(o)).collect();
    assert_eq!(names, ["car", "power"]);
    let with: Vec<_> = view.bundles_with(of("battery-aa")).map(|b| b.product.get()).collect();
    assert_eq!(with, [of("set").0, of("set-2").0]);
    assert!(view.declares(RelationType::CONSUMABLE) && !view.declares(RelationType::UP_SELL));
}

#[test]
fn ids_are_found_by_the_rule_of_the_catalog_and_nothing_else_is() {
    let catalog = check(TOYS);
    let view = catalog.view();
    let car = view.find("toy-car");
    assert!(car.is_some());
    for id in ["TOY-CAR", "Old-Car", "old-car", "00000000-0000-4000-8000-000000000001"] {
        assert_eq!(view.find(id), car, "{id}");
    }
    for id in ["", "toy-ca", "toy-cars", "toy\u{2010}car", "TOY CAR", &"x".repeat(129)] {
        assert_eq!(view.find(id), None, "{id}");
    }
    // Only A to Z are folded: an É is not an é.
    let catalog = check(&format!("rule folded\n{EMPTY} product CAFÉ\n product café\n"));
    let view = catalog.view();
    assert_ne!(view.find("cafÉ"), view.find("café"));
    let catalog = check(&format!("{EMPTY} product car\n product Car\n alias CAR car\n"));
    let view = catalog.view();
    assert_ne!(view.find("car"), view.find("Car"));
    assert_eq!((view.find("car"), view.find("cAR")), (view.find("CAR"), None));
}

#[test]
fn ids_of_every_length_up_to_the_limit_are_kept() {
    for len in [1, 14, 15, 16, 17, 127, 128] {
        for alias_len in [15, 16, 128] {
            let (id, alias) = ("i".repeat(len), "A".repeat(alias_len));
            let text = format!("{EMPTY} product {id}\n product z\n alias {alias} {id}\n");
            let catalog = check(&text);
            let view = catalog.view();
            assert_eq!(view.id(Ordinal(0)), id);
            assert_eq!((view.find(&id), view.find(&alias)), (Some(Ordinal(0)), Some(Ordinal(0))));
            assert_eq!(view.find(&"i".repeat(len + 1)), None);
            let heap = catalog.blob().sections().find(|(s, _)| *s == Section::KeyHeap);
            let long = |len: usize| if len > 15 { len as u64 } else { 0 };
            assert_eq!(heap, Some((Section::KeyHeap, long(len) + long(alias_len))));
        }
    }
}

#[test]
fn pointers_reach_beyond_four_gibibytes() {
    for offset in [0, 8, 1 << 32, (1 << 43) - 8] {
        assert_eq!(pointed(pointer(offset, 255)), (offset, 255));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let toys = model(TOYS);
    let first = toys.catalog();
    assert_eq!(toys.catalog(), first);
    let mut lines: Vec<_> = TOYS.lines().collect();
    // Products, aliases and prices in another order are the same catalog.
    let order = |line: &&str| {
        let movable = ["product", "alias", "price"];
        let first = line.split_whitespace().next();
        movable.iter().position(|word| first == Some(word)).map_or(0, |at| at + 1)
    };
    let (mut moved, rest): (Vec<_>, Vec<_>) = lines.drain(..).partition(|line| order(line) > 0);
    moved.reverse();
    let at = rest.iter().position(|line| line.trim_start().starts_with("edge")).expect("edges");
    let shuffled = [&rest[..at], &moved, &rest[at..]].concat().join("\n");
    assert_eq!(model(&shuffled).catalog(), first);
}

#[test]
fn provenance_gives_each_relation_its_place() {
    let toys = model(TOYS);
    let catalog = catalog(&toys.catalog()).expect("it opens");
    let provenance = provenance(&toys.provenance(catalog.blob().hash()), &catalog);
    let provenance = provenance.expect("it opens beside its catalog");
    for source in catalog.view().ordinals() {
        let lines: Vec<_> = toys.links(source.0).map(|link| link.line).collect();
        for (index, line) in lines.iter().enumerate() {
            let place = provenance.place(source, index).expect("each relation has one");
            assert_eq!((place.line, place.source), (*line, "tables"));
            assert_eq!(place.file.name, "relations.csv");
            assert_eq!(place.file.confirmed_s.as_ref().map(|s| s.to_native()), Some(1_700_000_000));
        }
    }
    assert!(provenance.place(Ordinal(u32::MAX), 0).is_none());
}

/// A place was asked for by its number in a product's block, but the number was only held against
/// the end of all places: beyond the last relation of a product came the places of the next one.
#[test]
fn provenance_beyond_the_last_relation_of_a_product_is_none() {
    let toys = model(TOYS);
    let catalog = catalog(&toys.catalog()).expect("it opens");
    let provenance = provenance(&toys.provenance(catalog.blob().hash()), &catalog);
    let provenance = provenance.expect("it opens beside its catalog");
    for source in catalog.view().ordinals() {
        let count = toys.links(source.0).count();
        assert!(provenance.place(source, count).is_none(), "product {source:?}");
        assert!(provenance.place(source, usize::MAX).is_none());
    }
}

#[test]
fn dropped_relations_are_read_as_they_were_written() {
    let dropped = dropped();
    let bytes = written(|file| write_dropped(file, Path::new("dropped"), &dropped));
    let opened = Dropped::from_blob(blob(&bytes).expect("whole")).expect("it opens");
    let read = rkyv::deserialize::<DroppedMeta, rkyv::rancor::Error>(opened.get());
    assert_eq!(read.expect("no pointer is shared"), dropped);
    let none = DroppedMeta::default();
    let bytes = written(|file| write_dropped(file, Path::new("dropped"), &none));
    let opened = Dropped::from_blob(blob(&bytes).expect("whole")).expect("it opens");
    assert_eq!((opened.get().relations.len(), opened.get().unlisted.to_native()), (0, 0));
}

/// What a compiler might have refused.
pub(super) fn dropped() -> DroppedMeta {
    let refused = |reason: FindingCode, target: &str, line| DroppedRelation {
        reason: reason as u8,
        source: "toy-car".to_owned(),
        relation_type: "cross_sell".to_owned(),
        target: target.to_owned(),
        file: 1,
        line,
    };
    let file = |name: &str, confirmed_s| FileMeta { source: 0, name: name.to_owned(), confirmed_s };
    DroppedMeta {
        id_rule: 0,
        relations: vec![
            refused(FindingCode::DanglingTarget, "no-such-product-anywhere", 12),
            refused(FindingCode::SelfLink, "toy-car", 13),
        ],
        unlisted: 3,
        files: vec![file("products.csv", None), file("relations.csv", Some(-1))],
        sources: vec!["tables".to_owned()],
    }
}

#[test]
fn parts_put_together_by_the_document_are_what_the_writer_wrote() {
    let bytes = model(TOYS).catalog();
    assert!(testkit::Parts::of(&bytes).bytes() == bytes);
}
