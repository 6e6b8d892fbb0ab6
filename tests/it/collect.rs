//! Goal: a kill -9 in a publish, in a clean-up or in both at once leaves the old state or the new one
//! whole, no manifest that counts without its blobs, and nothing that the next clean-up does not take.
//! Method: the built program publishes one of two policies and cleans up, and is killed at a moment
//! within the time that it takes; then the store is read as a server would. A hundred kills, five
//! hundred with `KINDRED_TIER=full`.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use kindred::{
    index::{BlobHash, Role},
    snapshot::Snapshot,
};

use crate::{command::program, server::eventually, shop::Shop};

/// Policies that are published in turn; each round one that the clean-up took before comes again.
const LIMITS: usize = 7;

/// What the kills met.
#[derive(Debug, Default)]
struct Met {
    kills: usize,
    /// The process ended before it could be killed; such a round is no kill.
    ended: usize,
    old: usize,
    new: usize,
    /// Rounds after which a file of a dead writer lay there.
    temps: usize,
    collected: usize,
}

/// A policy that differs from the others in a number.
fn write_policy(shop: &Shop, round: usize) {
    let max_results = 1 + round % LIMITS;
    let text = format!(
        "[[placements]]\nid = \"page\"\nmax_results = {max_results}\nmix = [{{ type = \"cross_sell\" }}]\n"
    );
    shop.write("placements.toml", text);
}

fn publishing(shop: &Shop) -> Command {
    let mut command = program();
    command.args(["policy", "publish", "--file"]).arg(shop.table("placements.toml"));
    command.arg("--store").arg(shop.store_dir());
    command
}

fn cleaning(shop: &Shop) -> Command {
    let mut command = program();
    command.args(["gc", "--keep", "1", "--keep-hours", "1", "--store"]).arg(shop.store_dir());
    command
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets a process run for so long, then ends it by SIGKILL; whether it had ended by itself.
fn kill_after(child: &mut Child, begin: Instant, delay: Duration) -> bool {
    while begin.elapsed() < delay {
        thread::yield_now();
    }
    let had_ended = child.try_wait().unwrap().is_some();
    child.kill().ok();
    child.wait().unwrap();
    had_ended
}

/// Makes every blob as old as one that a clean-up takes.
fn age(shop: &Shop) {
    for entry in fs::read_dir(shop.store_dir().join("blobs")).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
}

fn temps(shop: &Shop) -> usize {
    let store = shop.store_dir();
    let dirs = [store.clone(), store.join("blobs"), store.join("tracks/main")];
    let entries = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
    let is_temp = |name: &str| name.starts_with("tmp-");
    entries.filter(|entry| is_temp(entry.as_ref().unwrap().file_name().to_str().unwrap())).count()
}

/// The store as the next server finds it: every manifest reads, what is live loads whole, and so does
/// what it would fall back to.
fn check(shop: &Shop, round: usize) -> u64 {
    let (store, track) = shop.open();
    let numbers: Vec<u64> = track.history().map(|read| read.unwrap().number).collect();
    let head = numbers.first().copied().unwrap();
    assert!(numbers.iter().copied().eq((1..=head).rev()), "round {round}: {numbers:?}");
    let live = track.current().unwrap().unwrap();
    let fallback = track.fallbacks(&live).next().map(Result::unwrap);
    for manifest in [live].into_iter().chain(fallback) {
        let number = manifest.number;
        let loaded = Snapshot::load(&store, &manifest);
        let loaded = loaded.unwrap_or_else(|error| panic!("round {round}, {number}: {error}"));
        assert_eq!(loaded.id(), manifest.snapshot_id.to_string());
    }
    for entry in fs::read_dir(store.dir().join("blobs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some((hash, _)) = name.split_once('.') {
            let bytes = fs::read(&path).unwrap();
            assert_eq!(BlobHash::of(&bytes).to_string(), hash, "round {round}: {name} in part");
        }
    }
    head
}

#[test]
fn kills_in_publishes_and_clean_ups_leave_the_old_state_or_the_new_one() {
    let is_full = std::env::var("KINDRED_TIER").is_ok_and(|tier| tier == "full");
    let kills = if is_full { 500 } else { 100 };
    let shop = Shop::demo();
    let time = |command: &mut Command| {
        let begin = Instant::now();
        assert!(command.status().unwrap().success());
        begin.elapsed()
    };
    write_policy(&shop, 0);
    let publish_takes = time(publishing(&shop).stdout(Stdio::null()));
    let cleaning_takes = time(cleaning(&shop).stdout(Stdio::null()));
    let mut met = Met::default();
    let mut head = check(&shop, 0);
    for round in 1.. {
        if met.kills == kills {
            break;
        }
        assert!(round < 4 * kills, "most processes end before they are killed: {met:?}");
        write_policy(&shop, round);
        age(&shop);
        let begin = Instant::now();
        // Moments spread over the time that each takes, and a little more.
        let moment = |takes: Duration| {
            let part = u32::try_from(round * 7_919 % 1_000).unwrap();
            takes * part / 1_000
        };
        // In turn: a publish alone, a clean-up alone, a publish beside a clean-up that goes on, and
        // the other way round.
        let mut publisher = (round % 4 != 1).then(|| spawn(&mut publishing(&shop)));
        let mut cleaner = (round % 4 != 0).then(|| spawn(&mut cleaning(&shop)));
        let had_ended = match (round % 4, &mut publisher, &mut cleaner) {
            (0 | 2, Some(killed), _) => kill_after(killed, begin, moment(publish_takes)),
            (_, _, Some(killed)) => kill_after(killed, begin, moment(cleaning_takes)),
            _ => unreachable!("each round has one to kill"),
        };
        *if had_ended { &mut met.ended } else { &mut met.kills } += 1;
        for mut survivor in [publisher, cleaner].into_iter().flatten() {
            // What was killed is waited for again, and says nothing new.
            let status = survivor.wait().unwrap();
            assert!(status.code().is_none_or(|code| code == 0), "round {round}: {status}");
        }
        let now = check(&shop, round);
        assert!(now == head || now == head + 1, "round {round}: {head}, then {now}");
        *if now == head { &mut met.old } else { &mut met.new } += 1;
        met.temps += usize::from(temps(&shop) > 0);
        head = now;
    }
    for file in ["blobs", "tracks/main", "."].map(|dir| shop.store_dir().join(dir)) {
        for entry in fs::read_dir(file).unwrap() {
            let path = entry.unwrap().path();
            let time = std::time::SystemTime::UNIX_EPOCH;
            fs::File::open(path).unwrap().set_modified(time).unwrap();
        }
    }
    // The files of the dead are theirs until the system has let go of their locks.
    eventually(
        || {
            assert!(cleaning(&shop).stdout(Stdio::null()).status().unwrap().success());
            temps(&shop)
        },
        |left| *left == 0,
    );
    check(&shop, kills);
    let blobs = fs::read_dir(shop.store_dir().join("blobs")).unwrap();
    let policies = blobs.filter(|blob| {
        let name = blob.as_ref().unwrap().file_name();
        name.to_str().unwrap().ends_with(&format!(".{}.kdx", Role::Policy.code()))
    });
    assert_eq!(policies.count(), 2, "two contents are kept");
    let collected = fs::read_to_string(shop.store_dir().join("collected")).unwrap();
    met.collected = collected.lines().count();
    println!("{met:?}");
    assert!(met.old > kills / 20 && met.new > kills / 20, "kills met both sides: {met:?}");
}
