//! Lies of key tables, of groups and of the buckets of format 1.

use zerocopy::little_endian::U64;

use super::{
    check, check_refused, golden,
    testkit::{self, Parts, TOYS, model},
};
use crate::index::layout::{KeyGroup, Section};

/// Entries of the toys: nine products, three aliases.
const ENTRIES: u32 = 12;

#[test]
fn lies_of_the_key_table_are_refused() {
    let groups = |lie: fn(&mut [KeyGroup])| {
        check("keys", |parts| lie(parts.records::<KeyGroup>(Section::Keys)));
    };
    groups(|groups| groups.iter_mut().for_each(|group| group.tags = [0; 12]));
    groups(|groups| groups.iter_mut().for_each(|group| group.tags = [255; 12]));
    groups(|groups| groups.rotate_left(1));
    groups(|groups| {
        // Every slot leads to the first product, whatever the tag.
        groups.iter_mut().for_each(|group| group.entries = [0.into(); 12]);
    });
    groups(|groups| taken(groups).0.tags[0] ^= 1);
    groups(|groups| taken(groups).0.entries[0].set(ENTRIES));
    groups(|groups| taken(groups).0.entries[0].set(u32::MAX));
    groups(|groups| {
        // The last slot in use is empty now, and then also its entry.
        let (group, used) = taken(groups);
        group.tags[used - 1] = 0;
    });
    groups(|groups| {
        let (group, used) = taken(groups);
        group.tags[used - 1] = 0;
        group.entries[used - 1].set(0);
    });
    groups(|groups| {
        // A gap: those behind it are never looked at.
        let (group, used) = taken(groups);
        group.tags[..=used].rotate_right(1);
        group.entries[..=used].rotate_right(1);
    });
    groups(|groups| {
        // One entry twice, another not at all.
        let (group, _) = taken(groups);
        (group.tags[1], group.entries[1]) = (group.tags[0], group.entries[0]);
    });
    check("keys", |parts| parts.section(Section::Keys).extend([0; 64]));
    check("keys", |parts| parts.section(Section::Keys).extend([0; 8]));
    check("keys", |parts| parts.section(Section::Keys).clear());
    let mut parts = Parts::of(&model(TOYS).catalog());
    parts.header.key_seed.set(1);
    check_refused(testkit::catalog(&parts.bytes()), "keys");
}

#[test]
fn reserved_and_empty_places_of_a_group_are_zero() {
    for byte in 0..4 {
        check("keys", |parts| {
            taken(parts.records::<KeyGroup>(Section::Keys)).0.reserved[byte] = 1;
        });
    }
    check("keys", |parts| {
        let (group, used) = taken(parts.records::<KeyGroup>(Section::Keys));
        group.entries[used].set(1);
    });
}

/// A group with two taken slots at least and an empty one, and how many are taken.
fn taken(groups: &mut [KeyGroup]) -> (&mut KeyGroup, usize) {
    let used = |group: &KeyGroup| group.tags.iter().filter(|tag| **tag != 0).count();
    let group = groups.iter_mut().find(|group| (2..12).contains(&used(group)));
    let group = group.expect("the toys have one");
    let used = used(group);
    (group, used)
}

#[test]
fn lies_of_the_buckets_of_format_1_are_refused() {
    let check = |lie: fn(&mut Vec<u8>)| {
        let mut parts = Parts::of(&golden::bytes("format-1.catalog.kdx"));
        lie(parts.section(Section::Keys));
        check_refused(testkit::catalog(&parts.bytes()), "keys");
    };
    let buckets = |lie: fn(&mut [U64])| {
        let mut parts = Parts::of(&golden::bytes("format-1.catalog.kdx"));
        lie(parts.records::<U64>(Section::Keys));
        check_refused(testkit::catalog(&parts.bytes()), "keys");
    };
    buckets(|buckets| buckets.fill(U64::ZERO));
    buckets(|buckets| buckets.fill(U64::new(u64::MAX)));
    buckets(|buckets| buckets.rotate_left(1));
    buckets(|buckets| {
        // Every bucket leads to the first product, whatever the fingerprint.
        for bucket in buckets.iter_mut().filter(|bucket| bucket.get() != 0) {
            bucket.set(bucket.get() & !((1 << 40) - 1) | 1);
        }
    });
    buckets(|buckets| taken_bucket(buckets).set(0));
    // A fingerprint without an entry; then one behind the last entry.
    buckets(|buckets| {
        let taken = taken_bucket(buckets);
        taken.set(taken.get() & !((1 << 40) - 1));
    });
    buckets(|buckets| {
        let taken = taken_bucket(buckets);
        taken.set(taken.get() & !((1 << 40) - 1) | 13);
    });
    check(|keys| keys.extend([0; 8]));
    check(|keys| keys.extend([0; 4]));
    check(Vec::clear);
    let mut parts = Parts::of(&golden::bytes("format-1.catalog.kdx"));
    parts.header.key_seed.set(1);
    check_refused(testkit::catalog(&parts.bytes()), "keys");
}

fn taken_bucket(buckets: &mut [U64]) -> &mut U64 {
    buckets.iter_mut().find(|bucket| bucket.get() != 0).expect("one is taken")
}

/// Groups under the number of the format that has buckets, and the other way round.
#[test]
fn a_key_table_of_another_format_is_refused() {
    for (name, other) in [("format-1.catalog.kdx", 2), ("format-2.catalog.kdx", 1)] {
        let parts = Parts::of(&golden::bytes(name));
        let lie = parts.bytes_with_header(|header| header.format.set(other));
        check_refused(testkit::catalog(&lie), "keys");
        let schema = parts.bytes_with_header(|header| {
            header.format.set(other);
            header.sections[4].schema.set(other);
        });
        check_refused(testkit::catalog(&schema), "keys");
    }
}
