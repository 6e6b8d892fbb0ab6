//! What the words of WooCommerce mean, in its tables and its JSON.

use std::borrow::Cow;

use crate::model::{
    record::{BundleRecord, Visibility},
    relation::Availability,
};

pub(super) const UPSELL: &str = "woocommerce:upsell";
pub(super) const CROSS_SELL: &str = "woocommerce:cross_sell";

/// What a product is sold as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// On its own, here or elsewhere, or with variations.
    Product,
    Variation,
    Grouped,
}

impl Kind {
    /// One of `simple`, `variable`, `variation`, `grouped`, `external` among words such as `virtual`.
    pub(super) fn of(text: &str) -> Option<Self> {
        text.split(',').find_map(|word| match word.trim() {
            "variation" => Some(Self::Variation),
            "grouped" => Some(Self::Grouped),
            "simple" | "variable" | "external" => Some(Self::Product),
            _ => None,
        })
    }
}

/// What findings about a kind expect.
pub(super) const KINDS: &str =
    "`simple`, `variable`, `variation`, `grouped` or `external`, whose parts are known";

/// `visible`, `catalog` and `search` can be found; `hidden` cannot.
pub(super) fn visibility(text: &str) -> Option<Visibility> {
    match text {
        "visible" | "catalog" | "search" => Some(Visibility::Visible),
        "hidden" => Some(Visibility::Hidden),
        _ => None,
    }
}

/// A state of stock: the word or number of a table, or the word of the API.
pub(super) fn stock_state(text: &str) -> Option<Availability> {
    match text {
        "1" | "instock" => Some(Availability::InStock),
        "0" | "outofstock" => Some(Availability::OutOfStock),
        "backorder" | "onbackorder" => Some(Availability::Backorder),
        _ => None,
    }
}

/// A state, with few units left.
pub(super) fn low(
    state: Option<Availability>,
    units: Option<f64>,
    low_at: Option<f64>,
) -> Option<Availability> {
    let is_low = units.zip(low_at).is_some_and(|(units, low_at)| units <= low_at);
    match state {
        Some(Availability::InStock) if is_low => Some(Availability::LowStock),
        other => other,
    }
}

/// An amount as the shop writes it: with a point, or a comma before at most two digits.
pub(super) fn with_point(text: &str) -> Cow<'_, str> {
    match text.split_once(',') {
        Some((whole, cents)) if cents.len() <= 2 && !text.contains('.') => {
            Cow::Owned(format!("{whole}.{cents}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The items between commas; `\,` is a comma of an item.
pub(super) fn items(text: &str) -> Vec<Cow<'_, str>> {
    let mut items = Vec::new();
    let (mut begin, mut is_escaped) = (0, false);
    let cuts = text.match_indices(',').map(|(at, _)| at).chain([text.len()]);
    for cut in cuts {
        let before = text.get(begin..cut).unwrap_or_default();
        if cut < text.len() && before.ends_with('\\') {
            is_escaped = true;
            continue;
        }
        let item = before.trim();
        if !item.is_empty() {
            items.push(match is_escaped {
                true => Cow::Owned(item.replace("\\,", ",")),
                false => Cow::Borrowed(item),
            });
        }
        (begin, is_escaped) = (cut + 1, false);
    }
    items
}

/// A category path of `A > B`.
pub(super) fn category(text: &str) -> String {
    let levels = text.split('>').map(str::trim).filter(|level| !level.is_empty());
    levels.collect::<Vec<_>>().join("/")
}

/// A product that a grouped product shows: one of it, if the shopper likes.
pub(super) fn grouped<'a>(bundle: &'a str, product: &'a str, position: u32) -> BundleRecord<'a> {
    BundleRecord {
        bundle,
        option: product,
        option_position: position,
        required: false,
        min_selections: 0,
        max_selections: 1,
        product,
        selection_position: 0,
        quantity: 1.0,
        is_default: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, items, with_point};

    #[test]
    fn items_stand_between_commas_that_are_not_escaped() {
        let check = |text: &str, expected: &[&str]| assert_eq!(items(text), expected, "{text}");
        check("", &[]);
        check(" , ,", &[]);
        check("a", &["a"]);
        check("a, b,c", &["a", "b", "c"]);
        check("a\\, b, c", &["a, b", "c"]);
        check("\\,", &[","]);
        check("a\\,b\\,c,d\\,", &["a,b,c", "d,"]);
        check("a\\b, id:12", &["a\\b", "id:12"]);
        check("ü\\,ö, ä", &["ü,ö", "ä"]);
    }

    #[test]
    fn a_kind_stands_among_other_words() {
        assert_eq!(Kind::of("simple, downloadable, virtual"), Some(Kind::Product));
        assert_eq!(Kind::of("variation, virtual"), Some(Kind::Variation));
        assert_eq!(Kind::of("virtual, grouped"), Some(Kind::Grouped));
        assert_eq!(Kind::of("variable-subscription"), None);
        assert_eq!(Kind::of(""), None);
    }

    #[test]
    fn a_comma_before_cents_is_a_point() {
        let check = |text: &str, expected: &str| assert_eq!(with_point(text), expected);
        check("12,50", "12.50");
        check("12,5", "12.5");
        check("12.50", "12.50");
        check("1,250", "1,250");
        check("1.250,00", "1.250,00");
        check("12", "12");
    }
}
