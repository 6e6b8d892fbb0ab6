//! A journal cut at every byte, and with every byte changed.
//!
//! Goal: a tail that was cut off leaves every whole record before it; a changed byte is named, or
//! takes the last write with it as a torn tail would, and never changes a payload. Method: one
//! directory with a checkpoint and two segments, damaged in each way, against what was written.

use super::{
    JournalError, Payloads, append,
    format::{HEADER_BYTES, RECORD_HEAD_BYTES, checkpoint_name, segment_name},
    open,
    sim::{Image, Lie, Sim},
    texts,
};

const WRITTEN: &str = "a b1 b2 c d eleven-bytes f1 f2 f3 g";

/// `a`, `b1` and `b2` in checkpoint 2, `c` to `eleven-bytes` in segment 2, the others in segment 3.
fn directory() -> Image {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    append(&mut journal, &texts("b1 b2")).unwrap();
    let sealed = journal.rotate().unwrap();
    journal.checkpoint(sealed, &mut texts("a b1 b2").into_iter()).unwrap();
    for batch in ["c", "d", "eleven-bytes"] {
        append(&mut journal, &texts(batch)).unwrap();
    }
    drop(journal.rotate().unwrap());
    append(&mut journal, &texts("f1 f2 f3")).unwrap();
    append(&mut journal, &texts("g")).unwrap();
    sim.image()
}

fn read(image: &Image) -> Result<(u64, Payloads), JournalError> {
    let (_, recovery, found) = open(Sim::new(image.clone(), Lie::Nothing))?;
    assert!(recovery.broken.is_none());
    Ok((recovery.torn_bytes, found))
}

#[test]
fn the_directory_holds_a_checkpoint_and_two_segments() {
    let image = directory();
    let names: Vec<_> = image.keys().cloned().collect();
    assert_eq!(names, [checkpoint_name(2), segment_name(2), segment_name(3)]);
    assert_eq!(read(&image).unwrap(), (0, texts(WRITTEN)));
}

#[test]
fn a_cut_at_any_byte_leaves_the_whole_records_before_it() {
    let whole = directory();
    let last = &whole[&segment_name(3)];
    for len in 0..last.len() {
        let mut image = whole.clone();
        image.insert(segment_name(3), last[..len].to_vec());
        if len < HEADER_BYTES {
            // No crash leaves this: a name appears when the header is on the disk.
            let error = read(&image).unwrap_err().to_string();
            assert!(error.contains(&segment_name(3)) && error.contains("header"), "{error}");
            continue;
        }
        let (mut kept, mut end) = (6, HEADER_BYTES);
        for payload in texts(WRITTEN).iter().skip(6) {
            if end + RECORD_HEAD_BYTES + payload.len() > len {
                break;
            }
            end += RECORD_HEAD_BYTES + payload.len();
            kept += 1;
        }
        let (torn_bytes, found) = read(&image).unwrap();
        assert_eq!(found, texts(WRITTEN)[..kept], "cut at {len}");
        assert_eq!(torn_bytes, (len - end) as u64, "cut at {len}");
    }
}

#[test]
fn a_segment_before_the_last_one_has_no_torn_tail() {
    let whole = directory();
    for name in [segment_name(2), checkpoint_name(2)] {
        for len in 0..whole[&name].len() {
            let mut image = whole.clone();
            image.get_mut(&name).unwrap().truncate(len);
            let error = read(&image).unwrap_err();
            assert!(matches!(&error, JournalError::Damaged { .. }), "{name} cut at {len}: {error}");
            assert!(error.to_string().contains(&name), "{error}");
        }
    }
}

#[test]
fn a_changed_bit_is_named_or_takes_no_more_than_the_last_write() {
    let whole = directory();
    let last_write = whole[&segment_name(3)].len() - RECORD_HEAD_BYTES - 1;
    for (name, bytes) in &whole {
        for at in 0..bytes.len() {
            for bit in [0, 3, 7] {
                let mut image = whole.clone();
                image.get_mut(name).unwrap()[at] ^= 1 << bit;
                match read(&image) {
                    Ok((torn_bytes, found)) => {
                        let is_last = *name == segment_name(3) && at >= last_write;
                        assert!(is_last && torn_bytes > 0, "{name} byte {at}");
                        assert_eq!(found, texts(WRITTEN)[..9], "{name} byte {at}");
                    }
                    Err(error) => {
                        assert!(matches!(&error, JournalError::Damaged { .. }), "{error}");
                        assert!(error.to_string().contains(name), "{name} byte {at}: {error}");
                    }
                }
            }
        }
    }
}

/// A power cut may keep the end of a write and lose its begin: nobody was told that it is written.
#[test]
fn a_write_that_lost_its_middle_is_a_torn_tail() {
    let mut image = directory();
    let f2 = HEADER_BYTES + RECORD_HEAD_BYTES + 2;
    let bytes = image.get_mut(&segment_name(3)).unwrap();
    bytes.truncate(bytes.len() - RECORD_HEAD_BYTES - 1);
    bytes[f2..f2 + RECORD_HEAD_BYTES].fill(0);
    let (torn_bytes, found) = read(&image).unwrap();
    assert_eq!(torn_bytes, 2 * (RECORD_HEAD_BYTES as u64 + 2));
    assert_eq!(found, texts(WRITTEN)[..7]);
}

