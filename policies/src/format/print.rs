//! Lines and values, laid out.

use super::tree::{Line, List, Pair, Value};

/// Columns; what would be wider is broken where it can be.
const WIDTH: usize = 120;
/// Before what stands inside a list that is broken.
const INDENT: usize = 4;

/// The file's text.
pub(super) fn print(lines: &[Line<'_>]) -> String {
    let mut page = Page::default();
    let begins = begins(lines);
    let mut after_header = false;
    for (line, begins) in lines.iter().zip(begins) {
        if begins {
            page.blank();
        }
        match line {
            Line::Blank if after_header => continue,
            Line::Blank => page.blank(),
            Line::Comment(comment) => page.own(0, comment),
            Line::Header(header, comment) => {
                page.write(header);
                page.end(*comment);
            }
            Line::Pair(pair) => {
                page.pair(pair, 0, 0);
                page.end(pair.comment);
            }
        }
        after_header = matches!(line, Line::Header(..));
    }
    page.text()
}

/// Which lines begin a table: a header, or the first of the comments right above one.
fn begins(lines: &[Line<'_>]) -> Vec<bool> {
    let above = |at: &usize| matches!(lines[*at], Line::Comment(_));
    let mut begins = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| matches!(lines[*at], Line::Header(..))) {
        let first = (0..at).rev().take_while(above).last();
        begins[first.unwrap_or(at)] = true;
    }
    begins
}

/// Lines that are done, each with the comment behind it, and the one being written.
#[derive(Default)]
struct Page<'t> {
    lines: Vec<(String, Option<&'t str>)>,
    line: String,
}

impl<'t> Page<'t> {
    fn write(&mut self, text: &str) {
        self.line += text;
    }

    fn end(&mut self, comment: Option<&'t str>) {
        self.lines.push((std::mem::take(&mut self.line), comment));
    }

    /// A blank line, unless there is one already or nothing before.
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|(line, _)| !line.is_empty()) {
            self.end(None);
        }
    }

    /// A comment on a line of its own.
    fn own(&mut self, indent: usize, comment: &str) {
        self.line = " ".repeat(indent) + comment;
        self.end(None);
    }

    /// `tail`: the columns needed behind it.
    fn pair(&mut self, pair: &Pair<'t>, indent: usize, tail: usize) {
        if let Some(key) = &pair.key {
            self.write(key);
            self.write(" = ");
        }
        self.value(&pair.value, indent, tail);
    }

    fn value(&mut self, value: &Value<'t>, indent: usize, tail: usize) {
        let flat = flat(value).filter(|flat| width(&self.line) + width(flat) + tail <= WIDTH);
        match (value, flat) {
            (_, Some(flat)) => self.write(&flat),
            (Value::Scalar(text), None) => self.write(text),
            (Value::List(list), None) if list.table && !annotated(list) => self.braces(list, indent, tail),
            (Value::List(list), None) => self.broken(list, indent),
        }
    }

    /// A table on one line; the lists in it break.
    fn braces(&mut self, list: &List<'t>, indent: usize, tail: usize) {
        self.write("{ ");
        for (at, pair) in list.pairs.iter().enumerate() {
            if at > 0 {
                self.write(", ");
            }
            let rest = &list.pairs[at + 1..];
            self.pair(pair, indent, up_to_a_list(rest, tail));
        }
        self.write(" }");
    }

    /// Over several lines.
    fn broken(&mut self, list: &List<'t>, indent: usize) {
        let (open, close) = if list.table { ("{", "}") } else { ("[", "]") };
        let inner = indent + INDENT;
        let margin = " ".repeat(inner);
        self.write(open);
        self.end(None);
        let fill = !annotated(list) && list.pairs.iter().all(|pair| matches!(pair.value, Value::Scalar(_)));
        for pair in &list.pairs {
            pair.before.iter().for_each(|comment| self.own(inner, comment));
            if fill && !self.line.is_empty() {
                let next = flat(&pair.value).map_or(0, |flat| width(&flat));
                if width(&self.line) + " ,".len() + next <= WIDTH {
                    self.write(" ");
                } else {
                    self.end(None);
                }
            }
            if self.line.is_empty() {
                self.write(&margin);
            }
            self.pair(pair, inner, ",".len());
            self.write(",");
            if !fill {
                self.end(pair.comment);
            }
        }
        if !self.line.is_empty() {
            self.end(None);
        }
        list.after.iter().for_each(|comment| self.own(inner, comment));
        self.write(&" ".repeat(indent));
        self.write(close);
    }

    /// Comments behind neighbouring lines begin in one column, unless that would push one past the width.
    fn text(self) -> String {
        let mut text = String::new();
        for run in self.lines.chunk_by(|(_, a), (_, b)| a.is_some() && b.is_some()) {
            let column = run.iter().map(|(line, _)| width(line)).max().unwrap_or(0);
            let longest = run.iter().filter_map(|(_, comment)| Some(width((*comment)?))).max().unwrap_or(0);
            let aligned = column + 1 + longest <= WIDTH;
            for (line, comment) in run {
                text += line;
                if let Some(comment) = comment {
                    let gap = if aligned { column - width(line) + 1 } else { 1 };
                    text += &" ".repeat(gap);
                    text += comment;
                }
                text += "\n";
            }
        }
        let end = text.trim_end().len();
        text.truncate(end);
        if end > 0 { text + "\n" } else { text }
    }
}

/// Whether comments stand in the list itself.
fn annotated(list: &List<'_>) -> bool {
    !list.after.is_empty() || list.pairs.iter().any(|pair| !pair.before.is_empty() || pair.comment.is_some())
}

/// The value on one line; `None` when a comment in it needs the rest of one.
fn flat(value: &Value<'_>) -> Option<String> {
    let list = match value {
        Value::Scalar(text) => return Some(text.to_string()),
        Value::List(list) => list,
    };
    if annotated(list) {
        return None;
    }
    let pair = |pair: &Pair<'_>| {
        let value = flat(&pair.value)?;
        Some(pair.key.as_ref().map_or(value.clone(), |key| format!("{key} = {value}")))
    };
    let pairs = list.pairs.iter().map(pair).collect::<Option<Vec<_>>>()?.join(", ");
    Some(match (list.table, pairs.is_empty()) {
        (true, true) => "{}".into(),
        (true, false) => format!("{{ {pairs} }}"),
        (false, _) => format!("[{pairs}]"),
    })
}

/// The columns that a table's remaining pairs take up to the next list, or to what is behind the table.
fn up_to_a_list(pairs: &[Pair<'_>], tail: usize) -> usize {
    let mut columns = 0;
    for pair in pairs {
        columns += ", ".len() + pair.key.as_ref().map_or(0, |key| width(key) + " = ".len());
        match &pair.value {
            Value::Scalar(text) => columns += width(text),
            Value::List(_) => return columns + 1,
        }
    }
    columns + " }".len() + tail
}

fn width(text: &str) -> usize {
    text.chars().count()
}
