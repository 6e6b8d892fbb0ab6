//! Goal: golden lookups hold a snapshot against what a shop must answer, and a wrong line is named.
//! Method: files of a few lines against a snapshot of one relation.

use std::sync::Arc;

use crate::{service::Golden, snapshot::tests::shop::Shop};

const REQUEST: &str =
    r#"{"lookup":{"relationTypes":["RELATION_TYPE_CROSS_SELL"]},"seeds":[{"productId":"a"}]}"#;

fn parse(text: &str) -> Result<usize, String> {
    let golden = Golden::parse("g.jsonl", text).map_err(|error| error.to_string())?;
    Ok(golden.len())
}

#[test]
fn a_line_that_is_none_is_named_with_what_was_expected() {
    let line = |rest: &str| format!("# head\n\n{{\"request\":{REQUEST}{rest}}}\n");
    assert_eq!(parse(&line(",\"expect\":[]")), Ok(1));
    assert_eq!(parse(&line(",\"at_least\":100")), Ok(1));
    assert_eq!(parse(""), Ok(0));
    for (text, expected) in [
        (line(""), "expected one of expect, at_least, found none"),
        (line(",\"expect\":[],\"at_least\":1"), "found both"),
        (line(",\"at_least\":0"), "at_least: expected 1 to 100, found 0"),
        (line(",\"at_least\":101"), "at_least: expected 1 to 100, found 101"),
        (line(",\"expects\":[]"), "unknown field `expects`"),
        ("# head\n\n{\"expect\":[]}".to_owned(), "missing field `request`"),
        ("# head\n\n{\"request\":{\"sead\":1},\"expect\":[]}".to_owned(), "request: "),
        ("# head\n\nseed".to_owned(), "expected value"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with("g.jsonl line 3: "), "{error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let many = line(",\"expect\":[]").repeat(1_000);
    assert_eq!(parse(&many), Ok(1_000));
    let error = parse(&line(",\"expect\":[]").repeat(1_001)).unwrap_err();
    assert!(error.contains("expected at most 1000 lookups"), "{error}");
}

#[test]
fn a_snapshot_passes_if_it_answers_every_lookup() {
    let shop = Shop::new();
    shop.serve("a");
    let snapshot = Arc::clone(&shop.live.load().unwrap().snapshot);
    let check = |rest: &str| {
        let text = format!("{{\"request\":{REQUEST},{rest}}}\n");
        let golden = Golden::parse("g.jsonl", &text).unwrap();
        golden.check(&snapshot).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(check("\"expect\":[\"target\"]"), Ok(()));
    assert_eq!(check("\"at_least\":1"), Ok(()));
    for (rest, expected) in [
        ("\"expect\":[]", r#"line 1: expected [], found ["target"]"#),
        ("\"expect\":[\"target\",\"b\"]", r#"expected ["target", "b"], found ["target"]"#),
        ("\"at_least\":2", "expected at least 2 products, found 1"),
    ] {
        let refusal = check(rest).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.starts_with("1 of 1 golden lookups of g.jsonl fail ("), "{refusal}");
    }
    // A lookup that the snapshot refuses is a difference, too; only the first few are shown.
    let wrong = "{\"request\":{\"lookup\":{\"placementId\":\"none\"}},\"at_least\":1}\n";
    let golden = Golden::parse("g.jsonl", &wrong.repeat(9)).unwrap();
    let refusal = golden.check(&snapshot).unwrap_err().to_string();
    assert!(refusal.contains("9 of 9 golden lookups"), "{refusal}");
    assert_eq!(refusal.matches("the lookup is refused: ").count(), 3, "{refusal}");
}
