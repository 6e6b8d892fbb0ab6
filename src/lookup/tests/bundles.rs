//! Bundles: which are found, what can be bought, counts, prices, substitutes.

use super::{
    shop::{Shop, ordinal},
    world::World,
};
use crate::{
    lookup::{BundleAnswer, Context, Interval, Unsellable, bundles},
    model::relation::Availability,
};

const CONTEXT: Context<'_> =
    Context { market: 0, inventory: 0, stage: None, visitor: "", at_s: 0, is_as_of: false };

/// A camera kit: a fixed body, a lens to choose, an optional bag.
const KIT: &str = "kit holds body 1 required default; lens-a 1 required, lens-b 1 default; bag 2\n\
                   kit price 900\n body price 500\n lens-a price 300\n lens-b price 250\n";

fn ask(shop: &str, product: &str, unsellable: Unsellable) -> (World, Vec<BundleAnswer>, Interval) {
    let world = World::of(&Shop::parse(shop), &[], &[]);
    let scene = world.scene();
    let product = ordinal(&scene.view, product);
    let (answers, interval) = bundles(&scene, &CONTEXT, product, 3, unsellable);
    (world, answers, interval)
}

#[track_caller]
fn check(shop: &str, sellable: bool, quantity: Option<u32>, components: Option<i64>) {
    let (_, answers, _) = ask(shop, "kit", Unsellable::Included);
    let [kit] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(kit.is_sellable, sellable);
    assert_eq!((kit.sellable_quantity, kit.components_price), (quantity, components));
}

#[test]
fn bundles_are_found_from_parts_their_variants_and_themselves() {
    let shop = format!("{KIT} red < body\n other holds bag 1 required");
    let found = |product: &str| {
        let (world, answers, _) = ask(&shop, product, Unsellable::LeftOut);
        let view = world.catalog.view();
        let ids = answers.iter().map(|one| view.id(one.product).to_owned());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("kit"), "kit");
    assert_eq!(found("body"), "kit");
    assert_eq!(found("red"), "kit");
    assert_eq!(found("bag"), "kit other");
}

#[test]
fn every_required_option_needs_a_selection_that_can_be_bought() {
    check(KIT, true, None, Some(750));
    // The other lens can be bought, though not by default.
    check(&format!("{KIT} $ lens-b out_of_stock"), true, Some(0), Some(750));
    check(&format!("{KIT} $ lens-a out_of_stock\n $ lens-b blocked"), false, Some(0), Some(750));
    check(&format!("{KIT} body sold us"), false, Some(0), Some(750));
    check(&format!("{KIT} $ bag out_of_stock"), true, None, Some(750));
    check(&format!("{KIT} $ kit out_of_stock"), false, Some(0), Some(750));
    check("kit holds bag 1\n $ bag out_of_stock", false, Some(0), None);
    let (_, answers, _) = ask(&format!("{KIT} body sold us"), "kit", Unsellable::LeftOut);
    assert!(answers.is_empty());
}

#[test]
fn stock_that_is_counted_bounds_the_number_of_bundles() {
    let counted = |body: &str| format!("{KIT} $ body x{body}\n $ lens-b x9.5");
    check(&counted("4"), true, Some(4), Some(750));
    check(&counted("40"), true, Some(9), Some(750));
    check(&counted("0.5"), false, Some(0), Some(750));
    check("kit holds b 1.5 required; b 1 required\n b price 3\n $ b x6", true, Some(2), Some(8));
    check(&format!("{KIT} $ lens-b blocked\n $ body x5\n $ lens-b x5"), true, Some(0), Some(750));
    // Each option alone could be filled, both together cannot.
    check("kit holds b 1 required; b 1 required\n b price 3\n $ b x1", false, Some(0), Some(6));
    check("kit holds b 1 required, c 1; b 1 required\n $ b x1", true, Some(0), None);
}

#[test]
fn bundles_that_may_not_be_seen_are_never_returned() {
    for line in ["kit hidden", "kit withdrawn", "kit sold us", "$ kit blocked"] {
        let (_, answers, _) = ask(&format!("{KIT} {line}"), "body", Unsellable::Included);
        assert!(answers.is_empty(), "{line}");
    }
    let (_, answers, interval) =
        ask(&format!("{KIT} $ kit blocked until=9"), "body", Unsellable::Included);
    assert_eq!((answers.len(), interval.until_s), (0, 9));
}

#[test]
fn an_alternative_stands_in_right_behind_what_is_missing() {
    let shop = format!(
        "{KIT} body alternative x 90, y 80, z 70\n x hidden\n $ y out_of_stock\n\
         $ body out_of_stock"
    );
    let (world, answers, _) = ask(&shop, "kit", Unsellable::Included);
    let view = world.catalog.view();
    let [body, other] = answers[0].options[0].selections.as_slice() else { panic!("{answers:?}") };
    assert_eq!(body.state, Some(Availability::OutOfStock));
    assert_eq!((view.id(other.product), other.substitute_for), ("z", Some(body.product)));
    assert!(other.can_be_bought && !answers[0].is_sellable);
    // As overrides have it, and in the quantity that is needed.
    let shop = format!("{shop}\n ! add body alternative bag @1\n");
    let (world, answers, _) = ask(&shop, "kit", Unsellable::Included);
    let other = answers[0].options[0].selections[1].product;
    assert_eq!(world.catalog.view().id(other), "bag");
    let (world, answers, _) = ask(&format!("{shop} $ bag x0.5"), "kit", Unsellable::Included);
    let other = answers[0].options[0].selections[1].product;
    assert_eq!(world.catalog.view().id(other), "z");
}
