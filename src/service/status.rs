//! Why a call is refused, and the one place that chooses its gRPC status.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::model::limits::REFUSAL_QUOTE_BYTES_MAX;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Fields of the request are wrong: mend the request.
    Invalid(Vec<Violation>),
    /// The request pins a snapshot that is not the active one.
    SnapshotNotActive { asked: String, active: String },
    /// No snapshot is live yet: try another replica.
    NotServing,
}

/// A wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Its path in the request: `seeds[2].product_id`.
    pub(super) field: String,
    /// What was expected, and what was found.
    pub(super) description: String,
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

impl Refusal {
    /// The request pins another snapshot than the active one.
    pub(super) fn not_active(asked: &str, active: &str) -> Self {
        Self::SnapshotNotActive { asked: quoted(asked).to_owned(), active: active.to_owned() }
    }
}

/// As much of a request's own text as a refusal repeats.
pub(super) fn quoted(text: &str) -> &str {
    text.get(..text.floor_char_boundary(REFUSAL_QUOTE_BYTES_MAX)).unwrap_or(text)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(violations) => {
                let texts =
                    violations.iter().map(|one| format!("{}: {}", one.field, one.description));
                let message = texts.collect::<Vec<_>>().join("; ");
                let fields = violations
                    .into_iter()
                    .map(|one| FieldViolation::new(one.field, one.description));
                let details = ErrorDetails::with_bad_request(fields.collect::<Vec<_>>());
                Self::with_error_details(Code::InvalidArgument, message, details)
            }
            Refusal::SnapshotNotActive { asked, active } => {
                let message = format!("snapshot {asked} is not active; active is {active}");
                let violation = PreconditionViolation::new("SNAPSHOT", asked, message.clone());
                let details = ErrorDetails::with_precondition_failure(vec![violation]);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Refusal::NotServing => {
                Self::unavailable("no snapshot is live on this replica; try another one")
            }
        }
    }
}
