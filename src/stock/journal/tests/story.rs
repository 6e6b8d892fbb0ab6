//! Lives of a journal, drawn by chance, and what each moment of them may leave on the disk.

use std::io;

use super::{
    Numbers, Payloads, append, open,
    sim::{Fault, Lie, Sim},
};
use crate::stock::journal::{Journal, JournalError};

/// From this step of the disk on, what a restart must and may find.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) from_op: usize,
    /// What was acknowledged.
    pub(super) acked: Payloads,
    /// What a beginning of may follow.
    pub(super) under_way: Payloads,
}

impl Claim {
    /// Why this is not what a restart may find.
    pub(super) fn violation(&self, found: &Payloads) -> Option<String> {
        let Some((acked, rest)) = found.split_at_checked(self.acked.len()) else {
            return Some(format!("{} of {} acked", found.len(), self.acked.len()));
        };
        if acked != self.acked {
            return Some("other payloads than those acked".to_owned());
        }
        let is_beginning = self.under_way.starts_with(rest);
        (!is_beginning).then(|| format!("{} payloads that nobody wrote so", rest.len()))
    }
}

/// A life: the disk with all its steps, and the claims in their order.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) sim: Sim,
    pub(super) claims: Vec<Claim>,
    journal: Option<Journal>,
    /// What the journal's owner has in memory.
    state: Payloads,
    counter: u32,
    numbers: Numbers,
}

impl Life {
    pub(super) fn draw(seed: u64, lie: Lie, actions: usize) -> Self {
        let mut life = Self {
            sim: Sim::new(Default::default(), lie),
            claims: vec![Claim { from_op: 0, acked: Vec::new(), under_way: Vec::new() }],
            journal: None,
            state: Vec::new(),
            counter: 0,
            numbers: Numbers(seed),
        };
        for _ in 0..actions {
            life.act();
        }
        life
    }

    fn act(&mut self) {
        if self.numbers.percent(15) {
            let kinds = [io::ErrorKind::Other, io::ErrorKind::StorageFull];
            let fault = Fault {
                step: self.sim.steps() + self.numbers.below(12),
                is_for_ever: self.numbers.percent(30),
                is_done: self.numbers.percent(70),
                kind: kinds[self.numbers.below(2)],
            };
            self.sim.set_fault(Some(fault));
        } else if self.numbers.percent(50) {
            self.sim.set_fault(None);
        }
        let Some(journal) = &mut self.journal else { return self.restart() };
        if journal.is_broken() {
            if self.numbers.percent(30) {
                return self.restart();
            }
            if journal.repair().is_ok() {
                self.claim(self.state.clone(), Vec::new());
            }
            return;
        }
        match self.numbers.below(10) {
            0 => self.restart(),
            1 | 2 => self.checkpoint(),
            _ => self.append(),
        }
    }

    fn claim(&mut self, acked: Payloads, under_way: Payloads) {
        self.claims.push(Claim { from_op: self.sim.op_count(), acked, under_way });
    }

    fn last_claim(&self) -> Claim {
        self.claims.last().unwrap().clone()
    }

    /// The process ends, and another one reads what the first one left in the page cache.
    fn restart(&mut self) {
        self.journal = None;
        match open(self.sim.clone()) {
            Ok((journal, recovery, found)) => {
                let before = self.last_claim();
                assert_eq!(before.violation(&found), None, "a restart without a power cut");
                assert_eq!(journal.is_broken(), recovery.broken.is_some());
                if !journal.is_broken() {
                    self.claim(found.clone(), Vec::new());
                }
                self.state = found;
                self.journal = Some(journal);
            }
            Err(error) => assert!(matches!(error, JournalError::Io { .. }), "{error}"),
        }
    }

    fn batch(&mut self) -> Payloads {
        let count = 1 + self.numbers.below(4);
        (0..count).map(|_| self.payload()).collect()
    }

    fn payload(&mut self) -> Vec<u8> {
        self.counter += 1;
        let most = if self.numbers.percent(20) { 2_000 } else { 60 };
        let len = self.numbers.below(most);
        let fill = u8::try_from(self.numbers.below(256)).unwrap();
        let mut payload = self.counter.to_le_bytes().to_vec();
        payload.resize(4 + len, fill);
        payload
    }

    fn append(&mut self) {
        let batch = self.batch();
        let acked = self.state.clone();
        self.claim(acked, batch.clone());
        if append(self.journal.as_mut().unwrap(), &batch).is_ok() {
            self.state.extend(batch);
            self.claim(self.state.clone(), Vec::new());
        }
    }

    /// With appends between the seal and the checkpoint, as the owner would do.
    fn checkpoint(&mut self) {
        let Ok(sealed) = self.journal.as_mut().unwrap().rotate() else { return };
        let state = self.state.clone();
        for _ in 0..self.numbers.below(3) {
            if !self.journal.as_ref().unwrap().is_broken() {
                self.append();
            }
        }
        let journal = self.journal.as_mut().unwrap();
        let was_broken = journal.is_broken();
        drop(journal.checkpoint(sealed, &mut state.into_iter()));
        assert_eq!(journal.is_broken(), was_broken);
    }
}
