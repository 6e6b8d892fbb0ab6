//! Goal: what happens to the files of a store never takes a server down unseen, and never makes it answer
//! from what was not checked. Method: a server with a snapshot; then files are replaced, unlinked, cut
//! short under it, or published as what no server should read, and the server is asked on.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use kindred::index::Role;

use crate::{
    calls::{CROSS_SELL, asking, block_on, client, ids},
    command::program,
    server::{Server, eventually, serve},
    shop::{Shop, replace},
};

/// A shop whose newest snapshot has another catalog than the one before.
fn two_snapshots() -> Shop {
    let shop = Shop::new();
    for targets in ["one", "two"] {
        shop.write("products.csv", format!("id\nseed\n{targets}\n"));
        shop.write("relations.csv", format!("source,type,target\nseed,cross_sell,{targets}\n"));
        shop.published();
    }
    shop
}

/// What a server answers for the seed; an error is no answer.
fn answer(server: &Server) -> Vec<String> {
    block_on(async { ids(&mut client(server.address).await, CROSS_SELL, "seed").await })
}

#[test]
fn a_file_cut_short_under_a_server_ends_it_by_one_line_and_the_next_start_serves() {
    let shop = two_snapshots();
    let mut server = Server::start(&shop);
    assert_eq!(answer(&server), ["two"]);
    let live = shop.snapshot().id().to_owned();
    let catalog = shop.catalog_file();
    let mode = fs::metadata(&catalog).unwrap().permissions();
    fs::set_permissions(&catalog, Permissions::from_mode(0o644)).unwrap();
    File::options().write(true).open(&catalog).unwrap().set_len(4_096).unwrap();
    fs::set_permissions(&catalog, mode).unwrap();
    let failed = block_on(async {
        let mut client = client(server.address).await;
        client.get_recommendations(asking(&[CROSS_SELL], &["seed"])).await.is_err()
    });
    assert!(failed, "there is nothing to answer from");
    let line = server.log.until("SIGBUS at address 0x");
    assert!(line.starts_with("error: ") && line.contains("was cut short"), "{line}");
    assert!(line.contains(&format!("; snapshot {live} was live")), "{line}");
    assert!(line.contains("kindred verify") && line.contains("--load copy"), "{line}");
    assert_eq!(server.exit_code(), Some(135));

    // The machine may be busy with other tests: one start in time shows that nothing waits.
    let starts = (0..5).map(|_| {
        let begin = Instant::now();
        let server = Server::start(&shop);
        let took = begin.elapsed();
        assert_eq!(answer(&server), ["one"]);
        assert!(server.log.read.iter().any(|line| line.contains("TRUNCATED")));
        assert_eq!(server.ended(), Some(0));
        took
    });
    let took = starts.min().unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_server_that_copies_answers_on_whatever_becomes_of_the_file() {
    let shop = two_snapshots();
    let mut command = serve(&shop, "state");
    let server = Server::listening(command.env("KINDRED_LOAD", "copy"));
    assert_eq!(server.mapped_blobs(), Vec::<String>::new());
    for blob in fs::read_dir(shop.store_dir().join("blobs")).unwrap() {
        let path = blob.unwrap().path();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    }
    for _ in 0..20 {
        assert_eq!(answer(&server), ["two"]);
    }
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_file_that_is_replaced_or_unlinked_serves_on_four_hundred_times() {
    let shop = two_snapshots();
    let server = Server::start(&shop);
    let catalog = shop.catalog_file();
    let whole = fs::read(&catalog).unwrap();
    block_on(async {
        let mut client = client(server.address).await;
        for round in 0..200 {
            replace(&catalog, [b"no blob", whole.as_slice()].concat());
            assert_eq!(ids(&mut client, CROSS_SELL, "seed").await, ["two"], "replaced, {round}");
        }
        for round in 0..200 {
            fs::remove_file(&catalog).unwrap();
            assert_eq!(ids(&mut client, CROSS_SELL, "seed").await, ["two"], "unlinked, {round}");
            replace(&catalog, &whole);
        }
    });
    let mut mapped = server.mapped_blobs();
    mapped.retain(|name| name.contains(".catalog."));
    assert!(mapped.len() == 1 && mapped[0].ends_with("(deleted)"), "{mapped:?}");
    assert_eq!(server.ended(), Some(0));
}

/// Puts something else in the place of a file.
struct Other {
    name: &'static str,
    /// How it is refused, whatever the way of loading.
    code: &'static str,
    put: fn(&Path),
}

const OTHERS: [Other; 6] = [
    Other {
        name: "a link to the blob",
        code: "UNSAFE_FILE: expected a regular file, found a symbolic link",
        put: |path| {
            let away = moved(path);
            symlink(away, path).unwrap();
        },
    },
    Other {
        name: "a link to nothing",
        code: "UNSAFE_FILE: expected a regular file, found a symbolic link",
        put: |path| {
            moved(path);
            symlink("nowhere", path).unwrap();
        },
    },
    Other {
        name: "a pipe",
        code: "UNSAFE_FILE: expected a regular file, found a pipe",
        put: |path| {
            moved(path);
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        },
    },
    Other {
        name: "a directory",
        code: "UNSAFE_FILE: expected a regular file, found a directory",
        put: |path| {
            moved(path);
            fs::create_dir(path).unwrap();
        },
    },
    Other { name: "an empty file", code: "TRUNCATED", put: |path| replace(path, b"") },
    Other {
        name: "a file with a hole of a tebibyte",
        code: "TRAILING_BYTES",
        put: |path| {
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
            File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
        },
    },
];

/// Moves a file out of the store; its new place.
fn moved(path: &Path) -> PathBuf {
    let away = path.parent().unwrap().parent().unwrap().with_extension("away");
    fs::rename(path, &away).unwrap();
    away
}

#[test]
fn what_is_no_blob_is_refused_by_name_and_the_snapshot_before_serves() {
    for Other { name, code, put } in OTHERS {
        let shop = two_snapshots();
        put(&shop.catalog_file());
        for how in ["auto", "mmap", "copy"] {
            let mut command = serve(&shop, how);
            let server = Server::listening(command.env("KINDRED_LOAD", how));
            assert_eq!(answer(&server), ["one"], "{name}, {how}");
            let said = server.log.read.join("\n");
            assert!(said.contains(code), "{name}, {how}: expected {code:?} in {said}");
        }
    }
}

/// Files of another user, and files that others may write, as a copy from another machine leaves them.
#[test]
fn what_others_could_change_is_copied_or_refused_as_is_asked() {
    let shop = two_snapshots();
    let catalog = shop.catalog_file();
    let owner = fs::metadata(&catalog).unwrap().uid();
    let mut spoilt: Vec<(&str, u32, u32)> = vec![
        ("found mode 0664", owner, 0o664),
        ("found mode 0666", owner, 0o666),
        ("found mode 0446", owner, 0o446),
    ];
    // Only root can give a file away.
    if chown(&catalog, Some(owner + 12_345), None).is_ok() {
        spoilt.push(("found user", owner + 12_345, 0o444));
    } else {
        println!("skipped: files of another user, as only root can make them");
    }
    for (found, owner, mode) in spoilt {
        // By root a new owner is no matter, else it is the old one.
        chown(&catalog, Some(owner), None).ok();
        fs::set_permissions(&catalog, Permissions::from_mode(mode)).unwrap();
        let start = |how: &str| {
            // A state of its own: these servers are killed, and a snapshot that saw that twice is
            // quarantined.
            let mut command = serve(&shop, &format!("{how}-{owner}-{mode:o}"));
            Server::listening(command.env("KINDRED_LOAD", how))
        };
        let server = start("auto");
        assert_eq!(answer(&server), ["two"]);
        let said = server.log.read.join("\n");
        assert!(said.contains("is copied into memory") && said.contains(found), "{said}");
        assert!(!server.mapped_blobs().iter().any(|name| name.contains(".catalog.")));
        let server = start("copy");
        assert_eq!(answer(&server), ["two"]);
        let server = start("mmap");
        assert_eq!(answer(&server), ["one"]);
        let said = server.log.read.join("\n");
        assert!(said.contains("UNSAFE_FILE: ") && said.contains(found), "{said}");
        // Commands without a server copy, too.
        shop.kindred(&["lookup", "--seed", "seed", "--type", "cross_sell"]).succeeded();
    }
}

#[test]
fn a_way_of_loading_that_is_none_is_refused() {
    let output = program().args(["serve", "--load", "maybe"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(["auto", "mmap", "copy"].iter().all(|how| said.contains(how)), "{said}");
}

#[test]
fn gc_deletes_what_nothing_needs_and_says_what_stays() {
    let shop = Shop::new();
    for target in ["a", "b", "c", "d", "e"] {
        shop.write("products.csv", format!("id\nseed\n{target}\n"));
        shop.write("relations.csv", format!("source,type,target\nseed,cross_sell,{target}\n"));
        shop.published();
    }
    let catalogs = || {
        let blobs = fs::read_dir(shop.store_dir().join("blobs")).unwrap();
        let names = blobs.map(|blob| blob.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".catalog.kdx")).count()
    };
    let server = Server::start(&shop);
    let young = shop.kindred(&["gc", "--keep", "1"]).succeeded();
    assert!(young.out.contains("deleted 0 blobs, 0 bytes\n"), "{}", young.out);
    assert!(young.out.contains(": younger than --keep-hours\n"), "{}", young.out);
    let planned =
        shop.kindred(&["gc", "--keep", "1", "--keep-hours", "0", "--dry-run"]).succeeded();
    assert_eq!(catalogs(), 5);
    let done = shop.kindred(&["gc", "--keep", "1", "--keep-hours", "0"]).succeeded();
    assert_eq!(catalogs(), 2);
    assert_eq!(planned.out.replace("would delete", "deleted"), done.out);
    assert!(
        done.out.contains(": live\n") && done.out.contains(": to fall back to"),
        "{}",
        done.out
    );
    // What is mapped serves on, what was before can be rolled back to, and what is gone is named.
    assert_eq!(answer(&server), ["e"]);
    shop.kindred(&["rollback", "--to", "1"])
        .ended(1)
        .complained(&["manifest 1 cannot go live", "was collected by gc"]);
    shop.kindred(&["rollback"]).succeeded();
    let answers = eventually(|| answer(&server), |ids| ids == &["d"]);
    assert_eq!(answers, ["d"]);
    assert_eq!(shop.manifests(), 6);
    let snapshot = shop.snapshot();
    assert!(snapshot.manifest().blob(Role::Catalog).is_some());
}
