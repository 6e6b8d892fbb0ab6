//! Guards at their limits: sums that are judged however small, groups that are judged from so many
//! on, and what of a source, market or category passes them.

use super::*;
use crate::{
    compile::{Breach, Side, breaches, overrides_breach},
    model::{
        decimal::Decimal,
        guard::{GUARD_SOON_S, Guard, GuardLimit, GuardLimits, Share},
        record::{AliasRecord, BundleRecord, PriceRecord},
        relation::{Availability, Stage, StageMask},
    },
};

pub(super) const NOW_S: i64 = 1_800_000_000;

pub(super) fn side(compiled: &Compiled) -> Side<'_> {
    Side { view: compiled.catalog.view(), provenance: Some(&compiled.provenance) }
}

pub(super) fn found(before: &Compiled, after: &Compiled, guard: Guard) -> Vec<String> {
    let found = breaches(side(before), side(after), &GuardLimits::DEFAULT, NOW_S);
    texts(found.into_iter().filter(|one| one.guard == guard))
}

fn texts(found: impl IntoIterator<Item = Breach>) -> Vec<String> {
    let text = |one: Breach| format!("{} from {} to {}", one.subject(), one.before, one.after);
    found.into_iter().map(text).collect()
}

/// `p000` and so on, with these categories in turn.
pub(super) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:03}")).collect()
}

/// Products, and from `p000` relations to as many of the following.
fn sized(products: usize, cross_sells: usize, up_sells: usize) -> Compiled {
    let ids = ids(products);
    let mut records = ids.iter().map(|id| product(id)).collect::<Vec<_>>();
    for (code, count) in [("cross_sell", cross_sells), ("up_sell", up_sells)] {
        let targets = ids.iter().skip(1).take(count);
        records.extend(targets.map(|target| Record::Relation(link("p000", code, target))));
    }
    compiled(&records)
}

