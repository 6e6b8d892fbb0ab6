//! Goal: nobody may what is not theirs, and everybody may what is. Method: every method with every
//! credential on every plane, against a table of its own; books good and bad.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hyper::{HeaderMap, header::AUTHORIZATION};

use super::{Access, Book, Plane, Role, Roles, Shown, token_hash};
use crate::{pb::Method, service::status::Refusal, slot::Slot};

/// One token a role, one that has expired, and one that is nobody's.
const ROLES: [(&str, Role); 4] = [
    ("reader", Role::Reader),
    ("feeder", Role::Feeder),
    ("merchandiser", Role::Merchandiser),
    ("operator", Role::Operator),
];

/// Who may call what, written down a second time: letters are roles by their first one, `*` is everybody.
fn expected(method: Method) -> (Plane, &'static str) {
    let path = method.path();
    let (service, name) = path.trim_start_matches('/').split_once('/').unwrap();
    match (service, name) {
        ("kindred.v1.RecommendationService", _) => (Plane::Lookup, "rmo"),
        ("kindred.v1.AvailabilityService", "BatchUpdateAvailability" | "ReplaceAvailability") => {
            (Plane::Admin, "fo")
        }
        ("kindred.v1.AvailabilityService", "BlockProducts" | "UnblockProducts") => {
            (Plane::Admin, "mo")
        }
        (
            "kindred.v1.AvailabilityService",
            "BatchGetAvailability" | "ListAvailability" | "ListBlockedProducts",
        ) => (Plane::Admin, "fmo"),
        ("kindred.v1.SnapshotService", "WatchActiveSnapshot") => (Plane::Admin, "rmo"),
        ("kindred.v1.SnapshotService", "GetSnapshot" | "ListSnapshots" | "DiffSnapshots") => {
            (Plane::Admin, "mo")
        }
        (
            "kindred.v1.SnapshotService",
            "ActivateSnapshot" | "RollbackSnapshot" | "HoldSnapshot" | "ReleaseSnapshot",
        ) => (Plane::Admin, "o"),
        ("grpc.health.v1.Health", _) => (Plane::Shared, "*"),
        ("grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection", _) => {
            (Plane::Shared, "rfmo")
        }
        _ => panic!("say here who may call {path}"),
    }
}

fn book(anyone: &str) -> Arc<Slot<Book>> {
    let mut text = format!("anyone = [{anyone}]\n");
    for (name, _) in ROLES {
        let hash = token_hash(&format!("token-of-{name}"));
        text +=
            &format!("[[token]]\nname = \"{name}\"\nroles = [\"{name}\"]\nsha256 = \"{hash}\"\n");
    }
    for (name, _) in ROLES {
        text += &certificate_entry(name);
    }
    let hash = token_hash("late");
    text += &format!(
        "[[token]]\nname = \"late\"\nroles = [\"operator\"]\nsha256 = \"{hash}\"\n\
         expires = 2001-09-09T01:46:40Z\n"
    );
    let slot = Arc::<Slot<Book>>::default();
    slot.swap(Arc::new(Book::parse(&text).unwrap()));
    slot
}

fn certificate_entry(role: &str) -> String {
    format!("[[certificate]]\ndns = \"{role}.test\"\nroles = [\"{role}\"]\n")
}

/// A certificate with the names of these roles.
fn named(roles: &[&str]) -> Shown {
    let names = roles.iter().map(|role| format!("{role}.test")).collect::<Vec<_>>();
    let certificate = rcgen::generate_simple_self_signed(names).unwrap().cert;
    Shown::certificate(certificate.der())
}

/// What a caller shows: its header, and the roles that stand behind it, if it is a right one.
fn shown() -> Vec<(Option<String>, Result<Roles, ()>)> {
    let mut all = vec![(None, Ok(Roles::NONE))];
    for (name, role) in ROLES {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let header = format!("{scheme} token-of-{name}");
            all.push((Some(header), Ok(Roles::of(&[role]))));
        }
        let of_name = format!("token-of-{name}");
        let hash = token_hash(&of_name);
        let wrong = [
            of_name.clone(),
            format!("Basic {of_name}"),
            format!("Bearer  {of_name}"),
            format!("Bearer {of_name} "),
            format!("Bearer {}", of_name.to_uppercase()),
            format!("Bearer {}", of_name.split_at(of_name.len() - 1).0),
            format!("Bearer {hash}"),
        ];
        all.extend(wrong.map(|header| (Some(header), Err(()))));
    }
    for wrong in ["", "Bearer", "Bearer ", "Bearer none", "Bearer late", "é"] {
        all.push((Some(wrong.to_owned()), Err(())));
    }
    all
}

