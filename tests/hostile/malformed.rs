//! Frames and messages that are broken, and requests that are as large and odd as they may be: a code of
//! the list or the end of the connection, never of the server.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use kindred::{
    model::limits::{EXCLUSIONS_MAX, ID_BYTES_MAX, REQUEST_BYTES_MAX, SEEDS_MAX, SLOTS_MAX},
    pb,
};
use prost::Message as _;

use crate::{
    Tier,
    asker::{Asker, Told},
    calls::{CROSS_SELL, UP_SELL, asking, endlessly, seed},
    chance::Chance,
    hangers::page,
    raw::{BATCH_GET, GET, HEADERS, Raw, SHORT, call_headers, frame, framed},
    shop::Shop,
    started,
};

/// What a broken message may be told.
const CODES: [(u32, &str); 4] = [
    (3, "INVALID_ARGUMENT"),
    (8, "RESOURCE_EXHAUSTED"),
    (11, "OUT_OF_RANGE"),
    (12, "UNIMPLEMENTED"),
];

/// What a message may be told that turned out to be none of the broken ones: a flipped bit can make
/// another product, snapshot or deadline of it.
const CODES_OF_SOUND: [(u32, &str); 4] =
    [(0, "OK"), (4, "DEADLINE_EXCEEDED"), (9, "FAILED_PRECONDITION"), (14, "UNAVAILABLE")];

/// Requests on one connection, and how many of them at once.
const PER_CONNECTION: usize = 1_000;
const AT_ONCE: usize = 32;

/// Is it broken for certain?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Surely,
    Perhaps,
}

