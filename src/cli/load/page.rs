//! The report of a run as one HTML page, with latency by percentile as inline SVG.

use std::fmt::{self, Write as _};

use super::super::html::{Text, head};
use super::table::{facts, notes_of};
use crate::load::{LoadReport, Point, RateReport};

/// One colour a rate, then from the front again.
const COLOURS: [&str; 8] =
    ["#2f7d5b", "#b5542b", "#3a5fa8", "#8a3f7c", "#8c7a1c", "#2b8a9a", "#a83246", "#555f6b"];

/// The whole page.
pub(super) fn page(report: &LoadReport) -> String {
    let mut page = head("Kindred load");
    write_page(&mut page, report).expect("writing to a string does not fail");
    page
}

fn write_page(page: &mut String, report: &LoadReport) -> fmt::Result {
    writeln!(page, "<h1>Kindred load</h1>")?;
    if !report.failures.is_empty() {
        writeln!(page, "<ul>")?;
        for failure in &report.failures {
            writeln!(page, "<li class=error>{}", Text(failure))?;
        }
        writeln!(page, "</ul>")?;
    }
    writeln!(page, "<table>")?;
    for (name, value) in facts(report) {
        writeln!(page, "<tr><th>{name}<td>{}", Text(&value))?;
    }
    writeln!(page, "</table>")?;
    rates(page, &report.rates)?;
    plot(page, &report.rates)?;
    notes(page, &report.rates)?;
    writeln!(page, "</body></html>")
}

fn rates(page: &mut String, rates: &[RateReport]) -> fmt::Result {
    writeln!(page, "<h2>Rates</h2>\n<table><tr>")?;
    for name in [
        "Meant/s",
        "Answers/s",
        "Planned",
        "Ok",
        "Failed",
        "Unsent",
        "Late",
        "p50 us",
        "p90",
        "p99",
        "p99.9",
        "max",
        "Sent p99",
        "Bytes",
    ] {
        write!(page, "<th class=n>{name}")?;
    }
    for rate in rates {
        let time = rate.latency_us;
        write!(page, "\n<tr><td class=n>{}", rate.intended_per_s)?;
        write!(page, "<td class=n>{:.0}", rate.achieved_per_s)?;
        let failed = rate.errors.values().sum::<u64>();
        for count in [
            rate.planned,
            rate.ok,
            failed,
            rate.unsent,
            rate.late,
            time.p50,
            time.p90,
            time.p99,
            time.p99_9,
            time.max,
            rate.delay_us.p99,
        ] {
            write!(page, "<td class=n>{count}")?;
        }
        write!(page, "<td class=n>{:.0}", rate.answer_bytes.mean)?;
    }
    writeln!(page, "\n</table>")?;
    writeln!(
        page,
        "<p>Latencies count from the time at which a call was meant to start. Sent: how long after \
         that the asker itself sent it.</p>"
    )
}

fn notes(page: &mut String, rates: &[RateReport]) -> fmt::Result {
    writeln!(page, "<ul>")?;
    for rate in rates {
        for note in notes_of(rate) {
            writeln!(page, "<li>{}/s: {}", rate.intended_per_s, Text(&note))?;
        }
    }
    writeln!(page, "</ul>")
}

/// Where a plot stands in its picture.
const LEFT: f64 = 70.0;
const TOP: f64 = 10.0;
const WIDTH: f64 = 700.0;
const HEIGHT: f64 = 340.0;

/// Both axes of a plot: decades of microseconds upwards, nines to the right.
struct Axes {
    nines: u32,
    bottom: i32,
    decades: i32,
}

impl Axes {
    /// So wide that every point of every curve is on the plot. None without a point.
    fn of(rates: &[RateReport]) -> Option<Self> {
        let most = rates.iter().map(|rate| rate.ok).max().filter(|most| *most > 0)?;
        let times =
            || rates.iter().flat_map(|rate| &rate.curve).map(|point| point.latency_us.max(1));
        let bottom = i32::try_from(times().min()?.ilog10()).unwrap_or(0);
        let top = i32::try_from(times().max()?.ilog10()).unwrap_or(0) + 1;
        Some(Self { nines: most.ilog10() + 1, bottom, decades: top - bottom })
    }

    /// Of so many nines: 2 is 99 %.
    fn x(&self, nines: f64) -> f64 {
        LEFT + WIDTH * nines / f64::from(self.nines)
    }

    fn y(&self, log_us: f64) -> f64 {
        TOP + HEIGHT * (1.0 - (log_us - f64::from(self.bottom)) / f64::from(self.decades))
    }

    /// A point of a curve over so many calls; the slowest call stands at its own share.
    fn place(&self, point: &Point, calls: u64) -> (f64, f64) {
        let rest = (1.0 - point.percentile / 100.0).max(1.0 / calls.max(1) as f64);
        (self.x(-rest.log10()), self.y((point.latency_us.max(1) as f64).log10()))
    }
}

fn plot(page: &mut String, rates: &[RateReport]) -> fmt::Result {
    let Some(axes) = Axes::of(rates) else { return Ok(()) };
    writeln!(page, "<h2>Latency by percentile</h2>")?;
    writeln!(page, "<svg role=\"img\" viewBox=\"0 0 900 400\" width=\"900\">")?;
    let (right, floor) = (LEFT + WIDTH, TOP + HEIGHT);
    for nines in 0..=axes.nines {
        let (x, base) = (axes.x(f64::from(nines)), floor + 20.0);
        let share = 100.0 - 100.0 / 10_f64.powf(f64::from(nines));
        let digits = usize::try_from(nines.saturating_sub(2)).unwrap_or(0);
        writeln!(
            page,
            "<path d=\"M{x:.1} {TOP}V{floor}\" stroke=\"#dde3ea\"/>\
             <text x=\"{x:.1}\" y=\"{base}\" text-anchor=\"middle\">{share:.digits$} %</text>"
        )?;
    }
    for decade in 0..=axes.decades {
        let log_us = axes.bottom + decade;
        let y = axes.y(f64::from(log_us));
        let (end, base) = (LEFT - 8.0, y + 4.0);
        let label = duration(log_us);
        writeln!(
            page,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#dde3ea\"/>\
             <text x=\"{end}\" y=\"{base:.1}\" text-anchor=\"end\">{label}</text>"
        )?;
    }
    for ((rate, colour), place) in rates.iter().zip(COLOURS.iter().cycle()).zip(0_u32..) {
        let points = rate.curve.iter().map(|point| axes.place(point, rate.ok));
        let points = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        let (at, base) = (right + 10.0, TOP + 14.0 + 20.0 * f64::from(place));
        let name = rate.intended_per_s;
        writeln!(
            page,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{at}\" y=\"{base}\" style=\"fill:{colour}\">{name}/s</text>"
        )?;
    }
    writeln!(page, "</svg>")
}

/// A power of ten of microseconds.
fn duration(log_us: i32) -> String {
    let (unit, log) = match log_us {
        ..3 => ("us", log_us),
        3..6 => ("ms", log_us - 3),
        6.. => ("s", log_us - 6),
    };
    format!("{} {unit}", 10_f64.powi(log))
}
