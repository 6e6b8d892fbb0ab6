//! Conditions on candidates.

use super::Violations;
use crate::{
    model::{
        limits::{CATEGORY_DEPTH_MAX, CATEGORY_PATH_BYTES_MAX, FILTER_VALUES_MAX, ID_BYTES_MAX},
        relation::Availability,
        selection::{AvailabilitySet, Filter, PriceCondition, RATIO_MAX, SeedMatch, ratio_ppm},
    },
    pb,
};

/// The best grade there is.
const ECO_GRADE_MAX: u8 = 5;

/// The filter of a lookup.
pub(super) fn filter(asked: &pb::Filter, violations: &mut Violations) -> Filter {
    let price = asked.price.as_ref().map(|price| self::price(price, violations));
    let lists = [
        ("lookup.filter.brand_ids", &asked.brand_ids, ID_BYTES_MAX),
        ("lookup.filter.category_ids", &asked.category_ids, CATEGORY_PATH_BYTES_MAX),
        ("lookup.filter.any_tags", &asked.any_tags, ID_BYTES_MAX),
        ("lookup.filter.none_tags", &asked.none_tags, ID_BYTES_MAX),
    ];
    for (field, values, bytes_max) in lists {
        check_values(field, values, bytes_max, violations);
    }
    let mut small = |field: &str, found: u32, most: u8| {
        u8::try_from(found).ok().filter(|found| *found <= most).unwrap_or_else(|| {
            violations.add(field, format!("expected 0 to {most}, found {found}"));
            0
        })
    };
    let min_eco_grade = small("lookup.filter.min_eco_grade", asked.min_eco_grade, ECO_GRADE_MAX);
    let depth_max = u8::try_from(CATEGORY_DEPTH_MAX).unwrap_or(u8::MAX);
    let category_level = small("lookup.filter.category_level", asked.category_level, depth_max);
    Filter {
        availabilities: availabilities(&asked.availabilities, violations),
        price: price.unwrap_or_default(),
        brand: seed_match("lookup.filter.brand", asked.brand, violations),
        category: seed_match("lookup.filter.category", asked.category, violations),
        brand_ids: asked.brand_ids.clone(),
        category_ids: asked.category_ids.clone(),
        any_tags: asked.any_tags.clone(),
        none_tags: asked.none_tags.clone(),
        min_eco_grade,
        category_level,
    }
}

fn availabilities(numbers: &[i32], violations: &mut Violations) -> AvailabilitySet {
    let field = "lookup.filter.availabilities";
    if is_too_long(field, numbers.len(), violations) {
        return AvailabilitySet::default();
    }
    let mut set = AvailabilitySet::default();
    for (index, number) in numbers.iter().enumerate() {
        match u8::try_from(*number).ok().and_then(Availability::new) {
            Some(state) => set = set.with(state),
            None => violations
                .add(format!("{field}[{index}]"), format!("expected a state, found {number}")),
        }
    }
    // Read as no state at all, it would let everything in stock pass.
    let withdrawn = Availability::Discontinued as i32;
    if !numbers.is_empty() && numbers.iter().all(|number| *number == withdrawn) {
        let description = "expected a state that answers may have, found only DISCONTINUED";
        violations.add(field, description);
    }
    set
}

fn price(asked: &pb::PriceCondition, violations: &mut Violations) -> PriceCondition {
    let mut ratio = |field: &str, ratio: Option<f32>| {
        let ratio = ratio?;
        let ppm = ratio_ppm(f64::from(ratio));
        if ppm.is_none() {
            let description = format!("expected 0 to {RATIO_MAX}, found {ratio}");
            violations.add(format!("lookup.filter.price.{field}"), description);
        }
        ppm
    };
    PriceCondition {
        min_minor: asked.min_minor_units,
        max_minor: asked.max_minor_units,
        min_seed_ppm: ratio("min_seed_ratio", asked.min_seed_ratio),
        max_seed_ppm: ratio("max_seed_ratio", asked.max_seed_ratio),
    }
}

fn seed_match(field: &str, number: i32, violations: &mut Violations) -> SeedMatch {
    match pb::SeedMatch::try_from(number) {
        Ok(pb::SeedMatch::Unspecified) => SeedMatch::Any,
        Ok(pb::SeedMatch::Same) => SeedMatch::Same,
        Ok(pb::SeedMatch::Different) => SeedMatch::Different,
        Err(_) => {
            violations.add(field, format!("expected a SeedMatch, found {number}"));
            SeedMatch::Any
        }
    }
}

fn check_values(field: &str, values: &[String], bytes_max: usize, violations: &mut Violations) {
    if is_too_long(field, values.len(), violations) {
        return;
    }
    for (index, value) in values.iter().enumerate() {
        if !(1..=bytes_max).contains(&value.len()) {
            let found = value.len();
            let description = format!("expected 1 to {bytes_max} bytes, found {found}");
            violations.add(format!("{field}[{index}]"), description);
        }
    }
}

fn is_too_long(field: &str, found: usize, violations: &mut Violations) -> bool {
    if found > FILTER_VALUES_MAX {
        let description = format!("expected at most {FILTER_VALUES_MAX} values, found {found}");
        violations.add(field, description);
    }
    found > FILTER_VALUES_MAX
}
