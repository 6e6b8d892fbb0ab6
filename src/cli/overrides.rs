//! `kindred override`: add, remove, list, publish.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::{
    documents::{self, Head, load_overrides, print_published, warn_unbound},
    guards::GuardArgs,
    note,
    out::outln,
    track::NoteArgs,
};
use crate::{
    index::Role,
    policy::{
        Added, OVERRIDES_FILE_NAME, OverrideColumn as Column, OverrideWord, OverridesDoc, Which,
    },
    store::{Error as StoreError, Published},
};

/// Edits that are tried before someone is told that others edit faster.
const ATTEMPTS_MAX: usize = 20;

#[derive(Debug, Args)]
pub(super) struct OverrideArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add one, and publish. One of the same action, source, type, target, markets and window gives way.
    Add(AddArgs),
    /// Remove those for which everything said is so, and publish.
    Remove(RemoveArgs),
    /// Print them as a table that `publish` takes.
    List(ListArgs),
    /// Put the overrides of a file in the place of all there are.
    Publish(PublishArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    #[command(flatten)]
    note: NoteArgs,
    /// add, remove, reorder, pin or hide.
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// The product whose lists it is about; without one, `hide` holds everywhere.
    #[arg(long, value_name = "ID", default_value = "")]
    source: String,
    /// The relation type's code.
    #[arg(long = "type", value_name = "TYPE", default_value = "")]
    relation_type: String,
    /// The product that is recommended or not.
    #[arg(long, value_name = "ID")]
    target: String,
    /// The rank among the relations of the type, or the place in the list, from 1.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    position: String,
    /// Units of the target.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    quantity: String,
    /// The markets it holds in; without any, in every one.
    #[arg(long = "market", value_name = "ID", num_args = 1..)]
    markets: Vec<String>,
    /// The first instant it holds: `2026-11-27` or `2026-11-27T08:00:00Z`.
    #[arg(long, value_name = "INSTANT", default_value = "")]
    valid_from: String,
    /// The first instant it no longer holds.
    #[arg(long, value_name = "INSTANT", default_value = "")]
    valid_to: String,
    /// Who decided; else the actor.
    #[arg(long)]
    author: Option<String>,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    #[command(flatten)]
    note: NoteArgs,
    /// What they do.
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<OverrideWord>,
    /// Their source; `--source ''` for those without one.
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Their type; `--type ''` for those without one.
    #[arg(long = "type", value_name = "TYPE")]
    relation_type: Option<String>,
    /// Their target.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    store: super::StoreArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct PublishArgs {
    /// The table, as POLICY.md describes it.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    note: NoteArgs,
}

fn action(text: &str) -> Result<OverrideWord, String> {
    OverrideWord::from_code(text).ok_or_else(|| {
        let known = OverrideWord::ALL.map(OverrideWord::code).join(", ");
        format!("expected one of {known}, found {text:?}")
    })
}

pub(super) fn run(args: &OverrideArgs) -> anyhow::Result<()> {
    match &args.command {
        Command::Add(args) => add(args),
        Command::Remove(args) => remove(args),
        Command::List(args) => list(args),
        Command::Publish(args) => publish(args),
    }
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    let actor = note(args.note.actor.as_deref(), "").actor;
    let author = args.author.as_ref().unwrap_or(&actor);
    let markets = args.markets.join("|");
    let cells = [
        (Column::Action, args.action.as_str()),
        (Column::Source, &args.source),
        (Column::Type, &args.relation_type),
        (Column::Target, &args.target),
        (Column::Position, &args.position),
        (Column::Quantity, &args.quantity),
        (Column::Markets, &markets),
        (Column::ValidFrom, &args.valid_from),
        (Column::ValidTo, &args.valid_to),
        (Column::Author, author),
        (Column::Reason, &args.note.reason),
    ];
    edit(&args.note, |document| {
        Ok(match document.add(&cells)? {
            Added::New => "added one override".to_owned(),
            Added::Replaced => "replaced one override".to_owned(),
        })
    })
}

