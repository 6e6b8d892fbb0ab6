//! A store's life by the command line: history, rollback, hold, release, diff, and what a publish
//! may not do.

use kindred::{
    index::{BlobHash, Role, write_text},
    model::finding::FindingCode,
    store::{Error, Publish, Published, Rollback, Track},
};
use serde_json::{Value, json};

use crate::{
    calls::{CROSS_SELL, answer, asking, block_on, client, snapshot_id},
    command::kindred,
    server::Server,
    shop::{Shop, note, publish},
};

/// A shop where `seed` leads to these products in this order.
fn shop_with(targets: &[&str]) -> Shop {
    let shop = Shop::new();
    point_to(&shop, targets);
    shop
}

fn point_to(shop: &Shop, targets: &[&str]) {
    let products = targets.iter().map(|id| format!("{id}\n")).collect::<String>();
    let links =
        targets.iter().zip(1..).map(|(id, place)| format!("seed,cross_sell,{id},{place}\n"));
    shop.write("products.csv", format!("id\nseed\n{products}"));
    shop.write(
        "relations.csv",
        format!("source,type,target,position\n{}", links.collect::<String>()),
    );
}

/// The snapshot that a running server answers from.
fn served(server: &Server) -> String {
    let ask =
        async { answer(&mut client(server.address).await, asking(&[CROSS_SELL], &["seed"])).await };
    snapshot_id(block_on(ask).data_version)
}

/// `history`, oldest first: is it live, number, what was done, snapshot.
fn history(shop: &Shop) -> Vec<(bool, u64, String, String)> {
    let run = shop.kindred(&["history"]).succeeded();
    let rows = run.out.lines().skip(1).filter(|line| !line.starts_with("* is live"));
    let row = |line: &str| {
        let (live, rest) = match line.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let words = rest.split_whitespace().collect::<Vec<_>>();
        let (kind, id) = match words[1] {
            "back" => (words[1..4].join(" "), words[4]),
            kind => (kind.to_owned(), words[2]),
        };
        (live, words[0].parse().unwrap(), kind, id.to_owned())
    };
    let mut rows = rows.map(row).collect::<Vec<_>>();
    rows.reverse();
    rows
}

#[test]
fn a_rollback_brings_the_snapshot_before_back_and_history_tells_it() {
    let shop = shop_with(&["a"]);
    let first = shop.published();
    point_to(&shop, &["a", "b"]);
    let second = shop.published();
    assert_ne!(first, second);
    let mut server = Server::start(&shop);
    assert_eq!(served(&server), second);

    let run = shop.kindred(&["rollback", "--reason", "b is wrong", "--actor", "ann"]).succeeded();
    assert_eq!(run.out, format!("wrote manifest 3 (rollback); live is snapshot {first}\n"));
    assert!(server.log.until("Snapshot is live.").contains(&first));
    assert_eq!(served(&server), first);
    let expected = [
        (false, 1, "publish".to_owned(), first.clone()),
        (false, 2, "publish".to_owned(), second.clone()),
        (true, 3, "back to 1".to_owned(), first.clone()),
    ];
    assert_eq!(history(&shop), expected);
    let told = shop.kindred(&["history", "--max", "1"]).succeeded().out;
    assert!(told.contains("ann: b is wrong") && told.lines().count() == 3, "{told}");

    // Not further back than there is, not to where it is, not past what another one did.
    shop.kindred(&["rollback", "--to", "3"]).ended(1).complained(&["nothing", "differs"]);
    shop.kindred(&["rollback", "--to", "9"]).ended(1).complained(&["no manifest 9"]);
    shop.kindred(&["rollback", "--expect", &second]).ended(1).complained(&[&first, &second]);
    assert_eq!(shop.manifests(), 3);
    shop.kindred(&["rollback", "--to", "2", "--expect", &first]).succeeded();
    assert!(server.log.until("Snapshot is live.").contains(&second));
    assert_eq!(served(&server), second);
}