#[test]
fn a_missing_file_is_named() {
    let whole = directory();
    for (gone, missing) in
        [(segment_name(2), segment_name(2)), (checkpoint_name(2), segment_name(1))]
    {
        let mut image = whole.clone();
        image.remove(&gone);
        let error = read(&image).unwrap_err();
        assert!(matches!(&error, JournalError::MissingSegment { .. }), "{error}");
        assert!(error.to_string().contains(&missing), "{error}");
    }
    let mut only_checkpoint = whole;
    only_checkpoint.retain(|name, _| *name == checkpoint_name(2));
    assert!(matches!(read(&only_checkpoint), Err(JournalError::MissingSegment { .. })));
}

#[test]
fn files_under_each_others_names_are_refused() {
    let whole = directory();
    let mut image = whole.clone();
    image.insert(segment_name(2), whole[&segment_name(3)].clone());
    assert!(matches!(read(&image), Err(JournalError::Damaged { .. })));
    let mut image = whole.clone();
    image.insert(checkpoint_name(2), whole[&segment_name(2)].clone());
    assert!(matches!(read(&image), Err(JournalError::Damaged { .. })));
}

/// While what the newest checkpoint covers was not removed yet, it is not needed.
#[test]
fn a_damaged_checkpoint_is_passed_over_while_all_it_covers_is_there() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a b")).unwrap();
    let sealed = journal.rotate().unwrap();
    let before = sim.image();
    journal.checkpoint(sealed, &mut texts("ab").into_iter()).unwrap();
    let mut both = sim.image();
    both.extend(before);
    assert_eq!(read(&both).unwrap().1, texts("ab"));
    both.get_mut(&checkpoint_name(2)).unwrap()[50] ^= 1;
    assert_eq!(read(&both).unwrap().1, texts("a b"));
    both.remove(&segment_name(1));
    assert!(read(&both).unwrap_err().to_string().contains(&checkpoint_name(2)));
}

#[test]
fn a_format_of_another_version_is_refused() {
    let mut image = directory();
    let bytes = image.get_mut(&segment_name(3)).unwrap();
    bytes[8] = 2;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..32]);
    bytes[32..40].copy_from_slice(&checksum.to_le_bytes());
    let error = read(&image).unwrap_err();
    assert!(matches!(error, JournalError::UnknownFormat { found: 2, .. }), "{error}");
}

#[test]
fn a_length_beyond_the_limit_or_the_file_is_never_allocated() {
    for len in [u32::MAX, 4 << 20, (4 << 20) + 1] {
        let mut image = directory();
        let bytes = image.get_mut(&segment_name(3)).unwrap();
        let g = bytes.len() - RECORD_HEAD_BYTES - 1;
        bytes[g + 8..g + 12].copy_from_slice(&len.to_le_bytes());
        assert_eq!(read(&image).unwrap().1, texts(WRITTEN)[..9]);
    }
}

#[test]
fn records_that_are_gone_doubled_or_of_another_file_are_not_taken() {
    let whole = directory();
    let last = whole[&segment_name(3)].clone();
    let with = |name: String, bytes: Vec<u8>| {
        let mut image = whole.clone();
        image.insert(name, bytes);
        read(&image)
    };
    let record = RECORD_HEAD_BYTES + 1;
    let gone = |name: String| {
        let mut bytes = whole[&name].clone();
        bytes.drain(HEADER_BYTES..HEADER_BYTES + record);
        with(name, bytes)
    };
    for name in [segment_name(2), checkpoint_name(2)] {
        assert!(matches!(gone(name), Err(JournalError::Damaged { .. })));
    }

    let doubled = [&last[..], &last[last.len() - record..]].concat();
    let (torn_bytes, found) = with(segment_name(3), doubled).unwrap();
    assert_eq!((torn_bytes, found), (record as u64, texts(WRITTEN)));

    // The same records in a journal that never began a third segment.
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    for batch in ["a", "b1 b2", "c", "d", "eleven-bytes", "f1 f2 f3", "g"] {
        append(&mut journal, &texts(batch)).unwrap();
    }
    let other = sim.image()[&segment_name(1)].clone();
    let foreign = [&last[..last.len() - record], &other[other.len() - record..]].concat();
    let (torn_bytes, found) = with(segment_name(3), foreign).unwrap();
    assert_eq!((torn_bytes, found), (record as u64, texts(WRITTEN)[..9].to_vec()));
}

#[test]
fn a_checkpoint_with_a_record_of_another_one_is_refused() {
    let checkpoint = |words: &str| {
        let sim = Sim::empty();
        let (mut journal, _, _) = open(sim.clone()).unwrap();
        append(&mut journal, &texts("a")).unwrap();
        let sealed = journal.rotate().unwrap();
        journal.checkpoint(sealed, &mut texts(words).into_iter()).unwrap();
        sim.image()
    };
    let (mut one, other) = (checkpoint("a b"), checkpoint("a c"));
    let end = HEADER_BYTES + 2 * (RECORD_HEAD_BYTES + 1);
    let into = &mut one.get_mut(&checkpoint_name(2)).unwrap()[..end];
    into.copy_from_slice(&other[&checkpoint_name(2)][..end]);
    let error = read(&one).unwrap_err().to_string();
    assert!(error.contains("that of other records"), "{error}");
}

#[test]
fn a_directory_with_more_files_than_the_limit_is_refused() {
    let count = crate::model::limits::JOURNAL_FILES_MAX as u64;
    let mut image: Image = (1..=count).map(|n| (segment_name(n), Vec::new())).collect();
    image.insert("lock".to_owned(), Vec::new());
    assert!(matches!(read(&image), Err(JournalError::Damaged { .. })));
    image.insert(checkpoint_name(1), Vec::new());
    assert!(matches!(read(&image), Err(JournalError::TooManyFiles { .. })));
}
