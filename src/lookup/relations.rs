//! The stored relations of a product before any filter: for people, checks and `ListRelations`.

use crate::{
    index::{Ordinal, Relation, Run, View, layout::ReverseRecord},
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

/// The relations of a product of these types (all if empty) after the first `skip`: outgoing by type
/// and rank, incoming by type and source id. What is skipped costs nothing that grows with it.
pub fn list<'a>(
    view: &View<'a>,
    product: Ordinal,
    direction: Direction,
    types: &'a [RelationType],
    skip: usize,
) -> Box<dyn Iterator<Item = Listed<'a>> + 'a> {
    let wanted = move |relation_type| types.is_empty() || types.contains(&relation_type);
    let view = *view;
    match direction {
        Direction::Outgoing => Box::new(
            outgoing(&view, product).filter(move |one| wanted(one.relation_type)).skip(skip),
        ),
        Direction::Incoming => {
            let incoming = view.incoming(product);
            let types = view.meta().relation_types.iter().map(|declared| declared.number);
            let types = types.filter_map(RelationType::new).filter(move |one| wanted(*one));
            // Whole records are skipped before any is looked up in its source's block.
            let records = types.flat_map(|one| of_type(incoming, one)).skip(skip);
            Box::new(records.filter_map(move |record| {
                let mut stored = outgoing(&view, Ordinal(record.source.get()));
                stored.find(|one| {
                    one.target == product && one.relation_type.number() == record.relation_type
                })
            }))
        }
    }
}

/// The records of one type; they are sorted by type.
fn of_type(records: &[ReverseRecord], relation_type: RelationType) -> &[ReverseRecord] {
    let number = relation_type.number();
    let from = records.partition_point(|record| record.relation_type < number);
    let to = records.partition_point(|record| record.relation_type <= number);
    records.get(from..to).unwrap_or_default()
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

/// The place of a relation in its source's block, for provenance.
pub(super) fn place_in_block(
    view: &View<'_>,
    source: Ordinal,
    relation_type: RelationType,
    target: Ordinal,
) -> Option<usize> {
    let mut stored = outgoing(view, source);
    let found = stored.find(|one| one.target == target && one.relation_type == relation_type);
    found.map(|one| one.index)
}
