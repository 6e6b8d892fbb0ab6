//! Do the details of a catalog mean something: attributes, titles, markets, variants, bundles,
//! reverse and popular lists? The other half of `check`.

use zerocopy::little_endian::U32;

use super::{
    View,
    check::{ends, ensure, market_mask, relation_mark},
    error::Fault,
    layout::{
        AttributeRecord, BundleMemberRecord, BundleOptionRecord, BundleSelectionRecord,
        ExtraCategoryRecord, FLAG_EXTRA_CATEGORIES, FLAG_MARKET_PRICES, FLAG_PARENT,
        MarketPriceRecord, NONE, ReverseRecord, Section, VariantGroupRecord,
    },
    popular,
};

/// `reverse_marks` is the sum over the relations of reverse types in the edge section.
pub(super) fn catalog(view: &View<'_>, reverse_marks: u64) -> Result<(), Fault> {
    attributes(view)?;
    titles(view)?;
    extra_categories(view)?;
    market_prices(view)?;
    variants(view)?;
    bundles(view)?;
    members(view)?;
    reverse(view, reverse_marks)?;
    popular::check(view)
}

fn attributes(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::Attributes.code();
    let records = view.section::<AttributeRecord>(Section::Attributes);
    let (found, count) = (records.len(), view.product_count());
    ensure!(found == count, part, "{found} records for {count} products");
    let (brands, categories) = (view.meta().brands.len(), view.meta().categories.len());
    let tags = u32::try_from(view.meta().tags.len()).unwrap_or(64);
    let tag_mask = u64::MAX.checked_shr(64 - tags).unwrap_or(0);
    for (index, record) in records.iter().enumerate() {
        let (brand, category) = (record.brand.get(), record.category.get());
        ensure!(brand == NONE || (brand as usize) < brands, part, "product {index}: brand {brand}");
        let known = category == NONE || (category as usize) < categories;
        ensure!(known, part, "product {index}: category {category}");
        ensure!(record.tags.get() & !tag_mask == 0, part, "product {index}: unknown tags");
        let markets = record.assortment.get();
        ensure!(markets & !market_mask(view) == 0, part, "product {index}: unknown markets");
        ensure!(record.reserved.get() == 0, part, "product {index}: a reserved word");
    }
    for (index, market) in view.meta().markets.iter().enumerate() {
        let listed = records.iter().filter(|record| record.assortment.get() >> index & 1 == 1);
        let (listed, said) = (listed.count() as u64, market.product_count.to_native());
        ensure!(listed == said, part, "market {index} lists {listed} products, meta says {said}");
    }
    Ok(())
}

fn titles(view: &View<'_>) -> Result<(), Fault> {
    let heap = view.section::<u8>(Section::TitleHeap);
    ends(view, Section::TitleEnds, heap.len())?;
    for ordinal in view.ordinals() {
        let title = view.title_bytes(ordinal);
        ensure!(str::from_utf8(title).is_ok(), Section::TitleHeap.code(), "a title is not UTF-8");
    }
    Ok(())
}

fn extra_categories(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::ExtraCategories.code();
    let records = view.section::<ExtraCategoryRecord>(Section::ExtraCategories);
    let sorted = records.is_sorted_by(|a, b| {
        (a.product.get(), a.category.get()) < (b.product.get(), b.category.get())
    });
    ensure!(sorted, part, "records are not sorted");
    for record in records {
        let category = record.category.get();
        let known = (category as usize) < view.meta().categories.len();
        ensure!(known, part, "a product in category {category}");
    }
    flagged(
        view,
        Section::ExtraCategories,
        FLAG_EXTRA_CATEGORIES,
        records.iter().map(|r| r.product),
    )
}

fn market_prices(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::MarketPrices.code();
    let records = view.section::<MarketPriceRecord>(Section::MarketPrices);
    let sorted = records
        .is_sorted_by(|a, b| (a.product.get(), a.market.get()) < (b.product.get(), b.market.get()));
    ensure!(sorted, part, "records are not sorted");
    for record in records {
        let market = record.market.get();
        let known = usize::from(market) < view.meta().markets.len() && record.reserved.get() == 0;
        ensure!(known, part, "a price in market {market}");
    }
    flagged(view, Section::MarketPrices, FLAG_MARKET_PRICES, records.iter().map(|r| r.product))
}

/// The products of sorted records are those whose record has the flag.
fn flagged(
    view: &View<'_>,
    section: Section,
    flag: u8,
    products: impl Iterator<Item = U32>,
) -> Result<(), Fault> {
    let mut flagged =
        view.products().iter().zip(0_u32..).filter(|(product, _)| product.flags & flag != 0);
    let mut before = None;
    for product in products.map(U32::get) {
        if before == Some(product) {
            continue;
        }
        let next = flagged.next().map(|(_, ordinal)| ordinal);
        ensure!(next == Some(product), section.code(), "product {product} is not flagged");
        before = Some(product);
    }
    ensure!(flagged.next().is_none(), section.code(), "a flagged product has no record");
    Ok(())
}

