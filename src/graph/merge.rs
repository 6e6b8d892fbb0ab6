//! From sorted runs to what a product's list holds: merged, visible, ranked, capped.
//!
//! At most one list is in memory, whatever the size of the graph.

use std::{fmt, io};

use super::{
    GraphError, Product, eco::EcoAlternatives, edge::Edge, intern::index, ledger::Refusal,
    runs::SortedRuns,
};
use crate::model::{
    config::CatalogConfig, limits::RELATIONS_PER_TYPE_MAX, record::Visibility,
    relation::RelationType,
};

/// The relations of one product and type, best first; never empty.
#[derive(Clone, Copy, Debug)]
pub struct RelationGroup<'a> {
    /// The product they go out from.
    pub source: u32,
    /// Their type.
    pub relation_type: RelationType,
    /// At most as many as the type lets one product keep, in rank order, each to another target.
    pub edges: &'a [Edge],
}

/// Reads the groups by source ordinal, then type number.
pub struct RelationGroups<'a, R: SortedRuns + 'a> {
    edges: R::Edges<'a>,
    ahead: Option<Edge>,
    products: &'a [Product],
    hidden: &'a Hidden,
    config: &'a CatalogConfig,
    group: Vec<Edge>,
    eco: EcoAlternatives,
}

impl<'a, R: SortedRuns> RelationGroups<'a, R> {
    pub(super) fn new(
        runs: &'a R,
        products: &'a [Product],
        hidden: &'a Hidden,
        config: &'a CatalogConfig,
    ) -> Result<Self, GraphError> {
        let mut edges = runs.edges().map_err(unreadable)?;
        let ahead = edges.next().transpose().map_err(unreadable)?;
        let (group, eco) = (Vec::new(), EcoAlternatives::default());
        Ok(Self { edges, ahead, products, hidden, config, group, eco })
    }

    /// The next group, `None` after the last.
    ///
    /// # Errors
    /// The run store cannot read its runs back.
    pub fn next_group(&mut self) -> Result<Option<RelationGroup<'_>>, GraphError> {
        self.next_judged(&mut |_, _| {})
    }

    /// The next group; tells `refuse` every edge that a source stated and the group does not hold.
    pub(super) fn next_judged(
        &mut self,
        refuse: &mut dyn FnMut(Refusal, &Edge),
    ) -> Result<Option<RelationGroup<'_>>, GraphError> {
        // What we reversed or derived ourselves is no loss of any source.
        let mut refuse_stated = |refusal, edge: &Edge| {
            if !edge.is_reversed() && !edge.is_derived() {
                refuse(refusal, edge);
            }
        };
        loop {
            let stated = self.ahead.map(|edge| (edge.source(), edge.relation_type()));
            let derived = self.eco.list();
            let Some(next) = stated.into_iter().chain(derived).min() else { return Ok(None) };
            let (source, relation_type) = next;
            self.group.clear();
            if let Some(first) = self.ahead.filter(|_| stated == Some(next)) {
                self.gather(first, &mut refuse_stated)?;
                self.group.sort_unstable_by(Edge::rank_order);
            }
            if derived == Some(next) {
                self.eco.append_to(&mut self.group);
            }
            let max = self.max_per_product(relation_type);
            // What the shop wants cut is no fault; what we cannot hold is.
            let refusal = |place: usize| match place < RELATIONS_PER_TYPE_MAX {
                true => Refusal::Capped,
                false => Refusal::OverCap,
            };
            let over = self.group.iter().enumerate().skip(max);
            over.for_each(|(place, edge)| refuse_stated(refusal(place), edge));
            self.group.truncate(max);
            if self.config.derive_eco_alternatives && relation_type == RelationType::ALTERNATIVE {
                self.eco.note(&self.group, self.products);
            }
            if !self.group.is_empty() {
                let edges = &self.group;
                return Ok(Some(RelationGroup { source, relation_type, edges }));
            }
        }
    }

    fn max_per_product(&self, relation_type: RelationType) -> usize {
        let types = &self.config.relation_types;
        let found = types.binary_search_by_key(&relation_type, |known| known.relation_type);
        let declared = found.ok().and_then(|at| types.get(at));
        declared.map_or(RELATIONS_PER_TYPE_MAX, |declared| declared.max_per_product)
    }

    /// Adds the best edge to each visible target of the group that `first` opens.
    fn gather(
        &mut self,
        first: Edge,
        refuse: &mut dyn FnMut(Refusal, &Edge),
    ) -> Result<(), GraphError> {
        let mut before: Option<Edge> = None;
        while let Some(edge) = self.ahead.filter(|edge| edge.same_group(&first)) {
            if before.is_some_and(|before| before.same_link(&edge)) {
                let kept = self.group.last_mut().filter(|kept| kept.same_link(&edge));
                kept.into_iter().for_each(|kept| kept.confirm(&edge));
                refuse(Refusal::Duplicate, &edge);
            } else if self.hidden.holds(edge.target()) {
                refuse(Refusal::HiddenTarget, &edge);
            } else {
                self.group.push(edge);
            }
            before = Some(edge);
            self.ahead = self.edges.next().transpose().map_err(unreadable)?;
        }
        Ok(())
    }
}

impl<'a, R: SortedRuns> fmt::Debug for RelationGroups<'a, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelationGroups").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

/// Which products no shopper may see, a bit each: a list of them stays in the cache of the processor,
/// where the products themselves would not.
#[derive(Debug)]
pub(super) struct Hidden(Vec<u64>);

impl Hidden {
    pub(super) fn of(products: &[Product]) -> Self {
        let is_hidden = |product: &Product| u64::from(product.visibility == Visibility::Hidden);
        let word = |products: &[Product]| {
            products.iter().rev().fold(0, |word, product| word << 1 | is_hidden(product))
        };
        Self(products.chunks(64).map(word).collect())
    }

    fn holds(&self, product: u32) -> bool {
        self.0[index(product / 64)] >> (product % 64) & 1 != 0
    }
}

fn unreadable(source: io::Error) -> GraphError {
    GraphError::Runs { step: "read", source }
}
