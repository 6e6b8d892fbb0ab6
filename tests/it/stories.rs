//! The stories a shop knows, told by the demo's catalog. Expectations are written out here or read
//! from the rows of `relations.csv` and `products.csv`, never from an answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use jiff::Timestamp;
use kindred::pb::{self, ShoppingStage};

use crate::{
    calls::{
        ALTERNATIVE, BUNDLE, CONSUMABLE, CROSS_SELL, Client, UP_SELL, answer, asking, block_on,
        client, ids, listing, relations,
    },
    server::Server,
    shop::{DEMO_TABLES, Shop},
};

const FITS_MODEL: i32 = 100;
const SAME_SERIES: i32 = 101;

/// Serves the demo and tells one story.
fn tell(story: impl AsyncFnOnce(Client)) {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async { story(client(server.address).await).await });
}

#[test]
fn a_printer_needs_its_own_ink_and_no_other() {
    tell(async |mut client| {
        let ink = ["multipack", "black", "cyan", "magenta", "yellow"];
        let ink = ink.map(|colour| format!("ink-inkwell-500-{colour}"));
        assert_eq!(ids(&mut client, CONSUMABLE, "printer-inkwell-500").await, ink);
        let other = ["ink-inkwell-200-black", "ink-inkwell-200-colour"];
        assert_eq!(ids(&mut client, CONSUMABLE, "printer-inkwell-200").await, other);
    });
}

#[test]
fn a_phone_has_models_with_more_storage_as_up_sell() {
    tell(async |mut client| {
        let larger = ["phone-nova-256", "phone-nova-512"];
        assert_eq!(ids(&mut client, UP_SELL, "phone-nova-128").await, larger);
        assert_eq!(ids(&mut client, UP_SELL, "phone-nova-256").await, ["phone-nova-512"]);
        let cases = ["case-nova-clear", "case-nova-cork"];
        let accessories = ids(&mut client, 6, "phone-nova-128").await;
        assert_eq!(accessories[..2], cases);
    });
}

