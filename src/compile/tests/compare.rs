//! Diffs whose every number can be counted by hand.

use super::*;

/// A catalog of lists: `a: b c d` is the cross-sell of `a`, best first. Every id is a product, and so
/// is every word of `more`.
fn lists(text: &str, more: &str) -> Catalog {
    let mut ids = more.split_whitespace().collect::<std::collections::BTreeSet<_>>();
    let mut relations = Vec::new();
    for line in text.lines() {
        let (source, targets) = line.split_once(':').unwrap();
        ids.insert(source.trim());
        for (position, target) in (1..).zip(targets.split_whitespace()) {
            ids.insert(target);
            let position = Some(position);
            relations
                .push(RelationRecord { position, ..link(source.trim(), "cross_sell", target) });
        }
    }
    let mut records = ids.into_iter().map(product).collect::<Vec<_>>();
    records.extend(relations.into_iter().map(Record::Relation));
    compiled(&records).catalog
}

#[track_caller]
fn diff_of(before: &str, after: &str) -> TypeDiff {
    let every = "a b c d e f g h i j k l m";
    let diff = diff(&lists(before, every).view(), &lists(after, every).view());
    assert_eq!((diff.products_added, diff.products_removed), (0, 0));
    diff.relation_types.get("cross_sell").cloned().unwrap_or_default()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn equal_catalogs_do_not_differ() {
    let expected = TypeDiff { lists: 2, top10_overlap: 1.0, ..TypeDiff::default() };
    assert_eq!(diff_of("a: b c\nb: c", "a: b c\nb: c"), expected);
    assert_eq!(diff_of("", ""), TypeDiff::default());
}

#[test]
fn added_and_removed_relations_are_named() {
    let expected = TypeDiff {
        added: 2,
        removed: 1,
        lists: 1,
        // `c` out of `c d e` at most.
        top10_overlap: 1.0 / 3.0,
        added_samples: strings(&["a -> d", "a -> e"]),
        removed_samples: strings(&["a -> b"]),
        ..TypeDiff::default()
    };
    assert_eq!(diff_of("a: b c", "a: c d e"), expected);
}

#[test]
fn a_list_in_another_order_is_reordered() {
    let expected = TypeDiff {
        reordered: 1,
        lists: 2,
        top10_overlap: 1.0,
        reordered_samples: strings(&["a"]),
        ..TypeDiff::default()
    };
    assert_eq!(diff_of("a: b c\nb: c", "a: c b\nb: c"), expected);
}

#[test]
fn a_list_that_only_one_side_has_counts_without_overlap() {
    let expected = TypeDiff {
        removed: 2,
        lists: 2,
        top10_overlap: 0.5,
        removed_samples: strings(&["a -> b", "a -> c"]),
        ..TypeDiff::default()
    };
    assert_eq!(diff_of("a: b c\nb: c", "b: c"), expected);
}

#[test]
fn only_the_first_ten_overlap() {
    // Ten of twelve; the two that moved out of the top are replaced by two that were beyond it.
    let before = "a: b c d e f g h i j k l m";
    let after = "a: l m b c d e f g h i j k";
    let diff = diff_of(before, after);
    assert_eq!((diff.added, diff.removed, diff.reordered), (0, 0, 1));
    assert_eq!(diff.top10_overlap, 0.8);
    let shorter = diff_of(before, "a: b c d e f");
    assert_eq!((shorter.removed, shorter.top10_overlap), (7, 0.5));
}

#[test]
fn the_overlap_is_the_mean_of_the_lists() {
    let diff = diff_of("a: b\nb: c\nc: d e", "a: c\nb: c\nc: d f");
    // 0 of 1, 1 of 1, 1 of 2.
    assert_eq!((diff.lists, diff.top10_overlap), (3, 0.5));
}

#[test]
fn samples_stop_at_ten() {
    let diff = diff_of("", "a: b c d e f g h\nb: c d e f g");
    assert_eq!((diff.added, diff.added_samples.len()), (12, 10));
}

#[test]
fn products_come_and_go_with_their_lists() {
    let before = lists("a: b c\nd: a", "");
    let after = lists("a: b c\ne: a", "f");
    let diff = diff(&before.view(), &after.view());
    // `d` went; `e` and `f` came.
    assert_eq!((diff.products_added, diff.products_removed), (2, 1));
    let cross_sell = &diff.relation_types["cross_sell"];
    assert_eq!((cross_sell.added, cross_sell.removed, cross_sell.lists), (1, 1, 3));
    assert_eq!(cross_sell.added_samples, ["e -> a"]);
    assert_eq!(cross_sell.removed_samples, ["d -> a"]);
    assert_eq!(cross_sell.top10_overlap, 1.0 / 3.0);
}
