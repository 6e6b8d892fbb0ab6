//! Why a call is refused, and the one place that chooses its gRPC status.

mod store;

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::RangeInclusive,
    time::Duration,
};

use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::{
    model::limits::{REFUSAL_QUOTE_BYTES_MAX, REPLACE_SILENCE_S, REPLACE_STREAM_S, VIOLATIONS_MAX},
    pb,
    stock::StockError,
};

/// After so long the queue of the stock writer has moved on.
const BUSY_RETRY: Duration = Duration::from_millis(500);

/// When a shed call may come again, in milliseconds.
const SHED_RETRY_MS: RangeInclusive<u64> = 25..=100;

/// The header that says so.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// A disk is not freed sooner.
const FULL_RETRY: Duration = Duration::from_secs(30);

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Fields of the request are wrong: mend the request.
    Invalid(Vec<Violation>),
    /// The request pins a snapshot that is not the active one.
    SnapshotNotActive { asked: String, active: String },
    /// No snapshot is live yet: try another replica.
    NotServing,
    /// The stock writer did not carry a command out.
    Stock(StockError),
    /// A stream of a resync said nothing for too long: begin it anew.
    Silent,
    /// A stream of a resync was not ended in its time: begin it anew.
    Slow,
    /// The header of the call's deadline is no such thing.
    BadTimeout(String),
    /// The call's deadline, so long after it came, has passed.
    Late(Duration),
    /// The request did not come whole within so long: send it at once.
    SlowRequest(Duration),
    /// There is no room for the message until others that wait for their peers are done.
    NoRoom,
    /// A handler panicked.
    Fault,
    /// The call's turn came too late for the server to keep its promise to others.
    Shed,
    /// The path names no method.
    NoMethod,
    /// The method is served by the other listener.
    OtherPlane { is_admin: bool },
    /// Nobody said who calls.
    NoCredentials,
    /// The token is none that is known.
    BadToken,
    /// The token's time is over.
    ExpiredToken,
    /// Who calls may not call this.
    WrongRole,
    /// A call about snapshots was not carried out, or not to its end.
    Snapshots(Why, String),
    /// A stream of reflection is not begun, or goes on no longer.
    Reflection(Why, String),
    /// Feeds of stock are not applied as far as the request asks: try another replica.
    Behind(Vec<Lag>),
}

/// What kind of reason a call about snapshots has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no such snapshot or manifest.
    Absent,
    /// Someone else decided in between.
    Overtaken,
    /// The store or the snapshot stands against it.
    Precondition,
    /// It is stored, and this replica has not followed yet.
    Pending,
    /// Too many work already.
    Busy,
    /// The store cannot be reached, or this replica is about to end.
    Unavailable,
}

impl Why {
    const fn code(self) -> Code {
        match self {
            Self::Absent => Code::NotFound,
            Self::Overtaken => Code::Aborted,
            Self::Precondition => Code::FailedPrecondition,
            Self::Pending => Code::DeadlineExceeded,
            Self::Busy => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
        }
    }
}

/// A feed that was not applied far enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) source_id: String,
    /// The sequence that the request waits for.
    pub(super) asked: u64,
    /// The sequence up to which everything is here.
    pub(super) applied: u64,
}

/// A wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// Its path in the request: `seeds[2].product_id`.
    pub(super) field: String,
    /// What was expected, and what was found.
    pub(super) description: String,
    pub(super) reason: Reason,
}

/// What kind of mistake a wrong field is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reason {
    /// A value that the field cannot have.
    #[default]
    InvalidField,
    /// The policy has no such placement.
    PlacementNotFound,
    /// The catalog has no such market.
    MarketNotFound,
    /// The catalog has no such inventory.
    InventoryNotFound,
}

impl Reason {
    const fn code(self) -> &'static str {
        match self {
            Self::InvalidField => "INVALID_FIELD",
            Self::PlacementNotFound => "PLACEMENT_NOT_FOUND",
            Self::MarketNotFound => "MARKET_NOT_FOUND",
            Self::InventoryNotFound => "INVENTORY_NOT_FOUND",
        }
    }
}

impl Violation {
    pub(super) fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        let reason = Reason::InvalidField;
        Self { field: field.into(), description: description.into(), reason }
    }

    pub(super) fn because(self, reason: Reason) -> Self {
        Self { reason, ..self }
    }
}

/// Why one slot of a page fails alone: by its first wrong field, with all of them in the message.
pub(super) fn slot_error(violations: &[Violation]) -> pb::SlotError {
    let first = violations.first();
    pb::SlotError {
        code: Code::InvalidArgument.into(),
        reason: first.map_or_else(String::new, |first| first.reason.code().to_owned()),
        field: first.map_or_else(String::new, |first| first.field.clone()),
        message: message(violations),
    }
}

fn message(violations: &[Violation]) -> String {
    let texts = violations.iter().map(|one| format!("{}: {}", one.field, one.description));
    texts.collect::<Vec<_>>().join("; ")
}

impl Refusal {
    /// The same with every field named below this one: the request is part of another one.
    pub(super) fn below(self, parent: &str) -> Self {
        let Self::Invalid(mut violations) = self else { return self };
        for violation in &mut violations {
            violation.field = format!("{parent}.{}", violation.field);
        }
        Self::Invalid(violations)
    }

