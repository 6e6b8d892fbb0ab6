//! What `kindred lookup` and `kindred explain` ask: the same flags, read into a request.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::{
    index::View,
    model::{
        instant,
        limits::REQUEST_BYTES_MAX,
        relation::{RelationType, Stage},
    },
    pb,
    service::from_json,
};

/// A lookup on the command line.
#[derive(Clone, Debug, Args)]
pub(super) struct AskArgs {
    /// Products to ask about.
    #[arg(long = "seed", value_name = "ID", num_args = 1..)]
    pub(super) seeds: Vec<String>,
    /// Categories to ask about: their best sellers stand for them.
    #[arg(long = "category", value_name = "PATH", num_args = 1..)]
    categories: Vec<String>,
    /// Relation types: codes such as `cross_sell`, or numbers.
    #[arg(long = "type", value_name = "TYPE", num_args = 1..)]
    types: Vec<String>,
    /// A placement of the policy, which says what is not said here.
    #[arg(long, value_name = "ID")]
    placement: Option<String>,
    /// Where the shopper stands: discovery, consideration, purchase_decision, checkout or
    /// post_purchase.
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    stage: Option<Stage>,
    /// The market whose assortment and prices count; without it the default one.
    #[arg(long, value_name = "ID")]
    market: Option<String>,
    /// The inventory whose stock counts; without it the market's default one.
    #[arg(long, value_name = "ID")]
    inventory: Option<String>,
    /// Conditions, as the JSON of the API: `{"brand":"SEED_MATCH_SAME"}`.
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Answer as of this instant, such as `2026-01-31T08:00:00Z` or `2026-01-31`.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    as_of: Option<i64>,
    /// Whose turn it is in placements that rotate.
    #[arg(long, value_name = "ID")]
    visitor: Option<String>,
    /// At most this many results; 0 leaves it to the placement, else 10.
    #[arg(long, default_value_t = 0)]
    max: i32,
    /// Drop candidates below this score, 0 to 1.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f32>,
    /// Products that must not come.
    #[arg(long, value_name = "ID", num_args = 1..)]
    exclude: Vec<String>,
    /// Ask for a whole page instead: a BatchGetRecommendationsRequest as JSON; `-` reads standard
    /// input.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "seeds", "categories", "types", "placement", "stage", "market", "inventory", "filter",
            "as_of", "visitor", "max", "min_score", "exclude",
        ],
    )]
    pub(super) page: Option<PathBuf>,
}

impl AskArgs {
    /// The lookup, for all seeds together.
    pub(super) fn request(
        &self,
        codes: &TypeCodes,
    ) -> anyhow::Result<pb::GetRecommendationsRequest> {
        let types = self.types.iter().map(|text| codes.relation_type(text));
        let types = types.collect::<anyhow::Result<Vec<_>>>()?;
        let filter = self.filter.as_deref().map(|text| from_json::<pb::Filter>("Filter", text));
        let lookup = pb::LookupSpec {
            placement_id: self.placement.clone().unwrap_or_default(),
            relation_types: types.iter().map(|one| i32::from(one.number())).collect(),
            max_results: self.max,
            min_score: self.min_score,
            filter: filter.transpose().context("--filter")?,
            ..Default::default()
        };
        let product = |id: &String| pb::seed::Target::ProductId(id.clone());
        let category = |id: &String| pb::seed::Target::CategoryId(id.clone());
        let targets = self.seeds.iter().map(product).chain(self.categories.iter().map(category));
        let seeds = targets.map(|target| pb::Seed { target: Some(target), quantity: 0.0 });
        Ok(pb::GetRecommendationsRequest {
            lookup: Some(lookup),
            seeds: seeds.collect(),
            context: Some(self.context()),
            exclude_product_ids: self.exclude.clone(),
            ..Default::default()
        })
    }

    /// The situation that the flags describe.
    pub(super) fn context(&self) -> pb::Context {
        let at = |seconds| pb::Timestamp { seconds, nanos: 0 };
        pb::Context {
            stage: self.stage.map_or(0, |stage| stage as i32),
            channel: String::new(),
            visitor_id: self.visitor.clone().unwrap_or_default(),
            inventory_id: self.inventory.clone().unwrap_or_default(),
            market_id: self.market.clone().unwrap_or_default(),
            as_of_time: self.as_of.map(at),
        }
    }
}

/// The page call of a file.
pub(super) fn page_request(path: &Path) -> anyhow::Result<pb::BatchGetRecommendationsRequest> {
    // JSON takes some times the room of the wire's form.
    const FILE_BYTES_MAX: u64 = 4 * REQUEST_BYTES_MAX as u64;
    let mut text = String::new();
    let at = path.display();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        let file = fs::File::open(path).with_context(|| format!("cannot open {at}"))?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)
    };
    read.with_context(|| format!("cannot read {at}"))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        bail!("{at} has more than {FILE_BYTES_MAX} bytes: no page is so large");
    }
    from_json("BatchGetRecommendationsRequest", &text).with_context(|| at.to_string())
}

pub(super) fn stage(code: &str) -> Result<Stage, String> {
    Stage::from_code(code).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::code).join(", ");
        format!("expected one of {known}")
    })
}

fn instant(text: &str) -> Result<i64, String> {
    instant::parse(text).ok_or_else(|| format!("expected {}", instant::EXPECTED))
}

/// The relation types of a catalog by number: what people call them.
pub(super) struct TypeCodes(Vec<(i32, String)>);

impl TypeCodes {
    /// Those of a catalog at hand.
    pub(super) fn of(view: &View<'_>) -> Self {
        let types = view.meta().relation_types.iter();
        Self(types.map(|one| (i32::from(one.number), one.code.to_string())).collect())
    }

    /// Those that a server says it has.
    pub(super) fn told(catalog: pb::DescribeCatalogResponse) -> Self {
        let types = catalog.relation_types.into_iter();
        Self(types.map(|one| (one.relation_type, one.code)).collect())
    }

    /// The code of a type; empty for none.
    pub(super) fn code(&self, number: i32) -> &str {
        let found = self.0.iter().find(|(one, _)| *one == number);
        found.map_or("", |(_, code)| code)
    }

    /// The type of a code, or of a number.
    pub(super) fn relation_type(&self, text: &str) -> anyhow::Result<RelationType> {
        let declared = self.0.iter().find(|(_, code)| code == text);
        let number = declared.map(|(number, _)| *number).or_else(|| text.parse().ok());
        let number = number.and_then(|number| u8::try_from(number).ok());
        let Some(relation_type) = number.and_then(RelationType::new) else {
            let known = self.0.iter().map(|(_, code)| code.as_str()).collect::<Vec<_>>();
            bail!("relation type {text:?} is unknown; this catalog has {}", known.join(", "));
        };
        Ok(relation_type)
    }
}

/// The title of a product; empty if it has none.
pub(super) fn title(view: &View<'_>, product_id: &str) -> String {
    let product = view.find(product_id);
    let title = product.map_or_else(Default::default, |product| view.title_bytes(product));
    String::from_utf8_lossy(title).into_owned()
}
