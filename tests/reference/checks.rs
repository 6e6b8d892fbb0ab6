//! Which reason removes a candidate, and which instants were looked at on the way.

use std::collections::BTreeSet;

use kindred::model::{
    relation::Availability,
    selection::{Filter, PriceCondition, SeedMatch, VariantResolution},
};

use crate::{
    answer::Lookup,
    runs::{Known, Link},
    world::{Action, Deed, Rule, is_below},
};

/// Why a candidate is in no list, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    Blocked,
    Hidden,
    Overridden,
    SameGroup,
    Excluded,
    Market,
    Validity,
    Stage,
    Filter,
    Unavailable,
    Score,
    Rule,
    OnPage,
    Diversity,
}

impl Reason {
    pub(crate) const ALL: [Self; 14] = [
        Self::Blocked,
        Self::Hidden,
        Self::Overridden,
        Self::SameGroup,
        Self::Excluded,
        Self::Market,
        Self::Validity,
        Self::Stage,
        Self::Filter,
        Self::Unavailable,
        Self::Score,
        Self::Rule,
        Self::OnPage,
        Self::Diversity,
    ];
}

/// Where a candidate came from.
#[derive(Clone, Copy)]
pub(crate) enum From<'a> {
    /// A relation or a place in a popular list, with the known product if there is one.
    Link(&'a Link, Option<&'a Known>),
    /// A pin, with the source of an override's.
    Pin(Option<&'a str>),
}

