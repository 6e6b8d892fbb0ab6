//! As much of PromQL as the alerts use, over two scrapes of one server: what Prometheus would say of an
//! expression if it had just these two in its window. A series that only the second has gives no rate.

use std::collections::BTreeMap;

pub(crate) type Labels = BTreeMap<String, String>;

/// The samples of one page: name, labels, value.
#[derive(Debug)]
pub(crate) struct Scrape(Vec<(String, Labels, f64)>);

impl Scrape {
    pub(crate) fn parse(page: &str) -> Self {
        assert!(page.ends_with("# EOF\n"), "{page}");
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        Self(lines.chain(["up 1"]).map(sample).collect())
    }

    /// What Prometheus notes of a server that gives no page.
    pub(crate) fn unanswered() -> Self {
        Self(vec![sample("up 0")])
    }

    /// What it has where it knows of no server.
    pub(crate) const fn of_nobody() -> Self {
        Self(Vec::new())
    }

    /// The value of the only series of these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let is_meant = |found: &Labels| {
            labels.iter().all(|(name, value)| found.get(*name).is_some_and(|own| own == value))
        };
        let mut found = self.0.iter().filter(|(own, found, _)| own == name && is_meant(found));
        let value = found.next().map(|(.., value)| *value);
        assert!(found.next().is_none(), "several of {name} {labels:?}");
        value
    }
}

fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut found = Labels::from([
        ("instance".to_owned(), "shop".to_owned()),
        ("job".to_owned(), "kindred".to_owned()),
    ]);
    let mut rest = labels.strip_suffix('}').unwrap();
    while let Some((name, more)) = rest.split_once("=\"") {
        let (value, more) = more.split_once('"').unwrap();
        found.insert(name.trim_start_matches(',').to_owned(), value.to_owned());
        rest = more;
    }
    (name.to_owned(), found, value.parse().unwrap())
}

/// Two scrapes that are so far apart.
pub(crate) struct Window<'a> {
    pub(crate) before: &'a Scrape,
    pub(crate) now: &'a Scrape,
}

/// Seconds between the two.
const APART_S: f64 = 300.0;

/// An expression.
#[derive(Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    Selector { name: String, matchers: Vec<Matcher>, is_range: bool },
    Call { function: String, arguments: Vec<Self> },
    Sum { by: Vec<String>, of: Box<Self> },
    Binary { operator: String, sides: Box<(Self, Self)> },
}

#[derive(Debug, PartialEq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) operator: String,
    pub(crate) value: String,
}

#[derive(Debug, PartialEq)]
enum Value {
    Scalar(f64),
    Vector(Vec<(Labels, f64)>),
}

/// Does the expression give any series?
pub(crate) fn fires(text: &str, window: &Window<'_>) -> bool {
    match evaluate(&parse(text), window) {
        Value::Vector(series) => !series.is_empty(),
        Value::Scalar(_) => panic!("an alert is a vector: {text}"),
    }
}

fn evaluate(expr: &Expr, window: &Window<'_>) -> Value {
    match expr {
        Expr::Number(number) => Value::Scalar(*number),
        Expr::Selector { name, matchers, is_range: false } => {
            Value::Vector(select(window.now, name, matchers))
        }
        Expr::Selector { name, .. } => panic!("a range of {name} outside rate and increase"),
        Expr::Call { function, arguments } => call(function, arguments, window),
        Expr::Sum { by, of } => {
            let mut sums = Vec::<(Labels, f64)>::new();
            for (labels, value) in vector(evaluate(of, window)) {
                let kept: Labels =
                    labels.into_iter().filter(|(name, _)| by.contains(name)).collect();
                match sums.iter_mut().find(|(known, _)| *known == kept) {
                    Some((_, sum)) => *sum += value,
                    None => sums.push((kept, value)),
                }
            }
            Value::Vector(sums)
        }
        Expr::Binary { operator, sides } if operator == "or" => {
            let mut all = vector(evaluate(&sides.0, window));
            for (labels, value) in vector(evaluate(&sides.1, window)) {
                if all.iter().all(|(known, _)| *known != labels) {
                    all.push((labels, value));
                }
            }
            Value::Vector(all)
        }
        Expr::Binary { operator, sides } => {
            let (left, right) = (evaluate(&sides.0, window), evaluate(&sides.1, window));
            Value::Vector(binary(operator, vector(left), right))
        }
    }
}

fn vector(value: Value) -> Vec<(Labels, f64)> {
    match value {
        Value::Vector(series) => series,
        Value::Scalar(number) => panic!("expected a vector, found {number}"),
    }
}

