//! Requests and outcomes that own what they name, so that a test can compare them.
//!
//! A request in text form: `cross_sell,up_sell: a b*2 #Phones -x max=3 min=0.5` asks for two types and
//! two units of `b` and the category `Phones`, and excludes `x`. More words: `place=` placement, `in=`
//! market, `from=` inventory, `at=` stage, `t=` instant, `by=` visitor, `as=` variant resolution,
//! `accept=`, `price=`, `ratio=`, `brand=`, `category=`, `level=`, `brands=`, `within=`, `any=`,
//! `none=`, `eco=` of the filter, `most=brand/category/group` of diversity, `then=` fallback steps.

use super::{
    shop::{Shop, type_of},
    world::World,
};
use crate::{
    index::View,
    lookup::{
        Context, FallbackAsk, FillReport, Interval, Page, Plan, PlanError, Query, QuerySeed,
        ScoreThreshold, Scratch, answer,
    },
    model::{
        relation::{Availability, RelationType, Stage},
        selection::{Diversity, FallbackStep, Filter, SeedMatch, VariantResolution, ratio_ppm},
    },
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) types: Vec<RelationType>,
    /// Products, or categories after `#`.
    pub(crate) seeds: Vec<(String, f64)>,
    pub(crate) exclude: Vec<String>,
    /// 0 is not set.
    pub(crate) max: usize,
    pub(crate) min: Option<f32>,
    pub(crate) placement: Option<String>,
    pub(crate) market: u32,
    pub(crate) inventory: u32,
    pub(crate) stage: Option<Stage>,
    pub(crate) at_s: i64,
    pub(crate) visitor: String,
    pub(crate) resolution: Option<VariantResolution>,
    pub(crate) filter: Option<Filter>,
    pub(crate) diversity: Option<Diversity>,
    pub(crate) fallback: FallbackAsk,
}

impl Request {
    pub(crate) fn parse(text: &str) -> Self {
        let (types, rest) = text.split_once(':').unwrap();
        let types = types.split(',').filter(|code| !code.is_empty());
        let types = types.map(|code| type_of(code).expect(code)).collect();
        let mut request = Self { types, ..Self::default() };
        for word in rest.split_whitespace() {
            if let Some(id) = word.strip_prefix('-') {
                request.exclude.push(id.to_owned());
            } else if let Some((key, value)) = word.split_once('=') {
                request.set(key, value);
            } else {
                let (id, quantity) = word.split_once('*').unwrap_or((word, "1"));
                request.seeds.push((id.to_owned(), quantity.parse().unwrap()));
            }
        }
        request
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "max" => self.max = value.parse().unwrap(),
            "min" => self.min = Some(value.parse().unwrap()),
            "place" => self.placement = Some(value.to_owned()),
            "in" => self.market = u32::from(value == "us"),
            "from" => self.inventory = u32::from(value == "store"),
            "at" => self.stage = Some(Stage::from_code(value).unwrap()),
            "t" => self.at_s = value.parse().unwrap(),
            "by" => self.visitor = value.to_owned(),
            "as" => self.resolution = Some(VariantResolution::from_code(value).unwrap()),
            "most" => {
                let mut bounds = value.split('/').map(|bound| bound.parse().unwrap());
                self.diversity = Some(Diversity {
                    max_per_brand: bounds.next().unwrap(),
                    max_per_category: bounds.next().unwrap(),
                    max_per_variant_group: bounds.next().unwrap(),
                });
            }
            "then" => {
                let steps = value.split(',').filter(|step| !step.is_empty()).map(step);
                self.fallback = FallbackAsk::Steps(steps.collect());
            }
            _ => self.set_filter(key, value),
        }
    }

    fn set_filter(&mut self, key: &str, value: &str) {
        let filter = self.filter.get_or_insert_default();
        let ends = value.split_once("..").unwrap_or_default();
        let words = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
        let matching = || if value == "same" { SeedMatch::Same } else { SeedMatch::Different };
        match key {
            "accept" => {
                let states = value.split(',').filter_map(Availability::from_code);
                filter.availabilities = states.collect();
            }
            "price" => {
                filter.price.min_minor = ends.0.parse().ok();
                filter.price.max_minor = ends.1.parse().ok();
            }
            "ratio" => {
                let ppm = |end: &str| end.parse().ok().and_then(ratio_ppm);
                filter.price.min_seed_ppm = ppm(ends.0);
                filter.price.max_seed_ppm = ppm(ends.1);
            }
            "brand" => filter.brand = matching(),
            "category" => filter.category = matching(),
            "level" => filter.category_level = value.parse().unwrap(),
            "brands" => filter.brand_ids = words(),
            "within" => filter.category_ids = words(),
            "any" => filter.any_tags = words(),
            "none" => filter.none_tags = words(),
            "eco" => filter.min_eco_grade = value.parse().unwrap(),
            _ => panic!("{key}={value}"),
        }
    }

    pub(crate) fn query(&self) -> Query<'_> {
        let seeds = self.seeds.iter().map(|(id, quantity)| match id.strip_prefix('#') {
            Some(category) => QuerySeed::category(category, *quantity),
            None => QuerySeed::product(id, *quantity),
        });
        Query {
            placement: self.placement.as_deref(),
            exclude: &self.exclude,
            min_score: self.min.map(|min| ScoreThreshold::new(min).unwrap()),
            variant_resolution: self.resolution,
            filter: self.filter.clone(),
            diversity: self.diversity,
            fallback: self.fallback.clone(),
            ..Query::new(self.types.iter().copied(), seeds).with_max_results(self.max)
        }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            market: self.market,
            inventory: self.inventory,
            stage: self.stage,
            visitor: &self.visitor,
            at_s: self.at_s,
            is_as_of: false,
        }
    }
}

