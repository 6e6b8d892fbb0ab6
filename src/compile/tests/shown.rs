//! Guards over what a shop shows beside its links: what bundles hold, and which products are visible.

use super::{
    guards::{NOW_S, found, ids, side},
    *,
};
use crate::{
    compile::breaches,
    model::{
        guard::{Guard, GuardLimits},
        record::{BundleRecord, Visibility},
    },
};

/// A selection of a bundle.
#[derive(Clone, Copy)]
struct Part {
    product: usize,
    quantity: f64,
}

/// Parts one by one, `p090` and what follows, once each.
fn parts(count: usize) -> Vec<Part> {
    (90..90 + count).map(|product| Part { product, quantity: 1.0 }).collect()
}

/// The first products are bundles of these parts, of an option each; of `Toys`, but every tenth of
/// `Garden`.
fn bundles(count: usize, parts: impl Fn(usize) -> Vec<Part>) -> Compiled {
    let ids = ids(100);
    let category = |number: usize| if number.is_multiple_of(10) { "Garden" } else { "Toys/Cars" };
    let products = ids.iter().zip(0..).map(|(id, number)| {
        let categories = vec![category(number)];
        Record::Product(ProductRecord { id, categories, ..ProductRecord::default() })
    });
    let mut records = products.collect::<Vec<_>>();
    let names = (0..10).map(|place| format!("option {place}")).collect::<Vec<_>>();
    for (number, bundle) in ids.iter().take(count).enumerate() {
        records.extend(parts(number).iter().zip(&names).zip(0..).map(|((part, option), place)| {
            Record::Bundle(BundleRecord {
                bundle,
                option,
                option_position: place,
                required: true,
                min_selections: 1,
                max_selections: 1,
                product: &ids[part.product],
                selection_position: 0,
                quantity: part.quantity,
                is_default: true,
            })
        }));
    }
    compiled(&records)
}

#[track_caller]
fn check_bundles(before: &Compiled, after: &Compiled, shrink: &[&str], churn: &[&str]) {
    assert_eq!(found(before, after, Guard::Shrink), shrink);
    let found = found(before, after, Guard::Churn).into_iter();
    // Both markets lose what the sum loses.
    let sums = found.filter(|text| !text.contains(" in market "));
    assert_eq!(sums.collect::<Vec<_>>(), churn);
}

const SELECTIONS: &str = "selections of bundles";
const SAME: &str = "bundles with the same first 5 selections";

/// Thirty bundles of five parts each had one left, a hundred times of it: all were still bundles.
#[test]
fn bundles_that_are_bundles_still_may_not_lose_what_they_hold() {
    let before = bundles(30, |_| parts(5));
    let gutted = bundles(30, |_| vec![Part { product: 90, quantity: 100.0 }]);
    let shrink = ["from 150 to 30", "in category Toys from 135 to 27"];
    let shrink = shrink.map(|text| format!("{SELECTIONS} {text}"));
    let churn =
        ["from 30 to 0", "in category Toys from 27 to 0"].map(|text| format!("{SAME} {text}"));
    let texts = [shrink, churn];
    let [shrink, churn] = texts.each_ref().map(|texts| texts.each_ref().map(String::as_str));
    check_bundles(&before, &gutted, &shrink, &churn);
}

#[test]
fn a_fifth_of_the_selections_may_go() {
    let of = |first: usize| bundles(30, move |number| parts(if number < first { 4 } else { 5 }));
    let before = bundles(30, |_| parts(5));
    check_bundles(&before, &of(0), &[], &[]);
    // 30 of 150 would be a fifth, 15 change half of the bundles.
    check_bundles(&before, &of(15), &[], &[]);
    check_bundles(&before, &of(16), &[], &[&format!("{SAME} from 30 to 14")]);
    let lost = |more: usize| {
        bundles(30, move |number| {
            parts(if number < 10 { 2 } else { 5 } - usize::from(number == more))
        })
    };
    check_bundles(&before, &lost(99), &[], &[]);
    check_bundles(&before, &lost(29), &[&format!("{SELECTIONS} from 150 to 119")], &[]);
}

#[test]
fn selections_of_one_category_are_judged_by_themselves() {
    let before = bundles(100, |number| if number < 60 { parts(5) } else { Vec::new() });
    // Six bundles of `Garden` hold thirty parts of three hundred.
    let left = |count: usize| {
        bundles(60, move |number| parts(if number.is_multiple_of(10) { count } else { 5 }))
    };
    check_bundles(&before, &left(4), &[], &[]);
    check_bundles(
        &before,
        &left(3),
        &[&format!("{SELECTIONS} in category Garden from 30 to 18")],
        &[],
    );
}

#[test]
fn quantities_and_other_parts_change_a_bundle_and_further_parts_do_not() {
    let with = |change: fn(&mut Vec<Part>)| {
        bundles(20, move |_| {
            let mut parts = parts(5);
            change(&mut parts);
            parts
        })
    };
    let before = with(|_| {});
    let changed = format!("{SAME} from 20 to 0");
    check_bundles(&before, &with(|parts| parts[4].quantity = 2.0), &[], &[&changed]);
    check_bundles(&before, &with(|parts| parts[4].product = 99), &[], &[&changed]);
    check_bundles(&before, &with(|parts| parts.swap(0, 4)), &[], &[&changed]);
    check_bundles(
        &before,
        &with(|parts| parts.push(Part { product: 99, quantity: 1.0 })),
        &[],
        &[],
    );
    // Bundles that are new or gone have not changed.
    check_bundles(&before, &bundles(40, |_| parts(5)), &[], &[]);
    check_bundles(&bundles(24, |_| parts(5)), &before, &[], &[]);
    // Of few bundles one is much.
    check_bundles(&bundles(19, |_| parts(5)), &bundles(19, |_| parts(4)), &[], &[]);
}

/// Products of two categories, of which these are hidden.
fn hidden(is_hidden: impl Fn(usize) -> bool) -> Compiled {
    let ids = ids(100);
    let products = ids.iter().zip(0..).map(|(id, number)| {
        let visibility = if is_hidden(number) { Visibility::Hidden } else { Visibility::Visible };
        let categories = vec![if number < 70 { "Toys" } else { "Garden" }];
        Record::Product(ProductRecord { id, visibility, categories, ..ProductRecord::default() })
    });
    compiled(&products.collect::<Vec<_>>())
}

/// A wrong export hid ninety products of a hundred: all were products still.
#[test]
fn products_that_become_hidden_are_guarded() {
    let (all, none) = (hidden(|_| false), |count: usize| hidden(move |number| number < count));
    let check = |before: &Compiled, after: &Compiled, expected: &[&str]| {
        let found = found(before, after, Guard::Products).into_iter();
        let sums = found.filter(|text| !text.contains(" in market "));
        assert_eq!(sums.collect::<Vec<_>>(), expected);
    };
    check(&all, &none(20), &[]);
    check(&all, &none(21), &["visible products from 100 to 79"]);
    check(
        &all,
        &none(90),
        &[
            "visible products from 100 to 10",
            "visible products in category Toys from 70 to 0",
            "visible products in category Garden from 30 to 10",
        ],
    );
    // One category by itself, within what the sum may lose.
    let garden = hidden(|number| number >= 90);
    check(&all, &garden, &["visible products in category Garden from 30 to 20"]);
    // What was hidden is no loss, and what is shown is none.
    check(&none(90), &none(90), &[]);
    check(&none(90), &all, &[]);
    assert_eq!(breaches(side(&all), side(&all), &GuardLimits::DEFAULT, NOW_S), []);
}
