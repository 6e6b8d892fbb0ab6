//! Goal: the hand-written encoder writes what the generated one would. Method: random products, stock
//! and answers; each response also as the generated structs, filled from the plain data.

use proptest::{collection::vec, option, prelude::*, sample::select};
use prost::Message as _;

use super::world::feed;
use crate::{
    index::Ordinal,
    lookup::{
        Answer, Context, FillReport, Interval, Pick,
        tests::{
            shop::{Product, Shop, ordinal},
            world::World,
        },
    },
    model::relation::{Availability, Stage},
    pb::{self, EncodedResponse, RecommendationView},
    service::reply::{Showing, Wire, begin_page, encode, end_page, write_slot},
    stock::BlockedProducts,
};

/// An answer that owns its picks; products are places in the shop's list of ids.
#[derive(Clone, Debug)]
struct Given {
    picks: Vec<(usize, Pick)>,
    missing: u64,
    report: FillReport,
    interval: Interval,
}

/// A catalog, what feeds say over it, and where it is looked at from.
struct Place {
    products: Vec<(String, Product)>,
    world: World,
    /// By product: a state in the inventory that is asked about, a price in the market.
    overlaid: Vec<(Option<Availability>, Option<i64>)>,
    feeds: Vec<(String, u64, u32)>,
    blocks_digest: u64,
    market: u32,
}

type Overlay = (Vec<(Option<Availability>, Option<i64>)>, Vec<(String, u64, u32)>, u64, u32);

fn overlays() -> impl Strategy<Value = Overlay> {
    let state = option::of(select(&Availability::ALL[..]));
    let overlaid = vec((state, option::of(any::<i64>())), 6);
    let number = || prop_oneof![Just(0), any::<u64>()];
    let feeds = vec(("[a-z]{1,3}|[a-z]{128}", number(), prop_oneof![Just(0), any::<u32>()]), 0..4);
    (overlaid, feeds, number(), 0..2_u32)
}

impl Place {
    fn new(products: &[(String, Product)], overlay: &Overlay) -> Self {
        let (overlaid, feeds, blocks_digest, market) = overlay.clone();
        let shop = Shop { products: products.iter().cloned().collect(), ..Shop::default() };
        let mut world = World::of(&shop, &[], &[]);
        for ((id, _), (state, price)) in products.iter().zip(&overlaid) {
            let product = ordinal(&world.catalog.view(), id);
            world.stock.set_reading(product, Some(1), *state);
            world.stock.set_price(product, market, *price);
        }
        world.stock.set_blocks(BlockedProducts::default(), blocks_digest);
        let positions = feeds.iter().map(|(source_id, at, gap)| (&**source_id, *at, *gap));
        feed(&mut world, &positions.collect::<Vec<_>>());
        Self { products: products.to_vec(), world, overlaid, feeds, blocks_digest, market }
    }

    /// A catalog of these products, with nothing overlaid.
    fn plain(products: &[(String, Product)]) -> Self {
        Self::new(products, &(vec![(None, None); 6], Vec::new(), 0, 0))
    }

