//! Goal: each promise of lookup as cases that a person can check by hand, and all of them together
//! against a plain reference. Method: shops in a few lines of text, written as catalogs.

#![expect(clippy::arithmetic_side_effects, reason = "in a test an overflow is a failure")]

mod many;
mod relations;
pub(crate) mod request;
mod seen;
pub(crate) mod shop;
mod single;
pub(crate) mod world;
