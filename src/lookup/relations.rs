//! The stored relations of a product before any filter: for people, checks and `ListRelations`.

use crate::{
    index::{Ordinal, Relation, Run, View},
    model::relation::RelationType,
};

/// Which end of its relations the product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// They go out from it.
    Outgoing,
    /// They lead to it; only types that the catalog declares reverse.
    Incoming,
}

/// A stored relation.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The product it goes out from.
    pub source: Ordinal,
    /// The product it leads to.
    pub target: Ordinal,
    /// Its type.
    pub relation_type: RelationType,
    /// Score, marks and rare attributes.
    pub relation: Relation<'a>,
    /// Its place in the source's block, for provenance.
    pub index: usize,
}

/// The relations of a product of these types (all if empty): outgoing by type and rank, incoming by
/// type and source id.
pub fn list<'a>(
    view: &View<'a>,
    product: Ordinal,
    direction: Direction,
    types: &'a [RelationType],
) -> Box<dyn Iterator<Item = Listed<'a>> + 'a> {
    let wanted = move |relation_type| types.is_empty() || types.contains(&relation_type);
    let view = *view;
    match direction {
        Direction::Outgoing => {
            Box::new(outgoing(&view, product).filter(move |one| wanted(one.relation_type)))
        }
        Direction::Incoming => Box::new(view.incoming(product).iter().filter_map(move |record| {
            let relation_type = RelationType::new(record.relation_type)?;
            if !wanted(relation_type) {
                return None;
            }
            let mut stored = outgoing(&view, Ordinal(record.source.get()));
            stored.find(|one| one.target == product && one.relation_type == relation_type)
        })),
    }
}

/// Every stored relation that leads to a product, whatever its type, by source: reads the whole
/// catalog.
pub fn holders<'a>(
    view: &View<'a>,
    product: Ordinal,
) -> impl Iterator<Item = Listed<'a>> + use<'a> {
    let view = *view;
    view.ordinals()
        .flat_map(move |source| outgoing(&view, source))
        .filter(move |one| one.target == product)
}

fn outgoing<'a>(view: &View<'a>, source: Ordinal) -> impl Iterator<Item = Listed<'a>> + use<'a> {
    let typed = |run: Run<'a>| Some((run.relation_type()?, run));
    let runs = view.block(source).runs().filter_map(typed);
    let relations = runs.flat_map(|(relation_type, run)| {
        run.relations().map(move |relation| (relation_type, relation))
    });
    relations.enumerate().map(move |(index, (relation_type, relation))| Listed {
        source,
        target: Ordinal(relation.edge.target.get()),
        relation_type,
        relation,
        index,
    })
}
