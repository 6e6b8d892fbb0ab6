//! Words that every room shares: what a relation is, what sources yield, what is too much.
//!
//! No I/O, no clock, no library but derives and the calendar (`jiff`). This room imports no other room.

mod advice;
pub mod config;
pub mod currency;
pub mod decimal;
pub mod finding;
pub mod guard;
pub(crate) mod hex;
pub mod id;
pub mod instant;
pub mod limits;
pub mod record;
pub mod relation;
pub mod score;
pub mod selection;
pub mod text;
