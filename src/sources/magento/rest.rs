//! Magento's REST interface: products with `product_links`, pages of a search, lists of links.
//!
//! A configurable product names its variants by the numbers of their rows, which only the variants'
//! own products tell: the files are read twice, the first time for those numbers alone.

mod links;

use std::{borrow::Cow, rc::Rc};

use serde_json::{Map, Value};

use self::links::{link, links, options};
use super::{VISIBILITIES, visibility_of};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        id,
        record::{
            FileId, Location, PriceRecord, ProductRecord, Record, RecordSink, ScopeRecord,
            VariantRecord, Visibility,
        },
        relation::Availability,
    },
    sources::{
        Fit, SourceError,
        files::SourceFile,
        json::JsonReader,
        object::{Object, scalar},
        room::Room,
        sample::{Deaf, Sample},
    },
};

/// Pages of a search.
const CONTAINERS: &[&str] = &["items"];
const LINKS: &str = "product_links";
const VARIANTS: &str = "configurable_product_links";

/// Variants that are waited for, of all configurable products: some 50 MiB.
const VARIANTS_MAX: usize = 1_000_000;
/// Bytes of the SKUs of their configurable products.
const PARENTS_BYTES_MAX: usize = 48 << 20;

/// Products of the REST interface, in one or more files.
#[derive(Debug)]
pub(super) struct Rest {
    /// Configurable products by the row numbers of their variants; sorted once everything is learned.
    variants: Vec<(u64, Parent)>,
    room: Room,
    has_too_many: bool,
    /// The file that is looked into or read, from 0.
    file: usize,
    files: Vec<FileId>,
}

/// A configurable product of one variant.
#[derive(Debug)]
struct Parent {
    sku: Rc<str>,
    position: u32,
    /// Where it stands.
    file: usize,
    line: u32,
    is_met: bool,
}

/// Is it a product of Magento, a page of them, or a list of links?
pub(super) fn recognizes(sample: &Sample<'_>) -> Fit {
    const OWN: [&str; 5] =
        ["attribute_set_id", "type_id", LINKS, "extension_attributes", "custom_attributes"];
    let is_ours = |(_, item): (&str, Map<String, Value>)| {
        let is_product = item.contains_key("sku") && OWN.iter().any(|own| item.contains_key(*own));
        is_product || (item.contains_key("linked_product_sku") && item.contains_key("link_type"))
    };
    let is_page = sample.has_all(&["items", "search_criteria", "total_count"]);
    if is_page || sample.item(CONTAINERS).is_some_and(is_ours) { Fit::Sure } else { Fit::No }
}

impl Default for Rest {
    fn default() -> Self {
        let room = Room::new(PARENTS_BYTES_MAX, 48);
        Self { variants: Vec::new(), room, has_too_many: false, file: 0, files: Vec::new() }
    }
}

impl Rest {
    /// Looks for configurable products.
    pub(super) fn learn(&mut self, file: &SourceFile) -> Result<(), SourceError> {
        let mut reader = JsonReader::new(file.open()?, CONTAINERS);
        while let Some(item) = reader.next(FileId(0), &mut Deaf)? {
            let extension = item.object.get("extension_attributes");
            let rows = extension.and_then(|extension| extension.get(VARIANTS));
            let sku = item.object.get("sku").and_then(scalar);
            let (Some(Value::Array(rows)), Some(sku)) = (rows, sku) else { continue };
            // A product of no id is reported when it is read.
            if id::check(&sku).is_err() {
                continue;
            }
            if !self.room.take(&[&sku]) {
                self.has_too_many = true;
                continue;
            }
            let sku: Rc<str> = Rc::from(sku.as_ref());
            for (position, row) in (0..).zip(rows.iter().filter_map(number)) {
                if self.variants.len() == VARIANTS_MAX {
                    self.has_too_many = true;
                    break;
                }
                let (sku, file, line) = (Rc::clone(&sku), self.file, item.at.line);
                let parent = Parent { sku, position, file, line, is_met: false };
                self.variants.push((row, parent));
            }
        }
        self.file += 1;
        Ok(())
    }

    /// Reads a file; all of them come in the same order as before.
    pub(super) fn read(
        &mut self,
        file: &SourceFile,
        sink: &mut dyn RecordSink,
    ) -> Result<(), SourceError> {
        if self.files.is_empty() {
            // Those of one variant stay in the order of the files.
            self.variants.sort_by_key(|(row, _)| *row);
        }
        let mut reader = JsonReader::new(file.open()?, CONTAINERS);
        let id = file.announce(sink);
        self.files.push(id);
        let mut spoken = Spoken::default();
        while let Some(item) = reader.next(id, sink)? {
            let mut object = Object::new(&item.object, item.at, sink);
            spoken.speak(&mut object, &item.object);
            if item.object.contains_key("linked_product_sku") {
                link(&mut object);
            } else {
                self.product(&mut object);
            }
        }
        Ok(())
    }

    /// Reports variants that no file has.
    pub(super) fn report_unmet(&self, sink: &mut dyn RecordSink) {
        for (row, parent) in self.variants.iter().filter(|(_, parent)| !parent.is_met) {
            let Some(file) = self.files.get(parent.file) else { continue };
            let at = Location { file: *file, line: parent.line };
            let message = format!("expected the `id` of a product in these files, found {row}");
            sink.finding(FindingCode::BadValue, at, VARIANTS, &message);
        }
        if self.has_too_many
            && let Some(file) = self.files.first()
        {
            let at = Location { file: *file, line: 1 };
            let message = format!(
                "expected at most {VARIANTS_MAX} variants, and {PARENTS_BYTES_MAX} bytes of their \
                 products, found more"
            );
            sink.finding(FindingCode::BadValue, at, VARIANTS, &message);
        }
    }

