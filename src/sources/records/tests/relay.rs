//! Calls that go from thread to thread arrive as they were made.

use std::thread;

use super::*;
use crate::model::{
    record::{RelationRecord, TombstoneRecord},
    relation::Origin,
};

impl SourceSink for Log {
    fn begin_source(&mut self, name: &str) {
        self.calls.push(format!("source {name}"));
    }
}

/// More than all blocks that may wait, from two sources, of whose files one is empty.
fn calls(sink: &mut dyn SourceSink) {
    for source in ["pim", "shop"] {
        sink.begin_source(source);
        let name = format!("{source}.csv");
        let file = sink.open_file(FileInfo { name: name.clone(), modified_s: Some(-7) });
        sink.open_file(FileInfo { name, modified_s: None });
        for line in 1..40_000 {
            let id = "x".repeat(usize::try_from(line % 250).unwrap());
            let link = RelationRecord::new(&id, "related", "y", Origin::Imported);
            sink.record(at(file, line), Record::Relation(link));
            if line % 1_000 == 0 {
                sink.finding(FindingCode::BadRow, at(file, line), "id", "expected none");
            }
        }
    }
    sink.begin_source("last");
}

#[test]
fn calls_arrive_in_order_on_another_thread() {
    let mut expected = Log::default();
    calls(&mut expected);
    let (mut sink, relayed) = relay();
    let mut found = Log::default();
    thread::scope(|scope| {
        scope.spawn(move || {
            calls(&mut sink);
            sink.finish();
        });
        relayed.pass(&mut found).unwrap();
    });
    assert!(found == expected);
}

#[test]
fn who_reads_ends_where_nobody_takes_it() {
    let (mut sink, relayed) = relay();
    drop(relayed);
    calls(&mut sink);
    sink.finish();
}

#[test]
fn a_record_that_no_importer_may_yield_is_an_error() {
    let send = |score| {
        let (mut sink, relayed): (RelaySink, _) = relay();
        let file = sink.open_file(FileInfo { name: "f".to_owned(), modified_s: None });
        let link = RelationRecord::new("a", "related", "b", Origin::Imported);
        let link = RelationRecord { score: Some(score), ..link };
        sink.record(at(file, 1), Record::Relation(link));
        sink.record(at(file, 2), Record::Tombstone(TombstoneRecord { product: "a" }));
        sink.finish();
        relayed.pass(&mut Log::default())
    };
    assert!(send(1.0).is_ok());
    let error = send(2.0).unwrap_err().to_string();
    assert!(error.contains("expected a score"), "{error}");
}
