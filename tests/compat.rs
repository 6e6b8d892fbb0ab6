//! Blobs of every format that is read, written once and kept, open and answer as on the day they were
//! written. That the same input still gives the newest of these bytes is tested where the writers are
//! (`index::tests::golden`).

use std::path::{Path, PathBuf};

use kindred::{
    index::{
        Blob, BlobHash, Catalog, Dropped, Ordinal, Provenance, Role, Text, UnverifiedBlob, View,
        layout::{FORMAT, FORMAT_OLDEST},
    },
    model::{finding::FindingCode, relation::RelationType},
};

/// Each format that is read, with the name under which a store keeps its golden catalog.
const FORMATS: [(u32, &str); 2] = [
    (1, "4221045bc87c12426da7e7558b5d928691ec45ba80f165091b8a3e0ff7dea110"),
    (2, "97b851c56bd05de5d63a43a7a62806665bcf88868bb1fcc59e57de33159b1128"),
];

fn golden(format: u32, name: &str) -> PathBuf {
    let name = format!("format-{format}.{name}.kdx");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The golden blob of this name in each format.
fn blobs(name: &str) -> [Blob; 2] {
    FORMATS.map(|(format, _)| {
        let blob = UnverifiedBlob::open(&golden(format, name)).and_then(|blob| blob.verify(None));
        blob.expect("a golden file opens")
    })
}

fn catalogs() -> [Catalog; 2] {
    FORMATS.map(|(format, name)| {
        let name: BlobHash = name.parse().expect("a hash");
        Catalog::open(&golden(format, "catalog"), Some(name)).expect("the golden catalog opens")
    })
}

#[test]
fn every_format_that_is_read_has_its_golden_files() {
    assert_eq!(FORMATS.map(|(format, _)| format), [FORMAT_OLDEST, FORMAT]);
}

/// Targets and scores of a product's relations.
#[track_caller]
fn check(view: &View<'_>, source: &str, relation_type: u8, expected: &[(&str, u16)]) {
    let source = view.find(source).expect("the source is there");
    let relation_type = RelationType::new(relation_type).expect("a type");
    let run = view.block(source).run(relation_type);
    let found =
        run.edges().iter().map(|edge| (view.id(Ordinal(edge.target.get())), edge.score.get()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn the_catalog_of_every_format_answers() {
    for catalog in catalogs() {
        let view = catalog.view();
        assert_eq!((catalog.blob().role(), view.product_count()), (Role::Catalog, 9));
        check(&view, "TOY-CAR", 1, &[("set", 65535), ("charger", 64461)]);
        let accessories =
            [("Battery-aa-rechargeable-with-usb-c", 60000), ("battery-aa", 59999), ("charger", 7)];
        check(&view, "old-car", 6, &accessories);
        check(&view, "00000000-0000-4000-8000-000000000001", 9, &[("battery-aa", 65535)]);
        check(&view, "charger", 100, &[("TOY-car", 65535), ("set", 0)]);
        check(&view, "toy-car-red", 1, &[]);
    }
}

#[test]
fn the_catalog_of_every_format_knows_its_products() {
    for catalog in catalogs() {
        let view = catalog.view();
        let of = |id: &str| view.find(id).expect("the product is there");
        assert_eq!(
            view.title_bytes(of("toy-car-blue")),
            "Blaues Spielzeugauto für Kinder".as_bytes()
        );
        assert_eq!(view.attributes(of("toy-car")).map(|known| known.price.get()), Some(1999));
        let prices = view.market_prices(of("toy-car")).iter().map(|price| price.price.get());
        assert_eq!(prices.collect::<Vec<_>>(), [2299]);
        let variants =
            view.variants(of("toy-car")).iter().map(|variant| view.id(Ordinal(variant.get())));
        assert_eq!(variants.collect::<Vec<_>>(), ["toy-car-blue", "toy-car-red"]);
        let bundle = view.bundle(of("set")).expect("it is a bundle");
        let names = view.options(bundle).iter().map(|option| view.option_name(option));
        assert_eq!(names.collect::<Vec<_>>(), ["car", "power"]);
        let incoming =
            view.incoming(of("charger")).iter().map(|from| view.id(Ordinal(from.source.get())));
        assert_eq!(incoming.collect::<Vec<_>>(), ["set-2", "TOY-car"]);
        let long = view.meta().categories.get(3).expect("there are five");
        assert_eq!(long.id.as_str(), "Toys/Cars/Racing-cars-with-a-rather-long-name");
    }
}

#[test]
fn the_catalog_of_every_format_lists_its_best_sellers() {
    for catalog in catalogs() {
        let view = catalog.view();
        let popular = |category: Option<&str>| {
            let category = category.map(|id| view.category(id).expect("the category is there"));
            let listed = view.popular(category).iter();
            listed.map(|ordinal| view.id(Ordinal(ordinal.get()))).collect::<Vec<_>>()
        };
        assert_eq!(popular(None), ["charger", "battery-aa", "TOY-car", "toy-car-blue"]);
        assert_eq!(popular(Some("Power")), ["charger", "battery-aa", "TOY-car"]);
        assert_eq!(popular(Some("Toys/Cars")), ["TOY-car"]);
    }
}

#[test]
fn provenance_of_every_format_names_file_and_line() {
    for (catalog, blob) in catalogs().into_iter().zip(blobs("provenance")) {
        let view = catalog.view();
        let provenance = Provenance::from_blob(blob, &view, catalog.blob().hash());
        let provenance = provenance.expect("it belongs to the golden catalog");
        let car = view.find("toy-car").expect("the car is there");
        let lines = (0..7).map_while(|index| provenance.place(car, index));
        assert_eq!(lines.map(|place| place.line).collect::<Vec<_>>(), [1, 3, 4, 5, 6, 7]);
        let place = provenance.place(car, 1).expect("it has six");
        assert_eq!((place.source, place.file.name.as_str()), ("tables", "relations.csv"));
    }
}

#[test]
fn dropped_relations_of_every_format_keep_their_reasons() {
    for blob in blobs("dropped") {
        let dropped = Dropped::from_blob(blob).expect("it opens");
        let relations = &dropped.get().relations;
        let reasons = relations.iter().map(|dropped| FindingCode::new(dropped.reason));
        let expected = [Some(FindingCode::DanglingTarget), Some(FindingCode::SelfLink)];
        assert_eq!(reasons.collect::<Vec<_>>(), expected);
        let first = relations.first().expect("there are two");
        assert_eq!(
            (first.target.as_str(), first.line.to_native()),
            ("no-such-product-anywhere", 12)
        );
        assert_eq!(dropped.get().unlisted.to_native(), 3);
    }
}

#[test]
fn refused_relations_of_every_format_are_found_by_their_ends() {
    for blob in blobs("dropped") {
        let dropped = Dropped::from_blob(blob).expect("it opens");
        let found = dropped.between("toy-car", "toy-car").map(|place| (place.reason, place.line));
        assert_eq!(found.collect::<Vec<_>>(), [(FindingCode::SelfLink, 13)]);
    }
}

#[test]
fn texts_of_every_format_are_as_they_were_published() {
    for (policy, overrides) in blobs("policy").into_iter().zip(blobs("overrides")) {
        let policy = Text::from_blob(policy, Role::Policy).expect("it opens");
        assert_eq!(policy.text(), "[placements.product_page]\nmix = [\"cross_sell\"]\n");
        let overrides = Text::from_blob(overrides, Role::Overrides).expect("it opens");
        let lines = overrides.text().lines().collect::<Vec<_>>();
        assert_eq!(lines, ["action,source,target,reason", "pin,toy-car,charger,für die Messe"]);
    }
}