struct Case {
    name: &'static str,
    broken: Broken,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

fn message(chance: &mut Chance) -> (String, Vec<u8>) {
    if chance.below(2) == 0 {
        (GET.to_owned(), asking(&[CROSS_SELL, UP_SELL], &["toy-car", "drill"]).encode_to_vec())
    } else {
        (BATCH_GET.to_owned(), page().encode_to_vec())
    }
}

fn case(chance: &mut Chance) -> Case {
    let (mut path, mut message) = message(chance);
    let mut headers = Vec::new();
    let len = message.len();
    let (name, broken, body) = match chance.below(11) {
        0 => ("flag", Broken::Surely, framed(chance.byte().max(1), &message)),
        1 => {
            let mut body = framed(0, &message);
            let claimed = u32::try_from(len + 1 + chance.index(9_999_999)).unwrap();
            body[1..5].copy_from_slice(&claimed.to_be_bytes());
            ("length", Broken::Surely, body)
        }
        2 => {
            let body = framed(0, &message);
            let cut = 1 + chance.index(body.len() - 2);
            ("truncated", Broken::Surely, body[..cut].to_vec())
        }
        3 => {
            // Field 2 of a lookup is a seed, whose field 1 is an id: not UTF-8.
            path = GET.to_owned();
            ("UTF-8", Broken::Surely, framed(0, &[0x12, 4, 0x0a, 2, 0xff, chance.byte() | 0x80]))
        }
        4 => {
            // Groups in groups, deeper than any decoder follows.
            let deep = [0xfb, 0x3e].repeat(200 + chance.index(2_000));
            ("groups", Broken::Surely, framed(0, &deep))
        }
        5 => {
            let mut unknown = message;
            for _ in 0..1 + chance.below(20) {
                // Fields from 1,000 on are nobody's.
                unknown.extend([0xc0, 0x3e, chance.byte() & 0x7f]);
            }
            ("unknown fields", Broken::Perhaps, framed(0, &unknown))
        }
        6 => {
            // Seeds as a number, a lookup as 64 bits.
            let wrong: &[u8] =
                if chance.below(2) == 0 { &[0x10, 1] } else { &[9, 0, 0, 0, 0, 0, 0, 0, 0] };
            ("wire type", Broken::Surely, framed(0, &[wrong, &message].concat()))
        }
        7 => {
            let bad = ["", "1", "S", "-1S", "1s", "999999999u", "zz", "1.0S"];
            headers.push(("grpc-timeout", bad[chance.index(bad.len())].as_bytes().to_vec()));
            ("grpc-timeout", Broken::Surely, framed(0, &message))
        }
        8 => {
            let bad = [
                "/",
                "//",
                "/kindred.v1.RecommendationService",
                "/kindred.v1.RecommendationService/",
                "/x/y",
                "/kindred.v1.RecommendationService/getrecommendations",
                "/%00",
                "/../..",
                "/kindred.v1.RecommendationService/GetRecommendations/",
            ];
            path = bad[chance.index(bad.len())].to_owned();
            ("path", Broken::Surely, framed(0, &message))
        }
        9 => {
            let at = chance.index(len);
            message[at] ^= 1 << chance.below(8);
            ("flipped bit", Broken::Perhaps, framed(0, &message))
        }
        _ => ("random", Broken::Perhaps, framed(0, &chance.bytes(200))),
    };
    Case { name, broken, path, headers, body }
}

/// Requests that are legal, or over a limit by a little, with everything as large as it gets.
fn extreme(chance: &mut Chance) -> Case {
    let mut one = asking(&[CROSS_SELL, UP_SELL], &["toy-car"]);
    let long = |chance: &mut Chance| format!("{:0>1$}", chance.below(1_000), ID_BYTES_MAX);
    one.seeds = (0..chance.index(2 * SEEDS_MAX)).map(|_| seed(&long(chance))).collect();
    one.exclude_product_ids = (0..chance.index(2 * EXCLUSIONS_MAX)).map(|_| long(chance)).collect();
    let numbers = [i32::MIN, -1, 0, 1, 100, 101, i32::MAX];
    let lookup = one.lookup.as_mut().unwrap();
    lookup.max_results = numbers[chance.index(numbers.len())];
    let scores = [f32::NAN, f32::INFINITY, -1.0, 0.0, 1.0, f32::MIN_POSITIVE];
    lookup.min_score = Some(scores[chance.index(scores.len())]);
    one.view = numbers[chance.index(numbers.len())];
    if chance.below(50) == 0 {
        one.snapshot_id = "x".repeat(REQUEST_BYTES_MAX);
    }
    let (path, message) = if chance.below(8) == 0 {
        let slots = (0..chance.index(2 * SLOTS_MAX)).map(|place| pb::Slot {
            slot_id: format!("{:0>128}", place / 2),
            lookup: one.lookup.clone(),
            seeds: one.seeds.clone(),
        });
        let page =
            pb::BatchGetRecommendationsRequest { slots: slots.collect(), ..Default::default() };
        (BATCH_GET, page.encode_to_vec())
    } else {
        (GET, one.encode_to_vec())
    };
    let (path, body) = (path.to_owned(), framed(0, &message));
    Case { name: "extreme", broken: Broken::Perhaps, path, headers: Vec::new(), body }
}

type Table = BTreeMap<(&'static str, Told), usize>;

async fn ask(asker: Asker, case: Case) -> (&'static str, Broken, Told) {
    let headers = case.headers.iter().map(|(name, value)| (*name, value.as_slice()));
    let told = asker.ask(&case.path, &headers.collect::<Vec<_>>(), case.body).await;
    (case.name, case.broken, told)
}

fn requests(
    address: SocketAddr,
    count: usize,
    chance: &mut Chance,
    of: fn(&mut Chance) -> Case,
) -> Table {
    let mut table = Table::new();
    endlessly(async {
        for _ in 0..count.div_ceil(PER_CONNECTION) {
            let asker = Asker::connect(address).await.unwrap();
            for _ in 0..PER_CONNECTION.div_ceil(AT_ONCE) {
                let mut some = tokio::task::JoinSet::new();
                for _ in 0..AT_ONCE {
                    some.spawn(ask(asker.clone(), of(chance)));
                }
                for (name, broken, told) in some.join_all().await {
                    let is_among = |codes: &[(u32, &str)]| {
                        codes.iter().any(|(code, _)| told == Told::Status(*code))
                    };
                    let is_known = is_among(&CODES)
                        || (broken == Broken::Perhaps && is_among(&CODES_OF_SOUND));
                    assert!(is_known, "{name}: {told:?}");
                    *table.entry((name, told)).or_default() += 1;
                }
            }
        }
    });
    table
}

/// Frames of any type, flags, stream and content, most of them wrong; how the connections ended.
fn frames(address: SocketAddr, count: usize, chance: &mut Chance) -> BTreeMap<String, usize> {
    let (mut sent, mut ends) = (0, BTreeMap::new());
    while sent < count {
        let mut raw = Raw::connected(address, &[]).unwrap();
        let mut bytes = Vec::new();
        for _ in 0..20 {
            bytes.extend(broken_frame(chance));
            sent += 1;
        }
        // The server may have closed it after the first.
        raw.write(&bytes).ok();
        raw.0.shutdown(std::net::Shutdown::Write).ok();
        let end = raw.read_to_end(Duration::from_secs(10));
        assert!(end.is_closed, "the server keeps what its peer has ended: {end:?}");
        let name = end.goaway.map_or("none".to_owned(), |code| code.to_string());
        *ends.entry(name).or_default() += 1;
    }
    ends
}

fn broken_frame(chance: &mut Chance) -> Vec<u8> {
    let stream = u32::try_from(chance.below(12)).unwrap();
    let kind = u8::try_from(chance.below(12)).unwrap();
    match chance.below(6) {
        0 => frame(HEADERS, 4, stream, &[&SHORT[..], &chance.bytes(60)].concat()),
        1 => frame(HEADERS, chance.byte(), stream, &call_headers(GET, &[])),
        2 => frame(kind, chance.byte(), stream, &chance.bytes(8)),
        // A length that is not there, or too large.
        3 => {
            let mut bytes = frame(kind, 0, stream, &chance.bytes(30));
            bytes[chance.index(3)] ^= chance.byte();
            bytes
        }
        4 => chance.bytes(20),
        _ => frame(kind, chance.byte(), u32::MAX - stream, &chance.bytes(17)),
    }
}

pub(crate) fn malformed(tier: Tier) -> String {
    let seed = 11;
    let (count, extremes) = (tier.of(5_000, 100_000), tier.of(500, 10_000));
    let shop = Shop::demo();
    let (server, mut chance) = (started(&shop), Chance::new(seed));
    let ends = frames(server.address, count / 2, &mut chance);
    let mut table = requests(server.address, count / 2, &mut chance, case);
    table.extend(requests(server.address, extremes, &mut chance, extreme));
    for ((name, told), count) in &table {
        println!("{name:16} {:24} {count}", spelled(told));
    }
    println!("broken frames: connections by the code of their GOAWAY: {ends:?}");
    let mut server = server;
    server.signal("TERM");
    let log = server.log.until_end().join("\n");
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.contains("Drained; good bye."), "{log}");
    format!("{} broken frames, {} requests, seed {seed}", count / 2, table.values().sum::<usize>())
}

fn spelled(told: &Told) -> String {
    let Told::Status(code) = told else { return format!("{told:?}") };
    let known = CODES.iter().chain(&CODES_OF_SOUND).find(|(known, _)| known == code);
    known.map_or_else(|| code.to_string(), |(_, name)| (*name).to_owned())
}
