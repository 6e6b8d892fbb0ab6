//! Goal: no file of a store, however damaged or forged, ends a process, changes an answer unseen, or
//! asks for more memory than twice its own length at once. Method: ten thousand catalogs and manifests
//! made by dice from whole ones, in ten ways; each is opened, and what opens is asked everything.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use kindred::{
    index::{
        BlobHash, Catalog, IndexError, UnverifiedBlob,
        layout::{Header, Trailer},
    },
    lookup::{Context, Page, Plan, Query, QuerySeed, Repeats, Scene, Scratch, answer},
    pb::GetRecommendationsRequest,
    policy::Policy,
    service::get_recommendations,
    snapshot::{Moment, Snapshot},
    stock::StockView,
    store::{MAIN_TRACK, Note, Store},
};
use xxhash_rust::xxh3::xxh3_128;
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{TYPES, largest, requests, shop};

const CATALOGS: usize = 6_000;
const MANIFESTS: usize = 4_000;

/// Room for an error with its texts, whose size is no matter of the file's.
const ERROR_BYTES: usize = 4 << 10;

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        let scaled = (u128::from(self.word()) * bound as u128) >> 64;
        usize::try_from(scaled).unwrap()
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.word().to_le_bytes()[0]
    }

    /// What a forger tries in the place of a number.
    fn number_near(&mut self, honest: u64) -> u64 {
        match self.below(9) {
            0 => 0,
            1 => u64::MAX,
            2 => honest.wrapping_add(1),
            3 => honest.wrapping_sub(1),
            4 => honest.wrapping_add(64),
            5 => honest.wrapping_sub(64),
            6 => u64::MAX - honest,
            7 => 1 << self.below(64),
            _ => self.word(),
        }
    }
}

/// Damage that any disk or copy can do: bits, lengths, pieces in wrong places.
fn damage(dice: &mut Dice, whole: &[u8], way: usize) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    match way {
        0 => (0..=dice.below(4)).for_each(|_| {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }),
        1 => bytes.truncate(dice.below(whole.len())),
        2 => {
            let (from, to) = (dice.below(whole.len()), dice.below(whole.len()));
            let len = 1 + dice.below(whole.len() - from.max(to));
            bytes.copy_within(from..from + len, to);
        }
        3 => {
            let (from, len) = (dice.below(whole.len()), dice.below(300));
            drop(bytes.drain(from..(from + len).min(whole.len())));
        }
        4 => bytes.extend((0..=dice.below(300)).map(|_| dice.byte())),
        _ => {
            let at = dice.below(whole.len());
            let more: Vec<u8> = (0..=dice.below(300)).map(|_| dice.byte()).collect();
            drop(bytes.splice(at..at, more));
        }
    }
    bytes
}

/// A header with a lie in it, under a checksum that fits, and a trailer that agrees.
fn lie_in_header(dice: &mut Dice, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let mut header = header_of(whole);
    let count = header.section_count.get() as usize;
    let any = u32::try_from(dice.word() >> 32).unwrap();
    let section = &mut header.sections[dice.below(count)];
    match dice.below(7) {
        0 => section.offset.set(dice.number_near(section.offset.get())),
        1 => section.len.set(dice.number_near(section.len.get())),
        2 => section.kind.set(any),
        3 => section.schema.set(any),
        4 => header.section_count.set(any % 200),
        5 => header.role.set(any % 8),
        _ => header.file_len.set(dice.number_near(header.file_len.get())),
    }
    seal(&mut bytes, header);
    bytes
}

/// Bytes of a section changed, under checksums that fit: what a faulty compiler would write.
fn lie_in_section(dice: &mut Dice, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let mut header = header_of(whole);
    let sections: Vec<usize> = (0..header.section_count.get() as usize)
        .filter(|at| header.sections[*at].len.get() > 0)
        .collect();
    for _ in 0..=dice.below(3) {
        let entry = &mut header.sections[sections[dice.below(sections.len())]];
        let [start, len] =
            [entry.offset.get(), entry.len.get()].map(|bytes| usize::try_from(bytes).unwrap());
        let at = start + dice.below(len);
        let patch = dice.word().to_le_bytes();
        let patch_len = (1 + dice.below(8)).min(start + len - at);
        bytes[at..at + patch_len].copy_from_slice(&patch[..patch_len]);
        entry.checksum = xxh3_128(&bytes[start..start + len]).to_le_bytes();
    }
    seal(&mut bytes, header);
    bytes
}

fn header_of(bytes: &[u8]) -> Header {
    Header::read_from_prefix(bytes).unwrap().0
}

