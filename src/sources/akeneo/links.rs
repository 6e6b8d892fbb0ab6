//! Associations as they become relations, the same for tables and JSON.
//!
//! Akeneo sorts associations by code, so their order says nothing: relations get no position. A link
//! to a group becomes a link to each product of the group; who is in a group is known only when
//! everything is read, so these wait until then.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use crate::{
    model::{
        finding::FindingCode,
        record::{Location, Record, RecordSink, RelationRecord, ScopeRecord},
        relation::Origin,
        text::shown,
    },
    sources::room::Room,
};

/// Products of a group that a link to it leads to. As many relations of one product and type are
/// kept at most.
pub(super) const GROUP_MEMBERS_MAX: usize = crate::model::limits::RELATIONS_PER_TYPE_MAX;

/// Links to products of groups in one run. A group of a thousand that ten thousand products link to
/// says nothing of any of them; more would be a run's whole work.
pub(super) const EXPANDED_MAX: usize = 10_000_000;

/// Bytes of all that waits for the end of the run: a million products in groups and links to groups.
pub(super) const LINKS_BYTES_MAX: usize = 80 << 20;

/// What an entry takes beside its texts: its place in a tree, and an allocation a text.
pub(super) const ENTRY_BYTES: usize = 64;

/// What is expected instead of what finds no room.
pub(super) const FEWER: &str = "fewer types, groups and products or links of them in one run";

/// What a run knows about associations.
#[derive(Debug)]
pub(super) struct Links {
    room: Room,
    expanded_max: usize,
    /// Is each type two-way, by code: what the association types say.
    two_way: BTreeMap<String, bool>,
    /// Types that have links, as long as there is no word on whether they are two-way.
    undeclared: BTreeSet<String>,
    /// The codes of the groups file, if there is one.
    groups: BTreeSet<String>,
    /// The first products of each group, by id, one more than a link leads to.
    members: BTreeMap<String, BTreeSet<String>>,
    to_groups: Vec<ToGroup>,
    /// Where associations could have stood first, and in how many columns or items.
    places: Option<(Location, u64)>,
    /// Where the first product of groups stood.
    grouped: Option<Location>,
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

/// A type as a scope writes it: of what of a product's links it is in doubt.
#[derive(Debug)]
pub(super) struct Doubt(String);

/// The product links to groups by this type.
pub(super) fn part(relation_type: &str) -> Doubt {
    Doubt(format!("{}{relation_type}", ScopeRecord::PART))
}

/// The product has links of this type that could not be read.
pub(super) fn unread(relation_type: &str) -> Doubt {
    Doubt(format!("{}{relation_type}", ScopeRecord::UNREAD))
}

impl Doubt {
    /// Said of a product.
    pub(super) fn of<'d>(&'d self, product: &'d str) -> ScopeRecord<'d> {
        ScopeRecord { relation_type: &self.0, product: Some(product) }
    }
}

/// `akeneo:CODE`.
pub(super) fn relation_type(code: &str) -> String {
    format!("akeneo:{code}")
}

impl Default for Links {
    fn default() -> Self {
        Self::with_limits(LINKS_BYTES_MAX, EXPANDED_MAX)
    }
}

impl Links {
    /// Nothing read yet; at most so many bytes are held, and so many links to products of groups made.
    pub(super) fn with_limits(bytes_max: usize, expanded_max: usize) -> Self {
        Self {
            room: Room::new(bytes_max, ENTRY_BYTES),
            expanded_max,
            two_way: BTreeMap::new(),
            undeclared: BTreeSet::new(),
            groups: BTreeSet::new(),
            members: BTreeMap::new(),
            to_groups: Vec::new(),
            places: None,
            grouped: None,
            any: false,
        }
    }

    /// Takes an association type; `false` if there is no room for it.
    pub(super) fn declare_type(&mut self, code: &str, is_two_way: bool) -> bool {
        let has_room = self.room.take(&[code]);
        if has_room {
            self.two_way.insert(relation_type(code), is_two_way);
        }
        has_room
    }

    /// Takes a group of the groups file; `false` if there is no room for it.
    pub(super) fn declare_group(&mut self, code: &str) -> bool {
        let has_room = self.room.take(&[code]);
        if has_room {
            self.groups.insert(code.to_owned());
        }
        has_room
    }

