//! Listings of stored relations, and the tokens of their pages.

use xxhash_rust::xxh3::Xxh3;

use super::{
    Violations,
    lookup::{Types, relation_types},
};
use crate::{
    index::View,
    model::{
        id,
        limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX},
    },
    pb,
    service::status::{Refusal, quoted},
};

/// A page of `ListRelations`: which types, from where and how many.
#[derive(Debug)]
pub(in crate::service) struct Listing<'s> {
    pub(in crate::service) types: Types,
    pub(in crate::service) token: PageToken<'s>,
    pub(in crate::service) page_size: usize,
}

/// The listing of a request. `snapshot_id` is the one that answers; page tokens name theirs.
pub(in crate::service) fn listing<'s>(
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
pub(in crate::service) struct PageToken<'s> {
    snapshot_id: &'s str,
    request: u64,
    pub(in crate::service) skip: usize,
}

impl PageToken<'_> {
    /// The token of another page of the same listing.
    pub(in crate::service) fn at(&self, skip: usize) -> String {
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
