//! Policies and overrides in the text forms that people write.

use std::fmt::Write as _;

use jiff::Timestamp;
use kindred::model::{
    relation::Stage,
    selection::{Diversity, Filter, SeedMatch},
};

use crate::world::{Action, Deed, Override, Policy, Rule, Slot, Step};

/// `placements.toml`.
pub(crate) fn placements_toml(policy: &Policy) -> String {
    let mut text = String::new();
    for placement in &policy.placements {
        writeln!(text, "[[placements]]\nid = {:?}", placement.id).unwrap();
        slot(&mut text, "placements", &placement.base);
        for (stage, own) in &placement.stages {
            let path = format!("placements.stages.{}", stage.code());
            writeln!(text, "[{path}]").unwrap();
            slot(&mut text, &path, own);
        }
    }
    for (stage, own) in &policy.stages {
        let path = format!("stages.{}", stage.code());
        writeln!(text, "[{path}]").unwrap();
        slot(&mut text, &path, own);
    }
    policy.rules.iter().for_each(|one| rule(&mut text, one));
    text
}

fn slot(text: &mut String, path: &str, slot: &Slot) {
    if let Some(max_results) = slot.max_results {
        writeln!(text, "max_results = {max_results}").unwrap();
    }
    if let Some(min_score) = slot.min_score {
        writeln!(text, "min_score = {min_score:?}").unwrap();
    }
    if let Some(resolution) = slot.resolution {
        writeln!(text, "variant_resolution = {:?}", resolution.code()).unwrap();
    }
    if let Some(rotate) = slot.rotate {
        writeln!(text, "rotate = {rotate}").unwrap();
    }
    if let Some(mix) = &slot.mix {
        let entries = mix.iter().map(|entry| {
            let cap = entry.max_results.map_or(String::new(), |cap| format!(", max_results = {cap}"));
            format!("{{ type = {:?}, weight = {}{cap} }}", entry.code, milli(entry.weight_milli))
        });
        writeln!(text, "mix = [{}]", entries.collect::<Vec<_>>().join(", ")).unwrap();
    }
    if let Some(steps) = &slot.fallback {
        let steps = steps.iter().map(|step| match step {
            Step::Type(code) => format!("{{ type = {code:?} }}"),
            Step::ViaAlternatives => "{ via_alternatives = true }".to_owned(),
            Step::VariantGroup => "{ variant_group = true }".to_owned(),
            Step::CategoryPopular => "{ category_popular = true }".to_owned(),
            Step::PopularIn(category) => format!("{{ popular_in = {category:?} }}"),
            Step::Placement(id) => format!("{{ placement = {id:?} }}"),
        });
        writeln!(text, "fallback = [{}]", steps.collect::<Vec<_>>().join(", ")).unwrap();
    }
    if let Some(conditions) = &slot.filter {
        writeln!(text, "[{path}.filter]").unwrap();
        filter(text, conditions);
    }
    if let Some(Diversity { max_per_brand, max_per_category, max_per_variant_group }) =
        slot.diversity
    {
        writeln!(text, "[{path}.diversity]").unwrap();
        let bounds = [
            ("max_per_brand", max_per_brand),
            ("max_per_category", max_per_category),
            ("max_per_variant_group", max_per_variant_group),
        ];
        for (name, bound) in bounds.iter().filter(|(_, bound)| *bound > 0) {
            writeln!(text, "{name} = {bound}").unwrap();
        }
    }
}

