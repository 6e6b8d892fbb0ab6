//! `kindred.v1.AvailabilityService`: what is newer than the snapshot, told and asked.
//!
//! Every call is a command of the stock writer, whose answer comes back through a channel. A caller
//! that is gone does not take its write back: it was queued, and is carried out. Lists are checked
//! here before they are queued; what a batch's single updates hold is checked by the writer, against
//! the catalog that is live.

pub(super) mod resync;
mod wire;

use tokio::sync::oneshot;
use tonic::{Request, Response, Status, Streaming};

use self::resync::Patience;
use super::status::Refusal;
use crate::{
    pb::{self, server::availability_service_server::AvailabilityService},
    snapshot::Live,
    stock::{Reply, Stock, StockError},
};

/// Hands calls to the stock writer.
#[derive(Clone, Debug)]
pub struct Availabilities {
    stock: Stock,
    live: Live,
}

impl Availabilities {
    /// Calls this writer, which publishes into this slot.
    #[must_use]
    pub fn new(stock: Stock, live: Live) -> Self {
        Self { stock, live }
    }

    /// What a read was answered from. It is asked on the writer's thread, which alone moves the slot,
    /// so that snapshot and stock fit each other.
    fn snapshot_id(live: &Live) -> String {
        live.load().map_or_else(String::new, |moment| moment.snapshot.id().to_owned())
    }
}

#[tonic::async_trait]
impl AvailabilityService for Availabilities {
    async fn batch_update_availability(
        &self,
        request: Request<pb::BatchUpdateAvailabilityRequest>,
    ) -> Result<Response<pb::BatchUpdateAvailabilityResponse>, Status> {
        let pb::BatchUpdateAvailabilityRequest { source_id, sequence, updates } =
            request.into_inner();
        let updates = updates.into_iter().map(wire::draft).collect();
        let done = asked(|reply| self.stock.batch(source_id, sequence, updates, reply)).await?;
        Ok(Response::new(wire::batch_done(done)))
    }

    async fn replace_availability(
        &self,
        request: Request<Streaming<pb::ReplaceAvailabilityRequest>>,
    ) -> Result<Response<pb::ReplaceAvailabilityResponse>, Status> {
        let stream =
            resync::collect(&self.stock, request.into_inner(), Patience::default()).await?;
        let done = asked(|reply| stream.commit(reply)).await?;
        Ok(Response::new(wire::replace_done(done)))
    }

    async fn batch_get_availability(
        &self,
        request: Request<pb::BatchGetAvailabilityRequest>,
    ) -> Result<Response<pb::BatchGetAvailabilityResponse>, Status> {
        let request = request.into_inner();
        wire::check_states(&request)?;
        let pb::BatchGetAvailabilityRequest { product_ids, inventory_id, market_id } = request;
        let live = Live::clone(&self.live);
        let (list, snapshot_id) = asked(|reply: Reply<_>| {
            let reply: Reply<_> =
                Box::new(move |list| reply(list.map(|list| (list, Self::snapshot_id(&live)))));
            self.stock.effective(product_ids, inventory_id, market_id, reply);
        })
        .await?;
        Ok(Response::new(wire::states(list, snapshot_id)))
    }

    async fn list_availability(
        &self,
        request: Request<pb::ListAvailabilityRequest>,
    ) -> Result<Response<pb::ListAvailabilityResponse>, Status> {
        let pb::ListAvailabilityRequest { source_id, page_size, page_token } = request.into_inner();
        let page_size = wire::page_size(page_size)?;
        let source_id = wire::listed_source(source_id)?;
        let live = Live::clone(&self.live);
        let (page, snapshot_id) = asked(|reply: Reply<_>| {
            let reply: Reply<_> =
                Box::new(move |page| reply(page.map(|page| (page, Self::snapshot_id(&live)))));
            self.stock.readings(source_id, page_token, page_size, reply);
        })
        .await?;
        Ok(Response::new(wire::readings(page, snapshot_id)))
    }

    async fn block_products(
        &self,
        request: Request<pb::BlockProductsRequest>,
    ) -> Result<Response<pb::BlockProductsResponse>, Status> {
        let draft = wire::block(request.into_inner());
        let done = asked(|reply| self.stock.block(draft, reply)).await?;
        Ok(Response::new(pb::BlockProductsResponse {
            blocked: done.blocked,
            missing_product_ids: done.missing,
            blocks_digest: done.blocks_digest,
        }))
    }

    async fn unblock_products(
        &self,
        request: Request<pb::UnblockProductsRequest>,
    ) -> Result<Response<pb::UnblockProductsResponse>, Status> {
        let draft = wire::unblock(request.into_inner());
        let done = asked(|reply| self.stock.unblock(draft, reply)).await?;
        let (unblocked, blocks_digest) = (done.unblocked, done.blocks_digest);
        Ok(Response::new(pb::UnblockProductsResponse { unblocked, blocks_digest }))
    }

    async fn list_blocked_products(
        &self,
        request: Request<pb::ListBlockedProductsRequest>,
    ) -> Result<Response<pb::ListBlockedProductsResponse>, Status> {
        let pb::ListBlockedProductsRequest { page_size, page_token } = request.into_inner();
        let page_size = wire::page_size(page_size)?;
        let page = asked(|reply| self.stock.blocks(page_token, page_size, reply)).await?;
        Ok(Response::new(wire::blocks(page)))
    }
}

/// Gives a command and waits for its answer. Whoever stops waiting does not stop the command.
async fn asked<T: Send + 'static>(command: impl FnOnce(Reply<T>)) -> Result<T, Refusal> {
    let (sender, answer) = oneshot::channel();
    command(Box::new(move |done| drop(sender.send(done))));
    // A callback that was dropped: the writer's thread has died.
    Ok(answer.await.unwrap_or(Err(StockError::Closed))?)
}