fn seal(bytes: &mut [u8], mut header: Header) {
    let header_len = size_of::<Header>();
    header.checksum = xxh3_128(&header.as_bytes()[..header_len - 16]).to_le_bytes();
    let (mut trailer, trailer_at) =
        (Trailer::read_from_suffix(bytes).unwrap().1, bytes.len() - size_of::<Trailer>());
    trailer.file_len = header.file_len;
    trailer.header_checksum = header.checksum;
    bytes[..header_len].copy_from_slice(header.as_bytes());
    bytes[trailer_at..].copy_from_slice(trailer.as_bytes());
}

fn open(bytes: &[u8], expected: Option<BlobHash>) -> Result<Catalog, IndexError> {
    Catalog::from_blob(UnverifiedBlob::from_bytes(Path::new("x.kdx"), bytes)?.verify(expected)?)
}

/// Everything that a catalog answers, as targets with scores; and each product by its own id.
fn answers(catalog: &Catalog) -> Vec<String> {
    let view = catalog.view();
    let (policy, stock) = (Policy::default(), StockView::empty());
    let scene = Scene { view, policy: &policy, stock: &stock };
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let context =
        Context { market: 0, inventory: 0, stage: None, visitor: "", at_s: 0, is_as_of: false };
    let ids = (0..60).map(|product| format!("p{product:02}")).chain(["alias".to_owned()]);
    let ask = |id: String| {
        let seeds = [QuerySeed::product(&id, 1.0)];
        let query = Query::new(TYPES, seeds).with_max_results(100);
        let Ok(plan) = Plan::new(&scene, &context, &query) else { return "refused".to_owned() };
        page.begin(&scene, [], Repeats::Refused);
        let answer = answer(&scene, &context, &query, &plan, &mut page, &mut scratch);
        format!("{:?}", answer.picks)
    };
    ids.map(ask).collect()
}

/// What became of the files.
#[derive(Debug, Default)]
struct Met {
    refused: usize,
    answered_alike: usize,
    /// Forged under checksums and a hash that fit, and by every rule a catalog of its own.
    another_catalog: usize,
    /// The most that was asked for at once, in hundredths of the file.
    largest_percent: usize,
}

impl Met {
    fn asked_for(&mut self, bytes: usize, file_len: usize, what: &str) {
        assert!(
            bytes <= (2 * file_len).max(ERROR_BYTES),
            "{what}: {bytes} of a file of {file_len}"
        );
        if file_len >= ERROR_BYTES {
            self.largest_percent = self.largest_percent.max(100 * bytes / file_len);
        }
    }
}

#[test]
fn ten_thousand_damaged_files_are_refused_by_name_or_answer_alike() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop(&dir);
    let store = Store::open(dir.path()).unwrap();
    let catalogs = damaged_catalogs(&store, &snapshot);
    let manifests = damaged_manifests(&store, snapshot);
    println!("{CATALOGS} catalogs: {catalogs:?}; {MANIFESTS} manifests: {manifests:?}");
}

fn damaged_catalogs(store: &Store, snapshot: &Snapshot) -> Met {
    let blob = snapshot.manifest().blobs[0];
    let whole = fs::read(store.blob_path(&blob)).unwrap();
    let expected = answers(&open(&whole, Some(blob.hash)).unwrap());
    assert!(expected.iter().all(|answer| answer.len() > 100), "{expected:?}");
    let (mut dice, mut met) = (Dice(41), Met::default());
    for index in 0..CATALOGS {
        let way = index % 8;
        let bytes = match way {
            6 => lie_in_header(&mut dice, &whole),
            7 => lie_in_section(&mut dice, &whole),
            way => damage(&mut dice, &whole, way),
        };
        let what = format!("catalog {index}, way {way}");
        for hash in [Some(blob.hash), None] {
            let (opened, bytes_asked) = largest(|| open(&bytes, hash));
            met.asked_for(bytes_asked, bytes.len(), &what);
            match opened {
                Err(error) => {
                    assert!(error.fault.to_string().starts_with(error.fault.code()), "{what}");
                    met.refused += usize::from(hash.is_none());
                }
                Ok(catalog) => {
                    let is_alike = answers(&catalog) == expected;
                    // Only who writes every checksum anew, and the manifest, makes another catalog.
                    assert!(is_alike || (way == 7 && hash.is_none()), "{what}");
                    met.answered_alike += usize::from(hash.is_none() && is_alike);
                    met.another_catalog += usize::from(!is_alike);
                }
            }
        }
    }
    assert_eq!(met.refused + met.answered_alike + met.another_catalog, CATALOGS);
    assert!(met.refused > CATALOGS / 2 && met.another_catalog > 0, "{met:?}");
    met
}

