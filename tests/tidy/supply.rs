//! What comes in with dependencies is held to `deny.toml`, also where `cargo deny` is not installed:
//! floors of versions, the registry, licences.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// The rules of `deny.toml` that are checked here.
#[derive(Debug, serde::Deserialize)]
struct Deny {
    bans: Bans,
    licenses: Licenses,
    sources: Sources,
}

#[derive(Debug, serde::Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, serde::Deserialize)]
struct Ban {
    /// `NAME:<VERSION`.
    #[serde(rename = "crate")]
    spec: String,
}

#[derive(Debug, serde::Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    allow_registry: Vec<String>,
}

/// A package of the tree.
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    license: &'a str,
    /// None for this one.
    source: Option<&'a str>,
}

impl Deny {
    /// What is wrong with a package.
    fn faults(&self, package: &Package<'_>) -> Vec<String> {
        let Package { name, version, license, source } = *package;
        let mut faults = Vec::new();
        for ban in &self.bans.deny {
            let (banned, below) = ban.spec.split_once(":<").expect("a ban is NAME:<VERSION");
            if banned == name && numbers(version) < numbers(below) {
                faults.push(format!("{name} {version}: below the floor {below}"));
            }
        }
        if let Some(source) = source {
            let is_allowed = |allowed: &String| source == format!("registry+{allowed}");
            if !self.sources.allow_registry.iter().any(is_allowed) {
                faults.push(format!("{name} {version}: comes from {source}"));
            }
        }
        if !self.allows(license) {
            faults.push(format!("{name} {version}: its licence {license:?} is not allowed"));
        }
        faults
    }

    /// Can the terms of an SPDX expression be met? `AND` binds closer than `OR`; an old `/` is an `OR`.
    fn allows(&self, expression: &str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let words = spaced.split_whitespace().collect::<Vec<_>>();
        let mut rest = words.as_slice();
        let is_met = self.any(&mut rest);
        is_met && rest.is_empty()
    }

    fn any(&self, rest: &mut &[&str]) -> bool {
        let mut is_met = self.all(rest);
        while let [word, after @ ..] = *rest
            && *word == "OR"
        {
            *rest = after;
            is_met |= self.all(rest);
        }
        is_met
    }

    fn all(&self, rest: &mut &[&str]) -> bool {
        let mut is_met = self.one(rest);
        while let [word, after @ ..] = *rest
            && *word == "AND"
        {
            *rest = after;
            is_met &= self.one(rest);
        }
        is_met
    }

    fn one(&self, rest: &mut &[&str]) -> bool {
        match *rest {
            ["(", after @ ..] => {
                *rest = after;
                let is_met = self.any(rest);
                if let [")", after @ ..] = *rest {
                    *rest = after;
                    return is_met;
                }
                false
            }
            // With an exception it is another licence, and none of those is allowed.
            [_, "WITH", _, after @ ..] => {
                *rest = after;
                false
            }
            [name, after @ ..] => {
                *rest = after;
                self.licenses.allow.iter().any(|allowed| allowed == name)
            }
            [] => false,
        }
    }
}

/// The numbers of a version; what is behind a `-` or `+` does not count.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers =
        plain.split('.').map(|one| one.parse().expect("a number")).collect::<Vec<_>>();
    numbers.resize(3, 0);
    numbers
}

fn deny() -> Deny {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let text = fs::read_to_string(path).expect("deny.toml stands in the project");
    toml::from_str(&text).expect("deny.toml has bans, licences and sources")
}

#[test]
fn what_comes_in_is_above_its_floor_from_the_registry_and_licensed() {
    let ask = |more: &[&str]| {
        let mut metadata = Command::new(env!("CARGO"));
        metadata.args(["metadata", "--format-version", "1", "--locked", "--all-features"]);
        metadata.args(more).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
    };
    let mut output = ask(&["--offline"]);
    if !output.status.success() {
        // Packages of other systems may not have been fetched yet.
        output = ask(&[]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = tree["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    let deny = deny();
    let mut faults = Vec::new();
    for package in packages {
        let text = |field: &str| package[field].as_str();
        faults.extend(deny.faults(&Package {
            name: text("name").unwrap(),
            version: text("version").unwrap(),
            license: text("license").unwrap_or_default(),
            source: text("source"),
        }));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // A floor of a crate that is not there any more guards nothing.
    for ban in &deny.bans.deny {
        let name = ban.spec.split(':').next().unwrap();
        let is_there = packages.iter().any(|package| package["name"] == name);
        assert!(is_there, "{name} has a floor and is not in the tree");
    }
}

#[test]
fn a_package_below_its_floor_of_another_source_or_licence_is_found() {
    let deny = deny();
    let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
    let check = |name, version, license, source, expected: usize| {
        let found = deny.faults(&Package { name, version, license, source });
        assert_eq!(found.len(), expected, "{name} {version}: {found:?}");
    };
    check("h2", "0.4.20", "MIT", Some(crates_io), 0);
    check("h2", "0.4.19", "MIT", Some(crates_io), 1);
    check("h2", "0.3.99", "MIT", Some(crates_io), 1);
    check("h2", "1.0.0", "MIT", Some(crates_io), 0);
    check("other", "0.1.0", "MIT", Some("git+https://example.com/other"), 1);
    check("other", "0.1.0", "MIT", Some("registry+https://example.com/index"), 1);
    check("kindred", "0.1.0", "Apache-2.0", None, 0);
    for good in
        ["MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND Unicode-3.0", "MIT AND ISC"]
    {
        check("other", "0.1.0", good, Some(crates_io), 0);
    }
    for bad in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH Some-exception", "(MIT", "MIT MIT"]
    {
        check("other", "0.1.0", bad, Some(crates_io), 1);
    }
}