fn select(scrape: &Scrape, name: &str, matchers: &[Matcher]) -> Vec<(Labels, f64)> {
    let is_met = |labels: &Labels| {
        matchers.iter().all(|Matcher { label, operator, value }| {
            let found = labels.get(label).map_or("", String::as_str);
            match operator.as_str() {
                "=" => found == value,
                "!=" => found != value,
                // Of regular expressions only the choice between words, which is all that alerts need.
                "=~" => value.split('|').any(|choice| choice == found),
                other => panic!("no operator {other}"),
            }
        })
    };
    let named = scrape.0.iter().filter(|(own, labels, _)| own == name && is_met(labels));
    named.map(|(_, labels, value)| (labels.clone(), *value)).collect()
}

fn call(function: &str, arguments: &[Expr], window: &Window<'_>) -> Value {
    match (function, arguments) {
        ("rate" | "increase", [Expr::Selector { name, matchers, is_range: true }]) => {
            let seconds = if function == "rate" { APART_S } else { 1.0 };
            let before = select(window.before, name, matchers);
            let grown =
                select(window.now, name, matchers).into_iter().filter_map(|(labels, now)| {
                    let (_, then) = before.iter().find(|(known, _)| *known == labels)?;
                    assert!(now >= *then, "a counter shrank: {name} {labels:?}");
                    Some((labels, (now - then) / seconds))
                });
            Value::Vector(grown.collect())
        }
        ("absent", [Expr::Selector { name, matchers, is_range: false }]) => {
            let equal = matchers.iter().filter(|matcher| matcher.operator == "=");
            let labels = equal.map(|one| (one.label.clone(), one.value.clone())).collect();
            let is_there = !select(window.now, name, matchers).is_empty();
            Value::Vector(if is_there { Vec::new() } else { vec![(labels, 1.0)] })
        }
        ("histogram_quantile", [Expr::Number(share), of]) => {
            Value::Vector(quantiles(*share, vector(evaluate(of, window))))
        }
        _ => panic!("no function {function} of {arguments:?}"),
    }
}

fn quantiles(share: f64, buckets: Vec<(Labels, f64)>) -> Vec<(Labels, f64)> {
    let mut histograms = BTreeMap::<Labels, Vec<(f64, f64)>>::new();
    for (mut labels, count) in buckets {
        let bound = labels.remove("le").expect("a bucket has a bound");
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
        histograms.entry(labels).or_default().push((bound, count));
    }
    let quantile = |buckets: &mut Vec<(f64, f64)>| {
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        let wanted = buckets.last().unwrap().1 * share;
        let at = buckets.iter().position(|(_, count)| *count >= wanted)?;
        let (low, below) = at.checked_sub(1).map_or((0.0, 0.0), |before| buckets[before]);
        let (high, count) = buckets[at];
        let is_last = high.is_infinite() || count == below;
        Some(if is_last { low } else { low + (high - low) * (wanted - below) / (count - below) })
    };
    let some = histograms.into_iter().filter(|(_, buckets)| buckets.iter().any(|one| one.1 > 0.0));
    some.filter_map(|(labels, mut buckets)| Some((labels, quantile(&mut buckets)?))).collect()
}

fn binary(operator: &str, left: Vec<(Labels, f64)>, right: Value) -> Vec<(Labels, f64)> {
    let other = |labels: &Labels| match &right {
        Value::Scalar(number) => Some(*number),
        Value::Vector(series) => {
            series.iter().find(|(own, _)| own == labels).map(|(_, value)| *value)
        }
    };
    let joined = left.into_iter().filter_map(|(labels, value)| {
        let other = other(&labels)?;
        let result = match operator {
            "/" => value / other,
            ">" => return (value > other).then_some((labels, value)),
            "==" => return ((value - other).abs() < f64::EPSILON).then_some((labels, value)),
            _ => panic!("no operator {operator}"),
        };
        Some((labels, result))
    });
    joined.collect()
}

/// Reads an expression whole.
pub(crate) fn parse(text: &str) -> Expr {
    let mut tokens = tokens(text);
    tokens.reverse();
    let expr = union(&mut tokens);
    assert!(tokens.is_empty(), "left of {text}: {tokens:?}");
    expr
}

/// Words, numbers, quoted texts with their quotes, and signs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
        let len = if first == '"' {
            first.len_utf8() + rest.split('"').nth(1).unwrap().len() + 1
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if ["=~", "!=", "!~", "=="].iter().any(|two| rest.starts_with(two)) {
            2
        } else {
            first.len_utf8()
        };
        let (token, more) = rest.split_at(len);
        tokens.push(token.to_owned());
        rest = more.trim_start();
    }
    tokens
}

/// What is left, the next one last.
type Rest = Vec<String>;

