//! The certificate that a connection's peer has shown, and the roles that it gives as the book stands.
//!
//! Names in a certificate are compared with those in the book one by one, which costs some microseconds
//! each. So a connection remembers what came of it, and from which book: it asks again at its first call
//! after the book was replaced, and a name that was taken out loses its roles with that call.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use super::{Book, Roles};

/// What the peer of a connection has shown.
#[derive(Debug, Default)]
pub(in crate::service) struct Shown(Option<Certificate>);

#[derive(Debug)]
struct Certificate {
    der: Box<[u8]>,
    /// From a connection's own thread only, as its calls are admitted one after the other.
    found: RefCell<Found>,
}

/// What a book said.
#[derive(Debug)]
struct Found {
    /// Held weakly, so that an open connection keeps no old book; while it is held no other book can have
    /// its place in memory.
    book: Weak<Book>,
    roles: Roles,
}

impl Shown {
    /// A verified certificate.
    pub(in crate::service) fn certificate(der: &[u8]) -> Self {
        let found = RefCell::new(Found { book: Weak::new(), roles: Roles::NONE });
        Self(Some(Certificate { der: der.into(), found }))
    }

    /// The roles that this book gives for it.
    #[inline]
    pub(super) fn roles(&self, book: &Arc<Book>) -> Roles {
        let Some(Certificate { der, found }) = &self.0 else { return Roles::NONE };
        let mut found = found.borrow_mut();
        if found.book.as_ptr() != Arc::as_ptr(book) {
            *found = Found { book: Arc::downgrade(book), roles: book.by_certificate(der) };
        }
        found.roles
    }
}
