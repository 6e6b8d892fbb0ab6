//! How many threads and how much memory a compile takes changes nothing of what it makes or says.

use std::fs;

use serde_json::Value;

use crate::{command::kindred, shop::Shop};

/// Tables of so many relations that little memory sorts them in several chunks, and what is wrong in
/// them is found while reading, while sorting and while merging.
fn tables(shop: &Shop) {
    let dir = shop.path("tables");
    let dir = dir.to_str().unwrap();
    fs::remove_dir(dir).unwrap();
    let sizes = ["--products", "3000", "--relations", "30"];
    kindred(["generate", "--out", dir].iter().chain(&sizes)).succeeded();
    let path = shop.table("relations.csv");
    let mut table = fs::read_to_string(&path).unwrap();
    let row = table.lines().nth(1).unwrap().to_owned();
    let source = row.split(',').next().unwrap().to_owned();
    for line in 0..300 {
        // A second statement, a cell that is no number, a target that is no product, a product
        // itself, an unknown type.
        let position = row.replace(",1,", ",x,");
        table.push_str(&format!("{row}\n{position}\n{source},related,none-{line}\n"));
        table.push_str(&format!("{source},related,{source}{}\n", ",".repeat(10)));
        table.push_str(&format!("{source},no such type,{source}{}\n", ",".repeat(10)));
        table.push_str(&format!("{source},related,none-{line}{}\n", ",".repeat(10)));
    }
    shop.write("relations.csv", table);
}

/// What was published and reported, but for times and memory.
fn made(shop: &Shop, options: &[&str]) -> (Vec<String>, Value, String) {
    let report = shop.path("report.json");
    let store = shop.store_dir();
    if store.exists() {
        fs::remove_dir_all(&store).unwrap();
    }
    let options = [options, &["--report", report.to_str().unwrap()]].concat();
    let run = shop.compile(&options).succeeded();
    let mut report = shop.report();
    for key in ["seconds", "steps", "peak_memory_bytes"] {
        report.as_object_mut().unwrap().remove(key).unwrap();
    }
    let blobs = fs::read_dir(store.join("blobs")).unwrap();
    let mut blobs =
        blobs.map(|blob| blob.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    blobs.sort();
    let said = run.out.lines().filter(|line| !line.contains("peak memory"));
    (blobs, report, said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn one_thread_makes_and_says_what_two_make_and_say() {
    let shop = Shop::new();
    tables(&shop);
    let expected = made(&shop, &["--threads", "1"]);
    // The catalog, where its relations were read, what was refused, and the policy of the tables.
    assert_eq!(expected.0.len(), 4, "{:?}", expected.0);
    assert!(expected.2.contains("dangling_target"), "{}", expected.2);
    for options in [
        &["--threads", "2"][..],
        &["--threads", "2", "--memory", "16MiB"],
        &["--threads", "1", "--memory", "16777216"],
        &["--memory", "1GiB"],
    ] {
        assert!(made(&shop, options) == expected, "{options:?}");
    }
    let cache = shop.path("cache");
    let cache = ["--cache", cache.to_str().unwrap()];
    let with_cache = |threads| made(&shop, &[&cache[..], &["--threads", threads]].concat());
    assert!(with_cache("1").0 == expected.0, "read through a cache by one thread");
    assert!(with_cache("2").0 == expected.0, "read from it by two");
}

#[test]
fn memory_that_is_no_size_is_refused() {
    let shop = Shop::new();
    let refused = |size| shop.compile(&["--memory", size]).ended(2).err;
    assert!(refused("4GB").contains("found \"4GB\""));
    assert!(refused("1MiB").contains("at least 16 MiB"));
}