    /// The configurable products of which the product with this row number is a variant.
    fn parents(&mut self, id: u64) -> &mut [(u64, Parent)] {
        let begin = self.variants.partition_point(|(row, _)| *row < id);
        let end = self.variants.partition_point(|(row, _)| *row <= id);
        self.variants.get_mut(begin..end).unwrap_or_default()
    }

    fn product(&mut self, object: &mut Object<'_>) {
        let Some(sku) = object.id("sku") else {
            if object.value("sku").is_none() {
                let message = "expected a product with a `sku`, found an object without";
                object.finding(FindingCode::BadRow, "sku", message);
            }
            return;
        };
        let extension = object.map("extension_attributes");
        let title = object.text("name");
        let brand = brand(object);
        let product = ProductRecord {
            id: &sku,
            title: title.as_deref().map(|title| object.cut_title("name", title)),
            brand: brand.as_deref(),
            price: price(object),
            availability: extension.and_then(|extension| availability(object, extension)),
            visibility: visibility(object),
            ..ProductRecord::default()
        };
        object.emit(Record::Product(product));
        for parent in object.value("id").and_then(number).map_or(&mut [][..], |id| self.parents(id))
        {
            // A product that stands on two pages is no second variant.
            if std::mem::replace(&mut parent.1.is_met, true) {
                continue;
            }
            let parent = &parent.1;
            let (position, variant) = (Some(parent.position), sku.as_ref());
            let record = VariantRecord { parent: &parent.sku, variant, position };
            object.emit(Record::Variant(record));
        }
        if extension.is_some_and(|extension| extension.contains_key(VARIANTS)) {
            object.emit(scope(ScopeRecord::VARIANTS, Some(&sku)));
        }
        links(object, &sku);
        if let Some(extension) = extension {
            options(&mut object.within(extension), &sku);
        }
    }
}

/// Which members a file has had: a product without `product_links`, as a change of prices brings it,
/// says nothing of links. A row that is a link speaks for itself.
#[derive(Default)]
struct Spoken {
    of_links: bool,
    of_bundles: bool,
}

impl Spoken {
    /// Says once what the file speaks of at all.
    fn speak(&mut self, object: &mut Object<'_>, members: &Map<String, Value>) {
        let extension = members.get("extension_attributes").and_then(Value::as_object);
        let has_links = members.contains_key(LINKS);
        let is_grouped = members.get("type_id").is_some_and(|kind| kind == "grouped");
        let has_options = extension.is_some_and(|extension| extension.contains_key(links::OPTIONS));
        if has_links && !std::mem::replace(&mut self.of_links, true) {
            for (_, relation_type) in super::LINK_TYPES {
                object.emit(scope(relation_type, None));
            }
        }
        if (has_options || has_links && is_grouped)
            && !std::mem::replace(&mut self.of_bundles, true)
        {
            object.emit(scope(ScopeRecord::BUNDLES, None));
        }
    }
}

fn scope<'a>(relation_type: &'a str, product: Option<&'a str>) -> Record<'a> {
    Record::Scope(ScopeRecord { relation_type, product })
}

/// A whole number, as one or as text.
fn number(value: &Value) -> Option<u64> {
    scalar(value)?.parse().ok()
}

fn price(object: &mut Object<'_>) -> Option<PriceRecord<'static>> {
    let text = object.text("price")?;
    let amount = Decimal::parse(&text).filter(|amount| amount.digits >= 0);
    if amount.is_none() {
        object.bad_value("price", "an amount like `12.50`", &text);
    }
    amount.map(|amount| PriceRecord { amount, currency: None })
}

fn availability(object: &mut Object<'_>, extension: &Map<String, Value>) -> Option<Availability> {
    let mut extension = object.within(extension);
    let stock = extension.map("stock_item")?;
    let in_stock = extension.within(stock).switch("is_in_stock")?;
    Some(if in_stock { Availability::InStock } else { Availability::OutOfStock })
}

/// What is disabled or cannot be read is hidden.
fn visibility(object: &mut Object<'_>) -> Visibility {
    let mut hides = false;
    if let Some(status) = object.text("status") {
        hides = status != "1";
        if !matches!(status.as_ref(), "1" | "2") {
            object.bad_value("status", "1 or 2", &status);
        }
    }
    let Some(text) = object.text("visibility").filter(|_| !hides) else {
        return if hides { Visibility::Hidden } else { Visibility::Visible };
    };
    visibility_of(&text).unwrap_or_else(|| {
        object.bad_value("visibility", VISIBILITIES, &text);
        Visibility::Hidden
    })
}

/// A brand by name; most shops keep the number of an option, which names nothing.
fn brand<'a>(object: &mut Object<'a>) -> Option<Cow<'a, str>> {
    let attributes = object.list("custom_attributes");
    let named = |name: &str| {
        let is_it =
            |attribute: &&Value| attribute.get("attribute_code").is_some_and(|code| code == name);
        let value = attributes.iter().find(is_it)?.get("value").and_then(scalar)?;
        let is_name = !value.is_empty() && !value.bytes().all(|byte| byte.is_ascii_digit());
        is_name.then_some(value)
    };
    let brand = named("manufacturer").or_else(|| named("brand"))?;
    object.is_name("custom_attributes", &brand).then_some(brand)
}
