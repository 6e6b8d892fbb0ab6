//! The pages that commands write: no script, nothing loaded, every text from outside escaped.

use std::fmt::{self, Write as _};

const BEFORE_TITLE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>"#;

const AFTER_TITLE: &str = r#"</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1d2733}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #dde3ea}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.error{background:#fbe3e4}.warning{background:#fff3d6}.info{background:#eef2f6}
.tag{border-radius:.3rem;padding:.1rem .45rem}code{font-size:.85em}
details{margin-top:.2rem}ul{margin:.3rem 0;padding-left:1.2rem}
svg{display:block;max-width:100%}svg text{font:13px system-ui,sans-serif;fill:#1d2733}
</style></head><body>
"#;

/// A page up to its first element.
pub(super) fn head(title: &str) -> String {
    format!("{BEFORE_TITLE}{}{AFTER_TITLE}", Text(title))
}

/// A text in HTML, inside an element or a quoted attribute.
pub(super) struct Text<'t>(pub(super) &'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            char if char.is_control() => f.write_char('\u{fffd}'),
            char => f.write_char(char),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn no_text_from_outside_is_markup() {
        let text = Text("<b title=\"x\" id='y'>&\u{1b}</b>").to_string();
        assert_eq!(text, "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;\u{fffd}&lt;/b&gt;");
    }
}
