//! Metafields: which of them list products, and how their values do.

use std::borrow::Cow;

use serde_json::Value;

use crate::sources::object::scalar;

/// What the Search & Discovery app keeps its lists in.
const DISCOVERY: &str = "shopify--discovery--product_recommendation";
/// Whether the theme's own recommendations follow the list or are left out: for the theme, not for
/// us.
const DISPLAY: &str = "related_products_display";

/// Products that one metafield lists; Shopify allows 128.
pub(super) const TARGETS_MAX: usize = 10_000;
/// None of them can stand in a handle.
const SEPARATORS: [char; 4] = [';', ',', '\n', '\r'];

/// What a metafield is to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Metafield {
    /// Lists products, as relations of this type.
    Relations(String),
    /// Says how a theme shows such a list.
    Display,
    /// Anything else.
    Other,
}

impl Metafield {
    /// The metafield of a column: `product.metafields.NAMESPACE.KEY`, before it perhaps a label in any
    /// language. A header does not say what type it has, so names decide.
    pub(super) fn of_column(column: &str) -> Option<Self> {
        let (_, name) = column.split_once("product.metafields.")?;
        let name = name.split([')', ' ']).next().unwrap_or(name);
        let (namespace, key) = name.split_once('.')?;
        Some(Self::named(namespace, key))
    }

    /// The metafield of this type, which decides if it is said, else of these names.
    pub(super) fn typed(namespace: &str, key: &str, of_type: Option<&str>) -> Self {
        match (Self::named(namespace, key), of_type) {
            (Self::Display, _) => Self::Display,
            (_, Some(text)) if is_reference(text) => Self::Relations(code(namespace, key)),
            (_, Some(_)) => Self::Other,
            (found, None) => found,
        }
    }

    fn named(namespace: &str, key: &str) -> Self {
        let is_list = namespace.ends_with("product_recommendation") || key.ends_with("products");
        if key == DISPLAY {
            Self::Display
        } else if is_list {
            Self::Relations(code(namespace, key))
        } else {
            Self::Other
        }
    }
}

fn is_reference(of_type: &str) -> bool {
    let of_type = of_type.strip_prefix("list.").unwrap_or(of_type);
    matches!(of_type, "product_reference" | "variant_reference")
}

fn code(namespace: &str, key: &str) -> String {
    match namespace {
        DISCOVERY => format!("shopify:{key}"),
        other => format!("shopify:{other}.{key}"),
    }
}

/// The products that a value lists: handles between `;`, `,` or line breaks, none of which a handle
/// can hold, or a JSON array of GIDs. `None` if it begins like an array and is none, and if there are
/// more than [`TARGETS_MAX`].
pub(super) fn targets(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let text = text.trim();
    // Counted first: parsed, each item takes many times the room of its text.
    let separators = text.bytes().filter(|byte| SEPARATORS.contains(&char::from(*byte))).count();
    if separators >= TARGETS_MAX {
        return None;
    }
    if text.starts_with('[') {
        let items: Vec<Value> = serde_json::from_str(text).ok()?;
        return items.iter().map(|item| Some(Cow::Owned(scalar(item)?.into_owned()))).collect();
    }
    let handles = text.split(SEPARATORS).map(str::trim);
    Some(handles.filter(|handle| !handle.is_empty()).map(Cow::Borrowed).collect())
}

#[cfg(test)]
mod tests {
    use super::{Metafield, TARGETS_MAX, targets};

    fn relations(code: &str) -> Option<Metafield> {
        Some(Metafield::Relations(code.to_owned()))
    }

    #[test]
    fn a_column_is_known_by_its_metafield_whatever_its_label() {
        let related =
            "product.metafields.shopify--discovery--product_recommendation.related_products";
        for label in ["{}", "Related products ({})", "Sản phẩm bổ sung ({})", "Ähnlich (x) ({})"]
        {
            let column = label.replace("{}", related);
            assert_eq!(Metafield::of_column(&column), relations("shopify:related_products"));
        }
        let check = |name: &str, expected| {
            assert_eq!(Metafield::of_column(&format!("X (product.metafields.{name})")), expected);
        };
        let globo = "globo--filter--product_recommendation.bought_together_products";
        check(globo, relations(&format!("shopify:{globo}")));
        check("custom.matching_products", relations("shopify:custom.matching_products"));
        check(
            "shopify--discovery--product_recommendation.related_products_display",
            Some(Metafield::Display),
        );
        check("shopify.color-pattern", Some(Metafield::Other));
        check("nothing", None);
        assert_eq!(Metafield::of_column("Title"), None);
    }

    #[test]
    fn a_type_decides_where_it_is_said() {
        let of = |of_type| Metafield::typed("custom", "fits", of_type);
        assert_eq!(Some(of(Some("list.product_reference"))), relations("shopify:custom.fits"));
        assert_eq!(Some(of(Some("variant_reference"))), relations("shopify:custom.fits"));
        assert_eq!(of(Some("single_line_text_field")), Metafield::Other);
        assert_eq!(of(None), Metafield::Other);
        let text = Metafield::typed("custom", "products", Some("number_integer"));
        assert_eq!(text, Metafield::Other);
    }

    #[test]
    fn a_cell_lists_handles_or_gids() {
        let check = |text: &str, expected: &[&str]| assert_eq!(targets(text).unwrap(), expected);
        check("", &[]);
        check("a", &["a"]);
        check("a; b;;c ", &["a", "b", "c"]);
        check("a, b\nc\r\nd", &["a", "b", "c", "d"]);
        check("[]", &[]);
        check(" [\"gid://shopify/Product/1\", 2]", &["gid://shopify/Product/1", "2"]);
        assert_eq!(targets("[1"), None);
        assert_eq!(targets("[{}]"), None);
        let many = |count: usize| vec!["1"; count].join(",");
        for text in [many(TARGETS_MAX), format!("[{}]", many(TARGETS_MAX))] {
            assert_eq!(targets(&text).unwrap().len(), TARGETS_MAX);
        }
        for text in [many(TARGETS_MAX + 1), format!("[{}]", many(TARGETS_MAX + 1))] {
            assert_eq!(targets(&text), None);
        }
    }
}
