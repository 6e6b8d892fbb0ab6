//! The key table by itself: every entry is found, and nothing else, whatever the hashes; ids of
//! every length and rule have one hash; a table of format 1 answers as one of groups.

use std::collections::BTreeMap;

use proptest::prelude::*;
use zerocopy::{FromZeros as _, little_endian::U64};

use super::testkit::{self, Parts, model};
use crate::{
    index::{
        Ordinal,
        keys::{self, ShortId, Table},
        layout::{Key, KeyGroup, Section},
        prefetch::equal_bytes,
    },
    model::{id::IdRule, limits::PRODUCTS_MAX},
};

/// Every entry of these hashes is found in the table, and what is not in it is not.
#[track_caller]
fn check(table: Table<'_>, hashes: &[u64], others: &[u64]) {
    for (entry, hash) in (0..).zip(hashes) {
        assert_eq!(table.find(*hash, |found| found == entry), Some(entry), "{hash:#x}");
        assert_eq!(table.find(*hash, |_| false), None);
    }
    for other in others.iter().filter(|other| !hashes.contains(other)) {
        let is_it = |found| hashes[usize::try_from(found).expect("small")] == *other;
        assert_eq!(table.find(*other, is_it), None, "{other:#x}");
    }
}

/// By `FORMAT.md` of format 1: its writer is gone.
fn buckets(hashes: &[u64]) -> Vec<U64> {
    let count = hashes.len() * 10 / 7 + 1;
    let mut buckets = vec![U64::ZERO; count];
    for (entry, hash) in (1_u64..).zip(hashes) {
        let home = usize::try_from((u128::from(*hash) * count as u128) >> 64).expect("a bucket");
        let mut places = (0..count).map(|step| (home + step) % count);
        let free = places.find(|at| buckets[*at] == U64::ZERO).expect("one is empty");
        buckets[free].set((hash & 0xff_ffff) << 40 | entry);
    }
    buckets
}

