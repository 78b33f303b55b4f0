//! Reading a TOML table key by key, with every complaint kept at its place.
//!
//! The language is data: a table of it is a list of [`Key`]s, and a [`Fields`] reads only those. What is misspelt is
//! found here once for all tables, and so are wrong types, empty lists and things said twice.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    code::Code,
    key::{Absent, Choice, Key, Kind, Table},
    problem::Problem,
};
use crate::words::{did_you_mean, list};

/// A value with its place in the file.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// Why a value will not do. Without help of its own, the key's `takes` is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub code: Code,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// Collects what is wrong with one file.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    /// The keys of its head.
    head: &'static [Key],
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Reader<'t> {
    pub fn new(file: &'t str, text: &'t str, head: &'static [Key]) -> Self {
        Self { file, text, head, problems: RefCell::default() }
    }

    /// Notes a problem at `span`.
    pub fn report(&self, span: Range<usize>, fault: Fault) {
        let problem = Problem::at(fault.code, self.file, self.text, span, fault.message, fault.help);
        self.problems.borrow_mut().push(problem);
    }

    /// The line of `span`, from 1.
    pub fn line(&self, span: Range<usize>) -> u32 {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX)
    }

    /// All problems, in file order.
    pub fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| (p.line, p.column));
        problems
    }
}

/// One table of the file, open for reading.
#[derive(Debug)]
pub(crate) struct Fields<'a, 't> {
    pub reader: &'a Reader<'t>,
    pub table: &'a DeTable<'t>,
    /// Where it is: its header, or its braces.
    pub span: Range<usize>,
    name: String,
    keys: Vec<&'static Key>,
}

impl<'a, 't> Fields<'a, 't> {
    /// Opens `value` as this table of the language, which may also have the keys `beside`; `None` when it is not one.
    pub fn table(
        reader: &'a Reader<'t>,
        value: &'a Value<'t>,
        table: &'static Table,
        beside: &'static [Key],
    ) -> Option<Self> {
        let fields = Self::open(reader, value, table.name, beside.iter().chain(table.keys))?;
        fields.choose(table.choice);
        Some(fields)
    }

