//! Lies about attributes, lists, variants, bundles and declarations.

use zerocopy::{
    IntoBytes as _,
    little_endian::{U32, U64},
};

use super::{
    check, check_record, check_refused,
    toys::{BATTERY, CAR, CHARGER, COUNT, SET, WINDOW},
};
use crate::index::{
    Dropped, edges,
    layout::{
        AttributeRecord, BundleMemberRecord, BundleOptionRecord, BundleRecord,
        BundleSelectionRecord, ExtraCategoryRecord, MarketPriceRecord, ProductRecord,
        ProvenanceRecord, ReverseRecord, Section, VariantGroupRecord,
    },
    meta::{CatalogMeta, DroppedMeta},
    tests::{
        round_trip,
        testkit::{self, Parts, TOYS, blob, model},
    },
    write_dropped,
};

/// Changes the model before it is written: for lies of the meta section.
#[track_caller]
fn check_meta(part: &str, lie: impl FnOnce(&mut CatalogMeta)) {
    let mut toys = model(TOYS);
    lie(&mut toys.meta);
    check_refused(testkit::catalog(&toys.catalog()), part);
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
    check_meta("meta", |meta| meta.categories[1].end = 0);
    check_meta("meta", |meta| meta.categories[1].end = 6);
    check_meta("meta", |meta| meta.categories[2].parent = 2);
    check_meta("meta", |meta| meta.categories[3].parent = 7);
    check_meta("meta", |meta| meta.categories[0].end = 2);
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
    check_meta("meta", |meta| meta.categories[2].end = 5);
    // Toys/Cars would not hold what is below it.
    check_meta("meta", |meta| meta.categories[2].end = 3);
    // Toys would not end where its last one ends.
    check_meta("meta", |meta| meta.categories[1].end = 4);
    // Toys would be below Power, which has ended.
    check_meta("meta", |meta| meta.categories[1].parent = 0);
}

/// Categories are found by binary search: one in the wrong place would not be.
#[test]
fn categories_out_of_order_or_too_deep_are_refused() {
    check_meta("meta", |meta| meta.categories[0].id = "Z".to_owned());
    check_meta("meta", |meta| meta.categories[2].id = "Toys/Trains".to_owned());
    check_meta("meta", |meta| meta.categories[1].id = "Toys/D".to_owned());
    check_meta("meta", |meta| meta.categories[3].id = "Toys/Cars".to_owned());
    let opened = |depth: usize| {
        let mut path = String::new();
        let lines = (0..depth).map(|_| {
            path += if path.is_empty() { "a" } else { "/a" };
            format!("category {path}\n")
        });
        let lines = lines.collect::<String>();
        testkit::catalog(&model(&format!("inventory main\nmarket de EUR main\n{lines}")).catalog())
    };
    assert!(opened(15).is_ok() && opened(16).is_ok());
    check_refused(opened(17), "meta");
}

#[test]
fn lies_of_popular_lists_are_refused() {
    let end = |at, lie: fn(&mut U64)| check_record(Section::PopularEnds, "popular_ends", at, lie);
    end(0, |end| end.set(u64::MAX));
    end(4, |end| end.set(0));
    end(5, |end| end.set(end.get() - 1));
    end(5, |end| end.set(end.get() + 1));
    check("popular_ends", |parts| parts.section(Section::PopularEnds).clear());
    check("popular_ends", |parts| parts.section(Section::PopularEnds).truncate(5 * 8));
    check("popular_ends", |parts| {
        let last = parts.section(Section::PopularEnds).last_chunk::<8>().copied();
        parts.section(Section::PopularEnds).extend(last.expect("six ends"));
    });
    check("popular_ends", |parts| parts.section(Section::Popular).extend([0; 4]));
    check("popular_ends", |parts| parts.section(Section::Popular).clear());
    let first = |ordinal: usize| {
        check_record(Section::Popular, "popular", 0, |listed: &mut U32| {
            listed.set(u32::try_from(ordinal).expect("small"));
        });
    };
    // The list of Power: unknown, hidden, of another category, and one that is there already.
    for ordinal in [COUNT as usize, u32::MAX as usize, WINDOW, SET, BATTERY] {
        first(ordinal);
    }
    // A list of the catalog takes what is in no category, but nothing hidden.
    check("popular", |parts| {
        let listed = parts.records::<U32>(Section::Popular).last_mut().expect("not empty");
        listed.set(u32::try_from(WINDOW).expect("small"));
    });
    // A product of Power in the list of Toys, where the end of Power's list moved.
    check_record(Section::PopularEnds, "popular", 0, |end: &mut U64| end.set(end.get() - 1));
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
    let check = |lie: fn(&mut DroppedMeta)| {
        let mut dropped = round_trip::dropped();
        lie(&mut dropped);
        let bytes = testkit::written(|file| write_dropped(file, "d".as_ref(), &dropped));
        check_refused(blob(&bytes).and_then(Dropped::from_blob), "dropped");
    };
    check(|dropped| dropped.relations[0].reason = 0);
    check(|dropped| dropped.relations[0].reason = 255);
    check(|dropped| dropped.relations[0].file = 2);
    check(|dropped| dropped.files[0].source = 1);
    check(|dropped| dropped.id_rule = 2);
    check(|dropped| dropped.relations.swap(0, 1));
    check(|dropped| dropped.relations[1].source = "TOY-CAR".to_owned());
    check(|dropped| dropped.relations[1].relation_type = "accessory".to_owned());
}
