//! A relation in 64 bytes, and the two orders in which relations stand.

mod packed;

use std::cmp::{Ordering, Reverse};

pub(super) use packed::PACKED_BYTES_MAX;

use crate::model::{
    record::{FileId, Location},
    relation::{Origin, RelationType, StageMask},
};

/// A relation of fixed width.
///
/// Its ends are numbers of ids until the runs are sealed, and product ordinals from then on. A value
/// that is absent is zero and has no bit in `flags`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    valid_from_s: i64,
    valid_to_s: i64,
    quantity: f64,
    markets: u64,
    source: u32,
    target: u32,
    position: u32,
    score: f32,
    file: u32,
    line: u32,
    authority: u16,
    relation_type: u8,
    origin: u8,
    stages: u8,
    flags: u8,
    /// Days since 1970 and one; 0 is unknown.
    confirmed: u16,
}

const _: () = assert!(size_of::<Edge>() == 64, "bounds of memory count on 64 bytes");

const SECONDS_PER_DAY: i64 = 86_400;

const HAS_POSITION: u8 = 1;
const HAS_SCORE: u8 = 1 << 1;
const HAS_QUANTITY: u8 = 1 << 2;
const HAS_VALID_FROM: u8 = 1 << 3;
const HAS_VALID_TO: u8 = 1 << 4;
const TWO_WAY: u8 = 1 << 5;
const REVERSED: u8 = 1 << 6;
const DERIVED: u8 = 1 << 7;

/// What an [`Edge`] is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct EdgeParts {
    pub(super) source: u32,
    pub(super) relation_type: RelationType,
    pub(super) target: u32,
    pub(super) authority: u16,
    pub(super) position: Option<u32>,
    pub(super) score: Option<f32>,
    pub(super) quantity: Option<f64>,
    pub(super) origin: Origin,
    pub(super) two_way: bool,
    pub(super) valid_from_s: Option<i64>,
    pub(super) valid_to_s: Option<i64>,
    pub(super) stages: StageMask,
    pub(super) markets: u64,
    pub(super) confirmed_at_s: Option<i64>,
    pub(super) at: Location,
}

impl Edge {
    pub(super) fn new(parts: &EdgeParts) -> Self {
        let flag = |present: bool, bit: u8| if present { bit } else { 0 };
        Self {
            valid_from_s: parts.valid_from_s.unwrap_or_default(),
            valid_to_s: parts.valid_to_s.unwrap_or_default(),
            quantity: parts.quantity.unwrap_or_default(),
            markets: parts.markets,
            source: parts.source,
            target: parts.target,
            position: parts.position.unwrap_or_default(),
            score: parts.score.unwrap_or_default(),
            file: parts.at.file.0,
            line: parts.at.line,
            authority: parts.authority,
            relation_type: parts.relation_type.number(),
            origin: parts.origin as u8,
            stages: parts.stages.bits(),
            flags: flag(parts.position.is_some(), HAS_POSITION)
                | flag(parts.score.is_some(), HAS_SCORE)
                | flag(parts.quantity.is_some(), HAS_QUANTITY)
                | flag(parts.valid_from_s.is_some(), HAS_VALID_FROM)
                | flag(parts.valid_to_s.is_some(), HAS_VALID_TO)
                | flag(parts.two_way, TWO_WAY),
            confirmed: parts.confirmed_at_s.map_or(0, day_number),
        }
    }

    /// The product it goes out from.
    #[must_use]
    pub const fn source(&self) -> u32 {
        self.source
    }

    /// The product it leads to.
    #[must_use]
    pub const fn target(&self) -> u32 {
        self.target
    }

    /// Its type.
    #[must_use]
    pub fn relation_type(&self) -> RelationType {
        RelationType::new(self.relation_type).expect("edges are made from a relation type")
    }

