//! The files as a whole: they are what `FORMAT.md` says, they give back what was written, and any
//! other bytes are refused by name. `testkit` makes catalogs out of text and takes blobs apart.

mod dropped;
mod facts;
mod faults;
mod files;
mod forged;
mod format_doc;
mod golden;
mod keys;
mod names;
mod pages;
mod random;
mod round_trip;
mod testkit;
mod text;
mod verify;
