//! Goal: every call and command of the README's tour answers what the README shows. Method: the blocks of
//! the section are read from the file and run in their order against the demo: `grpcurl` calls by a client
//! that knows the API from its descriptors alone, `k` commands by the built program. In what is shown,
//! `"…"` stands for any value, and at the end of a list for the rest of it.

use std::net::SocketAddr;

use bytes::{Buf as _, BufMut as _};
use kindred::pb;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::Value;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::{
    calls::{block_on, channel},
    server::{Server, eventually},
    shop::Shop,
};

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
/// Where the README's server listens, and the store it serves.
const ADDRESS: &str = "127.0.0.1:50051";
const STORE: &str = "/tmp/kindred/store";
/// A line that stops the server and starts it again.
const RESTART: &str = "# stop the server with Ctrl-C and start it again";

#[test]
fn the_tour_of_the_readme_is_true() {
    let shop = Shop::demo();
    let mut server = Server::start(&shop);
    let (mut told, mut differences) = (0, Vec::new());
    for block in blocks(section(README, "## A tour")) {
        let mut shown = None;
        for line in commands(block.commands) {
            if line == RESTART {
                assert_eq!(server.ended(), Some(0));
                server = Server::start(&shop);
                continue;
            }
            let words = words(&line);
            shown = match words.first().map(String::as_str) {
                Some("grpcurl") => Some(call(&words, server.address)),
                Some("k") => run(&shop, &words, server.address),
                other => panic!("the tour has a command {other:?}: {line}"),
            };
        }
        let Some(expected) = block.expected else { continue };
        let expected: Value = serde_json::from_str(expected)
            .unwrap_or_else(|error| panic!("{error} in what {} shows", block.commands));
        let found = shown.expect("a command that shows something");
        if let Err(difference) = agree(&expected, &found, "") {
            let commands = block.commands;
            differences.push(format!("{commands}\nshows otherwise: {difference}\nfound {found:#}"));
        }
        told += 1;
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert!(told >= 20, "the tour tells {told} stories");
}

/// A block of commands and the JSON that the last of them shows, if the tour says.
struct Block<'a> {
    commands: &'a str,
    expected: Option<&'a str>,
}

fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let after = text.split_once(&format!("{title}\n")).expect("the README has the section").1;
    after.split_once("\n## ").map_or(after, |(section, _)| section)
}

/// Every `sh` block with the `json` block that follows it at once.
fn blocks(section: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::<Block<'_>>::new();
    // Fences come in pairs: every second part is inside of one.
    for part in section.split("```").skip(1).step_by(2) {
        match part.split_once('\n') {
            Some(("sh", commands)) => blocks.push(Block { commands, expected: None }),
            Some(("json", shown)) => {
                blocks.last_mut().expect("a command stands before what it shows").expected =
                    Some(shown);
            }
            other => panic!("the tour has another block: {other:?}"),
        }
    }
    blocks
}

/// Lines of a shell; one that ends with a backslash goes on, and so does one with an open quote.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = if open.is_empty() { line.trim() } else { line };
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        open.push_str(line);
        let is_quoted = open.matches('\'').count() % 2 == 1;
        if goes_on || is_quoted {
            open.push('\n');
        } else if !open.is_empty() {
            commands.push(std::mem::take(&mut open));
        }
    }
    commands
}

/// Words as a shell splits them: at blanks outside single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut any) = (String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '\'' => (quoted, any) = (!quoted, true),
            blank if blank.is_whitespace() && !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            other => {
                word.push(other);
                any = true;
            }
        }
    }
    if any {
        words.push(word);
    }
    words
}

/// Runs `k ...`; what it prints, if that is JSON.
fn run(shop: &Shop, words: &[String], address: SocketAddr) -> Option<Value> {
    let store = shop.store_dir();
    let store = store.to_str().unwrap();
    let is_store = words.iter().any(|word| word == STORE);
    let before = is_store.then(|| shop.manifests());
    let args = words
        .iter()
        .skip(1)
        .map(|word| word.replace(STORE, store).replace(ADDRESS, &address.to_string()));
    let run = crate::command::kindred(args).succeeded();
    // What was published is live a moment later.
    if before.is_some_and(|before| shop.manifests() > before) {
        let id = shop.snapshot().id().to_owned();
        eventually(|| active(address), |active| *active == id);
    }
    serde_json::from_str(&run.out).ok()
}

