//! Goal: the hand-written encoder writes what the generated one would. Method: random products and
//! answers; each response also as the generated structs, filled from the plain data.

use proptest::{collection::vec, option, prelude::*, sample::select};
use prost::Message as _;

use crate::{
    index::{Catalog, Ordinal},
    lookup::{
        Answer, FillReport, Interval, Pick,
        tests::shop::{Product, Shop, ordinal},
    },
    model::relation::Availability,
    pb::{self, EncodedResponse, RecommendationView},
    service::reply::encode,
};

/// An answer that owns its picks; products are places in the shop's list of ids.
#[derive(Clone, Debug)]
struct Given {
    picks: Vec<(usize, Pick)>,
    missing: u64,
    report: FillReport,
}

fn products() -> impl Strategy<Value = Vec<(String, Product)>> {
    // Around the length that fits a record, around the one whose length takes two bytes, the
    // longest, and characters of several bytes.
    let tails = ["", "12345678901234", "123456789012345", "-åäö-電池"];
    let mut ids = tails.map(str::to_owned).to_vec();
    ids.extend([127, 128].map(|len| "x".repeat(len - 1)));
    let text = select(vec![None, Some("acme".to_owned()), Some("b".repeat(200))]);
    let title = select(vec![String::new(), "A título".to_owned(), "t".repeat(1024)]);
    let price = option::of(prop_oneof![
        select(&[0, 1, -1, -12_345, i64::MAX, i64::MIN + 1][..]),
        any::<i64>().prop_filter("the mark of no price", |price| *price != i64::MIN),
    ]);
    let availability = option::of(select(&Availability::ALL[..]));
    let product = (title, price, text.clone(), text, 0..6_u8, availability, any::<bool>());
    (Just(ids), vec(product, 6)).prop_map(|(ids, products)| {
        let mut all = Vec::<(String, Product)>::new();
        for ((letter, tail), product) in ('a'..).zip(ids).zip(products) {
            let (title, price, brand, category, eco_grade, availability, is_variant) = product;
            // Chains of three at most: a catalog has none of more than five.
            let is_variant = is_variant && !all.len().is_multiple_of(3);
            let parent = all.last().map(|(id, _)| id.clone()).filter(|_| is_variant);
            let product = Product {
                title,
                price,
                brand,
                category,
                eco_grade,
                availability,
                parent,
                ..Product::default()
            };
            all.push((format!("{letter}{tail}"), product));
        }
        all
    })
}

fn quantity() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(2.0), 0.0..1e9]
}

fn pick() -> impl Strategy<Value = (usize, Pick)> {
    let valid_to_s = prop_oneof![Just(i64::MAX), Just(0), Just(1_700_000_000), any::<i64>()];
    let seeds = prop_oneof![(0..50_u32).prop_map(|bit| 1 << bit), 1..1_u64 << 50];
    let relation_type = prop_oneof![1..=9_u8, 100..=199_u8];
    let origin = 1..=7_u8;
    (0..6_usize, relation_type, origin, any::<u16>(), quantity(), seeds, valid_to_s).prop_map(
        |(product, relation_type, origin, score, quantity, seeds, valid_to_s)| {
            let pick = Pick {
                product: Ordinal(0),
                relation_type,
                origin,
                score,
                quantity,
                seeds,
                valid_to_s,
                fallback_step: 0,
            };
            (product, pick)
        },
    )
}

fn report() -> impl Strategy<Value = FillReport> {
    let count = || prop_oneof![Just(0), 1..300_u32, any::<u32>()];
    let removed = (count(), count(), count(), count());
    (count(), removed, count(), count(), count()).prop_map(
        |(candidates, removed, shortfall, ignored_seeds, ignored_exclusions)| FillReport {
            candidates,
            removed_hidden: removed.0,
            removed_same_variant_group: removed.1,
            removed_excluded: removed.2,
            removed_below_score: removed.3,
            shortfall,
            ignored_seeds,
            ignored_exclusions,
            ..FillReport::default()
        },
    )
}

fn answers() -> impl Strategy<Value = Given> {
    let missing = prop_oneof![Just(0), any::<u64>().prop_map(|bits| bits >> 14)];
    (vec(pick(), 0..12), missing, report()).prop_map(|(picks, missing, report)| Given {
        picks,
        missing,
        report,
    })
}

fn details() -> impl Strategy<Value = RecommendationView> {
    select(vec![
        RecommendationView::Unspecified,
        RecommendationView::Id,
        RecommendationView::Basic,
        RecommendationView::Full,
    ])
}

/// The response as structs, from the plain data of the shop.
fn response(
    products: &[(String, Product)],
    given: &Given,
    (snapshot_id, seed_ids): (&str, &[String]),
    detail: RecommendationView,
) -> pb::GetRecommendationsResponse {
    let report = &given.report;
    let missing = seed_ids.iter().enumerate();
    let missing = missing.filter(|(position, _)| given.missing >> position & 1 == 1);
    let recommended = given.picks.iter().map(|(place, pick)| {
        let (id, product) = &products[*place];
        recommendation(id, product, pick, detail)
    });
    pb::GetRecommendationsResponse {
        recommendations: recommended.collect(),
        missing_product_ids: missing.map(|(_, id)| id.clone()).collect(),
        data_version: Some(pb::DataVersion { snapshot_id: snapshot_id.to_owned() }),
        fill_report: Some(pb::FillReport {
            candidates: report.candidates,
            removed_below_score: report.removed_below_score,
            removed_excluded: report.removed_excluded,
            shortfall: report.shortfall,
            ignored_seeds: report.ignored_seeds,
            ignored_exclusions: report.ignored_exclusions,
            removed_hidden: report.removed_hidden,
            removed_same_variant_group: report.removed_same_variant_group,
        }),
    }
}

