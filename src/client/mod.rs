//! Calls of one server, for the commands that feed stock, recall products and ask why.
//!
//! One value is one server: who has several replicas has several values, and sends each of them
//! everything. Nothing is tried twice here: a batch that was sent again is harmless, but whether to
//! is the caller's decision. This room prints nothing and reads no file.

mod error;
mod target;

pub use error::ClientError;
pub use target::{Bearer, Credentials, Target};

use tonic::{Response, Status, service::interceptor::InterceptedService, transport::Channel};

use crate::{
    model::limits::{
        PAGE_SIZE_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, STOCK_REQUEST_BYTES_MAX,
        STOCK_RESPONSE_BYTES_MAX,
    },
    pb::{
        self, availability_service_client::AvailabilityServiceClient,
        recommendation_service_client::RecommendationServiceClient,
    },
};

/// A connection to one server.
#[derive(Clone, Debug)]
pub struct Replica {
    address: String,
    calls: AvailabilityServiceClient<Calls>,
    lookups: RecommendationServiceClient<Calls>,
}

type Calls = InterceptedService<Channel, Bearer>;

impl Replica {
    /// Connects.
    ///
    /// # Errors
    /// The address is none, or nobody listens there.
    pub async fn connect(to: impl Into<Target>) -> Result<Self, ClientError> {
        let to = to.into();
        let calls = InterceptedService::new(to.channel().await?, to.bearer()?);
        let lookups = RecommendationServiceClient::new(calls.clone())
            .max_encoding_message_size(REQUEST_BYTES_MAX)
            .max_decoding_message_size(RESPONSE_BYTES_MAX);
        let calls = AvailabilityServiceClient::new(calls)
            .max_encoding_message_size(STOCK_REQUEST_BYTES_MAX)
            .max_decoding_message_size(STOCK_RESPONSE_BYTES_MAX);
        Ok(Self { address: to.address, calls, lookups })
    }

    /// As it was given.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How far a source's feed was applied; sequence 0 if it never was.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn position(&mut self, source_id: &str) -> Result<pb::FeedPosition, ClientError> {
        let (source, page_size) = (source_id.to_owned(), 1);
        let request =
            pb::ListAvailabilityRequest { source_id: source, page_size, ..Default::default() };
        let page = self.calls.list_availability(request).await;
        let version = self.told(page)?.data_version.unwrap_or_default();
        let found = version.availability.into_iter().find(|feed| feed.source_id == source_id);
        let source_id = source_id.to_owned();
        Ok(found.unwrap_or_else(|| pb::FeedPosition { source_id, ..Default::default() }))
    }

    /// Sends one batch.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn batch(
        &mut self,
        request: pb::BatchUpdateAvailabilityRequest,
    ) -> Result<pb::BatchUpdateAvailabilityResponse, ClientError> {
        let done = self.calls.batch_update_availability(request).await;
        self.told(done)
    }

    /// Replaces all that a source has said by these parts, of which each names the feed or nothing.
    /// The last of them is marked as the end.
    ///
    /// # Errors
    /// The server's refusal; nothing changed then.
    pub async fn replace(
        &mut self,
        mut parts: Vec<pb::ReplaceAvailabilityRequest>,
    ) -> Result<pb::ReplaceAvailabilityResponse, ClientError> {
        if let Some(last) = parts.last_mut() {
            last.end = true;
        }
        let done = self.calls.replace_availability(tokio_stream::iter(parts)).await;
        self.told(done)
    }

    /// Hands over every reading, or those of one source, page by page.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn readings(
        &mut self,
        source_id: &str,
        mut each: impl FnMut(pb::AvailabilityState),
    ) -> Result<(), ClientError> {
        let mut request = pb::ListAvailabilityRequest {
            source_id: source_id.to_owned(),
            page_size: i32::try_from(PAGE_SIZE_MAX).unwrap_or(i32::MAX),
            page_token: String::new(),
        };
        loop {
            let page = self.calls.list_availability(request.clone()).await;
            let page = self.told(page)?;
            page.states.into_iter().for_each(&mut each);
            if page.next_page_token.is_empty() {
                return Ok(());
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Takes products out of every answer.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn block(
        &mut self,
        request: pb::BlockProductsRequest,
    ) -> Result<pb::BlockProductsResponse, ClientError> {
        let done = self.calls.block_products(request).await;
        self.told(done)
    }

    /// Allows products again.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn unblock(
        &mut self,
        request: pb::UnblockProductsRequest,
    ) -> Result<pb::UnblockProductsResponse, ClientError> {
        let done = self.calls.unblock_products(request).await;
        self.told(done)
    }

    /// Every block that stands.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn blocked(&mut self) -> Result<Vec<pb::BlockedProduct>, ClientError> {
        let page_size = i32::try_from(PAGE_SIZE_MAX).unwrap_or(i32::MAX);
        let mut request = pb::ListBlockedProductsRequest { page_size, ..Default::default() };
        let mut all = Vec::new();
        loop {
            let page = self.calls.list_blocked_products(request.clone()).await;
            let page = self.told(page)?;
            all.extend(page.products);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// What the live catalog declares.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn catalog(&mut self) -> Result<pb::DescribeCatalogResponse, ClientError> {
        let request = pb::DescribeCatalogRequest::default();
        let told = self.lookups.describe_catalog(request).await;
        self.told(told)
    }

    /// Why these products, and why not others.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn explain(
        &mut self,
        request: pb::ExplainRecommendationsRequest,
    ) -> Result<pb::ExplainRecommendationsResponse, ClientError> {
        let told = self.lookups.explain_recommendations(request).await;
        self.told(told)
    }

    /// The answer of one lookup.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn recommendations(
        &mut self,
        request: pb::GetRecommendationsRequest,
    ) -> Result<pb::GetRecommendationsResponse, ClientError> {
        let told = self.lookups.get_recommendations(request).await;
        self.told(told)
    }

    /// One page of a product's stored relations.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn relations(
        &mut self,
        request: pb::ListRelationsRequest,
    ) -> Result<pb::ListRelationsResponse, ClientError> {
        let told = self.lookups.list_relations(request).await;
        self.told(told)
    }

    fn told<T>(&self, answer: Result<Response<T>, Status>) -> Result<T, ClientError> {
        answer.map(Response::into_inner).map_err(|status| ClientError::Refused {
            address: self.address.clone(),
            code: format!("{:?}", status.code()),
            message: status.message().to_owned(),
        })
    }
}