    /// The request pins another snapshot than the active one.
    pub(super) fn not_active(asked: &str, active: &str) -> Self {
        Self::SnapshotNotActive { asked: quoted(asked).to_owned(), active: active.to_owned() }
    }
}

impl From<StockError> for Refusal {
    fn from(error: StockError) -> Self {
        if error == StockError::NoCatalog {
            return Self::NotServing;
        }
        if error == StockError::TooManyUpdates {
            return Self::Invalid(vec![Violation::new("updates", error.to_string())]);
        }
        if let StockError::Invalid { field, reason } = error {
            return Self::Invalid(vec![Violation::new(field, reason)]);
        }
        Self::Stock(error)
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
                let message = message(&violations);
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
            Refusal::Stock(error) => stock(&error),
            Refusal::Silent => Self::deadline_exceeded(format!(
                "no message came for {REPLACE_SILENCE_S} s; nothing changed, begin the stream anew"
            )),
            Refusal::Slow => Self::deadline_exceeded(format!(
                "the stream did not end within {REPLACE_STREAM_S} s; nothing changed, begin it anew"
            )),
            Refusal::BadTimeout(found) => Self::invalid_argument(format!(
                "grpc-timeout: expected one to eight digits and a unit of H, M, S, m, u or n, found `{}`",
                quoted(&found)
            )),
            Refusal::Late(wait) => Self::deadline_exceeded(format!(
                "the call's grpc-timeout of {wait:?} passed before it was answered"
            )),
            Refusal::SlowRequest(wait) => Self::deadline_exceeded(format!(
                "the request did not come whole within {wait:?}; send it at once"
            )),
            Refusal::NoRoom => Self::resource_exhausted(
                "too many large messages wait for this client or others; take the answers that are there, send \
                 requests at once, and try again later",
            ),
            Refusal::Fault => Self::internal(
                "this call hit a fault of the server, which has logged it; others go on",
            ),
            Refusal::Shed => shed(),
            Refusal::NoMethod => Self::unimplemented("this server has no such method"),
            Refusal::OtherPlane { is_admin: true } => Self::unimplemented(
                "this listener serves lookups; the method is served by the admin listener",
            ),
            Refusal::OtherPlane { is_admin: false } => Self::unimplemented(
                "this listener serves stock, blocks and snapshots; lookups have their own",
            ),
            Refusal::NoCredentials => Self::unauthenticated(
                "expected `authorization: Bearer TOKEN` or a client certificate that is listed, found neither",
            ),
            Refusal::BadToken => Self::unauthenticated(
                "expected `authorization: Bearer TOKEN` with a token that is listed, found another one",
            ),
            Refusal::ExpiredToken => {
                Self::unauthenticated("the token has expired; ask the operator for another one")
            }
            Refusal::WrongRole => {
                Self::permission_denied("none of the caller's roles may call this method")
            }
            Refusal::Snapshots(why, message) | Refusal::Reflection(why, message) => {
                Self::new(why.code(), message)
            }
            Refusal::Behind(lags) => behind(&lags),
        }
    }
}

/// Feeds of stock that this replica has not followed as far as the call needs.
fn behind(lags: &[Lag]) -> Status {
    let lags = lags.iter().map(|lag| {
        let Lag { source_id, asked, applied } = lag;
        format!("feed {} is at {applied}, not at {asked}", quoted(source_id))
    });
    let lags = lags.take(VIOLATIONS_MAX).collect::<Vec<_>>().join("; ");
    Status::unavailable(format!("stock is behind on this replica: {lags}; try another one"))
}

/// A call that is not answered for want of time, with when to try again: some tens of milliseconds, each
/// caller another, so that they do not all come back at once (gRFC A6, pushback).
fn shed() -> Status {
    let span = SHED_RETRY_MS.end() - SHED_RETRY_MS.start();
    let wait = SHED_RETRY_MS.start() + RandomState::new().hash_one(()) % (span + 1);
    let mut status = Status::resource_exhausted(
        "the server is busy: this call waited too long for its turn; try again later or elsewhere",
    );
    status.metadata_mut().insert(PUSHBACK, MetadataValue::from(wait));
    status
}

/// What to do about a command of the stock writer that was not carried out.
fn stock(error: &StockError) -> Status {
    let (code, retry) = match error {
        StockError::Busy | StockError::TooManyStreams => {
            (Code::ResourceExhausted, Some(BUSY_RETRY))
        }
        StockError::Full { .. } => (Code::ResourceExhausted, Some(FULL_RETRY)),
        StockError::TooManyFeeds { .. }
        | StockError::TooManyReadings
        | StockError::TooManyBlocks { .. } => (Code::ResourceExhausted, None),
        StockError::TooManyGaps { .. } | StockError::TooManyBlocksOfOne { .. } => {
            (Code::FailedPrecondition, None)
        }
        StockError::Invalid { .. } | StockError::TooManyUpdates => (Code::InvalidArgument, None),
        StockError::Closed
        | StockError::NoCatalog
        | StockError::Broken { .. }
        | StockError::NoThread { .. }
        | StockError::Unreadable { .. } => (Code::Unavailable, None),
    };
    match retry {
        Some(retry) => {
            let details = ErrorDetails::with_retry_info(Some(retry));
            Status::with_error_details(code, error.to_string(), details)
        }
        None => Status::new(code, error.to_string()),
    }
}
