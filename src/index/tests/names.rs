//! Ids of markets, brands and categories lead to their places, and best sellers to their lists.

use super::testkit::{self, Product, TOYS, model};
use crate::{
    index::{Catalog, Ordinal, View},
    model::limits::POPULAR_MAX,
};

fn toys() -> Catalog {
    testkit::catalog(&model(TOYS).catalog()).expect("it opens")
}

fn of(view: &View<'_>, id: &str) -> Ordinal {
    view.find(id).expect("the toys have it")
}

#[test]
fn declarations_are_found_by_their_ids() {
    let catalog = toys();
    let view = catalog.view();
    assert_eq!(
        ["de", "ch", "at", "DE", ""].map(|id| view.market(id)),
        [Some(0), Some(1), None, None, None]
    );
    assert_eq!(["main", "alps", "Main"].map(|id| view.inventory(id)), [Some(0), Some(1), None]);
    assert_eq!(["wood", "new", "woo"].map(|id| view.tag(id)), [Some(0), Some(1), None]);
    assert_eq!(["Acme", "Zeta"].map(|id| view.brand(id)), [Some(0), Some(1)]);
    for name in ["", "Acm", "Acmea", "Me", "acme", "Zz"] {
        assert_eq!(view.brand(name), None, "{name}");
    }
}

#[test]
fn categories_are_found_by_their_paths() {
    // As bytes `a-b` stands between `a` and `a/b`; as a tree it stands behind all of `a`.
    let text = "inventory main\nmarket de EUR main\ncategory a\ncategory a/b\ncategory a/b/c\n\
                category a/d\ncategory a-b\ncategory b\n";
    let catalog = testkit::catalog(&model(text).catalog()).expect("it opens");
    let view = catalog.view();
    for (at, category) in (0..).zip(view.meta().categories.iter()) {
        assert_eq!(view.category(&category.id), Some(at), "{}", category.id);
    }
    for id in ["", "/", "a/", "/a", "A", "a/b/", "a/b/c/d", "a/c", "b/a", "a-", "c"] {
        assert_eq!(view.category(id), None, "{id}");
    }
}

#[test]
fn the_category_tree_says_what_is_below_and_above() {
    let catalog = toys();
    let view = catalog.view();
    let at = |id: &str| view.category(id).expect("the toys have it");
    let (power, all, cars, trains) = (at("Power"), at("Toys"), at("Toys/Cars"), at("Toys/Trains"));
    let racing = at("Toys/Cars/Racing-cars-with-a-rather-long-name");
    for (ancestor, category, expected) in [
        (all, all, true),
        (all, racing, true),
        (cars, racing, true),
        (cars, trains, false),
        (racing, cars, false),
        (power, all, false),
        (all, power, false),
        (all, 5, false),
        (5, 5, false),
        (u32::MAX, u32::MAX, false),
        (u32::MAX, 0, false),
        (0, u32::MAX, false),
    ] {
        assert_eq!(view.category_contains(ancestor, category), expected, "{ancestor} {category}");
    }
    let levels =
        |category| [0, 1, 2, 3, 4, u32::MAX].map(|at| view.category_at_level(category, at));
    assert_eq!(levels(racing), [racing, all, cars, racing, racing, racing]);
    assert_eq!(levels(trains), [trains, all, trains, trains, trains, trains]);
    assert_eq!(levels(power), [power; 6]);
    for unknown in [5, u32::MAX] {
        assert_eq!(levels(unknown), [unknown; 6]);
    }
}

#[test]
fn a_product_is_within_the_categories_it_names_and_those_above() {
    let catalog = toys();
    let view = catalog.view();
    let within = |id: &str| {
        let product = of(&view, id);
        (0..6).filter(|category| view.is_within(product, *category)).collect::<Vec<_>>()
    };
    assert_eq!(within("toy-car"), [0, 1, 2], "Toys/Cars, and Power besides");
    assert_eq!(within("charger"), [0, 1, 4], "Power, and Toys/Trains besides");
    assert_eq!(within("battery-aa"), [0]);
    assert_eq!(within("set"), [0_u32; 0]);
    let extra = |id: &str| view.extra_categories(of(&view, id)).collect::<Vec<_>>();
    assert_eq!((extra("toy-car"), extra("set")), (vec![0, 1], vec![]));
    assert_eq!(view.extra_categories(Ordinal(u32::MAX)).count(), 0);
    assert!(!view.is_within(Ordinal(u32::MAX), 0));
}

