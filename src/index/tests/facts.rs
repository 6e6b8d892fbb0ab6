//! Goal: what a file says of itself without being read whole is what it says when it is. Method: a catalog
//! cut at each byte and with each bit of its header and of some other places flipped.

use std::{io::Write as _, path::Path};

use super::{
    golden,
    testkit::{TOYS, catalog, model},
};
use crate::index::{CatalogFacts, IndexError, UnverifiedBlob, layout::Section};

fn read(dir: &Path, bytes: &[u8]) -> Result<CatalogFacts, IndexError> {
    let mut file = tempfile::NamedTempFile::new_in(dir).unwrap();
    file.write_all(bytes).unwrap();
    CatalogFacts::read(file.path())
}

#[test]
fn facts_are_those_of_the_catalog_whether_it_is_read_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = model(TOYS).catalog();
    let opened = CatalogFacts::of(&catalog(&bytes).unwrap());
    assert_eq!(read(dir.path(), &bytes).unwrap(), opened);
    assert_eq!(opened.relations, opened.types.iter().map(|(_, count)| count).sum::<u64>());
    assert!(opened.products > 0 && opened.relations > 0 && opened.format == 2, "{opened:?}");
    let older = golden::bytes("format-1.catalog.kdx");
    let older_facts = CatalogFacts::of(&catalog(&older).unwrap());
    assert_eq!(read(dir.path(), &older).unwrap(), older_facts);
    assert_eq!(older_facts.format, 1);
}

#[test]
fn damage_is_refused_or_makes_no_difference() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = model(TOYS).catalog();
    let whole = read(dir.path(), &bytes).unwrap();
    let opened = UnverifiedBlob::from_bytes(Path::new("blob"), &bytes).unwrap();
    let place = opened.sections().iter().find(|(section, _)| *section == Section::Meta);
    let meta = place.unwrap().1.clone();
    let mut refused = 0;
    for at in (0..300).chain(meta.clone()).chain((4_096..bytes.len()).step_by(97)) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 1 << (at % 8);
        match read(dir.path(), &spoilt) {
            Ok(facts) => {
                assert_eq!(facts, whole, "byte {at}");
                assert!(!meta.contains(&at), "byte {at} is one of those that are asked");
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused >= meta.len(), "{refused}");
    for len in (0..bytes.len()).step_by(61) {
        assert!(read(dir.path(), &bytes[..len]).is_err(), "{len} bytes");
    }
    let error = read(dir.path(), &golden::bytes("format-2.dropped.kdx")).unwrap_err();
    assert_eq!(error.fault.code(), "WRONG_ROLE");
}
