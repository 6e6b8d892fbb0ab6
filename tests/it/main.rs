//! Goal: what the project promises holds from the outside, for the built program. Method: each test
//! writes its own tables, runs the program on them as a shop would, and calls it with the generated
//! client over a port of its own. Nothing sleeps: tests wait for lines of the log, for ends of
//! processes and for answers, each at most `server::PATIENCE`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what a test does not expect fails it, in its helpers, too"
)]

mod akeneo;
mod alone;
mod authority;
mod cache;
mod calls;
mod certs;
mod check;
mod collect;
mod command;
mod compare;
pub mod corpora;
mod csv;
mod damage;
mod deltas;
mod demo;
mod equal;
mod files;
mod holds;
mod kills;
mod life;
mod load;
mod magento;
mod merged;
mod moments;
mod nights;
mod packed;
mod pages;
mod planes;
mod policy;
mod push;
mod recall;
mod refusal;
mod requests;
mod rest;
mod server;
mod shop;
mod shops;
mod shuffle;
mod signals;
mod snapshots;
mod stock;
mod stories;
mod swap;
mod tables;
mod threads;
mod tour;
mod trials;
mod warm;
mod watch;