#[test]
fn every_method_is_for_exactly_those_who_may_call_it() {
    let subsets = (0..16_u8).map(|bits| {
        let named = ROLES.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        named.map(|(_, (name, role))| (*name, *role)).unzip::<_, _, Vec<_>, Vec<_>>()
    });
    let subsets = subsets.map(|(names, roles)| (named(&names), Roles::of(&roles)));
    let subsets = subsets.collect::<Vec<_>>();
    let letters = |roles: Roles| {
        let has = |(_, role): &&(&str, Role)| roles.meets(Roles::of(&[*role]));
        ROLES.iter().filter(has).filter_map(|(name, _)| name.chars().next()).collect::<String>()
    };
    let (mut allowed, mut denied) = (0, 0);
    for plane in [Plane::Lookup, Plane::Admin, Plane::Shared] {
        for anyone in ["", "\"reader\""] {
            let access = Access::by_book(plane, book(anyone));
            let anyone = if anyone.is_empty() { "" } else { "r" };
            for (header, roles) in shown() {
                let mut headers = HeaderMap::new();
                if let Some(header) = &header {
                    headers.insert(AUTHORIZATION, header.parse().unwrap());
                }
                for (certificate, by_certificate) in &subsets {
                    for method in Method::ALL {
                        let (served, who) = expected(method);
                        let has =
                            roles.map(|roles| letters(roles) + &letters(*by_certificate) + anyone);
                        let is_here =
                            served == plane || served == Plane::Shared || plane == Plane::Shared;
                        let may = is_here
                            && (who == "*"
                                || has.is_ok_and(|has| has.chars().any(|one| who.contains(one))));
                        let admitted = access.admit(Some(method), &headers, certificate);
                        let context = format!(
                            "{} on {plane:?} by {header:?} and {by_certificate:?}: {admitted:?}",
                            method.path()
                        );
                        assert_eq!(admitted.is_ok(), may, "{context}");
                        *(if may { &mut allowed } else { &mut denied }) += 1;
                        match admitted {
                            Ok(admitted) => assert_eq!(admitted, method, "{context}"),
                            Err(Refusal::OtherPlane { is_admin }) => {
                                assert!(!is_here, "{context}");
                                assert_eq!(is_admin, served == Plane::Admin, "{context}");
                            }
                            Err(Refusal::BadToken | Refusal::ExpiredToken) => {
                                assert!(is_here && roles.is_err(), "{context}");
                            }
                            Err(Refusal::NoCredentials) => {
                                assert!(is_here && header.is_none(), "{context}");
                            }
                            Err(Refusal::WrongRole) => {
                                assert!(is_here && roles.is_ok(), "{context}")
                            }
                            Err(other) => panic!("{other:?}: {context}"),
                        }
                    }
                }
            }
        }
    }
    println!("{allowed} calls allowed, {denied} denied, each as it should be");
    assert!(allowed > 5_000 && denied > 5_000, "{allowed} {denied}");
}

#[test]
fn what_is_no_method_is_for_nobody() {
    let access = Access::open(Plane::Shared, Roles::ALL);
    let admitted = access.admit(None, &HeaderMap::new(), &Shown::default());
    assert_eq!(admitted, Err(Refusal::NoMethod));
}

#[test]
fn an_open_listener_looks_at_no_token() {
    let access = Access::open(Plane::Lookup, Roles::of(&[Role::Reader]));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer for-somebody-behind".parse().unwrap());
    let admitted = access.admit(Some(Method::GetRecommendations), &headers, &Shown::default());
    assert_eq!(admitted, Ok(Method::GetRecommendations));
}