#[test]
fn prices_are_those_of_the_market() {
    let catalog = toys();
    let view = catalog.view();
    let price = |id: &str, market| view.market_price(of(&view, id), market);
    assert_eq!(price("toy-car", 0), Some((1999, 1_700_000_000)), "the default one: as it is");
    assert_eq!(price("toy-car", 1), Some((2299, 1_700_000_001)));
    assert_eq!(price("charger", 1), Some((3299, 0)));
    assert_eq!((price("battery-aa", 0), price("battery-aa", 1)), (Some((499, 0)), None));
    assert_eq!(price("shop-window-display-of-toys", 0), None);
    assert_eq!((price("toy-car", 2), price("toy-car", u32::MAX)), (None, None));
    assert_eq!(view.market_price(Ordinal(u32::MAX), 0), None);
    assert_eq!(view.market_price(Ordinal(u32::MAX), 1), None);
}

#[track_caller]
fn check_popular(view: &View<'_>, category: Option<&str>, expected: &[&str]) {
    let category = category.map(|id| view.category(id).expect("the catalog has it"));
    let found = view.popular(category).iter().map(|ordinal| view.id(Ordinal(ordinal.get())));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{category:?}");
}

#[test]
fn best_sellers_are_listed_by_popularity_then_id() {
    let catalog = toys();
    let view = catalog.view();
    // The battery and the car sell as well as each other; the display is hidden; the blue car was
    // never sold and is in no category.
    check_popular(&view, None, &["charger", "battery-aa", "TOY-car", "toy-car-blue"]);
    check_popular(&view, Some("Power"), &["charger", "battery-aa", "TOY-car"]);
    // Of the car both Toys/Cars and Toys lead here: it stands once.
    check_popular(&view, Some("Toys"), &["charger", "TOY-car"]);
    check_popular(&view, Some("Toys/Cars"), &["TOY-car"]);
    check_popular(&view, Some("Toys/Cars/Racing-cars-with-a-rather-long-name"), &[]);
    check_popular(&view, Some("Toys/Trains"), &["charger"]);
    assert!(view.popular(Some(5)).is_empty() && view.popular(Some(u32::MAX)).is_empty());
}

#[test]
fn a_list_of_best_sellers_ends_at_its_limit() {
    let of = |count: usize| {
        let mut shop = model("inventory main\nmarket de EUR main\ncategory a\ncategory b\n");
        for at in 0..count {
            let category = Some(u32::from(at == 0));
            let popularity = Some(at as f64);
            let id = format!("p{at:04}");
            shop.products.push(Product { id, category, popularity, ..Product::default() });
        }
        testkit::catalog(&shop.catalog()).expect("it opens")
    };
    for (count, listed) in [(999, 999), (1_000, 1_000), (1_001, POPULAR_MAX)] {
        let catalog = of(count);
        let view = catalog.view();
        assert_eq!(view.popular(None).len(), listed, "{count}");
        assert_eq!(view.popular(None)[0].get() as usize, count - 1, "the last one sells best");
        assert_eq!(view.popular(Some(0)).len(), count - 1);
        // What the list of all has no room for has its place in its category's.
        assert_eq!(view.popular(Some(1))[0].get(), 0);
    }
}

#[test]
fn a_longer_list_of_best_sellers_is_refused() {
    use crate::index::layout::Section;
    use zerocopy::{
        IntoBytes as _,
        little_endian::{U32, U64},
    };
    let mut shop = model("inventory main\nmarket de EUR main\n");
    for at in 0..=POPULAR_MAX {
        shop.products.push(Product { id: format!("p{at:04}"), ..Product::default() });
    }
    let bytes = shop.catalog();
    let forged = |count: u32| {
        let mut parts = testkit::Parts::of(&bytes);
        let list: Vec<_> = (0..count).map(U32::new).collect();
        *parts.section(Section::Popular) = list.as_bytes().to_vec();
        parts.records::<U64>(Section::PopularEnds)[0].set(u64::from(count));
        testkit::catalog(&parts.bytes())
    };
    assert!(forged(1_000).is_ok());
    let error = forged(1_001).expect_err("it is refused");
    assert!(error.to_string().contains("popular: a list of 1001 products"), "{error}");
}
