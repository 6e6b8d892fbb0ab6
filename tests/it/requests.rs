//! Requests that are wrong, too large or about nothing: each wrong field is named by its path, and
//! what a page may ask by mistake is answered.

use std::fmt::Write as _;

use kindred::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    calls::{
        ACCESSORY, CROSS_SELL, Client, RELATED, UP_SELL, answer, asking, block_on, client, listing,
        seed,
    },
    server::Server,
    shop::Shop,
};

/// Products `p000` to `p999`; `p000` leads to each other one by cross-sell and to some by accessory.
pub(crate) fn shop() -> Shop {
    let mut products = "id\n".to_owned();
    let mut links = "source,type,target,position\n".to_owned();
    for number in 0..1_000 {
        writeln!(products, "p{number:03}").unwrap();
        if number > 0 {
            writeln!(links, "p000,cross_sell,p{number:03},{number}").unwrap();
            writeln!(links, "p{number:03},accessory,p000,").unwrap();
        }
        if number > 800 {
            writeln!(links, "p000,accessory,p{number:03},{number}").unwrap();
        }
    }
    let shop = Shop::with(&[("products.csv", &products), ("relations.csv", &links)]);
    shop.published();
    shop
}

/// Serves that shop to a test.
pub(crate) fn serving(test: impl AsyncFnOnce(Client)) {
    let shop = shop();
    let server = Server::start(&shop);
    block_on(async { test(client(server.address).await).await });
}

/// The paths of the fields that a refusal names.
#[track_caller]
pub(crate) fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let request = status.get_details_bad_request().expect("a refusal says which fields");
    let violations = request.field_violations.iter();
    for one in violations.clone() {
        assert!(one.description.contains("expected") && status.message().contains(&one.field));
    }
    violations.map(|one| one.field.clone()).collect()
}

/// What is wrong with a request that is right but for one change.
async fn wrong(
    client: &mut Client,
    change: impl FnOnce(&mut pb::GetRecommendationsRequest),
) -> Vec<String> {
    let mut request = asking(&[CROSS_SELL], &["p000"]);
    change(&mut request);
    fields(&client.get_recommendations(request).await.unwrap_err())
}

/// As [`wrong`], of the lookup.
async fn wrong_lookup(
    client: &mut Client,
    change: impl FnOnce(&mut pb::LookupSpec),
) -> Vec<String> {
    wrong(client, |request| change(request.lookup.as_mut().unwrap())).await
}

#[test]
fn each_wrong_field_of_a_lookup_is_named_by_its_path() {
    serving(async |mut client| {
        let client = &mut client;
        assert_eq!(wrong(client, |request| request.lookup = None).await, ["lookup"]);
        let types = "lookup.relation_types";
        assert_eq!(wrong_lookup(client, |lookup| lookup.relation_types.clear()).await, [types]);
        for unknown in [0, 10, 99, 100, 150, 200, 255, 256 + CROSS_SELL, -1, i32::MAX, i32::MIN] {
            let found = wrong_lookup(client, |lookup| lookup.relation_types.push(unknown)).await;
            assert_eq!(found, [format!("{types}[1]")], "{unknown}");
        }
        for negative in [-1, i32::MIN] {
            let found = wrong_lookup(client, |lookup| lookup.max_results = negative).await;
            assert_eq!(found, ["lookup.max_results"]);
        }
        for score in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.01, 1.01] {
            let found = wrong_lookup(client, |lookup| lookup.min_score = Some(score)).await;
            assert_eq!(found, ["lookup.min_score"], "{score}");
        }
        assert_eq!(wrong(client, |request| request.view = 4).await, ["view"]);
        assert_eq!(wrong(client, |request| request.seeds.clear()).await, ["seeds"]);
    });
}

#[test]
fn each_wrong_seed_is_named_by_its_place() {
    serving(async |mut client| {
        let client = &mut client;
        let without = pb::Seed { target: None, quantity: 1.0 };
        assert_eq!(wrong(client, |request| request.seeds.push(without)).await, ["seeds[1]"]);
        for id in ["", &"x".repeat(129), &"\u{e4}".repeat(65)] {
            let found = wrong(client, |request| request.seeds.push(seed(id))).await;
            assert_eq!(found, ["seeds[1].product_id"], "{} bytes", id.len());
        }
        for quantity in [f64::NAN, f64::INFINITY, -1.0] {
            let found = wrong(client, |request| request.seeds[0].quantity = quantity).await;
            assert_eq!(found, ["seeds[0].quantity"], "{quantity}");
        }
        let longest = asking(&[CROSS_SELL], &[&"x".repeat(128)]);
        assert_eq!(answer(client, longest).await.missing_product_ids, ["x".repeat(128)]);
    });
}

