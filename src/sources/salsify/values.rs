//! Values of Salsify's properties: one, or a list of them.

use std::borrow::Cow;

use serde_json::Value;

use crate::sources::object::scalar;

/// The texts and numbers of a value, without empty ones.
pub(super) fn texts_of(value: Option<&Value>) -> Vec<Cow<'_, str>> {
    let values = values_of(value).iter();
    values.filter_map(scalar).filter(|text| !text.is_empty()).collect()
}

/// The first of the texts and numbers of a value, empty ones too.
pub(super) fn first_text(value: Option<&Value>) -> Option<Cow<'_, str>> {
    values_of(value).first().and_then(scalar)
}

/// The values of a property, or of a list of relations; null and nothing are none.
pub(super) fn values_of(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}
