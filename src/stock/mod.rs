//! Stock, live: what is sold out, how many are left and at what price, changing under the lookups.
//!
//! An acknowledged change survives the end of the process and a power cut: it stands in the
//! [`journal`] first.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the room's writer calls it"))]
pub(crate) mod journal;
