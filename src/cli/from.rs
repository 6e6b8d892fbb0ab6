//! `--from`: which sources a run reads, under which names, as which formats.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::sources::{self, Encoding, Format, Part};

/// One `--from [[NAME:]FORMAT=]PATH`.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The name that was given.
    pub(super) name: Option<String>,
    /// The format that was given; else the files say.
    pub(super) format: Option<&'static Format>,
    pub(super) path: PathBuf,
}

/// A source as it is read.
#[derive(Debug)]
pub(super) struct NamedPart {
    /// The name given, else that of the format.
    pub(super) name: String,
    pub(super) part: Part,
}

const EXPECTED: &str = "expected [[NAME:]FORMAT=]PATH";

impl Input {
    /// Reads `NAME:FORMAT=PATH`, `FORMAT=PATH` or `PATH`. What stands before the first `=` is a
    /// format if it looks like one: a path with a `=` behind a `/` or `.` is a path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
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
}

/// Lists what lies at each path and finds the formats that were not given.
pub(super) fn resolve(inputs: &[Input], encoding: Encoding) -> anyhow::Result<Vec<NamedPart>> {
    if inputs.iter().filter(|input| input.path == Path::new("-")).count() > 1 {
        bail!("expected the standard input once, found several --from -");
    }
    let mut named = Vec::new();
    for input in inputs {
        let parts = match input.format {
            Some(format) => vec![format.part(&input.path, encoding)?],
            None => sources::detect(&input.path, encoding)?,
        };
        for part in parts {
            let name = input.name.clone().unwrap_or_else(|| part.format().name.to_owned());
            named.push(NamedPart { name, part });
        }
    }
    Ok(named)
}

/// The encoding of `--encoding`.
pub(super) fn parse_encoding(text: &str) -> Result<Encoding, String> {
    let unknown = || format!("expected utf-8 or latin1, found {text:?}");
    Encoding::from_code(text).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn an_input_is_a_name_a_format_and_a_path_or_a_path_alone() {
        type Found<'a> = (Option<&'a str>, Option<&'a str>, &'a str);
        let check = |text: &str, expected: Result<Found<'_>, &str>| {
            let found = Input::parse(text);
            let found = found.as_ref().map(|input| {
                let format = input.format.map(|format| format.name);
                (input.name.as_deref(), format, input.path.to_str().unwrap())
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
        check("", Err("expected [[NAME:]FORMAT=]PATH"));
        check("kindred=", Err("expected [[NAME:]FORMAT=]PATH"));
        check(":kindred=x", Err("expected [[NAME:]FORMAT=]PATH"));
        check("oracle=x", Err("write ./ before a path that holds `=`"));
        check("oracle=x", Err("known are kindred, magento, mapping, salsify, wisepim"));
    }
}
