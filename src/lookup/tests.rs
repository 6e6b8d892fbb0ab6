//! Goal: each promise of `LOOKUP.md` as cases that a person can check by hand. Method: shops,
//! policies and stock in a few lines of text, written as catalogs.

#![expect(clippy::arithmetic_side_effects, reason = "in a test an overflow is a failure")]

mod bundles;
mod diversity;
mod fallback;
mod interval;
mod kept;
mod many;
mod overrides;
mod plan;
mod reasons;
mod relations;
pub(crate) mod request;
mod rules;
mod seen;
pub(crate) mod shop;
mod single;
mod trace;
mod variants;
pub(crate) mod world;
