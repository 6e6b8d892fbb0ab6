//! The relations of a known product in the order in which they are examined.

use kindred::model::{
    relation::{Origin, RelationType, Stage},
    score,
};

use crate::{
    plan::Weighted,
    world::{Deed, Override, Relation, Window, World},
};

/// A product that a lookup starts from.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) key: String,
    pub(crate) quantity: f64,
    /// Of the request's seeds, sorted.
    pub(crate) positions: Vec<usize>,
}

/// A relation on its way into a list.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) target: String,
    /// `None` of a popular list.
    pub(crate) relation_type: Option<RelationType>,
    pub(crate) origin: Origin,
    pub(crate) score: u16,
    pub(crate) is_given: bool,
    /// 0 if not said.
    pub(crate) quantity: f64,
    pub(crate) window: Window,
    pub(crate) stages: Vec<Stage>,
    pub(crate) markets: Vec<String>,
    pub(crate) is_removed: bool,
    /// It was put in or moved by an override.
    pub(crate) is_added: bool,
    pub(crate) is_moved: bool,
}

/// When and where overrides are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) market: String,
    pub(crate) at_s: i64,
}

impl Override {
    /// Does it name the market?
    pub(crate) fn names(&self, market: &str) -> bool {
        self.markets.is_empty() || self.markets.iter().any(|one| one == market)
    }

    pub(crate) fn is_in_force(&self, moment: &Moment) -> bool {
        self.names(&moment.market) && self.window.contains(moment.at_s)
    }
}

/// An override in keys of the world; one that names what the world lacks is none.
pub(crate) struct Bound<'w> {
    pub(crate) row: &'w Override,
    /// `None` for everywhere.
    pub(crate) source: Option<String>,
    pub(crate) relation_type: Option<RelationType>,
    pub(crate) target: String,
}

/// The overrides in the order of their file: they are a set, and are published by source, type, action,
/// position, target and the rest.
pub(crate) fn overrides<'w>(world: &'w World) -> Vec<Bound<'w>> {
    let bind = |row: &'w Override| -> Option<Bound<'w>> {
        let Override { source, relation_type, target, .. } = row;
        let source = match source {
            None => None,
            Some(id) => Some(world.find(id)?),
        };
        let relation_type = match relation_type {
            None => None,
            Some(code) => Some(world.type_of(code)?),
        };
        Some(Bound { row, source, relation_type, target: world.find(target)? })
    };
    let mut bound = world.overrides.iter().filter_map(bind).collect::<Vec<_>>();
    bound.sort_by_cached_key(|Bound { row, .. }| {
        let position = match row.deed {
            Deed::Add { position, .. } => position.unwrap_or(usize::MAX),
            Deed::Reorder { position } | Deed::Pin { position } => position,
            Deed::Remove | Deed::Hide => usize::MAX,
        };
        let mut markets = row.markets.clone();
        markets.sort();
        let from_s = row.window.from_s.unwrap_or(i64::MIN);
        let to_s = row.window.to_s.unwrap_or(i64::MAX);
        let head = (row.source.clone(), row.relation_type.clone(), row.deed.place(), position);
        (head, row.target.clone(), markets, from_s, to_s)
    });
    bound
}

/// The relations of one product and type as the catalog has them, best first.
fn stated(world: &World, key: &str, relation_type: RelationType) -> Vec<Link> {
    let list = world.product(key).lists.get(&relation_type).map_or(&[][..], Vec::as_slice);
    // The compiler leaves out relations to hidden products.
    let list = list.iter().filter(|relation| !world.is_hidden(&relation.target));
    let list = list.collect::<Vec<_>>();
    let scores = score::falling(list.iter().map(|relation| relation.score));
    let link = |(relation, score): (&&Relation, u16)| Link {
        target: relation.target.clone(),
        relation_type: Some(relation_type),
        origin: relation.origin,
        score,
        is_given: relation.score.is_some(),
        quantity: relation.quantity.unwrap_or(0.0),
        window: relation.window,
        stages: relation.stages.clone(),
        markets: relation.markets.clone(),
        is_removed: false,
        is_added: false,
        is_moved: false,
    };
    list.iter().zip(scores).map(link).collect()
}

