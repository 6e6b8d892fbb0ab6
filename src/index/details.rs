//! What a catalog knows of a product beside its relations: attributes, titles, markets, variants,
//! bundles, and which relations lead to it.

use zerocopy::little_endian::{U32, U64};

use super::{
    Ordinal, View,
    layout::{
        BundleMemberRecord, BundleOptionRecord, BundleRecord, BundleSelectionRecord,
        ExtraCategoryRecord, FLAG_EXTRA_CATEGORIES, FLAG_MARKET_PRICES, MarketPriceRecord,
        NO_PRICE, ReverseRecord, Section, VariantGroupRecord,
    },
};

impl<'a> View<'a> {
    /// The title's bytes, UTF-8 in a file that nobody changed; empty if it has none.
    #[must_use]
    pub fn title_bytes(&self, ordinal: Ordinal) -> &'a [u8] {
        let range = self.list(Section::TitleEnds, ordinal.index());
        self.section::<u8>(Section::TitleHeap).get(range).unwrap_or_default()
    }

    /// Further categories of a product, sorted. Only products that have some pay for the search.
    pub fn extra_categories(&self, ordinal: Ordinal) -> impl Iterator<Item = u32> + use<'a> {
        let own = match self.has_flag(ordinal, FLAG_EXTRA_CATEGORIES) {
            true => {
                let all = self.section::<ExtraCategoryRecord>(Section::ExtraCategories);
                group(all, ordinal, |record| record.product.get())
            }
            false => &[],
        };
        own.iter().map(|record| record.category.get())
    }

    /// Prices of a product in markets beside the default one, by market.
    #[must_use]
    pub fn market_prices(&self, ordinal: Ordinal) -> &'a [MarketPriceRecord] {
        if !self.has_flag(ordinal, FLAG_MARKET_PRICES) {
            return &[];
        }
        let all = self.section::<MarketPriceRecord>(Section::MarketPrices);
        group(all, ordinal, |record| record.product.get())
    }

    /// The price of a product in a market, in minor units of its currency, and when it was read, in
    /// seconds since 1970 (0 unknown). The default market's stands with the attributes.
    #[must_use]
    pub fn market_price(&self, ordinal: Ordinal, market: u32) -> Option<(i64, u32)> {
        if market == self.meta().default_market.to_native() {
            let known = self.attributes(ordinal)?;
            let price = known.price.get();
            return (price != NO_PRICE).then(|| (price, known.read_at_s.get()));
        }
        let prices = self.market_prices(ordinal);
        let found = prices.binary_search_by_key(&market, |price| u32::from(price.market.get()));
        let price = prices.get(found.ok()?)?;
        Some((price.price.get(), price.read_at_s.get()))
    }

    /// The variants of a product, in their order.
    #[must_use]
    pub fn variants(&self, parent: Ordinal) -> &'a [U32] {
        let groups = self.section::<VariantGroupRecord>(Section::VariantGroups);
        let found = groups.binary_search_by_key(&parent.0, |group| group.parent.get());
        let Some(group) = found.ok().and_then(|at| groups.get(at)) else {
            return &[];
        };
        span(self.section(Section::VariantMembers), group.first, group.count)
    }

    /// Every bundle, by product.
    #[must_use]
    pub fn bundles(&self) -> &'a [BundleRecord] {
        self.section(Section::Bundles)
    }

    /// The bundle that is this product.
    #[must_use]
    pub fn bundle(&self, product: Ordinal) -> Option<&'a BundleRecord> {
        let bundles = self.bundles();
        let found = bundles.binary_search_by_key(&product.0, |bundle| bundle.product.get());
        found.ok().and_then(|at| bundles.get(at))
    }

    /// The bundles that hold a product.
    pub fn bundles_with(
        &self,
        product: Ordinal,
    ) -> impl Iterator<Item = &'a BundleRecord> + use<'a> {
        let members = self.section::<BundleMemberRecord>(Section::BundleMembers);
        let bundles = self.bundles();
        let own = group(members, product, |member| member.product.get());
        own.iter().filter_map(|member| bundles.get(member.bundle.get() as usize))
    }

    /// The options of a bundle, in their order.
    #[must_use]
    pub fn options(&self, bundle: &BundleRecord) -> &'a [BundleOptionRecord] {
        span(self.section(Section::BundleOptions), bundle.first_option, bundle.option_count)
    }

    /// The name of an option.
    #[must_use]
    pub fn option_name(&self, option: &BundleOptionRecord) -> &'a str {
        let names = self.section::<u8>(Section::BundleNames);
        let name = || {
            let start = usize::try_from(option.name_offset.get()).ok()?;
            names.get(start..start.checked_add(option.name_len.get() as usize)?)
        };
        str::from_utf8(name().unwrap_or_default()).unwrap_or_default()
    }

    /// The selections of an option, in their order.
    #[must_use]
    pub fn selections(&self, option: &BundleOptionRecord) -> &'a [BundleSelectionRecord] {
        let all = self.section(Section::BundleSelections);
        span(all, option.first_selection, option.selection_count)
    }

    /// Relations of reverse types that lead to a product, by type and source.
    #[must_use]
    pub fn incoming(&self, target: Ordinal) -> &'a [ReverseRecord] {
        let range = self.list(Section::ReverseEnds, target.index());
        self.section(Section::Reverse).get(range).unwrap_or_default()
    }

    /// The range of a list in a section, from the section of list ends.
    pub(super) fn list(&self, ends: Section, index: usize) -> std::ops::Range<usize> {
        let ends = self.section::<U64>(ends);
        let end = |index: usize| ends.get(index).and_then(|end| usize::try_from(end.get()).ok());
        let last = end(index).unwrap_or(0);
        let first = index.checked_sub(1).map_or(0, |before| end(before).unwrap_or(0));
        first.min(last)..last
    }

    fn has_flag(&self, ordinal: Ordinal, flag: u8) -> bool {
        self.product(ordinal).is_some_and(|product| product.flags & flag != 0)
    }
}

/// The records of one product out of those of all, which are sorted by product.
fn group<T>(all: &[T], product: Ordinal, product_of: impl Fn(&T) -> u32) -> &[T] {
    let first = all.partition_point(|record| product_of(record) < product.0);
    let rest = all.get(first..).unwrap_or_default();
    let count = rest.partition_point(|record| product_of(record) == product.0);
    rest.get(..count).unwrap_or_default()
}

fn span<T>(all: &[T], first: U32, count: U32) -> &[T] {
    let first = first.get() as usize;
    all.get(first..first.saturating_add(count.get() as usize)).unwrap_or_default()
}
