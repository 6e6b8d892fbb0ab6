//! What passes its limit, and how people and scripts read it.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    Counts,
    churn::Parts,
    prices::{Moves, distance},
};
use crate::{
    compile::place::Place,
    index::View,
    model::{
        guard::{Guard, GuardLimits},
        relation::Stage,
    },
};

/// Fewer than these may go to the last one: taking one thing away is an ordinary edit. Two that are
/// all there is and vanish in one night have a common cause.
const ALL_MIN: u64 = 2;

/// Something that a guard refuses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Breach {
    /// The guard.
    #[serde(serialize_with = "code")]
    pub guard: Guard,
    /// What is counted: `relations`, `products`, `price at the median change in minor units of EUR`.
    pub what: String,
    /// The relation type's code; none for all, or where there are none.
    pub relation_type: Option<String>,
    /// The source; none for all.
    pub source: Option<String>,
    /// The market; none for all.
    pub market: Option<String>,
    /// The top category, empty for products without one; none for all.
    pub category: Option<String>,
    /// The stage; none for all.
    pub stage: Option<String>,
    /// The number before.
    pub before: i64,
    /// The number after.
    pub after: i64,
    /// How much of it changed, in percent.
    pub changed_percent: u64,
    /// How much may change, in percent.
    pub allowed_percent: f64,
}

fn code<S: serde::Serializer>(guard: &Guard, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(guard.code())
}

impl Breach {
    /// `relations of cross_sell from pim, market de, category Toys`.
    #[must_use]
    pub fn subject(&self) -> String {
        let mut text = self.what.clone();
        let mut add = |word: &str, name: Option<&str>| {
            text.extend(name.map(|name| format!("{word}{name}")));
        };
        add(" of type ", self.relation_type.as_deref());
        add(" from source ", self.source.as_deref());
        add(" in market ", self.market.as_deref());
        let category = self.category.as_deref();
        add(" in category ", category.map(|name| if name.is_empty() { "(none)" } else { name }));
        add(" at stage ", self.stage.as_deref());
        text
    }

    /// The key of `[guards]` that holds its limit.
    #[must_use]
    pub fn key(&self) -> String {
        let groups = [&self.source, &self.category, &self.stage];
        // Prices always name a market: there it is no group.
        let in_market = self.market.is_some() && self.guard != Guard::Prices;
        let is_group = in_market || groups.iter().any(|name| name.is_some());
        format!("{}{}", self.guard.code(), if is_group { "_group" } else { "" })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, before, after, changed_percent, allowed_percent, .. } = self;
        let (guard, subject) = (guard.code(), self.subject());
        write!(
            f,
            "{guard}: {subject} from {before} to {after} ({changed_percent} % changed, more than \
             {allowed_percent} % is refused)"
        )
    }
}

