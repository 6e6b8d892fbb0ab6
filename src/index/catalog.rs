//! The catalog blob: products, relations and what is known of them.
//!
//! A [`Catalog`] owns the mapped bytes; a [`View`] is the typed look at them that one request
//! takes. Reads are bounds-checked and never panic, whatever the bytes.

use std::{fmt, ops::Range, path::Path};

use arrayvec::ArrayVec;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{
    Blob, BlobHash, IndexError, Role, UnverifiedBlob,
    archive::Archive,
    check,
    edges::{Block, pointed},
    error::Fault,
    keys::{self, ShortId, Table},
    layout::{
        AliasRecord, AttributeRecord, FORMAT_OF_BUCKETS, INLINE_KEY_BYTES_MAX, Key, KeyGroup, NONE,
        ProductRecord, Section,
    },
    meta::ArchivedCatalogMeta,
    prefetch::prefetch,
};
use crate::model::{
    id::IdRule,
    limits::{ID_BYTES_MAX, SEEDS_MAX},
    relation::RelationType,
};

const CACHE_LINE_BYTES: usize = 64;
/// Lines of a block that are asked for at once: 30 relations of two types take four or five.
const BLOCK_LINES_AHEAD: usize = 5;

/// A product's dense number inside one catalog blob. It never leaves that catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordinal(pub u32);

impl Ordinal {
    /// Its place in sections that have a record per product.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A catalog blob that was verified: whole, and of sound meaning.
pub struct Catalog {
    blob: Blob,
    meta: Archive<ArchivedCatalogMeta>,
    id_rule: IdRule,
    hot: Hot,
}

/// Ranges of the sections that every lookup touches.
struct Hot {
    keys: Range<usize>,
    products: Range<usize>,
    aliases: Range<usize>,
    key_heap: Range<usize>,
    edges: Range<usize>,
    attributes: Range<usize>,
}

/// What a lookup reads a catalog through.
#[derive(Clone, Copy)]
pub struct View<'a> {
    catalog: &'a Catalog,
    keys: Table<'a>,
    /// The same, if it has groups and ids compare as they are; else empty.
    exact_keys: &'a [KeyGroup],
    key_seed: u64,
    products: &'a [ProductRecord],
    aliases: &'a [AliasRecord],
    key_heap: &'a [u8],
    edges: &'a [u8],
    attributes: &'a [AttributeRecord],
}

impl Catalog {
    /// Opens and verifies a catalog file.
    ///
    /// # Errors
    /// As [`UnverifiedBlob::open`], [`UnverifiedBlob::verify`] and [`Catalog::from_blob`].
    pub fn open(path: &Path, expected: Option<BlobHash>) -> Result<Self, IndexError> {
        Self::from_blob(UnverifiedBlob::open(path)?.verify(expected)?)
    }

    /// Checks that the bytes mean something: every offset, ordinal and number is in range, every
    /// id is found under its own name, every list is sorted as `FORMAT.md` says.
    ///
    /// # Errors
    /// `WRONG_ROLE`, or `STRUCTURE` naming the section.
    pub fn from_blob(blob: Blob) -> Result<Self, IndexError> {
        let path = blob.path().to_owned();
        Self::read(blob).map_err(|fault| fault.at(&path))
    }

    fn read(blob: Blob) -> Result<Self, Fault> {
        blob.require(Role::Catalog)?;
        let meta = Archive::<ArchivedCatalogMeta>::check(&blob, Section::Meta)?;
        let number = meta.get().id_rule;
        let Some(id_rule) = IdRule::new(number) else {
            return Err(Fault::structure("meta", format!("id rule {number} is unknown")));
        };
        let hot = Hot {
            keys: blob.range(Section::Keys),
            products: blob.range(Section::Products),
            aliases: blob.range(Section::Aliases),
            key_heap: blob.range(Section::KeyHeap),
            edges: blob.range(Section::Edges),
            attributes: blob.range(Section::Attributes),
        };
        let catalog = Self { blob, meta, id_rule, hot };
        check::catalog(&catalog.view())?;
        Ok(catalog)
    }

    /// The typed look at its bytes; take one a request.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        let keys = self.blob.bytes(&self.hot.keys);
        let keys = if self.blob.format() <= FORMAT_OF_BUCKETS {
            Table::Buckets(records(keys))
        } else {
            Table::Groups(records(keys))
        };
        View {
            catalog: self,
            keys,
            exact_keys: match (keys, self.id_rule) {
                (Table::Groups(groups), IdRule::Exact) => groups,
                _ => &[],
            },
            key_seed: self.blob.key_seed(),
            products: records(self.blob.bytes(&self.hot.products)),
            aliases: records(self.blob.bytes(&self.hot.aliases)),
            key_heap: self.blob.bytes(&self.hot.key_heap),
            edges: self.blob.bytes(&self.hot.edges),
            attributes: records(self.blob.bytes(&self.hot.attributes)),
        }
    }

    /// The blob.
    #[must_use]
    pub fn blob(&self) -> &Blob {
        &self.blob
    }
}

