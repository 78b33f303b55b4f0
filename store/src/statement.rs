//! What a client's text asks of the engine: a query to run as it stands, or an `INSERT` whose rows follow.
//!
//! ClickHouse's HTTP interface takes a statement and its rows in one stream of bytes; libchdb wants them apart. So the
//! text is read just as far as needed: over comments and quoted names, to the first `FORMAT`, `VALUES`, `SELECT`, `WITH`
//! or `FROM INFILE` outside parentheses. Whether it is good SQL is the engine's business.

/// A statement, read as far as needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// To be run as it stands.
    Query,
    /// An insert whose rows follow.
    Insert {
        /// Length of the statement without `FORMAT` and what comes after.
        head: usize,
        /// Input format; `None` where the text names none.
        format: Option<String>,
        /// Where the rows begin, if any of them are in the text.
        rows: usize,
    },
}

impl Statement {
    /// Reads `text`.
    pub fn read(text: &[u8]) -> Self {
        let mut words = Words { text, at: 0, depth: 0 };
        match words.next() {
            Some(word) if word.is(b"INSERT") => {}
            _ => return Self::Query,
        }
        // `INTO`, `TABLE` and `FUNCTION` are words as well, and none of those looked for; a table may be called `values`
        // only in quotes, or right after INTO, which is therefore stepped over together with the name.
        let mut before = Word { text: b"INSERT", start: 0, end: 0 };
        while let Some(word) = words.next() {
            let names_a_table = before.is(b"INTO") || before.is(b"TABLE") || before.text.is_empty();
            if !names_a_table {
                if word.is(b"SELECT") || word.is(b"WITH") || word.is(b"WATCH") || word.is(b"INFILE") {
                    return Self::Query;
                }
                if word.is(b"VALUES") {
                    return Self::Insert { head: word.start, format: Some("Values".into()), rows: word.end };
                }
                if word.is(b"FORMAT")
                    && let Some(format) = words.next()
                {
                    let name = String::from_utf8_lossy(format.text).into_owned();
                    let rows = rows_begin(text, format.end);
                    return Self::Insert { head: word.start, format: Some(name), rows };
                }
            }
            before = if words.text.get(word.end) == Some(&b'.') { Word { text: b"", ..word } } else { word };
        }
        Self::Insert { head: text.len(), format: None, rows: text.len() }
    }

    /// The first word of `text`, in capitals: what kind of statement it is.
    pub fn verb(text: &[u8]) -> String {
        let word = Words { text, at: 0, depth: 0 }.next();
        word.map_or_else(String::new, |w| String::from_utf8_lossy(w.text).to_ascii_uppercase())
    }
}

/// Rows in the text begin after the format's name, blanks and one end of line.
fn rows_begin(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r')) {
        at += 1;
    }
    if text.get(at) == Some(&b'\n') { at + 1 } else { at }
}

/// A bare word outside quotes, comments and parentheses.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
}

impl Word<'_> {
    fn is(&self, keyword: &[u8]) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }
}

/// The bare words at depth 0, in order. Quoted names count as words without text, so that they match no keyword.
struct Words<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            let (start, rest) = (self.at, &self.text[self.at..]);
            let c = *rest.first()?;
            let length = match c {
                b'\'' | b'"' | b'`' => quoted(rest),
                b'-' if rest.starts_with(b"--") => until(rest, b"\n"),
                b'/' if rest.starts_with(b"/*") => until(rest, b"*/"),
                c if is_wordly(c) => rest.iter().take_while(|c| is_wordly(**c)).count(),
                _ => 1,
            };
            self.at += length;
            match c {
                b'(' => self.depth += 1,
                b')' => self.depth = self.depth.saturating_sub(1),
                _ if self.depth > 0 => {}
                c if is_wordly(c) => return Some(Word { text: &rest[..length], start, end: self.at }),
                b'"' | b'`' => return Some(Word { text: b"\"", start, end: self.at }),
                _ => {}
            }
        }
    }
}

fn is_wordly(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

/// Length of the quoted text at the start of `rest`; a backslash escapes, and a doubled quote begins the next piece.
fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(c) = rest.get(at) {
        match c {
            b'\\' => at += 2,
            c if *c == rest[0] => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn until(rest: &[u8], end: &[u8]) -> usize {
    rest.windows(end.len()).position(|w| w == end).map_or(rest.len(), |i| i + end.len())
}

/// `value` as an SQL string literal.
pub fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// `name` as an SQL identifier in backquotes.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Head, format and rows of an insert; `None` for anything else.
    fn insert(text: &str) -> Option<(&str, Option<String>, &str)> {
        match Statement::read(text.as_bytes()) {
            Statement::Query => None,
            Statement::Insert { head, format, rows } => Some((text[..head].trim_end(), format, &text[rows..])),
        }
    }

    #[test]
    fn an_insert_is_cut_where_its_rows_begin() {
        let some = |format: &str| Some(format.to_owned());
        for (text, head, format, rows) in [
            ("INSERT INTO t FORMAT RowBinary", "INSERT INTO t", some("RowBinary"), ""),
            (
                "insert into t (a, format) format JSONEachRow\n\n{}",
                "insert into t (a, format)",
                some("JSONEachRow"),
                "\n{}",
            ),
            ("INSERT INTO d.t VALUES (1, 'FORMAT')", "INSERT INTO d.t", some("Values"), " (1, 'FORMAT')"),
            (
                "INSERT INTO t SETTINGS a = 'SELECT' FORMAT CSV 1,2",
                "INSERT INTO t SETTINGS a = 'SELECT'",
                some("CSV"),
                "1,2",
            ),
            (
                "/* SELECT */ INSERT INTO `values` -- FORMAT X\n FORMAT TSV",
                "/* SELECT */ INSERT INTO `values` -- FORMAT X",
                some("TSV"),
                "",
            ),
            ("INSERT INTO values VALUES (1)", "INSERT INTO values", some("Values"), " (1)"),
            ("INSERT INTO d.format FORMAT TSV", "INSERT INTO d.format", some("TSV"), ""),
            (
                "INSERT INTO FUNCTION file('x', 'CSV', 'a Int8') FORMAT CSV",
                "INSERT INTO FUNCTION file('x', 'CSV', 'a Int8')",
                some("CSV"),
                "",
            ),
            ("INSERT INTO t (a)", "INSERT INTO t (a)", None, ""),
        ] {
            assert_eq!(insert(text), Some((head, format, rows)), "{text}");
        }
    }

    #[test]
    fn all_else_is_a_query() {
        for text in [
            "",
            "SELECT 1 FORMAT JSON",
            "INSERT INTO t SELECT * FROM u",
            "INSERT INTO t (a) WITH 1 AS x SELECT x FORMAT Null",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
            "CREATE TABLE insert (a Int8)",
            "'unfinished",
            "/* unfinished",
        ] {
            assert_eq!(Statement::read(text.as_bytes()), Statement::Query, "{text}");
        }
    }

    #[test]
    fn the_verb_is_the_first_word() {
        assert_eq!(Statement::verb(b" -- x\n/* y */ (select 1)"), "");
        assert_eq!(Statement::verb(b"\n show tables"), "SHOW");
    }

    #[test]
    fn quoting() {
        assert_eq!(literal(r"a'b\c"), r"'a\'b\\c'");
        assert_eq!(identifier("a`b"), r"`a\`b`");
    }
}
