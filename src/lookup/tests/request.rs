//! Requests and outcomes that own what they name, so that a test can compare them.
//!
//! A request in text form: `cross_sell,up_sell: a b*2 -x max=3 min=0.5` asks for two types and two
//! units of `b`, and excludes `x`.

use super::shop::{Shop, type_of};
use crate::{
    index::View,
    lookup::{FillReport, Query, QuerySeed, ScoreThreshold, Scratch, answer},
    model::relation::RelationType,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) types: Vec<RelationType>,
    pub(super) seeds: Vec<(String, f64)>,
    pub(super) exclude: Vec<String>,
    /// 0 means the default.
    pub(super) max: usize,
    pub(super) min: Option<f32>,
}

impl Request {
    pub(super) fn parse(text: &str) -> Self {
        let (types, rest) = text.split_once(':').unwrap();
        let types = types.split(',').map(|code| type_of(code).expect(code)).collect();
        let mut request = Self { types, ..Self::default() };
        for word in rest.split_whitespace() {
            if let Some(id) = word.strip_prefix('-') {
                request.exclude.push(id.to_owned());
            } else if let Some(max) = word.strip_prefix("max=") {
                request.max = max.parse().unwrap();
            } else if let Some(min) = word.strip_prefix("min=") {
                request.min = Some(min.parse().unwrap());
            } else {
                let (id, quantity) = word.split_once('*').unwrap_or((word, "1"));
                request.seeds.push((id.to_owned(), quantity.parse().unwrap()));
            }
        }
        request
    }

    pub(super) fn query(&self) -> Query<'_> {
        let seeds = self.seeds.iter().map(|(id, quantity)| QuerySeed { id, quantity: *quantity });
        let mut query = Query::new(self.types.iter().copied(), seeds).with_max_results(self.max);
        query.exclude = &self.exclude;
        query.min_score = self.min.map(|min| ScoreThreshold::new(min).unwrap());
        query
    }
}

/// An answer by ids and positions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) picks: Vec<Pick>,
    /// Positions of unknown seeds.
    pub(super) missing: Vec<usize>,
    pub(super) report: FillReport,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pick {
    pub(super) id: String,
    pub(super) relation_type: u8,
    pub(super) origin: u8,
    pub(super) score: u16,
    pub(super) quantity: f64,
    pub(super) seeds: Vec<usize>,
    pub(super) valid_to_s: i64,
}

impl Outcome {
    pub(super) fn of(view: &View<'_>, request: &Request, scratch: &mut Scratch) -> Self {
        let answer = answer(view, &request.query(), scratch);
        let bits = |mask: u64| (0..64).filter(|bit| mask >> bit & 1 == 1).collect::<Vec<_>>();
        let pick = |pick: &crate::lookup::Pick| Pick {
            id: view.id(pick.product).to_owned(),
            relation_type: pick.relation_type,
            origin: pick.origin,
            score: pick.score,
            quantity: pick.quantity,
            seeds: bits(pick.seeds),
            valid_to_s: pick.valid_to_s,
        };
        Self {
            picks: answer.picks.iter().map(pick).collect(),
            missing: bits(answer.missing),
            report: answer.report,
        }
    }
}

/// Asks a shop, both in text form.
pub(super) fn ask(shop: &str, request: &str) -> Outcome {
    ask_shop(&Shop::parse(shop), request)
}

pub(super) fn ask_shop(shop: &Shop, request: &str) -> Outcome {
    let catalog = shop.catalog();
    Outcome::of(&catalog.view(), &Request::parse(request), &mut Scratch::default())
}

/// The ids that are recommended, best first.
pub(super) fn ids(outcome: &Outcome) -> Vec<&str> {
    outcome.picks.iter().map(|pick| &*pick.id).collect()
}
