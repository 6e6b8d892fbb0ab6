//! Checks of each relation that a source states; other directions of two-way ones are not asked again.

use super::{Question, lineage, pairs::Pairs};
use crate::{
    compile::place::Side,
    index::{
        Ordinal, View,
        layout::{Edge, META_REVERSED, META_SCORED},
    },
    model::{
        finding::{FindingCode, Findings},
        relation::{Availability, RelationType},
        score,
    },
};

/// One relation, and its place among those of its product.
struct Link<'a> {
    source: Ordinal,
    relation_type: RelationType,
    index: usize,
    edge: &'a Edge,
}

impl Link<'_> {
    fn target(&self) -> Ordinal {
        Ordinal(self.edge.target.get())
    }

    /// `relations.csv:12: a cross_sell b: message`.
    fn sample(&self, side: Side<'_>, message: &str) -> String {
        let place = side.provenance.and_then(|places| places.place(self.source, self.index));
        let place = place.map_or_else(String::new, |place| {
            let name = place.file.name.as_str();
            format!("{name}:{}: ", place.line)
        });
        let code = type_code(&side.view, self.relation_type);
        let (source, target) = (side.view.id(self.source), side.view.id(self.target()));
        format!("{place}{source} {code} {target}: {message}")
    }
}

/// A type's code as the catalog declares it.
pub(super) fn type_code(view: &View<'_>, relation_type: RelationType) -> String {
    let mut types = view.meta().relation_types.iter();
    let declared = types.find(|declared| declared.number == relation_type.number());
    declared.map_or_else(|| relation_type.to_string(), |declared| declared.code.to_string())
}

pub(super) fn check(question: &Question<'_>, findings: &mut Findings) {
    let after = question.after;
    let view = after.view;
    let pairs = question.before.map(|before| Pairs::new(&before.view, &view));
    let mut confirmed = question.confirmed_days.iter().copied();
    for source in view.ordinals() {
        let mut index = 0;
        for run in view.block(source).runs() {
            let Some(relation_type) = run.relation_type() else { continue };
            check_list(question, source, relation_type, run.edges().len(), findings);
            for edge in run.edges() {
                let confirmed_day = confirmed.next().flatten();
                let link = Link { source, relation_type, index, edge };
                index += 1;
                if edge.meta.get() & META_REVERSED != 0 {
                    continue;
                }
                check_ends(question, &link, findings);
                check_age(question, &link, confirmed_day, findings);
                if let Some(pairs) = &pairs
                    && let Some((from, to)) = pairs.new_pair(&view, source, link.target())
                {
                    findings.add(FindingCode::NewCategoryPair, || {
                        link.sample(after, &format!("{from} never led to {to} before"))
                    });
                }
            }
        }
    }
}

fn check_list(
    question: &Question<'_>,
    source: Ordinal,
    relation_type: RelationType,
    count: usize,
    findings: &mut Findings,
) {
    let max = question.limits.list_max;
    if count > max {
        let view = &question.after.view;
        findings.add(FindingCode::LongList, || {
            let (place, id) = ((question.place)(source), view.id(source));
            let code = type_code(view, relation_type);
            format!("{place}: {id} {code}: expected at most {max} relations, found {count}")
        });
    }
}

/// What the two products and the score say.
fn check_ends(question: &Question<'_>, link: &Link<'_>, findings: &mut Findings) {
    let after = question.after;
    let view = after.view;
    let (source, target) = (link.source, link.target());
    let withdrawn = Availability::Discontinued as u8;
    if view.product(target).is_some_and(|product| product.availability == withdrawn) {
        findings.add(FindingCode::WithdrawnTarget, || {
            link.sample(after, "the target is withdrawn for good")
        });
    }
    let root = |product| lineage(&view, product).last();
    if root(source) == root(target) {
        findings.add(FindingCode::VariantTarget, || {
            link.sample(after, "both are variants of one product, or one is the other's")
        });
    }
    let market = view.meta().default_market.to_native();
    let price = |product| view.market_price(product, market).map(|(price, _)| price);
    if link.relation_type == RelationType::UP_SELL
        && let Some((from, to)) = price(source).zip(price(target))
        && to < from
    {
        findings.add(FindingCode::CheaperUpSell, || {
            let found = format!("expected a price of {from} minor units or more, found {to}");
            link.sample(after, &found)
        });
    }
    let (share, min) = (score::share(link.edge.score.get()), question.limits.score_min);
    if link.edge.meta.get() & META_SCORED != 0 && share < min {
        findings.add(FindingCode::LowScore, || {
            link.sample(after, &format!("expected a score of {min} or more, found {share:.3}"))
        });
    }
}

/// What the clock says.
fn check_age(
    question: &Question<'_>,
    link: &Link<'_>,
    confirmed_day: Option<u16>,
    findings: &mut Findings,
) {
    let (after, limits) = (question.after, &question.limits);
    if let Some(days) = confirmed_day.and_then(|day| limits.unconfirmed_days(day)) {
        findings.add(FindingCode::Unconfirmed, || {
            link.sample(after, &format!("not confirmed for {days} days"))
        });
    }
    let sold_out = question.sold_out.get(&link.target());
    if let Some(since) = sold_out.filter(|at| limits.is_older(**at, limits.sold_out_days)) {
        findings.add(FindingCode::SoldOutTarget, || {
            let days = limits.age_days(*since);
            link.sample(after, &format!("the target is out of stock for {days} days"))
        });
    }
}
