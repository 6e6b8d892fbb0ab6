//! Lies under checksums that fit: what a faulty compiler or a forger would write. Each is refused
//! with `STRUCTURE` and the part that lies, and whatever slips through must not make a read panic.

mod details;
mod keys;
mod survivors;

use super::{
    golden,
    testkit::{self, Parts, TOYS, model},
};
use crate::index::{
    Fault, IndexError, edges,
    layout::{AliasRecord, Edge, Header, ProductRecord, RareRecord, RunHeader, Section},
};

#[track_caller]
fn check_refused<T>(opened: Result<T, IndexError>, expected_part: &str) {
    let fault = opened.err().expect("the lie went unseen").fault;
    let Fault::Structure { part, what } = fault else { panic!("refused as {fault}") };
    assert_eq!(part, expected_part, "{what}");
}

/// Changes the toy catalog and expects that the part is refused.
#[track_caller]
fn check(part: &str, lie: impl FnOnce(&mut Parts)) {
    let mut parts = Parts::of(&model(TOYS).catalog());
    lie(&mut parts);
    check_refused(testkit::catalog(&parts.bytes()), part);
}

#[track_caller]
fn check_record<T>(section: Section, part: &str, at: usize, lie: impl FnOnce(&mut T))
where
    T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable + zerocopy::KnownLayout,
{
    check(part, |parts| lie(&mut parts.records::<T>(section)[at]));
}

#[track_caller]
fn check_header(part: &str, lie: impl FnOnce(&mut Header)) {
    let parts = Parts::of(&model(TOYS).catalog());
    check_refused(testkit::catalog(&parts.bytes_with_header(lie)), part);
}

/// Ordinals of the toy catalog by folded id.
mod toys {
    pub(super) const BATTERY: usize = 0;
    pub(super) const USB_BATTERY: usize = 1;
    pub(super) const CHARGER: usize = 2;
    pub(super) const SET: usize = 3;
    pub(super) const SET_2: usize = 4;
    pub(super) const WINDOW: usize = 5;
    pub(super) const CAR: usize = 6;
    pub(super) const COUNT: u32 = 9;
}
use toys::{BATTERY, CAR, CHARGER, COUNT, SET, SET_2, USB_BATTERY, WINDOW};

/// Where the edges of the toy car start in the edge section: three runs, so 16 bytes of headers.
fn car_block(parts: &mut Parts) -> usize {
    let word = parts.records::<ProductRecord>(Section::Products)[CAR].edges.get();
    usize::try_from(edges::pointed(word).0).expect("small")
}

#[track_caller]
fn check_run(run: usize, lie: impl FnOnce(&mut RunHeader)) {
    check("edges", |parts| {
        let at = car_block(parts);
        lie(&mut parts.records::<RunHeader>(Section::Edges)[at / 4 + run]);
    });
}

#[track_caller]
fn check_edge(edge: usize, lie: impl FnOnce(&mut Edge)) {
    check("edges", |parts| {
        let at = car_block(parts) + 16;
        lie(&mut parts.records::<Edge>(Section::Edges)[at / 8 + edge]);
    });
}

#[track_caller]
fn check_rare(rare: usize, lie: impl FnOnce(&mut RareRecord)) {
    use zerocopy::FromBytes as _;
    check("edges", |parts| {
        let at = car_block(parts) + 16 + 6 * 8 + rare * size_of::<RareRecord>();
        let (rare, _) = RareRecord::mut_from_prefix(&mut parts.section(Section::Edges)[at..])
            .expect("the car has three");
        lie(rare);
    });
}

#[test]
fn the_toys_stand_where_these_tests_think() {
    let toys = model(TOYS);
    let known = [
        (BATTERY, "battery-aa"),
        (USB_BATTERY, "battery-aa-rechargeable-with-usb-c"),
        (CHARGER, "charger"),
        (SET, "set"),
        (SET_2, "set-2"),
        (WINDOW, "shop-window-display-of-toys"),
        (CAR, "toy-car"),
    ];
    for (ordinal, id) in known {
        assert_eq!(toys.ordinal(id) as usize, ordinal);
    }
    assert_eq!(toys.products.len(), COUNT as usize);
    assert!(testkit::catalog(&Parts::of(&toys.catalog()).bytes()).is_ok(), "the truth opens");
}

