//! `kindred load files`: the requests of a run for ghz and h2load, which people know.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::{out::outln, whole_file::WholeFile};
use super::asked::AskedArgs;
use crate::{
    load::{METHOD, framed, length_prefixed},
    model::limits::REQUEST_BYTES_MAX,
    pb,
    service::message_to_json,
};

/// Requests of one set of files: ghz reads them into memory.
const REQUESTS_MAX: u64 = 1_000_000;

const GHZ_JSON: &str = "ghz.json";
const GHZ_BINARY: &str = "ghz.bin";
const H2LOAD_BODY: &str = "h2load.bin";

#[derive(Debug, Args)]
pub(super) struct FilesArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Directory of the files; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write so many requests.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    count: u64,
}

pub(super) fn run(args: &FilesArgs) -> anyhow::Result<()> {
    if args.count == 0 || args.count > REQUESTS_MAX {
        bail!("--count: expected 1 to {REQUESTS_MAX}, found {}", args.count);
    }
    let asked = args.asked.read()?;
    let requests = (0..args.count).map(|number| asked.request(number)).collect::<Vec<_>>();
    let first = requests.first().and_then(framed);
    let Some(body) = first else {
        bail!("the first request has more than {REQUEST_BYTES_MAX} bytes: no server takes it");
    };
    let context = || format!("cannot make {}", args.out.display());
    fs::create_dir_all(&args.out).with_context(context)?;
    let put = |name, bytes: &[u8]| {
        let path = args.out.join(name);
        WholeFile::create("the requests", &path)?.put(bytes)
    };
    put(GHZ_JSON, json(&requests)?.as_bytes())?;
    put(GHZ_BINARY, &length_prefixed(&requests))?;
    put(H2LOAD_BODY, &body)?;
    print_commands(args);
    Ok(())
}

/// The requests as a JSON array, one a line.
fn json(requests: &[pb::GetRecommendationsRequest]) -> anyhow::Result<String> {
    let one = |request| message_to_json("GetRecommendationsRequest", request);
    let requests = requests.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[{}]\n", requests.join(",\n")))
}

fn print_commands(args: &FilesArgs) {
    let to = &args.asked.to;
    let (url, address) = match to.split_once("://") {
        Some((_, address)) => (to.trim_end_matches('/').to_owned(), address.trim_end_matches('/')),
        None => (format!("http://{to}"), to.as_str()),
    };
    let call = METHOD.trim_start_matches('/').replace('/', ".");
    let file = |name: &str| quoted(&args.out.join(name).display().to_string());
    let count = args.count;
    outln!("{count} requests, in turn; ghz learns the API by reflection:");
    outln!(
        "  ghz --insecure --call {call} -D {} --rps 1000 --async -c 100 --connections 10 -z 10s {}",
        file(GHZ_JSON),
        quoted(address)
    );
    outln!("The same without reading JSON:");
    outln!(
        "  ghz --insecure --call {call} -B {} --rps 1000 --async -c 100 --connections 10 -z 10s {}",
        file(GHZ_BINARY),
        quoted(address)
    );
    outln!("The first request only, as fast as it goes; a gRPC error counts as success there:");
    outln!(
        "  h2load -n 100000 -c 10 -m 10 -d {} -H 'content-type: application/grpc' -H 'te: trailers' \
         {}",
        file(H2LOAD_BODY),
        quoted(&format!("{url}{METHOD}"))
    );
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_stays_one_word_of_a_shell() {
        assert_eq!(quoted("/tmp/a-b_c.bin"), "/tmp/a-b_c.bin");
        assert_eq!(quoted("it's a; dir"), r"'it'\''s a; dir'");
        assert_eq!(quoted(""), "''");
    }
}