    fn context(&self) -> Context<'static> {
        let (market, stage) = (self.market, Some(Stage::Checkout));
        Context { market, inventory: 1, stage, visitor: "v", at_s: 5, is_as_of: false }
    }

    fn picks(&self, given: &Given) -> Vec<Pick> {
        let view = self.world.catalog.view();
        let picks = given.picks.iter().map(|(place, pick)| {
            let product = ordinal(&view, &self.products[*place].0);
            Pick { product, ..*pick }
        });
        picks.collect()
    }

    fn encoded(
        &self,
        given: &Given,
        (snapshot_id, seed_ids): (&str, &[String]),
        detail: RecommendationView,
    ) -> EncodedResponse {
        let picks = self.picks(given);
        let Given { missing, report, interval, .. } = *given;
        let answer = Answer { picks: &picks, missing, report, interval };
        let (scene, context) = (self.world.scene(), self.context());
        let showing = Showing { scene: &scene, snapshot_id, context: &context, detail };
        encode(&showing, &answer, seed_ids.iter().map(String::as_str), &mut Wire::default())
    }

    fn encoded_page(
        &self,
        slots: &[(String, Result<Given, pb::SlotError>)],
        (snapshot_id, missing): (&str, &[String]),
        interval: Interval,
        detail: RecommendationView,
    ) -> EncodedResponse {
        let mut wire = Wire::default();
        let (scene, context) = (self.world.scene(), self.context());
        let showing = Showing { scene: &scene, snapshot_id, context: &context, detail };
        // What a page before left behind.
        write_slot(&showing, "before", Err(&pb::SlotError::default()), &mut wire);
        begin_page(&mut wire);
        for (slot_id, slot) in slots {
            match slot {
                Ok(given) => {
                    let picks = self.picks(given);
                    let Given { missing, report, interval, .. } = *given;
                    let answer = Answer { picks: &picks, missing, report, interval };
                    write_slot(&showing, slot_id, Ok(&answer), &mut wire);
                }
                Err(error) => write_slot(&showing, slot_id, Err(error), &mut wire),
            }
        }
        end_page(&showing, missing.iter().map(String::as_str), interval, &mut wire)
    }

    /// The response as structs, from the plain data of the shop.
    fn response(
        &self,
        given: &Given,
        (snapshot_id, seed_ids): (&str, &[String]),
        detail: RecommendationView,
    ) -> pb::GetRecommendationsResponse {
        let missing = seed_ids.iter().enumerate();
        let missing = missing.filter(|(position, _)| given.missing >> position & 1 == 1);
        pb::GetRecommendationsResponse {
            recommendations: self.recommendations(given, detail),
            missing_product_ids: missing.map(|(_, id)| id.clone()).collect(),
            data_version: Some(self.version(snapshot_id, given.interval)),
            fill_report: Some(fill_report(&given.report)),
        }
    }

    fn page(
        &self,
        slots: &[(String, Result<Given, pb::SlotError>)],
        (snapshot_id, missing): (&str, &[String]),
        interval: Interval,
        detail: RecommendationView,
    ) -> pb::BatchGetRecommendationsResponse {
        let results = slots.iter().map(|(slot_id, slot)| {
            let slot_id = slot_id.clone();
            match slot {
                Ok(given) => pb::SlotResult {
                    slot_id,
                    recommendations: self.recommendations(given, detail),
                    fill_report: Some(fill_report(&given.report)),
                    error: None,
                },
                Err(error) => {
                    pb::SlotResult { slot_id, error: Some(error.clone()), ..<_>::default() }
                }
            }
        });
        pb::BatchGetRecommendationsResponse {
            results: results.collect(),
            missing_product_ids: missing.to_vec(),
            data_version: Some(self.version(snapshot_id, interval)),
        }
    }

    fn version(&self, snapshot_id: &str, interval: Interval) -> pb::DataVersion {
        let bound = |seconds: i64, none: i64| {
            (seconds != none).then_some(prost_types::Timestamp { seconds, nanos: 0 })
        };
        let feeds = self.feeds.iter().map(|(source_id, sequence, gap)| pb::FeedPosition {
            source_id: source_id.clone(),
            sequence: *sequence,
            applied_beyond_gap: *gap,
        });
        pb::DataVersion {
            snapshot_id: snapshot_id.to_owned(),
            availability: feeds.collect(),
            valid_from_time: bound(interval.from_s, i64::MIN),
            valid_until_time: bound(interval.until_s, i64::MAX),
            blocks_digest: self.blocks_digest,
        }
    }

    fn recommendations(
        &self,
        given: &Given,
        detail: RecommendationView,
    ) -> Vec<pb::Recommendation> {
        let recommended = given.picks.iter().map(|(place, pick)| {
            let (id, product) = &self.products[*place];
            let (state, price) = self.overlaid[*place];
            let own = if self.market == 0 { product.price } else { product.price_us };
            let known = (state.or(product.availability), price.or(own));
            let currency = ["EUR", "USD"][self.market as usize];
            recommendation((id, product), pick, known, currency, detail)
        });
        recommended.collect()
    }
}