#[track_caller]
fn check_sums(guard: Guard, before: (usize, usize, usize), after: (usize, usize, usize)) -> String {
    let (before, after) = (sized(before.0, before.1, before.2), sized(after.0, after.1, after.2));
    let sums = found(&before, &after, guard).into_iter();
    // The one category and the two markets lose the same.
    sums.filter(|text| !text.contains(" in ")).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_fifth_of_the_products_may_go_and_no_more_however_few_they_are() {
    let check = |before, after, expected: &str| {
        assert_eq!(check_sums(Guard::Products, (before, 0, 0), (after, 0, 0)), expected);
    };
    check(100, 80, "");
    check(100, 79, "products from 100 to 79");
    check(15, 12, "");
    check(15, 11, "products from 15 to 11");
    check(4, 3, "products from 4 to 3");
    check(100, 100, "");
    check(100, 200, "");
}

#[test]
fn each_type_shrinks_for_itself() {
    let check = |before, after, expected: &str| {
        assert_eq!(check_sums(Guard::Shrink, before, after), expected);
    };
    let cross = "relations of type cross_sell";
    let up = "relations of type up_sell";
    check((60, 50, 10), (60, 40, 8), "");
    check((60, 50, 10), (60, 39, 8), &format!("{cross} from 50 to 39"));
    check((60, 50, 10), (60, 50, 0), &format!("{up} from 10 to 0"));
    check((60, 50, 10), (60, 39, 7), &format!("{cross} from 50 to 39; {up} from 10 to 7"));
    check((5, 4, 0), (5, 4, 0), "");
    check((5, 0, 0), (5, 4, 0), "");
}

#[test]
fn a_type_that_is_declared_no_more_has_shrunk() {
    let records = shop(&[link("a", "cross_sell", "b")]);
    let mut config = config();
    config.relation_types.retain(|declared| declared.code != "cross_sell");
    let after = compile(&graph_of(config, &[("shop", &records[..6])]));
    let found = found(&compiled(&records), &after, Guard::Shrink);
    assert_eq!(found, ["relations of type cross_sell from 1 to 0"]);
}

/// Two sources, one category each, cross-sells of so many of its products to `p000`'s neighbour.
fn by_source(first: usize, second: usize) -> Compiled {
    let ids = ids(200);
    let place = |number: usize| if number < 100 { "Toys/Cars" } else { "Garden" };
    let products = ids.iter().zip(0..).map(|(id, number)| {
        let categories = vec![place(number)];
        Record::Product(ProductRecord { id, categories, ..ProductRecord::default() })
    });
    let links = |from: usize, count: usize| {
        let pairs = ids[from..].windows(2).take(count);
        pairs.map(|pair| Record::Relation(link(&pair[0], "related", &pair[1])))
    };
    let own = products.chain(links(0, first)).collect::<Vec<_>>();
    let other = links(100, second).collect::<Vec<_>>();
    compile(&graph_of(config(), &[("pim", &own), ("hand", &other)]))
}

#[test]
fn a_source_and_a_category_are_judged_from_twenty_on_by_limits_of_their_own() {
    let check = |before: (usize, usize), after: (usize, usize), expected: &[&str]| {
        let (before, after) = (by_source(before.0, before.1), by_source(after.0, after.1));
        assert_eq!(found(&before, &after, Guard::Shrink), expected);
    };
    // Of 110 a fifth may go, of the twenty of `hand` 30 %.
    check((90, 20), (90, 14), &[]);
    let lost = |name: &str| format!("relations of type related {name} from 20 to 13");
    let market =
        |name: &str| lost(&format!("from source hand in market {name} in category Garden"));
    let expected =
        [lost("in category Garden"), lost("from source hand"), market("eu"), market("uk")];
    check((90, 20), (90, 13), &expected.each_ref().map(String::as_str));
    // Of fewer only the loss of all is judged, but not in a category, which may end.
    check((90, 19), (90, 1), &[]);
    check((90, 19), (90, 0), &["relations of type related from source hand from 19 to 0"]);
    check((90, 1), (90, 0), &[]);
}

#[test]
fn without_provenance_sources_are_not_told_apart() {
    let (before, after) = (by_source(90, 20), by_source(90, 0));
    let unknown = Side { provenance: None, ..side(&before) };
    let found = texts(breaches(unknown, side(&after), &GuardLimits::DEFAULT, NOW_S));
    assert!(found.iter().all(|text| !text.contains("source")), "{found:?}");
    assert_eq!(found[0], "relations of type related in category Garden from 20 to 0");
}

/// So many lists of two, of which some are turned around and some lead elsewhere.
fn turned(lists: usize, reversed: usize, others: usize) -> Compiled {
    let ids = ids(lists + 3);
    let mut records = ids.iter().map(|id| product(id)).collect::<Vec<_>>();
    for (place, id) in ids.iter().take(lists).enumerate() {
        let mut steps = if place < reversed { [2, 1] } else { [1, 2] };
        if place >= lists - others {
            steps = [1, 3];
        }
        for (position, step) in (1..).zip(steps) {
            let relation = link(id, "related", &ids[(place + step) % ids.len()]);
            records.push(Record::Relation(RelationRecord { position: Some(position), ..relation }));
        }
    }
    compiled(&records)
}

#[test]
fn half_of_the_lists_may_begin_with_others() {
    let check = |lists: usize, reversed: usize, others: usize, expected: &[&str]| {
        let (before, after) = (turned(lists, 0, 0), turned(lists, reversed, others));
        assert_eq!(found(&before, &after, Guard::Churn), expected);
    };
    check(20, 10, 0, &[]);
    check(20, 6, 4, &[]);
    let what = "lists with the same first 5 targets of type related";
    check(20, 8, 3, &[&format!("{what} from 20 to 9")]);
    // So few lists that one is much.
    check(19, 19, 0, &[]);
}

#[test]
fn only_the_first_targets_of_a_list_churn() {
    let (before, after) = (turned(20, 0, 0), turned(20, 0, 20));
    let mut limits = GuardLimits::DEFAULT;
    limits.churn_top = 1;
    assert_eq!(breaches(side(&before), side(&after), &limits, NOW_S), []);
    limits.churn_top = 2;
    assert!(!breaches(side(&before), side(&after), &limits, NOW_S).is_empty());
}

#[test]
fn an_alias_keeps_an_old_id_known() {
    let before = sized(40, 0, 0);
    let new = ids(40).iter().map(|id| format!("new-{id}")).collect::<Vec<_>>();
    let old = ids(40);
    let mut records = new.iter().map(|id| product(id)).collect::<Vec<_>>();
    let gone = compiled(&records);
    let what = "products known by the same id or alias";
    let expected =
        [format!("{what} from 40 to 0"), format!("{what} in category (none) from 40 to 0")];
    assert_eq!(found(&before, &gone, Guard::Ids), expected);
    let aliases = old.iter().zip(&new);
    records.extend(aliases.map(|(alias, product)| Record::Alias(AliasRecord { alias, product })));
    let renamed = compiled(&records);
    assert_eq!(breaches(side(&before), side(&renamed), &GuardLimits::DEFAULT, NOW_S), []);
    // And aliases are counted, too.
    let found = found(&renamed, &gone, Guard::Shrink);
    assert_eq!(found, ["aliases from 40 to 0"]);
}

/// Twenty products with prices from here on, in cents.
fn priced(from: i64, step: i64, availability: Availability) -> Compiled {
    let ids = ids(20);
    let records = ids.iter().zip(0..).map(|(id, number)| {
        let amount = Decimal { digits: from + step * number, scale: 2 };
        let price = Some(PriceRecord { amount, currency: None });
        let availability = Some(availability);
        Record::Product(ProductRecord { id, price, availability, ..ProductRecord::default() })
    });
    compiled(&records.collect::<Vec<_>>())
}

#[test]
fn the_median_price_may_move_by_a_quarter_up_or_down() {
    let check = |after: i64, expected: &[&str]| {
        let before = priced(1_000, 0, Availability::InStock);
        let after = priced(after, 0, Availability::InStock);
        let found = found(&before, &after, Guard::Prices);
        let in_market = found.into_iter().filter(|text| !text.contains("category"));
        assert_eq!(in_market.collect::<Vec<_>>(), expected);
    };
    let what = "price at the median change in minor units of EUR in market eu";
    check(750, &[]);
    check(749, &[&format!("{what} from 1000 to 749")]);
    check(1_333, &[]);
    check(1_334, &[&format!("{what} from 1000 to 1334")]);
    check(0, &[&format!("{what} from 1000 to 0")]);
}

#[test]
fn what_can_be_bought_may_halve() {
    let before = priced(1_000, 1, Availability::LowStock);
    let after = priced(1_000, 1, Availability::OutOfStock);
    let gone = found(&before, &after, Guard::Stock);
    assert_eq!(gone[0], "products that can be bought from 20 to 0");
    assert_eq!(found(&after, &before, Guard::Stock), Vec::<String>::new());
}

#[test]
fn a_limit_of_one_lets_everything_pass() {
    let (before, after) = (turned(30, 0, 0), sized(1, 0, 0));
    let off = GuardLimit { whole: Share::ONE, group: Share::ONE };
    let limits =
        Guard::ALL.iter().fold(GuardLimits::DEFAULT, |limits, guard| limits.with(*guard, off));
    assert_eq!(breaches(side(&before), side(&after), &limits, NOW_S), []);
    assert!(!breaches(side(&before), side(&after), &GuardLimits::DEFAULT, NOW_S).is_empty());
}

#[test]
fn of_few_overrides_any_may_go_but_not_all() {
    let check = |was: u64, is: u64, is_refused: bool| {
        let found = overrides_breach((was, is), &GuardLimits::DEFAULT);
        assert_eq!(found.is_some(), is_refused, "{was} to {is}");
    };
    check(20, 16, false);
    check(20, 15, true);
    check(19, 1, false);
    check(19, 0, true);
    check(2, 0, true);
    check(1, 0, false);
    check(0, 0, false);
    check(0, 9, false);
    let off = GuardLimit { whole: Share::ONE, group: Share::ONE };
    let limits = GuardLimits::DEFAULT.with(Guard::Overrides, off);
    assert_eq!(overrides_breach((1_000, 0), &limits), None);
}

#[test]
fn of_few_bundles_and_aliases_any_may_go_but_not_all() {
    let ids = ids(60);
    let shop = |bundles: usize, aliases: usize| {
        let mut records = ids.iter().map(|id| product(id)).collect::<Vec<_>>();
        records.extend(ids.iter().take(bundles).map(|id| {
            Record::Bundle(BundleRecord {
                bundle: id,
                option: "Part",
                option_position: 0,
                required: true,
                min_selections: 1,
                max_selections: 1,
                product: "p059",
                selection_position: 0,
                quantity: 1.0,
                is_default: true,
            })
        }));
        let names = ids.iter().map(|id| format!("old-{id}")).collect::<Vec<_>>();
        let pairs = names.iter().zip(&ids).take(aliases);
        records.extend(pairs.map(|(alias, product)| Record::Alias(AliasRecord { alias, product })));
        compiled(&records)
    };
    let before = shop(15, 15);
    let check = |bundles: usize, aliases: usize, expected: &[&str]| {
        assert_eq!(found(&before, &shop(bundles, aliases), Guard::Shrink), expected);
    };
    check(1, 1, &[]);
    check(0, 15, &["bundles from 15 to 0", "selections of bundles from 15 to 0"]);
    check(15, 0, &["aliases from 15 to 0"]);
}

/// Sixty products, and from each of the first thirty a relation that is changed like this.
fn changed(change: impl Fn(&mut RelationRecord<'_>)) -> Compiled {
    let ids = ids(60);
    let mut records = ids.iter().map(|id| product(id)).collect::<Vec<_>>();
    records.extend(ids.windows(2).take(30).map(|pair| {
        let mut relation = link(&pair[0], "related", &pair[1]);
        change(&mut relation);
        Record::Relation(relation)
    }));
    compiled(&records)
}

#[test]
fn relations_count_while_they_hold() {
    let check = |before: &Compiled, after: &Compiled, expected: &[&str]| {
        let found = found(before, after, Guard::Shrink).into_iter();
        let sums = found.filter(|text| !text.contains(" in ")).collect::<Vec<_>>();
        assert_eq!(sums, expected);
    };
    let until = |at: i64| changed(move |relation| relation.valid_to_s = Some(at));
    let since = |at: i64| changed(move |relation| relation.valid_from_s = Some(at));
    let (always, none) = (changed(|_| {}), sized(60, 0, 0));
    let gone = "relations of type related from 30 to 0";
    let never = "relations that hold now or later of type related from 30 to 0";
    // What ends before the next night is as good as over.
    const SOON_S: i64 = NOW_S + GUARD_SOON_S;
    check(&always, &until(SOON_S + 1), &[]);
    check(&always, &until(SOON_S), &[gone]);
    check(&always, &since(NOW_S), &[]);
    check(&always, &since(NOW_S + 1), &[gone]);
    // What is over is no loss, what is to come is one.
    check(&until(SOON_S), &none, &[]);
    check(&until(SOON_S + 1), &none, &[gone]);
    check(&since(NOW_S + 1), &none, &[never]);
    check(&since(NOW_S + 1), &until(SOON_S), &[never]);
    check(&since(NOW_S + 1), &always, &[]);
}

#[test]
fn relations_count_at_the_stages_that_they_are_meant_for() {
    let at = |stages: StageMask| changed(move |relation| relation.stages = stages);
    let early = StageMask::EVERY.with(Stage::Discovery).with(Stage::Consideration);
    let lost = |stage: &str| format!("relations of type related at stage {stage} from 30 to 0");
    let late = ["purchase_decision", "checkout", "post_purchase"].map(lost);
    assert_eq!(found(&at(StageMask::EVERY), &at(early), Guard::Shrink), late);
    assert_eq!(found(&at(early), &at(StageMask::EVERY), Guard::Shrink), Vec::<String>::new());
    assert_eq!(found(&at(early), &at(early), Guard::Shrink), Vec::<String>::new());
    let one = at(StageMask::EVERY.with(Stage::Discovery));
    assert_eq!(found(&at(early), &one, Guard::Shrink), [lost("consideration")]);
}

#[test]
fn a_list_is_what_holds_of_it() {
    // Of each list the first is over; then it is taken away.
    let shop = |with_first: bool, second: usize| {
        let ids = ids(40);
        let mut records = ids.iter().map(|id| product(id)).collect::<Vec<_>>();
        for (place, id) in ids.iter().take(30).enumerate() {
            let target = |step: usize| ids[place + step].as_str();
            let first = RelationRecord {
                position: Some(1),
                valid_to_s: Some(NOW_S),
                ..link(id, "related", target(1))
            };
            records.extend(with_first.then_some(Record::Relation(first)));
            let other = link(id, "related", target(second));
            records.push(Record::Relation(RelationRecord { position: Some(2), ..other }));
        }
        compiled(&records)
    };
    assert_eq!(found(&shop(true, 2), &shop(false, 2), Guard::Churn), Vec::<String>::new());
    // Lists of one whose one is another have changed.
    let replaced = found(&shop(true, 2), &shop(false, 3), Guard::Churn);
    assert_eq!(replaced[0], "lists with the same first 5 targets of type related from 30 to 0");
}

/// Products with these prices in cents; `None` is no product.
fn costing(prices: &[Option<i64>]) -> Compiled {
    let ids = ids(prices.len());
    let records = ids.iter().zip(prices).filter_map(|(id, cents)| {
        let amount = Decimal { digits: (*cents)?, scale: 2 };
        let price = Some(PriceRecord { amount, currency: None });
        Some(Record::Product(ProductRecord { id, price, ..ProductRecord::default() }))
    });
    compiled(&records.collect::<Vec<_>>())
}

#[test]
fn prices_move_product_by_product() {
    let check = |before: &[Option<i64>], after: &[Option<i64>], expected: &[&str]| {
        let (before, after) = (costing(before), costing(after));
        let found = found(&before, &after, Guard::Prices).into_iter();
        let in_market = found.filter(|text| !text.contains("category"));
        let what = "price at the median change in minor units of EUR in market eu from ";
        let moved = in_market.filter_map(|text| text.strip_prefix(what).map(ToOwned::to_owned));
        assert_eq!(moved.collect::<Vec<_>>(), expected);
    };
    let prices = |count: usize, price: i64| vec![Some(price); count];
    let joined = |parts: &[Vec<Option<i64>>]| parts.concat();
    let (cheap, dear) = (prices(20, 100), prices(20, 9_000));
    // Dear products come and go: no price has moved.
    check(
        &joined(&[cheap.clone(), vec![None; 60]]),
        &joined(&[cheap.clone(), prices(60, 9_000)]),
        &[],
    );
    check(
        &joined(&[cheap.clone(), prices(60, 9_000)]),
        &joined(&[cheap.clone(), vec![None; 60]]),
        &[],
    );
    // Every price moves, and new products keep the median of all where it was.
    let (before, after) = (joined(&[dear.clone(), vec![None; 20]]), prices(40, 12_001));
    check(&before, &after, &["9000 to 12001"]);
    // Half of them are wrong, up or down, and each of the others is right.
    check(
        &joined(&[cheap.clone(), dear.clone()]),
        &joined(&[cheap.clone(), prices(20, 90)]),
        &["9000 to 90"],
    );
    check(
        &joined(&[cheap.clone(), dear.clone()]),
        &joined(&[prices(20, 10_000), dear]),
        &["100 to 10000"],
    );
    // Nothing to nothing has not moved, nothing to something has.
    check(&prices(20, 0), &prices(20, 0), &[]);
    check(&prices(20, 0), &prices(20, 5), &["0 to 5"]);
    // Of few prices some may move, but not all.
    check(&prices(19, 100), &joined(&[prices(18, 9_000), prices(1, 133)]), &[]);
    check(&prices(19, 100), &joined(&[prices(18, 9_000), prices(1, 134)]), &["100 to 134"]);
    check(&prices(1, 100), &prices(1, 9_000), &[]);
}