/// The snapshot that the server answers from.
fn active(address: SocketAddr) -> String {
    let described = ask("kindred.v1.RecommendationService/DescribeCatalog", "{}", address);
    described["dataVersion"]["snapshotId"].as_str().unwrap().to_owned()
}

/// Makes a `grpcurl -plaintext -d JSON ADDRESS METHOD` call.
fn call(words: &[String], address: SocketAddr) -> Value {
    let at = words.iter().position(|word| word == "-d");
    let json = at.and_then(|at| words.get(at + 1)).map_or("{}", String::as_str);
    assert!(words.iter().any(|word| word == ADDRESS), "the tour calls {ADDRESS}");
    ask(words.last().unwrap(), json, address)
}

fn ask(method: &str, json: &str, address: SocketAddr) -> Value {
    let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
    let (service, name) = method.split_once('/').unwrap();
    let service = pool.get_service_by_name(service).expect("the API has the service");
    let method = service.methods().find(|method| method.name() == name).expect("and the method");
    let mut read = serde_json::Deserializer::from_str(json);
    let request = DynamicMessage::deserialize(method.input(), &mut read)
        .unwrap_or_else(|error| panic!("{error} in {json}"));
    let answer = block_on(send(method, request, address));
    let answer = answer.unwrap_or_else(|status| panic!("{status} to {json}"));
    serde_json::to_value(&answer).unwrap()
}

async fn send(
    method: MethodDescriptor,
    request: DynamicMessage,
    address: SocketAddr,
) -> Result<DynamicMessage, Status> {
    let mut client = Grpc::new(channel(address).await);
    client.ready().await.unwrap();
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let answer =
        client.unary(Request::new(request), path.parse().unwrap(), Dynamic(method)).await?;
    Ok(answer.into_inner())
}

/// Messages that are known by their descriptors.
struct Dynamic(MethodDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item.encode_to_vec());
        Ok(())
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(DynamicMessage::decode(self.0.output(), bytes).unwrap()))
    }
}

/// Does what was found agree with what is shown? Fields that are not shown may be anything.
fn agree(shown: &Value, found: &Value, path: &str) -> Result<(), String> {
    let differ = || Err(format!("{path}: expected {shown}, found {found}"));
    match (shown, found) {
        (Value::String(any), _) if any == "…" => Ok(()),
        (Value::Object(shown), Value::Object(found)) => {
            shown.iter().try_for_each(|(key, shown)| {
                let found = found.get(key).unwrap_or(&Value::Null);
                agree(shown, found, &format!("{path}.{key}"))
            })
        }
        (Value::Array(shown), Value::Array(found)) => {
            let rest = shown.last().is_some_and(|last| last == "…");
            let named = shown.len() - usize::from(rest);
            if found.len() < named || (!rest && found.len() > named) {
                return differ();
            }
            let mut pairs = shown.iter().take(named).zip(found).enumerate();
            pairs.try_for_each(|(at, (shown, found))| agree(shown, found, &format!("{path}[{at}]")))
        }
        (Value::Number(shown), Value::Number(found)) => {
            // Shares are shown with few digits.
            let near = (shown.as_f64().unwrap() - found.as_f64().unwrap()).abs() < 0.005;
            if near { Ok(()) } else { differ() }
        }
        _ if shown == found => Ok(()),
        _ => differ(),
    }
}

#[test]
fn what_is_shown_is_compared_in_earnest() {
    let found = serde_json::json!({"a": [1, {"b": "x"}], "c": 2});
    let check = |shown: &str, agrees: bool| {
        let shown: Value = serde_json::from_str(shown).unwrap();
        assert_eq!(agree(&shown, &found, "").is_ok(), agrees, "{shown}");
    };
    check(r#"{"a": [1, {"b": "x"}]}"#, true);
    check(r#"{"a": [1, "…"], "c": "…"}"#, true);
    check(r#"{"a": [1]}"#, false);
    check(r#"{"a": [2, "…"]}"#, false);
    check(r#"{"a": [1, {"b": "y"}]}"#, false);
    check(r#"{"d": 1}"#, false);
    let line = "grpcurl -d '{\n  \"a\": 1}' \\\n    host x/Y";
    let line = commands(line);
    assert_eq!(words(&line[0]), ["grpcurl", "-d", "{\n  \"a\": 1}", "host", "x/Y"]);
}
