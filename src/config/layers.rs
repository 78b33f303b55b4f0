//! Defaults, file and environment laid over each other; every value remembers where it came from.

use std::{collections::BTreeMap, fmt, ops::Range};

use fairway_policies::Problem;
use serde::{Deserialize, de::DeserializeOwned};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::keys::{KEYS, Key};

/// Names of environment variables begin with this; `__` stands for the dot.
const ENV_PREFIX: &str = "FAIRWAY_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// A line of the file; the span is of its value, in bytes.
    File(Range<usize>),
    /// This variable, and what it says.
    Environment(String, String),
    /// The command that runs has another default.
    Command,
}

/// One table of a list of tables, and where it begins.
#[derive(Debug)]
pub struct Row<T> {
    /// What it says.
    pub value: T,
    span: Range<usize>,
}

/// Every key's effective value.
#[derive(Debug)]
pub struct Layers {
    values: BTreeMap<&'static str, (toml::Value, Origin)>,
    file: Option<(String, String)>,
}

impl Layers {
    /// Reads `file` (name and text) and `env` over the defaults. Reports every unknown key.
    pub fn read(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut layers = Self {
            values: KEYS.iter().map(|key| (key.name, (lenient(key.default), Origin::Default))).collect(),
            file: file.map(|(name, text)| (name.to_owned(), text.to_owned())),
        };
        let mut problems = Vec::new();
        if let Some((name, text)) = file {
            match DeTable::parse(text) {
                Ok(table) => layers.lay_table(table.get_ref(), "", &mut problems),
                Err(error) => {
                    let span = error.span().unwrap_or(0..0);
                    problems.push(at(name, text, span, error.message().to_owned(), None));
                }
            }
        }
        for (name, text) in env {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
            let dotted = rest.to_ascii_lowercase().replace("__", ".");
            match declared(&dotted) {
                Some(Key { name: key, .. }) => {
                    layers.values.insert(key, (lenient(&text), Origin::Environment(name, text)));
                }
                None => {
                    let help = suggestion(&dotted).map(|key| {
                        format!("did you mean `{ENV_PREFIX}{}`?", key.to_ascii_uppercase().replace('.', "__"))
                    });
                    problems.push(in_environment(&name, &text, true, format!("there is no key `{dotted}`"), help));
                }
            }
        }
        if problems.is_empty() { Ok(layers) } else { Err(problems) }
    }

    /// The effective value of a declared key.
    pub fn value(&self, key: &'static str) -> &toml::Value {
        &self.values[key].0
    }

    /// The value of a key that takes text. What a variable says is text even where it would read as a number.
    pub fn text(&self, key: &'static str) -> Option<&str> {
        match &self.values[key] {
            (toml::Value::String(text), _) => Some(text),
            (_, Origin::Environment(_, text)) => Some(text),
            _ => None,
        }
    }

    /// Gives a key that nobody has set another default, as TOML.
    pub fn set_default(&mut self, key: &'static str, toml: &str) {
        if self.values[key].1 == Origin::Default {
            self.values.insert(key, (lenient(toml), Origin::Command));
        }
    }

    /// The tables of a key that takes a list of them. What does not fit is told where it stands.
    pub fn rows<T: DeserializeOwned>(&self, key: &'static str) -> Result<Vec<Row<T>>, Vec<Problem>> {
        let (_, origin) = &self.values[key];
        let text = match (origin, &self.file) {
            (Origin::File(_), Some((_, text))) => text.clone(),
            (Origin::Environment(_, text), _) => format!("{key} = {text}"),
            _ => return Ok(Vec::new()),
        };
        let refuse = |span, message| vec![self.problem_in(key, span, message)];
        // It has parsed before, but for what a variable says.
        let table = DeTable::parse(&text).map_err(|error| refuse(error.span(), error.message().to_owned()))?;
        let tables = match find(table.into_inner(), key) {
            Some(DeValue::Array(tables)) => tables,
            _ => return Err(refuse(None, format!("`{key}` must be a list of tables, each under `[[{key}]]`"))),
        };
        let mut problems = Vec::new();
        let mut rows = Vec::new();
        for table in tables {
            let span = table.span();
            match T::deserialize(ValueDeserializer::from(table)) {
                Ok(value) => rows.push(Row { value, span }),
                Err(error) => {
                    problems.push(self.problem_in(key, error.span().or(Some(span)), error.message().to_owned()));
                }
            }
        }
        if problems.is_empty() { Ok(rows) } else { Err(problems) }
    }

    /// A problem with one table of `key`.
    pub fn problem_of<T>(&self, key: &'static str, row: &Row<T>, message: String) -> Problem {
        self.problem_in(key, Some(row.span.clone()), message)
    }

    /// A problem with the value of `key`, at the place it came from.
    pub fn problem(&self, key: &'static str, message: String) -> Problem {
        self.problem_in(key, None, message)
    }

