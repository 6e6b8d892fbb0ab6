//! What lookup promises, done the slow and plain way: maps of strings, every list whole, no cursor,
//! no bit, nothing of the code under test.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    request::{Outcome, Pick, Request},
    shop::{Link, Product, Shop},
};
use crate::model::relation::{Availability, RelationType};

/// One known seed: which positions named it, and how many units in all.
struct Seed {
    id: String,
    positions: Vec<usize>,
    quantity: f64,
}

/// A relation that reaches a product from a seed.
struct Reach {
    relation_type: RelationType,
    link: Link,
}

/// The answer by the book.
pub(super) fn expected(shop: &Shop, request: &Request) -> Outcome {
    let mut outcome = Outcome::default();
    let mut seeds = Vec::<Seed>::new();
    for (position, (id, quantity)) in request.seeds.iter().enumerate() {
        match find(shop, id) {
            None => outcome.missing.push(position),
            Some(id) => match seeds.iter_mut().find(|seed| seed.id == id) {
                Some(seed) => {
                    seed.positions.push(position);
                    seed.quantity += quantity;
                }
                None => seeds.push(Seed { id, positions: vec![position], quantity: *quantity }),
            },
        }
    }
    let max = if request.max == 0 { 10 } else { request.max.min(100) };
    let ranked = match seeds.as_slice() {
        [seed] => one(shop, &request.types, seed),
        seeds => several(shop, &request.types, seeds),
    };
    let is_single = seeds.len() == 1;
    for (pick, given) in ranked {
        if outcome.picks.len() == max && is_single {
            break;
        }
        let report = &mut outcome.report;
        report.candidates += 1;
        let product = &shop.products[&pick.id];
        let gone = product.availability == Some(Availability::Discontinued);
        // The score that the request asks for, in the steps in which scores are kept.
        let least = request.min.map(|min| (f64::from(min) * 65_535.0).round());
        let too_low = least.is_some_and(|least| f64::from(pick.score) < least);
        if product.hidden || gone {
            report.removed_hidden += 1;
        } else if seeds.iter().any(|seed| top(shop, &seed.id) == top(shop, &pick.id)) {
            report.removed_same_variant_group += 1;
        } else if request.exclude.iter().any(|id| find(shop, id).as_ref() == Some(&pick.id)) {
            report.removed_excluded += 1;
        } else if too_low && (given || !is_single) {
            report.removed_below_score += 1;
        } else if outcome.picks.len() < max {
            outcome.picks.push(pick);
        }
    }
    outcome.report.shortfall = u32::try_from(max - outcome.picks.len()).unwrap();
    outcome
}

/// The candidates of one seed, best first, and whether their score was given.
fn one(shop: &Shop, types: &[RelationType], seed: &Seed) -> Vec<(Pick, bool)> {
    let pick = |reach: Reach| {
        let given = reach.link.given;
        (part(&reach, seed), given)
    };
    reached(shop, types, &seed.id).into_iter().map(pick).collect()
}

/// The sums of several seeds, best first, ties by id.
fn several(shop: &Shop, types: &[RelationType], seeds: &[Seed]) -> Vec<(Pick, bool)> {
    let total = seeds.iter().map(|seed| weight(seed.quantity)).sum::<u64>();
    // By product: what each seed adds, with its weight.
    let mut parts = BTreeMap::<String, Vec<(u64, Pick)>>::new();
    for seed in seeds {
        for reach in reached(shop, types, &seed.id).into_iter().take(256) {
            let part = (weight(seed.quantity), part(&reach, seed));
            parts.entry(reach.link.target).or_default().push(part);
        }
    }
    let mut sums = Vec::new();
    for (id, parts) in parts {
        let mut heaviest = &parts[0];
        for part in &parts {
            if part.0 * u64::from(part.1.score) > heaviest.0 * u64::from(heaviest.1.score) {
                heaviest = part;
            }
        }
        let sum = parts.iter().map(|(weight, part)| weight * u64::from(part.score)).sum::<u64>();
        let seeds = parts.iter().flat_map(|(_, part)| part.seeds.iter().copied());
        sums.push(Pick {
            id,
            relation_type: heaviest.1.relation_type,
            origin: heaviest.1.origin,
            score: u16::try_from(sum / total).unwrap(),
            quantity: parts.iter().map(|(_, part)| part.quantity).sum(),
            seeds: seeds.collect::<BTreeSet<_>>().into_iter().collect(),
            valid_to_s: parts.iter().map(|(_, part)| part.valid_to_s).min().unwrap(),
        });
    }
    sums.sort_by(|left, right| {
        let ids = shop.rule.order(left.id.as_bytes(), right.id.as_bytes());
        right.score.cmp(&left.score).then(ids)
    });
    sums.into_iter().map(|sum| (sum, true)).collect()
}

/// What one relation of one seed says about its target.
fn part(reach: &Reach, seed: &Seed) -> Pick {
    Pick {
        id: reach.link.target.clone(),
        relation_type: reach.relation_type.number(),
        origin: reach.link.origin as u8,
        score: reach.link.score,
        quantity: reach.link.quantity * seed.quantity,
        seeds: seed.positions.clone(),
        valid_to_s: reach.link.valid_to_s,
    }
}

/// Every product that a seed reaches, each once by its best relation, best first.
fn reached(shop: &Shop, types: &[RelationType], seed: &str) -> Vec<Reach> {
    let mut asked = Vec::new();
    for relation_type in types {
        if !asked.contains(relation_type) {
            asked.push(*relation_type);
        }
    }
    let mut named = BTreeSet::new();
    let mut all = Vec::new();
    for (level, id) in line(shop, seed).into_iter().enumerate() {
        let Product { lists, .. } = &shop.products[&id];
        let mut own = Vec::new();
        for (rank, relation_type) in asked.iter().enumerate() {
            for link in lists.get(relation_type).into_iter().flatten() {
                own.push((rank, *relation_type, link.clone()));
            }
        }
        for (rank, relation_type, link) in own {
            // What a nearer product says of the same type and target holds instead.
            let name = (relation_type, link.target.clone());
            if named.insert(name) {
                all.push((rank, level, Reach { relation_type, link }));
            }
        }
    }
    all.sort_by_key(|(rank, level, reach)| (u16::MAX - reach.link.score, *rank, *level));
    let mut targets = BTreeSet::new();
    all.retain(|(_, _, reach)| targets.insert(reach.link.target.clone()));
    all.into_iter().map(|(_, _, reach)| reach).collect()
}

/// The product, its parent, and so on.
fn line(shop: &Shop, id: &str) -> Vec<String> {
    let mut line = vec![id.to_owned()];
    while let Some(parent) = &shop.products[line.last().unwrap()].parent {
        line.push(parent.clone());
    }
    line
}

fn top(shop: &Shop, id: &str) -> String {
    line(shop, id).pop().unwrap()
}

/// The id under which the shop knows a product.
fn find(shop: &Shop, id: &str) -> Option<String> {
    let same = |known: &&String| shop.rule.same(known.as_bytes(), id.as_bytes());
    let product = shop.products.keys().find(same);
    let aliased = || shop.aliases.iter().find(|(alias, _)| same(alias)).map(|(_, product)| product);
    product.or_else(aliased).cloned()
}

/// Half a unit rounds up; at least 1, at most 4.
fn weight(quantity: f64) -> u64 {
    match quantity.round() {
        4.0.. => 4,
        3.0.. => 3,
        2.0.. => 2,
        _ => 1,
    }
}
