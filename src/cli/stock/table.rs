//! Readings as CSV and as JSON lines, and back: what `export` prints, `push` reads.

use std::{fs, io::Read as _, path::Path, str};

use anyhow::{Context as _, bail};
use csv_core::{ReadRecordResult, Reader};
use jiff::Timestamp;

use crate::{
    model::{
        currency::Currency,
        decimal::Decimal,
        limits::{COLUMNS_MAX, REPLACE_UPDATES_MAX, ROW_BYTES_MAX},
        relation::Availability,
    },
    pb,
    service::{from_json, message_to_json},
};

/// The columns, of which only the first and the last are required.
pub(super) const HEADER: &str =
    "product_id,inventory_id,availability,available_quantity,price,currency,market_id,event_time";

/// A further column: since when the product is in this state. `push` sends none.
pub(super) const SINCE: &str = "since_time";

const COLUMNS: usize = 9;
const EVENT_TIME: usize = 7;

/// An update and the line it was read from.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) update: pb::AvailabilityUpdate,
    /// Since when, in seconds since 1970, if the table says.
    pub(super) since_s: Option<i64>,
}

/// Reads all of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        let context = || format!("cannot read {}", path.display());
        text = fs::read_to_string(path).with_context(context)?;
    }
    rows(&text).with_context(|| path.display().to_string())
}

/// Rows of a text. A table never begins with a brace.
pub(super) fn rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = if text.trim_start().starts_with('{') { json_rows(text)? } else { csv_rows(text)? };
    if rows.len() > REPLACE_UPDATES_MAX {
        bail!("expected at most {REPLACE_UPDATES_MAX} rows, found {}; split it", rows.len());
    }
    Ok(rows)
}

fn json_rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let row = |(line, text): (u64, &str)| {
        let update = from_json("AvailabilityUpdate", text);
        let update = update.with_context(|| format!("line {line}"))?;
        Ok(Row { line, update, since_s: None })
    };
    lines.map(row).collect()
}

fn csv_rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut table = Table { rest: text.as_bytes(), core: Box::new(Reader::new()) };
    let Some((_, header)) = table.next()? else {
        bail!("expected a header {HEADER}, found nothing");
    };
    let names = HEADER.split(',').chain([SINCE]).collect::<Vec<_>>();
    let mut places = [None; COLUMNS];
    for (index, name) in header.iter().map(|name| name.trim()).enumerate() {
        let Some(column) = names.iter().position(|known| *known == name) else {
            bail!("line 1: column `{name}` is unknown; known are {HEADER}");
        };
        if places[column].replace(index).is_some() {
            bail!("line 1: column `{name}` stands twice");
        }
    }
    for (column, name) in [(0, names[0]), (EVENT_TIME, names[EVENT_TIME])] {
        if places[column].is_none() {
            bail!("line 1: column `{name}` is missing");
        }
    }
    let mut rows = Vec::new();
    while let Some((line, cells)) = table.next()? {
        let cell = |column: usize| {
            let cell = places[column].and_then(|index: usize| cells.get(index));
            cell.map_or("", |cell| cell.trim())
        };
        let update = update(cell).with_context(|| format!("line {line}"))?;
        let since_s = since(cell(COLUMNS - 1)).with_context(|| format!("line {line}"))?;
        rows.push(Row { line, update, since_s });
    }
    Ok(rows)
}

fn update<'c>(cell: impl Fn(usize) -> &'c str) -> anyhow::Result<pb::AvailabilityUpdate> {
    let mut update = pb::AvailabilityUpdate {
        product_id: cell(0).to_owned(),
        inventory_id: cell(1).to_owned(),
        market_id: cell(6).to_owned(),
        ..Default::default()
    };
    if !cell(2).is_empty() {
        let Some(state) = Availability::from_code(cell(2)) else {
            let known = Availability::ALL.map(Availability::code).join(", ");
            bail!("availability: expected one of {known}, found `{}`", cell(2));
        };
        update.availability = state as i32;
    }
    if !cell(3).is_empty() {
        let quantity = cell(3).parse::<f64>().ok();
        let expected = || format!("available_quantity: expected a number, found `{}`", cell(3));
        update.available_quantity = Some(quantity.with_context(expected)?);
    }
    if !cell(4).is_empty() {
        let expected = || format!("currency: expected a code of ISO 4217, found `{}`", cell(5));
        let currency = Currency::parse(cell(5)).with_context(expected)?;
        let price = Decimal::parse(cell(4));
        let price = price.filter(|price| price.scale <= currency.exponent());
        let price = price.and_then(|price| price.minor_units(currency.exponent()));
        let digits = currency.exponent();
        let expected = || {
            format!("price: expected an amount with at most {digits} decimals, found `{}`", cell(4))
        };
        update.price_minor_units = Some(price.with_context(expected)?);
        update.currency_code = currency.code().to_owned();
    }
    let time = instant("event_time", cell(EVENT_TIME))?;
    update.event_time = Some(prost_time(time.as_second(), time.subsec_nanosecond()));
    Ok(update)
}