fn expect(rest: &mut Rest, token: &str) {
    assert_eq!(rest.pop().as_deref(), Some(token), "before {rest:?}");
}

fn next_is(rest: &Rest, tokens: &[&str]) -> bool {
    rest.last().is_some_and(|next| tokens.contains(&next.as_str()))
}

fn union(rest: &mut Rest) -> Expr {
    joined(rest, &["or"], comparison)
}

fn comparison(rest: &mut Rest) -> Expr {
    joined(rest, &[">", "=="], |rest| joined(rest, &["/"], operand))
}

fn joined(rest: &mut Rest, operators: &[&str], side: impl Fn(&mut Rest) -> Expr) -> Expr {
    let mut left = side(rest);
    while next_is(rest, operators) {
        let operator = rest.pop().unwrap();
        left = Expr::Binary { operator, sides: Box::new((left, side(rest))) };
    }
    left
}

fn operand(rest: &mut Rest) -> Expr {
    let word = rest.pop().expect("an operand");
    if word == "(" {
        let inner = union(rest);
        expect(rest, ")");
        return inner;
    }
    if let Ok(number) = word.parse() {
        return Expr::Number(number);
    }
    if word == "sum" {
        expect(rest, "by");
        expect(rest, "(");
        let by = list(rest, ")", |rest| rest.pop().unwrap());
        expect(rest, "(");
        let of = Box::new(union(rest));
        expect(rest, ")");
        return Expr::Sum { by, of };
    }
    if next_is(rest, &["("]) {
        rest.pop();
        return Expr::Call { function: word, arguments: list(rest, ")", union) };
    }
    let matchers = if next_is(rest, &["{"]) {
        rest.pop();
        list(rest, "}", |rest| {
            let (label, operator) = (rest.pop().unwrap(), rest.pop().unwrap());
            let value = rest.pop().unwrap().trim_matches('"').to_owned();
            Matcher { label, operator, value }
        })
    } else {
        Vec::new()
    };
    let is_range = next_is(rest, &["["]);
    if is_range {
        rest.pop();
        let span = rest.pop().unwrap();
        assert!(span.ends_with(['s', 'm', 'h']), "{span}");
        expect(rest, "]");
    }
    Expr::Selector { name: word, matchers, is_range }
}

fn list<T>(rest: &mut Rest, end: &str, one: impl Fn(&mut Rest) -> T) -> Vec<T> {
    let mut all = Vec::new();
    while !next_is(rest, &[end]) {
        all.push(one(rest));
        if next_is(rest, &[","]) {
            rest.pop();
        }
    }
    expect(rest, end);
    all
}

#[test]
fn the_evaluator_says_what_prometheus_would() {
    let page = |a: u32, b: u32, slow: u32| {
        Scrape::parse(&format!(
            "# TYPE x counter\nx_total{{k=\"a\"}} {a}\nx_total{{k=\"b\"}} {b}\ng 5\n\
             h_bucket{{le=\"0.1\"}} {a}\nh_bucket{{le=\"1.0\"}} {0}\nh_bucket{{le=\"+Inf\"}} {0}\n# EOF\n",
            a + slow
        ))
    };
    let (before, now) = (page(100, 50, 0), page(400, 50, 100));
    let window = Window { before: &before, now: &now };
    for (text, expected) in [
        ("g > 4", true),
        ("g > 5", false),
        ("g == 5", true),
        ("nothing == 0", false),
        ("up == 1", true),
        ("absent(nothing)", true),
        ("absent(g)", false),
        ("g > 5 or g > 6", false),
        ("g > 5 or absent(g{k=\"a\"})", true),
        ("g == 5 or g > 5", true),
        ("increase(x_total[1h]) > 299", true),
        ("increase(x_total[1h]) > 300", false),
        ("increase(x_total{k=\"b\"}[1h]) > 0", false),
        ("rate(x_total{k=~\"c|a\"}[5m]) > 0.99", true),
        ("rate(x_total{k!=\"a\"}[5m]) > 0", false),
        ("sum by (k) (rate(x_total[5m])) / sum by (k) (rate(x_total[5m])) > 0.9", true),
        ("sum by (job) (rate(x_total{k=\"b\"}[5m])) / sum by (job) (rate(x_total[5m])) > 0", false),
        // Of 400 in the window 300 are below 0.1 and 100 up to 1: the 99th is at 0.964.
        ("histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m]))) > 0.96", true),
        ("histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m]))) > 0.97", false),
        ("histogram_quantile(0.5, sum by (le) (rate(h_bucket[5m]))) > 0.1", false),
    ] {
        assert_eq!(fires(text, &window), expected, "{text}");
    }
}
