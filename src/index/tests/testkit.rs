//! Small catalogs out of text, what a reader should answer about them, and blobs taken apart.
//!
//! A [`Model`] is a catalog as plain lists and maps. [`Model::answers`] says naively what
//! [`read`] must find in the blob written from it.

mod answers;
mod parts;
mod text;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _},
    path::Path,
};

pub(super) use answers::read;
pub(super) use parts::Parts;
pub(super) use text::model;

use crate::{
    index::{
        Blob, BlobHash, BundleDraft, Catalog, CatalogDraft, CatalogWriter, IndexError,
        MarketPriceDraft, Ordinal, ProductDraft, ProductTable, Provenance, ProvenanceWriter,
        RunDraft, UnverifiedBlob,
        layout::{Edge, ProvenanceRecord, RareRecord},
        meta::{CatalogMeta, FileMeta},
    },
    model::{id::IdRule, record::Visibility},
};

/// A product as plain data.
#[derive(Clone, Debug, Default)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) parent: Option<u32>,
    pub(super) variant_position: u32,
    pub(super) hidden: bool,
    pub(super) eco_grade: u8,
    pub(super) availability: u8,
    pub(super) price: Option<i64>,
    pub(super) tags: u64,
    pub(super) assortment: u64,
    pub(super) brand: Option<u32>,
    pub(super) category: Option<u32>,
    pub(super) read_at_s: u32,
    pub(super) extra_categories: Vec<u32>,
    pub(super) popularity: Option<f64>,
}

/// A relation as plain data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) edge: Edge,
    pub(super) rare: Option<RareRecord>,
    pub(super) file: u32,
    pub(super) line: u32,
}

/// A catalog as plain lists and maps; everything is in the order the file wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) rule: IdRule,
    pub(super) meta: CatalogMeta,
    pub(super) products: Vec<Product>,
    pub(super) aliases: Vec<(String, u32)>,
    pub(super) prices: Vec<MarketPriceDraft>,
    pub(super) bundles: Vec<BundleDraft>,
    /// By source and type number, best first.
    pub(super) relations: BTreeMap<(u32, u8), Vec<Link>>,
    pub(super) sources: Vec<String>,
    pub(super) files: Vec<FileMeta>,
}

impl ProductTable for Model {
    fn count(&self) -> u32 {
        u32::try_from(self.products.len()).expect("fixtures are small")
    }

    fn id(&self, ordinal: u32) -> &str {
        &self.products[ordinal as usize].id
    }

    fn title(&self, ordinal: u32) -> &str {
        &self.products[ordinal as usize].title
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let product = &self.products[ordinal as usize];
        ProductDraft {
            parent: product.parent,
            variant_position: product.variant_position,
            visibility: if product.hidden { Visibility::Hidden } else { Visibility::Visible },
            eco_grade: product.eco_grade,
            availability: product.availability,
            price: product.price,
            tags: product.tags,
            assortment: product.assortment,
            brand: product.brand,
            category: product.category,
            read_at_s: product.read_at_s,
            extra_categories: &product.extra_categories,
            popularity: product.popularity,
        }
    }
}

impl Model {
    /// The bytes of its catalog blob.
    pub(super) fn catalog(&self) -> Vec<u8> {
        let reverse = self.meta.relation_types.iter().filter(|declared| declared.reverse == 1);
        let reverse_types = reverse.map(|declared| declared.number).collect();
        written(|file| {
            let mut writer = CatalogWriter::new(file, Path::new("catalog"), reverse_types)?;
            for source in 0..self.count() {
                writer.block(&self.runs(source))?;
            }
            let aliases = self.aliases.iter().map(|(alias, product)| (alias.as_str(), *product));
            writer.finish(CatalogDraft {
                id_rule: self.rule,
                products: self,
                aliases: &aliases.collect::<Vec<_>>(),
                market_prices: &self.prices,
                bundles: &self.bundles,
                meta: self.meta.clone(),
            })
        })
    }

    /// The bytes of the provenance blob beside the catalog blob of this hash.
    pub(super) fn provenance(&self, catalog: BlobHash) -> Vec<u8> {
        written(|file| {
            let mut writer = ProvenanceWriter::new(file, Path::new("provenance"))?;
            for source in 0..self.count() {
                writer.block(self.links(source).map(|link| ProvenanceRecord {
                    file: link.file.into(),
                    line: link.line.into(),
                }))?;
            }
            writer.finish(catalog, self.sources.clone(), self.files.clone())
        })
    }

    /// The relations of a product over its runs.
    pub(super) fn links(&self, source: u32) -> impl Iterator<Item = &Link> {
        self.relations.range((source, 0)..=(source, u8::MAX)).flat_map(|(_, links)| links)
    }

    /// The ordinal of an id, looked for from the first product to the last.
    pub(super) fn ordinal(&self, id: &str) -> u32 {
        let is_it = |product: &Product| self.rule.same(product.id.as_bytes(), id.as_bytes());
        let at = self.products.iter().position(is_it);
        u32::try_from(at.unwrap_or_else(|| panic!("the fixture has {id}"))).expect("small")
    }

