//! What `--from` says: a source, how to read it and where, or that its last good records count.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::sources::{
    self,
    cache::{Cache, KeptInput},
};

/// What stands for a format and a path where the last good records of a source count.
const PREVIOUS: &str = "@previous";

/// One `--from`.
#[derive(Clone, Debug)]
pub(super) enum FromArg {
    /// `[NAME:]FORMAT=PATH`.
    Files(Input),
    /// `NAME@previous`.
    Previous(String),
}

/// One path of a source.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) format: &'static sources::Format,
    pub(super) path: PathBuf,
    /// The path was read when the source was last good, and is not read now.
    pub(super) is_previous: bool,
}

impl FromArg {
    /// Reads `[NAME:]FORMAT=PATH` or `NAME@previous`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix(PREVIOUS) {
            Some(name) if !name.is_empty() && !name.contains(['=', ':']) => {
                Ok(Self::Previous(name.to_owned()))
            }
            _ => Input::parse(text).map(Self::Files),
        }
    }

    /// The source's name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Files(input) => &input.name,
            Self::Previous(name) => name,
        }
    }
}

impl Input {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = "expected [NAME:]FORMAT=PATH, or NAME@previous with --cache";
        let (left, path) = text.split_once('=').ok_or(expected)?;
        let (name, format_name) = left.split_once(':').unwrap_or((left, left));
        if name.is_empty() || path.is_empty() {
            return Err(expected.to_owned());
        }
        let format = sources::format(format_name).ok_or_else(|| {
            let known = sources::FORMATS.iter().map(|format| format.name).collect::<Vec<_>>();
            format!("format {format_name:?} is unknown; known are {}", known.join(", "))
        })?;
        let (name, path) = (name.to_owned(), PathBuf::from(path));
        Ok(Self { name, format, path, is_previous: false })
    }
}

/// The inputs of a run: sources in the order in which they are named first, each with all its paths.
/// Those of a source whose last good records count are the paths it had then: its `catalog.toml`
/// still lies there.
pub(super) fn resolve(from: &[FromArg], cache: Option<&Cache>) -> anyhow::Result<Vec<Input>> {
    let mut names = Vec::new();
    for name in from.iter().map(FromArg::name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut inputs = Vec::new();
    for name in names {
        let mine = from.iter().filter(|from| from.name() == name).collect::<Vec<_>>();
        let is_previous = |from: &&&FromArg| matches!(from, FromArg::Previous(_));
        match mine.iter().filter(is_previous).count() {
            0 => inputs.extend(mine.into_iter().filter_map(|from| match from {
                FromArg::Files(input) => Some(input.clone()),
                FromArg::Previous(_) => None,
            })),
            1 if mine.len() == 1 => inputs.extend(kept_inputs(name, cache)?),
            _ => bail!("--from {name}{PREVIOUS} is all of source {name:?}: it stands alone"),
        }
    }
    Ok(inputs)
}

fn kept_inputs(name: &str, cache: Option<&Cache>) -> anyhow::Result<Vec<Input>> {
    let Some(cache) = cache else {
        bail!("--from {name}{PREVIOUS} needs --cache DIR, where records of {name:?} are kept");
    };
    let pointer = cache.source(name)?.pointer()?;
    let pointer = pointer.with_context(|| {
        format!("nothing is kept of source {name:?}; compile once with its files and --cache")
    })?;
    let input = |KeptInput { format, path }| {
        let known = sources::format(&format);
        let format = known.with_context(|| {
            format!("source {name:?} was kept as format {format:?}, which is unknown")
        })?;
        Ok(Input { name: name.to_owned(), format, path, is_previous: true })
    };
    pointer.current.inputs.into_iter().map(input).collect()
}

#[cfg(test)]
mod tests {
    use super::{FromArg, resolve};

    #[test]
    fn an_input_is_a_name_a_format_and_a_path() {
        let check = |text: &str, expected: Result<(&str, &str, &str), &str>| {
            let found = FromArg::parse(text);
            let found = found.as_ref().map(|from| match from {
                FromArg::Files(input) => {
                    (input.name.as_str(), input.format.name, input.path.to_str().unwrap())
                }
                FromArg::Previous(name) => (name.as_str(), "@previous", ""),
            });
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{text}: found {found:?}, expected {expected:?}"),
            }
        };
        check("kindred=tables", Ok(("kindred", "kindred", "tables")));
        check("shop:magento=a=b", Ok(("shop", "magento", "a=b")));
        check("kindred=a@previous", Ok(("kindred", "kindred", "a@previous")));
        check("shop@previous", Ok(("shop", "@previous", "")));
        check("tables", Err("expected [NAME:]FORMAT=PATH"));
        check("kindred=", Err("expected [NAME:]FORMAT=PATH"));
        check(":kindred=x", Err("expected [NAME:]FORMAT=PATH"));
        check("@previous", Err("expected [NAME:]FORMAT=PATH"));
        check("a:kindred@previous", Err("expected [NAME:]FORMAT=PATH"));
        check("oracle=x", Err("known are kindred, magento"));
    }

    #[test]
    fn inputs_of_a_source_stand_together() {
        let from =
            ["b:kindred=1", "a:kindred=2", "b:kindred=3"].map(|text| FromArg::parse(text).unwrap());
        let inputs = resolve(&from, None).unwrap();
        let paths = inputs.iter().map(|input| input.path.to_str().unwrap());
        assert_eq!(paths.collect::<Vec<_>>(), ["1", "3", "2"]);
    }

    #[test]
    fn previous_records_need_a_cache_and_stand_alone() {
        let error = |from: &[&str]| {
            let from = from.iter().map(|text| FromArg::parse(text).unwrap()).collect::<Vec<_>>();
            resolve(&from, None).unwrap_err().to_string()
        };
        assert!(error(&["a@previous"]).contains("needs --cache DIR"));
        assert!(error(&["a@previous", "a:kindred=x"]).contains("stands alone"));
        assert!(error(&["a@previous", "a@previous"]).contains("stands alone"));
    }
}
