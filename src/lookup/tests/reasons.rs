//! Why candidates are removed: each reason alone, and which of two counts.

use super::request::{ask, ids};
use crate::lookup::FillReport;

/// Which reasons removed how many, in their order: `hidden:1 market:2`.
#[track_caller]
fn check(shop: &str, request: &str, picks: &str, reasons: &str) {
    let outcome = ask(shop, request);
    assert_eq!(ids(&outcome).join(" "), picks, "{request}");
    let report = outcome.report;
    let counts = removed(&report);
    let told = counts.iter().filter(|(_, count)| *count > 0);
    let told = told.map(|(name, count)| format!("{name}:{count}")).collect::<Vec<_>>();
    assert_eq!(told.join(" "), reasons, "{request}");
    let total = counts.iter().map(|(_, count)| count).sum::<u32>();
    assert_eq!(report.candidates, total + u32::try_from(outcome.picks.len()).unwrap());
}

pub(super) fn removed(report: &FillReport) -> [(&'static str, u32); 14] {
    [
        ("blocked", report.removed_blocked),
        ("hidden", report.removed_hidden),
        ("overridden", report.removed_by_override),
        ("group", report.removed_same_variant_group),
        ("excluded", report.removed_excluded),
        ("market", report.removed_outside_market),
        ("validity", report.removed_outside_validity),
        ("stage", report.removed_by_stage),
        ("filter", report.removed_by_filter),
        ("unavailable", report.removed_unavailable),
        ("score", report.removed_below_score),
        ("rule", report.removed_by_rule),
        ("page", report.removed_on_page),
        ("diversity", report.removed_by_diversity),
    ]
}

const AB: &str = "a cross_sell b 90, c 80\n";

#[test]
fn blocked_products_are_in_no_answer() {
    check(&format!("{AB} $ b blocked"), "cross_sell: a", "c", "blocked:1");
    check(&format!("{AB} b < p\n $ p blocked"), "cross_sell: a", "c", "blocked:1");
    check(&format!("{AB} $ b blocked in=us"), "cross_sell: a", "b c", "");
    check(&format!("{AB} $ b blocked in=us"), "cross_sell: a in=us", "c", "blocked:1");
    check(&format!("{AB} $ b blocked until=9"), "cross_sell: a t=8", "c", "blocked:1");
    check(&format!("{AB} $ b blocked until=9"), "cross_sell: a t=9", "b c", "");
    // Any of several.
    check(
        &format!("{AB} $ b blocked until=9\n $ b blocked until=5"),
        "cross_sell: a t=6",
        "c",
        "blocked:1",
    );
}

#[test]
fn withdrawn_is_what_the_latest_reading_says() {
    check(&format!("{AB} b withdrawn"), "cross_sell: a", "c", "hidden:1");
    check(&format!("{AB} $ b discontinued"), "cross_sell: a", "c", "hidden:1");
    check(&format!("{AB} b withdrawn\n $ b in_stock"), "cross_sell: a", "b c", "");
    check(&format!("{AB} $ b discontinued @store"), "cross_sell: a", "b c", "");
    check(&format!("{AB} $ b discontinued @store"), "cross_sell: a from=store", "c", "hidden:1");
}

#[test]
fn markets_have_assortments_and_relations_of_their_own() {
    check(&format!("{AB} b sold us"), "cross_sell: a", "c", "market:1");
    check(&format!("{AB} b sold us"), "cross_sell: a in=us", "b c", "");
    check("a cross_sell b 90 in=us, c 80 in=eu+us", "cross_sell: a", "c", "market:1");
    check("a cross_sell b 90 in=us, c 80 in=eu+us", "cross_sell: a in=us", "b c", "");
}

#[test]
fn relations_hold_from_their_start_to_before_their_end() {
    let shop = "a cross_sell b 90 from=3 until=5, c 80";
    check(shop, "cross_sell: a t=2", "c", "validity:1");
    check(shop, "cross_sell: a t=3", "b c", "");
    check(shop, "cross_sell: a t=4", "b c", "");
    check(shop, "cross_sell: a t=5", "c", "validity:1");
}

#[test]
fn relations_hold_at_the_stages_they_name() {
    let shop = "a cross_sell b 90 at=checkout+discovery, c 80";
    check(shop, "cross_sell: a", "b c", "");
    check(shop, "cross_sell: a at=checkout", "b c", "");
    check(shop, "cross_sell: a at=consideration", "c", "stage:1");
}

#[test]
fn prices_are_those_of_the_market() {
    let shop = "a cross_sell b 90, c 80, d 70\n b price 100\n c price 200\n b price.us 300";
    check(shop, "cross_sell: a price=100..199", "b", "filter:2");
    check(shop, "cross_sell: a price=101..", "c", "filter:2");
    check(shop, "cross_sell: a price=..99", "", "filter:3");
    // Without a price there nothing can be said.
    check(shop, "cross_sell: a price=1.. in=us", "b", "filter:2");
    check(&format!("{shop}\n $ d 150"), "cross_sell: a price=150..199", "d", "filter:2");
    check(&format!("{shop}\n $ c 5 @us"), "cross_sell: a price=..9 in=us", "c", "filter:2");
}

#[test]
fn prices_compare_with_the_seed() {
    let shop = "a cross_sell b 90, c 80, d 70\n a price 1000\n b price 799\n c price 800";
    check(shop, "cross_sell: a ratio=0.8..", "c", "filter:2");
    check(shop, "cross_sell: a ratio=..0.799", "b", "filter:2");
    check(shop, "cross_sell: a ratio=0.8..0.9 price=801..", "", "filter:3");
    // A seed without a price is like nothing.
    check("a cross_sell b 90\n b price 5", "cross_sell: a ratio=0.1..", "", "filter:1");
}

#[test]
fn brands_and_categories_compare_with_the_seed() {
    let shop = "a cross_sell b 90, c 80, d 70\n a brand x\n b brand x\n c brand y\n\
                a category P/Q/R\n b category P/Q/S\n c category P/T";
    check(shop, "cross_sell: a brand=same", "b", "filter:2");
    check(shop, "cross_sell: a brand=different", "c d", "filter:1");
    check(shop, "cross_sell: a category=same", "", "filter:3");
    check(shop, "cross_sell: a category=same level=2", "b", "filter:2");
    check(shop, "cross_sell: a category=same level=1", "b c", "filter:1");
    check(shop, "cross_sell: a category=different level=2", "c d", "filter:1");
    // Deeper than a category is the category itself.
    check(shop, "cross_sell: a category=different level=9", "b c d", "");
    // Nothing is known of the seed, so nothing is the same.
    check("a cross_sell b 90\n b brand x", "cross_sell: a brand=same", "", "filter:1");
    check("a cross_sell b 90\n b brand x", "cross_sell: a brand=different", "b", "");
}

#[test]
fn lists_of_a_filter_name_what_is_accepted() {
    let shop = "a cross_sell b 90, c 80, d 70\n b brand x\n c brand y\n b category P/Q\n\
                c category T\n c also P/Q U\n b tags new red\n c tags red\n d eco 3\n c eco 2";
    check(shop, "cross_sell: a brands=x,z", "b", "filter:2");
    check(shop, "cross_sell: a brands=nobody", "", "filter:3");
    check(shop, "cross_sell: a within=P", "b c", "filter:1");
    check(shop, "cross_sell: a within=U,Nowhere", "c", "filter:2");
    check(shop, "cross_sell: a within=Nowhere", "", "filter:3");
    check(shop, "cross_sell: a any=new,old", "b", "filter:2");
    check(shop, "cross_sell: a any=old", "", "filter:3");
    check(shop, "cross_sell: a none=new,old", "c d", "filter:1");
    check(shop, "cross_sell: a any=red none=new", "c", "filter:2");
    check(shop, "cross_sell: a eco=3", "d", "filter:2");
    check(shop, "cross_sell: a eco=2", "c d", "filter:1");
}

#[test]
fn what_can_be_bought_is_what_the_filter_accepts() {
    let shop = "a cross_sell b 90, c 80, d 70, e 60, f 50\n b state out_of_stock\n\
                c state low_stock\n d state backorder\n e state preorder";
    check(shop, "cross_sell: a", "c f", "unavailable:3");
    check(shop, "cross_sell: a accept=backorder,preorder", "d e", "unavailable:3");
    check(shop, "cross_sell: a accept=out_of_stock,discontinued", "b", "unavailable:4");
    check(&format!("{shop}\n $ b in_stock"), "cross_sell: a", "b c f", "unavailable:2");
    // An inventory's own reading comes before that of every one.
    let shop = format!("{shop}\n $ f out_of_stock\n $ f in_stock @store");
    check(&shop, "cross_sell: a", "c", "unavailable:4");
    check(&shop, "cross_sell: a from=store", "c f", "unavailable:3");
}

/// One candidate with every reason there is; taken away one by one from the front.
#[test]
fn the_first_reason_counts() {
    let lines = [
        ("$ x blocked", "blocked"),
        ("x hidden", "hidden"),
        ("! hide a * x", "overridden"),
        ("x < a", "group"),
    ];
    let words = [
        ("-x", "excluded"),
        ("in=us", "market"),
        ("t=9", "validity"),
        ("at=checkout", "stage"),
        ("any=none", "filter"),
        ("from=store", "unavailable"),
        ("min=1", "score"),
    ];
    let rest = "a cross_sell x 90 given until=9 at=discovery\n x sold eu\n $ x backorder @store\n\
                ? hide products=x\n";
    for skip in 0..lines.len() + words.len() {
        let kept = lines.iter().skip(skip).map(|(line, _)| *line).collect::<Vec<_>>();
        let shop = format!("{rest}{}", kept.join("\n"));
        let kept = words.iter().skip(skip.saturating_sub(lines.len()));
        let asked = kept.map(|(word, _)| *word).collect::<Vec<_>>();
        let expected = lines.iter().chain(&words).nth(skip).unwrap().1;
        check(&shop, &format!("cross_sell: a {}", asked.join(" ")), "", &format!("{expected}:1"));
    }
    check(rest, "cross_sell: a", "", "rule:1");
}
