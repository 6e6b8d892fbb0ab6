//! The demo: it starts, says where it listens, and its answers are those of `kindred lookup`.

use std::{fs, path::Path};

use kindred::pb;
use serde_json::Value;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::{
    calls::{CROSS_SELL, answer, asking, block_on, channel, client, health, ids, snapshot_id},
    command::program,
    server::Server,
    shop::{DEMO_TABLES, Shop},
};

/// Numbers and codes of the types that the demo's `catalog.toml` has.
const TYPES: [(i32, &str); 11] = [
    (1, "cross_sell"),
    (2, "up_sell"),
    (3, "bundle"),
    (4, "alternative"),
    (5, "spare_part"),
    (6, "accessory"),
    (7, "related"),
    (8, "eco_alternative"),
    (9, "consumable"),
    (100, "fits_model"),
    (101, "same_series"),
];

const BATTERIES: [&str; 4] =
    ["aa-batteries-4", "aa-batteries-8", "aa-rechargeable-4", "aa-charger-usb"];

#[test]
fn the_demo_says_where_it_listens_and_serves_what_the_toy_car_needs() {
    let shop = Shop::new();
    let mut server = Server::listening(
        program()
            .args(["demo", "--listen", "127.0.0.1:0", "--store"])
            .arg(shop.store_dir())
            .arg("--state")
            .arg(shop.path("state"))
            .env("TMPDIR", shop.path("tables")),
    );
    let call = server.out.until("toy-car");
    assert!(call.starts_with("  grpcurl -plaintext -d '{"), "{call}");
    assert!(call.contains(&server.address.to_string()), "{call}");
    block_on(async {
        let mut client = client(server.address).await;
        let answer = answer(&mut client, asking(&[CROSS_SELL], &["toy-car"])).await;
        let found = answer.recommendations.iter().map(|one| one.product_id.as_str());
        assert_eq!(found.collect::<Vec<_>>(), BATTERIES);
        assert_eq!(snapshot_id(answer.data_version), shop.snapshot().id());
        assert_eq!(health(server.address).await, ServingStatus::Serving);
    });
    assert_eq!(
        services(&server),
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "kindred.v1.AvailabilityService",
            "kindred.v1.RecommendationService",
            "kindred.v1.SnapshotService",
        ]
    );
    assert_eq!(server.ended(), Some(0), "SIGTERM is no failure");
    let left = fs::read_dir(shop.path("tables")).unwrap().count();
    assert_eq!(left, 0, "the temporary tables are gone");
}

/// Without a command, too, the environment counts: a demo that could not be told another port could
/// not run beside a second one.
#[test]
fn without_a_command_the_program_is_the_demo() {
    let shop = Shop::new();
    let server = Server::listening(
        program().env("KINDRED_LISTEN", "127.0.0.1:0").env("TMPDIR", shop.path("tables")),
    );
    assert_ne!(server.address.port(), 50_051, "KINDRED_LISTEN asked for a free port");
    let found = block_on(async {
        let mut client = client(server.address).await;
        ids(&mut client, CROSS_SELL, "toy-car").await
    });
    assert_eq!(found, BATTERIES);
    assert_eq!(server.ended(), Some(0));
    assert_eq!(fs::read_dir(shop.path("tables")).unwrap().count(), 0);
}

#[test]
fn the_demo_has_at_least_200_products_and_two_markets() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut client = client(server.address).await;
        let catalog = client.describe_catalog(pb::DescribeCatalogRequest::default()).await;
        let catalog = catalog.unwrap().into_inner();
        let markets = catalog.markets.iter();
        let markets = markets.map(|one| (one.market_id.as_str(), one.currency_code.as_str()));
        assert_eq!(markets.collect::<Vec<_>>(), [("de", "EUR"), ("uk", "GBP")]);
        assert!(catalog.markets.iter().all(|market| market.product_count >= 200), "{catalog:?}");
        let types = catalog.relation_types.iter();
        let types = types.map(|one| (one.relation_type, one.code.as_str())).collect::<Vec<_>>();
        assert_eq!(types, TYPES);
        assert_eq!(snapshot_id(catalog.data_version), shop.snapshot().id());
    });
}

#[test]
fn for_each_product_and_type_server_and_lookup_give_the_same_answer() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let products = products();
    assert!(products.len() >= 200, "{}", products.len());
    let mut results = 0;
    for (number, code) in TYPES {
        let seeds = products.iter().map(String::as_str);
        let args = ["lookup", "--each", "--json", "--max", "100", "--type", code, "--seed"];
        let run = shop.kindred(&args.into_iter().chain(seeds).collect::<Vec<_>>()).succeeded();
        let offline = run.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let offline = offline.collect::<Vec<Value>>();
        assert_eq!(offline.len(), products.len());
        block_on(async {
            let mut client = client(server.address).await;
            for (product, offline) in products.iter().zip(offline) {
                let served = answer(&mut client, asking(&[number], &[product])).await;
                results += served.recommendations.len();
                assert_eq!(plain(&served), offline, "{product} {code}");
            }
        });
    }
    assert!(results > 1_000, "only {results} results were compared");
}

