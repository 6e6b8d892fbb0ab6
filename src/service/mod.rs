//! The gRPC rim: listening, connections, health, reflection, drain.
//!
//! One task accepts sockets and hands each to the least loaded of several single-threaded
//! runtimes, one a core. There our own loop serves the connection, because caps, deadlines and the
//! drain are per connection, and tonic's server has no place for them: it accepts without pause
//! when descriptors run out, waits for ever for a silent peer, and never ends a drain by itself.
//!
//! Invariants: health says `NOT_SERVING` until told otherwise and never `SERVING` again once the
//! drain has begun; [`serve`] returns at most [`ServeOptions::drain_delay`] and
//! [`ServeOptions::drain_wait`] and a second after the stop, whatever the peers or handlers do. This
//! room handles no signals and prints nothing.

mod accept;
mod access;
mod answers;
mod availability;
mod budget;
mod call;
mod connection;
mod convert;
mod delivery;
mod explain;
mod golden;
mod health;
mod hot;
mod json;
mod listener;
mod measure;
mod observe;
mod pages;
mod peers;
mod present;
mod readiness;
mod recommendation;
mod reflection;
mod reply;
mod room;
mod routes;
mod server;
mod snapshots;
mod socket;
mod status;
mod stop;
#[cfg(test)]
mod tests;
mod tls;
mod untaken;
mod web;
mod worker;

pub use access::{Access, Book, BookError, Plane, Role, Roles, token_hash};
pub use answers::{
    batch_get_recommendations, explain_recommendations, get_bundles, get_recommendations,
};
pub use availability::Availabilities;
pub use golden::{Golden, GoldenError};
pub use health::Health;
pub use hot::Services;
pub use json::{JsonError, from_json, message_to_json, to_json};
pub use listener::{Address, Listener};
pub use measure::AccessLog;
pub use observe::Observer;
pub use readiness::Readiness;
pub use recommendation::Recommendations;
pub use routes::routes;
pub use server::{DrainReport, ServeOptions, serve};
pub use snapshots::{ReleaseGuard, SnapshotNews, SnapshotParts, Snapshots};
pub use stop::Stop;
pub use tls::{Tls, TlsError, TlsPem};
pub use web::Web;
