//! Goal: each promise of lookup as cases that a person can check by hand, and all of them together
//! against a plain reference. Method: shops in a few lines of text, written as catalogs.

mod many;
mod random;
mod reference;
mod relations;
mod request;
mod seen;
pub(crate) mod shop;
mod single;
