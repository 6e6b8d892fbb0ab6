//! `--from`: which sources a run reads, under which names, as which formats; or which count as they
//! were last good.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::sources::{
    self, Encoding, Format, Part, SourceError,
    cache::{Cache, FoundAt, KeptInput, Lineage},
};

/// One `--from`.
#[derive(Clone, Debug)]
pub(super) enum FromArg {
    /// `[[NAME:]FORMAT=]PATH`.
    Files(Input),
    /// `NAME@previous`.
    Previous(String),
}

/// Something to read.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The name that was given.
    pub(super) name: Option<String>,
    /// The format that was given; else the files say.
    pub(super) format: Option<&'static Format>,
    pub(super) path: PathBuf,
}

/// One path of a source.
#[derive(Debug)]
pub(super) struct NamedInput {
    /// The name given, else that of the format.
    pub(super) name: String,
    pub(super) format: &'static Format,
    pub(super) path: PathBuf,
    pub(super) encoding: Encoding,
    /// Its files, if they were looked into already.
    pub(super) part: Option<Part>,
    /// The path was read when the source was last good, and is not read now.
    pub(super) is_previous: bool,
}

const EXPECTED: &str = "expected [[NAME:]FORMAT=]PATH, or NAME@previous";

/// What stands behind the name of a source whose last good records count.
const PREVIOUS: &str = "@previous";

impl FromArg {
    /// Reads `NAME@previous`, or what [`Input::parse`] does. A path that ends so needs a `./`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix(PREVIOUS) {
            Some(name) if !name.is_empty() && !name.contains(['=', ':', '/', '.']) => {
                Ok(Self::Previous(name.to_owned()))
            }
            _ => Input::parse(text).map(Self::Files),
        }
    }
}

impl Input {
    /// Reads `NAME:FORMAT=PATH`, `FORMAT=PATH` or `PATH`. What stands before the first `=` is a
    /// format if it looks like one: a path with a `=` behind a `/` or `.` is a path.
    fn parse(text: &str) -> Result<Self, String> {
        let (left, path) = match text.split_once('=') {
            Some((left, path)) if !left.contains(['/', '.']) => (Some(left), path),
            _ => (None, text),
        };
        if path.is_empty() {
            return Err(EXPECTED.to_owned());
        }
        let Some(left) = left else {
            return Ok(Self { name: None, format: None, path: PathBuf::from(path) });
        };
        let (name, format_name) = match left.split_once(':') {
            Some((name, format_name)) => (Some(name), format_name),
            None => (None, left),
        };
        if name == Some("") {
            return Err(EXPECTED.to_owned());
        }
        let format = sources::format(format_name).ok_or_else(|| {
            let known = sources::FORMATS.iter().map(|format| format.name).collect::<Vec<_>>();
            let hint = "write ./ before a path that holds `=`";
            format!("format {format_name:?} is unknown; known are {}; {hint}", known.join(", "))
        })?;
        Ok(Self { name: name.map(str::to_owned), format: Some(format), path: PathBuf::from(path) })
    }

