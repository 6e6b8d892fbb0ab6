//! Scores as the file has them: whole 1/65535. `src/index/FORMAT.md` has the formula.

/// The score of a rank in a list whose source gave none: reciprocal rank fusion's `k / (k + rank)`
/// with k = 60 (Cormack, Clarke, Buettcher, SIGIR 2009), rank from 0.
#[must_use]
pub fn of_rank(rank: usize) -> u16 {
    const K: u64 = 60;
    let rank = rank as u64;
    let rounded = (65_535 * K * 2 + K + rank) / ((K + rank) * 2);
    u16::try_from(rounded).unwrap_or(u16::MAX)
}

/// A given score from 0 to 1 in 1/65535, rounded half up.
#[must_use]
pub fn quantize(share: f32) -> u16 {
    let scaled = (f64::from(share) * 65_535.0 + 0.5).floor().clamp(0.0, 65_535.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of u16, and NaN casts to 0"
    )]
    {
        scaled as u16
    }
}

/// The share from 0 to 1 that is shown for a score.
#[must_use]
pub fn share(score: u16) -> f32 {
    f32::from(score) / 65_535.0
}

/// Scores of a run from its given scores, best first: strictly falling, whatever was given.
///
/// `score[i] = max(min(raw[i], score[i - 1] - 1), n - 1 - i)` with `raw[i]` the given score or, where
/// none was given, the score of rank `i`. `n` is at most 65536.
pub fn falling(given: impl ExactSizeIterator<Item = Option<f32>>) -> impl Iterator<Item = u16> {
    let count = given.len();
    let mut before: Option<u16> = None;
    given.enumerate().map(move |(rank, given)| {
        let raw = given.map_or_else(|| of_rank(rank), quantize);
        let below = before.map_or(u16::MAX, |before| before.saturating_sub(1));
        let floor = u16::try_from(count - 1 - rank).unwrap_or(u16::MAX);
        let score = raw.min(below).max(floor);
        before = Some(score);
        score
    })
}

#[cfg(test)]
mod tests {
    use super::{falling, of_rank, quantize};

    #[test]
    fn ranks_without_scores_follow_the_reciprocal_rank() {
        assert_eq!([0, 1, 60].map(of_rank), [65_535, 64_461, 32_768]);
        assert!((0..1_000).map(of_rank).is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn given_scores_round_half_up_and_stay_in_range() {
        assert_eq!([0.0, 0.5, 1.0, 2.0, -1.0].map(quantize), [0, 32_768, 65_535, 65_535, 0]);
        assert_eq!(quantize(f32::NAN), 0);
    }

    #[track_caller]
    fn check(given: &[Option<f32>], expected: &[u16]) {
        assert_eq!(falling(given.iter().copied()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn scores_fall_strictly_whatever_was_given() {
        check(&[], &[]);
        check(&[None, None], &[65_535, 64_461]);
        check(&[Some(1.0), Some(1.0), Some(1.0)], &[65_535, 65_534, 65_533]);
        check(&[Some(0.0), Some(0.9), Some(0.0)], &[2, 1, 0]);
        check(&[Some(0.5), Some(0.9), Some(0.1)], &[32_768, 32_767, 6_554]);
    }
}
