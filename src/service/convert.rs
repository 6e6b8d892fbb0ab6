//! Requests from the wire into checked queries, and stored relations back.

use arrayvec::ArrayVec;
use xxhash_rust::xxh3::Xxh3;

use crate::{
    index::{Ordinal, Place, View},
    lookup::{Listed, Query, QuerySeed, ScoreThreshold},
    model::{
        id,
        limits::{
            EXCLUSIONS_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, RELATION_TYPES_PER_REQUEST_MAX,
            SEEDS_MAX, VIOLATIONS_MAX,
        },
        relation::RelationType,
        score,
    },
    pb::{self, seed::Target},
};

use super::status::{Refusal, Violation, quoted};

/// Collects what is wrong with a request, so that a caller sees all of it at once, or very much.
#[derive(Default)]
struct Violations(Vec<Violation>);

impl Violations {
    fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if !self.is_full() {
            self.0.push(Violation::new(field, description));
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= VIOLATIONS_MAX
    }

    fn end(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.0)) }
    }
}

/// The query of a request, and how much of each result to return.
pub(super) fn query<'q>(
    request: &'q pb::GetRecommendationsRequest,
    view: &View<'_>,
) -> Result<(Query<'q>, pb::RecommendationView), Refusal> {
    let mut violations = Violations::default();
    let default = pb::LookupSpec::default();
    let lookup = request.lookup.as_ref().unwrap_or(&default);
    if request.lookup.is_none() {
        violations.add("lookup", "expected what to look up, found nothing");
    } else if lookup.relation_types.is_empty() {
        violations.add("lookup.relation_types", "expected at least one relation type, found none");
    }
    let field = "lookup.relation_types";
    let types = relation_types(&lookup.relation_types, field, view, &mut violations);
    if lookup.max_results < 0 {
        let found = lookup.max_results;
        violations.add("lookup.max_results", format!("expected 0 or more, found {found}"));
    }
    let min_score = lookup.min_score.and_then(|share| {
        let threshold = ScoreThreshold::new(share);
        if threshold.is_none() {
            violations.add("lookup.min_score", format!("expected 0 to 1, found {share}"));
        }
        threshold
    });
    if request.seeds.is_empty() {
        violations.add("seeds", "expected at least one seed, found none");
    }
    let counted = request.seeds.iter().take(SEEDS_MAX).enumerate();
    let seeds = counted.filter_map(|(index, seed)| query_seed(index, seed, &mut violations));
    let mut query = Query::new(types, seeds);
    let detail = pb::RecommendationView::try_from(request.view).unwrap_or_else(|_| {
        violations.add("view", format!("expected a RecommendationView, found {}", request.view));
        pb::RecommendationView::Unspecified
    });
    violations.end()?;

    let max_results = usize::try_from(lookup.max_results).unwrap_or(0);
    let exclusions = &request.exclude_product_ids;
    query = query.with_max_results(max_results);
    query.min_score = min_score;
    query.exclude = exclusions.get(..EXCLUSIONS_MAX).unwrap_or(exclusions);
    query.ignored_exclusions = over(exclusions.len(), EXCLUSIONS_MAX);
    query.ignored_seeds = over(request.seeds.len(), SEEDS_MAX);
    Ok((query, detail))
}

fn query_seed<'q>(
    index: usize,
    seed: &'q pb::Seed,
    violations: &mut Violations,
) -> Option<QuerySeed<'q>> {
    let Some(Target::ProductId(product_id)) = &seed.target else {
        violations.add(format!("seeds[{index}]"), "expected a product_id, found no target");
        return None;
    };
    if let Err(error) = id::check(product_id) {
        violations.add(format!("seeds[{index}].product_id"), error.to_string());
        return None;
    }
    if !seed.quantity.is_finite() || seed.quantity < 0.0 {
        let found = seed.quantity;
        violations
            .add(format!("seeds[{index}].quantity"), format!("expected 0 or more, found {found}"));
        return None;
    }
    let quantity = if seed.quantity == 0.0 { 1.0 } else { seed.quantity };
    Some(QuerySeed::product(product_id, quantity))
}

