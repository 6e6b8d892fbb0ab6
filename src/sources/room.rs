//! A budget of bytes for what a run remembers of texts until its end.
//!
//! Counts alone bound nothing: a code may be as long as a row. What does not fit is told to whoever
//! asked, who reports it where it stands.

/// Bytes that may be taken.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    entry_bytes: usize,
}

impl Room {
    /// Room for so many bytes; an entry takes `entry_bytes` beside its texts, for its place and its
    /// allocations.
    pub(crate) fn new(bytes_max: usize, entry_bytes: usize) -> Self {
        Self { left: bytes_max, entry_bytes }
    }

    /// Takes an entry with these texts; `false`, and nothing is taken, if it does not fit.
    pub(crate) fn take(&mut self, texts: &[&str]) -> bool {
        let rest = self.left.checked_sub(self.bytes_of(texts));
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }

    /// Gives back what an entry with these texts took.
    pub(crate) fn give_back(&mut self, texts: &[&str]) {
        self.left = self.left.saturating_add(self.bytes_of(texts));
    }

    fn bytes_of(&self, texts: &[&str]) -> usize {
        self.entry_bytes + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn entries_fit_up_to_the_last_byte() {
        let mut room = Room::new(2 * 10 + 3, 10);
        assert!(room.take(&["a", "b"]));
        assert!(!room.take(&["ab"]));
        assert!(room.take(&["a"]));
        assert!(!room.take(&[]));
        room.give_back(&["a"]);
        assert!(room.take(&["b"]));
    }
}
