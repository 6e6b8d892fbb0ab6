//! Edges in few bytes: what an edge shares with the one before it is left out, so that most take ten
//! bytes instead of 64.
//!
//! The bytes are read by the run that wrote them and by nobody else, from the first edge of a piece to
//! its last: they need no version and no checksum.

use super::Edge;

/// Most bytes that one edge takes.
pub(in crate::graph) const PACKED_BYTES_MAX: usize = 72;

// The first byte of an edge says what follows.
const SAME_SOURCE: u8 = 1;
const SAME_TYPE: u8 = 1 << 1;
const SAME_TERMS: u8 = 1 << 2;
const NEXT_LINE: u8 = 1 << 3;
const POSITION_BYTE: u8 = 1 << 4;
const POSITION_WORD: u8 = 1 << 5;
const SCORE: u8 = 1 << 6;
const RARE: u8 = 1 << 7;

impl Edge {
    /// What stands before the first edge of a piece.
    pub(in crate::graph) const NOTHING: Self = Self {
        valid_from_s: 0,
        valid_to_s: 0,
        quantity: 0.0,
        markets: 0,
        source: 0,
        target: 0,
        position: 0,
        score: 0.0,
        file: 0,
        line: 0,
        authority: 0,
        relation_type: 0,
        origin: 0,
        stages: 0,
        flags: 0,
        confirmed: 0,
    };

    /// Appends it to the bytes of the edge before.
    pub(in crate::graph) fn pack(&self, before: &Self, out: &mut Vec<u8>) {
        let rare = (self.valid_from_s, self.valid_to_s, self.quantity.to_bits());
        let score = self.score.to_bits();
        let mark = |set: bool, bit: u8| if set { bit } else { 0 };
        let shape = mark(self.source == before.source, SAME_SOURCE)
            | mark(self.relation_type == before.relation_type, SAME_TYPE)
            | mark(self.terms() == before.terms(), SAME_TERMS)
            | mark(self.line == before.line.wrapping_add(1), NEXT_LINE)
            | mark(score != 0, SCORE)
            | mark(rare != (0, 0, 0), RARE)
            | match self.position {
                0 => 0,
                1..=0xff => POSITION_BYTE,
                0x100.. => POSITION_WORD,
            };
        // Gathered on the stack: a list that may grow asks for its room at each step.
        let mut gathered = Gathered { bytes: [0; PACKED_BYTES_MAX], len: 0 };
        gathered.add([shape]);
        gathered.add(self.target.to_le_bytes());
        if shape & SAME_SOURCE == 0 {
            gathered.add(self.source.to_le_bytes());
        }
        if shape & SAME_TYPE == 0 {
            gathered.add([self.relation_type]);
        }
        if shape & NEXT_LINE == 0 {
            gathered.add(self.line.to_le_bytes());
        }
        if shape & SAME_TERMS == 0 {
            gathered.add(self.markets.to_le_bytes());
            gathered.add(self.file.to_le_bytes());
            gathered.add(self.authority.to_le_bytes());
            gathered.add(self.confirmed.to_le_bytes());
            gathered.add([self.origin, self.stages, self.flags]);
        }
        if shape & POSITION_BYTE != 0 {
            let [low, ..] = self.position.to_le_bytes();
            gathered.add([low]);
        }
        if shape & POSITION_WORD != 0 {
            gathered.add(self.position.to_le_bytes());
        }
        if shape & SCORE != 0 {
            gathered.add(score.to_le_bytes());
        }
        if shape & RARE != 0 {
            gathered.add(rare.0.to_le_bytes());
            gathered.add(rare.1.to_le_bytes());
            gathered.add(rare.2.to_le_bytes());
        }
        out.extend_from_slice(&gathered.bytes[..gathered.len]);
    }

