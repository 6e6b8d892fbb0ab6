//! What slips through under checksums that fit must still be readable.

use proptest::prelude::*;

use crate::index::{
    edges::Block,
    tests::testkit::{self, Parts, TOYS, model, read},
};

/// Opens what may be refused, and reads everything of what is not. Nothing here may panic.
fn survives(bytes: &[u8]) -> bool {
    let Ok(catalog) = testkit::catalog(bytes) else { return false };
    let view = catalog.view();
    let answers = read(&view);
    for product in &answers.products {
        assert!(view.find(&product.id).is_some(), "what is accepted is found by its own id");
    }
    true
}

/// Reads of a block take what is there, however many runs and relations its bytes promise.
#[test]
fn a_block_of_any_bytes_reads_no_more_than_there_is() {
    for byte in [0x00, 0x01, 0x7f, 0xff] {
        for len in (0..200).chain([4096, 1 << 16]) {
            let section = vec![byte; len];
            for word in [0, 1 << 40, 0xff << 40, 0xffff << 40, u64::MAX, 3 << 40 | 1, 3 << 40 | 9] {
                let relations = Block::at(&section, word).runs().flat_map(|run| run.relations());
                assert!(relations.count() * 8 <= len, "{len} bytes of {byte:#x} at {word:#x}");
            }
        }
    }
}

#[test]
fn each_byte_changed_under_checksums_that_fit_is_refused_or_readable() {
    let parts = Parts::of(&model(TOYS).catalog());
    let (mut refused, mut accepted) = (0_u32, 0_u32);
    for (index, (_, section)) in parts.sections.iter().enumerate() {
        for at in 0..section.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut parts = parts.clone();
                parts.sections[index].1[at] ^= change;
                *if survives(&parts.bytes()) { &mut accepted } else { &mut refused } += 1;
            }
        }
    }
    // Prices, titles, scores and the like may be anything; most of a catalog may not.
    assert!(refused > accepted && accepted > 0, "{refused} refused, {accepted} accepted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn patches_under_checksums_that_fit_are_refused_or_readable(
        patches in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), patch()), 1..6,
        ),
    ) {
        let mut parts = Parts::of(&model(TOYS).catalog());
        for (section, at, patch) in patches {
            let (_, bytes) = section.get(&parts.sections).clone();
            if bytes.is_empty() {
                continue;
            }
            let at = at.index(bytes.len());
            let section = section.index(parts.sections.len());
            for (byte, patched) in parts.sections[section].1[at..].iter_mut().zip(patch) {
                *byte = patched;
            }
        }
        let _ = survives(&parts.bytes());
    }
}

/// Numbers that mean something somewhere, and any bytes.
fn patch() -> impl Strategy<Value = Vec<u8>> {
    let number = prop::sample::select(vec![0_u64, 1, 2, 8, 9, 13, 0xff, 0xffff, 1 << 31, 1 << 40]);
    prop_oneof![
        (number, 1_usize..=8).prop_map(|(number, len)| number.to_le_bytes()[..len].to_vec()),
        prop::collection::vec(any::<u8>(), 1..9),
        (1_usize..=8).prop_map(|len| vec![0xff; len]),
    ]
}
