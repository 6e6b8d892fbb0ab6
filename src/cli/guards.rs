//! Guards on the way to a publish: what they are told to let pass, and how a refusal reads.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::{
    compile::{self, Breach, Side},
    index::{Catalog, Provenance, Role, UnverifiedBlob},
    model::{
        config::OVERRIDES_FILE_NAME,
        guard::{Guard, GuardLimits},
        id::IdRule,
    },
    policy::OverridesDoc,
    sources::catalog_toml,
    store::{BlobRef, GuardRefusal, Manifest, Store},
};

/// Breaches that a refusal names of each guard; the sums come first.
const SHOWN_MAX: usize = 6;
/// Every guard.
const ALL: &str = "all";

/// Guards that let everything pass this once.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Allow {
    /// Publish although this guard refuses: `shrink`, `churn`, `products`, `ids`, `prices`,
    /// `stock`, `overrides`, or `all`. May be given several times.
    #[arg(long = "allow", value_name = "GUARD", value_parser = guards)]
    guards: Vec<&'static [Guard]>,
}

fn guards(text: &str) -> Result<&'static [Guard], String> {
    if text == ALL {
        return Ok(&Guard::ALL);
    }
    let found = Guard::ALL.iter().position(|guard| guard.code() == text);
    found.and_then(|at| Guard::ALL.get(at..=at)).ok_or_else(|| {
        let known = Guard::ALL.map(Guard::code).join(", ");
        format!("expected a guard ({known}) or {ALL}, found {text:?}")
    })
}

impl Allow {
    /// Lets all pass: for catalogs that are ours.
    pub(super) fn everything() -> Self {
        Self { guards: vec![&Guard::ALL] }
    }

    pub(super) fn holds(&self, guard: Guard) -> bool {
        self.guards.iter().any(|allowed| allowed.contains(&guard))
    }

    fn is_everything(&self) -> bool {
        Guard::ALL.into_iter().all(|guard| self.holds(guard))
    }

    /// Refuses unless every breach is allowed; those that are allowed are told.
    fn refuse(&self, found: Vec<Breach>) -> Result<(), GuardRefusal> {
        let (allowed, refused): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|breach| self.holds(breach.guard));
        if refused.is_empty() {
            for breach in allowed.iter().take(SHOWN_MAX) {
                eprintln!("warning: allowed: {breach}");
            }
            return Ok(());
        }
        Err(GuardRefusal(refusal(&refused)))
    }
}

/// What changed, where, from what to what, and what a person does about it.
fn refusal(refused: &[Breach]) -> String {
    let mut text = "the new snapshot differs too much from the one before".to_owned();
    let mut options = Vec::new();
    for guard in Guard::ALL {
        let own = refused.iter().filter(|breach| breach.guard == guard);
        let lines = own.map(|breach| format!("\n  {breach}")).collect::<Vec<_>>();
        if lines.is_empty() {
            continue;
        }
        text.extend(lines.iter().take(SHOWN_MAX).map(String::as_str));
        if let Some(further) = lines.len().checked_sub(SHOWN_MAX).filter(|further| *further > 0) {
            text.push_str(&format!("\n  and {further} more of {}", guard.code()));
        }
        text.push_str(&format!("\nguard {}: {}", guard.code(), guard.advice()));
        options.push(format!("--allow {}", guard.code()));
    }
    let mut keys = refused.iter().map(Breach::key).collect::<Vec<_>>();
    keys.sort_unstable();
    keys.dedup();
    let (options, keys) = (options.join(" "), keys.join(", "));
    text.push_str(&format!(
        "\n`kindred check` shows all of tables, `kindred diff` of snapshots. If the change is right, \
         publish once with {options}; if such changes are normal, raise {keys} below [guards] of \
         catalog.toml."
    ));
    text
}

/// A catalog of a store with its provenance, opened and verified.
pub(super) struct Opened {
    catalog: Catalog,
    provenance: Option<Provenance>,
}

impl Opened {
    /// The catalog that a manifest names, if it names one.
    pub(super) fn new(store: &Store, manifest: &Manifest) -> anyhow::Result<Option<Self>> {
        let Some(named) = manifest.blob(Role::Catalog) else { return Ok(None) };
        let catalog = Catalog::open(&store.blob_path(named), Some(named.hash))?;
        let open = |blob: &BlobRef| {
            let blob = UnverifiedBlob::open(&store.blob_path(blob))?.verify(Some(blob.hash))?;
            Provenance::from_blob(blob, &catalog.view(), named.hash)
        };
        let provenance = manifest.blob(Role::Provenance).map(open).transpose()?;
        Ok(Some(Self { catalog, provenance }))
    }

    pub(super) fn side(&self) -> Side<'_> {
        Side { view: self.catalog.view(), provenance: self.provenance.as_ref() }
    }
}

/// Limits and exceptions of commands that read no tables.
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(flatten)]
    allow: Allow,
    /// The catalog.toml whose `[guards]` count; else the limits are the defaults.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

impl GuardArgs {
    fn limits(&self) -> anyhow::Result<GuardLimits> {
        let Some(path) = &self.catalog else { return Ok(GuardLimits::DEFAULT) };
        Ok(catalog_toml::load(path, &|| IdRule::Exact)?.guards)
    }

    /// Guards of a store, asked at this second.
    pub(super) fn of<'a>(&'a self, store: &'a Store) -> anyhow::Result<Guarded<'a>> {
        Ok(Guarded::now(store, self.limits()?, &self.allow))
    }
}

/// Where, by which limits and at which second something new is held against what was before.
pub(super) struct Guarded<'a> {
    store: &'a Store,
    limits: GuardLimits,
    allow: &'a Allow,
    now_s: i64,
}