#[test]
fn while_a_hold_stands_publishes_are_stored_and_wait() {
    let shop = shop_with(&["a"]);
    let first = shop.published();
    let mut server = Server::start(&shop);
    shop.kindred(&["hold", "--reason", "sale week"]).succeeded();
    shop.kindred(&["hold"]).ended(1).complained(&["a hold stands already"]);
    point_to(&shop, &["b"]);
    let run = shop.compile(&["--allow", "all"]).succeeded();
    let stored = run.out.lines().last().unwrap();
    assert!(stored.contains("as manifest 3; a hold stands"), "{stored}");
    let second = stored.split(' ').nth(2).unwrap().to_owned();

    // A server that starts now takes what is held; the running one has looked by then, too.
    let late = Server::listening(&mut crate::server::serve(&shop, "late"));
    assert_eq!([served(&late), served(&server)], [first.clone(), first.clone()]);
    assert!(shop.kindred(&["history"]).succeeded().out.ends_with("* is live; a hold stands\n"));

    let run = shop.kindred(&["release"]).succeeded();
    assert_eq!(run.out, format!("wrote manifest 4 (release); live is snapshot {second}\n"));
    let live = server.log.until("Snapshot is live.");
    assert!(live.contains(&second) && live.contains("manifest.number=4"), "{live}");
    assert_eq!(served(&server), second);
    shop.kindred(&["release"]).ended(1).complained(&["no hold stands"]);
    let kinds = history(&shop).into_iter().map(|(live, _, kind, _)| (live, kind));
    let expected = [(false, "publish"), (false, "hold"), (false, "publish"), (true, "release")];
    assert_eq!(kinds.collect::<Vec<_>>(), expected.map(|(live, kind)| (live, kind.to_owned())));
}

#[test]
fn a_diff_counts_what_changes_for_shoppers() {
    // `other` keeps its list; `seed` loses c for e; `turned` has two of its three change places.
    let table = |seed: &[&str], turned: &[&str]| {
        let list = |source: &str, targets: &[&str]| {
            let rows = targets.iter().zip(1..);
            rows.map(|(id, place)| format!("{source},cross_sell,{id},{place}\n"))
                .collect::<String>()
        };
        let (seed, turned) = (list("seed", seed), list("turned", turned));
        format!("source,type,target,position\n{seed}{turned}other,up_sell,a,1\n")
    };
    let shop = Shop::with(&[
        ("products.csv", "id\nseed\nturned\nother\na\nb\nc\nd\n"),
        ("relations.csv", &table(&["a", "b", "c"], &["a", "b", "c"])),
    ]);
    let before = shop.published();
    shop.kindred(&["diff"]).ended(1).complained(&["there is no earlier snapshot"]);
    shop.write("products.csv", "id\nseed\nturned\nother\na\nb\nc\ne\n");
    shop.write("relations.csv", table(&["a", "b", "e"], &["b", "a", "c"]));
    let after = shop.published();

    let run = shop.kindred(&["diff", "--json"]).succeeded();
    let found = serde_json::from_str::<Value>(&run.out).unwrap();
    assert_eq!([&found["products_added"], &found["products_removed"]], [1, 1]);
    // Of the tops, seed shares 2 of 3 and turned 3 of 3.
    let overlap = found["relation_types"]["cross_sell"]["top10_overlap"].as_f64().unwrap();
    assert!((overlap - (2.0 / 3.0 + 1.0) / 2.0).abs() < 1e-9, "{overlap}");
    let expected = json!({
        "added": 1, "removed": 1, "reordered": 1, "lists": 2, "top10_overlap": overlap,
        "added_samples": ["seed -> e"], "removed_samples": ["seed -> c"],
        "reordered_samples": ["turned"],
    });
    assert_eq!(found["relation_types"]["cross_sell"], expected);
    let same = &found["relation_types"]["up_sell"];
    assert_eq!(
        [&same["added"], &same["removed"], &same["reordered"], &same["lists"]],
        [&json!(0), &json!(0), &json!(0), &json!(1)]
    );
    let run = shop.kindred(&["diff"]).succeeded();
    for line in [
        &format!("from {before} (manifest 1)"),
        &format!("  to {after} (manifest 2)"),
        "products: 1 added, 1 removed",
        "cross_sell: 1 added, 1 removed, 1 of 2 lists reordered, top-10 overlap 0.833",
        "  + seed -> e",
        "  - seed -> c",
        "  ~ turned",
    ] {
        assert!(run.out.lines().any(|found| found == line), "expected {line:?} in\n{}", run.out);
    }
    let run = shop.kindred(&["diff", "--from", "2", "--to", "1"]).succeeded();
    assert!(run.out.contains("  + seed -> c") && run.out.contains("  - seed -> e"), "{}", run.out);
}

