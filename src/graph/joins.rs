//! Products that two sources know by two ids, of which an alias says that they are one.
//!
//! A PIM calls a product `1234`, a shop calls it `camera` and gives `1234` as its SKU: the shop says by
//! its alias that the two are one product. Then their rows merge as rows of one id do, and whatever
//! speaks of either id speaks of the product. The rule looks at the whole set of products that aliases
//! connect, so no order of rows or sources changes it:
//!
//! - An alias joins its product with the product of that id, unless the alias's own source states the
//!   latter, too: then they are two, and the alias is refused.
//! - A set of products becomes one only if no source states two of them: a source that does knows
//!   them apart, or shares one id between two.
//! - The product keeps the id that the source of the largest priority states; of equal ones the id
//!   that the others name as an alias; then the first one. Its other ids become aliases.
//!
//! Of more than 64 sources nothing is joined, because none could be told from another.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    aliases::AliasRow,
    intern::{index, number},
    ledger::Ledger,
    rows::{self, ProductRow},
    words::{Ordinals, Words},
};
use crate::model::{finding::FindingCode, record::Location};

/// Sources that a mask tells apart.
const SOURCES_MAX: usize = 64;

/// A product's id that is one of another product by now, in numbers of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) other: u32,
    pub(super) kept: u32,
}

/// Gives the rows of products that are one the id that stays, and says which ids have gone. The rows
/// are sorted and stay so.
pub(super) fn join(
    aliases: &[AliasRow],
    rows: &mut [ProductRow],
    ordinals: &Ordinals,
    words: &Words,
    ledger: &mut Ledger,
) -> Vec<Joined> {
    if aliases.is_empty() || ledger.files.iter().any(|file| file.source >= SOURCES_MAX) {
        return Vec::new();
    }
    let products = Products::new(rows);
    let mut sets = Sets::default();
    for alias in aliases {
        let ends = ordinals.of(alias.alias).zip(ordinals.of(alias.product));
        let Some((named, product)) = ends.filter(|(named, product)| named != product) else {
            continue;
        };
        if products.sources(named, ledger) & source_bit(alias.at, ledger) == 0 {
            sets.connect(named, product);
        }
    }
    let mut joined = Vec::new();
    for members in sets.members() {
        let masks = members.iter().map(|member| products.sources(member.ordinal, ledger));
        let (union, count) = masks
            .fold((0_u64, 0), |(union, count), mask| (union | mask, count + mask.count_ones()));
        if union.count_ones() == count {
            joined.extend(products.settle(&members, words, ledger));
        }
    }
    let kept_of: BTreeMap<u32, u32> =
        joined.iter().map(|Joined { other, kept }| (*other, *kept)).collect();
    if !joined.is_empty() {
        for row in &mut *rows {
            row.node = kept_of.get(&row.node).copied().unwrap_or(row.node);
        }
        rows::sort(rows, words);
    }
    joined
}

/// Products of sorted rows, by ordinal.
struct Products<'a> {
    rows: &'a [ProductRow],
    /// Index of the first row of each.
    firsts: Vec<u32>,
}

impl<'a> Products<'a> {
    fn new(rows: &'a [ProductRow]) -> Self {
        let ends = rows::by_product(rows).scan(0, |end, rows| {
            let first = *end;
            *end += rows.len();
            Some(number(first))
        });
        Self { rows, firsts: ends.collect() }
    }