    fn runs(&self, source: u32) -> Vec<RunDraft> {
        let runs = self.relations.range((source, 0)..=(source, u8::MAX));
        let draft = |((_, relation_type), links): (&(u32, u8), &Vec<Link>)| RunDraft {
            relation_type: *relation_type,
            edges: links.iter().map(|link| (link.edge, link.rare)).collect(),
        };
        runs.map(draft).collect()
    }

    /// Products and aliases by folded id.
    pub(super) fn by_id(&self) -> BTreeMap<Cow<'_, [u8]>, Ordinal> {
        let products = self.products.iter().zip(0..).map(|(product, at)| (&product.id, at));
        let all = products.chain(self.aliases.iter().map(|(alias, product)| (alias, *product)));
        all.map(|(id, ordinal)| (self.rule.fold(id), Ordinal(ordinal))).collect()
    }
}

/// What a writer put into an empty file.
pub(super) fn written(write: impl FnOnce(File) -> Result<(), IndexError>) -> Vec<u8> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    write(file.try_clone().expect("a second handle")).expect("writing works");
    let mut bytes = Vec::new();
    file.rewind().expect("the file is a regular one");
    file.read_to_end(&mut bytes).expect("the file can be read");
    bytes
}

/// Opens bytes up to the checksums.
pub(super) fn blob(bytes: &[u8]) -> Result<Blob, IndexError> {
    UnverifiedBlob::from_bytes(Path::new("blob"), bytes)?.verify(None)
}

/// Opens the bytes of a catalog.
pub(super) fn catalog(bytes: &[u8]) -> Result<Catalog, IndexError> {
    Catalog::from_blob(blob(bytes)?)
}

/// Opens the bytes of a provenance blob beside its catalog.
pub(super) fn provenance(bytes: &[u8], catalog: &Catalog) -> Result<Provenance, IndexError> {
    Provenance::from_blob(blob(bytes)?, &catalog.view(), catalog.blob().hash())
}

/// A small catalog in which every section has something and every mark is used.
pub(super) const TOYS: &str = "
    rule folded
    inventory main
    inventory alps
    market de EUR main
    market ch CHF alps
    type 1 cross_sell
    type 6 accessory reverse
    type 9 consumable reverse two_way
    type 100 fits_model
    tag wood
    tag new
    brand Acme
    brand Zeta
    category Power
    category Toys
    category Toys/Cars
    category Toys/Cars/Racing-cars-with-a-rather-long-name
    category Toys/Trains

    product TOY-car title=Toy_car brand=Acme category=Toys/Cars also=Power,Toys price=1999 in=de,ch \
        tags=wood,new grade=4 stock=in_stock read=1700000000 popular=7.5
    product toy-car-red title=Red_toy_car parent=toy-car:2 price=2099 in=de
    product toy-car-blue title=Blaues_Spielzeugauto_für_Kinder parent=toy-car:1 price=2099 in=de,ch popular=0
    product battery-aa brand=Zeta category=Power price=499 in=de,ch stock=low_stock popular=7.5
    product Battery-aa-rechargeable-with-usb-c category=Power price=-1 in=ch stock=discontinued
    product charger category=Power also=Toys/Trains price=2999 popular=1e9
    product shop-window-display-of-toys hidden title=Display category=Toys popular=9
    product set title=Set price=4999 in=de,ch
    product set-2 price=5999 in=de

    alias 00000000-0000-4000-8000-000000000001 toy-car
    alias OLD-CAR Toy-Car
    alias aa battery-aa

    price toy-car ch 2299 1700000001
    price charger ch 3299 0
    price charger de 2899 5

    edge toy-car cross_sell set 65535 curated
    edge toy-car cross_sell charger 64461 rule stages=1,5 line=3
    edge toy-car accessory battery-aa-rechargeable-with-usb-c 60000 imported scored line=4
    edge toy-car accessory battery-aa 59999 imported scored stages=2,3,4 quantity=2.5 line=5
    edge toy-car accessory charger 7 model in=ch line=6
    edge toy-car consumable battery-aa 65535 imported quantity=2 from=-5 to=1800000000 in=de line=7
    edge battery-aa consumable toy-car 65535 imported reversed quantity=2 line=7
    edge set cross_sell toy-car 1 popular line=8
    edge charger fits_model toy-car 65535 co_view line=9
    edge charger fits_model set 0 co_purchase line=10
    edge set-2 accessory charger 9 imported line=11

    bundle set
    option car required 1 1
    pick toy-car-red 1 default
    pick toy-car-blue 1
    option power optional 0 4
    pick battery-aa 2.5
    pick toy-car-red 1
    bundle set-2
    option all-of-it required 1 0
    pick charger 1 default
    pick battery-aa 4 default
";