#[test]
fn lies_of_the_header_are_refused() {
    check_header("header", |header| header.role.set(6));
    check_header("header", |header| header.role.set(0));
    check_header("header", |header| header.section_count.set(21));
    check_header("header", |header| header.section_count.set(u32::MAX));
    check_header("edges", |header| header.sections[0].kind.set(2));
    check_header("edges", |header| header.sections[0].schema.set(2));
    check_header("edges", |header| header.sections[0].offset.set(0));
    check_header("edges", |header| header.sections[0].offset.set(u64::MAX));
    check_header("edges", |header| header.sections[0].offset.set(4096 + 64));
    check_header("edges", |header| header.sections[0].len.set(u64::MAX));
    check_header("products", |header| header.sections[1].len.set(u64::MAX - 4096));
    check_header("products", |header| header.sections[1].len.set(33));
    check_header("products", |header| header.sections[1].offset.set(4096));
    check_header("edges", |header| header.sections.swap(0, 1));
    check_header("meta", |header| header.sections[19].len.set(1 << 40));
}

/// What must be zero was not looked at, so that nothing could ever be put there.
#[test]
fn reserved_places_of_the_header_are_zero() {
    check_header("header", |header| header.reserved.set(1));
    check_header("header", |header| header.padding[175] = 1);
    check_header("header", |header| header.sections[22].kind.set(23));
    check_header("header", |header| header.sections[79].reserved.set(1));
    check_header("header", |header| header.sections[3].reserved.set(1));
}

/// A page of zeros between the last section and the trailer made another file of the same catalog.
#[test]
fn the_trailer_follows_the_last_section() {
    let mut bytes = Parts::of(&model(TOYS).catalog()).bytes_with_header(|header| {
        header.file_len.set(header.file_len.get() + 64);
    });
    let at = bytes.len() - 32;
    bytes.splice(at..at, [0; 64]);
    check_refused(testkit::catalog(&bytes), "header");
}

#[test]
fn a_header_page_without_room_for_a_trailer_is_refused() {
    let parts = Parts::of(&model(TOYS).catalog());
    let short = parts.bytes_with_header(|header| header.file_len.set(4100));
    check_refused(testkit::catalog(&short[..4100]), "header");
}

#[test]
fn lies_of_product_records_are_refused() {
    let check = |at, lie: fn(&mut ProductRecord)| {
        check_record(Section::Products, "products", at, lie);
    };
    check(CAR, |product| product.key.len = 0);
    check(CAR, |product| product.key.len = 6);
    check(CAR, |product| product.key.len = 16);
    check(CAR, |product| product.key.bytes[14] = b' ');
    check(CAR, |product| product.key.bytes[0] = 0xff);
    check(CAR, |product| product.key.bytes[0] = b'a');
    check(USB_BATTERY, |product| product.key.len = 129);
    check(USB_BATTERY, |product| product.key.len = 255);
    check(USB_BATTERY, |product| product.key.bytes[7] = 1);
    check(USB_BATTERY, |product| product.key.bytes[7..].fill(0xff));
    check(USB_BATTERY, |product| product.key.bytes[0] = 1);
    check(CAR, |product| product.parent.set(COUNT));
    check(CAR, |product| product.parent.set(u32::MAX - 1));
    check(CAR, |product| product.parent.set(6));
    check(CAR, |product| product.flags |= 16);
    check(CAR, |product| product.eco_grade = 6);
    check(CAR, |product| product.availability = 7);
    check(CAR, |product| product.reserved = 1);
    // Another id that sorts as well is no longer found under its hash.
    check_record(Section::Products, "keys", CAR, |product: &mut ProductRecord| product.key.len = 8);
    let unsorted = |parts: &mut Parts| parts.records::<ProductRecord>(Section::Products).swap(0, 2);
    self::check("products", unsorted);
}

#[test]
fn lies_of_the_key_heap_are_refused() {
    check("key_heap", |parts| parts.section(Section::KeyHeap).push(b'x'));
    check("products", |parts| parts.section(Section::KeyHeap).truncate(20));
    check("aliases", |parts| {
        let heap = parts.section(Section::KeyHeap);
        heap.truncate(heap.len() - 1);
    });
    check("products", |parts| parts.section(Section::KeyHeap)[0] = 0xff);
    // Whole letters, but another id: it is no longer found under its hash.
    check("keys", |parts| parts.section(Section::KeyHeap)[33] = b'd');
}

#[test]
fn lies_of_aliases_are_refused() {
    check_record(Section::Aliases, "aliases", 0, |alias: &mut AliasRecord| {
        alias.product.set(COUNT)
    });
    check_record(Section::Aliases, "aliases", 1, |alias: &mut AliasRecord| alias.key.len = 0);
    check_record(Section::Aliases, "aliases", 1, |alias: &mut AliasRecord| {
        alias.key.bytes[0] = b'z';
    });
    check("aliases", |parts| parts.records::<AliasRecord>(Section::Aliases).swap(1, 2));
}

