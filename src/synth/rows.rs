//! The rows of each table, product by product.

use std::path::Path;

use hashbrown::HashSet;

use crate::model::relation::{Availability, Origin, RelationType, STANDARD_TYPES};

use super::{
    Summary, SynthError,
    names::{push_article_number, push_brand},
    plan::{Assortment, Part, Plan, VARIANTS_PER_GROUP},
    rng::{Rng, Stream},
    table::{Table, push_number},
};

/// When prices and stock were read: a fixed day, so that the same seed gives the same bytes.
const READ_AT: &str = "2026-01-05T06:00:00Z";
/// Every so many products one has an alias.
const ALIAS_EVERY: u64 = 10;
/// Draws by popularity before any product will do; a small category runs out of targets.
const DRAWS_MAX: u32 = 8;
const TAGS: [&str; 6] = ["new", "sale", "gift", "bestseller", "refill", "organic"];
const SIZES: [&str; VARIANTS_PER_GROUP] = ["XS", "S", "M", "L", "XL"];
/// The options of a bundle with the most selections each has.
const OPTIONS: [(&str, u64); 3] = [("main", 1), ("extra", 3), ("care", 2)];
/// Relation types, those that shops use most first.
const TYPES: [RelationType; STANDARD_TYPES.len()] = [
    RelationType::CROSS_SELL,
    RelationType::RELATED,
    RelationType::UP_SELL,
    RelationType::ALTERNATIVE,
    RelationType::ACCESSORY,
    RelationType::CONSUMABLE,
    RelationType::SPARE_PART,
    RelationType::ECO_ALTERNATIVE,
    RelationType::BUNDLE,
];

/// The tables being written.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    plan: &'a Plan,
    products: Table,
    product_markets: Table,
    relations: Table,
    bundles: Table,
    aliases: Table,
    /// Targets of the list being written.
    taken: HashSet<u64>,
}

/// Which products a draw may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Target,
    /// A target that is no bundle itself.
    BundlePart,
}

impl<'a> Writer<'a> {
    pub(super) fn create(plan: &'a Plan, out: &Path) -> Result<Self, SynthError> {
        let table = |name, header| Table::with_header(out, name, header);
        Ok(Self {
            plan,
            products: table(
                "products.csv",
                "id,title,brand,category,price,currency,availability,read_at,parent,\
                 variant_position,visibility,popularity,tags,eco_grade,markets",
            )?,
            product_markets: table(
                "product_markets.csv",
                "id,market,listed,price,currency,read_at",
            )?,
            relations: table(
                "relations.csv",
                "source,type,target,position,score,quantity,origin,two_way,valid_from,valid_to,\
                 stages,markets,active",
            )?,
            bundles: table(
                "bundles.csv",
                "bundle,option,required,min,max,product,quantity,default,option_position,position",
            )?,
            aliases: table("aliases.csv", "alias,product")?,
            taken: HashSet::new(),
        })
    }

