//! `placements.toml`: placements, stage policy and rules as people write them, checked.
//!
//! A [`PolicyDoc`] that exists holds together in itself; whether a catalog knows its names is asked
//! by [`PolicyDoc::check_against`] and at binding.

use toml::de::DeTable;

use super::{
    Names, Window, chains,
    error::{Fault, Faults, PolicyErrors},
    names::{Noun, is_known},
    reader::{Name, Reader},
    rule_reader, slot_reader,
};
use crate::model::{
    limits::{PLACEMENTS_MAX, POLICY_BYTES_MAX, RULES_MAX},
    relation::{Stage, StageMask},
    selection::{Diversity, Filter, VariantResolution},
    text::{Place, shown},
};

/// What `placements.toml` says; the default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyDoc {
    pub(super) file: String,
    /// In the order of the file.
    pub(super) placements: Vec<PlacementDoc>,
    pub(super) stages: StageSlots,
    /// In the order of the file.
    pub(super) rules: Vec<RuleDoc>,
}

/// In the order of [`Stage::ALL`].
pub(super) type StageSlots = [Option<SlotDoc>; Stage::ALL.len()];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlacementDoc {
    pub(super) id: Name,
    pub(super) base: SlotDoc,
    pub(super) stages: StageSlots,
}

/// The keys that are set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SlotDoc {
    pub(super) mix: Option<Vec<MixDoc>>,
    pub(super) max_results: Option<usize>,
    pub(super) min_score: Option<u16>,
    pub(super) filter: Option<FilterDoc>,
    pub(super) fallback: Option<Vec<Step>>,
    pub(super) diversity: Option<Diversity>,
    pub(super) variant_resolution: Option<VariantResolution>,
    pub(super) rotate: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct MixDoc {
    pub(super) relation_type: Name,
    pub(super) weight: u16,
    pub(super) max_results: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct FilterDoc {
    pub(super) filter: Filter,
    /// The names in it, again, with their places.
    pub(super) names: Vec<(Noun, Name)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    RelationType(Name),
    CategoryPopular,
    ViaAlternatives,
    VariantGroup,
    PopularIn(Name),
    EverywherePopular,
    /// Goes on with the chain of this placement; always the last one.
    Placement(Name),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleDoc {
    pub(super) id: Name,
    pub(super) action: ActionDoc,
    pub(super) products: Vec<Name>,
    pub(super) brands: Vec<Name>,
    pub(super) categories: Vec<Name>,
    pub(super) tags: Vec<Name>,
    pub(super) placements: Vec<Name>,
    pub(super) stages: StageMask,
    pub(super) markets: Vec<Name>,
    pub(super) seeds: Vec<Name>,
    pub(super) seed_categories: Vec<Name>,
    pub(super) window: Window,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ActionDoc {
    Boost(u16),
    Bury(u16),
    Pin { position: u32 },
    Hide,
}

impl PolicyDoc {
    /// Reads and checks a text; `file` names it in errors.
    ///
    /// # Errors
    /// Every fault with line and column, the first [`POLICY_FAULTS_MAX`] of them in words.
    ///
    /// [`POLICY_FAULTS_MAX`]: crate::model::limits::POLICY_FAULTS_MAX
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyErrors> {
        let mut reader = Reader::new(text);
        let mut document = Self {
            file: file.to_owned(),
            placements: Vec::new(),
            stages: StageSlots::default(),
            rules: Vec::new(),
        };
        if text.len() > POLICY_BYTES_MAX {
            let fault = Fault::TooLong { bytes_max: POLICY_BYTES_MAX, found: text.len() };
            reader.fault(0, fault);
            return reader.faults.finish(file, document);
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let offset = error.span().unwrap_or_default().start;
            reader.fault(offset, Fault::Syntax(error.message().to_owned()));
        }
        // Half a document would only add faults that are none.
        if errors.is_empty() {
            document.read(&mut reader, &root);
        }
        reader.faults.finish(file, document)
    }

    /// The policy that holds where a shop has none of its own.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse("default.toml", BUILT_IN_POLICY).expect("a test parses what is built in")
    }

    fn read(&mut self, reader: &mut Reader<'_>, root: &toml::Spanned<DeTable<'_>>) {
        let root = reader.root(root, &["placements", "stages", "rules"]);
        let placements = reader.optional(root, "placements", |reader, value| {
            let limit = (PLACEMENTS_MAX, "placements");
            reader.items(value, limit, slot_reader::placement)
        });
        self.placements = placements.unwrap_or_default();
        self.stages = reader.optional(root, "stages", slot_reader::stages).unwrap_or_default();
        let rules = reader.optional(root, "rules", |reader, value| {
            reader.items(value, (RULES_MAX, "rules"), rule_reader::rule)
        });
        self.rules = rules.unwrap_or_default();
        check_unique("placement", self.placements.iter().map(|one| &one.id), reader);
        check_unique("rule", self.rules.iter().map(|one| &one.id), reader);
        self.check_placement_names(reader);
        chains::check(self, reader);
    }

    /// Rules are limited to placements of this very document.
    fn check_placement_names(&self, reader: &mut Reader<'_>) {
        let mut known: Vec<&str> = self.placements.iter().map(|one| one.id.text.as_str()).collect();
        known.sort_unstable();
        for name in self.rules.iter().flat_map(|rule| &rule.placements) {
            if known.binary_search(&name.text.as_str()).is_err() {
                reader.fault_at(name.place, unknown_placement(name));
            }
        }
    }

    /// Asks a catalog for every type, market and product that is named. Brands, categories and tags
    /// come and go with products: those that are unknown are findings of the binding.
    ///
    /// # Errors
    /// Every name that the catalog does not know, with line and column.
    pub fn check_against(&self, names: &dyn Names) -> Result<(), PolicyErrors> {
        let mut faults = Faults::default();
        self.visit_names(&mut |noun, name| {
            let must_be_known = matches!(noun, Noun::RelationType | Noun::Market | Noun::Product);
            if must_be_known && !is_known(names, noun, &name.text) {
                let found = shown(&name.text).into_owned();
                let fault = Fault::UnknownName { noun: noun.word(), of: "the catalog", found };
                faults.add(name.place, String::new(), fault);
            }
        });
        faults.finish(&self.file, ())
    }

    /// Shows every name that a catalog gives a meaning to.
    pub(super) fn visit_names(&self, visit: &mut dyn FnMut(Noun, &Name)) {
        for placement in &self.placements {
            placement.base.visit_names(visit);
            placement.stages.iter().flatten().for_each(|slot| slot.visit_names(visit));
        }
        self.stages.iter().flatten().for_each(|slot| slot.visit_names(visit));
        for rule in &self.rules {
            let lists = [
                (Noun::Product, &rule.products),
                (Noun::Brand, &rule.brands),
                (Noun::Category, &rule.categories),
                (Noun::Tag, &rule.tags),
                (Noun::Market, &rule.markets),
                (Noun::Product, &rule.seeds),
                (Noun::Category, &rule.seed_categories),
            ];
            for (noun, list) in lists {
                list.iter().for_each(|name| visit(noun, name));
            }
        }
    }
}

impl SlotDoc {
    fn visit_names(&self, visit: &mut dyn FnMut(Noun, &Name)) {
        for entry in self.mix.iter().flatten() {
            visit(Noun::RelationType, &entry.relation_type);
        }
        for (noun, name) in self.filter.iter().flat_map(|filter| &filter.names) {
            visit(*noun, name);
        }
        for step in self.fallback.iter().flatten() {
            match step {
                Step::RelationType(name) => visit(Noun::RelationType, name),
                Step::PopularIn(name) => visit(Noun::Category, name),
                Step::CategoryPopular
                | Step::ViaAlternatives
                | Step::VariantGroup
                | Step::EverywherePopular
                | Step::Placement(_) => {}
            }
        }
    }

    /// These keys, with those that `over` sets in their place.
    pub(super) fn merged(&self, over: &Self) -> Self {
        let Self {
            mix,
            max_results,
            min_score,
            filter,
            fallback,
            diversity,
            variant_resolution,
            rotate,
        } = over.clone();
        Self {
            mix: mix.or_else(|| self.mix.clone()),
            max_results: max_results.or(self.max_results),
            min_score: min_score.or(self.min_score),
            filter: filter.or_else(|| self.filter.clone()),
            fallback: fallback.or_else(|| self.fallback.clone()),
            diversity: diversity.or(self.diversity),
            variant_resolution: variant_resolution.or(self.variant_resolution),
            rotate: rotate.or(self.rotate),
        }
    }
}

/// The text of [`PolicyDoc::built_in`], with comments: a shop's own begins as a copy of it.
pub const BUILT_IN_POLICY: &str = include_str!("default.toml");

/// The fault of a name that no placement of the policy has.
pub(super) fn unknown_placement(name: &Name) -> Fault {
    let found = shown(&name.text).into_owned();
    Fault::UnknownName { noun: "a placement", of: "the policy", found }
}

fn check_unique<'d>(
    noun: &'static str,
    ids: impl Iterator<Item = &'d Name>,
    reader: &mut Reader<'_>,
) {
    let mut ids: Vec<(&str, Place)> = ids.map(|id| (id.text.as_str(), id.place)).collect();
    ids.sort_unstable();
    for pair in ids.chunk_by(|left, right| left.0 == right.0) {
        let Some(((id, first), others)) = pair.split_first() else { continue };
        for (_, place) in others {
            let found = shown(id).into_owned();
            reader.fault_at(*place, Fault::Duplicate { noun, found, first: first.line });
        }
    }
}
