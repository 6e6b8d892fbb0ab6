//! Random lives without faults, against a plain list.

use proptest::{collection::vec, prelude::*};

use super::{Payloads, append, open, sim::Sim};

#[derive(Clone, Debug)]
enum Action {
    Append(Payloads),
    Rotate,
    Checkpoint,
    /// With this many payloads between the seal and the checkpoint.
    LateCheckpoint(Payloads),
    Reopen,
}

fn action() -> impl Strategy<Value = Action> {
    let payloads = || vec(vec(any::<u8>(), 0..40), 0..5);
    prop_oneof![
        5 => payloads().prop_map(Action::Append),
        1 => Just(Action::Rotate),
        1 => Just(Action::Checkpoint),
        1 => payloads().prop_map(Action::LateCheckpoint),
        2 => Just(Action::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_journal_is_the_list_of_what_was_appended(actions in vec(action(), 1..40)) {
        let sim = Sim::empty();
        let mut list = Payloads::new();
        let (mut journal, _, _) = open(sim.clone()).unwrap();
        let mut segments_max = 1;
        for action in actions {
            match action {
                Action::Append(payloads) => {
                    append(&mut journal, &payloads).unwrap();
                    list.extend(payloads);
                }
                Action::Rotate => drop(journal.rotate().unwrap()),
                Action::Checkpoint => {
                    let sealed = journal.rotate().unwrap();
                    journal.checkpoint(sealed, &mut list.clone().into_iter()).unwrap();
                    prop_assert_eq!(journal.bytes_since_checkpoint(), 0);
                    // The checkpoint and one segment.
                    prop_assert_eq!(sim.image().len(), 2);
                }
                Action::LateCheckpoint(payloads) => {
                    let sealed = journal.rotate().unwrap();
                    let before = list.clone();
                    append(&mut journal, &payloads).unwrap();
                    journal.checkpoint(sealed, &mut before.into_iter()).unwrap();
                    let bytes: usize = payloads.iter().map(|payload| 24 + payload.len()).sum();
                    prop_assert_eq!(journal.bytes_since_checkpoint(), bytes as u64);
                    list.extend(payloads);
                }
                Action::Reopen => {
                    drop(journal);
                    let (next, recovery, found) = open(sim.clone()).unwrap();
                    prop_assert_eq!(&found, &list);
                    prop_assert!(recovery.broken.is_none() && recovery.torn_bytes == 0);
                    segments_max = segments_max.max(recovery.segments);
                    journal = next;
                }
            }
        }
        let (_, recovery, found) = open(sim).unwrap();
        prop_assert_eq!(found, list);
        prop_assert!(recovery.segments <= 40 + segments_max);
    }
}

/// A server that is restarted again and again does not fill its directory.
#[test]
fn restarts_without_a_write_add_no_files() {
    let sim = Sim::empty();
    let (mut journal, _, _) = open(sim.clone()).unwrap();
    for batch in ["a", "b", "c"] {
        append(&mut journal, &super::texts(batch)).unwrap();
    }
    for _ in 0..5 {
        assert_eq!(open(sim.clone()).unwrap().2, super::texts("a b c"));
    }
    assert_eq!(sim.image().len(), 2);
}
