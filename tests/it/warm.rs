//! How `serve` brings catalogs into memory and keeps them there: its flags, and what the system says
//! of the process.

use std::fs;

use crate::{
    command::kindred,
    server::{Server, eventually, serve},
    shop::Shop,
};

impl Server {
    /// The niceness of its threads of this name.
    fn niceness(&self, name: &str) -> Vec<i32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        // A thread may end while it is looked at.
        let stats =
            tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let niceness = |stat: String| {
            let (begin, fields) = stat.rsplit_once(") ").unwrap();
            let is_named = begin.ends_with(&format!("({name}"));
            is_named.then(|| fields.split(' ').nth(16).unwrap().parse().unwrap())
        };
        stats.filter_map(niceness).collect()
    }

    /// Bytes that it has locked.
    fn locked_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        locked.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// A shop whose next compile makes another catalog.
fn grow(shop: &Shop, count: usize) {
    let ids = (0..count).map(|number| format!("p{number}\n")).collect::<String>();
    shop.write("products.csv", format!("id\n{ids}"));
}

#[test]
fn a_swap_at_a_low_rate_goes_live_whole() {
    let shop = Shop::new();
    grow(&shop, 3);
    shop.published();
    let mut server = Server::listening(serve(&shop, "state").args(["--load-rate", "64KiB/s"]));
    let before = server.mapped_blobs();
    grow(&shop, 4);
    let id = shop.published();
    let live = server.log.until("Snapshot is live.");
    assert!(live.contains(&id), "{live}");
    eventually(|| server.mapped_blobs(), |now| now.len() == before.len() && *now != before);
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn the_live_catalog_is_touched_by_a_thread_that_gives_way_unless_told_otherwise() {
    let shop = Shop::new();
    grow(&shop, 3);
    shop.published();
    let server = Server::start(&shop);
    eventually(|| server.niceness("kindred-touch"), |found| *found == [19]);
    assert_eq!(server.niceness("kindred-watch"), [0]);
    assert_eq!(server.ended(), Some(0));
    let server = Server::listening(serve(&shop, "state").args(["--touch-interval", "0"]));
    assert_eq!(server.niceness("kindred-watch"), [0]);
    assert_eq!(server.niceness("kindred-touch"), Vec::<i32>::new());
}

#[test]
fn a_catalog_is_locked_where_the_system_lets_it_and_served_where_not() {
    let shop = Shop::new();
    grow(&shop, 3);
    shop.published();
    let catalog_kib = fs::metadata(shop.catalog_file()).unwrap().len().div_ceil(4_096) * 4;
    let mut server = Server::listening(serve(&shop, "state").arg("--mlock"));
    let refusal = "The catalog is not locked in memory";
    let is_refused = server.log.read.iter().any(|line| line.contains(refusal));
    assert_eq!(server.locked_kib(), if is_refused { 0 } else { catalog_kib });
    let mapped = server.mapped_blobs().len();
    // A lock may be refused, so touching goes on.
    assert_eq!(server.niceness("kindred-touch"), [19]);
    grow(&shop, 4);
    shop.published();
    server.log.until("Snapshot is live.");
    // The lock of the one before ends with its mapping.
    eventually(|| server.mapped_blobs().len(), |count| *count == mapped);
    eventually(|| server.locked_kib(), |now| *now <= catalog_kib + 4);
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_rate_that_is_none_is_refused_with_an_example() {
    let shop = Shop::new();
    let store = shop.store_dir();
    let args = ["serve", "--store", store.to_str().unwrap(), "--state", "x", "--load-rate", "fast"];
    kindred(args).ended(2).complained(&["expected a rate such as 200MiB/s, found `fast`"]);
}
