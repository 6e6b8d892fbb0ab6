//! Policies and overrides on their way from a file into a store, as `policy`, `override` and
//! `compile` walk it.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, bail};

use super::{
    EXIT_REFUSED, Failure,
    guards::{Guarded, override_count, override_count_of},
    out::outln,
};
use crate::{
    index::{self, Catalog, Role, Text, UnverifiedBlob},
    model::{
        config::{OVERRIDES_FILE_NAME, POLICY_FILE_NAME},
        limits::{FINDING_SAMPLES_MAX, OVERRIDES_BYTES_MAX, POLICY_BYTES_MAX},
        text::Places,
    },
    policy::{BUILT_IN_POLICY, OverridesDoc, Policy, PolicyDoc, Unbound},
    snapshot::CatalogNames,
    store::{
        BlobRef, Error as StoreError, GuardRefusal, Manifest, Note, Publish, Published, Store,
        Track,
    },
};

/// A policy with its text.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) document: PolicyDoc,
    pub(super) text: String,
}

impl PolicyFile {
    /// Reads and checks a file.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = read(path, POLICY_BYTES_MAX)?;
        let document = PolicyDoc::parse(&path.display().to_string(), &text)?;
        Ok(Self { document, text })
    }
}

/// Reads and checks overrides.
pub(super) fn load_overrides(path: &Path) -> anyhow::Result<OverridesDoc> {
    let text = read(path, OVERRIDES_BYTES_MAX)?;
    Ok(OverridesDoc::parse(&path.display().to_string(), &text)?)
}

/// What a compile publishes along.
#[derive(Debug)]
pub(super) struct Given {
    policy: Option<PolicyFile>,
    overrides: Option<OverridesDoc>,
}

impl Given {
    /// Reads and checks the files that are named.
    pub(super) fn load(policy: Option<&Path>, overrides: Option<&Path>) -> anyhow::Result<Self> {
        let policy = policy.map(PolicyFile::load).transpose()?;
        let overrides = overrides.map(load_overrides).transpose()?;
        Ok(Self { policy, overrides })
    }

    /// Asks the new catalog for their names.
    pub(super) fn check(&self, catalog: &Catalog) -> anyhow::Result<Vec<Unbound>> {
        let policy = self.policy.as_ref().map(|policy| &policy.document);
        check(catalog, policy, self.overrides.as_ref())
    }

    /// What the new catalog does not know of the policy and overrides that are published already and
    /// stay.
    pub(super) fn unbound_of_kept(
        &self,
        store: &Store,
        head: Option<&Manifest>,
        catalog: &Catalog,
    ) -> anyhow::Result<Vec<Unbound>> {
        let Some(head) = head else { return Ok(Vec::new()) };
        let policy = match &self.policy {
            None => text_of(store, head, Role::Policy)?,
            Some(_) => None,
        };
        let policy = policy.map(|text| PolicyDoc::parse(POLICY_FILE_NAME, &text)).transpose()?;
        let overrides = match &self.overrides {
            None => text_of(store, head, Role::Overrides)?,
            Some(_) => None,
        };
        let overrides =
            overrides.map(|text| OverridesDoc::parse(OVERRIDES_FILE_NAME, &text)).transpose()?;
        Ok(unbound(catalog, policy.as_ref(), overrides.as_ref()))
    }

    /// Brings them into the store; the built-in policy too, where there is none at all.
    pub(super) fn stage(
        &self,
        store: &Store,
        head: Option<&Manifest>,
    ) -> anyhow::Result<Vec<BlobRef>> {
        let mut blobs = Vec::new();
        if let Some(policy) = &self.policy {
            blobs.push(stage(store, Role::Policy, &policy.text)?);
        } else if !has_policy(head) {
            blobs.push(stage(store, Role::Policy, BUILT_IN_POLICY)?);
        }
        if let Some(overrides) = &self.overrides {
            blobs.push(stage(store, Role::Overrides, &overrides.to_csv())?);
        }
        Ok(blobs)
    }