impl Lookup<'_> {
    /// Reasons 1 to 10.
    pub(crate) fn removed_by_itself(
        &mut self,
        linked: &str,
        shown: Option<&str>,
        from: From<'_>,
    ) -> Option<Reason> {
        let is_unsellable = shown.is_none();
        let shown = shown.unwrap_or(linked);
        let both = BTreeSet::from([linked, shown]);
        let (link, seed) = match from {
            From::Link(link, known) => (Some(link), known.map(|known| known.key.as_str())),
            From::Pin(_) => (None, None),
        };

        let mut is_blocked = false;
        for product in &both {
            is_blocked |= self.is_blocked(product);
        }
        if is_blocked {
            return Some(Reason::Blocked);
        }
        let is_withdrawn = |product: &&str| self.state(product) == Availability::Discontinued;
        if both.iter().any(is_withdrawn) || self.world.is_hidden(linked) {
            return Some(Reason::Hidden);
        }
        let hiding = match from {
            From::Link(..) => seed,
            From::Pin(source) => source,
        };
        let is_hidden_for = self.is_hidden_for(&both, hiding);
        if is_hidden_for || link.is_some_and(|link| link.is_removed) {
            return Some(Reason::Overridden);
        }
        if self.own.contains(&self.world.root(shown)) {
            return Some(Reason::SameGroup);
        }
        if both.iter().any(|product| self.excluded.contains(*product)) {
            return Some(Reason::Excluded);
        }
        let is_sold = self.world.product(shown).assortment.contains(&self.market);
        if !is_sold || link.is_some_and(|link| !self.is_for_market(link)) {
            return Some(Reason::Market);
        }
        if let Some(link) = link {
            self.meet(link.window.edges());
            if !link.window.contains(self.at_s) {
                return Some(Reason::Validity);
            }
            if let Some(stage) = self.stage
                && !link.stages.is_empty()
                && !link.stages.contains(&stage)
            {
                return Some(Reason::Stage);
            }
        }
        if !self.passes_filter(shown, seed) {
            return Some(Reason::Filter);
        }
        (is_unsellable || !self.is_available(shown)).then_some(Reason::Unavailable)
    }

    pub(crate) fn is_for_market(&self, link: &Link) -> bool {
        link.markets.is_empty() || link.markets.contains(&self.market)
    }

    pub(crate) fn meet(&mut self, edges: impl Iterator<Item = i64>) {
        self.edges.extend(edges);
    }

    /// Looks at all blocks of a product.
    fn is_blocked(&mut self, product: &str) -> bool {
        let blocks = self.told.blocks(product, &self.market);
        self.meet(blocks.iter().flatten().copied());
        blocks.iter().any(|expire_s| expire_s.is_none_or(|expire_s| self.at_s < expire_s))
    }

    fn state(&self, product: &str) -> Availability {
        self.told.state(product, &self.inventory)
    }

    /// Looks at all `hide`s of the products, for a source and those above it, and everywhere.
    fn is_hidden_for(&mut self, products: &BTreeSet<&str>, source: Option<&str>) -> bool {
        let lineage = source.map_or(Vec::new(), |source| self.world.lineage(source));
        let hides = self.overrides.iter().filter(|bound| {
            let is_for = bound.source.as_ref().is_none_or(|source| lineage.contains(source));
            let is_of = products.contains(bound.target.as_str());
            bound.row.deed == Deed::Hide && is_for && is_of && bound.row.names(&self.market)
        });
        let windows = hides.map(|bound| bound.row.window).collect::<Vec<_>>();
        self.meet(windows.iter().flat_map(|window| window.edges()));
        let is_hidden = windows.iter().any(|window| window.contains(self.at_s));
        if is_hidden {
            self.tally.count("override hide");
        }
        is_hidden
    }

    /// The first leaf that can be bought; looks at the blocks of each that it comes to.
    fn sellable_leaf(&mut self, product: &str) -> Option<String> {
        for leaf in self.world.leaves(product).into_iter().take(256) {
            let is_blocked = self.is_blocked(&leaf);
            let is_sold = self.world.product(&leaf).assortment.contains(&self.market);
            if !is_blocked && is_sold && self.is_accepted(&leaf) {
                return Some(leaf);
            }
        }
        None
    }

    /// Is the state of a product in the set?
    fn is_accepted(&self, product: &str) -> bool {
        let state = self.state(product);
        let set = self.plan.filter.availabilities.states().collect::<Vec<_>>();
        match set.as_slice() {
            [] => matches!(state, Availability::InStock | Availability::LowStock),
            set => set.contains(&state) && state != Availability::Discontinued,
        }
    }

    fn is_available(&mut self, product: &str) -> bool {
        if !self.is_accepted(product) {
            return false;
        }
        self.world.variants(product).is_empty() || self.sellable_leaf(product).is_some()
    }

    /// The product that is shown for a linked one.
    pub(crate) fn resolve(&mut self, linked: &str) -> Option<String> {
        match self.plan.resolution {
            VariantResolution::AsLinked => Some(linked.to_owned()),
            VariantResolution::Parent => Some(self.world.root(linked)),
            VariantResolution::SellableVariant if self.world.variants(linked).is_empty() => {
                Some(linked.to_owned())
            }
            VariantResolution::SellableVariant => self.sellable_leaf(linked),
        }
    }

    fn passes_filter(&self, shown: &str, seed: Option<&str>) -> bool {
        let filter = &self.plan.filter;
        let product = self.world.product(shown);
        let price_holds = self.passes_price(&filter.price, shown, seed);
        let seed_holds = seed.is_none_or(|seed| {
            let of_seed = self.world.product(seed);
            let at_level = |categories: &[String]| {
                categories.first().map(|category| cut(category, filter.category_level))
            };
            let brands = (product.brand.clone(), of_seed.brand.clone());
            let categories = (at_level(&product.categories), at_level(&of_seed.categories));
            matches(filter.brand, brands) && matches(filter.category, categories)
        });
        price_holds && seed_holds && self.passes_lists(filter, shown)
    }

    fn passes_lists(&self, filter: &Filter, shown: &str) -> bool {
        let product = self.world.product(shown);
        let is_of_brand = filter.brand_ids.is_empty()
            || product.brand.as_ref().is_some_and(|brand| filter.brand_ids.contains(brand));
        let mut categories = filter.category_ids.iter();
        let is_of_category = filter.category_ids.is_empty()
            || categories.any(|category| self.world.is_within(shown, category));
        let has_any = |tags: &[String]| tags.iter().any(|tag| product.tags.contains(tag));
        let tags_hold = (filter.any_tags.is_empty() || has_any(&filter.any_tags))
            && !has_any(&filter.none_tags);
        let grade = filter.min_eco_grade;
        let grade_holds = grade == 0 || product.eco_grade.is_some_and(|own| own >= grade);
        is_of_brand && is_of_category && tags_hold && grade_holds
    }

    fn passes_price(&self, wanted: &PriceCondition, shown: &str, seed: Option<&str>) -> bool {
        let own = self.told.price(shown, &self.market).map(i128::from);
        let absolute = wanted.min_minor.is_none_or(|min| own.is_some_and(|own| own >= min.into()))
            && wanted.max_minor.is_none_or(|max| own.is_some_and(|own| own <= max.into()));
        let Some(seed) = seed else { return absolute };
        let of_seed = self.told.price(seed, &self.market).map(i128::from);
        let share = |ppm: Option<u64>, holds: fn(i128, i128) -> bool| match (ppm, own, of_seed) {
            (None, ..) => true,
            (Some(ppm), Some(own), Some(of_seed)) => {
                holds(own * 1_000_000, i128::from(ppm) * of_seed)
            }
            _ => false,
        };
        absolute
            && share(wanted.min_seed_ppm, |own, least| own >= least)
            && share(wanted.max_seed_ppm, |own, most| own <= most)
    }

    /// The rules whose conditions hold, now or at another time.
    pub(crate) fn find_rules(&mut self) {
        let rules = self.world.policy.rules.iter().filter(|rule| self.conditions_hold(rule));
        let rules = rules.collect::<Vec<_>>();
        self.meet(rules.iter().flat_map(|rule| rule.window.edges()));
        self.rules = rules.into_iter().filter(|rule| rule.window.contains(self.at_s)).collect();
    }

    fn conditions_hold(&self, rule: &Rule) -> bool {
        let placement = self.plan.placement.as_ref();
        let at_placement = rule.placements.is_empty()
            || placement.is_some_and(|placement| rule.placements.contains(placement));
        let at_stage = rule.stages.is_empty()
            || self.stage.is_some_and(|stage| rule.stages.contains(&stage));
        let in_market = rule.markets.is_empty() || rule.markets.contains(&self.market);
        let seeds = rule.seeds.iter().filter_map(|id| self.world.find(id)).collect::<Vec<_>>();
        let of_seed = rule.seeds.is_empty()
            || self.known.iter().any(|known| seeds.contains(&known.key));
        let is_in = |known: &Known| {
            let primary = self.world.product(&known.key).categories.first();
            let mut named = rule.seed_categories.iter();
            primary.is_some_and(|primary| named.any(|above| is_below(primary, above)))
        };
        let of_category = rule.seed_categories.is_empty() || self.known.iter().any(is_in);
        at_placement && at_stage && in_market && of_seed && of_category
    }

    pub(crate) fn matches(&self, rule: &Rule, linked: &str, shown: &str) -> bool {
        let product = self.world.product(shown);
        let is_named = |id: &String| {
            let key = self.world.find(id);
            key.is_some_and(|key| key == linked || key == shown)
        };
        let is_of = |brand: &String| product.brand.as_ref() == Some(brand);
        let mut categories = rule.categories.iter();
        (rule.products.is_empty() || rule.products.iter().any(is_named))
            && (rule.brands.is_empty() || rule.brands.iter().any(is_of))
            && (rule.categories.is_empty()
                || categories.any(|category| self.world.is_within(shown, category)))
            && (rule.tags.is_empty() || rule.tags.iter().any(|tag| product.tags.contains(tag)))
    }

    /// Reason 12.
    pub(crate) fn is_hidden_by_rule(&self, linked: &str, shown: &str) -> bool {
        let mut rules = self.rules.iter().filter(|rule| rule.action == Action::Hide);
        rules.any(|rule| self.matches(rule, linked, shown))
    }

    /// A score after the boosts and buries that match.
    pub(crate) fn ruled(&mut self, score: u16, linked: &str, shown: &str) -> u16 {
        let mut score = u64::from(score);
        for rule in self.rules.clone() {
            if let Action::Boost(milli) | Action::Bury(milli) = rule.action
                && self.matches(rule, linked, shown)
            {
                score = (score * milli / 1_000).min(65_535);
                self.tally.count(if milli > 1_000 { "rule boost" } else { "rule bury" });
            }
        }
        u16::try_from(score).unwrap()
    }
}

/// The category above one at a depth counted from 1; itself for 0 and for one that is deeper.
fn cut(category: &str, level: u8) -> String {
    let levels = category.split('/').collect::<Vec<_>>();
    match usize::from(level) {
        0 => category.to_owned(),
        level => levels[..level.min(levels.len())].join("/"),
    }
}

fn matches(wanted: SeedMatch, (own, of_seed): (Option<String>, Option<String>)) -> bool {
    let is_same = own.is_some() && own == of_seed;
    match wanted {
        SeedMatch::Any => true,
        SeedMatch::Same => is_same,
        SeedMatch::Different => !is_same,
    }
}
