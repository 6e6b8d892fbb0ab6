//! `compile --watch` publishes what changes, and outlives what goes wrong.

use kindred::sources::cache::Cache;

use crate::{
    command::{kindred, program},
    server::Server,
    shop::{Shop, replace},
};

const PRODUCTS: &str = "id\na\nb\nc\n";
const RELATIONS: &str = "source,type,target\na,related,b\n";

#[test]
fn a_watch_publishes_each_change_and_outlives_what_is_refused() {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    let mut command = program();
    command.args(["compile", "--watch", "--from"]);
    command.arg(format!("kindred={}", shop.path("tables").display()));
    command.arg("--store").arg(shop.store_dir()).arg("--cache").arg(shop.path("cache"));
    let mut watch = Server::spawn(&mut command);
    watch.out.until("published snapshot ");
    watch.log.until("Watching for changes.");

    shop.write("relations.csv", format!("{RELATIONS}b,related,c\n"));
    watch.out.until("source kindred: read");
    watch.out.until("published snapshot ");

    // Refused by a guard, then no table at all: both are said, and the watch goes on.
    shop.write("relations.csv", RELATIONS);
    watch.log.until("differs too much from the one before");
    replace(&shop.table("products.csv"), "");
    watch.log.until("an empty file");
    assert_eq!(shop.manifests(), 2);

    // A file that is moved into place, and one beside the tables.
    shop.write("relations.csv", format!("{RELATIONS}b,related,c\n"));
    replace(&shop.table("products.csv"), format!("{PRODUCTS}d\n"));
    watch.out.until("published snapshot ");
    shop.write("catalog.toml", "tags = [\"new\"]\n");
    watch.out.until("source kindred: ");
    watch.out.until("published");

    // A hold, and its end, are changes, too.
    let cache = shop.path("cache");
    let cache = ["--cache", cache.to_str().unwrap()];
    shop.kindred(&[&["source", "hold", "kindred"][..], &cache].concat()).succeeded();
    watch.out.until("source kindred: held");
    kindred(["source", "release", "kindred"].iter().chain(&cache)).succeeded();
    watch.out.until("source kindred: unchanged");
    watch.out.until("nothing changed");
    assert_eq!(shop.snapshot().catalog().view().product_count(), 4);
}

/// Our own reading and writing is no change: after a run the watch is silent.
#[test]
fn a_watch_does_not_wake_itself() {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    let mut command = program();
    command.args(["compile", "--watch", "--from"]);
    command.arg(format!("kindred={}", shop.path("tables").display()));
    // Store and cache lie in the directory that is watched.
    command.arg("--store").arg(shop.table("store")).arg("--cache").arg(shop.path("cache"));
    let mut watch = Server::spawn(&mut command);
    watch.out.until("published snapshot ");
    watch.log.until("Watching for changes.");
    let more = watch.log.until_quiet(std::time::Duration::from_secs(2));
    assert!(
        more.len() < 100 && !more.iter().any(|line| line.contains("have changed")),
        "{more:#?}"
    );
}

/// What failed may pass by itself: nothing changes, and the watch tries again.
#[test]
fn a_watch_tries_again_what_may_pass() {
    let shop = Shop::with(&[("products.csv", PRODUCTS), ("relations.csv", RELATIONS)]);
    let cache = Cache::open(&shop.path("cache")).unwrap();
    let lock = cache.lock().unwrap();
    let mut command = program();
    command.args(["compile", "--watch", "--from"]);
    command.arg(format!("kindred={}", shop.path("tables").display()));
    command.arg("--store").arg(shop.store_dir()).arg("--cache").arg(shop.path("cache"));
    let mut watch = Server::spawn(&mut command);
    watch.log.until("found one that is in use");
    watch.log.until("Trying again what failed.");
    watch.log.until("found one that is in use");
    drop(lock);
    watch.out.until("published snapshot ");
}

#[test]
fn a_watch_sees_the_mapping_beside_a_single_file() {
    let shop = Shop::with(&[("items.csv", "sku,name,also\na,A,b\nb,B,\n")]);
    let mapping = |name: &str| {
        let table = "[[tables]]\nfile = \"items.csv\"\n[tables.product]\nid = \"sku\"\n";
        format!("{table}title = \"{name}\"\n")
    };
    shop.write("mapping.toml", mapping("name"));
    let mut command = program();
    command.args(["compile", "--watch", "--from"]);
    command.arg(format!("mapping={}", shop.table("items.csv").display()));
    command.arg("--store").arg(shop.store_dir());
    let mut watch = Server::spawn(&mut command);
    watch.out.until("published snapshot ");
    watch.log.until("Watching for changes.");
    replace(&shop.table("mapping.toml"), mapping("also"));
    watch.out.until("published snapshot ");
}