    /// Takes a product of a group; `false` if there is no room for it.
    pub(super) fn add_member(&mut self, group: &str, product: &str) -> bool {
        let Some(members) = self.members.get_mut(group) else {
            let has_room = self.room.take(&[group]) && self.room.take(&[product]);
            if has_room {
                self.members.insert(group.to_owned(), BTreeSet::from([product.to_owned()]));
            }
            return has_room;
        };
        if members.contains(product) {
            return true;
        }
        // The first by id stay: one behind them makes no difference.
        if members.len() > GROUP_MEMBERS_MAX {
            match members.last() {
                Some(last) if last.as_str() < product => return true,
                _ => {}
            }
            if let Some(last) = members.pop_last() {
                self.room.give_back(&[&last]);
            }
        }
        let has_room = self.room.take(&[product]);
        if has_room {
            members.insert(product.to_owned());
        }
        has_room
    }

    /// Notes that a product of groups stands here.
    pub(super) fn note_groups(&mut self, at: Location) {
        self.grouped.get_or_insert(at);
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
        self.note_type(relation_type);
        let two_way = self.is_two_way(relation_type).then_some(true);
        let relation = RelationRecord::new(source, relation_type, target, Origin::Imported);
        Record::Relation(RelationRecord { quantity, two_way, ..relation })
    }

    /// Types are read before what they link.
    fn note_type(&mut self, relation_type: &str) {
        let is_known =
            self.two_way.contains_key(relation_type) || self.undeclared.contains(relation_type);
        if !is_known && self.room.take(&[relation_type]) {
            self.undeclared.insert(relation_type.to_owned());
        }
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
        let has_room = self.room.take(&[source, relation_type, group]);
        if has_room {
            let (source, relation_type) = (source.to_owned(), relation_type.to_owned());
            self.to_groups.push(ToGroup { source, relation_type, group: group.to_owned(), at });
        }
        has_room
    }

    /// Follows the links to groups, and says loudly if there was no association at all.
    pub(super) fn finish(mut self, sink: &mut dyn RecordSink) {
        if let Some(at) = self.grouped {
            let relation_type = format!("{}{}", ScopeRecord::PART, relation_type(""));
            let scope = ScopeRecord { relation_type: &relation_type, product: None };
            sink.record(at, Record::Scope(scope));
        }
        if let Some((at, _)) = self.places {
            for undeclared in &self.undeclared {
                let relation_type = format!("{}{undeclared}", ScopeRecord::UNDECLARED);
                let scope = ScopeRecord { relation_type: &relation_type, product: None };
                sink.record(at, Record::Scope(scope));
            }
        }
        let to_groups = mem::take(&mut self.to_groups);
        let each_max = self.each_max(&to_groups, sink);
        for link in &to_groups {
            self.follow(link, each_max, sink);
        }
        if let (false, Some((at, count))) = (self.any, self.places) {
            let message = format!(
                "0 links imported: expected associations in {count} columns or objects that could \
                 hold them, found every one empty; was the export made before they were filled?"
            );
            sink.finding(FindingCode::NoRelations, at, "", &message);
        }
    }

    /// How many products each link to a group leads to: fewer than a group may have where all of
    /// them together were too many. It depends on what was read, not on its order.
    fn each_max(&self, to_groups: &[ToGroup], sink: &mut dyn RecordSink) -> usize {
        let len = |link: &ToGroup| self.members.get(&link.group).map_or(0, BTreeSet::len);
        let total: usize = to_groups.iter().map(|link| len(link).min(GROUP_MEMBERS_MAX)).sum();
        let Some(first) = to_groups.first().filter(|_| total > self.expanded_max) else {
            return GROUP_MEMBERS_MAX;
        };
        let each_max = self.expanded_max / to_groups.len();
        let message = format!(
            "expected at most {} links to products of groups in one run, found {total} of {} links \
             to groups; each leads to the first {each_max} by id",
            self.expanded_max,
            to_groups.len()
        );
        sink.finding(FindingCode::BadValue, first.at, "groups", &message);
        each_max
    }