    /// The same, with the part of it at `span` of the file.
    fn problem_in(&self, key: &'static str, part: Option<Range<usize>>, message: String) -> Problem {
        let (value, origin) = &self.values[key];
        let mut problem = match (origin, &self.file) {
            (Origin::File(span), Some((name, text))) => at(name, text, part.unwrap_or(span.clone()), message, None),
            (Origin::Environment(name, text), _) => return in_environment(name, text, is_secret(key), message, None),
            _ => at("default", &format!("{key} = {value}"), 0..key.len(), message, None),
        };
        if is_secret(key) && !problem.source.trim_start().starts_with("[[") {
            // A secret does not belong into a log.
            (problem.source, problem.width) = (format!("{:>1$}", "…", problem.column as usize), 1);
        }
        problem
    }

    fn lay_table(&mut self, table: &DeTable<'_>, prefix: &str, problems: &mut Vec<Problem>) {
        for (key, value) in table {
            let dotted = format!("{prefix}{}", key.get_ref());
            match (declared(&dotted), value.get_ref()) {
                (Some(key), _) => {
                    self.values.insert(key.name, (plain(value), Origin::File(value.span())));
                }
                (None, DeValue::Table(inner)) if KEYS.iter().any(|k| k.name.starts_with(&format!("{dotted}."))) => {
                    self.lay_table(inner, &format!("{dotted}."), problems);
                }
                (None, _) => {
                    let (name, text) = self.file.as_ref().map_or(("", ""), |(n, t)| (n, t));
                    let help = suggestion(&dotted).map(|key| match key.strip_prefix(prefix) {
                        Some(rest) => format!("did you mean `{rest}`?"),
                        None => format!("did you mean `{key}`?"),
                    });
                    problems.push(at(name, text, key.span(), format!("there is no key `{dotted}`"), help));
                }
            }
        }
    }
}

/// One line a key: its value and where it came from.
impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in KEYS {
            let (value, origin) = &self.values[key.name];
            let shown = match value {
                toml::Value::String(text) if text.is_empty() => value.to_string(),
                toml::Value::Array(items) if items.is_empty() => value.to_string(),
                _ if key.secret => "\"…\"".to_owned(),
                _ => value.to_string(),
            };
            let origin = match (origin, &self.file) {
                (Origin::File(span), Some((name, text))) => format!("{name}:{}", line_column(text, span.start).0),
                (Origin::Environment(name, _), _) => name.clone(),
                (Origin::Command, _) => "default of this command".to_owned(),
                _ => "default".to_owned(),
            };
            writeln!(f, "{:<42} # {origin}; {}", format!("{} = {shown}", key.name), key.help)?;
        }
        Ok(())
    }
}

/// As TOML where it reads as TOML; else as the plain string it is. So `FAIRWAY_HTTP__PUBLIC=127.0.0.1:80` needs no quotes.
fn lenient(text: &str) -> toml::Value {
    toml::from_str::<toml::Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// As TOML has it, without the places.
fn plain(value: &Spanned<DeValue<'_>>) -> toml::Value {
    toml::Value::deserialize(ValueDeserializer::from(value.clone()))
        .unwrap_or_else(|error| toml::Value::String(error.message().to_owned())) // a number of more than 64 bits
}

/// The value of a dotted key in a table.
fn find<'t>(table: DeTable<'t>, dotted: &str) -> Option<DeValue<'t>> {
    let (first, rest) = dotted.split_once('.').map_or((dotted, None), |(first, rest)| (first, Some(rest)));
    let (_, value) = table.into_iter().find(|(key, _)| key.get_ref() == first)?;
    match (value.into_inner(), rest) {
        (value, None) => Some(value),
        (DeValue::Table(table), Some(rest)) => find(table, rest),
        _ => None,
    }
}

fn declared(dotted: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == dotted)
}

fn is_secret(key: &str) -> bool {
    declared(key).is_some_and(|key| key.secret)
}

/// The declared key most like it, if any is like it at all.
fn suggestion(dotted: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (strsim::jaro_winkler(key.name, dotted), key.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn in_environment(name: &str, text: &str, secret: bool, message: String, help: Option<String>) -> Problem {
    let shown = if secret { "…" } else { text };
    let width = name.chars().count() as u32;
    Problem {
        code: None,
        file: "environment".into(),
        line: 1,
        column: 1,
        source: format!("{name}={shown}"),
        width,
        message,
        help,
    }
}

fn at(file: &str, text: &str, span: Range<usize>, message: String, help: Option<String>) -> Problem {
    let (line, column) = line_column(text, span.start);
    let source = text.lines().nth(line as usize - 1).unwrap_or("").to_owned();
    let width = text.get(span).map_or(1, |s| s.lines().next().unwrap_or("").chars().count()).max(1) as u32;
    Problem { code: None, file: file.to_owned(), line, column, source, width, message, help }
}

fn line_column(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() as u32 + 1;
    (line, column)
}