/// An alias that is also a product's id was accepted: it was in the table under its own hash, but
/// the product before it answered.
#[test]
fn an_alias_that_is_a_product_id_is_refused() {
    for alias in ["charger", "CHARGER", "Shop-Window-Display-of-Toys"] {
        let mut toys = model(TOYS);
        toys.aliases = vec![(alias.to_owned(), toys.ordinal("toy-car"))];
        check_refused(testkit::catalog(&toys.catalog()), "keys");
    }
}

#[test]
fn lies_of_run_headers_are_refused() {
    check_run(0, |run| run.count.set(0));
    check_run(0, |run| run.count.set(1));
    check_run(0, |run| run.count.set(3));
    check_run(0, |run| run.count.set(u16::MAX));
    check_run(2, |run| run.count.set(u16::MAX));
    check_run(0, |run| run.has_rare = 1);
    check_run(1, |run| run.has_rare = 0);
    check_run(1, |run| run.has_rare = 2);
    check_run(0, |run| run.relation_type = 6);
    check_run(0, |run| run.relation_type = 7);
    check_run(1, |run| run.relation_type = 2);
    check_run(2, |run| run.relation_type = 255);
}

/// The four bytes behind an odd number of run headers were not looked at.
#[test]
fn padding_behind_run_headers_is_zero() {
    check_run(3, |padding| padding.count.set(1));
}

#[test]
fn lies_of_edges_are_refused() {
    check_edge(0, |edge| edge.target.set(COUNT));
    check_edge(0, |edge| edge.target.set(u32::MAX));
    check_edge(0, |edge| edge.target.set(6));
    check_edge(1, |edge| edge.score.set(65535));
    check_edge(3, |edge| edge.score.set(60000));
    check_edge(3, |edge| edge.score.set(60001));
    check_edge(0, |edge| edge.meta.set(edge.meta.get() | 1 << 13));
    check_edge(0, |edge| edge.meta.set(edge.meta.get() | 1 << 15));
    check_edge(0, |edge| edge.meta.set(0));
    check_edge(0, |edge| edge.meta.set(0b1111 << 5));
    // A mark without its record, and a record without its mark.
    check_edge(0, |edge| edge.meta.set(edge.meta.get() | 1 << 10));
    check_edge(2, |edge| edge.meta.set(edge.meta.get() | 1 << 10));
    check_edge(3, |edge| edge.meta.set(edge.meta.get() & !(1 << 10)));
    check_edge(4, |edge| edge.meta.set(edge.meta.get() & !(1 << 11)));
    check_edge(3, |edge| edge.meta.set(edge.meta.get() | 1 << 11));
}

#[test]
fn lies_of_rare_records_are_refused() {
    check_rare(0, |rare| rare.quantity.set(f64::NAN));
    check_rare(0, |rare| rare.quantity.set(f64::INFINITY));
    check_rare(0, |rare| rare.quantity.set(-1.0));
    check_rare(0, |rare| rare.markets.set(1));
    check_rare(1, |rare| rare.markets.set(0));
    check_rare(1, |rare| rare.markets.set(1 << 2));
    check_rare(1, |rare| rare.markets.set(1 << 63));
    check_rare(2, |rare| rare.valid_from_s.set(1_800_000_000));
    check_rare(2, |rare| rare.valid_to_s.set(i64::MIN));
}

#[test]
fn lies_about_where_blocks_are_are_refused() {
    let check = |at, lie: fn(&mut ProductRecord)| check_record(Section::Products, "edges", at, lie);
    check(CAR, |product| product.edges.set(0));
    check(CAR, |product| product.edges.set(product.edges.get() + 1));
    check(CAR, |product| product.edges.set(edges::pointer(0, 3)));
    check(CAR, |product| product.edges.set(edges::pointer((1 << 43) - 8, 3)));
    check(CAR, |product| product.edges.set(product.edges.get() + (1 << 40)));
    check(CAR, |product| product.edges.set(product.edges.get() | 0xff << 40));
    check(CAR, |product| product.edges.set(product.edges.get() | 1 << 48));
    check(CAR, |product| product.edges.set(u64::MAX));
    check(WINDOW, |product| product.edges.set(1));
    check(WINDOW, |product| product.edges.set(edges::pointer(0, 1)));
    self::check("edges", |parts| parts.section(Section::Edges).extend([0; 8]));
    self::check("edges", |parts| {
        let edges = parts.section(Section::Edges);
        edges.truncate(edges.len() - 8);
    });
    self::check("edges", |parts| parts.section(Section::Edges).clear());
}
