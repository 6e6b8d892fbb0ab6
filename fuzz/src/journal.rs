//! Bytes as a journal of stock. Its first byte says how they become files: as they are, or as payloads
//! whose records and checksums are sound, so that what reads payloads has to bear any, too.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, SystemTime},
};

use kindred::stock::{Stock, StockOptions, StockView};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

use super::source::{memory_dir, put};

const NUMBER: u64 = 1;
/// Long enough for any machine: a writer that does not answer is a fault.
const WAIT: Duration = Duration::from_secs(60);

/// Opens the journal, writes to it, and opens it again.
///
/// # Panics
/// The reader or the writer panicked, does not answer, or cannot read what it opened before.
pub fn run(data: &[u8]) {
    let Some((form, rest)) = data.split_first() else { return };
    let dir = memory_dir();
    let put = |name: &str, bytes: &[u8]| put(&dir.path().join(name), bytes);
    let (log, checkpoint) = ("00000000000000000001.log", "00000000000000000001.ckp");
    match form % 4 {
        0 => put(log, rest),
        1 => put(checkpoint, rest),
        2 => put(log, &segment(&payloads(rest))),
        _ => {
            put(checkpoint, &sealed(&payloads(rest)));
            put(log, &segment(&[]));
        }
    }
    if open_and_write(dir.path()) {
        assert!(open_and_write(dir.path()), "a journal that opened once does not open again");
    }
}

/// Does it open?
fn open_and_write(dir: &Path) -> bool {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let options = StockOptions { clock: Arc::new(move || now), ..StockOptions::default() };
    let Ok((stock, thread)) = Stock::open(dir, options, |_: &Arc<StockView>| {}) else {
        return false;
    };
    let (answer, answered) = mpsc::channel();
    stock
        .checkpoint(Box::new(move |done| answer.send(done.is_ok()).expect("someone waits for it")));
    assert_eq!(answered.recv_timeout(WAIT), Ok(true), "a checkpoint of what was read is written");
    stock.stop();
    drop(stock);
    thread.join().expect("the writer ends without a panic");
    true
}

/// Pieces, each behind its length in one byte; 255 stands for the rest.
fn payloads(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((len, rest)) = bytes.split_first() {
        let len = if *len == u8::MAX { rest.len() } else { usize::from(*len).min(rest.len()) };
        let (payload, after) = rest.split_at(len);
        payloads.push(payload);
        bytes = after;
    }
    payloads
}

fn segment(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header(*b"\x89KDJ\r\n\x1a\n");
    for (sequence, payload) in (1..).zip(payloads) {
        push_record(&mut bytes, sequence, payload);
    }
    bytes
}

fn sealed(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = header(*b"\x89KDC\r\n\x1a\n");
    let mut fold = Xxh3::new();
    let mut count = 0_u64;
    for payload in payloads {
        count += 1;
        fold.update(&push_record(&mut bytes, count, payload).to_le_bytes());
    }
    let begin = bytes.len();
    bytes.extend_from_slice(b"KDCEND\r\n");
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&fold.digest().to_le_bytes());
    let checksum = xxh3_64_with_seed(&bytes[begin..], NUMBER);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn header(magic: [u8; 8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&NUMBER.to_le_bytes());
    bytes.extend_from_slice(&1_u64.to_le_bytes());
    let checksum = xxh3_64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Adds a record and gives back its checksum.
fn push_record(bytes: &mut Vec<u8>, sequence: u64, payload: &[u8]) -> u64 {
    let mut behind = u32::try_from(payload.len()).expect("inputs are short").to_le_bytes().to_vec();
    behind.extend_from_slice(&0_u32.to_le_bytes());
    behind.extend_from_slice(&sequence.to_le_bytes());
    behind.extend_from_slice(payload);
    let checksum = xxh3_64_with_seed(&behind, NUMBER);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(&behind);
    checksum
}
