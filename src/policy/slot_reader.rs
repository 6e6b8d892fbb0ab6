//! Reads how a list is filled: the tables of placements and stages.

use super::{
    document::{FilterDoc, MixDoc, PlacementDoc, SlotDoc, StageSlots, Step},
    error::Fault,
    names::Noun,
    reader::{Name, Reader, Table, Value},
};
use crate::model::{
    limits::{
        CATEGORY_DEPTH_MAX, CATEGORY_PATH_BYTES_MAX, FALLBACK_STEPS_MAX, FILTER_VALUES_MAX,
        ID_BYTES_MAX, RELATION_TYPES_PER_REQUEST_MAX, RESULTS_MAX,
    },
    relation::{Availability, Stage},
    score,
    selection::{
        Diversity, Filter, PriceCondition, RATIO_MAX, SeedMatch, VariantResolution, ratio_ppm,
    },
    text::shown,
};

/// What may stand in a table that says how a list is filled.
pub(super) const SLOT_KEYS: [&str; 8] = [
    "mix",
    "max_results",
    "min_score",
    "filter",
    "fallback",
    "diversity",
    "variant_resolution",
    "rotate",
];

/// One of `[[placements]]`.
pub(super) fn placement(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<PlacementDoc> {
    let table = reader.table(value, &[["id", "stages"].as_slice(), &SLOT_KEYS].concat())?;
    let id = reader.required(table, "id", |reader, value| reader.id(value));
    let base = keys(reader, table);
    let stages = reader.optional(table, "stages", stages).unwrap_or_default();
    Some(PlacementDoc { id: id?, base, stages })
}

/// `stages`: a table by stage.
pub(super) fn stages(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<StageSlots> {
    let table = reader.table(value, &Stage::ALL.map(Stage::code))?;
    let slot = |stage: Stage| {
        reader.optional(table, stage.code(), |reader, value| {
            let table = reader.table(value, &SLOT_KEYS)?;
            Some(keys(reader, table))
        })
    };
    Some(Stage::ALL.map(slot))
}

fn keys(reader: &mut Reader<'_>, table: Table<'_>) -> SlotDoc {
    let results = 1..=RESULTS_MAX;
    SlotDoc {
        mix: reader.optional(table, "mix", mix),
        max_results: reader.optional(table, "max_results", |r, value| r.count(value, results)),
        min_score: reader.optional(table, "min_score", |r, value| {
            #[expect(clippy::cast_possible_truncation, reason = "scores are shown as f32")]
            let quantize = |share: f64| score::quantize(share as f32);
            r.number(value, 0.0..=1.0).map(quantize)
        }),
        filter: reader.optional(table, "filter", filter),
        fallback: reader.optional(table, "fallback", fallback),
        diversity: reader.optional(table, "diversity", diversity),
        variant_resolution: reader.optional(table, "variant_resolution", |r, value| {
            r.word(value, &VariantResolution::ALL.map(|way| (way.code(), way)))
        }),
        rotate: reader.optional(table, "rotate", rotate),
    }
}

fn mix(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<MixDoc>> {
    let limit = (RELATION_TYPES_PER_REQUEST_MAX, "types in a mix");
    let mut seen: Vec<Name> = Vec::new();
    reader.items(value, limit, |reader, value| {
        let table = reader.table(value, &["type", "weight", "max_results"])?;
        let relation_type = reader.required(table, "type", |reader, value| {
            let name = reader.id(value)?;
            if let Some(first) = seen.iter().find(|earlier| earlier.text == name.text) {
                let (found, first) = (shown(&name.text).into_owned(), first.place.line);
                reader.fault_at(name.place, Fault::Duplicate { noun: "type", found, first });
            }
            seen.push(name.clone());
            Some(name)
        });
        let weight = reader.optional(table, "weight", |r, value| r.number(value, 0.001..=1.0));
        let max_results = reader.optional(table, "max_results", |reader, value| {
            reader.count(value, 1..=RESULTS_MAX).and_then(|count| u32::try_from(count).ok())
        });
        let weight = thousandths(weight.unwrap_or(1.0));
        Some(MixDoc { relation_type: relation_type?, weight, max_results })
    })
}

/// A factor from 0 to 65 in thousandths, rounded.
pub(super) fn thousandths(factor: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of u16"
    )]
    {
        (factor * 1_000.0).round().clamp(0.0, 65_535.0) as u16
    }
}

fn rotate(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<u32> {
    let pool = reader.count(value, 0..=RESULTS_MAX)?;
    if pool == 1 {
        let expected = format!("0 for no rotation, or a number from 2 to {RESULTS_MAX}");
        reader.bad_value(value, expected, "1");
        return None;
    }
    u32::try_from(pool).ok()
}

fn diversity(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Diversity> {
    const KEYS: [&str; 3] = ["max_per_brand", "max_per_category", "max_per_variant_group"];
    let table = reader.table(value, &KEYS)?;
    let [max_per_brand, max_per_category, max_per_variant_group] = KEYS.map(|key| {
        let bound = reader.optional(table, key, |r, value| r.count(value, 0..=RESULTS_MAX));
        bound.and_then(|bound| u32::try_from(bound).ok()).unwrap_or(0)
    });
    Some(Diversity { max_per_brand, max_per_category, max_per_variant_group })
}

fn fallback(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<Step>> {
    let limit = (FALLBACK_STEPS_MAX, "fallback steps");
    let mut is_at_end = false;
    reader.items(value, limit, |reader, value| {
        if is_at_end {
            let expected = "the step `placement` to stand last, as it goes on with another chain";
            let fault =
                Fault::Conflict { expected: expected.to_owned(), found: "a step behind it".into() };
            reader.fault(value.span().start, fault);
        }
        let step = step(reader, value)?;
        is_at_end = matches!(step, Step::Placement(_));
        Some(step)
    })
}

fn step(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Step> {
    const KEYS: [&str; 6] = [
        "type",
        "category_popular",
        "via_alternatives",
        "variant_group",
        "popular_in",
        "placement",
    ];
    let table = reader.table(value, &KEYS)?;
    let key = table.first_of(&KEYS);
    if key.is_none() || table.key_count() > 1 {
        let expected = format!("one key of `{}`", KEYS.join("`, `"));
        let found = format!("{}", table.key_count());
        reader.fault(table.offset(), Fault::Conflict { expected, found });
        return None;
    }
    let key = key?;
    reader.optional(table, key, |reader, value| match key {
        "type" => reader.id(value).map(Step::RelationType),
        "placement" => reader.id(value).map(Step::Placement),
        "popular_in" => {
            let name = reader.name(value, CATEGORY_PATH_BYTES_MAX)?;
            let is_everywhere = name.text == "*";
            Some(if is_everywhere { Step::EverywherePopular } else { Step::PopularIn(name) })
        }
        "category_popular" => reader.yes(value).map(|()| Step::CategoryPopular),
        "via_alternatives" => reader.yes(value).map(|()| Step::ViaAlternatives),
        _ => reader.yes(value).map(|()| Step::VariantGroup),
    })
}

fn filter(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<FilterDoc> {
    const KEYS: [&str; 10] = [
        "availabilities",
        "price",
        "brand",
        "category",
        "brand_ids",
        "category_ids",
        "any_tags",
        "none_tags",
        "min_eco_grade",
        "category_level",
    ];
    let table = reader.table(value, &KEYS)?;
    let mut names = Vec::new();
    let mut list = |reader: &mut Reader<'_>, key, noun, bytes_max| {
        let list = reader.optional(table, key, |reader, value| {
            let limit = (FILTER_VALUES_MAX, "values");
            reader.items(value, limit, |reader, value| reader.name(value, bytes_max))
        });
        let list = list.unwrap_or_default();
        let texts = list.iter().map(|name| name.text.clone()).collect();
        names.extend(list.into_iter().map(|name| (noun, name)));
        texts
    };
    let small = |reader: &mut Reader<'_>, key, max| {
        let number = reader.optional(table, key, |reader, value| reader.count(value, 0..=max));
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or(0)
    };
    let filter = Filter {
        availabilities: reader
            .optional(table, "availabilities", availabilities)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        price: reader.optional(table, "price", price).unwrap_or_default(),
        brand: reader.optional(table, "brand", seed_match).unwrap_or_default(),
        category: reader.optional(table, "category", seed_match).unwrap_or_default(),
        brand_ids: list(reader, "brand_ids", Noun::Brand, ID_BYTES_MAX),
        category_ids: list(reader, "category_ids", Noun::Category, CATEGORY_PATH_BYTES_MAX),
        any_tags: list(reader, "any_tags", Noun::Tag, ID_BYTES_MAX),
        none_tags: list(reader, "none_tags", Noun::Tag, ID_BYTES_MAX),
        min_eco_grade: small(reader, "min_eco_grade", 5),
        category_level: small(reader, "category_level", CATEGORY_DEPTH_MAX),
    };
    Some(FilterDoc { filter, names })
}

/// Withdrawn products are never shown, so that `discontinued` is no word here.
fn availabilities(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<Availability>> {
    let words: Vec<(&str, Availability)> = Availability::ALL
        .into_iter()
        .filter(|state| *state != Availability::Discontinued)
        .map(|state| (state.code(), state))
        .collect();
    let limit = (FILTER_VALUES_MAX, "values");
    reader.items(value, limit, |reader, value| reader.word(value, &words))
}

fn seed_match(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<SeedMatch> {
    let words = [("same", SeedMatch::Same), ("different", SeedMatch::Different)];
    reader.word(value, &words)
}

fn price(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<PriceCondition> {
    const KEYS: [&str; 4] =
        ["min_minor_units", "max_minor_units", "min_seed_ratio", "max_seed_ratio"];
    let table = reader.table(value, &KEYS)?;
    let [min_minor, max_minor, min_ratio, max_ratio] = KEYS;
    let mut amount =
        |key| reader.optional(table, key, |reader, value| reader.integer(value, 0..=i64::MAX));
    let (min_minor, max_minor) = (amount(min_minor), amount(max_minor));
    let mut ratio = |key| {
        reader.optional(table, key, |r, value| r.number(value, 0.0..=RATIO_MAX)).and_then(ratio_ppm)
    };
    let (min_seed_ppm, max_seed_ppm) = (ratio(min_ratio), ratio(max_ratio));
    let is_empty = |min: Option<u64>, max: Option<u64>| min.zip(max).is_some_and(|(a, b)| a > b);
    let unsigned = |amount: Option<i64>| amount.and_then(|amount| u64::try_from(amount).ok());
    let ends = [
        (KEYS[0], KEYS[1], is_empty(unsigned(min_minor), unsigned(max_minor))),
        (KEYS[2], KEYS[3], is_empty(min_seed_ppm, max_seed_ppm)),
    ];
    for (min, max, _) in ends.into_iter().filter(|(_, _, is_empty)| *is_empty) {
        let expected = format!("`{min}` to be at most `{max}`");
        let offset = table.value(max).map_or(table.offset(), |value| value.span().start);
        reader.fault(offset, Fault::Conflict { expected, found: "a larger one".to_owned() });
    }
    Some(PriceCondition { min_minor, max_minor, min_seed_ppm, max_seed_ppm })
}
