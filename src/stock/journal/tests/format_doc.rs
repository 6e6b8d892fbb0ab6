//! `JOURNAL.md` says what the code says.

use std::mem::offset_of;

use super::format::{
    CHECKPOINT_MAGIC, CheckpointEnd, END_BYTES, END_MAGIC, FORMAT, HEADER_BYTES, Header,
    RECORD_HEAD_BYTES, RecordHead, SEGMENT_MAGIC,
};
use crate::model::limits::JOURNAL_PAYLOAD_BYTES_MAX;

const DOC: &str = include_str!("../../JOURNAL.md");

/// The first cells of the table's rows under a heading, without back quotes.
fn table(heading: &str, cells: usize) -> Vec<String> {
    let (_, behind) = DOC.split_once(&format!("## {heading}\n")).unwrap();
    let rows = behind.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cut = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).skip(1).take(cells).collect();
        cells.join(" ").replace('`', "")
    };
    rows.map(cut).collect()
}

fn hex(bytes: [u8; 8]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(" ")
}

#[test]
fn the_numbers_are_those_of_the_code() {
    let expected = [
        format!("SEGMENT_MAGIC {}", hex(SEGMENT_MAGIC)),
        format!("CHECKPOINT_MAGIC {}", hex(CHECKPOINT_MAGIC)),
        format!("END_MAGIC {}", hex(END_MAGIC)),
        format!("FORMAT {FORMAT}"),
        format!("HEADER_BYTES {HEADER_BYTES}"),
        format!("RECORD_HEAD_BYTES {RECORD_HEAD_BYTES}"),
        format!("END_BYTES {END_BYTES}"),
        format!("JOURNAL_PAYLOAD_BYTES_MAX {JOURNAL_PAYLOAD_BYTES_MAX}"),
    ];
    assert_eq!(table("Numbers", 2), expected);
}

#[test]
fn the_fields_are_those_of_the_code() {
    let header = [
        format!("{} 8 magic", offset_of!(Header, magic)),
        format!("{} 4 format", offset_of!(Header, format)),
        format!("{} 4 reserved", offset_of!(Header, reserved)),
        format!("{} 8 number", offset_of!(Header, number)),
        format!("{} 8 sequence", offset_of!(Header, sequence)),
        format!("{} 8 checksum", offset_of!(Header, checksum)),
    ];
    assert_eq!(table("Header", 3), header);
    let record = [
        format!("{} 8 checksum", offset_of!(RecordHead, checksum)),
        format!("{} 4 len", offset_of!(RecordHead, len)),
        format!("{} 4 batch_offset", offset_of!(RecordHead, batch_offset)),
        format!("{} 8 sequence", offset_of!(RecordHead, sequence)),
        format!("{} len payload", RECORD_HEAD_BYTES),
    ];
    assert_eq!(table("Record", 3), record);
    let end = [
        format!("{} 8 magic", offset_of!(CheckpointEnd, magic)),
        format!("{} 8 count", offset_of!(CheckpointEnd, count)),
        format!("{} 8 fold", offset_of!(CheckpointEnd, fold)),
        format!("{} 8 checksum", offset_of!(CheckpointEnd, checksum)),
    ];
    assert_eq!(table("End of a checkpoint", 3), end);
}
