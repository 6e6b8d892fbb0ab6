//! How long an answer holds: until the next edge of anything in time that it met.

/// The instants, in seconds since 1970, in which the same request and versions give the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Inclusive; `i64::MIN` is unbounded.
    pub from_s: i64,
    /// Exclusive; `i64::MAX` is unbounded.
    pub until_s: i64,
}

impl Interval {
    /// For ever.
    pub const UNBOUNDED: Self = Self { from_s: i64::MIN, until_s: i64::MAX };

    /// The instants that are in both.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self { from_s: self.from_s.max(other.from_s), until_s: self.until_s.min(other.until_s) }
    }

    /// Takes an edge into account as seen from an instant: the answer may differ on its other side.
    #[inline]
    pub(super) fn meet(&mut self, edge_s: i64, at_s: i64) {
        if edge_s <= at_s {
            self.from_s = self.from_s.max(edge_s);
        } else {
            self.until_s = self.until_s.min(edge_s);
        }
    }
}