    /// Where it came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::new(self.origin).expect("edges are made from an origin")
    }

    /// Priority of the source that states it; larger ranks first.
    #[must_use]
    pub const fn authority(&self) -> u16 {
        self.authority
    }

    /// Rank inside source and type as given, smaller first.
    #[must_use]
    pub fn position(&self) -> Option<u32> {
        self.has(HAS_POSITION).then_some(self.position)
    }

    /// Score as given, larger first.
    #[must_use]
    pub fn score(&self) -> Option<f32> {
        self.has(HAS_SCORE).then_some(self.score)
    }

    /// Units of the target that go with one of the source.
    #[must_use]
    pub fn quantity(&self) -> Option<f64> {
        self.has(HAS_QUANTITY).then_some(self.quantity)
    }

    /// Valid from this second since 1970 on.
    #[must_use]
    pub fn valid_from_s(&self) -> Option<i64> {
        self.has(HAS_VALID_FROM).then_some(self.valid_from_s)
    }

    /// Not valid from this second since 1970 on.
    #[must_use]
    pub fn valid_to_s(&self) -> Option<i64> {
        self.has(HAS_VALID_TO).then_some(self.valid_to_s)
    }

    /// Stages it is meant for.
    #[must_use]
    pub const fn stages(&self) -> StageMask {
        StageMask::from_bits(self.stages)
    }

    /// Markets it is meant for: bit `n` for the market at index `n`, every declared bit for a
    /// relation that names none.
    #[must_use]
    pub const fn markets(&self) -> u64 {
        self.markets
    }

    /// Does it hold in both directions?
    #[must_use]
    pub const fn is_two_way(&self) -> bool {
        self.has(TWO_WAY)
    }

    /// Is it the other direction of a two-way relation, made here and stated by no source?
    #[must_use]
    pub const fn is_reversed(&self) -> bool {
        self.has(REVERSED)
    }

    /// Does it follow from another relation, stated by no source?
    #[must_use]
    pub const fn is_derived(&self) -> bool {
        self.has(DERIVED)
    }

    /// The row that states it, or what it is made of.
    #[must_use]
    pub const fn at(&self) -> Location {
        Location { file: FileId(self.file), line: self.line }
    }

    /// The day since 1970 on which a source last confirmed it: the latest of all that state it.
    #[must_use]
    pub const fn confirmed_day(&self) -> Option<u16> {
        self.confirmed.checked_sub(1)
    }

    /// Another statement of the same link confirms it, too.
    pub(super) fn confirm(&mut self, other: &Self) {
        self.confirmed = self.confirmed.max(other.confirmed);
    }

    /// The same between these ends.
    pub(super) fn between(self, source: u32, target: u32) -> Self {
        Self { source, target, ..self }
    }

    /// The other direction of a two-way relation, without its quantity: four batteries to a car are
    /// not four cars to a battery.
    pub(super) fn reversed(self) -> Self {
        let flags = (self.flags | REVERSED) & !HAS_QUANTITY;
        Self { source: self.target, target: self.source, flags, quantity: 0.0, ..self }
    }

    /// What follows from an alternative with the better eco grade: it holds when and where that does.
    pub(super) fn as_eco_alternative(&self) -> Self {
        Self {
            relation_type: RelationType::ECO_ALTERNATIVE.number(),
            origin: Origin::Rule as u8,
            flags: (self.flags | DERIVED) & !(TWO_WAY | REVERSED),
            ..*self
        }
    }

    /// Same source, type and target?
    pub(super) fn same_link(&self, other: &Self) -> bool {
        self.same_group(other) && self.target == other.target
    }

    /// Same source and type?
    pub(super) fn same_group(&self, other: &Self) -> bool {
        (self.source, self.relation_type) == (other.source, other.relation_type)
    }

    /// Source, type and target as one number, by which runs stand before anything else: 72 bits.
    pub(super) fn link_key(&self) -> u128 {
        u128::from(self.source) << 40
            | u128::from(self.relation_type) << 32
            | u128::from(self.target)
    }

    /// The order of runs: links together, the best statement of a link first.
    ///
    /// What a source states outright comes before what we reversed, then the larger authority, then
    /// every value but the day of confirmation, which no answer shows. The row comes last, so that it
    /// decides between equal statements only.
    pub(super) fn merge_order(&self, other: &Self) -> Ordering {
        let standing = |edge: &Self| (edge.is_reversed(), Reverse(edge.authority));
        let rest = |edge: &Self| (edge.flags, edge.origin, edge.stages, edge.markets);
        let validity = |edge: &Self| (edge.valid_from_s, edge.valid_to_s);
        let row = |edge: &Self| (edge.file, edge.line);
        self.link_key()
            .cmp(&other.link_key())
            .then_with(|| standing(self).cmp(&standing(other)))
            .then_with(|| self.given_order(other))
            .then_with(|| rest(self).cmp(&rest(other)))
            .then_with(|| validity(self).cmp(&validity(other)))
            .then_with(|| self.quantity.total_cmp(&other.quantity))
            .then_with(|| row(self).cmp(&row(other)))
    }

    /// The order in which one product's relations of one type stand.
    pub(super) fn rank_order(&self, other: &Self) -> Ordering {
        let authority = Reverse(self.authority).cmp(&Reverse(other.authority));
        authority.then_with(|| self.given_order(other)).then_with(|| self.target.cmp(&other.target))
    }

    /// Smaller position first, then larger score; absent ones last.
    fn given_order(&self, other: &Self) -> Ordering {
        let position = |edge: &Self| (!edge.has(HAS_POSITION), edge.position);
        let unscored = |edge: &Self| !edge.has(HAS_SCORE);
        position(self)
            .cmp(&position(other))
            .then_with(|| unscored(self).cmp(&unscored(other)))
            .then_with(|| other.score.total_cmp(&self.score))
    }

    const fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }
}

/// The day of a second, and one more, as far as 16 bits reach: to the year 2149.
fn day_number(at_s: i64) -> u16 {
    let day = at_s.div_euclid(SECONDS_PER_DAY).clamp(0, i64::from(u16::MAX) - 1);
    u16::try_from(day + 1).unwrap_or(u16::MAX)
}
