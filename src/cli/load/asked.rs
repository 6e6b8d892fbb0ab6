//! What is asked, from the command line: products of a server or a file, or recorded requests.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::{
    ask::{self, TypeCodes},
    caller::CallerArgs,
    line_file::{lines, text},
    stock::runtime,
};
use crate::{
    client::Replica,
    load::{self, Asked},
    model::{
        limits::{ID_BYTES_MAX, LOAD_PRODUCTS_MAX},
        relation::Stage,
    },
    pb,
    service::from_json,
};

/// The server, and what it is asked.
#[derive(Clone, Debug, Args)]
pub(super) struct AskedArgs {
    /// The server: HOST:PORT or a URL.
    #[arg(long, value_name = "SERVER", default_value = "127.0.0.1:50051")]
    pub(super) to: String,
    #[command(flatten)]
    pub(super) caller: CallerArgs,
    /// Products to ask about, one id a line; `-` is standard input. Without it, what the server names:
    /// best sellers, what their relations lead to, and the best sellers of those categories.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    ids: Option<PathBuf>,
    /// Ask about so many products that the server names.
    #[arg(long, value_name = "N", default_value_t = 10_000, conflicts_with = "ids")]
    products: usize,
    /// Recorded requests to ask in their order, over and over: one GetRecommendationsRequest as JSON a
    /// line, as grpcurl takes it; `-` is standard input.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["products", "slots", "types", "stage", "market", "max"],
    )]
    replay: Option<PathBuf>,
    /// Placements of the policy to ask for in turn.
    #[arg(long, value_name = "ID", value_delimiter = ',', num_args = 1..)]
    slots: Vec<String>,
    /// Relation types: codes such as `cross_sell`, or numbers.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', num_args = 1..)]
    types: Vec<String>,
    /// Where the shopper stands; without slots and types the product page, `consideration`.
    #[arg(long, value_name = "STAGE", value_parser = ask::stage)]
    stage: Option<Stage>,
    /// The market whose assortment and prices count; without it the default one.
    #[arg(long, value_name = "ID")]
    market: Option<String>,
    /// At most this many results; 0 leaves it to the placement, else 10.
    #[arg(long, default_value_t = 0)]
    max: i32,
    /// Picks the product of each call: the same seed asks the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
}

impl AskedArgs {
    /// The requests of a run.
    pub(super) fn read(&self) -> anyhow::Result<Asked> {
        if let Some(path) = &self.replay {
            let requests = recorded(&text(path)?).with_context(|| path.display().to_string())?;
            return Asked::recorded(requests).with_context(|| path.display().to_string());
        }
        let listed = match &self.ids {
            Some(path) => Some(ids(&text(path)?).with_context(|| path.display().to_string())?),
            None => None,
        };
        runtime()?.block_on(async {
            let mut lookups = self.lookups(&TypeCodes::told(Default::default()));
            let ids = match listed {
                Some(ids) if lookups.is_ok() => ids,
                listed => {
                    let mut replica = Replica::connect(self.caller.target(&self.to)?).await?;
                    lookups = self.lookups(&TypeCodes::told(replica.catalog().await?));
                    match listed {
                        Some(ids) => ids,
                        None => self.named(&mut replica).await?,
                    }
                }
            };
            Ok(Asked::products(lookups?, ids, self.seed)?)
        })
    }

    /// Products that the server names.
    async fn named(&self, replica: &mut Replica) -> anyhow::Result<Vec<String>> {
        let wanted = self.products.min(LOAD_PRODUCTS_MAX);
        let ids = load::product_ids(replica, wanted, &self.context()).await?;
        if ids.is_empty() {
            bail!(
                "{} names no product, as its catalog has no best sellers; list products by --ids",
                replica.address()
            );
        }
        Ok(ids)
    }

    /// One lookup a slot, without seeds.
    fn lookups(&self, codes: &TypeCodes) -> anyhow::Result<Vec<pb::GetRecommendationsRequest>> {
        let types = self.types.iter().map(|text| codes.relation_type(text));
        let types = types.collect::<anyhow::Result<Vec<_>>>()?;
        let lookup = |placement_id: &str| pb::GetRecommendationsRequest {
            lookup: Some(pb::LookupSpec {
                placement_id: placement_id.to_owned(),
                relation_types: types.iter().map(|one| i32::from(one.number())).collect(),
                max_results: self.max,
                ..Default::default()
            }),
            context: Some(self.context()),
            ..Default::default()
        };
        if self.slots.is_empty() {
            return Ok(vec![lookup("")]);
        }
        Ok(self.slots.iter().map(|slot| lookup(slot)).collect())
    }

    fn context(&self) -> pb::Context {
        let is_bare = self.slots.is_empty() && self.types.is_empty();
        let stage = self.stage.or(is_bare.then_some(Stage::Consideration));
        pb::Context {
            stage: stage.map_or(0, |stage| stage as i32),
            market_id: self.market.clone().unwrap_or_default(),
            ..Default::default()
        }
    }
}

fn ids(text: &str) -> anyhow::Result<Vec<String>> {
    let id = |(line, id): (usize, &str)| {
        let length = id.len();
        if length > ID_BYTES_MAX {
            bail!("line {line}: expected an id of at most {ID_BYTES_MAX} bytes, found {length}");
        }
        Ok(id.to_owned())
    };
    lines(text)?.into_iter().map(id).collect()
}

fn recorded(text: &str) -> anyhow::Result<Vec<pb::GetRecommendationsRequest>> {
    let request = |(line, text): (usize, &str)| {
        from_json("GetRecommendationsRequest", text).with_context(|| format!("line {line}"))
    };
    lines(text)?.into_iter().map(request).collect()
}

#[cfg(test)]
mod tests {
    use super::{ids, recorded};

    #[test]
    fn ids_stand_one_a_line_and_a_long_one_is_named() {
        assert_eq!(ids("\u{feff}a\r\n\nb c\n").unwrap(), ["a", "b c"]);
        let long = format!("a\n{}\n", "x".repeat(129));
        let error = ids(&long).unwrap_err().to_string();
        assert_eq!(error, "line 2: expected an id of at most 128 bytes, found 129");
    }

    #[test]
    fn recorded_requests_are_read_in_either_spelling_and_a_wrong_one_is_named() {
        let text = "{\"lookup\":{\"relation_types\":[1]},\"seeds\":[{\"product_id\":\"a\"}]}\n\
                    \n{\"lookup\":{\"relationTypes\":[1]},\"seeds\":[{\"productId\":\"a\"}]}\n";
        let found = recorded(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], found[1]);
        let error = recorded("{}\n{\"seed\":1}\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
