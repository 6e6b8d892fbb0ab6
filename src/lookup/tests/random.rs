//! Goal: whatever the shop and the question, the answer is that of the reference, its report
//! included. Method: small random shops with many ties, chains, aliases and hidden products.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    reference,
    request::{Outcome, Request},
    shop::{Link, Product, Shop, type_of},
};
use crate::{
    lookup::Scratch,
    model::{
        id::IdRule,
        relation::{Availability, Origin, RelationType},
    },
};

/// Ids whose order differs by rule; two of them stand in the key heap.
const IDS: [&str; 12] =
    ["a", "B", "c", "D", "e", "F", "g", "H-whose-id-is-long", "i", "J", "k-whose-id-is-long", "L"];
const ALIASES: [&str; 4] = ["old-1", "Old-2", "old-3-whose-id-is-long", "z"];
const UNKNOWN: [&str; 2] = ["nobody", "nobody-whose-id-is-long"];
/// Few scores, so that ties are many.
const SCORE_STEP: u16 = 9_362;

fn types() -> impl Strategy<Value = RelationType> {
    select(&["cross_sell", "up_sell", "related"][..]).prop_map(|code| type_of(code).unwrap())
}

fn link() -> impl Strategy<Value = Link> {
    let origin = select(&[Origin::Curated, Origin::Imported][..]);
    let quantity = select(&[0.0, 0.0, 1.0, 2.5][..]);
    let valid_to_s = select(&[i64::MAX, i64::MAX, 7, 9][..]);
    (select(&IDS[..]), 0..8_u16, any::<bool>(), origin, quantity, valid_to_s).prop_map(
        |(target, step, given, origin, quantity, valid_to_s)| Link {
            given,
            origin,
            quantity,
            valid_to_s,
            ..Link::new(target, step * SCORE_STEP)
        },
    )
}

/// A product whose parent, if any, stands before it in [`IDS`], often right before, so that there are
/// chains.
fn product(index: usize) -> impl Strategy<Value = Product> {
    let parent = if index == 0 {
        Just(None).boxed()
    } else {
        prop_oneof![
            3 => Just(None),
            3 => Just(Some(IDS[index - 1])),
            1 => select(&IDS[..index]).prop_map(Some),
        ]
        .boxed()
    };
    let availability = select(&[None, Some(Availability::OutOfStock), None, None, None][..]);
    let gone = prop::bool::weighted(0.1);
    let lists = vec((types(), vec(link(), 0..8)), 0..4);
    (parent, prop::bool::weighted(0.1), availability, gone, lists).prop_map(
        move |(parent, hidden, availability, gone, lists)| {
            let mut product = Product {
                parent: parent.map(str::to_owned),
                hidden,
                availability: if gone { Some(Availability::Discontinued) } else { availability },
                ..Product::default()
            };
            for (relation_type, mut links) in lists {
                // As the compiler leaves them: no self link, targets distinct, scores falling.
                links.retain(|link| link.target != IDS[index]);
                links.sort_by(|left, right| left.target.cmp(&right.target));
                links.dedup_by(|left, right| left.target == right.target);
                links.sort_by_key(|link| std::cmp::Reverse(link.score));
                links.dedup_by_key(|link| link.score);
                if !links.is_empty() {
                    product.lists.insert(relation_type, links);
                }
            }
            product
        },
    )
}

fn shops() -> impl Strategy<Value = Shop> {
    let rule = select(&[IdRule::Exact, IdRule::CaseFolded][..]);
    let products = (0..IDS.len()).map(product).collect::<Vec<_>>();
    let aliases = vec(select(&IDS[..]), ALIASES.len());
    (rule, products, aliases).prop_map(|(rule, mut products, aliases)| {
        // No chain is longer than four steps: the graph and the index refuse it.
        let mut steps = [0; IDS.len()];
        for index in 0..IDS.len() {
            let parent = &mut products[index].parent;
            let above = IDS.iter().position(|id| Some(*id) == parent.as_deref());
            steps[index] = above.map_or(0, |above| steps[above] + 1);
            if steps[index] > 4 {
                *parent = None;
                steps[index] = 0;
            }
        }
        let owned = |(alias, id): (&&str, &str)| ((*alias).to_owned(), id.to_owned());
        Shop {
            rule,
            products: IDS.iter().map(|id| (*id).to_owned()).zip(products).collect(),
            aliases: ALIASES.iter().zip(aliases).map(owned).collect(),
        }
    })
}

/// An id as shoppers' pages name it: as it is, in another spelling, another one, or unknown.
fn asked_id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(&IDS[..]).prop_map(str::to_owned),
        1 => select(&IDS[..]).prop_map(str::to_ascii_uppercase),
        1 => select(&ALIASES[..]).prop_map(str::to_ascii_lowercase),
        1 => select(&ALIASES[..]).prop_map(str::to_owned),
        1 => select(&UNKNOWN[..]).prop_map(str::to_owned),
    ]
}

fn requests() -> impl Strategy<Value = Request> {
    let quantity = select(&[1.0, 1.0, 0.25, 1.5, 2.0, 2.5, 3.0, 3.5, 12.0][..]);
    let seeds =
        prop_oneof![vec((asked_id(), quantity.clone()), 1), vec((asked_id(), quantity), 0..6),];
    let max = select(&[0, 1, 2, 3, 5, 200][..]);
    let step = (0..8_u16).prop_map(|step| f32::from(step * SCORE_STEP) / 65_535.0);
    let min = option::weighted(0.4, prop_oneof![step, 0.0..1.0_f32]);
    (vec(types(), 1..5), seeds, vec(asked_id(), 0..4), max, min)
        .prop_map(|(types, seeds, exclude, max, min)| Request { types, seeds, exclude, max, min })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn answers_are_those_of_the_reference(shop in shops(), requests in vec(requests(), 1..6)) {
        let catalog = shop.catalog();
        // One scratch for all: nothing of one answer reaches the next.
        let mut scratch = Scratch::default();
        for request in requests {
            let found = Outcome::of(&catalog.view(), &request, &mut scratch);
            prop_assert_eq!(found, reference::expected(&shop, &request), "{:?}", request);
        }
    }
}