    /// The rows of a product, that of the largest priority first.
    fn rows(&self, ordinal: u32) -> &'a [ProductRow] {
        let first = index(self.firsts[index(ordinal)]);
        let end = self.firsts.get(index(ordinal) + 1).map_or(self.rows.len(), |end| index(*end));
        &self.rows[first..end]
    }

    /// The sources that state a product, one bit each.
    fn sources(&self, ordinal: u32, ledger: &Ledger) -> u64 {
        self.rows(ordinal).iter().fold(0, |mask, row| mask | source_bit(row.at, ledger))
    }

    /// Which id of the members stays, and so which ones go.
    fn settle(&self, members: &[Member], words: &Words, ledger: &mut Ledger) -> Vec<Joined> {
        let rank = |member: &&Member| {
            let authority = self.rows(member.ordinal)[0].authority;
            (Reverse(authority), member.gives_aliases, member.ordinal)
        };
        let Some(kept) = members.iter().min_by_key(rank).map(|member| member.ordinal) else {
            return Vec::new();
        };
        let kept_node = self.rows(kept)[0].node;
        let others = members.iter().filter(|member| member.ordinal != kept);
        let join = |member: &Member| {
            let row = &self.rows(member.ordinal)[0];
            ledger.find(FindingCode::MergedProduct, row.at, "id", || {
                let (kept, other) = (words.ids.text(kept_node), words.ids.text(row.node));
                format!("product {other} is another source's {kept}, as an alias says")
            });
            Joined { other: row.node, kept: kept_node }
        };
        others.map(join).collect()
    }
}

/// The bit of a row's source in a mask of them.
fn source_bit(at: Location, ledger: &Ledger) -> u64 {
    1 << ledger.source(at)
}

/// A product of a set.
#[derive(Clone, Copy, Debug)]
struct Member {
    ordinal: u32,
    /// It names another one of the set by an alias.
    gives_aliases: bool,
}

/// Sets of products that are connected, by ordinal.
#[derive(Debug, Default)]
struct Sets {
    /// Another member of the set of each product, itself for the first one.
    above: BTreeMap<u32, Member>,
}

impl Sets {
    fn connect(&mut self, named: u32, product: u32) {
        let (left, right) = (self.first_of(named), self.first_of(product));
        let (first, other) = (left.min(right), left.max(right));
        if let Some(member) = self.above.get_mut(&other) {
            member.ordinal = first;
        }
        if let Some(member) = self.above.get_mut(&product) {
            member.gives_aliases = true;
        }
    }

    /// The first product of the set of this one, which is added if it is new.
    fn first_of(&mut self, product: u32) -> u32 {
        let mut at = product;
        loop {
            let new = Member { ordinal: at, gives_aliases: false };
            let above = self.above.entry(at).or_insert(new).ordinal;
            if above == at {
                return at;
            }
            // Each look halves the way of the next one.
            let next = self.above.get(&above).map_or(above, |member| member.ordinal);
            if let Some(member) = self.above.get_mut(&at) {
                member.ordinal = next;
            }
            at = next;
        }
    }

    /// The members of each set, both in order.
    fn members(mut self) -> Vec<Vec<Member>> {
        let products: Vec<u32> = self.above.keys().copied().collect();
        let mut sets: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        for ordinal in products {
            let first = self.first_of(ordinal);
            let gives_aliases = self.above.get(&ordinal).is_some_and(|member| member.gives_aliases);
            sets.entry(first).or_default().push(Member { ordinal, gives_aliases });
        }
        sets.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Sets;

    #[test]
    fn sets_do_not_depend_on_the_order_of_their_pairs() {
        let pairs = [(1, 2), (5, 4), (3, 1), (4, 6), (2, 3), (9, 8)];
        let of = |pairs: &mut dyn Iterator<Item = (u32, u32)>| {
            let mut sets = Sets::default();
            pairs.for_each(|(named, product)| sets.connect(named, product));
            let sets = sets.members().into_iter();
            let member = |member: super::Member| (member.ordinal, member.gives_aliases);
            sets.map(|set| set.into_iter().map(member).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        let expected = [
            vec![(1, true), (2, true), (3, true)],
            vec![(4, true), (5, false), (6, true)],
            vec![(8, true), (9, false)],
        ];
        assert_eq!(of(&mut pairs.into_iter()), expected);
        assert_eq!(of(&mut pairs.into_iter().rev()), expected);
    }
}