    /// Finds the format if it was not given: one input for each that the path holds files of, and for
    /// each held source that it held files of.
    fn resolve(
        &self,
        encoding: Encoding,
        cache: Option<Kept<'_>>,
    ) -> anyhow::Result<Vec<NamedInput>> {
        let named = |format: &'static Format, part| NamedInput {
            name: self.name.clone().unwrap_or_else(|| format.name.to_owned()),
            format,
            path: self.path.clone(),
            encoding,
            part,
            is_previous: false,
        };
        match (self.format, cache) {
            // Not before it is read: the cache may know it.
            (Some(format), Some(_)) => Ok(vec![named(format, None)]),
            // At once: whatever is no table is known before anything is read.
            (Some(format), None) => {
                Ok(vec![named(format, Some(format.part(&self.path, encoding)?))])
            }
            (None, None) => {
                let parts = sources::detect(&self.path, encoding)?.into_iter();
                Ok(parts.map(|part| named(part.format(), Some(part))).collect())
            }
            (None, Some(Kept { cache, store })) => {
                let FoundAt { held, files, has_others, .. } = cache.found_at(&self.path, store)?;
                let parts = match sources::detect_others(&self.path, encoding, &files) {
                    // All that was ever found here is held: whatever is here now does not matter.
                    Err(SourceError::Missing { .. } | SourceError::Unrecognized { .. })
                        if !held.is_empty() && !has_others =>
                    {
                        Vec::new()
                    }
                    parts => parts?,
                };
                let is_held = |part: &Part| held.iter().any(|(name, _)| name == part.format().name);
                let others = parts.into_iter().filter(|part| !is_held(part));
                let others = others.map(|part| Ok(named(part.format(), Some(part))));
                let held = held.iter().map(|(name, format)| {
                    Ok(NamedInput { name: name.clone(), ..named(known(name, format)?, None) })
                });
                let mut inputs = others.chain(held).collect::<anyhow::Result<Vec<_>>>()?;
                inputs.sort_by_key(|input| input.format.name);
                Ok(inputs)
            }
        }
    }

    /// What is known of its path where nothing is found there: ids compare by the formats of all.
    fn places(&self, cache: Option<Kept<'_>>) -> anyhow::Result<Vec<Place>> {
        let known = cache.map(|Kept { cache, store }| cache.found_at(&self.path, store));
        let known = known.transpose()?.unwrap_or_default();
        let known = known.formats.iter().map(|format| sources::format(format));
        let mut formats = known.filter(|_| self.format.is_none()).collect::<Vec<_>>();
        if formats.is_empty() {
            formats.push(self.format);
        }
        let place = |format: Option<&'static Format>| {
            let name = self.name.as_deref().or(format.map(|format| format.name));
            let name = name.unwrap_or_default().to_owned();
            Place { name, path: self.path.clone(), format }
        };
        Ok(formats.into_iter().map(place).collect())
    }
}

/// What is kept, and the store that decides what of it is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'c> {
    pub(super) cache: &'c Cache,
    pub(super) store: &'c dyn Lineage,
}

/// What a run reads.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// Its inputs: sources in the order in which they come first, each with all its paths.
    pub(super) inputs: Vec<NamedInput>,
    /// Every path that is named, found or not: the catalog may lie beside it.
    pub(super) places: Vec<Place>,
    /// Why the first of those that are no inputs is none.
    pub(super) failure: Option<anyhow::Error>,
}

/// A path of a source, and the format of what is there or was when it was read last; none, if nobody
/// knows.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) format: Option<&'static Format>,
}

/// Finds what a run reads. What cannot be found keeps nothing else from being found.
///
/// # Errors
/// The arguments contradict each other.
pub(super) fn resolve(
    from: &[FromArg],
    encoding: Encoding,
    cache: Option<Kept<'_>>,
) -> anyhow::Result<Resolved> {
    let is_stdin =
        |from: &&FromArg| matches!(from, FromArg::Files(input) if input.path == Path::new("-"));
    if from.iter().filter(is_stdin).count() > 1 {
        bail!("expected the standard input once, found several --from -");
    }
    let mut resolved = Resolved::default();
    for from in from {
        let found = match from {
            FromArg::Files(input) => input.resolve(encoding, cache),
            FromArg::Previous(name) => {
                check_alone(name, &resolved.inputs)?;
                kept_inputs(name, encoding, cache)
            }
        };
        match found {
            Ok(inputs) => {
                let place = |input: &NamedInput| Place {
                    name: input.name.clone(),
                    path: input.path.clone(),
                    format: Some(input.format),
                };
                resolved.places.extend(inputs.iter().map(place));
                resolved.inputs.extend(inputs);
            }
            Err(error) => {
                if let FromArg::Files(input) = from {
                    resolved.places.extend(input.places(cache)?);
                }
                resolved.failure.get_or_insert(error);
            }
        }
    }
    for previous in resolved.inputs.iter().filter(|input| input.is_previous) {
        let same = resolved.inputs.iter().filter(|input| input.name == previous.name);
        let files = same.filter(|input| !input.is_previous);
        check_alone(&previous.name, files)?;
    }
    Ok(Resolved { inputs: grouped(resolved.inputs), ..resolved })
}

/// Refuses a source that is to be as it was and something else, too.
fn check_alone<'i>(
    name: &str,
    others: impl IntoIterator<Item = &'i NamedInput>,
) -> anyhow::Result<()> {
    if others.into_iter().any(|input| input.name == name) {
        bail!("--from {name}{PREVIOUS} is all of source {name:?}: it stands alone");
    }
    Ok(())
}

