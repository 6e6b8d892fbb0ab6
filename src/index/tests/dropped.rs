//! Refused relations are found by source and target, whatever stands around them.

use std::path::Path;

use super::testkit::{blob, written};
use crate::{
    index::{
        Dropped,
        meta::{DroppedMeta, DroppedRelation, FileMeta},
        write_dropped,
    },
    model::{finding::FindingCode, id::IdRule},
};

/// A dropped blob of these relations: `source type target line`, in the order of the file.
fn opened(rule: IdRule, relations: &[&str]) -> Dropped {
    let relation = |text: &&str| {
        let words: Vec<_> = text.split(' ').collect();
        let [source, relation_type, target, line] = words[..] else { panic!("four words: {text}") };
        DroppedRelation {
            reason: FindingCode::DanglingTarget as u8,
            source: source.to_owned(),
            relation_type: relation_type.to_owned(),
            target: target.to_owned(),
            file: 0,
            line: line.parse().expect("a line"),
        }
    };
    let dropped = DroppedMeta {
        id_rule: rule.number(),
        relations: relations.iter().map(relation).collect(),
        unlisted: 0,
        files: vec![FileMeta { source: 0, name: "r.csv".to_owned(), confirmed_s: None }],
        sources: vec!["tables".to_owned()],
    };
    let bytes = written(|file| write_dropped(file, Path::new("dropped"), &dropped));
    Dropped::from_blob(blob(&bytes).expect("whole")).expect("it opens")
}

#[track_caller]
fn check(dropped: &Dropped, source: &str, target: &str, expected: &[&str]) {
    let found = dropped.between(source, target).map(|place| {
        assert_eq!((place.source, place.file.name.as_str()), ("tables", "r.csv"));
        assert_eq!(place.reason, FindingCode::DanglingTarget);
        format!("{} {}", place.relation_type, place.line)
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{source} to {target}");
}

#[test]
fn refused_relations_are_found_by_both_ends() {
    let dropped = opened(
        IdRule::Exact,
        &[
            "a cross_sell b 1",
            "a cross_sell c 2",
            "a cross_sell c 9",
            "a up_sell b 3",
            "a up_sell d 4",
            "aa cross_sell b 5",
            "b cross_sell a 6",
        ],
    );
    check(&dropped, "a", "b", &["cross_sell 1", "up_sell 3"]);
    check(&dropped, "a", "c", &["cross_sell 2", "cross_sell 9"]);
    check(&dropped, "a", "d", &["up_sell 4"]);
    check(&dropped, "b", "a", &["cross_sell 6"]);
    for (source, target) in [("a", "a"), ("A", "b"), ("a", "bb"), ("c", "a"), ("", ""), ("0", "b")]
    {
        check(&dropped, source, target, &[]);
    }
    check(&opened(IdRule::Exact, &[]), "a", "b", &[]);
}

#[test]
fn refused_relations_are_found_by_the_rule_of_the_catalog() {
    let dropped = opened(IdRule::CaseFolded, &["A x b 1", "a x B 2", "B x a 3"]);
    check(&dropped, "a", "b", &["x 1", "x 2"]);
    check(&dropped, "b", "A", &["x 3"]);
    let dropped = opened(IdRule::Exact, &["A x b 1", "B x a 3", "a x B 2"]);
    check(&dropped, "A", "b", &["x 1"]);
    check(&dropped, "a", "b", &[]);
}
