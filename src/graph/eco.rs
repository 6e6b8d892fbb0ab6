//! Eco-alternatives that follow from alternatives: those whose target has the better eco grade.
//!
//! They are made while lists are read, from what the list of alternatives holds, so that they depend on
//! no order of rows and take no room. What a source states outright is never touched: it stands first,
//! and its targets are not listed again.

use super::{Product, edge::Edge, intern::index};
use crate::model::relation::RelationType;

/// Those of one product, from its alternatives on to its eco-alternatives.
#[derive(Debug, Default)]
pub(super) struct EcoAlternatives(Vec<Edge>);

impl EcoAlternatives {
    /// Notes what follows from the alternatives of a product, best first. A product without a grade is
    /// neither better nor worse.
    pub(super) fn note(&mut self, alternatives: &[Edge], products: &[Product]) {
        let grade = |product: u32| products[index(product)].eco_grade;
        let is_better = |edge: &&Edge| {
            let grades = grade(edge.source()).zip(grade(edge.target()));
            grades.is_some_and(|(own, other)| other > own)
        };
        self.0.clear();
        self.0.extend(alternatives.iter().filter(is_better).map(Edge::as_eco_alternative));
    }

    /// The list that they wait for.
    pub(super) fn list(&self) -> Option<(u32, RelationType)> {
        self.0.first().map(|edge| (edge.source(), edge.relation_type()))
    }

    /// Appends to the stated ones, which are ranked, those that none of them states.
    pub(super) fn append_to(&mut self, stated: &mut Vec<Edge>) {
        let mut targets = stated.iter().map(Edge::target).collect::<Vec<_>>();
        targets.sort_unstable();
        let is_new = |edge: &Edge| targets.binary_search(&edge.target()).is_err();
        stated.extend(self.0.drain(..).filter(is_new));
    }
}