#[test]
fn a_caller_sees_everything_that_is_wrong_at_once() {
    serving(async |mut client| {
        let found = wrong(&mut client, |request| {
            request.seeds.push(seed(""));
            request.view = -1;
            let lookup = request.lookup.as_mut().unwrap();
            (lookup.max_results, lookup.min_score) = (-5, Some(7.0));
            lookup.relation_types.extend([77, CROSS_SELL, 88]);
        });
        let expected = [
            "lookup.relation_types[1]",
            "lookup.relation_types[3]",
            "lookup.max_results",
            "lookup.min_score",
            "seeds[1].product_id",
            "view",
        ];
        assert_eq!(found.await, expected);
    });
}

#[test]
fn more_relation_types_than_a_page_asks_for_are_refused() {
    let declared = |number: i32| {
        format!(
            "[[relation_types]]\nnumber = {number}\ncode = \"type_{number}\"\ndisplay_name = \"\"\n"
        )
    };
    let config = (100..140).map(declared).collect::<String>();
    let shop = Shop::with(&[("catalog.toml", &config), ("products.csv", "id\np000\n")]);
    shop.published();
    let server = Server::start(&shop);
    block_on(async {
        let mut client = client(server.address).await;
        let types = (100..133).collect::<Vec<_>>();
        // A type named twice is one type.
        let at_limit = [&types[..32], &types[..32]].concat();
        answer(&mut client, asking(&at_limit, &["p000"])).await;
        let over = client.get_recommendations(asking(&types, &["p000"])).await.unwrap_err();
        assert_eq!(fields(&over), ["lookup.relation_types"]);
    });
}