#[test]
fn where_names_each_list_and_bundle_that_holds_a_product() {
    let shop = Shop::demo();
    let run = shop.kindred(&["where", "card-sd-128"]).succeeded();
    let has = |texts: &[&str]| {
        let found = run.out.lines().any(|line| texts.iter().all(|text| line.contains(text)));
        assert!(found, "expected a line with {texts:?} in\n{}", run.out);
    };
    has(&["also known as 2004001219308"]);
    has(&["bundle ", "of camera-traveller ", "demo: relations.csv:386"]);
    has(&["cross_sell ", "of camera-traveller ", "demo: relations.csv:389"]);
    has(&["bundle camera-kit-traveller"]);
    let by_alias = shop.kindred(&["where", "2004001219308"]).succeeded();
    assert_eq!(by_alias.out, run.out);
    shop.kindred(&["where", "no-such"]).ended(1).complained(&["no-such is not in snapshot"]);
}

#[test]
fn inspect_counts_what_a_store_holds() {
    let shop = shop_with(&["a", "b"]);
    let id = shop.published();
    let store = shop.store_dir();
    let args = ["inspect".as_ref(), store.as_os_str(), "--json".as_ref()];
    let found = serde_json::from_str::<Value>(&kindred(args).succeeded().out).unwrap();
    assert_eq!((&found["snapshot_id"], &found["manifest"]), (&json!(id), &json!(1)));
    let catalog = &found["blobs"][0]["catalog"];
    assert_eq!(catalog["products"], 3);
    assert!(catalog["relations"].as_array().unwrap().contains(&json!(["cross_sell", 2])));
    assert_eq!(catalog["markets"], json!([["default", 3]]));
}

/// A cost has no meaning without what it is for.
#[test]
fn inspect_says_what_a_product_and_a_relation_take() {
    let shop = shop_with(&["a", "b"]);
    shop.published();
    let run = kindred(["inspect".as_ref(), shop.store_dir().as_os_str()]).succeeded();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = run.out.lines().map(words).collect::<Vec<_>>();
    // Three products of 32 bytes; one block of a run header, its padding and two edges.
    for line in [
        "products 96 bytes 32.00 per product 48.00 per relation",
        "edges 24 bytes 8.00 per product 12.00 per relation",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}: {}", run.out);
    }
}

#[test]
fn inspect_shows_how_texts_begin() {
    let shop = shop_with(&["a"]);
    shop.published();
    let (store, track) = shop.open();
    let text = |role, text: &str| {
        let staged = store.stage(role).unwrap();
        write_text(staged.file().try_clone().unwrap(), staged.path(), role, text).unwrap();
        let bytes = std::fs::read(staged.path()).unwrap();
        staged.commit(BlobHash::of(&bytes), bytes.len() as u64).unwrap()
    };
    let overrides = "action,target,author,reason\nhide,\u{1b}[31mseed,a,x\n\nhide,4,a,x\nhide,5,a,x\nhide,6,a,x\n";
    let blobs = [text(Role::Policy, "[stages]"), text(Role::Overrides, overrides)];
    assert!(matches!(publish(&track, &blobs), Published::Written(_)));
    assert!(matches!(publish(&track, &blobs[..1]), Published::Unchanged(_)));
    let directory = shop.store_dir();
    let run = kindred(["inspect".as_ref(), directory.as_os_str()]).succeeded();
    for line in [
        "  text of 1 lines, 8 bytes:",
        "  | [stages]",
        "  | hide,\u{fffd}[31mseed,a,x",
        "  | hide,5,a,x",
    ] {
        assert!(run.out.lines().any(|found| found == line), "{line}: {}", run.out);
    }
    assert!(!run.out.contains("  | hide,6"), "{}", run.out);
    let json = kindred(["inspect".as_ref(), directory.as_os_str(), "--json".as_ref()]).succeeded();
    let found = serde_json::from_str::<Value>(&json.out).unwrap();
    let policy = json!({ "bytes": 8, "lines": 1, "first_lines": ["[stages]"] });
    assert_eq!(found["blobs"][1]["text"], policy);
    let verified = kindred(["verify".as_ref(), directory.as_os_str()]).succeeded();
    assert!(verified.out.contains("ok policy ") && verified.out.contains("ok overrides "));
}

