//! Each rule of stock by its own test, and all of them against a model of plain maps.

mod blocks;
mod checks;
mod codec;
pub(crate) mod disk;
mod feeds;
mod lists;
mod model;
mod order;
mod power;
mod readings;
mod rig;
mod shop;
mod views;
mod writer;