/// The same with the overrides in force.
pub(crate) fn patched(
    world: &World,
    key: &str,
    relation_type: RelationType,
    moment: &Moment,
) -> Vec<Link> {
    let mut run = stated(world, key, relation_type);
    let mut scores = run.iter().map(|link| link.score).collect::<Vec<_>>();
    let rows = overrides(world).into_iter().filter(|bound| {
        let is_of_type = bound.relation_type.is_none_or(|own| own == relation_type);
        bound.source.as_deref() == Some(key) && is_of_type && bound.row.is_in_force(moment)
    });
    let rows = rows.collect::<Vec<_>>();
    for bound in rows.iter().filter(|bound| bound.row.deed == Deed::Remove) {
        for link in run.iter_mut().filter(|link| link.target == bound.target) {
            link.is_removed = true;
        }
    }

    let mut moves = Vec::new();
    for bound in &rows {
        if let Deed::Reorder { position } = bound.row.deed {
            moves.push((position, bound.target.clone()));
        }
    }
    // Stable: of one position the earlier row comes first.
    moves.sort_by_key(|(position, _)| *position);
    let mut moved = Vec::<(usize, Link)>::new();
    for (position, target) in moves {
        if let Some(at) = run.iter().position(|link| link.target == target) {
            moved.push((position, Link { is_moved: true, ..run.remove(at) }));
        }
    }
    let mut is_changed = !moved.is_empty();
    for (position, link) in moved {
        run.insert((position - 1).min(run.len()), link);
    }

    let mut added = Vec::<(usize, Link)>::new();
    for bound in &rows {
        if let Deed::Add { position, quantity } = bound.row.deed {
            added.push((position.unwrap_or(usize::MAX), added_link(bound, quantity)));
        }
    }
    added.sort_by_key(|(position, _)| *position);
    let mut targets = Vec::new();
    added.retain(|(_, link)| {
        let is_first = !targets.contains(&link.target);
        targets.push(link.target.clone());
        is_first
    });
    run.retain(|link| !targets.contains(&link.target));
    is_changed |= !added.is_empty();
    for (position, link) in added {
        run.insert((position - 1).min(run.len()), link);
    }

    if is_changed {
        let was_empty = scores.is_empty();
        while scores.len() < run.len() {
            let next = match scores.last() {
                Some(last) if !was_empty => last.saturating_sub(1),
                _ => score::of_rank(scores.len()),
            };
            scores.push(next);
        }
        run.iter_mut().zip(scores).for_each(|(link, score)| link.score = score);
    }
    run
}

fn added_link(bound: &Bound<'_>, quantity: Option<f64>) -> Link {
    Link {
        target: bound.target.clone(),
        relation_type: bound.relation_type,
        origin: Origin::Curated,
        score: 0,
        is_given: false,
        quantity: quantity.unwrap_or(0.0),
        window: bound.row.window,
        stages: Vec::new(),
        markets: Vec::new(),
        is_removed: false,
        is_added: true,
        is_moved: false,
    }
}

/// All relations of these types that a product has or inherits, with weighted scores.
pub(crate) fn merged(world: &World, key: &str, mix: &[Weighted], moment: &Moment) -> Vec<Link> {
    let mut all = Vec::new();
    for (place, entry) in mix.iter().enumerate() {
        let mut targets_below = Vec::new();
        for (level, product) in world.lineage(key).iter().enumerate() {
            let run = patched(world, product, entry.relation_type, moment);
            let targets = run.iter().map(|link| link.target.clone()).collect::<Vec<_>>();
            for (rank, mut link) in run.into_iter().enumerate() {
                if !targets_below.contains(&link.target) {
                    let weighted = u64::from(link.score) * entry.weight_milli / 1_000;
                    link.score = u16::try_from(weighted).unwrap();
                    all.push((u16::MAX - link.score, place, level, rank, link));
                }
            }
            targets_below.extend(targets);
        }
    }
    // Scores never rise inside a run, so that a sort keeps its order.
    all.sort_by_key(|(score, place, level, rank, _)| (*score, *place, *level, *rank));
    all.into_iter().map(|(.., link)| link).collect()
}

/// A popular list as relations.
pub(crate) fn popular(world: &World, category: Option<&str>) -> Vec<Link> {
    let link = |(rank, target)| Link {
        target,
        relation_type: None,
        origin: Origin::Popular,
        score: score::of_rank(rank),
        is_given: false,
        quantity: 0.0,
        window: Window::default(),
        stages: Vec::new(),
        markets: Vec::new(),
        is_removed: false,
        is_added: false,
        is_moved: false,
    };
    world.popular(category).into_iter().enumerate().map(link).collect()
}