    /// Opens `value` as a table called `name` (with its article, as in "a pathway"); `None` when it is not one.
    pub fn open(
        reader: &'a Reader<'t>,
        value: &'a Value<'t>,
        name: impl Into<String>,
        keys: impl IntoIterator<Item = &'static Key>,
    ) -> Option<Self> {
        let name = name.into();
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::of(reader, table, value.span(), name, keys)),
            other => {
                let help = "write its keys under a header of their own, or between { and }";
                reader.report(value.span(), no_table(&name, other).help(help));
                None
            }
        }
    }

    /// Reads `table`, whose header or braces are at `span`; keys that it cannot have are reported at once.
    pub fn of(
        reader: &'a Reader<'t>,
        table: &'a DeTable<'t>,
        span: Range<usize>,
        name: impl Into<String>,
        keys: impl IntoIterator<Item = &'static Key>,
    ) -> Self {
        let fields = Self { reader, table, span, name: name.into(), keys: keys.into_iter().collect() };
        for (key, _) in table.iter().filter(|(key, _)| fields.key(key.get_ref()).is_none()) {
            reader.report(key.span(), fields.unknown(key.get_ref()));
        }
        fields
    }

    /// Opens the table at `key`; `None` when absent or not a table (then it is reported).
    pub fn inner(&self, key: &str) -> Option<Self> {
        let value = self.get(key)?;
        let Kind::Table(table) = self.kind(key)? else { return None };
        match value.get_ref() {
            DeValue::Table(_) => Self::table(self.reader, value, table, &[]),
            other => self.check(key, value, Err(no_table(table.name, other))),
        }
    }

    /// The tables of the list at `key`, `[[key]]` or `[{ … }]`, each open for reading; none when absent.
    pub fn tables(&self, key: &str) -> Vec<Self> {
        let (Some(value), Some(Kind::List(Kind::Table(table)))) = (self.get(key), self.kind(key)) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value.get_ref() else {
            self.check::<()>(key, value, Err(no_list(value.get_ref())));
            return Vec::new();
        };
        if array.is_empty() {
            self.check::<()>(key, value, Err(empty_list()));
        }
        array.iter().filter_map(|item| Self::table(self.reader, item, table, &[])).collect()
    }

    /// What the key takes.
    pub fn kind(&self, key: &str) -> Option<Kind> {
        self.key(key).map(|key| key.kind)
    }

    /// Whether the key is there, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the key's value is; the whole table where it is not there.
    pub fn place(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Value::span)
    }

    /// Reports a fault at the key's value.
    pub fn report(&self, key: &str, fault: Fault) {
        self.reader.report(self.place(key), fault);
    }

    /// Reports keys that exclude each other, and that there is none where one is needed.
    fn choose(&self, choice: Choice) {
        let (Choice::AtMost(keys) | Choice::One(keys)) = choice else { return };
        let [one, other] = keys;
        match (keys.map(|key| self.has(key)), choice) {
            ([true, true], _) => {
                let fault = Fault::new(Code::Both, format!("{} has `{one}` or `{other}`, not both", self.name));
                self.report(other, fault.help("keep one of the two"));
            }
            ([false, false], Choice::One(_)) => {
                let fault = Fault::new(Code::Neither, format!("{} needs `{one}` or `{other}`", self.name));
                let takes = |key: &str| self.key(key).map_or(String::new(), |k| format!("`{key}` takes {}", k.takes()));
                self.reader.report(self.span.clone(), fault.help(format!("{}; {}", takes(one), takes(other))));
            }
            _ => {}
        }
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().copied().find(|key| key.name == name)
    }

    fn unknown(&self, name: &str) -> Fault {
        let fault = Fault::new(Code::UnknownKey, format!("{} has no key `{name}`", self.name));
        let mut names: Vec<&str> = Vec::new();
        for key in &self.keys {
            // Steps of several kinds have a key of one name.
            if !names.contains(&key.name) {
                names.push(key.name);
            }
        }
        if self.reader.head.iter().any(|key| key.name == name) {
            // In TOML a key belongs to the last header above it, which is easily forgotten.
            return fault.help(format!("`{name}` belongs to the head of the file: put it above the first [[pathway]]"));
        }
        fault.help(
            did_you_mean(name, names.iter().copied()).unwrap_or_else(|| format!("it has {}", list("and", &names))),
        )
    }

    /// The value of `key`, if it is there; reports one that must be.
    pub fn get(&self, name: &str) -> Option<&'a Value<'t>> {
        let found = self.table.get(name);
        if let (None, Some(key)) = (found, self.key(name))
            && key.absent == Absent::Refused
        {
            let fault = Fault::new(Code::MissingKey, format!("{} needs the key `{name}`", self.name));
            self.reader.report(self.span.clone(), fault.help(format!("`{name}` takes {}", key.takes())));
        }
        found
    }

    /// The value of `key` as `read` takes it; its default when absent, `None` when wrong (then it is reported).
    pub fn read<T>(&self, name: &str, read: impl Fn(&DeValue<'_>, Kind) -> Result<T, Fault>) -> Option<T> {
        let kind = self.kind(name)?;
        match self.get(name) {
            Some(value) => self.check(name, value, read(value.get_ref(), kind)),
            None => read(self.default(name)?.get_ref(), kind).ok(),
        }
    }

    /// The non-empty list at `key`, each item as `read` takes it; its default when absent, `None` when anything in it is
    /// wrong (then it is reported).
    pub fn list<T: PartialEq>(
        &self,
        name: &str,
        read: impl Fn(&DeValue<'_>, Kind) -> Result<T, Fault>,
    ) -> Option<Vec<T>> {
        let kind = self.kind(name)?.item();
        match self.get(name) {
            Some(value) => self.items(name, value, |item| self.check(name, item, read(item.get_ref(), kind))),
            None => {
                let default = self.default(name)?;
                default.get_ref().as_array()?.iter().map(|item| read(item.get_ref(), kind).ok()).collect()
            }
        }
    }

    /// What the key means when left out.
    fn default(&self, name: &str) -> Option<Value<'static>> {
        match self.key(name)?.absent {
            Absent::Means(toml) => DeValue::parse(toml).ok(),
            Absent::Refused | Absent::Nothing(_) => None,
        }
    }

    /// The items of a list, none said twice.
    pub fn items<T: PartialEq>(
        &self,
        name: &str,
        value: &'a Value<'t>,
        read: impl Fn(&'a Value<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let DeValue::Array(array) = value.get_ref() else {
            return self.check(name, value, Err(no_list(value.get_ref())));
        };
        if array.is_empty() {
            return self.check(name, value, Err(empty_list()));
        }
        let mut items = Vec::with_capacity(array.len());
        let mut sound = true;
        for item in array {
            match read(item) {
                Some(read) if items.contains(&read) => {
                    sound = false;
                    let written = &self.reader.text[item.span()];
                    let fault = Fault::new(Code::Repeated, format!("{written} is in this list twice"));
                    self.reader.report(item.span(), fault.help("once is enough"));
                }
                Some(read) => items.push(read),
                None => sound = false,
            }
        }
        sound.then_some(items)
    }

    /// Reports a fault at `value`, in the words of `key`.
    pub fn check<T>(&self, name: &str, value: &Value<'t>, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(good) => Some(good),
            Err(fault) => {
                let takes = self.key(name).map(|key| format!("`{name}` takes {}", key.takes()));
                self.reader.report(value.span(), Fault { help: fault.help.or(takes), ..fault });
                None
            }
        }
    }
}

fn no_table(name: &str, value: &DeValue<'_>) -> Fault {
    Fault::new(Code::WrongType, format!("{name} is a table, not {}", kind_of(value)))
}

fn no_list(value: &DeValue<'_>) -> Fault {
    Fault::new(Code::WrongType, format!("expected a list, found {}", kind_of(value)))
}

fn empty_list() -> Fault {
    Fault::new(Code::EmptyList, "this list is empty").help("name something, or leave it out")
}

/// The kind of a value with its article.
pub(crate) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
