//! The policy of a snapshot: its texts, read and bound to its catalog.

use std::sync::Arc;

use tracing::warn;

use super::LoadError;
use crate::{
    index::{Catalog, Text, View},
    model::{limits::FINDING_SAMPLES_MAX, relation::RelationType},
    policy::{Names, OVERRIDES_FILE_NAME, OverridesDoc, POLICY_FILE_NAME, Policy, PolicyDoc},
};

/// What a policy was bound from. Equal parts make equal policies.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) catalog: Arc<Catalog>,
    pub(super) policy: Option<Arc<Text>>,
    pub(super) overrides: Option<Arc<Text>>,
}

impl Parts {
    /// Are these the same files? What is live is taken as it is, so that pointers tell.
    pub(super) fn are(&self, other: &Self) -> bool {
        let is_same = |left: &Option<Arc<Text>>, right: &Option<Arc<Text>>| match (left, right) {
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        Arc::ptr_eq(&self.catalog, &other.catalog)
            && is_same(&self.policy, &other.policy)
            && is_same(&self.overrides, &other.overrides)
    }

    /// Reads the texts and binds them to the catalog; logs what the catalog does not know.
    pub(super) fn bind(&self, snapshot_id: &str) -> Result<Policy, LoadError> {
        if self.policy.is_none() && self.overrides.is_none() {
            return Ok(Policy::default());
        }
        let text = self.policy.as_deref().map_or("", Text::text);
        let policy = PolicyDoc::parse(POLICY_FILE_NAME, text)?;
        let overrides = self.overrides.as_deref().map(Text::text);
        let overrides =
            overrides.map(|text| OverridesDoc::parse(OVERRIDES_FILE_NAME, text)).transpose()?;
        let names = CatalogNames(self.catalog.view());
        let (policy, unbound) = Policy::bind(&policy, overrides.as_ref(), &names);
        for one in unbound.iter().take(FINDING_SAMPLES_MAX) {
            warn!(snapshot_id, "{one}; it matches nothing.");
        }
        if unbound.len() > FINDING_SAMPLES_MAX {
            warn!(snapshot_id, count = unbound.len(), "The policy names more that is unknown.");
        }
        Ok(policy)
    }
}

/// A catalog as policies know it.
#[derive(Clone, Copy, Debug)]
pub struct CatalogNames<'a>(pub View<'a>);

impl Names for CatalogNames<'_> {
    fn product(&self, id: &str) -> Option<u32> {
        self.0.find(id).map(|product| product.0)
    }

    fn relation_type(&self, code: &str) -> Option<RelationType> {
        let mut declared = self.0.meta().relation_types.iter();
        RelationType::new(declared.find(|declared| declared.code == code)?.number)
    }

    fn market(&self, id: &str) -> Option<u32> {
        self.0.market(id)
    }

    fn category(&self, id: &str) -> Option<u32> {
        self.0.category(id)
    }

    fn brand(&self, id: &str) -> Option<u32> {
        self.0.brand(id)
    }

    fn tag(&self, id: &str) -> Option<u32> {
        self.0.tag(id)
    }
}
