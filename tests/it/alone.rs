//! What two servers may not share, how one ends, and how little one that nobody calls does.

use std::{
    fs,
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    calls::{CROSS_SELL, block_on, client, ids, watch},
    server::{Lines, Server, eventually, serve},
    shop::Shop,
};

/// The time for which an idle server is watched.
const IDLE: Duration = Duration::from_millis(1_200);

#[test]
fn a_second_server_on_a_state_directory_is_refused() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let output = serve(&shop, "state").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = format!("error: another server uses {}", shop.path("state").display());
    assert!(said.contains(&expected) && said.contains("--state"), "{said}");
    assert_eq!(output.stdout, b"");
    // The first one is not disturbed, and when it ends its place is free.
    let batteries =
        block_on(async { ids(&mut client(server.address).await, CROSS_SELL, "toy-car").await });
    assert_eq!(batteries.len(), 4);
    assert_eq!(server.ended(), Some(0));
    assert_eq!(Server::start(&shop).ended(), Some(0));
}

#[test]
fn two_servers_share_a_store() {
    let shop = Shop::demo();
    let first = Server::start(&shop);
    let second = Server::listening(&mut serve(&shop, "another-state"));
    let ask = |server: &Server| {
        block_on(async { ids(&mut client(server.address).await, CROSS_SELL, "toy-car").await })
    };
    assert_eq!(ask(&first), ask(&second));
}

#[test]
fn a_port_in_use_is_named() {
    let shop = Shop::demo();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = serve(&shop, "state").env("KINDRED_LISTEN", &address).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("--listen") && said.contains("in use"), "{said}");
}

#[test]
fn a_store_that_is_not_there_is_named() {
    let shop = Shop::new();
    let output = serve(&shop, "state").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains(&format!("{} is no store", shop.store_dir().display())), "{said}");
    assert!(!shop.store_dir().exists(), "a server makes no store");
}

/// Signals were caught only after the first snapshot had been announced: whoever read `listening on`
/// and sent one at once killed the server instead of draining it.
#[test]
fn a_signal_right_after_the_announcement_drains() {
    let shop = Shop::demo();
    for round in 0..5 {
        assert_eq!(Server::start(&shop).ended(), Some(0), "round {round}");
    }
}

#[test]
fn a_draining_server_says_so_and_answers_until_it_ends() {
    let shop = Shop::demo();
    let mut server =
        Server::listening(serve(&shop, "state").env("KINDRED_DRAIN_DELAY_MS", "600000"));
    block_on(async {
        let mut client = client(server.address).await;
        let mut watch = watch(server.address).await;
        let mut told = async || watch.message().await.unwrap().unwrap().status();
        assert_eq!(told().await, ServingStatus::Serving);
        server.signal("TERM");
        assert_eq!(told().await, ServingStatus::NotServing);
        assert_eq!(ids(&mut client, CROSS_SELL, "toy-car").await.len(), 4);
    });
    server.log.until("a second signal ends at once");
    assert_eq!(server.ended(), Some(0));
}

/// The watcher once woke itself: its own reading of the track's directory was an event to it.
#[test]
fn an_idle_server_does_next_to_nothing() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let (start, before) = (Instant::now(), cpu_ticks(server.pid()));
    // It says nothing, either: every look at the directory would be a line of the log.
    let said = server.log.until_quiet(IDLE);
    let used = Duration::from_millis((cpu_ticks(server.pid()) - before) * 10);
    assert!(said.len() < 10, "{said:?}");
    assert!(start.elapsed() >= IDLE && used <= start.elapsed() / 10, "{used:?}");
}

/// User and system time of a process, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces; times are fields 14 and 15 of the line.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().collect::<Vec<_>>();
    let time = |field: usize| fields[field - 3].parse::<u64>().unwrap();
    time(14) + time(15)
}

/// Whoever read the log may end before the server: its lines have nowhere to go, and one of them comes before it
/// drains.
#[test]
fn a_server_whose_log_nobody_reads_any_more_still_ends_when_it_is_told_to() {
    let shop = Shop::demo();
    let mut child =
        serve(&shop, "state").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = Lines::of(child.stdout.take().unwrap());
    out.until("listening on ");
    drop(child.stderr.take());
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    let ended = eventually(|| child.try_wait().unwrap(), |ended| ended.is_some());
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
}
