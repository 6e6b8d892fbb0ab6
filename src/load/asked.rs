//! What is asked: the same requests in the same order for the same seed.

use bytes::Bytes;
use prost::Message as _;

use super::error::LoadError;
use crate::pb::{self, seed::Target};

/// The requests of a run, by number.
#[derive(Debug)]
pub struct Asked(Kind);

#[derive(Debug)]
enum Kind {
    /// Each lookup in turn, about a product that the seed picks.
    Products { lookups: Vec<pb::GetRecommendationsRequest>, ids: Vec<String>, seed: u64 },
    /// Recorded requests, over and over.
    Recorded(Vec<pb::GetRecommendationsRequest>),
}

impl Asked {
    /// Asks the lookups in turn, each about one of these products, picked by the seed.
    ///
    /// # Errors
    /// There is no product or no lookup.
    pub fn products(
        lookups: Vec<pb::GetRecommendationsRequest>,
        ids: Vec<String>,
        seed: u64,
    ) -> Result<Self, LoadError> {
        if lookups.is_empty() || ids.is_empty() {
            return Err(LoadError::NothingToAsk);
        }
        Ok(Self(Kind::Products { lookups, ids, seed }))
    }

    /// Asks what was recorded, in its order, from the front again at its end.
    ///
    /// # Errors
    /// Nothing was.
    pub fn recorded(requests: Vec<pb::GetRecommendationsRequest>) -> Result<Self, LoadError> {
        if requests.is_empty() {
            return Err(LoadError::NothingToAsk);
        }
        Ok(Self(Kind::Recorded(requests)))
    }

    /// The request of this number.
    #[must_use]
    pub fn request(&self, number: u64) -> pb::GetRecommendationsRequest {
        match &self.0 {
            Kind::Recorded(requests) => at(requests, number).clone(),
            Kind::Products { lookups, ids, seed } => {
                let id = at(ids, mixed(*seed, number)).clone();
                let mut request = at(lookups, number).clone();
                request.seeds =
                    vec![pb::Seed { target: Some(Target::ProductId(id)), quantity: 0.0 }];
                request
            }
        }
    }

    /// The same in wire form.
    #[must_use]
    pub fn bytes(&self, number: u64) -> Bytes {
        match &self.0 {
            Kind::Recorded(requests) => at(requests, number).encode_to_vec().into(),
            Kind::Products { .. } => self.request(number).encode_to_vec().into(),
        }
    }

    /// How many different products or requests there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match &self.0 {
            Kind::Recorded(requests) => requests.len(),
            Kind::Products { ids, .. } => ids.len(),
        }
    }

    /// The products that are asked about, each once.
    #[must_use]
    pub fn product_ids(&self) -> Vec<String> {
        match &self.0 {
            Kind::Products { ids, .. } => ids.clone(),
            Kind::Recorded(requests) => {
                let seeds = requests.iter().flat_map(|request| &request.seeds);
                let ids = seeds.filter_map(|seed| match seed.target.as_ref()? {
                    Target::ProductId(id) => Some(id.clone()),
                    Target::CategoryId(_) => None,
                });
                let mut ids = ids.collect::<Vec<_>>();
                ids.sort();
                ids.dedup();
                ids
            }
        }
    }
}

/// The item of this number, counted round and round. The list is not empty, as [`Asked`] holds.
fn at<T>(list: &[T], number: u64) -> &T {
    let length = u64::try_from(list.len()).unwrap_or(u64::MAX).max(1);
    let place = usize::try_from(number % length).unwrap_or(0);
    list.get(place).expect("a run asks something")
}

/// A number that looks random and is a function of both: SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) fn mixed(seed: u64, number: u64) -> u64 {
    let value = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
