//! The text form of small catalogs: a line a statement, ids without spaces, edges best first.
//!
//! ```text
//! rule folded
//! inventory main
//! market de EUR main            (the first is the default one)
//! type 6 accessory reverse two_way
//! tag wood   brand acme   category Toys/Cars   (a statement each; categories in pre-order)
//! product car title=A_car parent=cars:2 hidden grade=5 stock=1 price=1999 tags=wood in=de,ch
//!         brand=acme category=Toys/Cars read=1700000000 also=Toys popular=7.5   (on one line)
//! alias old-car car
//! price car ch 2199 1700000000
//! edge car accessory wheel 60000 imported scored stages=1,5 quantity=4 from=0 to=9 in=de line=7
//! bundle kit
//! option lens required 1 1      (name, required or optional, fewest, most)
//! pick lens-50 1.5 default
//! ```

use crate::{
    index::{
        BundleDraft, MarketPriceDraft, OptionDraft, SelectionDraft,
        layout::{Edge, META_MARKETS, META_ORIGIN_SHIFT, META_REVERSED, META_SCORED, RareRecord},
        meta::{CategoryMeta, FileMeta, MarketMeta, TypeMeta},
    },
    model::{
        id::IdRule,
        relation::{Availability, Origin},
    },
};

use super::{Link, Model, Product};

/// The catalog of a text.
pub(in super::super) fn model(text: &str) -> Model {
    let lines = || {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.filter(|line| !line.is_empty())
    };
    let mut model = Model::default();
    model.sources.push("tables".to_owned());
    let name = "relations.csv".to_owned();
    model.files.push(FileMeta { source: 0, name, confirmed_s: Some(1_700_000_000) });
    lines().for_each(|line| declaration(&mut model, &line));
    let rule = model.rule;
    model.products.sort_by(|a, b| rule.order(a.id.as_bytes(), b.id.as_bytes()));
    lines().for_each(|line| statement(&mut model, &line));
    model.aliases.sort_by(|a, b| rule.order(a.0.as_bytes(), b.0.as_bytes()));
    model.prices.sort_by_key(|price| (price.product, price.market));
    model.bundles.sort_by_key(|bundle| bundle.product);
    model
}

/// What other lines name.
fn declaration(model: &mut Model, line: &[&str]) {
    let meta = &mut model.meta;
    match line {
        ["rule", "folded"] => model.rule = IdRule::CaseFolded,
        ["inventory", id] => meta.inventories.push((*id).to_owned()),
        ["market", id, currency, inventory] => meta.markets.push(MarketMeta {
            id: (*id).to_owned(),
            currency: (*currency).to_owned(),
            default_inventory: place(&meta.inventories, inventory),
            product_count: 0,
        }),
        ["type", number, code, marks @ ..] => meta.relation_types.push(TypeMeta {
            number: number.parse().expect("a type number"),
            code: (*code).to_owned(),
            display_name: format!("The relations of type {code}"),
            two_way: u8::from(marks.contains(&"two_way")),
            reverse: u8::from(marks.contains(&"reverse")),
            relation_count: 0,
        }),
        ["tag", id] => meta.tags.push((*id).to_owned()),
        ["brand", id] => meta.brands.push((*id).to_owned()),
        ["category", path] => {
            let above = path.rsplit_once('/').map(|(above, _)| above);
            let parent = above.map_or(u32::MAX, |above| category(&meta.categories, above));
            let id = (*path).to_owned();
            meta.categories.push(CategoryMeta { id, parent, end: 0 });
            let end = u32::try_from(meta.categories.len()).expect("small");
            let mut open = end - 1;
            while let Some(category) = meta.categories.get_mut(open as usize) {
                category.end = end;
                open = category.parent;
            }
        }
        ["product", id, ..] => {
            model.products.push(Product { id: (*id).to_owned(), ..Product::default() });
        }
        _ => {}
    }
}

