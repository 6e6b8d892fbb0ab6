//! A budget of bytes for what a run remembers of texts until its end.
//!
//! Counts alone bound nothing: a code may be as long as a row. What does not fit is told to whoever
//! asked, who reports it where it stands.

/// What an entry takes beside its texts: its place in a tree, and an allocation a text.
const ENTRY_BYTES: usize = 64;

/// Bytes that may be taken.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { left: bytes_max }
    }

    /// Takes an entry with these texts; `false`, and nothing is taken, if it does not fit.
    pub(super) fn take(&mut self, texts: &[&str]) -> bool {
        let rest = self.left.checked_sub(bytes_of(texts));
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }

    /// Gives back what an entry with these texts took.
    pub(super) fn give_back(&mut self, texts: &[&str]) {
        self.left = self.left.saturating_add(bytes_of(texts));
    }
}

fn bytes_of(texts: &[&str]) -> usize {
    ENTRY_BYTES + texts.iter().map(|text| text.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::{ENTRY_BYTES, Room};

    #[test]
    fn entries_fit_up_to_the_last_byte() {
        let mut room = Room::new(2 * ENTRY_BYTES + 3);
        assert!(room.take(&["a", "b"]));
        assert!(!room.take(&["ab"]));
        assert!(room.take(&["a"]));
        assert!(!room.take(&[]));
        room.give_back(&["a"]);
        assert!(room.take(&["b"]));
    }
}
