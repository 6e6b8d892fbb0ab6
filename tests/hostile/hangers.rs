//! Peers that hang: silent ones, ones that trickle, ones that never take their answer, and more of them
//! than there are descriptors.

use std::{
    fs,
    io::Read as _,
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use kindred::{model::limits::SLOTS_MAX, pb};
use prost::Message as _;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::{
    Tier,
    calls::{CROSS_SELL, UP_SELL, asking, block_on, client, seed},
    raw::{
        BATCH_GET, DATA, END_HEADERS, END_STREAM, GET, HEADERS, PREFACE, Raw, call_headers, frame,
        framed,
    },
    readings::{cores_during, own_mib, pass},
    server::Server,
    serving,
    shop::Shop,
    started,
    victim::{self, Seen},
};

const GROWTH_MIB_MAX: f64 = 64.0;
/// The wait for a preface is five seconds.
const SILENT: Duration = Duration::from_secs(6);
/// When it serves again that has some.
const BACK: Duration = Duration::from_secs(1);
/// What a server may use that has no descriptor left.
const STARVED_CORES_MAX: f64 = 0.1;

/// How long the victim is alone.
const CONTROL: Duration = Duration::from_secs(3);

/// Runs the victim alone, then beside what `begin` made, twice if the machine was busy the first time.
pub(crate) fn beside<H>(
    server: &Server,
    span: Duration,
    begin: impl Fn(SocketAddr) -> H,
) -> (String, H) {
    let mut tries = 0;
    loop {
        let control = victim::run(server.address, span.min(CONTROL));
        let before = own_mib(server.pid());
        let hanging = begin(server.address);
        let seen = victim::run(server.address, span);
        let grown = own_mib(server.pid()) - before;
        let said = format!("{seen}; control {control}; grew {grown:.1} MiB");
        assert!(grown <= GROWTH_MIB_MAX, "{said}");
        tries += 1;
        if Seen::is_fine(seen, control) {
            return (said, hanging);
        }
        assert!(tries < 2, "the victim saw the attack: {said}");
        println!("once more, because {said}");
    }
}

/// Is the connection at its end, or within so long?
pub(crate) fn is_closed(stream: &mut TcpStream, patience: Duration) -> bool {
    stream.set_read_timeout(Some(patience.max(Duration::from_millis(1)))).unwrap();
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

pub(crate) fn silent(tier: Tier) -> String {
    let (count, shop) = (tier.of(200, 1_000), Shop::demo());
    let server = started(&shop);
    let (said, (begun, mut peers)) = beside(&server, SILENT, |address| {
        let begun = Instant::now();
        let peers = (0..count).map(|number| {
            let mut raw = Raw::silent(address).unwrap();
            // Some begin, and stop before the end.
            raw.write(&PREFACE[..number % PREFACE.len()]).unwrap();
            raw
        });
        (begun, peers.collect::<Vec<_>>())
    });
    // The victim's span was as long as the wait may be.
    let closed = peers.iter_mut().map(|peer| is_closed(&mut peer.0, Duration::ZERO));
    let open = closed.filter(|is_closed| !is_closed).count();
    assert_eq!(open, 0, "silent connections are open after {:?}", begun.elapsed());
    assert_eq!(server.ended(), Some(0));
    format!("{count} silent peers closed within {SILENT:?}; {said}")
}

pub(crate) fn trickling(tier: Tier) -> String {
    let shop = Shop::demo();
    let server = started(&shop);
    let span = tier.of(Duration::from_secs(3), Duration::from_secs(13));
    let (said, (mut slow, byte_by_byte)) = beside(&server, span, |address| {
        let headers = frame(HEADERS, END_HEADERS, 1, &call_headers(GET, &[]));
        let claims = frame(DATA, 0, 1, &[0, 0, 0, 200, 0]);
        let start = [headers, claims].concat();
        let mut slow = Vec::new();
        for _ in 0..200 {
            let mut raw = Raw::connected(address, &[]).unwrap();
            raw.write(&start).unwrap();
            slow.push(raw);
        }
        // One byte a second: a call's headers, which never end.
        let mut bytes = Vec::new();
        for _ in 0..200 {
            bytes.push(Raw::connected(address, &[]).unwrap());
        }
        let mut dripping = slow.iter().chain(&bytes).map(|raw| raw.other()).collect::<Vec<_>>();
        let start = start.clone();
        thread::spawn(move || {
            for byte in start.iter().take(usize::try_from(span.as_secs()).unwrap() + 1) {
                for (place, raw) in dripping.iter_mut().enumerate() {
                    let byte = [*byte];
                    let data = frame(DATA, 0, 1, &[7]);
                    // It may be closed already.
                    raw.write(if place < 200 { &data } else { &byte }).ok();
                }
                pass(Duration::from_secs(1));
            }
        });
        (slow, bytes)
    });
    if tier == Tier::Full {
        // The wait for a request is ten seconds.
        for peer in &mut slow {
            peer.0.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            while peer.next().unwrap().kind != HEADERS {}
        }
    }
    // What is open would keep the drain.
    slow.iter().chain(&byte_by_byte).for_each(Raw::close);
    assert_eq!(server.ended(), Some(0));
    format!("200 slow bodies, 200 peers of one byte a second; {said}")
}

/// Answers that a reader asks for.
const UNREAD: u32 = 8;

pub(crate) fn zero_window(tier: Tier) -> String {
    let shop = Shop::demo();
    let server = started(&shop);
    let span = tier.of(Duration::from_secs(2), Duration::from_secs(33));
    let page = page().encode_to_vec();
    // One answer below a kilobyte, which leaves the stream's task as soon as a byte of it is taken.
    let small = asking(&[CROSS_SELL], &["toy-car"]).encode_to_vec();
    let narrow_count = tier.of(20, 200);
    let (said, (mut readers, mut narrow)) = beside(&server, span, |address| {
        // A window of nothing for every stream, and one of a byte.
        let readers = (0..200).map(|_| reader(address, 0, BATCH_GET, &page)).collect::<Vec<_>>();
        let narrow = (0..narrow_count).map(|_| reader(address, 1, GET, &small));
        (readers, narrow.collect::<Vec<_>>())
    });
    if tier == Tier::Full {
        // The wait for a peer to take its answer is thirty seconds.
        for reader in &mut readers {
            let resets = reader.read_to_end(Duration::from_millis(200)).resets;
            assert_eq!(resets, usize::try_from(UNREAD).unwrap(), "every answer is dropped");
        }
        // Those of which a byte was taken have half as long again, and are noticed by who reads on.
        let deadline = Instant::now() + Duration::from_secs(15);
        for peer in &mut narrow {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(is_closed(&mut peer.0, left), "it holds the rest of its answers for ever");
        }
    }
    readers.iter().chain(&narrow).for_each(Raw::close);
    assert_eq!(server.ended(), Some(0));
    format!(
        "200 readers with {UNREAD} answers each, {narrow_count} that take a byte of each; {said}"
    )
}

/// A peer whose windows have room for so many bytes, once the heads of its answers are there.
fn reader(address: SocketAddr, window: u8, path: &str, request: &[u8]) -> Raw {
    let mut raw = Raw::connected(address, &[0, 4, 0, 0, 0, window]).unwrap();
    for call in 0..UNREAD {
        let stream = 2 * call + 1;
        let headers = frame(HEADERS, END_HEADERS, stream, &call_headers(path, &[]));
        let body = frame(DATA, END_STREAM, stream, &framed(0, request));
        raw.write(&[headers, body].concat()).unwrap();
    }
    // What hangs is shown, not what computing so many pages costs.
    for _ in 0..UNREAD {
        while raw.next().unwrap().kind != HEADERS {}
    }
    raw
}

/// A page of many slots.
pub(crate) fn page() -> pb::BatchGetRecommendationsRequest {
    let one = asking(&[CROSS_SELL, UP_SELL], &["toy-car"]);
    let slots = (0..SLOTS_MAX).map(|place| pb::Slot {
        slot_id: format!("slot-{place}"),
        lookup: one.lookup.clone(),
        seeds: vec![seed("toy-car")],
    });
    pb::BatchGetRecommendationsRequest {
        slots: slots.collect(),
        allow_duplicates: true,
        view: pb::RecommendationView::Full.into(),
        ..Default::default()
    }
}

/// The server caps connections by its limit of descriptors, so the limit is also lowered while it runs:
/// then `accept` itself fails.
pub(crate) fn starved(tier: Tier) -> String {
    let shop = Shop::demo();
    let program = serving(&shop, "state");
    let mut limited = std::process::Command::new("sh");
    limited.arg("-c").arg("ulimit -n 256; exec \"$0\" \"$@\"").arg(program.get_program());
    limited.args(program.get_args()).env_clear();
    let variables = program.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let server = Server::listening(limited.envs(variables));
    let capped = starve(&server, tier, 1_000);
    let open = u64::try_from(fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count());
    let few = open.unwrap() + 20;
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    let limit = Rlimit { current: Some(few), maximum: Some(256) };
    prlimit(Some(pid), Resource::Nofile, limit).unwrap();
    let starving = starve(&server, tier, tier.of(300, 1_000));
    assert_eq!(server.ended(), Some(0));
    format!("with seats for 128: {capped}; with descriptors for 20: {starving}")
}

fn starve(server: &Server, tier: Tier, connects: usize) -> String {
    let address = server.address;
    let mut peers = Vec::new();
    for _ in 0..connects {
        // The kernel's own queue may be full.
        let stream = TcpStream::connect_timeout(&address, Duration::from_millis(5));
        peers.extend(stream);
    }
    let span = tier.of(Duration::from_secs(1), Duration::from_secs(4));
    let (cores, ()) = cores_during(server.pid(), || pass(span));
    let connected = peers.len();
    drop(peers);
    let begun = Instant::now();
    let mut answered = false;
    while !answered && begun.elapsed() < Duration::from_secs(5) {
        // While the queue is full the kernel drops what asks to connect, which then waits a second before it
        // asks again: that is not the server's time.
        if TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_err() {
            continue;
        }
        // A connection is refused for as long as no seat is free.
        answered = thread::spawn(move || {
            block_on(async {
                let request = asking(&[CROSS_SELL], &["toy-car"]);
                client(address).await.get_recommendations(request).await.is_ok()
            })
        })
        .join()
        .unwrap_or(false);
    }
    let back = begun.elapsed();
    assert!(cores <= STARVED_CORES_MAX, "it used {cores:.2} cores while it was starved");
    assert!(back <= BACK, "it served again after {back:?}");
    format!("{connected} connected, {cores:.2} cores, served again after {back:.0?}")
}