/// What names other lines.
fn statement(model: &mut Model, line: &[&str]) {
    match line {
        ["product", id, fields @ ..] => {
            let ordinal = model.ordinal(id);
            for field in fields {
                product_field(model, ordinal, field);
            }
        }
        ["alias", alias, product] => {
            model.aliases.push(((*alias).to_owned(), model.ordinal(product)));
        }
        ["price", product, market, price, read_at_s] => model.prices.push(MarketPriceDraft {
            product: model.ordinal(product),
            market: u16::try_from(market_bit(model, market)).expect("64 at most"),
            price: price.parse().expect("a price"),
            read_at_s: read_at_s.parse().expect("a second"),
        }),
        ["edge", source, code, target, score, origin, fields @ ..] => {
            let declared = model.meta.relation_types.iter().find(|declared| declared.code == *code);
            let number = declared.expect("the type is declared").number;
            let origin = Origin::from_code(origin).expect("an origin") as u16;
            let edge = Edge {
                target: model.ordinal(target).into(),
                score: score.parse::<u16>().expect("a score").into(),
                meta: (origin << META_ORIGIN_SHIFT).into(),
            };
            let mut link = Link { edge, rare: None, file: 0, line: 1 };
            for field in fields {
                edge_field(model, &mut link, field);
            }
            let key = (model.ordinal(source), number);
            model.relations.entry(key).or_default().push(link);
        }
        ["bundle", product] => {
            let product = model.ordinal(product);
            model.bundles.push(BundleDraft { product, options: Vec::new() });
        }
        ["option", name, required, min, max] => {
            let bundle = model.bundles.last_mut().expect("an option follows its bundle");
            bundle.options.push(OptionDraft {
                name: (*name).to_owned(),
                required: *required == "required",
                min_selections: min.parse().expect("a count"),
                max_selections: max.parse().expect("a count"),
                selections: Vec::new(),
            });
        }
        ["pick", product, quantity, marks @ ..] => {
            let selection = SelectionDraft {
                product: model.ordinal(product),
                quantity: quantity.parse().expect("a quantity"),
                is_default: marks == ["default"],
            };
            let bundle = model.bundles.last_mut().expect("a pick follows its bundle");
            let option = bundle.options.last_mut().expect("a pick follows its option");
            option.selections.push(selection);
        }
        ["rule" | "inventory" | "market" | "type" | "tag" | "brand" | "category", ..] => {}
        other => panic!("no statement: {other:?}"),
    }
}

fn product_field(model: &mut Model, ordinal: u32, field: &str) {
    let (name, value) = field.split_once('=').unwrap_or((field, ""));
    let number = || value.parse::<u32>().expect("a number");
    let mut product = std::mem::take(&mut model.products[ordinal as usize]);
    match name {
        "title" => product.title = value.replace('_', " "),
        "parent" => {
            let (parent, position) = value.split_once(':').expect("parent=ID:POSITION");
            // The product itself is taken out of the model here, so it cannot be its own parent.
            product.parent = Some(model.ordinal(parent));
            product.variant_position = position.parse().expect("a position");
        }
        "hidden" => product.hidden = true,
        "grade" => product.eco_grade = value.parse().expect("a grade"),
        "stock" => {
            product.availability = Availability::from_code(value).expect("a state of stock") as u8;
        }
        "price" => product.price = Some(value.parse().expect("a price")),
        "tags" => {
            let tags = value.split(',').map(|tag| 1 << place(&model.meta.tags, tag));
            product.tags = tags.fold(0, |mask: u64, bit: u64| mask | bit);
        }
        "in" => product.assortment = market_mask(model, value),
        "brand" => product.brand = Some(place(&model.meta.brands, value)),
        "category" => product.category = Some(category(&model.meta.categories, value)),
        "also" => {
            let paths = value.split(',').map(|path| category(&model.meta.categories, path));
            product.extra_categories = paths.collect();
        }
        "read" => product.read_at_s = number(),
        "popular" => product.popularity = Some(value.parse().expect("a popularity")),
        _ => panic!("no field of a product: {field}"),
    }
    model.products[ordinal as usize] = product;
}

fn edge_field(model: &Model, link: &mut Link, field: &str) {
    let (name, value) = field.split_once('=').unwrap_or((field, ""));
    let mark = |link: &mut Link, bits: u16| link.edge.meta.set(link.edge.meta.get() | bits);
    let rare = link.rare.unwrap_or_else(RareRecord::nothing);
    let number = || value.parse::<i64>().expect("a number");
    match name {
        "scored" => mark(link, META_SCORED),
        "reversed" => mark(link, META_REVERSED),
        "stages" => {
            for stage in value.split(',') {
                mark(link, 1 << (stage.parse::<u16>().expect("a stage") - 1));
            }
        }
        "line" => link.line = value.parse().expect("a line"),
        "quantity" => {
            let quantity = value.parse::<f64>().expect("a quantity").into();
            link.rare = Some(RareRecord { quantity, ..rare });
        }
        "from" => link.rare = Some(RareRecord { valid_from_s: number().into(), ..rare }),
        "to" => link.rare = Some(RareRecord { valid_to_s: number().into(), ..rare }),
        "in" => {
            let markets = market_mask(model, value).into();
            mark(link, META_MARKETS);
            link.rare = Some(RareRecord { markets, ..rare });
        }
        _ => panic!("no field of an edge: {field}"),
    }
}

fn place(list: &[String], id: &str) -> u32 {
    let at = list.iter().position(|found| found == id);
    u32::try_from(at.unwrap_or_else(|| panic!("{id} is declared before"))).expect("small")
}

fn category(list: &[CategoryMeta], path: &str) -> u32 {
    let at = list.iter().position(|category| category.id == path);
    u32::try_from(at.unwrap_or_else(|| panic!("{path} is declared before"))).expect("small")
}

fn market_bit(model: &Model, id: &str) -> usize {
    let at = model.meta.markets.iter().position(|market| market.id == id);
    at.unwrap_or_else(|| panic!("market {id} is declared"))
}

fn market_mask(model: &Model, ids: &str) -> u64 {
    ids.split(',').map(|id| 1_u64 << market_bit(model, id)).fold(0, |mask, bit| mask | bit)
}
