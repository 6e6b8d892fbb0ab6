//! Golden lookups: what a shop must answer, whatever is published, asked of each snapshot before it
//! goes live.
//!
//! One JSON object a line: the `request` of a `GetRecommendations`, and what comes back: `expect` names
//! the products in their order, `at_least` how many there are. Blank lines and lines that begin with
//! `#` are passed over. They are answered without stock, at the clock of the check.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{answers, json::from_json, present::Present};
use crate::{
    model::limits::{GOLDEN_LOOKUPS_MAX, GOLDEN_SHOWN_MAX, RESULTS_MAX},
    pb,
    snapshot::{CheckRefusal, Moment, Snapshot},
    stock::StockView,
};

/// Lookups with what they must answer.
#[derive(Clone, Debug)]
pub struct Golden {
    name: String,
    lookups: Vec<Lookup>,
}

#[derive(Clone, Debug)]
struct Lookup {
    line: usize,
    request: pb::GetRecommendationsRequest,
    wanted: Wanted,
}

#[derive(Clone, Debug)]
enum Wanted {
    Exactly(Vec<String>),
    AtLeast(usize),
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    request: Value,
    expect: Option<Vec<String>>,
    at_least: Option<usize>,
}

/// A file that holds no golden lookups. Mend the line.
#[derive(Debug, thiserror::Error)]
#[error("{name} line {line}: {what}")]
pub struct GoldenError {
    /// The file.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// What was expected and found.
    pub what: String,
}

impl Golden {
    /// Reads a file; `name` stands for it in messages.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, GoldenError> {
        let mut lookups = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let fail = |what: String| GoldenError { name: name.to_owned(), line, what };
            if lookups.len() == GOLDEN_LOOKUPS_MAX {
                return Err(fail(format!("expected at most {GOLDEN_LOOKUPS_MAX} lookups")));
            }
            let (request, wanted) = lookup(text).map_err(fail)?;
            lookups.push(Lookup { line, request, wanted });
        }
        Ok(Self { name: name.to_owned(), lookups })
    }

    /// How many lookups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lookups.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    /// Asks a snapshot all of them.
    ///
    /// # Errors
    /// The first few that it answers otherwise, with what was wanted.
    pub fn check(&self, snapshot: &Arc<Snapshot>) -> Result<(), CheckRefusal> {
        let moment = Moment { snapshot: Arc::clone(snapshot), stock: Arc::new(StockView::empty()) };
        let present = Present::of(&moment);
        let wrong = self.lookups.iter().filter_map(|lookup| {
            let difference = lookup.difference(&present)?;
            Some(format!("line {}: {difference}", lookup.line))
        });
        let wrong = wrong.collect::<Vec<_>>();
        if wrong.is_empty() {
            return Ok(());
        }
        let shown = wrong.iter().take(GOLDEN_SHOWN_MAX).map(String::as_str);
        let shown = shown.collect::<Vec<_>>().join("; ");
        Err(CheckRefusal(format!(
            "{} of {} golden lookups of {} fail ({shown}); mend what is published, or the lines",
            wrong.len(),
            self.lookups.len(),
            self.name,
        )))
    }
}

impl Lookup {
    /// What is wrong with the answer; nothing, if nothing is.
    fn difference(&self, present: &Present<'_>) -> Option<String> {
        let answer = match answers::get(present, &self.request) {
            Ok(answer) => answer.decoded().expect("the hot encoder writes a message"),
            Err(refusal) => {
                let status = tonic::Status::from(refusal);
                return Some(format!("the lookup is refused: {}", status.message()));
            }
        };
        let found = answer.recommendations.iter().map(|one| &*one.product_id).collect::<Vec<_>>();
        match &self.wanted {
            Wanted::Exactly(wanted) if found == *wanted => None,
            Wanted::Exactly(wanted) => Some(format!("expected {wanted:?}, found {found:?}")),
            Wanted::AtLeast(count) if found.len() >= *count => None,
            Wanted::AtLeast(count) => {
                Some(format!("expected at least {count} products, found {}", found.len()))
            }
        }
    }
}

fn lookup(text: &str) -> Result<(pb::GetRecommendationsRequest, Wanted), String> {
    let line: Line = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let request = from_json("GetRecommendationsRequest", &line.request.to_string());
    let request = request.map_err(|error| format!("request: {error}"))?;
    let wanted = match (line.expect, line.at_least) {
        (Some(products), None) => Wanted::Exactly(products),
        (None, Some(count)) if (1..=RESULTS_MAX).contains(&count) => Wanted::AtLeast(count),
        (None, Some(count)) => {
            return Err(format!("at_least: expected 1 to {RESULTS_MAX}, found {count}"));
        }
        (Some(_), Some(_)) => return Err("expected one of expect, at_least, found both".to_owned()),
        (None, None) => return Err("expected one of expect, at_least, found none".to_owned()),
    };
    Ok((request, wanted))
}
