//! Who may call what, and where.
//!
//! One table says of each method on which plane it is served and which roles may call it. It is a `match`
//! over all methods that the descriptors name, so a new method fails to compile until it is listed; a path
//! that is no method's is refused before any router sees it.
//!
//! A caller's roles come from three places: what the listener grants to everybody (an open lookup listener
//! grants reading, a Unix socket everything, as its file's mode says who may connect), the client's
//! certificate, and its token. A token that is sent must be a right one, also where none is needed: who has
//! a wrong one hears of it before it matters. All three count as they stand when a call begins, also on a
//! connection that was there before.

mod book;
mod shown;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::SystemTime};

use hyper::{HeaderMap, header::AUTHORIZATION};

pub use self::book::{Book, BookError, token_hash};
pub(super) use self::shown::Shown;
use super::status::Refusal;
use crate::{pb::Method, slot::Slot, telemetry::ListenerKind};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask which products belong together, and why: storefronts.
    Reader,
    /// Say what is in stock and at which price.
    Feeder,
    /// Take products out of every answer, and allow them again.
    Merchandiser,
    /// All of it.
    Operator,
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    /// Nobody's.
    pub const NONE: Self = Self(0);
    /// Every role.
    pub const ALL: Self =
        Self::of(&[Role::Reader, Role::Feeder, Role::Merchandiser, Role::Operator]);

    /// These roles.
    #[must_use]
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < roles.len() {
            bits |= 1 << roles[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A group of methods that a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// What shops call at page render.
    Lookup,
    /// Stock, blocks, snapshots.
    Admin,
    /// Both on one listener.
    Shared,
}

/// What holds for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    /// Where it is served; `Shared` is everywhere.
    plane: Plane,
    /// Any of these may call it. Nobody asks who calls where there are none.
    roles: Roles,
}

/// The table.
const fn rule(method: Method) -> Rule {
    use Role::{Feeder, Merchandiser, Operator, Reader};
    let (plane, roles): (Plane, &[Role]) = match method {
        Method::GetRecommendations
        | Method::BatchGetRecommendations
        | Method::GetBundles
        | Method::ExplainRecommendations
        | Method::ListRelations
        | Method::DescribeCatalog => (Plane::Lookup, &[Reader, Merchandiser, Operator]),
        Method::BatchUpdateAvailability | Method::ReplaceAvailability => {
            (Plane::Admin, &[Feeder, Operator])
        }
        Method::BatchGetAvailability | Method::ListAvailability => {
            (Plane::Admin, &[Feeder, Merchandiser, Operator])
        }
        Method::BlockProducts | Method::UnblockProducts => {
            (Plane::Admin, &[Merchandiser, Operator])
        }
        Method::ListBlockedProducts => (Plane::Admin, &[Feeder, Merchandiser, Operator]),
        // What a cache in front needs tells nothing that lookups do not.
        Method::WatchActiveSnapshot => (Plane::Admin, &[Reader, Merchandiser, Operator]),
        Method::GetSnapshot | Method::ListSnapshots | Method::DiffSnapshots => {
            (Plane::Admin, &[Merchandiser, Operator])
        }
        Method::ActivateSnapshot
        | Method::RollbackSnapshot
        | Method::HoldSnapshot
        | Method::ReleaseSnapshot => (Plane::Admin, &[Operator]),
        Method::HealthCheck | Method::HealthWatch => (Plane::Shared, &[]),
        Method::ReflectionV1 | Method::ReflectionV1alpha => {
            (Plane::Shared, &[Reader, Feeder, Merchandiser, Operator])
        }
    };
    Rule { plane, roles: Roles::of(roles) }
}

/// May the method be refused for want of time? Health tells of load best when it is not.
pub(super) const fn is_shed(method: Method) -> bool {
    matches!(rule(method).plane, Plane::Lookup)
}

/// What a listener asks of its callers. Clones are one.
#[derive(Clone, Debug)]
pub struct Access {
    plane: Plane,
    /// What everybody may.
    granted: Roles,
    book: Option<Arc<Slot<Book>>>,
}

impl Access {
    /// Everybody has these roles; tokens are not looked at.
    #[must_use]
    pub const fn open(plane: Plane, granted: Roles) -> Self {
        Self { plane, granted, book: None }
    }

    /// Roles come from the book that is in the slot, which may be replaced at any time.
    #[must_use]
    pub const fn by_book(plane: Plane, book: Arc<Slot<Book>>) -> Self {
        Self { plane, granted: Roles::NONE, book: Some(book) }
    }

    /// The same where who connects has these roles besides.
    #[must_use]
    pub fn granting(self, granted: Roles) -> Self {
        Self { granted, ..self }
    }

    /// What its listener is for.
    pub(super) const fn plane(&self) -> Plane {
        self.plane
    }

    /// As whose the connections of its listener are counted.
    pub(super) const fn listener(&self) -> ListenerKind {
        match self.plane {
            Plane::Admin => ListenerKind::Admin,
            Plane::Lookup | Plane::Shared => ListenerKind::Lookup,
        }
    }

    /// May this call be made, on a connection whose peer has shown this?
    ///
    /// # Errors
    /// `UNIMPLEMENTED` for what is no method, or is one of the other plane; `UNAUTHENTICATED` for who
    /// says not who it is, or says it wrongly; `PERMISSION_DENIED` for who may not.
    pub(super) fn admit(
        &self,
        method: Option<Method>,
        headers: &HeaderMap,
        shown: &Shown,
    ) -> Result<Method, Refusal> {
        let method = method.ok_or(Refusal::NoMethod)?;
        let rule = rule(method);
        let is_here = rule.plane == Plane::Shared || self.plane == Plane::Shared;
        if !is_here && rule.plane != self.plane {
            return Err(Refusal::OtherPlane { is_admin: rule.plane == Plane::Admin });
        }
        if rule.roles.is_empty() {
            return Ok(method);
        }
        let mut roles = self.granted;
        if let Some(book) = self.book.as_ref().and_then(|book| book.load()) {
            roles = roles.and(book.anyone()).and(shown.roles(&book));
            if let Some(value) = headers.get(AUTHORIZATION) {
                roles = roles.and(book.by_token(value.as_bytes(), SystemTime::now())?);
            }
        }
        if roles.meets(rule.roles) {
            Ok(method)
        } else if roles.is_empty() {
            Err(Refusal::NoCredentials)
        } else {
            Err(Refusal::WrongRole)
        }
    }
}