fn variants(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::VariantGroups.code();
    let groups = view.section::<VariantGroupRecord>(Section::VariantGroups);
    let members = view.section::<U32>(Section::VariantMembers);
    ensure!(groups.is_sorted_by(|a, b| a.parent.get() < b.parent.get()), part, "not sorted");
    let mut next = 0_usize;
    for group in groups {
        let (parent, first) = (group.parent.get(), group.first.get() as usize);
        ensure!(first == next && group.count.get() > 0, part, "the group of {parent} is misplaced");
        next += group.count.get() as usize;
        for member in members.get(first..next).unwrap_or_default() {
            let record = view.products().get(member.get() as usize);
            let own = record.is_some_and(|record| record.parent.get() == parent);
            ensure!(own, part, "product {member} is no variant of {parent}");
        }
    }
    ensure!(next == members.len(), part, "{next} members in groups, {} in all", members.len());
    let variants = view.products().iter().filter(|product| product.parent.get() != NONE).count();
    ensure!(variants == members.len(), part, "{variants} variants, {} members", members.len());
    let mut sorted = members.iter().map(|member| member.get()).collect::<Vec<_>>();
    sorted.sort_unstable();
    ensure!(sorted.is_sorted_by(|a, b| a < b), part, "a variant stands twice");
    flagged(view, Section::VariantGroups, FLAG_PARENT, groups.iter().map(|group| group.parent))
}

fn bundles(view: &View<'_>) -> Result<(), Fault> {
    let (part, count) = (Section::Bundles.code(), view.product_count());
    let bundles = view.bundles();
    let options = view.section::<BundleOptionRecord>(Section::BundleOptions);
    let selections = view.section::<BundleSelectionRecord>(Section::BundleSelections);
    let names = view.section::<u8>(Section::BundleNames);
    ensure!(bundles.is_sorted_by(|a, b| a.product.get() < b.product.get()), part, "not sorted");
    let mut next = 0_u64;
    for bundle in bundles {
        let (product, first) = (bundle.product.get(), u64::from(bundle.first_option.get()));
        ensure!((product as usize) < count, part, "a bundle of product {product}");
        ensure!(first == next, part, "the options of bundle {product} are misplaced");
        next += u64::from(bundle.option_count.get());
    }
    ensure!(next == options.len() as u64, part, "{next} options, {} in all", options.len());
    let (mut next, mut next_name) = (0_u64, 0_u64);
    for option in options {
        let (first, name) = (u64::from(option.first_selection.get()), option.name_offset.get());
        ensure!(first == next, part, "the selections of an option are misplaced");
        ensure!(name == next_name, part, "the name of an option is misplaced");
        ensure!(option.required.get() <= 1, part, "an option is neither required nor not");
        next += u64::from(option.selection_count.get());
        next_name += u64::from(option.name_len.get());
        ensure!(next_name <= names.len() as u64, part, "the name of an option passes the end");
        let named = option.name_len.get() == 0 || !view.option_name(option).is_empty();
        ensure!(named, part, "the name of an option is not UTF-8");
    }
    ensure!(
        next == selections.len() as u64,
        part,
        "{next} selections, {} in all",
        selections.len()
    );
    ensure!(next_name == names.len() as u64, part, "{next_name} bytes of names, {}", names.len());
    for selection in selections {
        let (product, quantity) = (selection.product.get(), selection.quantity.get());
        ensure!((product as usize) < count, part, "a selection of product {product}");
        ensure!(quantity.is_finite() && quantity > 0.0, part, "{quantity} units of {product}");
        ensure!(selection.is_default.get() <= 1, part, "a selection is neither default nor not");
    }
    Ok(())
}

/// The members are the selections by product, each once.
fn members(view: &View<'_>) -> Result<(), Fault> {
    let members = view.section::<BundleMemberRecord>(Section::BundleMembers);
    let mut expected = Vec::new();
    for (bundle, index) in view.bundles().iter().zip(0_u32..) {
        let selections = view.options(bundle).iter().flat_map(|option| view.selections(option));
        expected.extend(selections.map(|selection| (selection.product.get(), index)));
    }
    expected.sort_unstable();
    expected.dedup();
    let found = members.iter().map(|member| (member.product.get(), member.bundle.get()));
    let part = Section::BundleMembers.code();
    ensure!(found.eq(expected), part, "it lists other products than the bundles do");
    Ok(())
}

fn reverse(view: &View<'_>, marks: u64) -> Result<(), Fault> {
    let part = Section::Reverse.code();
    let records = view.section::<ReverseRecord>(Section::Reverse);
    ends(view, Section::ReverseEnds, records.len())?;
    let mut found = 0_u64;
    for target in view.ordinals() {
        let list = view.incoming(target);
        let sorted = list.is_sorted_by(|a, b| {
            (a.relation_type, a.source.get()) < (b.relation_type, b.source.get())
        });
        ensure!(sorted, part, "the list of product {} is not sorted", target.0);
        for record in list {
            let mark = relation_mark(record.source.get(), record.relation_type, target.0);
            found = found.wrapping_add(mark);
        }
    }
    let types = &view.meta().relation_types;
    for record in records {
        let (source, number) = (record.source.get(), record.relation_type);
        ensure!((source as usize) < view.product_count(), part, "a relation of product {source}");
        let known = types.iter().any(|declared| declared.number == number && declared.reverse == 1);
        ensure!(known, part, "a relation of type {number}, which is not reverse");
        ensure!(record.reserved == [0; 3], part, "a reserved byte");
    }
    ensure!(found == marks, part, "it lists other relations than the edge section does");
    Ok(())
}