fn step(text: &str) -> FallbackStep {
    match text {
        "category" => FallbackStep::CategoryPopular,
        "alternatives" => FallbackStep::ViaAlternatives,
        "group" => FallbackStep::VariantGroup,
        "#*" => FallbackStep::PopularIn(None),
        _ => match text.strip_prefix('#') {
            Some(id) => FallbackStep::PopularIn(Some(id.to_owned())),
            None => FallbackStep::RelationType(type_of(text).expect(text)),
        },
    }
}

/// An answer by ids and positions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) picks: Vec<Pick>,
    /// Positions of unknown seeds.
    pub(crate) missing: Vec<usize>,
    pub(crate) report: FillReport,
    pub(crate) interval: Interval,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    pub(crate) id: String,
    pub(crate) relation_type: u8,
    pub(crate) origin: u8,
    pub(crate) score: u16,
    pub(crate) quantity: f64,
    pub(crate) seeds: Vec<usize>,
    pub(crate) valid_to_s: i64,
    pub(crate) fallback_step: u8,
}

impl Outcome {
    pub(crate) fn of(
        world: &World,
        request: &Request,
        page: &mut Page,
        scratch: &mut Scratch,
    ) -> Result<Self, PlanError> {
        let (scene, query, context) = (world.scene(), request.query(), request.context());
        let plan = Plan::new(&scene, &context, &query)?;
        let answer = answer(&scene, &context, &query, &plan, page, scratch);
        Ok(Self {
            picks: answer.picks.iter().map(|pick| Pick::of(&scene.view, pick)).collect(),
            missing: bits(answer.missing),
            report: answer.report,
            interval: answer.interval,
        })
    }
}

impl Pick {
    pub(crate) fn of(view: &View<'_>, pick: &crate::lookup::Pick) -> Self {
        Self {
            id: view.id(pick.product).to_owned(),
            relation_type: pick.relation_type,
            origin: pick.origin,
            score: pick.score,
            quantity: pick.quantity,
            seeds: bits(pick.seeds),
            valid_to_s: pick.valid_to_s,
            fallback_step: pick.fallback_step,
        }
    }
}

fn bits(mask: u64) -> Vec<usize> {
    (0..64).filter(|bit| mask >> bit & 1 == 1).collect()
}

/// Asks a shop, both in text form.
#[track_caller]
pub(crate) fn ask(shop: &str, request: &str) -> Outcome {
    ask_world(&World::parse(shop), request)
}

#[track_caller]
pub(crate) fn ask_shop(shop: &Shop, request: &str) -> Outcome {
    ask_world(&World::of(shop, &[], &[]), request)
}

#[track_caller]
pub(crate) fn ask_world(world: &World, request: &str) -> Outcome {
    let request = Request::parse(request);
    Outcome::of(world, &request, &mut Page::default(), &mut Scratch::default()).unwrap()
}

/// The ids that are recommended, best first.
pub(crate) fn ids(outcome: &Outcome) -> Vec<&str> {
    outcome.picks.iter().map(|pick| &*pick.id).collect()
}
