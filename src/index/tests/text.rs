//! Blobs of one text: what was written is read, and what is no text of the role is refused by name.

use std::path::Path;

use super::testkit::{Parts, blob, catalog, written};
use crate::{
    index::{IndexError, Role, Text, layout::Section, write_text},
    model::limits::POLICY_BYTES_MAX,
};

const ROLES: [(Role, Section); 2] =
    [(Role::Policy, Section::PolicyToml), (Role::Overrides, Section::OverridesCsv)];

fn bytes(role: Role, text: &str) -> Vec<u8> {
    written(|file| write_text(file, Path::new("text"), role, text))
}

fn open(bytes: &[u8], role: Role) -> Result<Text, IndexError> {
    Text::from_blob(blob(bytes)?, role)
}

#[track_caller]
fn check_error<T>(opened: Result<T, IndexError>, expected: &str) {
    let error = opened.err().expect("it is refused");
    assert_eq!(error.fault.code(), expected, "{error}");
    assert!(error.fault.to_string().starts_with(expected), "the code stands first: {error}");
}

#[test]
fn a_text_is_read_as_it_was_written() {
    for (role, section) in ROLES {
        for text in ["", "a = 1", "für\r\n\0\n", "\u{feff}x", &"0123456789".repeat(1_000)] {
            let bytes = bytes(role, text);
            let opened = open(&bytes, role).expect("it opens");
            assert_eq!(opened.text(), text);
            let whole = blob(&bytes).expect("whole");
            assert_eq!(whole.sections().collect::<Vec<_>>(), [(section, text.len() as u64)]);
            assert_eq!((opened.hash(), whole.role()), (whole.hash(), role));
            assert_eq!(bytes, self::bytes(role, text), "the same text, the same bytes");
        }
    }
}

#[test]
fn a_text_of_another_role_is_refused() {
    let (policy, overrides) = (bytes(Role::Policy, "x"), bytes(Role::Overrides, "x"));
    check_error(open(&policy, Role::Overrides), "WRONG_ROLE");
    check_error(open(&overrides, Role::Policy), "WRONG_ROLE");
    check_error(catalog(&overrides), "WRONG_ROLE");
    let toys = super::testkit::model(super::testkit::TOYS).catalog();
    check_error(open(&toys, Role::Policy), "WRONG_ROLE");
    // Of its own role, but a role without a text.
    check_error(open(&toys, Role::Catalog), "WRONG_ROLE");
}

#[test]
fn what_is_not_utf_8_is_refused_with_its_place() {
    for (role, section) in ROLES {
        let mut parts = Parts::of(&bytes(role, "pin,toy-car"));
        parts.section(section)[4] = 0xff;
        let error = open(&parts.bytes(), role).expect_err("it is refused");
        assert_eq!(error.fault.code(), "STRUCTURE");
        assert!(error.to_string().contains(section.code()), "{error}");
        assert!(error.to_string().contains("another byte at 4"), "{error}");
    }
}

#[test]
fn a_text_may_be_as_long_as_its_limit_and_no_longer() {
    let longest = "x".repeat(POLICY_BYTES_MAX);
    for text in [longest.as_str(), &"x".repeat(POLICY_BYTES_MAX - 1)] {
        let opened = open(&bytes(Role::Policy, text), Role::Policy).expect("it opens");
        assert_eq!(opened.text().len(), text.len());
    }
    let longer = longest + "x";
    let file = tempfile::tempfile().expect("a temporary file");
    let refused = write_text(
        file.try_clone().expect("a second handle"),
        Path::new("text"),
        Role::Policy,
        &longer,
    );
    check_error(refused, "TOO_LARGE");
    assert_eq!(file.metadata().expect("its metadata").len(), 0, "nothing was written");
    // Overrides of that length are fine, and a policy that somebody else wrote so long is not.
    let overrides = bytes(Role::Overrides, &longer);
    assert!(open(&overrides, Role::Overrides).is_ok());
    let mut parts = Parts::of(&bytes(Role::Policy, ""));
    *parts.section(Section::PolicyToml) = longer.into_bytes();
    check_error(open(&parts.bytes(), Role::Policy), "TOO_LARGE");
}

#[test]
fn truncated_or_changed_texts_are_refused() {
    for (role, _) in ROLES {
        let mut bytes = bytes(role, "action,source,target\nhide,toy-car,\n");
        for len in 0..bytes.len() {
            check_error(open(&bytes[..len], role), "TRUNCATED");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(open(&bytes, role).is_err(), "bit {bit} of byte {at} went unseen");
                bytes[at] ^= 1 << bit;
            }
        }
        assert!(open(&bytes, role).is_ok(), "every change was undone");
    }
}
