//! What is wrong with a request, gathered, so that a caller sees all of it at once, or very much.

use crate::{
    model::limits::VIOLATIONS_MAX,
    service::status::{Refusal, Violation},
};

/// Violations of one request or of one slot, whose fields are then named below the slot's path.
#[derive(Debug, Default)]
pub(in crate::service) struct Violations {
    slot: Option<usize>,
    found: Vec<Violation>,
}

impl Violations {
    /// Of the slot of this place in the request.
    pub(in crate::service) fn of_slot(index: usize) -> Self {
        Self { slot: Some(index), found: Vec::new() }
    }

    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.push(Violation::new(field, description));
    }

    /// Adds a violation whose field is named as in a request of its own.
    pub(in crate::service) fn push(&mut self, mut violation: Violation) {
        if self.is_full() {
            return;
        }
        if let Some(slot) = self.slot {
            violation.field = format!("slots[{slot}].{}", violation.field);
        }
        self.found.push(violation);
    }

    /// Adds a violation of a field that all slots share: it keeps its path.
    pub(in crate::service) fn share(&mut self, violation: Violation) {
        self.found.push(violation);
    }

    pub(in crate::service) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= VIOLATIONS_MAX
    }

    /// All of them, to be told in another way than by a refusal.
    pub(in crate::service) fn into_found(self) -> Vec<Violation> {
        self.found
    }

    pub(in crate::service) fn end(self) -> Result<(), Refusal> {
        if self.found.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.found)) }
    }
}
