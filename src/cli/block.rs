//! `kindred block`, `unblock` and `blocked`: recalls, on every server.

use anyhow::Context as _;
use clap::Args;

use super::{note, out::outln, stock::Servers};
use crate::{
    model::{instant, limits::BLOCKS_PER_CALL_MAX},
    pb,
};

#[derive(Debug, Args)]
pub(super) struct BlockArgs {
    /// Products, by id or alias; their variants are blocked, too.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Why, for the record.
    #[arg(long)]
    reason: String,
    /// Only in these markets.
    #[arg(long, value_name = "MARKET", num_args = 1..)]
    market: Vec<String>,
    /// Until then: an instant like 2026-01-31T08:00:00Z, or a date; else for good.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<i64>,
    /// Who; else `$USER`.
    #[arg(long)]
    actor: Option<String>,
    #[command(flatten)]
    servers: Servers,
}

#[derive(Debug, Args)]
pub(super) struct UnblockArgs {
    /// Products, by id or alias.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// Why, for the record.
    #[arg(long, default_value = "")]
    reason: String,
    /// Who; else `$USER`.
    #[arg(long)]
    actor: Option<String>,
    #[command(flatten)]
    servers: Servers,
}

#[derive(Debug, Args)]
pub(super) struct BlockedArgs {
    #[command(flatten)]
    servers: Servers,
}

fn expiry(text: &str) -> Result<i64, String> {
    instant::parse(text).ok_or_else(|| format!("expected {}, found `{text}`", instant::EXPECTED))
}

pub(super) fn block(args: &BlockArgs) -> anyhow::Result<()> {
    let actor = note(args.actor.as_deref(), &args.reason).actor;
    args.servers.each(async |replica| {
        let address = replica.address().to_owned();
        for ids in args.ids.chunks(BLOCKS_PER_CALL_MAX) {
            let request = pb::BlockProductsRequest {
                product_ids: ids.to_vec(),
                market_ids: args.market.clone(),
                reason: args.reason.clone(),
                actor: actor.clone(),
                expire_time: args.expires.map(|seconds| pb::Timestamp { seconds, nanos: 0 }),
            };
            let done = replica.block(request).await?;
            let (blocked, digest) = (done.blocked, done.blocks_digest);
            outln!("{address}: {blocked} blocked, blocks digest {digest:016x}");
            for id in &done.missing_product_ids {
                outln!(
                    "{address}: {id} is not in the catalog; blocked all the same, for a later one"
                );
            }
        }
        Ok(())
    })
}

pub(super) fn unblock(args: &UnblockArgs) -> anyhow::Result<()> {
    let actor = note(args.actor.as_deref(), &args.reason).actor;
    args.servers.each(async |replica| {
        let address = replica.address().to_owned();
        for ids in args.ids.chunks(BLOCKS_PER_CALL_MAX) {
            let request = pb::UnblockProductsRequest {
                product_ids: ids.to_vec(),
                reason: args.reason.clone(),
                actor: actor.clone(),
            };
            let done = replica.unblock(request).await?;
            let (unblocked, digest) = (done.unblocked, done.blocks_digest);
            outln!("{address}: {unblocked} unblocked, blocks digest {digest:016x}");
        }
        Ok(())
    })
}

pub(super) fn blocked(args: &BlockedArgs) -> anyhow::Result<()> {
    args.servers.each(async |replica| {
        let all = replica.blocked().await?;
        outln!("{}: {} blocked", replica.address(), all.len());
        for one in &all {
            let until = match &one.expire_time {
                Some(time) => {
                    let shown = instant::show(time.seconds);
                    format!(
                        "until {}",
                        shown.context("the server names a time beyond the calendar")?
                    )
                }
                None => "for good".to_owned(),
            };
            let markets = one.market_ids.join(",");
            let markets = if markets.is_empty() { "everywhere".to_owned() } else { markets };
            let (id, actor, reason) = (&one.product_id, &one.actor, &one.reason);
            outln!("  {id:<32} {markets} {until}, {actor}: {reason}");
        }
        Ok(())
    })
}