    /// Refuses overrides that take too many of those published away.
    pub(super) fn check_overrides(
        &self,
        guarded: &Guarded<'_>,
        found: Option<&Manifest>,
    ) -> Result<(), GuardRefusal> {
        let Some(overrides) = &self.overrides else { return Ok(()) };
        guarded.check_overrides(found, overrides)
    }

    /// How many overrides a manifest has, and how many come in their place; none if none do.
    pub(super) fn override_counts(
        &self,
        store: &Store,
        head: &Manifest,
    ) -> anyhow::Result<Option<(u64, u64)>> {
        let Some(overrides) = &self.overrides else { return Ok(None) };
        Ok(Some((override_count_of(store, head)?, override_count(overrides))))
    }

    /// Refuses to put the built-in policy in the place of one that was published meanwhile.
    pub(super) fn check_unmoved(
        &self,
        before: Option<&Manifest>,
        found: Option<&Manifest>,
    ) -> Result<(), GuardRefusal> {
        if self.policy.is_none() && !has_policy(before) && has_policy(found) {
            let message = "someone else has published a policy meanwhile; compile again";
            return Err(GuardRefusal(message.to_owned()));
        }
        Ok(())
    }
}

fn has_policy(head: Option<&Manifest>) -> bool {
    head.and_then(|head| head.blob(Role::Policy)).is_some()
}

/// A text of at most so many bytes, and one more to see that there are too many.
fn read(path: &Path, bytes_max: usize) -> anyhow::Result<String> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown}: cannot be read"))?;
    let mut bytes = Vec::new();
    let len_max = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(len_max)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{shown}: cannot be read"))?;
    if bytes.len() > bytes_max {
        bail!("{shown}: expected at most {bytes_max} bytes, found more");
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
        let place = Places::new(&text).at(good);
        anyhow::anyhow!("{shown}:{place}: expected UTF-8, found a byte that is none")
    })
}

/// Asks a catalog for the names of both. Names that must be known are errors; the others, and what
/// comes and goes with products, are told.
pub(super) fn check(
    catalog: &Catalog,
    policy: Option<&PolicyDoc>,
    overrides: Option<&OverridesDoc>,
) -> anyhow::Result<Vec<Unbound>> {
    let names = CatalogNames(catalog.view());
    policy.map(|policy| policy.check_against(&names)).transpose()?;
    overrides.map(|overrides| overrides.check_against(&names)).transpose()?;
    Ok(unbound(catalog, policy, overrides))
}

/// Every name of both that the catalog does not know.
pub(super) fn unbound(
    catalog: &Catalog,
    policy: Option<&PolicyDoc>,
    overrides: Option<&OverridesDoc>,
) -> Vec<Unbound> {
    let nothing = PolicyDoc::default();
    let names = CatalogNames(catalog.view());
    Policy::bind(policy.unwrap_or(&nothing), overrides, &names).1
}

/// How many names of overrides must be known to a catalog and are not.
pub(super) fn fault_count(catalog: &Catalog, overrides: &OverridesDoc) -> usize {
    let checked = overrides.check_against(&CatalogNames(catalog.view()));
    checked.map_or_else(|faults| faults.errors().len() + faults.further(), |()| 0)
}

/// Warns of names that the catalog does not know.
pub(super) fn warn_unbound(unbound: &[Unbound]) {
    for one in unbound.iter().take(FINDING_SAMPLES_MAX) {
        eprintln!("warning: {one}; it matches nothing");
    }
    if let Some(further) = unbound.len().checked_sub(FINDING_SAMPLES_MAX).filter(|n| *n > 0) {
        eprintln!("warning: {further} more names are unknown");
    }
}