#[test]
fn a_pinned_snapshot_that_is_not_active_is_a_failed_precondition() {
    let shop = shop();
    let active = shop.snapshot().id().to_owned();
    let server = Server::start(&shop);
    block_on(async {
        let mut client = client(server.address).await;
        for (pin, is_active) in [(active.as_str(), true), ("0123456789abcdef", false)] {
            let snapshot_id = pin.to_owned();
            let mut request = asking(&[CROSS_SELL], &["p000"]);
            request.snapshot_id.clone_from(&snapshot_id);
            let recommended = client.get_recommendations(request).await.map(drop);
            let request =
                pb::ListRelationsRequest { snapshot_id: snapshot_id.clone(), ..listing("p000") };
            let listed = client.list_relations(request).await.map(drop);
            let request = pb::DescribeCatalogRequest { snapshot_id };
            let described = client.describe_catalog(request).await.map(drop);
            for result in [recommended, listed, described] {
                let Err(status) = result else {
                    assert!(is_active, "answered for {pin}");
                    continue;
                };
                assert!(!is_active, "{status}");
                assert_eq!(status.code(), Code::FailedPrecondition);
                let violations = status.get_details_precondition_failure().unwrap().violations;
                let found =
                    violations.iter().map(|one| (one.r#type.as_str(), one.subject.as_str()));
                assert_eq!(found.collect::<Vec<_>>(), [("SNAPSHOT", pin)]);
                assert!(status.message().contains(&active), "{status}");
            }
        }
    });
}

/// A refusal travels in headers, which peers bound. One that repeated what was asked, or named each
/// of very many faults, reached nobody and took the connection's other calls with it.
#[test]
fn a_refusal_stays_small_however_large_the_request() {
    serving(async |mut client| {
        let client = &mut client;
        let long = "x".repeat(100_000);
        let many = vec![77; 100_000];
        let types = |status: &Status| {
            let found = fields(status);
            assert!((1..=20).contains(&found.len()), "{}", found.len());
            found[0].clone()
        };
        let mut request = asking(&many, &["p000"]);
        let refused = client.get_recommendations(request.clone()).await.unwrap_err();
        assert_eq!(types(&refused), "lookup.relation_types[0]");
        request = asking(&[CROSS_SELL], &[]);
        request.seeds = vec![seed(""); 1_000];
        let refused = client.get_recommendations(request.clone()).await.unwrap_err();
        assert_eq!(types(&refused), "seeds[0].product_id");
        request.snapshot_id.clone_from(&long);
        let refused = client.get_recommendations(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);

        let page_token = format!("{long}-0-0");
        let request = pb::ListRelationsRequest { page_token, ..listing("p000") };
        let refused = client.list_relations(request).await.unwrap_err();
        assert_eq!(types(&refused), "page_token");
        let request = pb::ListRelationsRequest { relation_types: many, ..listing("p000") };
        let refused = client.list_relations(request).await.unwrap_err();
        assert_eq!(types(&refused), "relation_types[0]");
        let request = pb::DescribeCatalogRequest { snapshot_id: long };
        let refused = client.describe_catalog(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
    });
}

#[test]
fn an_unknown_product_is_an_answer() {
    serving(async |mut client| {
        let alone = answer(&mut client, asking(&[CROSS_SELL], &["gone"])).await;
        assert_eq!(alone.missing_product_ids, ["gone"]);
        assert_eq!(alone.recommendations, []);
        let beside = answer(&mut client, asking(&[CROSS_SELL], &["gone", "p000", "lost"])).await;
        assert_eq!(beside.missing_product_ids, ["gone", "lost"]);
        assert_eq!(beside.recommendations.len(), 100);
        let listed = client.list_relations(listing("gone")).await.unwrap().into_inner();
        assert!(listed.product_missing && listed.relations.is_empty());
    });
}

#[test]
fn seeds_and_exclusions_over_the_limit_are_cut_and_counted() {
    serving(async |mut client| {
        // Of sixty seeds only the first one leads anywhere by cross-sell; then only the last one.
        let unknown = (0..59).map(|number| format!("none-{number}")).collect::<Vec<_>>();
        let unknown = unknown.iter().map(String::as_str).collect::<Vec<_>>();
        for (place, counts) in [(0, true), (49, true), (50, false), (59, false)] {
            let mut seeds = unknown.clone();
            seeds.insert(place, "p000");
            let answer = answer(&mut client, asking(&[CROSS_SELL], &seeds)).await;
            assert_eq!(answer.fill_report.unwrap().ignored_seeds, 10);
            assert_eq!(!answer.recommendations.is_empty(), counts, "seed {place}");
            assert_eq!(answer.missing_product_ids.len(), 50 - usize::from(counts));
        }
        let mut request = asking(&[CROSS_SELL], &["p000"]);
        request.exclude_product_ids = (1..=600).map(|number| format!("p{number:03}")).collect();
        let answer = answer(&mut client, request).await;
        let report = answer.fill_report.unwrap();
        assert_eq!([report.ignored_exclusions, report.removed_excluded], [100, 500]);
        assert_eq!(answer.recommendations[0].product_id, "p501", "the 500th counts, not the 501st");
    });
}

#[test]
fn max_results_is_ten_unless_said_and_a_hundred_at_most() {
    serving(async |mut client| {
        for (max_results, expected) in
            [(0, 10), (1, 1), (99, 99), (100, 100), (101, 100), (1_000, 100)]
        {
            let mut request = asking(&[CROSS_SELL], &["p000"]);
            request.lookup.as_mut().unwrap().max_results = max_results;
            let answer = answer(&mut client, request).await;
            assert_eq!(answer.recommendations.len(), expected, "{max_results}");
            assert_eq!(answer.fill_report.unwrap().shortfall, 0);
        }
        let mut request = asking(&[ACCESSORY], &["p001"]);
        request.lookup.as_mut().unwrap().max_results = i32::MAX;
        let short = answer(&mut client, request).await;
        assert_eq!(short.recommendations.len(), 1);
        assert_eq!(short.fill_report.unwrap().shortfall, 99);
    });
}

#[test]
fn a_short_list_says_why() {
    let shop = Shop::with(&[
        (
            "products.csv",
            "id,availability,parent\nseed,,\nsize,,seed\ngone,discontinued,\nseen,,\nweak,,\ngood,,\n",
        ),
        (
            "relations.csv",
            "source,type,target,score\nseed,cross_sell,size,0.9\nseed,cross_sell,gone,0.8\n\
             seed,cross_sell,seen,0.7\nseed,cross_sell,weak,0.2\nseed,cross_sell,good,0.6\n",
        ),
    ]);
    shop.published();
    let server = Server::start(&shop);
    block_on(async {
        let mut client = client(server.address).await;
        let mut request = asking(&[CROSS_SELL, UP_SELL, RELATED], &["seed"]);
        request.exclude_product_ids = vec!["seen".to_owned()];
        let lookup = request.lookup.as_mut().unwrap();
        (lookup.max_results, lookup.min_score) = (5, Some(0.5));
        let answer = answer(&mut client, request).await;
        let ids = answer.recommendations.iter().map(|one| one.product_id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), ["good"]);
        let expected = pb::FillReport {
            candidates: 5,
            removed_hidden: 1,
            removed_same_variant_group: 1,
            removed_excluded: 1,
            removed_below_score: 1,
            shortfall: 4,
            ..Default::default()
        };
        assert_eq!(answer.fill_report, Some(expected));
    });
}