    /// Takes the next edge from the front of the bytes; `None` if they end inside of it.
    pub(in crate::graph) fn unpack(bytes: &mut &[u8], before: &Self) -> Option<Self> {
        let [shape] = chunk(bytes)?;
        let mut edge = *before;
        edge.target = u32::from_le_bytes(chunk(bytes)?);
        if shape & SAME_SOURCE == 0 {
            edge.source = u32::from_le_bytes(chunk(bytes)?);
        }
        if shape & SAME_TYPE == 0 {
            [edge.relation_type] = chunk(bytes)?;
        }
        edge.line = match shape & NEXT_LINE {
            0 => u32::from_le_bytes(chunk(bytes)?),
            _ => before.line.wrapping_add(1),
        };
        if shape & SAME_TERMS == 0 {
            edge.markets = u64::from_le_bytes(chunk(bytes)?);
            edge.file = u32::from_le_bytes(chunk(bytes)?);
            edge.authority = u16::from_le_bytes(chunk(bytes)?);
            edge.confirmed = u16::from_le_bytes(chunk(bytes)?);
            [edge.origin, edge.stages, edge.flags] = chunk(bytes)?;
        }
        edge.position = match shape & (POSITION_BYTE | POSITION_WORD) {
            0 => 0,
            POSITION_BYTE => u32::from(u8::from_le_bytes(chunk(bytes)?)),
            _ => u32::from_le_bytes(chunk(bytes)?),
        };
        edge.score = match shape & SCORE {
            0 => 0.0,
            _ => f32::from_le_bytes(chunk(bytes)?),
        };
        (edge.valid_from_s, edge.valid_to_s, edge.quantity) = match shape & RARE {
            0 => (0, 0, 0.0),
            _ => (
                i64::from_le_bytes(chunk(bytes)?),
                i64::from_le_bytes(chunk(bytes)?),
                f64::from_le_bytes(chunk(bytes)?),
            ),
        };
        Some(edge)
    }

    /// What all rows of a file most often have in common.
    fn terms(&self) -> (u64, u32, u16, u16, [u8; 3]) {
        let bytes = [self.origin, self.stages, self.flags];
        (self.markets, self.file, self.authority, self.confirmed, bytes)
    }
}

/// The bytes of one edge so far.
struct Gathered {
    bytes: [u8; PACKED_BYTES_MAX],
    len: usize,
}

impl Gathered {
    fn add<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }
}

fn chunk<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*chunk)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Edge, PACKED_BYTES_MAX};

    /// Few values, so that edges share many with the one before, and the ends of each range.
    fn edges() -> impl Strategy<Value = Edge> {
        let word = || prop::sample::select(&[0, 1, 2, 255, 256, u32::MAX][..]);
        let second = || prop::sample::select(&[0, 1, i64::MIN, i64::MAX][..]);
        let score = prop::sample::select(&[0.0_f32, -0.0, 0.5, 1.0][..]);
        let quantity = prop::sample::select(&[0.0_f64, -0.0, 0.25][..]);
        let byte = || prop::sample::select(&[0, 1, u8::MAX][..]);
        let words = (word(), word(), word(), word(), word());
        let rare = (second(), second(), quantity, score, word());
        let bytes = (byte(), byte(), byte(), byte(), byte());
        (words, rare, bytes).prop_map(|(words, rare, bytes)| {
            let (source, target, position, file, line) = words;
            let (valid_from_s, valid_to_s, quantity, score, markets) = rare;
            let (relation_type, origin, stages, flags, low) = bytes;
            Edge {
                valid_from_s,
                valid_to_s,
                quantity,
                markets: u64::from(markets) << 32,
                source,
                target,
                position,
                score,
                file,
                line,
                authority: u16::from(low) << 8,
                relation_type,
                origin,
                stages,
                flags,
                confirmed: u16::from(low),
            }
        })
    }

    /// Every bit: `-0.0 == 0.0`.
    fn shown(edge: Option<Edge>) -> String {
        format!("{edge:?}")
    }

    proptest! {
        #[test]
        fn edges_come_back_as_they_were_packed(edges in prop::collection::vec(edges(), 0..40)) {
            let (mut bytes, mut before) = (Vec::new(), Edge::NOTHING);
            for edge in &edges {
                let len = bytes.len();
                edge.pack(&before, &mut bytes);
                prop_assert!(bytes.len() - len <= PACKED_BYTES_MAX);
                before = *edge;
            }
            let (mut rest, mut before) = (bytes.as_slice(), Edge::NOTHING);
            for edge in &edges {
                let at = rest;
                let found = Edge::unpack(&mut rest, &before);
                prop_assert_eq!(shown(found), shown(Some(*edge)));
                // Cut at any byte, it is none.
                for cut in 0..at.len() - rest.len() {
                    prop_assert_eq!(Edge::unpack(&mut &at[..cut], &before), None);
                }
                before = *edge;
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn most_edges_take_few_bytes() {
        let edge = |at: u32| Edge {
            source: 7,
            target: at * 1000,
            position: at,
            line: at,
            ..Edge::NOTHING
        };
        let mut bytes = Vec::new();
        (1..100).for_each(|at| edge(at + 1).pack(&edge(at), &mut bytes));
        assert_eq!(bytes.len(), 99 * 6);
    }
}
