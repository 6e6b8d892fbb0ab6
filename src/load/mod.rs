//! What a server does under load: calls at intended times, and how long each took from its time on.
//!
//! The load is an open loop, as shoppers are: a [`Schedule`] says beforehand when each call is to
//! start, whatever became of the calls before. A latency counts from that instant, not from when the
//! call could be sent, so a server that stalls for a second shows a second of slow calls and not one.
//! The fault it avoids is Gil Tene's "coordinated omission" ("How NOT to Measure Latency"), and the
//! method is that of his wrk2; the histogram is his HdrHistogram, too.
//!
//! Nothing is dropped in silence: a call over the bound of calls in flight is counted as late and
//! still measured from its intended start, and one that could not be sent at all before the end is
//! counted as unsent. This room prints nothing; it reads `/proc` and no other file.

mod asked;
mod discover;
mod error;
mod feed;
mod files;
mod machine;
mod raw;
mod report;
mod run;
mod schedule;
mod tally;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use discover::product_ids;
pub use error::LoadError;
pub use feed::{SOURCE, retire};
pub use files::{framed, length_prefixed};
pub use machine::Machine;
pub use raw::METHOD;
pub use report::{AnswerBytes, FeedReport, LoadReport, Percentiles, Point, RateReport};
pub use run::{Feed, Options, run};
pub use schedule::Schedule;