#[test]
fn a_publish_that_lost_the_race_to_a_rollback_stops() {
    let shop = shop_with(&["a"]);
    shop.published();
    point_to(&shop, &["a", "b"]);
    shop.published();
    let (_, track) = shop.open();
    let [first, second] = [1, 2].map(|number| track.read(number).unwrap());
    let since = |track: &Track, since, over_rollback| {
        let guard = &|_: Option<&_>| Ok(());
        let blobs = &first.blobs;
        track.publish(&Publish { blobs, guard, since: Some(since), over_rollback, note: note() })
    };
    // A publish that came meanwhile is built upon.
    let published = since(&track, 1, false).unwrap();
    let Published::Written(third) = published else { panic!("{published:?}") };
    assert_eq!((third.number, third.snapshot_id), (3, first.snapshot_id));
    // A rollback that came meanwhile is a person's decision: the publish stops and names it.
    let mut back = note();
    back.reason = "prices of yesterday".to_owned();
    let back = Rollback { to: Some(2), roles: &[], expected_active: None, note: back };
    track.rollback(&back).unwrap();
    let refused = since(&track, 3, false).unwrap_err();
    assert!(matches!(refused, Error::Overtaken { number: 4, .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("rollback") && said.contains("prices of yesterday"), "{said}");
    assert_eq!(track.current().unwrap().unwrap().snapshot_id, second.snapshot_id);
    // Also when further publishes came after the rollback.
    let third_back = since(&track, 4, false).unwrap().into_manifest();
    assert_eq!(third_back.number, 5);
    assert!(matches!(since(&track, 3, false), Err(Error::Overtaken { number: 4, .. })));
    // A person may decide again.
    assert!(since(&track, 3, true).is_ok());
}

#[test]
fn a_catalog_that_shrinks_needs_a_persons_word() {
    let shop = shop_with(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    let before = shop.published();
    // Of ten products, two may go and eight stay: a fifth.
    point_to(&shop, &["a", "b", "c", "d", "e", "f", "g"]);
    shop.compile(&[]).ended(3).complained(&["relations of type cross_sell from 9 to 7"]);
    point_to(&shop, &["a", "b", "c", "d", "e", "f", "g", "h"]);
    let smaller = shop.compile(&[]).succeeded();
    assert!(smaller.out.contains("as manifest 2"), "{}", smaller.out);
    shop.kindred(&["rollback"]).succeeded();

    point_to(&shop, &["a"]);
    let texts =
        ["more than 20 %", "products from 10 to 2", "cross_sell from 9 to 1", "--allow shrink"];
    shop.compile(&[]).ended(3).complained(&texts);
    assert_eq!(shop.snapshot().id(), before);
    assert_eq!(shop.manifests(), 3);
    shop.compile(&["--allow", "all"]).succeeded();
    assert_ne!(shop.snapshot().id(), before);
}

#[test]
fn strict_fails_on_findings_and_publishes_nothing() {
    let shop = shop_with(&["a"]);
    shop.compile(&["--strict"]).succeeded();
    let before = shop.snapshot().id().to_owned();
    shop.write("relations.csv", "source,type,target\nseed,cross_sell,a\nseed,cross_sell,gone\n");
    let report = shop.path("report.json");
    let options = ["--strict", "--report", report.to_str().unwrap()];
    let run = shop.compile(&options).ended(2).complained(&["--strict", "nothing was published"]);
    assert!(run.out.contains("dangling_target: 1"), "{}", run.out);
    let report = shop.report();
    let codes = report["findings"].as_array().unwrap().iter().map(|one| one["code"].clone());
    assert_eq!(codes.collect::<Vec<_>>(), [FindingCode::DanglingTarget.code()]);
    assert_eq!(report["snapshot_id"], "");
    assert_eq!((shop.snapshot().id(), shop.manifests()), (before.as_str(), 1));
    shop.compile(&[]).succeeded();
    // What is only worth knowing does not fail.
    shop.write("relations.csv", "source,type,target,note\nseed,cross_sell,a,hm\n");
    let run = shop.compile(&["--strict"]).succeeded();
    assert!(run.out.contains("info: unknown_column: 1"), "{}", run.out);
}

#[test]
fn a_run_without_relations_says_so_loudly() {
    let shop = Shop::with(&[("products.csv", "id\nseed\n")]);
    let report = shop.path("report.json");
    let run = shop.compile(&["--report", report.to_str().unwrap()]).succeeded();
    assert!(run.err.contains("WARNING: ZERO relations were imported"), "{}", run.err);
    assert!(run.out.contains("no_relations"), "{}", run.out);
    let report = shop.report();
    assert_eq!(report["findings"][0]["code"], "no_relations");
    shop.compile(&["--strict"]).ended(2);
    // Rows that were all refused are no relations, either.
    shop.write("relations.csv", "source,type,target\nseed,cross_sell,gone\n");
    let run = shop.compile(&[]).succeeded();
    assert!(run.err.contains("WARNING: ZERO relations"), "{}", run.err);
}