    fn follow(&self, link: &ToGroup, each_max: usize, sink: &mut dyn RecordSink) {
        // Akeneo has no way back from a group, also where another input says that the type is two-way.
        let is_one_way = self.two_way.get(&link.relation_type).is_some_and(|two_way| !two_way);
        let two_way = if is_one_way { None } else { Some(false) };
        let Some(members) = self.members.get(&link.group) else {
            let found = match self.groups.contains(&link.group) || self.groups.is_empty() {
                true => "found no product in it",
                false => "found no such group",
            };
            let group = shown(&link.group);
            let message = format!("expected the products of group `{group}`, {found}");
            sink.record(link.at, Record::Scope(unread(&link.relation_type).of(&link.source)));
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
        for member in others.take(each_max) {
            let relation =
                RelationRecord::new(&link.source, &link.relation_type, member, Origin::Imported);
            sink.record(link.at, Record::Relation(RelationRecord { two_way, ..relation }));
        }
    }

    fn is_two_way(&self, relation_type: &str) -> bool {
        self.two_way.get(relation_type).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::{FindingCode, GROUP_MEMBERS_MAX, Links, Location, Record, RecordSink};
    use crate::model::record::{FileId, FileInfo};

    const AT: Location = Location { file: FileId(0), line: 1 };

    #[derive(Default)]
    struct Heard {
        links: Vec<(String, String)>,
        findings: Vec<String>,
    }

    impl RecordSink for Heard {
        fn open_file(&mut self, _: FileInfo) -> FileId {
            FileId(0)
        }

        fn record(&mut self, _: Location, record: Record<'_>) {
            if let Record::Relation(link) = record {
                self.links.push((link.source.to_owned(), link.target.to_owned()));
            }
        }

        fn finding(&mut self, _: FindingCode, _: Location, _: &str, message: &str) {
            self.findings.push(message.to_owned());
        }
    }

    /// What a group of so many products becomes, to which so many of them link.
    fn group(members: &[usize], links: &[usize], expanded_max: usize) -> Heard {
        let mut run = Links::with_limits(1 << 20, expanded_max);
        let id = |number: &usize| format!("p{number:04}");
        assert!(members.iter().all(|member| run.add_member("g", &id(member))));
        let mut link = |source| run.add_group_link(AT, &id(source), "akeneo:PACK", "g");
        assert!(links.iter().all(&mut link));
        let mut heard = Heard::default();
        run.finish(&mut heard);
        heard.links.sort();
        heard
    }

    #[test]
    fn links_to_groups_make_as_many_links_as_a_run_may_and_no_more() {
        let all: Vec<usize> = (0..100).collect();
        let whole = group(&all, &all, 10_000);
        assert_eq!((whole.links.len(), whole.findings.len()), (100 * 99, 0));
        let cut = group(&all, &all, 9_999);
        assert_eq!(cut.links.len(), 100 * 99);
        let cut_more = group(&all, &all, 1_099);
        assert_eq!(cut_more.links.len(), 1_000);
        let expected = "expected at most 1099 links to products of groups in one run, found 10000 of \
                        100 links to groups; each leads to the first 10 by id";
        assert_eq!(cut_more.findings, [expected]);
        assert_eq!(cut_more.links[0], ("p0000".to_owned(), "p0001".to_owned()));
        let reversed: Vec<usize> = all.into_iter().rev().collect();
        assert_eq!(group(&reversed, &reversed, 1_099).links, cut_more.links);
    }

    #[test]
    fn a_group_keeps_its_first_products_by_id_in_whatever_order_they_come() {
        let many: Vec<usize> = (0..3 * GROUP_MEMBERS_MAX).collect();
        let reversed: Vec<usize> = many.iter().rev().copied().collect();
        let [first, second] = [many, reversed].map(|members| group(&members, &[2_999], 1 << 20));
        assert_eq!(first.links, second.links);
        assert_eq!(first.links.len(), GROUP_MEMBERS_MAX);
        assert_eq!(first.links.last(), Some(&("p2999".to_owned(), "p0999".to_owned())));
        assert_eq!(first.findings.len(), 1);
    }

    #[test]
    fn what_finds_no_room_is_refused() {
        let mut run = Links::with_limits(64 + 1 + 64 + 2, 10);
        assert!(run.add_member("g", "p1"));
        assert!(run.add_member("g", "p1"), "it is there already");
        assert!(!run.add_member("g", "p2"));
        assert!(!run.add_member("h", "p1"));
        assert!(!run.add_group_link(AT, "p1", "t", "g"));
        assert!(!run.declare_group("h"));
        assert!(!run.declare_type("t", true));
    }
}