fn filter(text: &mut String, filter: &Filter) {
    if !filter.availabilities.is_empty() {
        let states = filter.availabilities.states().map(|state| state.code());
        writeln!(text, "availabilities = {:?}", states.collect::<Vec<_>>()).unwrap();
    }
    for (key, wanted) in [("brand", filter.brand), ("category", filter.category)] {
        match wanted {
            SeedMatch::Any => {}
            SeedMatch::Same => writeln!(text, "{key} = \"same\"").unwrap(),
            SeedMatch::Different => writeln!(text, "{key} = \"different\"").unwrap(),
        }
    }
    for (key, list) in [
        ("brand_ids", &filter.brand_ids),
        ("category_ids", &filter.category_ids),
        ("any_tags", &filter.any_tags),
        ("none_tags", &filter.none_tags),
    ] {
        if !list.is_empty() {
            writeln!(text, "{key} = {list:?}").unwrap();
        }
    }
    for (key, number) in
        [("min_eco_grade", filter.min_eco_grade), ("category_level", filter.category_level)]
    {
        if number > 0 {
            writeln!(text, "{key} = {number}").unwrap();
        }
    }
    let price = &filter.price;
    let minor = |name: &str, value: Option<i64>| value.map(|value| format!("{name} = {value}"));
    let ratio = |name: &str, ppm: Option<u64>| {
        ppm.map(|ppm| format!("{name} = {}.{:06}", ppm / 1_000_000, ppm % 1_000_000))
    };
    let ends = [
        minor("min_minor_units", price.min_minor),
        minor("max_minor_units", price.max_minor),
        ratio("min_seed_ratio", price.min_seed_ppm),
        ratio("max_seed_ratio", price.max_seed_ppm),
    ];
    let ends = ends.into_iter().flatten().collect::<Vec<_>>();
    if !ends.is_empty() {
        writeln!(text, "price = {{ {} }}", ends.join(", ")).unwrap();
    }
}

fn rule(text: &mut String, rule: &Rule) {
    writeln!(text, "[[rules]]\nid = {:?}", rule.id).unwrap();
    match rule.action {
        Action::Boost(factor) => {
            writeln!(text, "action = \"boost\"\nfactor = {}", milli(factor)).unwrap();
        }
        Action::Bury(factor) => {
            writeln!(text, "action = \"bury\"\nfactor = {}", milli(factor)).unwrap();
        }
        Action::Pin(position) => {
            writeln!(text, "action = \"pin\"\nposition = {position}").unwrap();
        }
        Action::Hide => writeln!(text, "action = \"hide\"").unwrap(),
    }
    let stages = rule.stages.iter().map(|stage| Stage::code(*stage).to_owned()).collect();
    for (key, list) in [
        ("products", &rule.products),
        ("brands", &rule.brands),
        ("categories", &rule.categories),
        ("tags", &rule.tags),
        ("placements", &rule.placements),
        ("stages", &stages),
        ("markets", &rule.markets),
        ("seeds", &rule.seeds),
        ("seed_categories", &rule.seed_categories),
    ] {
        if !list.is_empty() {
            writeln!(text, "{key} = {list:?}").unwrap();
        }
    }
    for (key, end) in [("valid_from", rule.window.from_s), ("valid_to", rule.window.to_s)] {
        if let Some(end) = end {
            writeln!(text, "{key} = \"{}\"", instant(end)).unwrap();
        }
    }
}

/// `overrides.csv`.
pub(crate) fn overrides_csv(rows: &[Override]) -> String {
    let mut text = "action,source,type,target,position,quantity,markets,valid_from,valid_to,author,\
                    reason\n"
        .to_owned();
    for row in rows {
        let (action, position, quantity) = match row.deed {
            Deed::Add { position, quantity } => ("add", position, quantity),
            Deed::Remove => ("remove", None, None),
            Deed::Reorder { position } => ("reorder", Some(position), None),
            Deed::Pin { position } => ("pin", Some(position), None),
            Deed::Hide => ("hide", None, None),
        };
        let number = |number: Option<String>| number.unwrap_or_default();
        let cells = [
            action.to_owned(),
            row.source.clone().unwrap_or_default(),
            row.relation_type.clone().unwrap_or_default(),
            row.target.clone(),
            number(position.map(|position| position.to_string())),
            number(quantity.map(|quantity| quantity.to_string())),
            row.markets.join("|"),
            number(row.window.from_s.map(instant)),
            number(row.window.to_s.map(instant)),
            "ann".to_owned(),
            "as she says".to_owned(),
        ];
        writeln!(text, "{}", cells.join(",")).unwrap();
    }
    text
}

/// Thousandths as a decimal.
fn milli(milli: u64) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}

fn instant(at_s: i64) -> String {
    Timestamp::from_second(at_s).unwrap().to_string()
}
