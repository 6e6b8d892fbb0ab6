//! A reader of comma-separated tables that shares no code with the program: quotes, doubled quotes,
//! commas and line breaks in quotes, LF or CRLF between rows.

/// The rows with their cells, the header first; blank lines are none.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut is_quoted = false;
    let mut rest = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(next) = rest.next() {
        let row = rows.last_mut().unwrap();
        let cell = row.last_mut().unwrap();
        match next {
            '"' if is_quoted && rest.peek() == Some(&'"') => cell.extend(rest.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(String::new()),
            '\n' if !is_quoted => {
                if cell.ends_with('\r') {
                    cell.pop();
                }
                rows.push(vec![String::new()]);
            }
            _ => cell.push(next),
        }
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    rows
}

/// The cells of each row by the names of the header.
pub(crate) fn records(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut rows = rows(text).into_iter();
    let header = rows.next().unwrap_or_default();
    rows.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

#[test]
fn quotes_hold_commas_breaks_and_quotes() {
    let found = rows("a,b\r\n\"1,\n2\",\"say \"\"so\"\"\"\n\n,x\n");
    let expected = [vec!["a", "b"], vec!["1,\n2", "say \"so\""], vec!["", "x"]];
    assert_eq!(found, expected);
}
