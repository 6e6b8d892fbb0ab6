//! Lies under checksums that fit: what a faulty compiler or a forger would write. Each is refused
//! with `STRUCTURE` and the part that lies, and whatever slips through must not make a read panic.

use proptest::prelude::*;
use zerocopy::{IntoBytes as _, little_endian::U64};

use super::testkit::{self, Parts, TOYS, blob, model, read};
use crate::index::{
    Dropped, Fault, IndexError, edges,
    layout::{
        AliasRecord, AttributeRecord, BundleMemberRecord, BundleOptionRecord, BundleRecord,
        BundleSelectionRecord, Edge, ExtraCategoryRecord, Header, MarketPriceRecord, ProductRecord,
        ProvenanceRecord, RareRecord, ReverseRecord, RunHeader, Section, VariantGroupRecord,
    },
    meta::CatalogMeta,
    write_dropped,
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

/// Changes the model before it is written: for lies of the meta section.
#[track_caller]
fn check_meta(part: &str, lie: impl FnOnce(&mut CatalogMeta)) {
    let mut toys = model(TOYS);
    lie(&mut toys.meta);
    check_refused(testkit::catalog(&toys.catalog()), part);
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
    check_header("header", |header| header.section_count.set(19));
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
    check_header("header", |header| header.sections[20].kind.set(21));
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
fn lies_of_the_key_table_are_refused() {
    let buckets = |lie: fn(&mut [U64])| {
        check("keys", |parts| lie(parts.records::<U64>(Section::Keys)));
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
    buckets(|buckets| {
        let taken = buckets.iter_mut().find(|bucket| bucket.get() != 0);
        taken.expect("not all are empty").set(0);
    });
    buckets(|buckets| {
        // A fingerprint without an entry.
        let taken = buckets.iter_mut().find(|bucket| bucket.get() != 0).expect("one is taken");
        taken.set(taken.get() & !((1 << 40) - 1));
    });
    buckets(|buckets| {
        let taken = buckets.iter_mut().find(|bucket| bucket.get() != 0).expect("one is taken");
        taken.set(taken.get() & !((1 << 40) - 1) | 13);
    });
    check("keys", |parts| parts.section(Section::Keys).extend([0; 8]));
    check("keys", |parts| parts.section(Section::Keys).clear());
    let mut parts = Parts::of(&model(TOYS).catalog());
    parts.header.key_seed.set(1);
    check_refused(testkit::catalog(&parts.bytes()), "keys");
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

#[test]
fn lies_of_attributes_are_refused() {
    let check = |lie: fn(&mut AttributeRecord)| {
        check_record(Section::Attributes, "attributes", CAR, lie);
    };
    check(|record| record.brand.set(2));
    check(|record| record.category.set(5));
    check(|record| record.tags.set(0b100));
    check(|record| record.assortment.set(0b111));
    check(|record| record.assortment.set(1));
    check(|record| record.reserved.set(1));
    self::check("attributes", |parts| parts.section(Section::Attributes).truncate(8 * 40));
    self::check("attributes", |parts| parts.section(Section::Attributes).extend([0; 40]));
}

#[test]
fn lies_of_titles_and_list_ends_are_refused() {
    check("title_heap", |parts| parts.section(Section::TitleHeap)[0] = 0xff);
    check("title_ends", |parts| parts.section(Section::TitleHeap).push(b'x'));
    check("title_ends", |parts| parts.section(Section::TitleEnds).clear());
    check("title_ends", |parts| parts.section(Section::TitleEnds).extend([0; 8]));
    check_record(Section::TitleEnds, "title_ends", 0, |end: &mut U64| end.set(u64::MAX));
    check_record(Section::TitleEnds, "title_ends", 8, |end: &mut U64| end.set(0));
    // A title that ends inside a letter.
    let inside = |parts: &mut Parts| {
        let end = &mut parts.records::<U64>(Section::TitleEnds)[7];
        end.set(end.get() - "ür Kinder".len() as u64 + 1);
    };
    check("title_heap", inside);
    check_record(Section::ReverseEnds, "reverse_ends", 0, |end: &mut U64| end.set(9));
    check("reverse_ends", |parts| parts.section(Section::ReverseEnds).truncate(8 * 8));
    // A catalog without products has no lists either.
    let mut parts = Parts::of(&model("inventory main\nmarket de EUR main\n").catalog());
    parts.section(Section::TitleHeap).push(b'x');
    check_refused(testkit::catalog(&parts.bytes()), "title_ends");
    let mut parts = Parts::of(&model("inventory main\nmarket de EUR main\n").catalog());
    parts.section(Section::TitleEnds).extend([0; 8]);
    check_refused(testkit::catalog(&parts.bytes()), "title_ends");
}

#[test]
fn lies_of_categories_and_prices_are_refused() {
    let check = |at, lie: fn(&mut ExtraCategoryRecord)| {
        check_record(Section::ExtraCategories, "extra_categories", at, lie);
    };
    check(0, |record| record.category.set(5));
    check(0, |record| record.product.set(3));
    check(0, |record| record.product.set(6));
    check(2, |record| record.product.set(COUNT));
    check(2, |record| record.category.set(0));
    let check = |at, lie: fn(&mut MarketPriceRecord)| {
        check_record(Section::MarketPrices, "market_prices", at, lie);
    };
    check(0, |record| record.market.set(2));
    check(1, |record| record.market.set(0));
    check(0, |record| record.reserved.set(1));
    check(2, |record| record.product.set(u32::MAX));
    check_record(Section::Products, "extra_categories", BATTERY, |product: &mut ProductRecord| {
        product.flags |= 4;
    });
    check_record(Section::Products, "extra_categories", CAR, |product: &mut ProductRecord| {
        product.flags &= !4;
    });
    check_record(Section::Products, "market_prices", BATTERY, |product: &mut ProductRecord| {
        product.flags |= 8;
    });
}

#[test]
fn lies_of_variants_are_refused() {
    let check = |lie: fn(&mut VariantGroupRecord)| {
        check_record(Section::VariantGroups, "variant_groups", 0, lie);
    };
    check(|group| group.parent.set(0));
    check(|group| group.parent.set(u32::MAX));
    check(|group| group.first.set(1));
    check(|group| group.first.set(u32::MAX));
    check(|group| group.count.set(0));
    check(|group| group.count.set(1));
    check(|group| group.count.set(u32::MAX));
    use zerocopy::little_endian::U32;
    let member = |number: u32| {
        check_record(Section::VariantMembers, "variant_groups", 0, |member: &mut U32| {
            member.set(number);
        });
    };
    for number in [0, 8, u32::MAX] {
        member(number);
    }
    check_record(Section::Products, "variant_groups", CAR, |product: &mut ProductRecord| {
        product.flags &= !2;
    });
    check_record(Section::Products, "variant_groups", SET, |product: &mut ProductRecord| {
        product.flags |= 2;
    });
}

/// Two products that were each other's variant were accepted, and a lookup that climbs to the top
/// would have climbed for ever without a limit of its own.
#[test]
fn parents_in_a_circle_or_too_deep_are_refused() {
    let opened = |parents: &[Option<u32>]| {
        let ids = (0..parents.len()).map(|at| format!(" product p{at}\n"));
        let ids = ids.collect::<String>();
        let mut made = model(&format!("inventory main\nmarket de EUR main\n{ids}"));
        for (product, parent) in made.products.iter_mut().zip(parents) {
            product.parent = *parent;
        }
        testkit::catalog(&made.catalog())
    };
    check_refused(opened(&[Some(1), Some(0)]), "products");
    check_refused(opened(&[Some(1), Some(2), Some(0), Some(2)]), "products");
    let deep = [None, Some(0), Some(1), Some(2), Some(3), Some(4)];
    assert!(opened(&deep[..5]).is_ok());
    check_refused(opened(&deep), "products");
}

#[test]
fn lies_of_bundles_are_refused() {
    let check = |at, lie: fn(&mut BundleRecord)| check_record(Section::Bundles, "bundles", at, lie);
    check(0, |bundle| bundle.product.set(COUNT));
    check(1, |bundle| bundle.product.set(3));
    check(1, |bundle| bundle.product.set(2));
    check(0, |bundle| bundle.first_option.set(1));
    check(1, |bundle| bundle.first_option.set(u32::MAX));
    check(0, |bundle| bundle.option_count.set(1));
    check(1, |bundle| bundle.option_count.set(u32::MAX));
    let check = |at, lie: fn(&mut BundleOptionRecord)| {
        check_record(Section::BundleOptions, "bundles", at, lie);
    };
    check(0, |option| option.name_offset.set(1));
    check(1, |option| option.name_offset.set(u64::MAX));
    check(0, |option| option.name_len.set(4));
    check(2, |option| option.name_len.set(u32::MAX));
    check(0, |option| option.required.set(2));
    check(0, |option| option.first_selection.set(1));
    check(0, |option| option.selection_count.set(u32::MAX));
    check(2, |option| option.selection_count.set(1));
    let check = |at, lie: fn(&mut BundleSelectionRecord)| {
        check_record(Section::BundleSelections, "bundles", at, lie);
    };
    check(0, |selection| selection.product.set(COUNT));
    check(0, |selection| selection.quantity.set(0.0));
    check(0, |selection| selection.quantity.set(f64::NAN));
    check(0, |selection| selection.is_default.set(2));
    self::check("bundles", |parts| parts.section(Section::BundleNames)[0] = 0xff);
    self::check("bundles", |parts| parts.section(Section::BundleNames).push(b'x'));
}

/// The list of bundles by product was only held against the number of bundles: it could leave out a
/// bundle or name one that does not hold the product.
#[test]
fn bundles_by_product_are_those_of_the_selections() {
    let check = |at, lie: fn(&mut BundleMemberRecord)| {
        check_record(Section::BundleMembers, "bundle_members", at, lie);
    };
    check(0, |member| member.bundle.set(2));
    check(0, |member| member.product.set(COUNT));
    check(0, |member| member.bundle.set(1));
    check(2, |member| member.bundle.set(0));
    self::check("bundle_members", |parts| parts.section(Section::BundleMembers).truncate(4 * 8));
    self::check("bundle_members", |parts| parts.section(Section::BundleMembers).clear());
    self::check("bundle_members", |parts| {
        let more = BundleMemberRecord { product: 8.into(), bundle: 1.into() };
        parts.section(Section::BundleMembers).extend(more.as_bytes());
    });
}

#[test]
fn lies_of_reverse_lists_are_refused() {
    let check =
        |at, lie: fn(&mut ReverseRecord)| check_record(Section::Reverse, "reverse", at, lie);
    check(0, |record| record.source.set(COUNT));
    check(0, |record| record.relation_type = 1);
    check(0, |record| record.relation_type = 255);
    check(0, |record| record.reserved[2] = 1);
    self::check("reverse", |parts| {
        // The charger has two, from the second set and from the car.
        parts.records::<ReverseRecord>(Section::Reverse).swap(3, 4);
    });
}

/// A reverse list could name a relation that does not exist, or leave one out.
#[test]
fn reverse_lists_are_the_relations_seen_from_their_targets() {
    check_record(Section::Reverse, "reverse", 0, |record: &mut ReverseRecord| record.source.set(5));
    check_record(Section::Reverse, "reverse", 0, |record: &mut ReverseRecord| {
        record.relation_type = 9;
    });
    check("reverse", |parts| {
        parts.section(Section::Reverse).clear();
        parts.section(Section::ReverseEnds).clear();
    });
    check("reverse", |parts| {
        let records = parts.section(Section::Reverse);
        records.truncate(records.len() - 8);
        let last = records.len() as u64 / 8;
        for end in parts.records::<U64>(Section::ReverseEnds) {
            end.set(end.get().min(last));
        }
    });
}

#[test]
fn lies_of_the_meta_section_are_refused() {
    check_meta("meta", |meta| meta.markets.clear());
    check_meta("meta", |meta| meta.default_market = 2);
    check_meta("meta", |meta| meta.markets[0].default_inventory = 2);
    check_meta("meta", |meta| meta.inventories = vec![String::new(); 1025]);
    check_meta("meta", |meta| meta.tags = vec![String::new(); 65]);
    check_meta("meta", |meta| meta.relation_types.swap(0, 1));
    check_meta("meta", |meta| meta.relation_types[0].number = 0);
    check_meta("meta", |meta| meta.relation_types[3].number = 200);
    check_meta("edges", |meta| drop(meta.relation_types.remove(3)));
    check_meta("meta", |meta| meta.categories[0].end = 0);
    check_meta("meta", |meta| meta.categories[0].end = 6);
    check_meta("meta", |meta| meta.categories[1].parent = 1);
    check_meta("meta", |meta| meta.categories[2].parent = 7);
    check_meta("meta", |meta| meta.categories[1].end = 5);
    check_meta("attributes", |meta| drop(meta.brands.remove(1)));
    let market = |meta: &mut CatalogMeta| {
        meta.markets = vec![meta.markets[0].clone(); 65];
    };
    check_meta("meta", market);
    check("meta", |parts| parts.section(Section::Meta).clear());
    check("meta", |parts| parts.section(Section::Meta).fill(0xff));
    check("meta", |parts| parts.section(Section::Meta).push(0));
    check("meta", |parts| parts.section(Section::Meta)[0] = 0x80);
}

/// Codes that readers look up were taken as they came.
#[test]
fn unknown_currencies_marks_and_unsorted_brands_are_refused() {
    check_meta("meta", |meta| meta.markets[1].currency = "XXX".to_owned());
    check_meta("meta", |meta| meta.markets[1].currency = String::new());
    check_meta("meta", |meta| meta.relation_types[0].two_way = 2);
    check_meta("meta", |meta| meta.relation_types[0].reverse = 2);
    check_meta("meta", |meta| meta.brands.swap(0, 1));
    check_meta("meta", |meta| meta.brands[1] = meta.brands[0].clone());
}

/// The categories below one are those of its interval; intervals that cross made a category belong
/// to one that is not above it.
#[test]
fn category_intervals_that_cross_are_refused() {
    // Toys/Cars would hold Toys/Trains.
    check_meta("meta", |meta| meta.categories[1].end = 4);
    // Toys/Cars would not hold what is below it.
    check_meta("meta", |meta| meta.categories[1].end = 2);
    // Toys would not end where its last one ends.
    check_meta("meta", |meta| meta.categories[0].end = 3);
    // Power would be below Toys, which has ended.
    check_meta("meta", |meta| meta.categories[4].parent = 0);
}

#[test]
fn counts_of_the_meta_section_are_those_of_the_sections() {
    // The writer counts by itself: change what it wrote.
    check("edges", |parts| {
        let word = parts.records::<ProductRecord>(Section::Products)[CHARGER].edges.get();
        let at = usize::try_from(edges::pointed(word).0).expect("small");
        // The run of type 100 becomes one of type 9.
        parts.section(Section::Edges)[at] = 9;
    });
    check_record(Section::Attributes, "attributes", WINDOW, |record: &mut AttributeRecord| {
        record.assortment.set(1);
    });
}

#[test]
fn lies_of_provenance_are_refused() {
    let toys = model(TOYS);
    let catalog = testkit::catalog(&toys.catalog()).expect("it opens");
    let check = |lie: fn(&mut Parts)| {
        let mut parts = Parts::of(&toys.provenance(catalog.blob().hash()));
        lie(&mut parts);
        check_refused(testkit::provenance(&parts.bytes(), &catalog), "provenance");
    };
    check(|parts| parts.records::<ProvenanceRecord>(Section::Provenance)[0].file.set(1));
    check(|parts| parts.records::<U64>(Section::ProvenanceEnds)[0].set(9));
    check(|parts| parts.records::<U64>(Section::ProvenanceEnds)[8].set(u64::MAX));
    check(|parts| parts.section(Section::ProvenanceEnds).truncate(8 * 8));
    check(|parts| parts.section(Section::Provenance).extend([0; 8]));
    let mut orphan = toys.clone();
    orphan.files[0].source = 1;
    let bytes = orphan.provenance(catalog.blob().hash());
    check_refused(testkit::provenance(&bytes, &catalog), "provenance");
}

#[test]
fn lies_of_dropped_relations_are_refused() {
    let check = |lie: fn(&mut crate::index::meta::DroppedMeta)| {
        let mut dropped = super::round_trip::dropped();
        lie(&mut dropped);
        let bytes = testkit::written(|file| write_dropped(file, "d".as_ref(), &dropped));
        check_refused(blob(&bytes).and_then(Dropped::from_blob), "dropped");
    };
    check(|dropped| dropped.relations[0].reason = 0);
    check(|dropped| dropped.relations[0].reason = 255);
    check(|dropped| dropped.relations[0].file = 2);
    check(|dropped| dropped.files[0].source = 1);
}

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