#[test]
fn a_token_counts_until_the_second_at_which_it_expires() {
    let hash = token_hash("t");
    let book = Book::parse(&format!(
        "[[token]]\nname = \"t\"\nroles = [\"reader\"]\nsha256 = \"{hash}\"\n\
         expires = 2027-01-31T12:00:00+01:00\n"
    ));
    let (book, end) = (book.unwrap(), UNIX_EPOCH + Duration::from_secs(1_801_393_200));
    let at = |now: SystemTime| book.by_token(b"Bearer t", now);
    assert_eq!(at(end - Duration::from_nanos(1)), Ok(Roles::of(&[Role::Reader])));
    assert_eq!(at(end), Err(Refusal::ExpiredToken));
}

#[test]
fn a_book_that_is_replaced_counts_from_the_next_call_on() {
    let slot = book("");
    let access = Access::by_book(Plane::Admin, Arc::clone(&slot));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer token-of-operator".parse().unwrap());
    let admit = || access.admit(Some(Method::BlockProducts), &headers, &Shown::default());
    assert!(admit().is_ok());
    slot.swap(Arc::new(Book::parse("anyone = [\"reader\"]").unwrap()));
    assert_eq!(admit(), Err(Refusal::BadToken));
}

/// A connection kept the roles that its certificate had when it began.
#[test]
fn a_name_that_is_taken_out_loses_its_roles_with_the_next_call() {
    let slot = Arc::<Slot<Book>>::default();
    let access = Access::by_book(Plane::Admin, Arc::clone(&slot));
    let (pim, other) = (named(&["merchandiser"]), Shown::default());
    let admit = |shown| access.admit(Some(Method::BlockProducts), &HeaderMap::new(), shown);
    let merchandiser = certificate_entry("merchandiser");
    let feeder = certificate_entry("feeder");
    // Again and again, as each book may come to stand where one before it stood.
    for _ in 0..100 {
        slot.swap(Arc::new(Book::parse(&merchandiser).unwrap()));
        assert!(admit(&pim).is_ok() && admit(&pim).is_ok());
        assert_eq!(admit(&other), Err(Refusal::NoCredentials));
        slot.swap(Arc::new(Book::parse(&feeder).unwrap()));
        assert_eq!(admit(&pim), Err(Refusal::NoCredentials));
    }
}

#[test]
fn a_book_that_is_wrong_is_refused_with_where_and_what() {
    let hash = token_hash("t");
    let check = |text: &str, parts: &[&str]| {
        let error = Book::parse(text).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error:?}");
        }
    };
    check("anyone = [\"admin\"]", &["line 1", "admin", "reader"]);
    // What stands in a line may be secret.
    for text in ["[[token]]\ntoken = \"s3cr3t\"", "[[token]]\nname = \"a\"\nsha256 = \"s3cr3t"] {
        let said = Book::parse(text).unwrap_err().to_string();
        assert!(said.contains("line ") && !said.contains("s3cr3t"), "{said}");
    }
    check("[[tokens]]\nname = \"a\"", &["tokens", "expected"]);
    let token = |line: &str| format!("[[token]]\nname = \"a\"\nroles = [\"reader\"]\n{line}");
    check(&token("sha256 = \"abc\""), &["token \"a\"", "64", "found 3", "sha256sum"]);
    check(&token(&format!("sha256 = \"{}\"", hash.to_uppercase())), &["lower-case"]);
    check(&token(""), &["sha256"]);
    let until = |at: &str| token(&format!("sha256 = \"{hash}\"\nexpires = {at}"));
    check(&until("2027-01-31"), &["expires", "2027-01-31", "instant"]);
    check(&until("2027-01-31T00:00:00"), &["expires", "instant"]);
    check(&format!("[[token]]\nname = \"a\"\nroles = []\nsha256 = \"{hash}\""), &["roles"]);
    check("[[certificate]]\ndns = \"not a name\"\nroles = [\"reader\"]", &["not a name", "dns"]);
    let many = token(&format!("sha256 = \"{hash}\"\n")).repeat(257);
    check(&many, &["257", "256"]);
    for empty in ["", "# nothing yet", "anyone = []"] {
        check(empty, &["[[token]]", "none"]);
    }
    let nothing = token_hash("");
    check(&token(&format!("sha256 = \"{nothing}\"")), &["token \"a\"", "$TOKEN"]);
}