impl<'a> Guarded<'a> {
    pub(super) fn now(store: &'a Store, limits: GuardLimits, allow: &'a Allow) -> Self {
        Self { store, limits, allow, now_s: Timestamp::now().as_second() }
    }

    /// Compares with the catalog of the head, which a publish would replace.
    pub(super) fn check(
        &self,
        head: Option<&Manifest>,
        catalog: &Catalog,
        provenance: &Provenance,
    ) -> Result<(), GuardRefusal> {
        let Some(head) = head else { return Ok(()) };
        let same = head.blob(Role::Catalog).map(|blob| blob.hash) == Some(catalog.blob().hash());
        if same {
            return Ok(());
        }
        let after = Side { view: catalog.view(), provenance: Some(provenance) };
        self.allow.refuse(self.compare(head, after)?)
    }

    fn compare(&self, before: &Manifest, after: Side<'_>) -> Result<Vec<Breach>, GuardRefusal> {
        let before = match Opened::new(self.store, before) {
            Ok(Some(before)) => before,
            Ok(None) => return Ok(Vec::new()),
            // What cannot be read any more must not keep a good catalog out for ever.
            Err(error) if self.allow.is_everything() => {
                eprintln!("warning: allowed: the catalog before cannot be compared ({error})");
                return Ok(Vec::new());
            }
            Err(error) => {
                let hint = "publish with --allow all if the new catalog is right";
                let message = format!("the catalog before cannot be compared ({error}); {hint}");
                return Err(GuardRefusal(message));
            }
        };
        Ok(compile::breaches(before.side(), after, &self.limits, self.now_s))
    }

    /// Refuses overrides that are far fewer than those of the head.
    pub(super) fn check_overrides(
        &self,
        head: Option<&Manifest>,
        overrides: &OverridesDoc,
    ) -> Result<(), GuardRefusal> {
        let Some(head) = head.filter(|_| !self.allow.holds(Guard::Overrides)) else {
            return Ok(());
        };
        let was = self.override_count(head)?;
        let counts = (was, override_count(overrides));
        self.allow.refuse(compile::overrides_breach(counts, &self.limits).into_iter().collect())
    }

    fn override_count(&self, manifest: &Manifest) -> Result<u64, GuardRefusal> {
        override_count_of(self.store, manifest).map_err(|error| {
            let hint = "publish with --allow overrides if the new ones are right";
            GuardRefusal(format!("the overrides before cannot be compared ({error}); {hint}"))
        })
    }

    /// Compares what waits behind a hold with what is live: what was published one after the other,
    /// each a little off the one before, goes live at once.
    pub(super) fn check_release(
        &self,
        live: &Manifest,
        waiting: &Manifest,
    ) -> Result<(), GuardRefusal> {
        let mut found = Vec::new();
        if live.blob(Role::Catalog) != waiting.blob(Role::Catalog) {
            let unreadable =
                |error| GuardRefusal(format!("what waits cannot be compared ({error})"));
            if let Some(after) = Opened::new(self.store, waiting).map_err(unreadable)? {
                found.extend(self.compare(live, after.side())?);
            }
        }
        if live.blob(Role::Overrides) != waiting.blob(Role::Overrides)
            && !self.allow.holds(Guard::Overrides)
        {
            let counts = (self.override_count(live)?, self.override_count(waiting)?);
            found.extend(compile::overrides_breach(counts, &self.limits));
        }
        self.allow.refuse(found)
    }
}

/// How many overrides a manifest has.
pub(super) fn override_count_of(store: &Store, manifest: &Manifest) -> anyhow::Result<u64> {
    let text = super::documents::text_of(store, manifest, Role::Overrides)?;
    let document = text.map(|text| OverridesDoc::parse(OVERRIDES_FILE_NAME, &text)).transpose()?;
    Ok(document.as_ref().map_or(0, override_count))
}

/// How many overrides a document has.
pub(super) fn override_count(document: &OverridesDoc) -> u64 {
    document.rows().len() as u64
}

#[cfg(test)]
mod tests {
    use super::{Allow, Guard, guards, refusal};
    use crate::{
        compile::{Breach, overrides_breach},
        model::guard::GuardLimits,
    };

    fn breach(was: u64, is: u64) -> Vec<Breach> {
        overrides_breach((was, is), &GuardLimits::DEFAULT).into_iter().collect()
    }

    #[test]
    fn a_guard_is_named_by_its_word() {
        assert_eq!(guards("churn"), Ok(&[Guard::Churn][..]));
        assert_eq!(guards("all"), Ok(&Guard::ALL[..]));
        assert!(guards("shrinkage").unwrap_err().contains("products, ids"));
    }

    #[test]
    fn a_refusal_says_what_where_how_much_and_what_to_do() {
        let text = refusal(&breach(100, 7));
        for part in [
            "overrides: overrides from 100 to 7 (93 % changed, more than 20 % is refused)",
            "guard overrides: look whether overrides.csv is the newest",
            "publish once with --allow overrides;",
            "raise overrides below [guards]",
        ] {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn what_is_allowed_passes_and_nothing_else() {
        let allow = |text| Allow { guards: vec![guards(text).unwrap()] };
        assert!(allow("overrides").refuse(breach(100, 7)).is_ok());
        assert!(allow("all").refuse(breach(100, 7)).is_ok());
        assert!(allow("shrink").refuse(breach(100, 7)).is_err());
        assert!(Allow::default().refuse(breach(100, 80)).is_ok());
        // So few that one more or less says nothing.
        assert!(Allow::default().refuse(breach(19, 1)).is_ok());
        assert!(Allow::default().refuse(breach(1, 0)).is_ok());
        // All of them are no few.
        assert!(Allow::default().refuse(breach(2, 0)).is_err());
    }
}