fn recommendation(
    id: &str,
    product: &Product,
    pick: &Pick,
    detail: RecommendationView,
) -> pb::Recommendation {
    let mut recommendation =
        pb::Recommendation { product_id: id.to_owned(), ..pb::Recommendation::default() };
    if detail == RecommendationView::Id {
        return recommendation;
    }
    recommendation.relation_type = pick.relation_type.into();
    recommendation.score = f32::from(pick.score) / 65_535.0;
    recommendation.origin = pick.origin.into();
    recommendation.quantity = pick.quantity;
    if detail != RecommendationView::Full {
        return recommendation;
    }
    recommendation.seed_indexes = (0..64).filter(|seed| pick.seeds >> seed & 1 == 1).collect();
    recommendation.attributes = Some(pb::ProductAttributes {
        availability: product.availability.map_or(0, |state| state as i32),
        price_minor_units: product.price.unwrap_or(0),
        brand_id: product.brand.clone().unwrap_or_default(),
        category_id: product.category.clone().unwrap_or_default(),
        eco_grade: product.eco_grade.into(),
        currency_code: product.price.map_or("", |_| "EUR").to_owned(),
        title: product.title.clone(),
    });
    let has_end = pick.valid_to_s != i64::MAX;
    recommendation.expire_time =
        has_end.then_some(prost_types::Timestamp { seconds: pick.valid_to_s, nanos: 0 });
    recommendation.variant_group_id = product.parent.clone().unwrap_or_default();
    recommendation
}

fn encoded(
    catalog: &Catalog,
    ids: &[(String, Product)],
    given: &Given,
    (snapshot_id, seed_ids): (&str, &[String]),
    detail: RecommendationView,
) -> EncodedResponse {
    let view = catalog.view();
    let picks = given.picks.iter().map(|(place, pick)| {
        let product = ordinal(&view, &ids[*place].0);
        Pick { product, ..*pick }
    });
    let picks = picks.collect::<Vec<_>>();
    let (missing, report) = (given.missing, given.report);
    let answer = Answer { picks: &picks, missing, report, interval: Interval::UNBOUNDED };
    let seed_ids = seed_ids.iter().map(String::as_str);
    EncodedResponse(encode(&view, snapshot_id, &answer, seed_ids, detail))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn bytes_are_those_of_the_generated_encoder(
        products in products(),
        answers in vec((answers(), details()), 8),
        seed_ids in vec("[a-zäö]{1,3}|[a-z]{128}", 0..=50),
        snapshot_id in "|[0-9a-f]{64}|[0-9a-f]{130}",
    ) {
        let (shop, catalog) = write(&products);
        prop_assert_eq!(shop.products.len(), 6);
        let named = (&*snapshot_id, &*seed_ids);
        for (given, detail) in answers {
            let expected = response(&products, &given, named, detail);
            let found = encoded(&catalog, &products, &given, named, detail);
            prop_assert_eq!(&found.decoded().unwrap(), &expected);
            prop_assert_eq!(&found.0[..], &expected.encode_to_vec()[..]);
        }
    }
}

fn write(products: &[(String, Product)]) -> (Shop, Catalog) {
    let shop = Shop { products: products.iter().cloned().collect(), ..Shop::default() };
    let catalog = shop.catalog();
    (shop, catalog)
}

#[test]
fn an_answer_without_anything_names_its_snapshot() {
    let given = Given { picks: Vec::new(), missing: 0, report: FillReport::default() };
    let (_, catalog) = write(&[("a".to_owned(), Product::default())]);
    let named: (&str, &[String]) = ("5eed", &["a".to_owned()]);
    let found = encoded(&catalog, &[], &given, named, RecommendationView::Full);
    // Field 4 with field 1 inside, then an empty field 6.
    assert_eq!(found.0, b"\x22\x06\x0a\x045eed\x32\x00"[..]);
}

#[test]
fn a_hundred_full_results_are_one_buffer() {
    let long = |letter: char| {
        let product = Product {
            title: "t".repeat(1024),
            price: Some(i64::MIN + 1),
            brand: Some("b".repeat(128)),
            category: Some("c".repeat(1024)),
            ..Product::default()
        };
        (letter.to_string().repeat(128), product)
    };
    let products = ('a'..='f').map(long).collect::<Vec<_>>();
    let (_, catalog) = write(&products);
    let pick = Pick {
        product: Ordinal(0),
        relation_type: 199,
        origin: 7,
        score: 65_535,
        quantity: 0.1,
        seeds: u64::MAX >> 14,
        valid_to_s: -1,
        fallback_step: 0,
    };
    let picks = (0..100).map(|place| (place % 6, pick)).collect();
    let given = Given { picks, missing: 0, report: FillReport::default() };
    let expected = response(&products, &given, ("", &[]), RecommendationView::Full);
    let found = encoded(&catalog, &products, &given, ("", &[]), RecommendationView::Full);
    assert_eq!(found.0, expected.encode_to_vec());
}
