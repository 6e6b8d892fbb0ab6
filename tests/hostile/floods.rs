//! Twelve floods on one connection each: the victim sees none of it, memory stays, and the attacker is
//! closed or costs less than a tenth of a core.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};

use crate::{
    Tier,
    raw::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, End, GET, HEADERS, PING, PRIORITY, RST_STREAM,
        Raw, SETTINGS, SHORT, WINDOW_UPDATE, call_headers, frame, framed,
    },
    readings::{cores_during, own_mib, pass},
    server::Server,
    shop::Shop,
    started, victim,
};

/// Memory may grow by this much.
const GROWTH_MIB_MAX: f64 = 64.0;
/// An attacker that is still connected may cost this part of a core.
const CORES_MAX: f64 = 0.1;
/// Resets that one connection can force before it is closed: the limit is 1,024.
const RESETS_MAX: usize = 1_100;

/// Frames that a peer sends again and again.
struct Flood {
    name: &'static str,
    /// Sent once, after the settings.
    first: Vec<u8>,
    /// Sent again and again; stream numbers count up.
    next: Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>,
    /// Between two of them; none sends as fast as it goes.
    pace: Option<Duration>,
}

impl Flood {
    fn new(name: &'static str, next: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self { name, first: Vec::new(), next: Box::new(next), pace: None }
    }
}

/// Client streams by their number.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

fn short(number: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream(number), &SHORT)
}

/// The four that the quick tier runs come first: one that h2 must end, two that only the budget ends,
/// one that nobody ends.
fn all() -> Vec<Flood> {
    let open = frame(HEADERS, END_HEADERS, 1, &call_headers(GET, &[]));
    let bomb = framed(1, &gzip(&vec![0; 64 << 20]));
    vec![
        Flood::new("MadeYouReset", |n| {
            // A window beyond 2^31 - 1 is our stream error.
            let update = frame(WINDOW_UPDATE, 0, stream(n), &0x7fff_ffff_u32.to_be_bytes());
            [short(n, 0), update].concat()
        }),
        Flood::new("PING", |_| frame(PING, 0, 0, &[0; 8])),
        Flood::new("PRIORITY", |_| frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 1])),
        // Asking is load, however foul what is asked; what this shows is what a bomb costs.
        Flood {
            pace: Some(Duration::from_millis(10)),
            ..Flood::new("compressed bomb", move |n| {
                let headers = call_headers(GET, &[("grpc-encoding", b"gzip")]);
                let headers = frame(HEADERS, END_HEADERS, stream(n), &headers);
                let pieces = bomb.chunks(16_000).map(|piece| frame(DATA, 0, stream(n), piece));
                let end = frame(DATA, END_STREAM, stream(n), &[]);
                [headers, pieces.flatten().collect(), end].concat()
            })
        },
        Flood::new("rapid reset", |n| {
            [short(n, 0), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])].concat()
        }),
        // A stream that depends on itself.
        Flood::new("local error", |n| {
            let itself = [&stream(n).to_be_bytes()[..], &[16], &SHORT].concat();
            frame(HEADERS, END_HEADERS | 0x20, stream(n), &itself)
        }),
        Flood::new("over-limit streams", |n| short(n, 0)),
        Flood {
            first: frame(HEADERS, 0, 1, &SHORT),
            ..Flood::new("CONTINUATION", |_| frame(CONTINUATION, 0, 1, &[]))
        },
        Flood::new("SETTINGS", |_| frame(SETTINGS, 0, 0, &[])),
        Flood { first: open, ..Flood::new("empty DATA", |_| frame(DATA, 0, 1, &[])) },
        Flood::new("WINDOW_UPDATE", |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        // Each of 16,000 bytes is a header of 42 once it is decoded.
        Flood::new("header bomb", |n| {
            frame(HEADERS, END_HEADERS, stream(n), &[&SHORT[..], &[0x90; 16_000]].concat())
        }),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What came of an attack.
struct Attack {
    end: End,
    /// Until the server closed it.
    took: Duration,
    sent: u32,
}

pub(crate) fn floods(tier: Tier) -> String {
    let span = tier.of(Duration::from_millis(1_500), Duration::from_secs(5));
    let shop = Shop::demo();
    let server = started(&shop);
    let floods = all();
    let count = tier.of(4, floods.len());
    for flood in floods.iter().take(count) {
        // A machine that was busy with something else does not count twice.
        let first = once(&server, flood, span);
        if let Err(why) = first {
            println!("{}: once more, because {why}", flood.name);
            if let Err(why) = once(&server, flood, span) {
                panic!("{}: {why}", flood.name);
            }
        }
    }
    assert_eq!(server.ended(), Some(0));
    format!("{count} floods of {span:?}")
}

fn once(server: &Server, flood: &Flood, span: Duration) -> Result<(), String> {
    let (pid, address) = (server.pid(), server.address);
    let (control_cores, control) = cores_during(pid, || victim::run(address, span));
    let (before, is_over) = (own_mib(pid), AtomicBool::new(false));
    let (seen, attack, peak) = thread::scope(|scope| {
        let attacker = scope.spawn(|| attack(flood, address, span));
        let memory = scope.spawn(|| {
            let mut peak = before;
            while !is_over.load(Ordering::Relaxed) {
                peak = own_mib(pid).max(peak);
                pass(Duration::from_millis(20));
            }
            peak
        });
        let seen = cores_during(pid, || victim::run(address, span));
        is_over.store(true, Ordering::Relaxed);
        (seen, attacker.join().unwrap(), memory.join().unwrap())
    });
    let (cores, seen) = seen;
    let (grown, cost) = (peak - before, cores - control_cores);
    println!(
        "{:20} {seen}; control {control}; grew {grown:.1} MiB; cost {cost:.2} cores; {} sent, {:?} after {:?}",
        flood.name, attack.sent, attack.end, attack.took,
    );
    let Attack { end, took, .. } = attack;
    if !seen.is_fine(control) {
        return Err(format!("the victim saw {seen}, and {control} alone"));
    }
    if grown > GROWTH_MIB_MAX {
        return Err(format!("memory grew by {grown:.1} MiB"));
    }
    if !end.is_closed && cost > CORES_MAX {
        return Err(format!("it was let on after {took:?} and cost {cost:.2} cores"));
    }
    if flood.name == "MadeYouReset" && !(end.goaway == Some(11) && end.resets <= RESETS_MAX) {
        return Err(format!("expected GOAWAY after at most {RESETS_MAX} resets, found {end:?}"));
    }
    Ok(())
}

/// Sends for so long, or until the server has enough.
fn attack(flood: &Flood, address: SocketAddr, span: Duration) -> Attack {
    let mut raw = Raw::connected(address, &[]).unwrap();
    let mut reader = raw.other();
    let begun = Instant::now();
    let sender = |raw: &mut Raw| {
        raw.0.set_write_timeout(Some(span)).unwrap();
        let mut sent = 0;
        let mut is_open = raw.write(&flood.first).is_ok();
        while is_open && begun.elapsed() < span {
            // Several in one write, as who floods would.
            let batch = if flood.pace.is_some() { 1 } else { 100 };
            let bytes = (sent..sent + batch).flat_map(|number| (flood.next)(number));
            is_open = raw.write(&bytes.collect::<Vec<_>>()).is_ok();
            sent += batch;
            flood.pace.into_iter().for_each(pass);
        }
        sent
    };
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let end = reader.read_to_end(span);
            (end, begun.elapsed())
        });
        let sent = sender(&mut raw);
        let (end, took) = reading.join().unwrap();
        raw.close();
        Attack { end, took, sent }
    })
}