fn products() -> impl Strategy<Value = Vec<(String, Product)>> {
    // Around the length that fits a record, around the one whose length takes two bytes, the
    // longest, and characters of several bytes.
    let tails = ["", "12345678901234", "123456789012345", "-åäö-電池"];
    let mut ids = tails.map(str::to_owned).to_vec();
    ids.extend([116, 117, 127, 128].map(|len| "x".repeat(len - 1)));
    let text = select(vec![None, Some("acme".to_owned()), Some("b".repeat(200))]);
    let title = select(vec![String::new(), "A título".to_owned(), "t".repeat(1024)]);
    let price = option::of(prop_oneof![
        select(&[0, 1, -1, -12_345, i64::MAX, i64::MIN + 1][..]),
        any::<i64>().prop_filter("the mark of no price", |price| *price != i64::MIN),
    ]);
    let availability = option::of(select(&Availability::ALL[..]));
    let price = (price.clone(), price);
    let product = (title, price, text.clone(), text, 0..6_u8, availability, any::<bool>());
    (Just(ids), vec(product, 6)).prop_map(|(ids, products)| {
        let mut all = Vec::<(String, Product)>::new();
        for ((letter, tail), product) in ('a'..).zip(ids).zip(products) {
            let (title, price, brand, category, eco_grade, availability, is_variant) = product;
            let (price, price_us) = price;
            // Chains of three at most: a catalog has none of more than five.
            let is_variant = is_variant && !all.len().is_multiple_of(3);
            let parent = all.last().map(|(id, _)| id.clone()).filter(|_| is_variant);
            let product = Product {
                title,
                price,
                price_us,
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

fn instant(none: i64) -> impl Strategy<Value = i64> {
    prop_oneof![Just(none), Just(0), Just(1_700_000_000), any::<i64>()]
}

fn pick() -> impl Strategy<Value = (usize, Pick)> {
    let seeds = prop_oneof![Just(0), (0..50_u32).prop_map(|bit| 1 << bit), 1..1_u64 << 50];
    let relation_type = prop_oneof![Just(0), 1..=9_u8, 100..=199_u8];
    let numbers = (relation_type, 1..=7_u8, any::<u16>(), 0..=16_u8);
    (0..6_usize, numbers, quantity(), seeds, instant(i64::MAX)).prop_map(
        |(product, numbers, quantity, seeds, valid_to_s)| {
            let (relation_type, origin, score, fallback_step) = numbers;
            let pick = Pick {
                product: Ordinal(0),
                relation_type,
                origin,
                score,
                quantity,
                seeds,
                valid_to_s,
                fallback_step,
            };
            (product, pick)
        },
    )
}

fn report() -> impl Strategy<Value = FillReport> {
    let count = prop_oneof![Just(0), 1..300_u32, any::<u32>()];
    vec(count, 19).prop_map(|counts| FillReport {
        candidates: counts[0],
        removed_blocked: counts[1],
        removed_hidden: counts[2],
        removed_by_override: counts[3],
        removed_same_variant_group: counts[4],
        removed_excluded: counts[5],
        removed_outside_market: counts[6],
        removed_outside_validity: counts[7],
        removed_by_stage: counts[8],
        removed_by_filter: counts[9],
        removed_unavailable: counts[10],
        removed_below_score: counts[11],
        removed_by_rule: counts[12],
        removed_on_page: counts[13],
        removed_by_diversity: counts[14],
        added_by_fallback: counts[15],
        shortfall: counts[16],
        ignored_seeds: counts[17],
        ignored_exclusions: counts[18],
    })
}

fn fill_report(report: &FillReport) -> pb::FillReport {
    pb::FillReport {
        candidates: report.candidates,
        removed_unavailable: report.removed_unavailable,
        removed_by_filter: report.removed_by_filter,
        removed_below_score: report.removed_below_score,
        removed_excluded: report.removed_excluded,
        removed_by_diversity: report.removed_by_diversity,
        removed_by_rule: report.removed_by_rule,
        removed_on_page: report.removed_on_page,
        added_by_fallback: report.added_by_fallback,
        shortfall: report.shortfall,
        ignored_seeds: report.ignored_seeds,
        ignored_exclusions: report.ignored_exclusions,
        removed_outside_market: report.removed_outside_market,
        removed_by_stage: report.removed_by_stage,
        removed_blocked: report.removed_blocked,
        removed_outside_validity: report.removed_outside_validity,
        removed_hidden: report.removed_hidden,
        removed_same_variant_group: report.removed_same_variant_group,
        removed_by_override: report.removed_by_override,
    }
}

fn intervals() -> impl Strategy<Value = Interval> {
    (instant(i64::MIN), instant(i64::MAX))
        .prop_map(|(from_s, until_s)| Interval { from_s, until_s })
}

fn answers() -> impl Strategy<Value = Given> {
    let missing = prop_oneof![Just(0), any::<u64>().prop_map(|bits| bits >> 14)];
    (vec(pick(), 0..12), missing, report(), intervals())
        .prop_map(|(picks, missing, report, interval)| Given { picks, missing, report, interval })
}

fn errors() -> impl Strategy<Value = pb::SlotError> {
    let text = "|[a-z]{1,9}|[a-z]{200}";
    let code = prop_oneof![Just(3), any::<i32>()];
    (code, text, text, text).prop_map(|(code, reason, field, message)| pb::SlotError {
        code,
        reason,
        field,
        message,
    })
}

fn slots() -> impl Strategy<Value = Vec<(String, Result<Given, pb::SlotError>)>> {
    let slot = prop_oneof![3 => answers().prop_map(Ok), 1 => errors().prop_map(Err)];
    vec(("|[a-z]{1,3}|[a-z]{128}", slot), 0..=6)
}

fn details() -> impl Strategy<Value = RecommendationView> {
    select(vec![
        RecommendationView::Unspecified,
        RecommendationView::Id,
        RecommendationView::Basic,
        RecommendationView::Full,
    ])
}

fn recommendation(
    (id, product): (&str, &Product),
    pick: &Pick,
    (state, price): (Option<Availability>, Option<i64>),
    currency: &str,
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
    recommendation.fallback_step = pick.fallback_step.into();
    if detail != RecommendationView::Full {
        return recommendation;
    }
    recommendation.seed_indexes = (0..64).filter(|seed| pick.seeds >> seed & 1 == 1).collect();
    recommendation.attributes = Some(pb::ProductAttributes {
        availability: state.map_or(0, |state| state as i32),
        price_minor_units: price.unwrap_or(0),
        brand_id: product.brand.clone().unwrap_or_default(),
        category_id: product.category.clone().unwrap_or_default(),
        eco_grade: product.eco_grade.into(),
        currency_code: price.map_or("", |_| currency).to_owned(),
        title: product.title.clone(),
    });
    let has_end = pick.valid_to_s != i64::MAX;
    recommendation.expire_time =
        has_end.then_some(prost_types::Timestamp { seconds: pick.valid_to_s, nanos: 0 });
    recommendation.variant_group_id = product.parent.clone().unwrap_or_default();
    recommendation
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn bytes_are_those_of_the_generated_encoder(
        products in products(),
        overlay in overlays(),
        answers in vec((answers(), details()), 8),
        seed_ids in vec("[a-zäö]{1,3}|[a-z]{128}", 0..=50),
        snapshot_id in "|[0-9a-f]{64}|[0-9a-f]{130}",
    ) {
        let place = Place::new(&products, &overlay);
        let named = (&*snapshot_id, &*seed_ids);
        for (given, detail) in answers {
            let expected = place.response(&given, named, detail);
            let found = place.encoded(&given, named, detail);
            prop_assert_eq!(&found.decoded().unwrap(), &expected);
            prop_assert_eq!(&found.message()[..], &expected.encode_to_vec()[..]);
        }
    }

    #[test]
    fn bytes_of_a_page_are_those_of_the_generated_encoder(
        products in products(),
        overlay in overlays(),
        pages in vec((slots(), intervals(), details()), 4),
        missing in vec("[a-zäö]{1,3}|[a-z]{128}", 0..=50),
    ) {
        let place = Place::new(&products, &overlay);
        let named = ("5eed", &*missing);
        for (slots, interval, detail) in pages {
            let expected = place.page(&slots, named, interval, detail);
            let found = place.encoded_page(&slots, named, interval, detail);
            prop_assert_eq!(&found.decoded_page().unwrap(), &expected);
            prop_assert_eq!(&found.message()[..], &expected.encode_to_vec()[..]);
        }
    }
}

fn nothing() -> Given {
    let interval = Interval::UNBOUNDED;
    Given { picks: Vec::new(), missing: 0, report: FillReport::default(), interval }
}

#[test]
fn an_answer_without_anything_names_its_snapshot() {
    let place = Place::plain(&[("a".to_owned(), Product::default())]);
    let named: (&str, &[String]) = ("5eed", &["a".to_owned()]);
    let found = place.encoded(&nothing(), named, RecommendationView::Full);
    // Field 4 with field 1 inside, then an empty field 6.
    assert_eq!(found.message(), b"\x22\x06\x0a\x045eed\x32\x00"[..]);
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
    let place = Place::plain(&('a'..='f').map(long).collect::<Vec<_>>());
    let pick = Pick {
        product: Ordinal(0),
        relation_type: 199,
        origin: 7,
        score: 65_535,
        quantity: 0.1,
        seeds: u64::MAX >> 14,
        valid_to_s: -1,
        fallback_step: 16,
    };
    let given = Given { picks: (0..100).map(|place| (place % 6, pick)).collect(), ..nothing() };
    let expected = place.response(&given, ("", &[]), RecommendationView::Full);
    let found = place.encoded(&given, ("", &[]), RecommendationView::Full);
    assert_eq!(found.message(), expected.encode_to_vec());
}