#[test]
fn a_lookup_of_several_seeds_and_types_gives_what_the_server_gives() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let seeds = ["phone-nova-128", "no-such-product", "camera-traveller"];
    let mut args = vec!["lookup", "--json", "--min-score", "0.3", "--exclude", "earbuds-drift"];
    args.extend(["--max", "7", "--type", "accessory", "cross_sell", "--seed"]);
    let run = shop.kindred(&[&args, &seeds[..]].concat()).succeeded();
    let mut request = asking(&[6, 1], &seeds);
    request.exclude_product_ids = vec!["earbuds-drift".to_owned()];
    let lookup = request.lookup.as_mut().unwrap();
    (lookup.max_results, lookup.min_score) = (7, Some(0.3));
    let served = block_on(async { answer(&mut client(server.address).await, request).await });
    assert_eq!(served.missing_product_ids, ["no-such-product"]);
    assert_eq!(served.recommendations.len(), 7);
    assert_eq!(plain(&served), serde_json::from_str::<Value>(&run.out).unwrap());
}

/// The ids of the first column of the demo's products.
fn products() -> Vec<String> {
    let text = fs::read_to_string(Path::new(DEMO_TABLES).join("products.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
}

/// An answer in the JSON of protobuf, written here anew: zero values are left out.
fn plain(answer: &pb::GetRecommendationsResponse) -> Value {
    let mut fields = serde_json::Map::new();
    let one = |one: &pb::Recommendation| {
        let origin = one.origin().as_str_name();
        let relation_type = pb::RelationType::try_from(one.relation_type);
        let relation_type = match relation_type {
            Ok(known) => Value::from(known.as_str_name()),
            Err(_) => Value::from(one.relation_type),
        };
        let mut fields = serde_json::Map::new();
        fields.insert("productId".to_owned(), one.product_id.clone().into());
        fields.insert("relationType".to_owned(), relation_type);
        // The shortest text that names this very f32, as protobuf's JSON has it.
        fields.insert("score".to_owned(), one.score.to_string().parse::<f64>().unwrap().into());
        fields.insert("origin".to_owned(), origin.into());
        if one.quantity != 0.0 {
            fields.insert("quantity".to_owned(), one.quantity.into());
        }
        Value::from(fields)
    };
    if !answer.recommendations.is_empty() {
        let all = answer.recommendations.iter().map(one).collect::<Vec<_>>();
        fields.insert("recommendations".to_owned(), all.into());
    }
    if !answer.missing_product_ids.is_empty() {
        fields.insert("missingProductIds".to_owned(), answer.missing_product_ids.clone().into());
    }
    let id = snapshot_id(answer.data_version.clone());
    let mut version = serde_json::json!({ "snapshotId": id });
    let interval = answer.data_version.as_ref().unwrap();
    for (name, time) in
        [("validFromTime", interval.valid_from_time), ("validUntilTime", interval.valid_until_time)]
    {
        if let Some(time) = time {
            version[name] = jiff::Timestamp::from_second(time.seconds).unwrap().to_string().into();
        }
    }
    fields.insert("dataVersion".to_owned(), version);
    fields.insert("fillReport".to_owned(), fill(&answer.fill_report.unwrap()));
    Value::from(fields)
}

fn fill(report: &pb::FillReport) -> Value {
    let counts = [
        ("candidates", report.candidates),
        ("removedBelowScore", report.removed_below_score),
        ("removedUnavailable", report.removed_unavailable),
        ("removedByFilter", report.removed_by_filter),
        ("removedByDiversity", report.removed_by_diversity),
        ("removedByRule", report.removed_by_rule),
        ("removedOnPage", report.removed_on_page),
        ("addedByFallback", report.added_by_fallback),
        ("removedOutsideMarket", report.removed_outside_market),
        ("removedByStage", report.removed_by_stage),
        ("removedBlocked", report.removed_blocked),
        ("removedOutsideValidity", report.removed_outside_validity),
        ("removedByOverride", report.removed_by_override),
        ("removedExcluded", report.removed_excluded),
        ("shortfall", report.shortfall),
        ("ignoredSeeds", report.ignored_seeds),
        ("ignoredExclusions", report.ignored_exclusions),
        ("removedHidden", report.removed_hidden),
        ("removedSameVariantGroup", report.removed_same_variant_group),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(name, count)| (name.to_owned(), Value::from(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn services(server: &Server) -> Vec<String> {
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { host: String::new(), message_request };
    let answer = block_on(async {
        let mut client = ServerReflectionClient::new(channel(server.address).await);
        let answers = client.server_reflection_info(tokio_stream::once(request)).await;
        answers.unwrap().into_inner().message().await.unwrap().unwrap()
    });
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let mut names = list.service.into_iter().map(|one| one.name).collect::<Vec<_>>();
    names.sort();
    names
}