#[test]
fn a_camera_bundle_says_how_many_of_each_part() {
    tell(async |mut client| {
        let parts = [
            ("lens-18-55", 1.0),
            ("lens-35-prime", 1.0),
            ("card-sd-128", 2.0),
            ("tripod-travel", 1.0),
        ];
        let mut request = asking(&[BUNDLE], &["camera-traveller"]);
        for cameras in [1.0, 3.0] {
            request.seeds[0].quantity = cameras;
            let answer = answer(&mut client, request.clone()).await;
            let found = answer.recommendations.iter();
            let found = found.map(|one| (one.product_id.as_str(), one.quantity));
            let expected = parts.map(|(id, quantity)| (id, quantity * cameras));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    });
}

#[test]
fn an_alias_stands_for_its_product() {
    tell(async |mut client| {
        let car = answer(&mut client, asking(&[CROSS_SELL], &["toy-car"])).await;
        assert_eq!(car.recommendations.len(), 4);
        for alias in ["2004001203109", "TL-RALLY4"] {
            assert_eq!(answer(&mut client, asking(&[CROSS_SELL], &[alias])).await, car, "{alias}");
        }
        let mut request = asking(&[CROSS_SELL], &["TL-RALLY4"]);
        request.exclude_product_ids = vec!["BAT-AA-04".to_owned()];
        let rest = answer(&mut client, request).await;
        assert_eq!(rest.recommendations, car.recommendations[1..]);
    });
}

#[test]
fn a_shoes_sizes_inherit_its_socks_and_never_recommend_each_other() {
    tell(async |mut client| {
        let socks = ["socks-merino-run-2", "insoles-trail", "shoe-proofing-spray"];
        let others = ["shoe-ridgeline", "shoe-tind", "shoe-loop-re"];
        let sizes = (39..=45).map(|size| format!("shoe-trailrun-{size}"));
        for shoe in sizes.chain(["shoe-trailrun".to_owned()]) {
            assert_eq!(ids(&mut client, CROSS_SELL, &shoe).await, socks, "{shoe}");
            assert_eq!(ids(&mut client, ALTERNATIVE, &shoe).await, others, "{shoe}");
            let every = [1, 2, 3, 4, 5, 6, 7, 8, 9, FITS_MODEL, SAME_SERIES];
            let all = answer(&mut client, asking(&every, &[&shoe])).await;
            assert!(all.recommendations.len() > 10, "{shoe}");
            let is_group = |id: &str| id == "shoe-trailrun" || id.starts_with("shoe-trailrun-4");
            let own = all.recommendations.iter().filter(|one| is_group(&one.product_id));
            assert_eq!(own.count(), 0, "{shoe}");
        }
    });
}

#[test]
fn both_ends_list_what_fits_a_printer() {
    tell(async |mut client| {
        let rows = rows("relations.csv");
        let fits = rows.iter().filter(|row| row[1] == "fits_model" && row[12] != "false");
        // The type is two-way: either order of a row says that the two fit.
        let either = fits.flat_map(|row| [[&row[0], &row[2]], [&row[2], &row[0]]]);
        let expected = either.filter(|pair| pair[1] == "printer-inkwell-500");
        let expected = expected.map(|pair| pair[0].clone()).collect::<BTreeSet<_>>();
        assert!(expected.contains("ink-inkwell-500-black") && expected.len() >= 6);

        let mut request = listing("printer-inkwell-500");
        (request.relation_types, request.incoming) = (vec![FITS_MODEL], true);
        let incoming = relations(&mut client, request.clone()).await.unwrap();
        assert!(incoming.iter().all(|one| one.target_product_id == "printer-inkwell-500"));
        let sources = incoming.iter().map(|one| one.source_product_id.clone());
        assert_eq!(sources.collect::<Vec<_>>(), expected.iter().cloned().collect::<Vec<_>>());
        request.incoming = false;
        let outgoing = relations(&mut client, request).await.unwrap();
        let targets = outgoing.iter().map(|one| one.target_product_id.clone());
        assert_eq!(targets.collect::<BTreeSet<_>>(), expected);
    });
}

#[test]
fn a_relation_says_for_which_market_stage_and_time_it_holds() {
    tell(async |mut client| {
        let listed = relations(&mut client, listing("phone-nova-128")).await.unwrap();
        let of = |target: &str, kind: i32| {
            let mut all = listed.iter();
            let found =
                all.find(|one| one.target_product_id == target && one.relation_type == kind);
            found.unwrap().clone()
        };
        assert_eq!(of("charger-usbc-30w-eu", CROSS_SELL).market_ids, ["de"]);
        assert_eq!(of("charger-usbc-30w-uk", CROSS_SELL).market_ids, ["uk"]);
        assert_eq!(of("earbuds-drift", CROSS_SELL).market_ids, [""; 0]);
        let stages = of("phone-nova-256", UP_SELL).stages;
        let expected = [ShoppingStage::Consideration, ShoppingStage::PurchaseDecision];
        assert_eq!(stages, expected.map(|stage| stage as i32));
        assert_eq!(of("earbuds-drift", CROSS_SELL).stages, [0; 0]);

        let lights = relations(&mut client, listing("toy-bear")).await.unwrap();
        let lights = lights.iter().find(|one| one.target_product_id == "string-lights-20").unwrap();
        let seconds = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let start = lights.start_time.unwrap().seconds;
        let expire = lights.expire_time.unwrap().seconds;
        assert_eq!(start, seconds("2026-11-15T00:00:00+01:00"));
        assert_eq!(expire, seconds("2026-12-24T14:00:00+01:00"));

        let mut request = asking(&[CROSS_SELL], &["toy-bear"]);
        request.view = pb::RecommendationView::Full as i32;
        let full = answer(&mut client, request).await;
        let mut full = full.recommendations.into_iter();
        let full = full.find(|one| one.product_id == "string-lights-20").unwrap();
        assert_eq!(full.expire_time.unwrap().seconds, expire);
        assert!((full.score - 0.35).abs() < 1e-4 && (lights.score - 0.35).abs() < 1e-4);
    });
}

#[test]
fn a_full_answer_describes_the_product() {
    tell(async |mut client| {
        let mut request = asking(&[CROSS_SELL], &["shoe-trailrun-42", "toy-car"]);
        request.view = pb::RecommendationView::Full as i32;
        let full = answer(&mut client, request).await;
        let one = full.recommendations.iter().find(|one| one.product_id == "aa-batteries-4");
        let one = one.unwrap();
        assert_eq!(one.seed_indexes, [1]);
        let row = &rows("products.csv")[line_of("products.csv", "aa-batteries-4,") - 2];
        let about = one.attributes.as_ref().unwrap();
        assert_eq!(
            [&about.title, &about.brand_id, &about.category_id],
            [&row[1], &row[2], &row[3]]
        );
        let price = about.price_minor_units.to_string();
        assert_eq!((price, about.currency_code.as_str()), (row[4].replace('.', ""), "EUR"));
        assert_eq!(about.availability().as_str_name(), "AVAILABILITY_IN_STOCK");
        assert_eq!(about.eco_grade.to_string(), row[13]);
    });
}

#[test]
fn each_relation_names_the_line_it_was_read_from() {
    tell(async |mut client| {
        let lines = text("relations.csv");
        let lines = lines.lines().collect::<Vec<_>>();
        let mut seen = BTreeMap::<usize, u32>::new();
        for row in rows("products.csv") {
            let product = &row[0];
            for one in relations(&mut client, listing(product)).await.unwrap() {
                assert_eq!(one.source_product_id, *product);
                let number = one.provenance.strip_prefix("demo: relations.csv:");
                let number = number.unwrap_or_else(|| panic!("{one:?}")).parse::<usize>().unwrap();
                let read = lines[number - 1].split(',').take(3).step_by(2).collect::<Vec<_>>();
                let (source, target) = (one.source_product_id.as_str(), &*one.target_product_id);
                let is_reversed = is_two_way(lines[number - 1]) && read == [target, source];
                assert!(is_reversed || read == [source, target], "{one:?} {read:?}");
                assert!(one.confirm_time.unwrap().seconds > 1_700_000_000, "{one:?}");
                *seen.entry(number).or_default() += 1;
            }
        }
        // Each row that is switched on is served once, a two-way one from both ends.
        for (line, number) in lines.iter().zip(1..).skip(1) {
            let served = seen.get(&number).copied().unwrap_or(0);
            let is_off = line.ends_with(",false");
            let expected = if is_off { 0 } else { 1 + u32::from(is_two_way(line)) };
            assert_eq!(served, expected, "line {number}: {line}");
        }
    });
}

fn text(table: &str) -> String {
    fs::read_to_string(Path::new(DEMO_TABLES).join(table)).unwrap()
}

/// The rows below the header. The demo quotes only titles.
fn rows(table: &str) -> Vec<Vec<String>> {
    crate::csv::rows(&text(table)).split_off(1)
}

/// Does a row of `relations.csv` hold in both directions? Two types do unless the row says no.
fn is_two_way(line: &str) -> bool {
    let cells = line.split(',').collect::<Vec<_>>();
    match cells[7] {
        "" => matches!(cells[1], "fits_model" | "same_series"),
        said => said == "true",
    }
}

/// The line that begins so, from 1.
fn line_of(table: &str, begin: &str) -> usize {
    text(table).lines().position(|line| line.starts_with(begin)).unwrap() + 1
}