    /// Writes everything about one product.
    pub(super) fn product(&mut self, product: u64) -> Result<(), SynthError> {
        self.product_row(product)?;
        self.market_row(product)?;
        self.relation_rows(product)?;
        if self.plan.is_bundle(product) {
            self.bundle_rows(product)?;
        }
        if product.is_multiple_of(ALIAS_EVERY) {
            let plan = self.plan;
            self.aliases
                .cell(|buffer| push_article_number(buffer, plan.seed(), product))
                .cell(|buffer| push_id(buffer, plan, product))
                .end_row()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Summary, SynthError> {
        let tables =
            [self.products, self.product_markets, self.relations, self.bundles, self.aliases];
        let mut row_counts = [0; 5];
        let mut size_bytes = 0;
        for (table, row_count) in tables.into_iter().zip(&mut row_counts) {
            let written = table.finish()?;
            *row_count = written.row_count;
            size_bytes += written.size_bytes;
        }
        let [products, product_markets, relations, bundle_selections, aliases] = row_counts;
        Ok(Summary {
            products,
            product_markets,
            relations,
            bundle_selections,
            aliases,
            size_bytes,
            ..Summary::default()
        })
    }

    fn product_row(&mut self, product: u64) -> Result<(), SynthError> {
        let plan = self.plan;
        let part = plan.part(product);
        let group = plan.group(product);
        let category = &plan.category(plan.category_index(group)).name;
        // Variants share what the parent's stream says; their own stream says their stock.
        let mut shared = plan.rng(Stream::Product, group);
        let mut own = plan.rng(Stream::Product, product);
        let brand = (shared.zipf(plan.brand_count) + 7 * plan.category_index(group) as u64)
            % plan.brand_count;
        let model = 100 + shared.below(900);
        let second_category = shared.one_in(16).then(|| plan.any_category(&mut shared));
        let table = &mut self.products;
        table.cell(|buffer| push_id(buffer, plan, product));
        table.cell(|buffer| push_title(buffer, brand, &category.title, model, part));
        table.cell(|buffer| push_brand(buffer, brand));
        table.cell(|buffer| {
            buffer.extend_from_slice(category.path.as_bytes());
            if let Some(second) = second_category.filter(|second| second.name.path != category.path)
            {
                buffer.push(b'|');
                buffer.extend_from_slice(second.name.path.as_bytes());
            }
        });
        let assortment = plan.assortment(product);
        if assortment == Assortment::OnlyUk {
            // The column says the price in `de`, where it is not sold.
            table.empty().empty();
        } else {
            let cents = plan.price_eur_cents(product);
            table.cell(|buffer| push_money(buffer, cents)).text("EUR");
        }
        table.text(availability(&mut own).code()).text(READ_AT);
        match part {
            Part::Single | Part::Parent => table.empty().empty(),
            Part::Variant { parent, position } => {
                table.cell(|buffer| push_id(buffer, plan, parent)).number(position)
            }
        };
        table.text(if plan.is_hidden(product) { "hidden" } else { "visible" });
        let popularity_millis = plan.popularity_millis(product);
        table.cell(|buffer| push_decimal(buffer, popularity_millis, 3));
        table.cell(|buffer| push_tags(buffer, &mut shared));
        if shared.below(10) < 3 {
            table.number(1 + shared.below(5))
        } else {
            table.empty()
        };
        table.text(match assortment {
            Assortment::Everywhere => "",
            Assortment::OnlyDe => "de",
            Assortment::OnlyUk => "uk",
        });
        table.end_row()
    }

    fn market_row(&mut self, product: u64) -> Result<(), SynthError> {
        let plan = self.plan;
        if plan.assortment(product) == Assortment::OnlyDe {
            return Ok(());
        }
        let pence = plan.price_gbp_pence(product);
        self.product_markets
            .cell(|buffer| push_id(buffer, plan, product))
            .text("uk")
            .text("true")
            .cell(|buffer| push_money(buffer, pence))
            .text("GBP")
            .text(READ_AT)
            .end_row()
    }

    fn relation_rows(&mut self, source: u64) -> Result<(), SynthError> {
        let mut rng = self.plan.rng(Stream::Relations, source);
        let mut types_used = 0_u32;
        for list_len in self.plan.list_lengths() {
            let mut number = rng.zipf(TYPES.len() as u64);
            while types_used & 1 << number != 0 {
                number = rng.zipf(TYPES.len() as u64);
            }
            types_used |= 1 << number;
            let relation_type = TYPES.into_iter().zip(0..).find(|(_, place)| *place == number);
            let (relation_type, _) = relation_type.expect("drawn below the number of types");
            self.relation_list(&mut rng, source, relation_type, list_len)?;
        }
        Ok(())
    }

    fn relation_list(
        &mut self,
        rng: &mut Rng,
        source: u64,
        relation_type: RelationType,
        list_len: u64,
    ) -> Result<(), SynthError> {
        let plan = self.plan;
        let code = STANDARD_TYPES
            .iter()
            .find(|standard| standard.relation_type == relation_type)
            .map_or("", |standard| standard.code);
        let origin = match rng.below(4) {
            0 => Origin::CoPurchase,
            1 => Origin::Curated,
            _ => Origin::Imported,
        };
        self.taken.clear();
        for position in 0..list_len {
            let target = self.draw(rng, source, Wanted::Target);
            let table = &mut self.relations;
            table.cell(|buffer| push_id(buffer, plan, source));
            table.text(code);
            table.cell(|buffer| push_id(buffer, plan, target));
            table.number(position + 1);
            if origin == Origin::CoPurchase {
                let score = 9_500 * (list_len - position) / list_len;
                table.cell(|buffer| push_decimal(buffer, score, 4));
            } else {
                table.empty();
            }
            match (relation_type, rng.below(16)) {
                (RelationType::CONSUMABLE, draw) => table.number(1 + draw / 4),
                (_, 0) => table.number(2),
                _ => table.empty(),
            };
            table.text(origin.code());
            table.empty().empty().empty().empty().empty().empty();
            table.end_row()?;
        }
        Ok(())
    }

    fn bundle_rows(&mut self, bundle: u64) -> Result<(), SynthError> {
        let plan = self.plan;
        let mut rng = plan.rng(Stream::Selections, bundle);
        let option_count = 2 + rng.below(2);
        self.taken.clear();
        for ((name, selections_max), option) in OPTIONS.into_iter().zip(0..option_count) {
            let required = if option == 0 { "true" } else { "false" };
            for position in 0..1 + rng.below(selections_max) {
                let product = self.draw(&mut rng, bundle, Wanted::BundlePart);
                self.bundles
                    .cell(|buffer| push_id(buffer, plan, bundle))
                    .text(name)
                    .text(required)
                    .number(u64::from(option == 0))
                    .number(1)
                    .cell(|buffer| push_id(buffer, plan, product))
                    .number(if option == 0 { 1 } else { 1 + rng.below(3) })
                    .text(if option == 0 && position == 0 { "true" } else { "false" })
                    .number(option + 1)
                    .number(position + 1)
                    .end_row()?;
            }
        }
        Ok(())
    }

    /// A product for the list of `source` that is not on it yet: seven times in eight a popular one
    /// of its category, else a popular one of any.
    fn draw(&mut self, rng: &mut Rng, source: u64, wanted: Wanted) -> u64 {
        let plan = self.plan;
        let fits = |product: u64| {
            product != source
                && plan.is_target(product)
                && (wanted == Wanted::Target || !plan.is_bundle(product))
        };
        let own_category = plan.category(plan.category_index(plan.group(source)));
        for _ in 0..DRAWS_MAX {
            let category = if rng.one_in(8) { plan.any_category(rng) } else { own_category };
            let product = category.popular_product(rng);
            if fits(product) && self.taken.insert(product) {
                return product;
            }
        }
        let start = rng.below(plan.product_count());
        let product = (start..plan.product_count())
            .chain(0..start)
            .find(|product| fits(*product) && !self.taken.contains(product))
            .expect("a plan has more targets than its longest list");
        self.taken.insert(product);
        product
    }
}

pub(super) fn push_id(buffer: &mut Vec<u8>, plan: &Plan, product: u64) {
    plan.id_shape.push(buffer, plan.seed(), product);
}

fn push_title(buffer: &mut Vec<u8>, brand: u64, noun: &str, model: u64, part: Part) {
    push_brand(buffer, brand);
    buffer.push(b' ');
    buffer.extend_from_slice(noun.as_bytes());
    buffer.push(b' ');
    push_number(buffer, model, 1);
    let size = SIZES
        .iter()
        .zip(1..)
        .find(|(_, place)| matches!(part, Part::Variant { position, .. } if position == *place));
    if let Some((size, _)) = size {
        buffer.push(b' ');
        buffer.extend_from_slice(size.as_bytes());
    }
}

fn push_money(buffer: &mut Vec<u8>, cents: u64) {
    push_decimal(buffer, cents, 2);
}

/// Appends `number` with a point before its last `digits` digits.
fn push_decimal(buffer: &mut Vec<u8>, number: u64, digits: usize) {
    push_number(buffer, number, digits + 1);
    buffer.insert(buffer.len() - digits, b'.');
}

fn push_tags(buffer: &mut Vec<u8>, rng: &mut Rng) {
    let mut separator = "";
    for tag in TAGS {
        if rng.one_in(12) {
            buffer.extend_from_slice(separator.as_bytes());
            buffer.extend_from_slice(tag.as_bytes());
            separator = "|";
        }
    }
}

pub(super) fn availability(rng: &mut Rng) -> Availability {
    match rng.below(100) {
        0..90 => Availability::InStock,
        90..94 => Availability::LowStock,
        94..97 => Availability::OutOfStock,
        97 => Availability::Backorder,
        98 => Availability::Preorder,
        _ => Availability::Discontinued,
    }
}
