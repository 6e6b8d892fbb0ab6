//! Goal: runs and heap merge as a plain map would. Method: random relations against a `BTreeMap` of
//! the best record of each link, written without the code under test.

use std::{collections::BTreeMap, env, num::NonZeroUsize};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::model::{record::Visibility, relation::RelationType};

/// `x` is no product and `h` is hidden.
const IDS: &[&str] = &["a", "b", "c", "d", "h", "x"];

fn relation() -> impl Strategy<Value = (u32, RelationRecord<'static>)> {
    let ends = (select(IDS), select(&["related", "up_sell"]), select(IDS));
    let given = (prop::option::of(0_u32..3), prop::option::of(select(&[0.0_f32, 0.25, 1.0])));
    (0_u32..2, ends, given, any::<bool>()).prop_map(
        |(source, (from, kind, to), (position, score), two_way)| {
            let two_way = Some(two_way);
            (source, RelationRecord { position, score, two_way, ..link(from, kind, to) })
        },
    )
}

/// Smaller is better: stated, authority, position, score.
type Standing = (bool, i32, u64, i64);

fn standing(source: u32, record: &RelationRecord<'_>, reversed: bool) -> Standing {
    let position = record.position.map_or(1 << 40, u64::from);
    // Positive floats stand in the order of their bits.
    let score = record.score.map_or(1, |score| -i64::from(score.to_bits()));
    (reversed, [-50, -200][index(source)], position, score)
}

/// Links as the graph should list them, then kept, reversed and dropped by reason.
fn expect(rows: &[(u32, RelationRecord<'static>)]) -> (Vec<String>, [u64; 7]) {
    let mut counts = [0; 7];
    let mut best: BTreeMap<(&str, RelationType, &str), Vec<Standing>> = BTreeMap::new();
    for (source, record) in rows {
        let number = if record.relation_type == "up_sell" { 2 } else { 7 };
        let kind = RelationType::new(number).unwrap();
        let (from, to) = (record.source, record.target);
        if from == "x" {
            counts[2] += 1;
        } else if to == "x" {
            counts[3] += 1;
        } else if from == to {
            counts[4] += 1;
        } else {
            best.entry((from, kind, to)).or_default().push(standing(*source, record, false));
            if record.two_way == Some(true) {
                best.entry((to, kind, from)).or_default().push(standing(*source, record, true));
            }
        }
    }
    let mut lists: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((from, kind, to), standings) in best {
        let stated = standings.iter().filter(|standing| !standing.0).count() as u64;
        let (reversed, authority, position, score) = standings.into_iter().min().unwrap();
        counts[5] += stated.saturating_sub(1);
        if to == "h" {
            counts[6] += u64::from(stated > 0);
            continue;
        }
        counts[usize::from(reversed)] += 1;
        let list = lists.entry((from, kind)).or_default();
        list.push((authority, position, score, to));
    }
    let mut links = Vec::new();
    for ((from, kind), mut list) in lists {
        list.sort_unstable();
        links.extend(list.iter().map(|(.., to)| format!("{from} {kind} {to}")));
    }
    (links, counts)
}

fn build_rows<S: RunStore>(rows: &[(u32, RelationRecord<'static>)], store: S) -> Graph<S::Runs> {
    let mut builder = GraphBuilder::new(config(), store);
    for name in ["low", "high"] {
        builder.begin_source(name);
        builder.open_file(FileInfo { name: name.to_owned(), modified_s: None });
    }
    let at = |file, line| Location { file: FileId(file), line };
    for id in IDS.iter().filter(|id| **id != "x") {
        let visibility = if *id == "h" { Visibility::Hidden } else { Visibility::Visible };
        let record = ProductRecord { id, visibility, ..ProductRecord::default() };
        builder.record(at(0, 1), Record::Product(record));
    }
    for (line, (source, record)) in (1..).zip(rows) {
        builder.record(at(*source, line), Record::Relation(record.clone()));
    }
    builder.finish().unwrap()
}

fn edges<R: SortedRuns>(graph: &Graph<R>) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut groups = graph.relations().unwrap();
    while let Some(group) = groups.next_group().unwrap() {
        edges.extend_from_slice(group.edges);
    }
    edges
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = FileStore::in_dir(&dir.path().join("absent")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn merged_runs_equal_a_plain_map(
        rows in prop::collection::vec(relation(), 0..80),
        chunk_edges in 1_usize..70,
    ) {
        let graph = build_rows(&rows, MemoryStore::with_chunk_edges(chunk_edges));
        let (expected, counts) = expect(&rows);
        prop_assert_eq!(links(&graph), expected);
        let sum = |count: fn(&RelationCounts) -> u64| graph.counts.by_type.values().map(count).sum::<u64>();
        let found = |code| graph.findings.count(code);
        let actual = [
            sum(|counts| counts.kept),
            sum(|counts| counts.reversed),
            found(FindingCode::UnknownSource),
            found(FindingCode::DanglingTarget),
            found(FindingCode::SelfLink),
            found(FindingCode::DuplicateRelation),
            found(FindingCode::HiddenTarget),
        ];
        prop_assert_eq!(actual, counts);
    }

    #[test]
    fn runs_in_files_give_what_runs_in_memory_give(
        rows in prop::collection::vec(relation(), 0..80),
        chunk_edges in 1_usize..70,
        threads in 1_usize..3,
    ) {
        let threads = NonZeroUsize::new(threads).unwrap();
        let store = FileStore::in_dir(&env::temp_dir()).unwrap();
        let store = store.with_chunk_edges(chunk_edges).with_threads(threads);
        let in_files = build_rows(&rows, store);
        let in_memory = build_rows(&rows, MemoryStore::with_chunk_edges(chunk_edges));
        prop_assert_eq!(edges(&in_files), edges(&in_memory));
        prop_assert_eq!(&in_files.counts, &in_memory.counts);
        prop_assert!(in_files.dropped().eq(in_memory.dropped()));
        // As often as needed, each time from the beginning.
        prop_assert_eq!(edges(&in_files), edges(&in_memory));
    }
}
