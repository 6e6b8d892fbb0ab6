//! The lines of a bulk operation: children stand on lines of their own and name their parent by GID,
//! somewhere behind it, unless the operation was told to group them.
//!
//! So a product's line is read twice: first to know what its variants make of it, then to pass it on.

use std::collections::BTreeMap;

use super::{
    document::{CONTAINERS, inner},
    member::{self, Members, gid, own_gid},
    product::{Price, better, lower},
};
use crate::{
    model::{
        record::{FileId, Location, Visibility},
        relation::Availability,
    },
    sources::{SourceError, files::SourceFile, json::JsonReader, room::Room, sample::Deaf},
};

/// Bytes of the products of one file that are remembered: some half a million. Shops with more
/// split their export.
const PRODUCTS_BYTES_MAX: usize = 96 << 20;
/// What one takes beside its texts: a place in a tree that is half full, and an allocation a text.
const PRODUCT_BYTES: usize = 160;

/// What the lines behind a product's own say of it.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) id: Box<str>,
    pub(super) visibility: Visibility,
    pub(super) price: Option<Price>,
    pub(super) availability: Option<Availability>,
    /// Does it stand below another object?
    is_nested: bool,
}

/// The products of a file by the number in their GID.
#[derive(Debug)]
pub(super) struct Index {
    room: Room,
    products: BTreeMap<u64, Facts>,
}

impl Index {
    /// Reads a file for its products. Nothing is reported: it is read again.
    pub(super) fn read(file: &SourceFile) -> Result<Self, SourceError> {
        let room = Room::new(PRODUCTS_BYTES_MAX, PRODUCT_BYTES);
        let mut index = Self { room, products: BTreeMap::new() };
        let mut reader = JsonReader::new(file.open()?, CONTAINERS);
        while let Some(item) = reader.next(FileId(0), &mut Deaf)? {
            // Items of a list have their children inside.
            if !item.container.is_empty() {
                break;
            }
            for members in inner(&item.object) {
                index.add(members, item.at);
            }
        }
        Ok(index)
    }

    /// The product that a GID names.
    pub(super) fn product(&self, text: &str) -> Option<&Facts> {
        let (kind, number) = gid(text)?;
        self.products.get(&number).filter(|_| kind == "Product")
    }

    /// Has a product a line that is not nested below another?
    pub(super) fn has_own_line(&self, text: &str) -> bool {
        self.product(text).is_some_and(|facts| !facts.is_nested)
    }

    fn add(&mut self, members: &Members, at: Location) {
        let Some((kind, number)) = own_gid(members).and_then(gid) else { return };
        if kind == "Product" {
            let is_nested = is_nested(members);
            // A reference; and a product's own line says more than one below a collection.
            if is_nested && (!members.contains_key("handle") || self.products.contains_key(&number))
            {
                return;
            }
            let Some(product) = member::product(members, at, &mut Deaf) else { return };
            let (visibility, price) = (product.visibility, product.price);
            let currency = price.as_ref().and_then(|price| price.currency.as_deref());
            if !self.room.take(&[&product.id, currency.unwrap_or_default()]) {
                return;
            }
            let id = product.id.into_boxed_str();
            let facts = Facts { id, visibility, price, availability: None, is_nested };
            self.products.insert(number, facts);
        } else if kind == "ProductVariant"
            && let Some((_, parent)) = parent(members).and_then(gid)
            && let Some(facts) = self.products.get_mut(&parent)
        {
            let variant = member::variant(members, at, &mut Deaf);
            facts.price = lower(facts.price.take(), variant.price);
            if variant.options.is_empty() {
                facts.availability = better(facts.availability, variant.availability);
            }
        }
    }
}

/// Does a line stand below another object?
pub(super) fn is_nested(members: &Members) -> bool {
    members.get("__parentId").is_some_and(|parent| !parent.is_null())
}

/// The GID of what a line belongs to.
pub(super) fn parent(members: &Members) -> Option<&str> {
    let product = || members.get("product")?.get("id");
    members.get("__parentId").or_else(product)?.as_str()
}