/// Hashes that meet: few homes, few tags, the ends of the table, and some that look random.
fn hashes() -> impl Strategy<Value = Vec<u64>> {
    let hash = prop_oneof![
        (0..3_u64, 0..3_u64).prop_map(|(home, tag)| home << 62 | tag),
        (0..4_u64).prop_map(|tag| u64::MAX << 8 | tag),
        any::<u64>(),
    ];
    prop::collection::vec(hash, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_entry_is_found_and_nothing_else(hashes in hashes(), others in hashes()) {
        check(Table::Groups(&keys::build(&hashes)), &hashes, &others);
        check(Table::Buckets(&buckets(&hashes)), &hashes, &others);
        let count = u32::try_from(hashes.len()).expect("small");
        prop_assert_eq!(Table::Groups(&keys::build(&hashes)).check(count), Ok(()));
        prop_assert_eq!(Table::Buckets(&buckets(&hashes)).check(count), Ok(()));
    }

    #[test]
    fn a_short_id_hashes_and_compares_as_any_id(
        id in "[a-cA-C@{é-]{0,20}",
        other in "[a-cA-C@{é-]{0,20}",
        same_length in "[aA]{9,15}",
        seed in any::<u64>(),
    ) {
        let others = [&id, &id.to_uppercase(), &other, &same_length];
        compare::<false>(IdRule::Exact, seed, &id, others)?;
        compare::<true>(IdRule::CaseFolded, seed, &id, others)?;
    }

    #[test]
    fn sixteen_bytes_are_compared_as_one_by_one(bytes: [u8; 16], at in 0..16_usize, other: u8) {
        for wanted in [bytes[at], other, 0, 128, 255] {
            let one_by_one = bytes.iter().zip(0..).map(|(byte, bit)| u32::from(*byte == wanted) << bit);
            prop_assert_eq!(equal_bytes(&bytes, wanted), one_by_one.sum::<u32>());
        }
    }
}

fn compare<const FOLDED: bool>(
    rule: IdRule,
    seed: u64,
    id: &str,
    others: [&String; 4],
) -> Result<(), TestCaseError> {
    let short = ShortId::<FOLDED>::new(id.as_bytes());
    prop_assert_eq!(short.is_some(), (9..=15).contains(&id.len()));
    let Some(short) = short else { return Ok(()) };
    prop_assert_eq!(short.hash(seed, id.as_bytes()), keys::hash(rule, seed, id.as_bytes()));
    for other in others.into_iter().filter(|other| (1..=128).contains(&other.len())) {
        let (key, _) = Key::new(other.as_bytes(), 0);
        prop_assert_eq!(short.is(&key), rule.same(id.as_bytes(), other.as_bytes()), "{}", other);
    }
    Ok(())
}

#[test]
fn full_groups_lead_on_to_the_next_and_behind_the_last_to_the_first() {
    // One hash for all: the same home and the same tag.
    for hash in [0, 1, u64::MAX, u64::MAX << 8, 0x8000_0000_0000_0000] {
        let hashes = [hash; 100];
        let groups = keys::build(&hashes);
        assert_eq!(groups.len(), 12);
        assert_eq!(groups.iter().filter(|group| group.tags[11] != 0).count(), 8);
        check(Table::Groups(&groups), &hashes, &[hash ^ 2]);
        check(Table::Buckets(&buckets(&hashes)), &hashes, &[hash ^ 2]);
    }
}

#[test]
fn a_search_ends_in_a_table_that_is_empty_full_or_none() {
    let is_any = |table: Table<'_>| table.find(7, |_| true);
    assert_eq!((is_any(Table::Groups(&[])), is_any(Table::Buckets(&[]))), (None, None));
    assert_eq!((Table::Groups(&[]).first(7), Table::Buckets(&[]).first(7)), (None, None));
    assert_eq!(is_any(Table::Groups(&[KeyGroup::new_zeroed()])), None);
    let mut full = [KeyGroup::new_zeroed(); 3];
    full.iter_mut().for_each(|group| group.tags = [9; 12]);
    assert_eq!(is_any(Table::Groups(&full)), None);
    assert_eq!(is_any(Table::Buckets(&[U64::new(1); 3])), None);
    // Equal bytes behind the tags are no slots.
    full.iter_mut().for_each(|group| (group.tags, group.reserved) = ([9; 12], [7; 4]));
    assert_eq!(is_any(Table::Groups(&full)), None);
}

#[test]
fn the_tag_of_an_empty_slot_finds_nothing() {
    let hash = 1 << 63;
    let groups = keys::build(&[hash]);
    assert_eq!((hash & 0xff, groups[0].tags[0]), (0, 1), "0 and 1 have one tag");
    check(Table::Groups(&groups), &[hash], &[hash | 1, hash | 2]);
    assert_eq!(Table::Groups(&groups).first(hash), Some(0));
    assert_eq!(Table::Groups(&groups).first(hash | 2), None);
}

#[test]
fn tables_are_seven_tenths_full_with_an_empty_slot() {
    for (entries, expected) in [(0, 1), (8, 1), (9, 2), (84, 11), (8_400_000, 1_000_001)] {
        assert_eq!(keys::group_count(entries), expected);
    }
    assert!(keys::group_count(u32::MAX) * 12 > u64::from(u32::MAX));
}

#[test]
fn more_ids_than_can_be_numbered_are_refused_by_name() {
    assert_eq!(keys::entry_count(3, 2).ok(), Some(5));
    assert_eq!(keys::entry_count(PRODUCTS_MAX, 0).ok(), u32::try_from(PRODUCTS_MAX).ok());
    assert_eq!(keys::entry_count(PRODUCTS_MAX - 7, 7).ok(), u32::try_from(PRODUCTS_MAX).ok());
    for (products, aliases) in [(PRODUCTS_MAX, 1), (1, PRODUCTS_MAX), (usize::MAX, usize::MAX)] {
        let fault = keys::entry_count(products, aliases).expect_err("too many");
        assert_eq!(fault.code(), "TOO_MANY_IDS");
        assert!(fault.to_string().contains("at most 4294967294 products and aliases"), "{fault}");
    }
}

/// A catalog of format 1 has the same answers: its table is put in the place of the groups.
#[test]
fn a_catalog_with_buckets_answers_as_one_with_groups() {
    for rule in ["", "rule folded\n"] {
        let ids = (0..300).map(|at| match at % 3 {
            0 => format!("Id-{at}"),
            1 => format!("Article-{at:04}"),
            _ => format!("a-rather-long-Id-of-a-product-{at}"),
        });
        let mut ids = ids.collect::<Vec<_>>();
        ids.sort_by_key(|id| id.to_ascii_lowercase());
        let mut shop = model(&format!("{rule}inventory main\nmarket de EUR main\n"));
        if rule.is_empty() {
            ids.sort();
        }
        let (aliases, products): (Vec<_>, Vec<_>) = ids.iter().partition(|id| id.ends_with('7'));
        shop.products = products
            .iter()
            .map(|id| testkit::Product { id: (*id).clone(), ..testkit::Product::default() })
            .collect();
        shop.aliases = aliases.iter().map(|id| ((*id).clone(), 5)).collect();
        let bytes = shop.catalog();
        let mut parts = Parts::of(&bytes);
        let all = products.iter().chain(&aliases);
        let hashes = all.map(|id| keys::hash(shop.rule, 0, id.as_bytes())).collect::<Vec<_>>();
        parts.section(Section::Keys).clear();
        for bucket in buckets(&hashes) {
            parts.section(Section::Keys).extend(bucket.to_bytes());
        }
        parts.header.format.set(1);
        parts.header.sections[4].schema.set(1);
        let (now, before) = (testkit::catalog(&bytes), testkit::catalog(&parts.bytes()));
        let (now, before) = (now.expect("it opens"), before.expect("it opens"));
        let by_id: BTreeMap<_, _> = shop.by_id();
        for id in ids.iter().flat_map(|id| [id.clone(), id.to_ascii_uppercase(), format!("{id}x")])
        {
            let expected = by_id.get(&shop.rule.fold(&id)).copied();
            assert_eq!(now.view().find(&id), expected, "{id}");
            assert_eq!(before.view().find(&id), expected, "{id}");
        }
        assert_eq!(before.view().find("Article-0007"), Some(Ordinal(5)));
        before.view().prefetch_ids(ids.iter().map(String::as_str));
        now.view().prefetch_ids(ids.iter().map(String::as_str));
    }
}