fn since(cell: &str) -> anyhow::Result<Option<i64>> {
    let time = (!cell.is_empty()).then(|| instant(SINCE, cell)).transpose()?;
    Ok(time.map(Timestamp::as_second))
}

fn instant(column: &str, cell: &str) -> anyhow::Result<Timestamp> {
    let expected =
        || format!("{column}: expected an instant like 2026-01-31T08:00:00Z, found `{cell}`");
    cell.parse().ok().with_context(expected)
}

fn prost_time(seconds: i64, nanos: i32) -> pb::Timestamp {
    pb::Timestamp { seconds, nanos }
}

/// Rows of a text in memory, each with its line.
struct Table<'t> {
    rest: &'t [u8],
    core: Box<Reader>,
}

impl Table<'_> {
    /// The next row; blank lines are none.
    fn next(&mut self) -> anyhow::Result<Option<(u64, Vec<String>)>> {
        let breaks = self.rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (skipped, rest) = self.rest.split_at(breaks);
        let lines = skipped.iter().filter(|byte| **byte == b'\n').count();
        self.core.set_line(self.core.line() + lines as u64);
        self.rest = rest;
        if rest.is_empty() {
            return Ok(None);
        }
        let line = self.core.line();
        let (mut bytes, mut ends) = (vec![0; 256], vec![0; 16]);
        let (mut len, mut count) = (0, 0);
        loop {
            let (result, read, written, ended) =
                self.core.read_record(self.rest, &mut bytes[len..], &mut ends[count..]);
            self.rest = &self.rest[read..];
            (len, count) = (len + written, count + ended);
            match result {
                ReadRecordResult::OutputFull if bytes.len() < ROW_BYTES_MAX => {
                    bytes.resize(bytes.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if ends.len() < COLUMNS_MAX => {
                    ends.resize(ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    bail!("line {line}: expected a row of {COLUMNS} cells, found no end of one");
                }
                // At the end of the text an empty input completes the row.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let mut begin = 0;
        let cells = ends[..count].iter().map(|end| {
            let cell = str::from_utf8(&bytes[begin..*end]).map(str::to_owned);
            begin = *end;
            cell
        });
        let cells = cells.collect::<Result<Vec<_>, _>>();
        Ok(Some((line, cells.with_context(|| format!("line {line}"))?)))
    }
}

/// A reading as updates that say the same: one an instant, as each update has only one.
pub(super) fn updates(state: pb::AvailabilityState) -> Vec<pb::AvailabilityUpdate> {
    let update = pb::AvailabilityUpdate {
        product_id: state.product_id,
        inventory_id: state.inventory_id,
        ..Default::default()
    };
    let mut updates = Vec::new();
    if state.availability != 0 {
        let (availability, event_time) = (state.availability, state.event_time);
        updates.push(pb::AvailabilityUpdate { availability, event_time, ..update.clone() });
    }
    if state.available_quantity.is_some() {
        let (available_quantity, event_time) =
            (state.available_quantity, state.quantity_event_time);
        match updates.last_mut() {
            Some(of_state) if of_state.event_time == event_time => {
                of_state.available_quantity = available_quantity;
            }
            _ => updates.push(pb::AvailabilityUpdate {
                available_quantity,
                event_time,
                ..update.clone()
            }),
        }
    }
    if state.price_minor_units.is_some() {
        updates.push(pb::AvailabilityUpdate {
            price_minor_units: state.price_minor_units,
            currency_code: state.currency_code,
            market_id: state.market_id,
            event_time: state.price_event_time,
            ..update
        });
    }
    updates
}

/// An update as a line of CSV or of JSON.
pub(super) fn line(update: &pb::AvailabilityUpdate, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(message_to_json("AvailabilityUpdate", update)?);
    }
    let state = u8::try_from(update.availability).ok().and_then(Availability::new);
    let price = update.price_minor_units.map(|digits| {
        let scale = Currency::parse(&update.currency_code).map_or(0, |known| known.exponent());
        Decimal { digits, scale }.to_string()
    });
    let time = update.event_time.as_ref().map(|time| Timestamp::new(time.seconds, time.nanos));
    let time = time.transpose().context("the server names a time beyond the calendar")?;
    let cells = [
        update.product_id.clone(),
        update.inventory_id.clone(),
        state.map_or_else(String::new, |state| state.code().to_owned()),
        update.available_quantity.map_or_else(String::new, |quantity| quantity.to_string()),
        price.unwrap_or_default(),
        update.currency_code.clone(),
        update.market_id.clone(),
        time.map_or_else(String::new, |time| time.to_string()),
    ];
    Ok(cells.map(|cell| quoted(&cell)).join(","))
}

/// The cell of [`SINCE`] for an update of a reading; empty for one that says no state.
pub(super) fn since_cell(
    update: &pb::AvailabilityUpdate,
    since: Option<&pb::Timestamp>,
) -> anyhow::Result<String> {
    let Some(since) = since.filter(|_| update.availability != 0) else { return Ok(String::new()) };
    let time = Timestamp::new(since.seconds, since.nanos);
    Ok(time.context("the server names a time beyond the calendar")?.to_string())
}

/// A cell, in quotes if it needs them.
fn quoted(cell: &str) -> String {
    let is_plain = !cell.contains([',', '"', '\r', '\n']) && cell.trim() == cell;
    if is_plain { cell.to_owned() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, line, rows};

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = format!("{:#}", rows(text).unwrap_err());
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let table = format!(
            "{HEADER}\na,,out_of_stock,,,,,2026-01-31T08:00:00Z\n\
             \"b,\"\"c\",paris,low_stock,2.5,,,,2026-01-31T08:00:00.000001Z\n\
             b,,,,12.50,EUR,de,2026-01-31T08:00:00Z\nc,,,,1200,JPY,jp,2026-01-31T08:00:00Z"
        );
        let read = rows(&table).unwrap();
        assert_eq!(read.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(read[2].update.price_minor_units, Some(1250));
        assert_eq!(read[3].update.price_minor_units, Some(1200));
        let lines = read.iter().map(|row| line(&row.update, false).unwrap());
        let written = std::iter::once(HEADER.to_owned()).chain(lines).collect::<Vec<_>>();
        assert_eq!(written.join("\n"), table);
        let json = read.iter().map(|row| line(&row.update, true).unwrap()).collect::<Vec<_>>();
        let again = rows(&json.join("\n")).unwrap();
        assert!(read.iter().zip(&again).all(|(csv, json)| csv.update == json.update));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named() {
        refused("", "expected a header");
        refused("product_id,colour\n", "column `colour` is unknown");
        refused("product_id,product_id\n", "stands twice");
        refused("product_id\na\n", "column `event_time` is missing");
        let row = |row: &str| format!("{HEADER}\n\n{row}\n");
        refused(&row("a,,sold,,,,,2026-01-31T08:00:00Z"), "line 3: availability: expected one of");
        refused(&row("a,,,x,,,,2026-01-31T08:00:00Z"), "line 3: available_quantity");
        refused(&row("a,,,,1.005,EUR,,2026-01-31T08:00:00Z"), "at most 2 decimals");
        refused(&row("a,,,,1,euro,,2026-01-31T08:00:00Z"), "line 3: currency");
        refused(&row("a,,in_stock,,,,,yesterday"), "line 3: event_time");
        let since = "product_id,event_time,since_time\na,2026-01-31T08:00:00Z,long ago\n";
        refused(since, "line 2: since_time");
        refused("{\"productId\":\"a\"}\n{\"product\":1}\n", "line 2");
    }
}