/// Brings a text into the store, verified as a server would.
pub(super) fn stage(store: &Store, role: Role, text: &str) -> anyhow::Result<BlobRef> {
    let staged = store.stage(role)?;
    let file = staged.file().try_clone().context("cannot share a file handle")?;
    index::write_text(file, staged.path(), role, text)?;
    let blob = UnverifiedBlob::open(staged.path())?.verify(None)?;
    let (hash, size_bytes) = (blob.hash(), blob.size_bytes());
    drop(Text::from_blob(blob, role)?);
    Ok(staged.commit(hash, size_bytes)?)
}

/// The text that the newest manifest has of a role.
pub(super) fn text_of(
    store: &Store,
    head: &Manifest,
    role: Role,
) -> anyhow::Result<Option<String>> {
    let Some(named) = head.blob(role) else { return Ok(None) };
    let blob = UnverifiedBlob::open(&store.blob_path(named))?.verify(Some(named.hash))?;
    Ok(Some(Text::from_blob(blob, role)?.text().to_owned()))
}

/// A track whose newest manifest has a catalog, which policies and overrides are checked against.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) store: Store,
    pub(super) track: Track,
    pub(super) manifest: Manifest,
}

impl Head {
    /// The newest manifest: what the next publish builds on, also while a hold stands.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let (store, track) = super::open_track(dir)?;
        let manifest = track.head()?.with_context(|| no_catalog(dir))?;
        Ok(Self { store, track, manifest })
    }

    /// Its catalog.
    pub(super) fn catalog(&self) -> anyhow::Result<Catalog> {
        let named = self.manifest.blob(Role::Catalog);
        let named = named.with_context(|| no_catalog(self.store.dir()))?;
        Ok(Catalog::open(&self.store.blob_path(named), Some(named.hash))?)
    }

    /// Publishes the text of a role on top of it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the role has changed since.
    pub(super) fn publish(
        &self,
        role: Role,
        text: &str,
        note: Note,
    ) -> anyhow::Result<Result<Published, StoreError>> {
        let blob = stage(&self.store, role, text)?;
        let before = self.manifest.blob(role).map(|blob| blob.hash);
        let guard = |head: Option<&Manifest>| {
            let found = head.and_then(|head| head.blob(role)).map(|blob| blob.hash);
            if found == before {
                return Ok(());
            }
            Err(GuardRefusal(format!("someone else has published {} meanwhile", role.code())))
        };
        Ok(self.track.publish(&Publish {
            blobs: &[blob],
            guard: &guard,
            since: Some(self.manifest.number),
            over_rollback: false,
            note,
        }))
    }
}

fn no_catalog(dir: &Path) -> String {
    format!("{} holds no catalog yet; publish one with `kindred compile`", dir.display())
}

/// A publish, or the failure of a guard with its exit code.
pub(super) fn refused(published: Result<Published, StoreError>) -> anyhow::Result<Published> {
    published.map_err(|error| {
        if matches!(error, StoreError::Refused { .. } | StoreError::Overtaken { .. }) {
            return Failure { code: EXIT_REFUSED, message: error.to_string() }.into();
        }
        error.into()
    })
}

/// A refusal before anything was asked of the store, with the exit code of refusals.
pub(super) fn refused_by_guard(refusal: &GuardRefusal) -> Failure {
    Failure { code: EXIT_REFUSED, message: refusal.to_string() }
}

/// Says what came of a publish.
pub(super) fn print_published(published: &Published) {
    match published {
        Published::Unchanged(manifest) if manifest.held => outln!(
            "snapshot {} is stored already; a hold stands, it goes live at `kindred release`",
            manifest.snapshot_id
        ),
        Published::Unchanged(manifest) => {
            outln!("snapshot {} is published already; nothing changed", manifest.snapshot_id);
        }
        Published::Written(manifest) if manifest.held => outln!(
            "stored snapshot {} as manifest {}; a hold stands, it goes live at `kindred release`",
            manifest.snapshot_id,
            manifest.number
        ),
        Published::Written(manifest) => {
            outln!("published snapshot {} as manifest {}", manifest.snapshot_id, manifest.number);
        }
    }
}
