//! A journal whose n-th step on the file system fails, for every n, once or from then on.
//!
//! Goal: nothing is acknowledged that a restart does not find, a full disk is told from a broken
//! one, and a journal goes on without a restart when the disk does. Method: one story that takes
//! every kind of step, with each step failing in turn.

use std::io;

use super::{
    Journal, JournalError, Payloads, Storage, append, open, segment_name,
    sim::{Fault, Lie, Op, Sim},
    texts,
};

/// What the owner of the journal knows when its story ends.
struct Told {
    acked: Payloads,
    under_way: Payloads,
    journal: Option<Journal>,
    errors: Vec<JournalError>,
}

impl Told {
    fn append(&mut self, words: &str) {
        let Some(journal) = &mut self.journal else { return };
        if journal.is_broken() {
            match journal.repair() {
                Ok(()) => self.under_way.clear(),
                Err(error) => self.errors.push(error),
            }
        }
        let was_broken = journal.is_broken();
        match append(journal, &texts(words)) {
            Ok(()) => self.acked.extend(texts(words)),
            Err(error) => {
                assert!(journal.is_broken());
                self.errors.push(error);
                if !was_broken {
                    self.under_way = texts(words);
                }
            }
        }
    }

    fn checkpoint(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        let sealed = journal.rotate();
        let done = sealed
            .and_then(|sealed| journal.checkpoint(sealed, &mut self.acked.clone().into_iter()));
        self.errors.extend(done.err());
    }

    fn restart(&mut self, sim: &Sim) {
        self.journal = None;
        match open(sim.clone()) {
            Ok((journal, recovery, found)) => {
                self.check(&found);
                self.errors.extend(recovery.broken);
                (self.acked, self.under_way) = (found, Vec::new());
                self.journal = Some(journal);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn check(&self, found: &Payloads) {
        let (acked, rest) = found.split_at(self.acked.len());
        assert_eq!(acked, self.acked);
        assert!(self.under_way.starts_with(rest), "{rest:?}");
    }
}

fn story(sim: &Sim) -> Told {
    let (acked, under_way, errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut told = Told { acked, under_way, journal: None, errors };
    told.restart(sim);
    told.append("a1 a2");
    told.append("b");
    told.checkpoint();
    told.append("c");
    told.append("d1 d2 d3");
    told.restart(sim);
    told.append("e");
    told.checkpoint();
    told.restart(sim);
    told.append("f");
    told
}

/// Runs the story with each step failing so, and gives back how many steps there were.
fn check(kind: io::ErrorKind, is_for_ever: bool, is_done: bool) -> usize {
    for step in 0.. {
        let sim = Sim::empty();
        sim.set_fault(Some(Fault { step, is_for_ever, is_done, kind }));
        let mut told = story(&sim);
        if sim.steps() <= step {
            assert!(told.errors.is_empty() && told.acked == texts("a1 a2 b c d1 d2 d3 e f"));
            return step;
        }
        for error in &told.errors {
            assert_eq!(error.is_full(), kind == io::ErrorKind::StorageFull, "step {step}: {error}");
        }
        assert!(is_for_ever || told.errors.len() <= 3, "step {step}: {:?}", told.errors);
        sim.set_fault(None);
        // Who reads now, as after a restart, finds what was told.
        let (_, _, found) = open(Sim::new(sim.image(), Lie::Nothing)).unwrap();
        told.check(&found);
        // And who was there all the time goes on.
        let before = told.errors.len();
        told.append("z");
        assert_eq!(told.errors.len(), before, "step {step}: {:?}", told.errors.last());
        if told.journal.is_some() {
            assert_eq!(open(sim).unwrap().2, told.acked, "step {step}");
        }
    }
    unreachable!("a story has an end")
}

#[test]
fn no_failing_step_leads_to_a_false_acknowledgement() {
    for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
        for is_for_ever in [false, true] {
            for is_done in [false, true] {
                let steps = check(kind, is_for_ever, is_done);
                assert!(steps > 80, "{steps} steps are not every kind of step");
            }
        }
    }
}

#[test]
fn a_full_quota_is_a_full_disk() {
    for (number, is_full) in [(5, false), (28, true), (30, false), (122, true)] {
        let source = io::Error::from_raw_os_error(number);
        let error = JournalError::Io { action: "write", path: "x".into(), source };
        assert_eq!(error.is_full(), is_full, "{error}");
    }
}

fn fail_next(sim: &Sim, steps_ahead: usize, kind: io::ErrorKind) {
    let step = sim.steps() + steps_ahead;
    sim.set_fault(Some(Fault { step, is_for_ever: false, is_done: true, kind }));
}

#[test]
fn a_broken_journal_says_why_until_it_is_repaired() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    fail_next(&sim, 0, io::ErrorKind::StorageFull);
    assert!(append(&mut journal, &texts("lost words")).unwrap_err().is_full());
    for error in [append(&mut journal, &texts("b")).err(), journal.rotate().err()] {
        let error = error.unwrap();
        assert!(matches!(error, JournalError::Broken { .. }) && error.is_full(), "{error}");
        assert!(error.to_string().contains("cannot write sim/"), "{error}");
    }
    journal.repair().unwrap();
    append(&mut journal, &texts("b")).unwrap();
    assert_eq!(open(sim).unwrap().2, texts("a b"));
}

/// After a failed sync Linux calls the pages clean, so that a second sync succeeds in vain.
#[test]
fn a_descriptor_whose_sync_failed_is_never_synced_again() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    fail_next(&sim, 1, io::ErrorKind::Other);
    append(&mut journal, &texts("lost")).unwrap_err();
    let before = sim.op_count();
    journal.repair().unwrap();
    append(&mut journal, &texts("b")).unwrap();
    let ops = sim.ops();
    let failed =
        ops.iter().find_map(|op| if let Op::FailedSync { file } = op { Some(*file) } else { None });
    let synced_again =
        |op: &Op| matches!(op, Op::Sync { file } | Op::Write { file, .. } if Some(*file) == failed);
    assert!(failed.is_some() && !ops[before..].iter().any(synced_again));
    assert_eq!(open(sim).unwrap().2, texts("a b"));
}

#[test]
fn a_repair_that_finds_damage_below_what_was_acknowledged_says_so() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a")).unwrap();
    fail_next(&sim, 1, io::ErrorKind::Other);
    append(&mut journal, &texts("lost")).unwrap_err();
    let name = segment_name(1);
    Storage::cut(&sim, &name, 50).unwrap();
    let error = journal.repair().unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&name) && journal.is_broken(), "{error}");
}

#[test]
fn a_disk_that_takes_no_writes_can_be_read() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    append(&mut journal, &texts("a b")).unwrap();
    drop(journal);
    let again = || Sim::new(sim.image(), Lie::Nothing);
    // The first step from which on all may fail and reading still works.
    let kind = io::ErrorKind::ReadOnlyFilesystem;
    let failing_from = |step| {
        let sim = again();
        sim.set_fault(Some(Fault { step, is_for_ever: true, is_done: false, kind }));
        sim
    };
    let read = (0..100).map(failing_from).find_map(|sim| Some((open(sim.clone()).ok()?, sim)));
    let ((mut journal, recovery, found), sim) = read.unwrap();
    assert_eq!(found, texts("a b"));
    assert!(sim.ops().is_empty() && !recovery.broken.unwrap().is_full());
    append(&mut journal, &texts("c")).unwrap_err();
    sim.set_fault(None);
    journal.repair().unwrap();
    append(&mut journal, &texts("c")).unwrap();
    assert_eq!(open(sim).unwrap().2, texts("a b c"));
}
