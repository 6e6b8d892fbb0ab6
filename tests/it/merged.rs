//! Two systems that know one product: a PIM knows what it is, a shop what it costs and whether it can
//! be bought. Each by an id of its own that an alias joins, or both by one.

use std::fs;

use crate::shop::{Shop, write};

/// The PIM's tables, with the larger priority, and the shop's, whose ids are these.
fn two_systems([camera, bag]: [&str; 2], availability: &str) -> Shop {
    let shop = Shop::new();
    let table = |source: &str, name: &str, text: String| {
        fs::create_dir_all(shop.path(source)).unwrap();
        write(&shop.path(source).join(name), text);
    };
    table("pim", "products.csv", "id,title\n1234,Camera\n5678,Bag\n".to_owned());
    table("pim", "relations.csv", "source,type,target\n5678,related,1234\n".to_owned());
    let rows = format!("{camera},Z,99,{availability}\n{bag},Z,20,in_stock\n");
    table("web", "products.csv", format!("id,title,price,availability\n{rows}"));
    if camera != "1234" {
        let rows = format!("alias,product\n1234,{camera}\n5678,{bag}\n");
        table("web", "aliases.csv", rows);
    }
    write(&shop.path("settings.toml"), "[sources.pim]\npriority = 200\n");
    shop
}

/// The shop's row was dropped whole beside the PIM's: what was sold out was recommended. And each of
/// the products was an error, so that `--strict` never passed.
#[test]
fn what_one_system_calls_sold_out_no_other_one_sells() {
    for ids in [["camera", "bag"], ["1234", "5678"]] {
        for (availability, is_found) in [("in_stock", true), ("out_of_stock", false)] {
            let shop = two_systems(ids, availability);
            let from = ["pim", "web"];
            let from = from.map(|name| format!("{name}:kindred={}", shop.path(name).display()));
            let catalog = shop.path("settings.toml");
            let options = ["compile", "--strict", "--catalog", catalog.to_str().unwrap()];
            let from = ["--from", &from[0], "--from", &from[1]];
            let run = shop.kindred(&[&options[..], &from].concat()).succeeded();
            assert!(run.out.contains("info: merged_product: 2\n"), "{}", run.out);
            let look = ["lookup", "--seed", ids[1], "--type", "related"];
            let run = shop.kindred(&look).succeeded();
            assert_eq!(run.out.contains("1234"), is_found, "{}", run.out);
            let snapshot = shop.snapshot();
            let view = snapshot.catalog().view();
            assert_eq!(view.ordinals().count(), 2);
            let camera = view.find(ids[0]).unwrap();
            assert_eq!(view.title_bytes(camera), b"Camera");
            assert_eq!(view.market_price(camera, 0).map(|(price, _)| price), Some(9_900));
        }
    }
}