/// A manifest with a lie in it, under a checksum that fits.
fn lie_in_manifest(dice: &mut Dice, whole: &str) -> String {
    let mut lines: Vec<String> = whole.lines().map(ToOwned::to_owned).collect();
    let at = 1 + dice.below(lines.len() - 3);
    let line = lines[at].clone();
    let (key, value) = line.split_once(": ").unwrap_or((&line, ""));
    let end = if value.ends_with(',') { "," } else { "" };
    let value = value.trim_end_matches(',');
    let lie = match value.parse::<u64>() {
        Ok(number) => dice.number_near(number).to_string(),
        Err(_) if value == "null" => dice.below(9).to_string(),
        Err(_) if value == "true" => "false".to_owned(),
        Err(_) if value == "false" => "true".to_owned(),
        Err(_) if value.starts_with('"') => {
            let others = ["\"\"", "\"hold\"", "\"rollback\"", "\"policy\"", "7", "null", "[]"];
            let digits = format!("\"{:064x}\"", dice.word());
            let long = format!("\"{}\"", "x".repeat(dice.below(9_000)));
            let all = others.into_iter().chain([digits.as_str(), &long]);
            all.clone().nth(dice.below(others.len() + 2)).unwrap().to_owned()
        }
        // A line of brackets: left out, or said twice.
        Err(_) if dice.below(2) == 0 => {
            lines.remove(at);
            return repaired(&lines.join("\n"));
        }
        Err(_) => {
            lines.insert(at, line);
            return repaired(&lines.join("\n"));
        }
    };
    lines[at] = format!("{key}: {lie}{end}");
    repaired(&lines.join("\n"))
}

/// The same text with the checksum that its other fields give.
fn repaired(text: &str) -> String {
    let Some((before, rest)) = text.split_once("\"checksum\": \"") else { return text.to_owned() };
    let Some((_, after)) = rest.split_once('"') else { return text.to_owned() };
    let blank = format!("{before}\"checksum\": \"\"{after}");
    let mut is_text = false;
    let compact: String = blank
        .chars()
        .filter(|char| {
            is_text ^= *char == '"';
            is_text || !char.is_whitespace()
        })
        .collect();
    let digits: String = blake3::hash(compact.as_bytes()).to_hex().chars().take(32).collect();
    format!("{before}\"checksum\": \"{digits}\"{after}")
}

fn replies(moment: &Moment, requests: &[GetRecommendationsRequest]) -> Vec<Vec<u8>> {
    let reply = |request| get_recommendations(moment, request).unwrap().into_frame().to_vec();
    requests.iter().map(reply).collect()
}

fn damaged_manifests(store: &Store, snapshot: Snapshot) -> Met {
    let track = store.track(MAIN_TRACK).unwrap();
    let note = Note {
        actor: "ana".to_owned(),
        reason: "sale".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let held = track.hold(&note).unwrap();
    let path = track.dir().join(format!("{:020}.json", held.number));
    let whole = fs::read_to_string(&path).unwrap();
    assert_eq!(repaired(&whole), whole, "who repairs a checksum does it as a writer does");
    let requests = requests();
    let live = Moment { snapshot: snapshot.into(), stock: StockView::empty().into() };
    let expected = replies(&live, &requests);
    let (mut dice, mut met) = (Dice(43), Met::default());
    for index in 0..MANIFESTS {
        let way = index % 8;
        let bytes = match way {
            6 | 7 => lie_in_manifest(&mut dice, &whole).into_bytes(),
            way => damage(&mut dice, whole.as_bytes(), way),
        };
        fs::remove_file(&path).unwrap();
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let what = format!("manifest {index}, way {way}: {}", String::from_utf8_lossy(&bytes));
        let (read, bytes_asked) = largest(|| track.current());
        met.asked_for(bytes_asked, bytes.len().max(whole.len()), &what);
        let Ok(current) = read else {
            met.refused += 1;
            continue;
        };
        let current = current.unwrap_or_else(|| panic!("{what}: the track is empty"));
        match Snapshot::load(store, &current) {
            Err(error) => {
                assert!(!error.may_pass(), "{what}: {error}");
                met.refused += 1;
            }
            Ok(snapshot) => {
                let stock = StockView::empty().into();
                let moment = Moment { snapshot: snapshot.into(), stock };
                assert!(replies(&moment, &requests) == expected, "{what}");
                met.answered_alike += 1;
            }
        }
    }
    assert!(met.refused > MANIFESTS / 2 && met.answered_alike > 0, "{met:?}");
    met
}