impl<'a> View<'a> {
    /// What the catalog declares.
    #[must_use]
    pub fn meta(&self) -> &'a ArchivedCatalogMeta {
        self.catalog.meta.get()
    }

    /// How ids compare.
    #[inline]
    #[must_use]
    pub fn id_rule(&self) -> IdRule {
        self.catalog.id_rule
    }

    /// How many products there are.
    #[must_use]
    pub fn product_count(&self) -> usize {
        self.products.len()
    }

    /// Every product in the order of ids.
    pub fn ordinals(&self) -> impl DoubleEndedIterator<Item = Ordinal> + use<> {
        (0..u32::try_from(self.products.len()).unwrap_or(NONE)).map(Ordinal)
    }

    /// The product of an id or alias.
    #[inline]
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Ordinal> {
        let id = id.as_bytes();
        // Nearly every id of 9 to 15 bytes needs no more than this where ids compare as they are.
        if !self.exact_keys.is_empty()
            && let Some(found) =
                self.find_short::<false>(id, |hash| keys::first(self.exact_keys, hash))
        {
            return Some(found);
        }
        self.find_otherwise(id)
    }

    /// A product of a short id by the entry that most likely is it: a few dozen instructions, so that the
    /// next lookup begins while this one waits for memory.
    #[inline]
    fn find_short<const FOLDED: bool>(
        &self,
        id: &[u8],
        first: impl FnOnce(u64) -> Option<u32>,
    ) -> Option<Ordinal> {
        let short = ShortId::<FOLDED>::new(id)?;
        let entry = first(short.hash(self.key_seed, id))?;
        let product = self.product(Ordinal(entry))?;
        short.is(&product.key).then_some(Ordinal(entry))
    }

    /// The same for any id, by any rule, in any table.
    #[inline(never)]
    fn find_otherwise(&self, id: &[u8]) -> Option<Ordinal> {
        let rule = self.id_rule();
        if rule == IdRule::CaseFolded
            && let Some(found) = self.find_short::<true>(id, |hash| self.keys.first(hash))
        {
            return Some(found);
        }
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return None;
        }
        let is_it = |entry| self.entry_key(entry).is_some_and(|key| rule.same(key, id));
        let entry = self.keys.find(keys::hash(rule, self.key_seed, id), is_it)?;
        self.entry_product(entry)
    }

    /// The product's record.
    #[inline]
    #[must_use]
    pub fn product(&self, ordinal: Ordinal) -> Option<&'a ProductRecord> {
        self.products.get(ordinal.index())
    }

    /// Price, brand, category and masks of a product.
    #[inline]
    #[must_use]
    pub fn attributes(&self, ordinal: Ordinal) -> Option<&'a AttributeRecord> {
        self.attributes.get(ordinal.index())
    }

    /// Asks for the cache line of a product's record, which every lookup reads.
    #[inline]
    pub fn prefetch(&self, ordinal: Ordinal) {
        if let Some(product) = self.product(ordinal) {
            prefetch(product);
        }
    }

    /// Asks for the cache lines of the attributes that filters read: assortment, brand, category. An
    /// eighth of the records has them on two.
    #[inline]
    pub fn prefetch_attributes(&self, ordinal: Ordinal) {
        if let Some(attributes) = self.attributes(ordinal) {
            prefetch(&attributes.assortment);
            prefetch(&attributes.category);
        }
    }

    /// Asks for the cache lines of a product's first relations.
    #[inline]
    pub fn prefetch_block(&self, product: &ProductRecord) {
        let offset = usize::try_from(pointed(product.edges.get()).0).unwrap_or(usize::MAX);
        let block = self.edges.get(offset..).unwrap_or_default();
        let lines = block.chunks(CACHE_LINE_BYTES).take(BLOCK_LINES_AHEAD);
        lines.filter_map(<[u8]>::first).for_each(prefetch);
    }

    /// Asks for the group of the key table that finding this id reads.
    pub fn prefetch_key(&self, id: &str) {
        self.keys.prefetch(keys::hash(self.id_rule(), self.key_seed, id.as_bytes()));
    }

    /// Asks for the record that finding this id reads, once the group is there.
    pub fn prefetch_record(&self, id: &str) {
        let hash = keys::hash(self.id_rule(), self.key_seed, id.as_bytes());
        if let Some(entry) = self.keys.first(hash) {
            self.prefetch(Ordinal(entry));
        }
    }

    /// Asks for what finding these ids reads: of each the group, then of each the record, so that they
    /// wait together and not one after the other.
    pub fn prefetch_ids<'i>(&self, ids: impl Iterator<Item = &'i str>) {
        let (rule, seed) = (self.id_rule(), self.key_seed);
        let hash = |id: &str| keys::hash(rule, seed, id.as_bytes());
        let hashes = ids.take(SEEDS_MAX).map(hash).collect::<ArrayVec<_, SEEDS_MAX>>();
        hashes.iter().for_each(|hash| self.keys.prefetch(*hash));
        for hash in hashes {
            if let Some(entry) = self.keys.first(hash) {
                self.prefetch(Ordinal(entry));
            }
        }
    }

    /// The bytes of a product's id, UTF-8 in a file that nobody changed; empty if out of range.
    #[must_use]
    pub fn id_bytes(&self, ordinal: Ordinal) -> &'a [u8] {
        self.product(ordinal).and_then(|product| self.key_bytes(&product.key)).unwrap_or_default()
    }

    /// A product's id.
    #[must_use]
    pub fn id(&self, ordinal: Ordinal) -> &'a str {
        str::from_utf8(self.id_bytes(ordinal)).unwrap_or_default()
    }

    /// A product's relations.
    #[must_use]
    pub fn block(&self, ordinal: Ordinal) -> Block<'a> {
        let product = self.product(ordinal);
        product.map_or(Block::EMPTY, |product| Block::at(self.edges, product.edges.get()))
    }

    /// The product of which this one is a variant.
    #[must_use]
    pub fn parent(&self, ordinal: Ordinal) -> Option<Ordinal> {
        let parent = self.product(ordinal)?.parent.get();
        (parent != NONE).then_some(Ordinal(parent))
    }

    /// Does the catalog declare this relation type?
    #[must_use]
    pub fn declares(&self, relation_type: RelationType) -> bool {
        self.meta().relation_types.iter().any(|declared| declared.number == relation_type.number())
    }

    pub(crate) fn key_bytes(&self, key: &'a Key) -> Option<&'a [u8]> {
        let len = usize::from(key.len);
        if len <= INLINE_KEY_BYTES_MAX {
            return key.bytes.get(..len);
        }
        let offset = usize::try_from(key.heap_offset()).ok()?;
        self.key_heap.get(offset..offset.checked_add(len)?)
    }

    /// The id of an entry of the key table: a product's or an alias.
    pub(crate) fn entry_key(&self, entry: u32) -> Option<&'a [u8]> {
        let entry = Ordinal(entry).index();
        let key = match self.products.get(entry) {
            Some(product) => &product.key,
            None => &self.aliases.get(entry - self.products.len())?.key,
        };
        self.key_bytes(key)
    }

    fn entry_product(&self, entry: u32) -> Option<Ordinal> {
        match Ordinal(entry).index().checked_sub(self.products.len()) {
            None => Some(Ordinal(entry)),
            Some(alias) => self.aliases.get(alias).map(|alias| Ordinal(alias.product.get())),
        }
    }

    pub(crate) fn keys(&self) -> Table<'a> {
        self.keys
    }

    #[inline]
    pub(crate) fn key_seed(&self) -> u64 {
        self.catalog.blob.key_seed()
    }

    pub(crate) fn products(&self) -> &'a [ProductRecord] {
        self.products
    }

    /// Other ids of products, sorted.
    pub fn aliases(&self) -> impl Iterator<Item = (&'a str, Ordinal)> + use<'a> {
        let view = *self;
        view.aliases.iter().map(move |alias| {
            let key = view.key_bytes(&alias.key).unwrap_or_default();
            (str::from_utf8(key).unwrap_or_default(), Ordinal(alias.product.get()))
        })
    }

    pub(crate) fn alias_records(&self) -> &'a [AliasRecord] {
        self.aliases
    }

    pub(crate) fn key_heap(&self) -> &'a [u8] {
        self.key_heap
    }

    pub(crate) fn edge_bytes(&self) -> &'a [u8] {
        self.edges
    }

    /// The records of a section that is not hot.
    pub(crate) fn section<T>(&self, section: Section) -> &'a [T]
    where
        T: FromBytes + Immutable + KnownLayout,
    {
        let blob = &self.catalog.blob;
        records(blob.bytes(&blob.range(section)))
    }
}

impl Key {
    /// The key of an id, and whether its bytes go to the heap at `heap_offset`.
    pub(crate) fn new(id: &[u8], heap_offset: u64) -> (Self, bool) {
        let mut key =
            Self { len: u8::try_from(id.len()).expect("at most 128 bytes"), bytes: [0; 15] };
        let inline = id.len() <= INLINE_KEY_BYTES_MAX;
        if inline {
            key.bytes.split_at_mut(id.len()).0.copy_from_slice(id);
        } else {
            key.bytes.split_at_mut(7).1.copy_from_slice(&heap_offset.to_le_bytes());
        }
        (key, !inline)
    }

    pub(crate) fn heap_offset(&self) -> u64 {
        self.bytes.last_chunk::<8>().map_or(0, |offset| u64::from_le_bytes(*offset))
    }
}

/// Bytes as records; their number was checked to be whole when the header was read.
fn records<T: FromBytes + Immutable + KnownLayout>(bytes: &[u8]) -> &[T] {
    <[T]>::ref_from_bytes(bytes).unwrap_or_default()
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("hash", &self.blob.hash()).finish_non_exhaustive()
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.catalog.fmt(f)
    }
}
