//! What is wrong in a file, and how it is shown.

use std::{fmt, ops::Range};

use super::code::{Code, Severity};

/// Something wrong in a policy file, at a place in it. Always the author's to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of mistake it is; `None` for one that is not in a policy file.
    pub code: Option<Code>,
    /// As given to [`parse`](crate::parse()).
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The offending line of the file, without its line end.
    pub source: String,
    /// How many characters of it, from `column`, are meant; 1 at least.
    pub width: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl Problem {
    /// The problem of `file` at the bytes `span` of its `text`. A span over several lines shows the first.
    pub fn at(
        code: Code,
        file: &str,
        text: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        let start = text.floor_char_boundary(span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let source = text[line_start..].lines().next().unwrap_or("");
        let meant = &text[start..text.floor_char_boundary(span.end).max(start)];
        let width = meant.lines().next().unwrap_or("").chars().count().max(1);
        Self {
            code: Some(code),
            file: file.into(),
            line: count(before.matches('\n').count() + 1),
            column: count(text[line_start..start].chars().count() + 1),
            source: source.into(),
            width: count(width),
            message: message.into(),
            help,
        }
    }

    /// How bad it is. What has no code is an error.
    pub fn severity(&self) -> Severity {
        self.code.map_or(Severity::Error, Code::severity)
    }

    /// The problem as a person wants to see it: what, where, the line with the place underlined, what to write instead.
    ///
    /// ```text
    /// error[P0008]: there is no step `helthy`
    ///   --> live.policy.toml:12:6
    ///    |
    /// 12 | do = "helthy"
    ///    |      ^^^^^^^^
    ///    = help: did you mean `healthy`?
    /// ```
    pub fn render(&self) -> String {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        // Tabs stay tabs under a tab, so that the carets stand where the terminal put the text.
        let indent: String =
            self.source.chars().chain(std::iter::repeat(' ')).take(self.column as usize - 1).map(blank).collect();
        let carets = "^".repeat(self.width as usize);
        let code = self.code.map_or(String::new(), |code| format!("[{code}]"));
        let place = format!("{}:{}:{}", self.file, self.line, self.column);
        let mut out = format!("{}{code}: {}\n{gutter}--> {place}\n{gutter} |\n", self.severity(), self.message);
        out += &format!("{number} | {}\n{gutter} | {indent}{carets}\n", self.source);
        if let Some(help) = &self.help {
            out += &format!("{gutter} = help: {help}\n");
        }
        out
    }
}

fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters() {
        let p = Problem::at(Code::Malformed, "f", "a = 1\r\nö = \"ü\" # x\r\n", 12..16, "m", None);
        assert_eq!((p.line, p.column, p.width, p.source.as_str()), (2, 5, 3, "ö = \"ü\" # x"));
    }

    #[test]
    fn a_span_over_lines_shows_the_first_and_one_past_the_end_shows_a_caret() {
        let text = "a = [\n 1,\n]";
        let over = Problem::at(Code::Malformed, "f", text, 4..11, "m", None);
        assert_eq!((over.line, over.column, over.width), (1, 5, 1));
        let past = Problem::at(Code::Malformed, "f", text, 11..11, "m", None);
        assert_eq!((past.line, past.column, past.width, past.source.as_str()), (3, 2, 1, "]"));
        assert_eq!(
            Problem::at(Code::Malformed, "f", "", 0..0, "m", None).render(),
            "error[P0006]: m\n --> f:1:1\n  |\n1 | \n  | ^\n"
        );
    }

    #[test]
    fn carets_follow_tabs() {
        let p = Problem::at(Code::Malformed, "f", "\tab", 2..3, "m", Some("h".into()));
        assert_eq!(p.render(), "error[P0006]: m\n --> f:1:3\n  |\n1 | \tab\n  | \t ^\n  = help: h\n");
    }
}
