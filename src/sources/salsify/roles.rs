//! Which property of a Salsify catalog is its product id, its name, its relation type.

use serde_json::{Map, Value};

use super::values::{first_text, values_of};

/// Properties by the role they have, as far as an export says.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// The product's id.
    pub(super) id: Option<String>,
    /// The product's name.
    pub(super) name: Option<String>,
    /// The type of a relation.
    pub(super) relation_type: Option<String>,
    /// The target of a relation; files of 2013 use the product's id.
    pub(super) target: Option<String>,
}

impl Roles {
    /// Takes the role of a property: `salsify:role`, or `roles` by what they are of as in 2013.
    pub(super) fn learn(&mut self, property: &Map<String, Value>) {
        let id = first_text(property.get("salsify:id").or_else(|| property.get("id")));
        let Some(id) = id.filter(|id| !id.is_empty()) else { return };
        for role in ["salsify:role", "salsify:roles", "role", "roles"] {
            match property.get(role) {
                Some(Value::Object(scopes)) => {
                    scopes.iter().for_each(|(scope, roles)| self.take_all(scope, Some(roles), &id));
                }
                roles => self.take_all("", roles, &id),
            }
        }
    }

    fn take_all(&mut self, scope: &str, roles: Option<&Value>, property: &str) {
        values_of(roles).iter().for_each(|role| self.take(scope, role, property));
    }

    /// The first property of a role has it.
    fn take(&mut self, scope: &str, role: &Value, property: &str) {
        let place = match (scope, role.as_str().unwrap_or_default()) {
            (_, "product_id") | ("products", "id") => &mut self.id,
            (_, "product_name") | ("products", "name") => &mut self.name,
            (_, "target_product_id") | ("accessories", "id") => &mut self.target,
            (_, "relation_type" | "accessory_label") | ("accessories", "category") => {
                &mut self.relation_type
            }
            _ => return,
        };
        place.get_or_insert_with(|| property.to_owned());
    }
}
