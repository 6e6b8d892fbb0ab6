//! The relations of one Salsify product.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Export, TYPES_MAX,
    values::{texts_of, values_of},
};
use crate::{
    model::{
        finding::FindingCode,
        limits::JSON_VALUES_MAX,
        record::{Record, RelationRecord, ScopeRecord},
        relation::Origin,
    },
    sources::{
        object::{Object, kind},
        row::quantity,
    },
};

const RELATIONS: &str = "salsify:relations";
const ACCESSORIES: &str = "accessories";
const TARGET: &str = "salsify:target_product_id";

/// Links of one product. An item holds fewer objects, and exports write one a link.
pub(in crate::sources) const LINKS_MAX: usize = JSON_VALUES_MAX / 2;

/// One relation of a list.
struct Link<'a> {
    relation_type: String,
    target: String,
    position: u32,
    quantity: Option<f64>,
    key: &'a str,
}

impl Export {
    /// Passes on what the product says of its relations.
    pub(super) fn relations(
        &mut self,
        object: &mut Object<'_>,
        members: &Map<String, Value>,
        id: &str,
    ) {
        let lists = [RELATIONS, ACCESSORIES];
        let mut links = Vec::new();
        let mut is_read = true;
        for key in lists {
            for item in values_of(members.get(key)) {
                is_read &= match item.as_object() {
                    Some(relation) => self.links(object, key, relation, &mut links),
                    None => {
                        object.bad_value(key, "an object a relation", kind(item));
                        false
                    }
                };
            }
        }
        let speaks = self.is_whole || lists.iter().any(|key| members.contains_key(*key));
        if speaks {
            self.scopes(object, id, is_read, &links);
        }
        for link in &links {
            let relation = RelationRecord {
                position: Some(link.position),
                quantity: link.quantity,
                ..RelationRecord::new(id, &link.relation_type, &link.target, Origin::Imported)
            };
            if object.is_id(link.key, &link.target) {
                object.emit(Record::Relation(relation));
            }
        }
    }

    /// The links of one object: a property may hold several types or targets. `false` if it says
    /// something that cannot be read.
    fn links<'k>(
        &mut self,
        object: &mut Object<'_>,
        key: &'k str,
        relation: &Map<String, Value>,
        links: &mut Vec<Link<'k>>,
    ) -> bool {
        let target = self.target_key(key, relation);
        let type_key = self.type_key(key, relation, target.as_deref());
        let texts = |key: Option<&str>| texts_of(key.and_then(|key| relation.get(key)));
        let (types, targets) = (texts(type_key.as_deref()), texts(target.as_deref()));
        if types.is_empty() || targets.is_empty() {
            let message = "expected a relation with a type and a target, found one without";
            object.finding(FindingCode::BadRow, key, message);
            return false;
        }
        let amount = relation.keys().find(|key| key.eq_ignore_ascii_case("quantity"));
        let units = amount.and_then(|key| relation.get(key)).filter(|value| !value.is_null());
        let read = texts_of(units).first().and_then(|text| quantity(text));
        if let (Some(key), Some(value), None) = (amount, units, read) {
            object.bad_value(key, "a number above 0", &value.to_string());
        }
        for other in relation.keys() {
            let known = [type_key.as_ref(), target.as_ref(), amount];
            if !other.starts_with("salsify:") && !known.contains(&Some(other)) {
                let expected = || "the type, the target or the quantity of a relation".to_owned();
                let at = object.at();
                self.unknown.report(object.sink(), at, other, expected);
            }
        }
        // Each type leads to each target: two long lists make more links than any file holds.
        let count = types.len().saturating_mul(targets.len());
        if links.len().saturating_add(count) > LINKS_MAX {
            let message = format!(
                "expected at most {LINKS_MAX} links of one product, found {} types of {} targets \
                 behind {} links; they are left out",
                types.len(),
                targets.len(),
                links.len()
            );
            object.finding(FindingCode::BadValue, key, &message);
            return false;
        }
        for relation_type in types {
            let relation_type = format!("salsify:{relation_type}");
            if !object.is_name(key, &relation_type) {
                continue;
            }
            for target in &targets {
                links.push(Link {
                    relation_type: relation_type.clone(),
                    target: target.to_string(),
                    position: u32::try_from(links.len()).unwrap_or(u32::MAX),
                    quantity: read,
                    key,
                });
            }
        }
        true
    }

    /// The property that holds the target.
    fn target_key(&self, list: &str, relation: &Map<String, Value>) -> Option<String> {
        let id = self.roles.id.as_deref().filter(|_| list == ACCESSORIES);
        let known = [Some(TARGET), self.roles.target.as_deref(), Some("target_product_id"), id];
        let found = known.into_iter().flatten().find(|key| relation.contains_key(*key));
        found.map(str::to_owned)
    }

    /// The property that holds the type; of an accessory that has two properties, the one that is
    /// not the target.
    fn type_key(
        &self,
        list: &str,
        relation: &Map<String, Value>,
        target: Option<&str>,
    ) -> Option<String> {
        let known = [
            self.roles.relation_type.as_deref(),
            Some("relation_type"),
            Some("salsify:relation_type"),
        ];
        let found = known.into_iter().flatten().find(|key| relation.contains_key(*key));
        let other = || {
            let mut others = relation.keys().map(String::as_str).filter(|key| Some(*key) != target);
            let only = others.next().filter(|_| list == ACCESSORIES && target.is_some());
            only.filter(|_| others.next().is_none())
        };
        found.or_else(other).map(str::to_owned)
    }

    /// Says of which types the input and the product speak: of all, if the list could be read.
    fn scopes(&mut self, object: &mut Object<'_>, id: &str, is_read: bool, links: &[Link<'_>]) {
        let own = links.iter().map(|link| link.relation_type.clone());
        let enumerated = self.types.iter().map(|name| format!("salsify:{name}"));
        let types: BTreeSet<String> = own.chain(enumerated).collect();
        if is_read {
            let relation_type = &format!("{}salsify:", ScopeRecord::EVERY);
            object.emit(Record::Scope(ScopeRecord { relation_type, product: Some(id) }));
        }
        for relation_type in &types {
            if self.told.len() < TYPES_MAX && self.told.insert(relation_type.clone()) {
                object.emit(Record::Scope(ScopeRecord { relation_type, product: None }));
            }
            if is_read {
                object.emit(Record::Scope(ScopeRecord { relation_type, product: Some(id) }));
            } else {
                object.leave(relation_type, id);
            }
        }
    }
}