/// Distinct relation types in the order asked.
type Types = ArrayVec<RelationType, RELATION_TYPES_PER_REQUEST_MAX>;

fn relation_types(
    numbers: &[i32],
    field: &str,
    view: &View<'_>,
    violations: &mut Violations,
) -> Types {
    let mut types = Types::new();
    for (index, number) in numbers.iter().enumerate() {
        if violations.is_full() {
            break;
        }
        match RelationType::from_wire(*number).filter(|declared| view.declares(*declared)) {
            Some(relation_type) if types.contains(&relation_type) => {}
            Some(relation_type) if !types.is_full() => types.push(relation_type),
            Some(_) => {
                let most = RELATION_TYPES_PER_REQUEST_MAX;
                violations.add(field, format!("expected at most {most} relation types"));
                break;
            }
            None => {
                let description =
                    format!("expected a relation type that DescribeCatalog lists, found {number}");
                violations.add(format!("{field}[{index}]"), description);
            }
        }
    }
    types
}

/// A page of `ListRelations`: which types, from where and how many.
#[derive(Debug)]
pub(super) struct Listing<'s> {
    pub(super) types: Types,
    pub(super) token: PageToken<'s>,
    pub(super) page_size: usize,
}

/// The listing of a request. `snapshot_id` is the one that answers; page tokens name theirs.
pub(super) fn listing<'s>(
    request: &pb::ListRelationsRequest,
    view: &View<'_>,
    snapshot_id: &'s str,
) -> Result<Listing<'s>, Refusal> {
    let mut violations = Violations::default();
    if let Err(error) = id::check(&request.product_id) {
        violations.add("product_id", error.to_string());
    }
    let field = "relation_types";
    let types = relation_types(&request.relation_types, field, view, &mut violations);
    if request.incoming {
        let declared = &view.meta().relation_types;
        for (index, number) in request.relation_types.iter().enumerate() {
            let asked = declared.iter().find(|one| i32::from(one.number) == *number);
            if let Some(one) = asked.filter(|one| one.reverse == 0) {
                let code = &one.code;
                let description =
                    format!("expected a type declared reverse for incoming, found {code}");
                violations.add(format!("{field}[{index}]"), description);
            }
        }
    }
    if request.page_size < 0 {
        violations.add("page_size", format!("expected 0 or more, found {}", request.page_size));
    }
    let mut token = PageToken { snapshot_id, request: fingerprint(request), skip: 0 };
    if !request.page_token.is_empty() {
        match token.skip_of(&request.page_token) {
            Ok(skip) => token.skip = skip,
            Err(description) => violations.add("page_token", description),
        }
    }
    violations.end()?;
    let page_size = match usize::try_from(request.page_size).unwrap_or(0) {
        0 => PAGE_SIZE_DEFAULT,
        asked => asked.min(PAGE_SIZE_MAX),
    };
    Ok(Listing { types, token, page_size })
}

/// Where a page begins: `<snapshot id>-<fingerprint of the request>-<relations before it>`.
#[derive(Debug)]
pub(super) struct PageToken<'s> {
    snapshot_id: &'s str,
    request: u64,
    pub(super) skip: usize,
}

impl PageToken<'_> {
    /// The token of another page of the same listing.
    pub(super) fn at(&self, skip: usize) -> String {
        format!("{}-{:016x}-{skip}", self.snapshot_id, self.request)
    }

    /// Where the page of this token begins, if it belongs to the same listing.
    fn skip_of(&self, token: &str) -> Result<usize, String> {
        let unknown = || "expected one from an answer of this call".to_owned();
        let mut parts = token.rsplitn(3, '-');
        let skip = parts.next().and_then(|skip| skip.parse().ok()).ok_or_else(unknown)?;
        let request = parts.next().and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let request = request.ok_or_else(unknown)?;
        let snapshot_id = parts.next().ok_or_else(unknown)?;
        if snapshot_id != self.snapshot_id {
            return Err(format!(
                "expected one of snapshot {}, found one of {}; begin again at the first page",
                self.snapshot_id,
                quoted(snapshot_id)
            ));
        }
        if request != self.request {
            return Err("expected one from an answer to this request, found another's".to_owned());
        }
        Ok(skip)
    }
}

