//! Associations as they become relations, the same for tables and JSON.
//!
//! Akeneo sorts associations by code, so their order says nothing: relations get no position. A link
//! to a group becomes a link to each product of the group; who is in a group is known only when
//! everything is read, so these wait until then.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    finding::FindingCode,
    record::{Location, Record, RecordSink, RelationRecord},
    relation::Origin,
    text::shown,
};

/// Products of a group that a link to it leads to. As many relations of one product and type are
/// kept at most.
pub(super) const GROUP_MEMBERS_MAX: usize = crate::model::limits::RELATIONS_PER_TYPE_MAX;

/// Links to groups that wait for the end: some 100 bytes each.
pub(super) const GROUP_LINKS_MAX: usize = 1_000_000;

/// What a run knows about associations.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Is each type two-way, by code: what the association types say.
    two_way: BTreeMap<String, bool>,
    /// The codes of the groups file, if there is one.
    groups: BTreeSet<String>,
    /// The first products of each group, by id, one more than a link leads to.
    members: BTreeMap<String, BTreeSet<String>>,
    to_groups: Vec<ToGroup>,
    /// Where associations could have stood first, and in how many columns or items.
    places: Option<(Location, u64)>,
    any: bool,
}

/// A link to a group.
#[derive(Debug)]
struct ToGroup {
    source: String,
    relation_type: String,
    group: String,
    at: Location,
}

/// `akeneo:CODE`.
pub(super) fn relation_type(code: &str) -> String {
    format!("akeneo:{code}")
}

impl Links {
    /// Takes an association type.
    pub(super) fn declare_type(&mut self, code: &str, is_two_way: bool) {
        self.two_way.insert(relation_type(code), is_two_way);
    }

    /// Takes a group of the groups file.
    pub(super) fn declare_group(&mut self, code: &str) {
        self.groups.insert(code.to_owned());
    }

    /// Takes a product of a group.
    pub(super) fn add_member(&mut self, group: &str, product: &str) {
        let members = self.members.entry(group.to_owned()).or_default();
        members.insert(product.to_owned());
        if members.len() > GROUP_MEMBERS_MAX + 1 {
            members.pop_last();
        }
    }

    /// Notes that associations could stand here.
    pub(super) fn note_place(&mut self, at: Location, count: u64) {
        let place = self.places.get_or_insert((at, 0));
        place.1 += count;
    }

    /// The relation of an association.
    pub(super) fn relation<'r>(
        &mut self,
        source: &'r str,
        relation_type: &'r str,
        target: &'r str,
        quantity: Option<f64>,
    ) -> Record<'r> {
        self.any = true;
        let two_way = self.is_two_way(relation_type).then_some(true);
        let relation = RelationRecord::new(source, relation_type, target, Origin::Imported);
        Record::Relation(RelationRecord { quantity, two_way, ..relation })
    }

    /// Keeps a link to a group until every product is read; `false` if there are too many.
    pub(super) fn add_group_link(
        &mut self,
        at: Location,
        source: &str,
        relation_type: &str,
        group: &str,
    ) -> bool {
        self.any = true;
        let has_room = self.to_groups.len() < GROUP_LINKS_MAX;
        if has_room {
            let (source, relation_type) = (source.to_owned(), relation_type.to_owned());
            self.to_groups.push(ToGroup { source, relation_type, group: group.to_owned(), at });
        }
        has_room
    }

    /// Follows the links to groups, and says loudly if there was no association at all.
    pub(super) fn finish(mut self, sink: &mut dyn RecordSink) {
        for link in std::mem::take(&mut self.to_groups) {
            self.follow(&link, sink);
        }
        if let (false, Some((at, count))) = (self.any, self.places) {
            let message = format!(
                "0 links imported: expected associations in {count} columns or objects that could \
                 hold them, found every one empty; was the export made before they were filled?"
            );
            sink.finding(FindingCode::NoRelations, at, "", &message);
        }
    }

    fn follow(&self, link: &ToGroup, sink: &mut dyn RecordSink) {
        // Akeneo has no way back from a group.
        let two_way = self.is_two_way(&link.relation_type).then_some(false);
        let Some(members) = self.members.get(&link.group) else {
            let found = match self.groups.contains(&link.group) || self.groups.is_empty() {
                true => "found no product in it",
                false => "found no such group",
            };
            let group = shown(&link.group);
            let message = format!("expected the products of group `{group}`, {found}");
            return sink.finding(FindingCode::BadValue, link.at, "groups", &message);
        };
        if members.len() > GROUP_MEMBERS_MAX {
            let group = shown(&link.group);
            let message = format!(
                "expected at most {GROUP_MEMBERS_MAX} products in group `{group}`, found more; the \
                 first by id are linked"
            );
            sink.finding(FindingCode::BadValue, link.at, "groups", &message);
        }
        let others = members.iter().filter(|member| **member != link.source);
        for member in others.take(GROUP_MEMBERS_MAX) {
            let relation =
                RelationRecord::new(&link.source, &link.relation_type, member, Origin::Imported);
            sink.record(link.at, Record::Relation(RelationRecord { two_way, ..relation }));
        }
    }

    fn is_two_way(&self, relation_type: &str) -> bool {
        self.two_way.get(relation_type).copied().unwrap_or(false)
    }
}
