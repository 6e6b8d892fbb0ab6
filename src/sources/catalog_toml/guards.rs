//! `[guards]`: each guard's limits as shares from 0 to 1, of the whole catalog (`shrink`) and of a
//! source, market or category (`shrink_group`); `group_min` and `churn_top`.

use toml::{Spanned, Value};

use super::{Check, Document, SourceError};
use crate::model::{
    guard::{Guard, GuardLimit, GuardLimits, Share},
    limits::RELATIONS_PER_TYPE_MAX,
    text::shown,
};

impl Check<'_> {
    pub(super) fn guards(self, document: &Document) -> Result<GuardLimits, SourceError> {
        let mut limits = GuardLimits::DEFAULT;
        for (key, value) in &document.guards {
            match key.as_ref().as_str() {
                "group_min" => limits.group_min = self.count(value, 1_000_000)?,
                "churn_top" => {
                    let top = self.count(value, RELATIONS_PER_TYPE_MAX as u64)?;
                    limits.churn_top = usize::try_from(top).unwrap_or(RELATIONS_PER_TYPE_MAX);
                }
                name => {
                    let (code, is_group) =
                        name.strip_suffix("_group").map_or((name, false), |code| (code, true));
                    let guard = Guard::from_code(code);
                    // Overrides are counted in one sum.
                    let guard = guard.filter(|guard| !is_group || *guard != Guard::Overrides);
                    let guard = guard.ok_or_else(|| self.unexpected(key, &known_keys()))?;
                    let share = self.share(value)?;
                    let GuardLimit { whole, group } = limits.of(guard);
                    limits = limits.with(
                        guard,
                        match is_group {
                            true => GuardLimit { whole, group: share },
                            false => GuardLimit { whole: share, group },
                        },
                    );
                }
            }
        }
        Ok(limits)
    }

    fn share(self, value: &Spanned<Value>) -> Result<Share, SourceError> {
        let number = match value.as_ref() {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Value::String(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_)
            | Value::Table(_) => None,
        };
        number.and_then(Share::new).ok_or_else(|| {
            let found = self.written(value);
            let message =
                format!("expected a share from 0 to 1 (1 lets everything pass), found `{found}`");
            self.error(value.span(), message)
        })
    }

    fn written(self, value: &Spanned<Value>) -> String {
        shown(self.text.get(value.span()).unwrap_or_default()).into_owned()
    }

    fn count(self, value: &Spanned<Value>, max: u64) -> Result<u64, SourceError> {
        let count = value.as_ref().as_integer().and_then(|count| u64::try_from(count).ok());
        count.filter(|count| (1..=max).contains(count)).ok_or_else(|| {
            let found = self.written(value);
            let message = format!("expected a number from 1 to {max}, found `{found}`");
            self.error(value.span(), message)
        })
    }
}

fn known_keys() -> String {
    let codes = Guard::ALL.map(Guard::code).join("`, `");
    format!("one of `{codes}`, one of them with `_group`, `group_min` or `churn_top`")
}
