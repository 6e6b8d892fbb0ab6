//! The value of one item, parsed with a bound on its values and an eye on keys that stand twice.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::model::limits::{FINDING_SAMPLES_MAX, JSON_VALUES_MAX};

/// What parsing an item says beside its value.
#[derive(Default)]
pub(super) struct Parsing {
    values: Cell<usize>,
    /// Keys that stand twice in an object, the first few.
    pub(super) twice: RefCell<Vec<String>>,
}

/// A value whose objects have each key once, or tell which not.
#[derive(Clone, Copy)]
pub(super) struct Parse<'a>(pub(super) &'a Parsing);

impl<'de> DeserializeSeed<'de> for Parse<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let count = self.0.values.get() + 1;
        self.0.values.set(count);
        if count > JSON_VALUES_MAX {
            return Err(D::Error::custom(format!(
                "more than {JSON_VALUES_MAX} values in one item"
            )));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parse<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            let mut twice = self.0.twice.borrow_mut();
            if map.contains_key(&key) && twice.len() < FINDING_SAMPLES_MAX {
                twice.push(key.clone());
            }
            drop(twice);
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