/// Collects what passes the limits.
pub(super) struct Judge<'a> {
    limits: &'a GuardLimits,
    /// Knows the names; nothing of what has no names is asked.
    before: Option<View<'a>>,
    found: Vec<Breach>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(limits: &'a GuardLimits, before: Option<View<'a>>) -> Self {
        Self { limits, before, found: Vec::new() }
    }

    /// Counts of the same places in both catalogs.
    pub(super) fn groups(
        &mut self,
        guard: Guard,
        what: &str,
        before: &Counts<'_>,
        after: &Counts<'_>,
    ) {
        let counts = |place: &Place<'_>| {
            let of = |counts: &Counts<'_>| counts.get(place).copied().unwrap_or_default();
            (of(before), of(after))
        };
        for place in before.keys() {
            // Where nothing is meant for single stages, each is as the sum, which says it once.
            let of_every_stage = Place { stage: None, ..*place };
            if place.stage.is_none() || counts(place) != counts(&of_every_stage) {
                self.count(guard, what, place, counts(place));
            }
        }
    }

    /// The same for what a shop may have few of: one more or less says nothing.
    pub(super) fn rare(
        &mut self,
        guard: Guard,
        what: &str,
        before: &Counts<'_>,
        after: &Counts<'_>,
    ) {
        for (place, was) in before {
            let is = after.get(place).copied().unwrap_or_default();
            match place.is_whole() {
                true => self.sum(guard, what, *was, is),
                false => self.count(guard, what, place, (*was, is)),
            }
        }
    }

    /// A number of the whole catalog.
    pub(super) fn sum(&mut self, guard: Guard, what: &str, before: u64, after: u64) {
        if before >= self.limits.group_min || after == 0 && before >= ALL_MIN {
            self.judge_loss(guard, what, &Place::default(), (before, after));
        }
    }

    /// Wholes and what is left of them.
    pub(super) fn parts(&mut self, guard: Guard, what: &str, parts: &Parts<'_>) {
        for (place, counts) in parts {
            self.count(guard, what, place, *counts);
        }
    }

    fn count(&mut self, guard: Guard, what: &str, place: &Place<'_>, (was, is): (u64, u64)) {
        // However few relations and products there are, their sums are judged.
        let always = matches!(guard, Guard::Shrink | Guard::Products) && place.is_whole();
        if always || was >= self.limits.group_min || is == 0 && is_judged_whole(guard, place, was) {
            self.judge_loss(guard, what, place, (was, is));
        }
    }

    fn judge_loss(&mut self, guard: Guard, what: &str, place: &Place<'_>, (was, is): (u64, u64)) {
        let lost = was.saturating_sub(is);
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.judge(guard, what.to_owned(), place, (signed(was), signed(is)), (lost, was));
    }

    /// How prices moved, in either direction: ten times as much is as wrong as a tenth. Of few prices
    /// one that moves says nothing, but all of them do.
    pub(super) fn prices(&mut self, moves: &BTreeMap<Place<'_>, Moves>) {
        for (place, Moves { products, median, least }) in moves {
            let pair = match () {
                () if *products >= self.limits.group_min => *median,
                () if is_judged_whole(Guard::Prices, place, *products) => *least,
                () => continue,
            };
            let currency = place.market.and_then(|market| self.currency(market));
            let currency = currency.unwrap_or("money");
            let what = format!("price at the median change in minor units of {currency}");
            let signed = |price: u64| i64::try_from(price).unwrap_or(i64::MAX);
            let prices = (signed(pair.0), signed(pair.1));
            self.judge(Guard::Prices, what, place, prices, distance(pair));
        }
    }

    fn currency(&self, market: &str) -> Option<&'a str> {
        let mut markets = self.before?.meta().markets.iter();
        markets.find(|known| known.id == market).map(|known| known.currency.as_str())
    }

    fn judge(
        &mut self,
        guard: Guard,
        what: String,
        place: &Place<'_>,
        (before, after): (i64, i64),
        (part, whole): (u64, u64),
    ) {
        let limit = self.limits.of(guard);
        let whole_market = Place { market: None, ..*place };
        let is_whole = place.is_whole() || guard == Guard::Prices && whole_market.is_whole();
        let limit = if is_whole { limit.whole } else { limit.group };
        if !limit.is_passed_by(part, whole) {
            return;
        }
        let own = |name: Option<&str>| name.map(ToOwned::to_owned);
        self.found.push(Breach {
            guard,
            what,
            relation_type: place.relation_type.map(|number| self.type_code(number)),
            source: own(place.source),
            market: own(place.market),
            category: own(place.category),
            stage: place.stage.and_then(stage_code),
            before,
            after,
            changed_percent: part.saturating_mul(100).checked_div(whole).unwrap_or(0),
            allowed_percent: limit.as_percent(),
        });
    }

    fn type_code(&self, number: u8) -> String {
        let declared = self.before.and_then(|before| {
            let mut types = before.meta().relation_types.iter();
            types.find(|declared| declared.number == number)
        });
        declared.map_or_else(|| format!("{number}"), |declared| declared.code.to_string())
    }

    /// What was found: by guard, sums first, then the largest losses.
    pub(super) fn settle(mut self) -> Vec<Breach> {
        let names = |one: &Breach| {
            let names = [&one.source, &one.market, &one.category, &one.stage];
            names.iter().filter(|name| name.is_some()).count()
        };
        let lost = |one: &Breach| std::cmp::Reverse(one.before.abs_diff(one.after));
        self.found.sort_by_key(|one| (one.guard, names(one), lost(one)));
        self.found
    }
}

/// Is what befalls all of this place judged, however few there are? Categories come and go with their
/// few products, so they are not; the sums over them are. Changing every one of a few lists is what a
/// person does in an afternoon, and nothing is lost by it.
fn is_judged_whole(guard: Guard, place: &Place<'_>, count: u64) -> bool {
    count >= ALL_MIN && place.category.is_none() && guard != Guard::Churn
}

fn stage_code(bit: u32) -> Option<String> {
    let stage = Stage::ALL.get(usize::try_from(bit).ok()?);
    stage.map(|stage| stage.code().to_owned())
}
