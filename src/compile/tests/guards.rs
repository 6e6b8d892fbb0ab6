//! Guards at their limits: sums that are judged however small, groups that are judged from so many
//! on, and what of a source, market or category passes them.

use super::*;
use crate::{
    compile::{Breach, Side, breaches},
    model::{
        decimal::Decimal,
        guard::{Guard, GuardLimit, GuardLimits, Share},
        record::{AliasRecord, PriceRecord},
        relation::Availability,
    },
};

fn side(compiled: &Compiled) -> Side<'_> {
    Side { view: compiled.catalog.view(), provenance: Some(&compiled.provenance) }
}

fn found(before: &Compiled, after: &Compiled, guard: Guard) -> Vec<String> {
    let found = breaches(side(before), side(after), &GuardLimits::DEFAULT);
    texts(found.into_iter().filter(|one| one.guard == guard))
}

fn texts(found: impl IntoIterator<Item = Breach>) -> Vec<String> {
    let text = |one: Breach| format!("{} from {} to {}", one.subject(), one.before, one.after);
    found.into_iter().map(text).collect()
}

/// `p000` and so on, with these categories in turn.
fn ids(count: usize) -> Vec<String> {
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
    check((90, 19), (90, 0), &[]);
}

#[test]
fn without_provenance_sources_are_not_told_apart() {
    let (before, after) = (by_source(90, 20), by_source(90, 0));
    let unknown = Side { provenance: None, ..side(&before) };
    let found = texts(breaches(unknown, side(&after), &GuardLimits::DEFAULT));
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
    assert_eq!(breaches(side(&before), side(&after), &limits), []);
    limits.churn_top = 2;
    assert!(!breaches(side(&before), side(&after), &limits).is_empty());
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
    assert_eq!(breaches(side(&before), side(&renamed), &GuardLimits::DEFAULT), []);
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
    let what = "median price in minor units of EUR in market eu";
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
    assert_eq!(breaches(side(&before), side(&after), &limits), []);
    assert!(!breaches(side(&before), side(&after), &GuardLimits::DEFAULT).is_empty());
}
