//! Goal: stock and orders are what a shop of the tables beside them would hear and sell, and asking
//! for them changes no table. Method: as for the tables.

use std::collections::{BTreeMap, BTreeSet};

use super::{FILES, Spec, files, rows, spec};

fn trading(products: u32) -> Spec {
    Spec { stock_updates: 1_500, orders: 2_000, ..spec(products, 2) }
}

#[test]
fn stock_and_orders_stand_beside_tables_that_do_not_change() {
    let (bare, bare_files) = files(&spec(300, 2));
    let (summary, files) = files(&trading(300));
    assert_eq!(files.len(), FILES.len() + 2);
    for name in FILES {
        assert!(bare_files[name] == files[name], "{name}");
    }
    assert_eq!(summary.stock_updates, 1_500);
    assert_eq!(summary.order_lines, rows(&files, "orders.csv").len() as u64);
    let more = [&files["stock.csv"], &files["orders.csv"]].map(|text| text.len() as u64);
    assert_eq!(summary.size_bytes, bare.size_bytes + more.iter().sum::<u64>());
    assert_eq!((bare.stock_updates, bare.order_lines), (0, 0));
}

#[test]
fn the_same_seed_trades_the_same_and_another_one_differs() {
    let first = files(&trading(200)).1;
    assert!(first == files(&trading(200)).1);
    let other = files(&Spec { seed: 2, ..trading(200) }).1;
    for name in ["stock.csv", "orders.csv"] {
        assert!(first[name] != other[name], "{name}");
    }
    // Records, not expectations: they move only when the generator does.
    let hash = |name: &str| xxhash_rust::xxh3::xxh3_64(first[name].as_bytes());
    assert_eq!(
        [hash("stock.csv"), hash("orders.csv")],
        [8_914_732_568_935_417_169, 15_011_687_634_977_771_985]
    );
}

#[test]
fn a_longer_feed_begins_as_a_shorter_one() {
    let short = files(&trading(200)).1;
    let long = files(&Spec { stock_updates: 1_501, ..trading(200) }).1;
    assert!(long["stock.csv"].starts_with(&short["stock.csv"]));
    assert_eq!(rows(&long, "stock.csv").len(), 1_501);
}

#[test]
fn readings_go_over_all_products_in_turn_and_say_what_their_state_says() {
    let files = files(&Spec { id_bytes: 36, ..trading(500) }).1;
    let products = rows(&files, "products.csv");
    let ids = products.iter().map(|row| row["id"]).collect::<BTreeSet<_>>();
    let stock = rows(&files, "stock.csv");
    for round in stock.chunks(500) {
        let read = round.iter().map(|row| row["product_id"]).collect::<BTreeSet<_>>();
        assert_eq!(read, ids, "each product once a round");
    }
    let in_file_order = products.iter().map(|row| row["id"]);
    assert!(!stock.iter().map(|row| row["product_id"]).take(50).eq(in_file_order.take(50)));
    let mut states = BTreeMap::<&str, usize>::new();
    for row in &stock {
        *states.entry(row["availability"]).or_default() += 1;
        let quantity = row["available_quantity"].parse::<u32>().ok();
        let is_fitting = match row["availability"] {
            "in_stock" => quantity.is_some_and(|count| count > 5),
            "low_stock" => quantity.is_some_and(|count| (1..=5).contains(&count)),
            "out_of_stock" | "discontinued" => quantity == Some(0),
            _ => quantity.is_none(),
        };
        assert!(is_fitting, "{row:?}");
    }
    assert_eq!(states.len(), 6, "{states:?}");
    assert!((85..95).contains(&(states["in_stock"] * 100 / stock.len())));
    let times = stock.iter().map(|row| row["event_time"]).collect::<Vec<_>>();
    assert!(times.is_sorted() && times[0] == "2026-01-05T07:00:00Z", "{}", times[0]);
    assert_eq!(times[1_499], "2026-01-05T07:00:01Z");
    // Later than what the tables say, so that it counts.
    assert!(products.iter().all(|row| row["read_at"] < times[0]));
}

#[test]
fn orders_are_baskets_of_what_is_sold_by_rising_time() {
    let (_, files) = files(&Spec { orders: 20_000, ..spec(2_000, 0) });
    let products = rows(&files, "products.csv");
    let product = products.iter().map(|row| (row["id"], row)).collect::<BTreeMap<_, _>>();
    let mut baskets = Vec::<Vec<&str>>::new();
    let mut before = ("", "");
    for row in rows(&files, "orders.csv") {
        let now = (row["order_id"], row["time"]);
        if now.0 != before.0 {
            assert!(now > before && now.1 >= before.1, "{now:?} behind {before:?}");
            baskets.push(Vec::new());
            before = now;
        }
        assert_eq!(now, before, "an order has one time");
        assert_eq!(product[row["product_id"]]["visibility"], "visible");
        assert!((1..=4).contains(&row["quantity"].parse::<u32>().unwrap()));
        baskets.last_mut().unwrap().push(row["product_id"]);
    }
    assert_eq!(baskets.len(), 20_000);
    assert!(("2026-01-04".."2026-01-05T06").contains(&before.1), "the last at {}", before.1);
    for basket in &baskets {
        assert!((1..=8).contains(&basket.len()));
        assert_eq!(basket.iter().collect::<BTreeSet<_>>().len(), basket.len(), "{basket:?}");
    }
    let single = baskets.iter().filter(|basket| basket.len() == 1).count();
    assert!((25..50).contains(&(single * 100 / baskets.len())), "{single} of one product");
    // What is bought together is worth mining: some pairs come far more often than chance.
    let mut pairs = BTreeMap::<(&str, &str), usize>::new();
    let mut alone = BTreeMap::<&str, usize>::new();
    for basket in &baskets {
        for one in basket {
            *alone.entry(*one).or_default() += 1;
        }
        for other in &basket[1..] {
            *pairs.entry((basket[0], *other)).or_default() += 1;
        }
    }
    let lift = |((one, other), count): (&(&str, &str), &usize)| {
        count * baskets.len() / (alone[*one] * alone[*other])
    };
    let lifted = pairs.iter().filter(|(_, count)| **count >= 20).filter(|pair| lift(*pair) >= 5);
    assert!(lifted.count() > 20);
}

#[test]
fn a_shop_of_one_product_trades_in_it() {
    for products in 1..12 {
        let (summary, files) = files(&Spec { relations_per_product: 0, ..trading(products) });
        assert_eq!(summary.stock_updates, 1_500);
        let sold = rows(&files, "orders.csv");
        assert!(sold.len() >= 2_000);
        let known = rows(&files, "products.csv");
        let known = known.iter().map(|row| row["id"]).collect::<BTreeSet<_>>();
        assert!(sold.iter().all(|row| known.contains(row["product_id"])));
    }
}
