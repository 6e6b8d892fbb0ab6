//! Products that a server itself can name.
//!
//! The API lists no catalog, as no page render needs one: so the best sellers come first, then the
//! products that their relations lead to, then the best sellers of the categories that were met. What
//! nobody buys and nothing leads to is not found; a list of all ids is better where there is one.

use std::collections::HashSet;

use crate::{
    client::{ClientError, Replica},
    model::limits::RESULTS_MAX,
    pb::{self, Availability, fallback_step::Step},
};

/// The whole catalog, as a category.
const EVERYTHING: &str = "*";

/// Relations of one product that are followed.
const RELATIONS: i32 = 100;

/// Up to `wanted` products, the same ones in the same order each time; none if the server names none.
///
/// # Errors
/// The server's refusal.
pub async fn product_ids(
    replica: &mut Replica,
    wanted: usize,
    context: &pb::Context,
) -> Result<Vec<String>, ClientError> {
    let mut found = Found { wanted, ..Found::default() };
    found.best_sellers(replica, EVERYTHING, context).await?;
    let (mut product, mut category) = (0, 0);
    // A product or category after the other, until there are enough or nothing new comes.
    while found.ids.len() < wanted {
        if let Some(path) = found.categories.get(category).cloned() {
            category += 1;
            found.best_sellers(replica, &path, context).await?;
        } else if let Some(id) = found.ids.get(product).cloned() {
            product += 1;
            found.related(replica, id).await?;
        } else {
            break;
        }
    }
    Ok(found.ids)
}

/// What was found, in the order in which it was.
#[derive(Default)]
struct Found {
    wanted: usize,
    ids: Vec<String>,
    known_ids: HashSet<String>,
    categories: Vec<String>,
    known_categories: HashSet<String>,
}

impl Found {
    fn take(&mut self, id: String) {
        if self.ids.len() < self.wanted && self.known_ids.insert(id.clone()) {
            self.ids.push(id);
        }
    }

    async fn best_sellers(
        &mut self,
        replica: &mut Replica,
        category: &str,
        context: &pb::Context,
    ) -> Result<(), ClientError> {
        for one in replica.recommendations(popular(category, context)).await?.recommendations {
            let path = one.attributes.map(|attributes| attributes.category_id).unwrap_or_default();
            if !path.is_empty() && self.known_categories.insert(path.clone()) {
                self.categories.push(path);
            }
            self.take(one.product_id);
        }
        Ok(())
    }

    async fn related(&mut self, replica: &mut Replica, id: String) -> Result<(), ClientError> {
        let request =
            pb::ListRelationsRequest { product_id: id, page_size: RELATIONS, ..Default::default() };
        let page = replica.relations(request).await?;
        page.relations.into_iter().for_each(|one| self.take(one.target_product_id));
        Ok(())
    }
}

/// Asks for the best sellers of a category, whether they are in stock or not.
fn popular(category: &str, context: &pb::Context) -> pb::GetRecommendationsRequest {
    use Availability::{Backorder, InStock, LowStock, OutOfStock, Preorder};
    let any = [InStock, LowStock, Backorder, Preorder, OutOfStock];
    let step = Some(Step::PopularInCategoryId(category.to_owned()));
    let lookup = pb::LookupSpec {
        max_results: i32::try_from(RESULTS_MAX).unwrap_or(i32::MAX),
        filter: Some(pb::Filter {
            availabilities: any.map(i32::from).to_vec(),
            ..Default::default()
        }),
        fallback: Some(pb::Fallback { steps: vec![pb::FallbackStep { step }], disabled: false }),
        ..Default::default()
    };
    // The stage stands for the types, of which there must be some.
    let stage = pb::ShoppingStage::Discovery.into();
    pb::GetRecommendationsRequest {
        lookup: Some(lookup),
        context: Some(pb::Context { stage, ..context.clone() }),
        view: pb::RecommendationView::Full.into(),
        ..Default::default()
    }
}