fn remove(args: &RemoveArgs) -> anyhow::Result<()> {
    let which = Which {
        action: args.action,
        source: args.source.clone(),
        relation_type: args.relation_type.clone(),
        target: args.target.clone(),
    };
    if which == Which::default() {
        bail!("expected one of --action, --source, --type, --target, found none");
    }
    edit(&args.note, |document| match document.remove(&which) {
        0 => bail!("expected an override of which all this is so, found none; nothing changed"),
        1 => Ok("removed one override".to_owned()),
        count => Ok(format!("removed {count} overrides")),
    })
}

/// Reads the newest overrides, changes them and publishes them; again, if someone else was faster.
fn edit(
    args: &NoteArgs,
    change: impl Fn(&mut OverridesDoc) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    for _ in 1..ATTEMPTS_MAX {
        match try_edit(args, &change)? {
            Err(StoreError::Refused { .. }) => {}
            published => return print(published),
        }
    }
    print(try_edit(args, &change)?)
}

type Edited = Result<(String, Published), StoreError>;

fn try_edit(
    args: &NoteArgs,
    change: &impl Fn(&mut OverridesDoc) -> anyhow::Result<String>,
) -> anyhow::Result<Edited> {
    let head = Head::open(&args.store.store)?;
    let mut document = current(&head)?;
    let catalog = head.catalog()?;
    let faults_before = documents::fault_count(&catalog, &document);
    let done = change(&mut document)?;
    let text = document.to_csv();
    // Read again: what is published is what was checked.
    let document = OverridesDoc::parse(OVERRIDES_FILE_NAME, &text)?;
    // Rows that a compile has overtaken must not stand in the way of the others.
    if documents::fault_count(&catalog, &document) > faults_before {
        documents::check(&catalog, None, Some(&document))?;
    }
    warn_unbound(&documents::unbound(&catalog, None, Some(&document)));
    let note = note(args.actor.as_deref(), &args.reason);
    let published = head.publish(Role::Overrides, &text, note)?;
    Ok(published.map(|published| (done, published)))
}

fn print(edited: Edited) -> anyhow::Result<()> {
    let (done, published) = match edited {
        Ok((done, published)) => (done, Ok(published)),
        Err(error) => (String::new(), Err(error)),
    };
    let published = documents::refused(published)?;
    outln!("{done}");
    print_published(&published);
    Ok(())
}

/// The overrides of the newest manifest: what the next edit builds on, also while a hold stands.
fn current(head: &Head) -> anyhow::Result<OverridesDoc> {
    match documents::text_of(&head.store, &head.manifest, Role::Overrides)? {
        Some(text) => Ok(OverridesDoc::parse(OVERRIDES_FILE_NAME, &text)?),
        None => Ok(OverridesDoc::default()),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let document = current(&Head::open(&args.store.store)?)?;
    if !args.json {
        outln!("{}", document.to_csv().trim_end());
        return Ok(());
    }
    let rows = document.rows().iter().map(|row| {
        let cells = Column::ALL.map(|column| (column.code(), row.cell(column)));
        let said = cells.into_iter().filter(|(_, text)| !text.is_empty());
        said.map(|(column, text)| (column.to_owned(), text.into())).collect()
    });
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = rows.collect();
    outln!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}

fn publish(args: &PublishArgs) -> anyhow::Result<()> {
    let document = load_overrides(&args.file)?;
    let head = Head::open(&args.note.store.store)?;
    warn_unbound(&documents::check(&head.catalog()?, None, Some(&document))?);
    let guarded = args.guards.of(&head.store)?.check_overrides(Some(&head.manifest), &document);
    guarded.map_err(|refusal| documents::refused_by_guard(&refusal))?;
    let note = note(args.note.actor.as_deref(), &args.note.reason);
    let published = head.publish(Role::Overrides, &document.to_csv(), note)?;
    outln!("{} overrides", document.rows().len());
    print_published(&documents::refused(published)?);
    Ok(())
}