/// Tells requests apart that list different relations.
fn fingerprint(request: &pb::ListRelationsRequest) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(request.product_id.as_bytes());
    // No text holds this byte, so it ends the id.
    hasher.update(&[0xff, u8::from(request.incoming)]);
    request.relation_types.iter().for_each(|number| hasher.update(&number.to_le_bytes()));
    hasher.digest()
}

/// A stored relation for the wire.
pub(super) fn relation(
    view: &View<'_>,
    listed: &Listed<'_>,
    place: Option<Place<'_>>,
) -> pb::Relation {
    let edge = listed.relation.edge;
    let rare = listed.relation.rare;
    let timestamp = |seconds: i64| prost_types::Timestamp { seconds, nanos: 0 };
    let from = rare.map(|rare| rare.valid_from_s.get()).filter(|from| *from != i64::MIN);
    let to = rare.map(|rare| rare.valid_to_s.get()).filter(|to| *to != i64::MAX);
    let markets = rare.map_or(0, |rare| rare.markets.get());
    let named = view.meta().markets.iter().enumerate();
    pb::Relation {
        source_product_id: text(view, listed.source),
        target_product_id: text(view, listed.target),
        relation_type: i32::from(listed.relation_type.number()),
        score: score::share(edge.score.get()),
        origin: i32::from(edge.origin_number()),
        quantity: rare.map_or(0.0, |rare| rare.quantity.get()),
        stages: edge.stages().stages().map(|stage| stage as i32).collect(),
        start_time: from.map(timestamp),
        expire_time: to.map(timestamp),
        provenance: place.map_or_else(String::new, |place| {
            format!("{}: {}:{}", place.source, place.file.name, place.line)
        }),
        confirm_time: place
            .and_then(|place| place.file.confirmed_s.as_ref().map(|s| s.to_native()))
            .map(timestamp),
        market_ids: named
            .filter(|(bit, _)| markets >> bit & 1 == 1)
            .map(|(_, market)| market.id.to_string())
            .collect(),
    }
}

/// What the catalog declares, for the wire.
pub(super) fn description(view: &View<'_>, snapshot_id: &str) -> pb::DescribeCatalogResponse {
    let meta = view.meta();
    let inventory = |index: usize| meta.inventories.get(index).map(ToString::to_string);
    pb::DescribeCatalogResponse {
        relation_types: meta
            .relation_types
            .iter()
            .map(|declared| pb::RelationTypeInfo {
                relation_type: i32::from(declared.number),
                code: declared.code.to_string(),
                display_name: declared.display_name.to_string(),
                two_way: declared.two_way == 1,
                relation_count: declared.relation_count.to_native(),
                reverse: declared.reverse == 1,
            })
            .collect(),
        markets: meta
            .markets
            .iter()
            .map(|market| pb::MarketInfo {
                market_id: market.id.to_string(),
                currency_code: market.currency.to_string(),
                default_inventory_id: inventory(market.default_inventory.to_native() as usize)
                    .unwrap_or_default(),
                product_count: market.product_count.to_native(),
            })
            .collect(),
        inventory_ids: meta.inventories.iter().map(ToString::to_string).collect(),
        data_version: Some(data_version(snapshot_id)),
        product_ids_case_folded: view.id_rule() == id::IdRule::CaseFolded,
    }
}

/// What an answer was computed from.
pub(super) fn data_version(snapshot_id: &str) -> pb::DataVersion {
    pb::DataVersion { snapshot_id: snapshot_id.to_owned() }
}

fn text(view: &View<'_>, product: Ordinal) -> String {
    String::from_utf8_lossy(view.id_bytes(product)).into_owned()
}

fn over(found: usize, limit: usize) -> u32 {
    u32::try_from(found.saturating_sub(limit)).unwrap_or(u32::MAX)
}
