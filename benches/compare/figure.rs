//! What came of a goal, for people and for scripts.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{duel::Spread, layout};

/// Which side of its bounds a figure should be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// One goal and what was measured of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Number of the goal, with a letter where it has several figures.
    pub(crate) goal: &'static str,
    pub(crate) what: String,
    pub(crate) better: Better,
    /// What may not be missed.
    pub(crate) floor: Option<f64>,
    /// What is wanted.
    pub(crate) aim: Option<f64>,
    /// Nothing if it was not measured in this run.
    pub(crate) measured: Option<Spread>,
    /// What to know beside it.
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn more(goal: &'static str, what: impl Into<String>) -> Self {
        Self {
            goal,
            what: what.into(),
            better: Better::More,
            floor: None,
            aim: None,
            measured: None,
            note: String::new(),
        }
    }

    pub(crate) fn less(goal: &'static str, what: impl Into<String>) -> Self {
        Self { better: Better::Less, ..Self::more(goal, what) }
    }

    pub(crate) fn floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    pub(crate) fn aim(mut self, aim: f64) -> Self {
        self.aim = Some(aim);
        self
    }

    pub(crate) fn measured(mut self, measured: Spread) -> Self {
        self.measured = Some(measured);
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Does it hold its floor, or its aim where it has no floor? Unknown if it was not measured or
    /// has neither.
    pub(crate) fn is_ok(&self) -> Option<bool> {
        let bound = self.floor.or(self.aim)?;
        let median = self.measured?.median;
        Some(match self.better {
            Better::More => median >= bound,
            Better::Less => median <= bound,
        })
    }

    pub(crate) fn print(&self) {
        let shown = |bound: Option<f64>| bound.map_or("-".to_owned(), number);
        let measured = self.measured.map_or("not measured".to_owned(), |found| {
            format!("{} ({} to {})", number(found.median), number(found.low), number(found.high))
        });
        let ok = match self.is_ok() {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "-",
        };
        let (goal, what) = (self.goal, &self.what);
        let (floor, aim) = (shown(self.floor), shown(self.aim));
        println!("{goal:<5} {what:<64} {measured:<28} {floor:>8} {aim:>8}  {ok:<6} {}", self.note);
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "goal": self.goal,
            "what": self.what,
            "better": if self.better == Better::More { "more" } else { "less" },
            "measured": self.measured.map(|found| found.median),
            "floor": self.floor,
            "aim": self.aim,
            "spread": self.measured.map(|found| [found.low, found.high]),
            "ok": self.is_ok(),
            "note": self.note,
        })
    }
}

impl From<layout::Figure> for Figure {
    fn from(found: layout::Figure) -> Self {
        let (low, high) = found.spread;
        let figure = Self::less(found.goal, format!("{}, {}", found.what, found.unit));
        // Where both are one, the table has an aim only, or a floor only.
        let has_floor = found.floor.is_finite() && !found.goal.starts_with('7');
        let figure = if has_floor { figure.floor(found.floor) } else { figure };
        let has_aim = found.aim.is_finite() && (found.aim < found.floor || !has_floor);
        let figure = if has_aim { figure.aim(found.aim) } else { figure };
        figure.measured(Spread { low, median: found.measured, high })
    }
}

/// A figure in about three digits.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Prints the head of the table.
pub(crate) fn print_head() {
    println!(
        "{:<5} {:<64} {:<28} {:>8} {:>8}  {:<6} note",
        "goal", "what", "median (quartiles)", "floor", "aim", "ok"
    );
}

/// The whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine_before: kindred::load::Machine,
    pub(crate) machine_after: kindred::load::Machine,
    pub(crate) figures: Vec<Value>,
}