/// Inputs of one source side by side, where its first one stood.
fn grouped(mut inputs: Vec<NamedInput>) -> Vec<NamedInput> {
    let names = inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>();
    inputs.sort_by_key(|input| names.iter().position(|name| *name == input.name));
    inputs
}

/// The paths that a source was read from when it was last good: its `catalog.toml` still lies there.
fn kept_inputs(
    name: &str,
    encoding: Encoding,
    cache: Option<Kept<'_>>,
) -> anyhow::Result<Vec<NamedInput>> {
    let Some(Kept { cache, store }) = cache else {
        bail!("--from {name}{PREVIOUS} needs --cache DIR, where records of {name:?} are kept");
    };
    let pointer = cache.source(name)?.known(store)?.pointer;
    let pointer = pointer.with_context(|| {
        format!("nothing is kept of source {name:?}; compile once with its files and --cache")
    })?;
    let input = |KeptInput { format, path, .. }| {
        let format = known(name, &format)?;
        let name = name.to_owned();
        Ok(NamedInput { name, format, path, encoding, part: None, is_previous: true })
    };
    pointer.current.inputs.into_iter().map(input).collect()
}

/// The format that a source was kept as.
fn known(source: &str, format: &str) -> anyhow::Result<&'static Format> {
    sources::format(format).with_context(|| {
        format!("source {source:?} was kept as format {format:?}, which is unknown")
    })
}

/// The encoding of `--encoding`.
pub(super) fn parse_encoding(text: &str) -> Result<Encoding, String> {
    let unknown = || format!("expected utf-8 or latin1, found {text:?}");
    Encoding::from_code(text).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::reading::Ancestors;

    #[test]
    fn an_input_is_a_name_a_format_and_a_path_or_a_path_alone() {
        type Found<'a> = (Option<&'a str>, Option<&'a str>, &'a str);
        let check = |text: &str, expected: Result<Found<'_>, &str>| {
            let found = FromArg::parse(text);
            let found = found.as_ref().map(|from| match from {
                FromArg::Files(input) => {
                    let format = input.format.map(|format| format.name);
                    (input.name.as_deref(), format, input.path.to_str().unwrap())
                }
                FromArg::Previous(name) => (Some(name.as_str()), Some(PREVIOUS), ""),
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{text}: found {found:?}, expected {expected:?}"),
            }
        };
        check("kindred=tables", Ok((None, Some("kindred"), "tables")));
        check("shop:magento=a=b", Ok((Some("shop"), Some("magento"), "a=b")));
        check("kindred=-", Ok((None, Some("kindred"), "-")));
        check("-", Ok((None, None, "-")));
        check("tables", Ok((None, None, "tables")));
        check("./a=b", Ok((None, None, "./a=b")));
        check("a.csv=b", Ok((None, None, "a.csv=b")));
        check("shop@previous", Ok((Some("shop"), Some("@previous"), "")));
        check("./shop@previous", Ok((None, None, "./shop@previous")));
        check("kindred=a@previous", Ok((None, Some("kindred"), "a@previous")));
        check("", Err("expected [[NAME:]FORMAT=]PATH"));
        check("kindred=", Err("expected [[NAME:]FORMAT=]PATH"));
        check(":kindred=x", Err("expected [[NAME:]FORMAT=]PATH"));
        check("oracle=x", Err("write ./ before a path that holds `=`"));
        check("oracle=x", Err("known are akeneo, kindred, magento, mapping, salsify, shopify"));
    }

    #[test]
    fn inputs_of_a_source_stand_together() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let from = ["b:kindred=1", "a:kindred=2", "b:kindred=3"];
        let from = from.map(|text| FromArg::parse(text).unwrap());
        let kept = Kept { cache: &cache, store: &Ancestors::none() };
        let inputs = resolve(&from, Encoding::Utf8, Some(kept)).unwrap().inputs;
        let paths = inputs.iter().map(|input| input.path.to_str().unwrap());
        assert_eq!(paths.collect::<Vec<_>>(), ["1", "3", "2"]);
    }

    #[test]
    fn previous_records_need_a_cache() {
        let from = [FromArg::parse("a@previous").unwrap()];
        let failure = resolve(&from, Encoding::Utf8, None).unwrap().failure;
        let error = failure.unwrap().to_string();
        assert!(error.contains("needs --cache DIR"), "{error}");
    }
}
