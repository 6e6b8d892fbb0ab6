//! A Rust file as words: comments and literals blanked, lines counted, test code marked.
//!
//! A few dozen lines instead of a parser: the rules ask for words next to each other, and no crate
//! is worth that. Macros are read as the words they are written with.

/// A file under test.
pub(crate) struct Source<'a> {
    /// Below the crate's root, with `/`.
    pub(crate) path: &'a str,
    /// As it stands.
    pub(crate) text: &'a str,
    /// Its words.
    pub(crate) words: Vec<Word>,
}

/// An identifier, a number, `::`, or one other character that is no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it stands; a literal is `"`.
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: usize,
    /// Modules written inline around it.
    pub(crate) inline_mods: usize,
    /// Compiled for tests only.
    pub(crate) is_test: bool,
}

impl<'a> Source<'a> {
    /// Reads the words of a file.
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let is_test =
            path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
        let mut words = split(&blanked(text));
        words.iter_mut().for_each(|word| word.is_test = is_test);
        mark_test_items(&mut words);
        count_inline_mods(&mut words);
        Self { path, text, words }
    }

    /// Do the words from `at` on read like this?
    pub(crate) fn reads(&self, at: usize, expected: &[&str]) -> bool {
        reads(&self.words, at, expected)
    }

    /// The path of the file below `src/`, if it stands there.
    pub(crate) fn in_src(&self) -> Option<&'a str> {
        self.path.strip_prefix("src/")
    }

    /// The room of the file; the crate's roots are in none.
    pub(crate) fn room(&self) -> Option<&'a str> {
        let path = self.in_src().filter(|path| !matches!(*path, "lib.rs" | "main.rs"))?;
        path.split('/').next().map(|first| first.strip_suffix(".rs").unwrap_or(first))
    }
}

fn reads(words: &[Word], at: usize, expected: &[&str]) -> bool {
    words
        .get(at..at + expected.len())
        .is_some_and(|words| words.iter().zip(expected).all(|(word, text)| word.text == *text))
}

/// The place behind the bracket that closes the one at `open`, or the end.
pub(crate) fn behind_bracket(words: &[Word], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

/// The text with comments as spaces and each literal as one `"`; line breaks stay.
fn blanked(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        let before = at.checked_sub(1).map(|before| letters[before]);
        let skipped = match rest {
            ['/', '/', ..] => line_len(rest),
            ['/', '*', ..] => block_comment_len(rest),
            ['\'', ..] => char_len(rest),
            ['"', ..] => string_len(rest),
            ['r' | 'b' | 'c', ..] if !before.is_some_and(is_name) => prefixed_len(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(rest[0]);
            at += 1;
            continue;
        }
        if rest[0] != '/' {
            code.push('"');
        }
        code.push(' ');
        code.extend(rest[..skipped].iter().filter(|letter| **letter == '\n'));
        at += skipped;
    }
    code
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn line_len(rest: &[char]) -> usize {
    rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len())
}

fn block_comment_len(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// A character in quotes; 0 for a lifetime.
fn char_len(rest: &[char]) -> usize {
    match rest {
        // The letter behind the backslash may itself be a quote.
        ['\'', '\\', _, tail @ ..] => {
            3 + tail.iter().position(|letter| *letter == '\'').map_or(tail.len(), |end| end + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn string_len(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `br#"…"#`, `b"…"`, `c"…"`, `b'…'`; 0 for a name that begins with these letters.
fn prefixed_len(rest: &[char]) -> usize {
    let prefix = rest.iter().take(2).take_while(|letter| "rbc".contains(**letter)).count();
    let hashes = rest[prefix..].iter().take_while(|letter| **letter == '#').count();
    let is_raw = rest[..prefix].contains(&'r');
    let body = &rest[prefix + hashes..];
    match body {
        ['"', ..] if is_raw => {
            let end: Vec<char> = std::iter::once('"').chain((0..hashes).map(|_| '#')).collect();
            let close = body[1..].windows(end.len()).position(|window| window == end);
            close.map_or(rest.len(), |close| prefix + hashes + 1 + close + end.len())
        }
        ['"', ..] if hashes == 0 => prefix + string_len(body),
        ['\'', ..] if hashes == 0 && prefix == 1 && rest[0] == 'b' => prefix + char_len(body),
        _ => 0,
    }
}

fn split(code: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let len = if is_name(first) {
                rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (word, tail) = rest.split_at(len);
            words.push(Word { text: word.to_owned(), line, inline_mods: 0, is_test: false });
            rest = tail.trim_start();
        }
    }
    words
}

/// Marks what stands under `#[cfg(test)]`, up to the end of its item.
fn mark_test_items(words: &mut [Word]) {
    for start in 0..words.len() {
        if !reads(words, start, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            continue;
        }
        let mut end = start + 7;
        while reads(words, end, &["#", "["]) {
            end = behind_bracket(words, end + 1);
        }
        while end < words.len() {
            match words[end].text.as_str() {
                ";" => break,
                "{" => {
                    end = behind_bracket(words, end);
                    break;
                }
                "(" | "[" => end = behind_bracket(words, end),
                _ => end += 1,
            }
        }
        words[start..end].iter_mut().for_each(|word| word.is_test = true);
    }
}

fn count_inline_mods(words: &mut [Word]) {
    for start in 0..words.len() {
        if words[start].text == "mod" && reads(words, start + 2, &["{"]) {
            let end = behind_bracket(words, start + 2);
            words[start + 3..end].iter_mut().for_each(|word| word.inline_mods += 1);
        }
    }
}
