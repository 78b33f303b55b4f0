//! The JSON Schema of a policy file, made from the same definitions that read it. Editors complete and check by it.
//!
//! It accepts whatever [`parse`](crate::parse()) does. The reverse cannot be: that a pathway is declared, a time is not
//! longer than another, or a date is a real one, is more than a schema says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::{
    parse::head,
    reading::{Absent, Bounds, Choice, Key, Kind, Table},
    steps::{COMMON, Definition, STEPS},
};

/// The JSON Schema (draft 2020-12) of a policy file, as TOML is mapped to JSON: dates and times are text.
pub fn schema() -> Value {
    let mut defs = Defs::default();
    let mut schema = defs.table(&head::TABLE, &[], &[]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("A Fairway policy");
    schema["description"] = json!("How the clients of one service are steered.");
    schema["$defs"] = json!(defs.0);
    schema
}

/// The tables met so far, by their name.
#[derive(Default)]
struct Defs(BTreeMap<String, Value>);

impl Defs {
    /// A table with the keys `beside` and its own; `fixed` are given already.
    fn table(&mut self, table: &'static Table, beside: &'static [Key], fixed: &[(&str, Value)]) -> Value {
        let keys = || beside.iter().chain(table.keys);
        let mut properties: Map<String, Value> = keys().map(|key| (key.name.into(), self.key(key))).collect();
        properties.extend(fixed.iter().map(|(name, value)| ((*name).into(), value.clone())));
        let needed: Vec<&str> = keys().filter(|key| key.absent == Absent::Refused).map(|key| key.name).collect();
        let mut schema = json!({
            "type": "object",
            "description": table.doc,
            "properties": properties,
            "required": needed,
            "additionalProperties": false,
        });
        match table.choice {
            Choice::Free => {}
            Choice::AtMost(keys) => schema["not"] = json!({ "required": keys }),
            Choice::One(keys) => schema["oneOf"] = keys.iter().map(|key| json!({ "required": [key] })).collect(),
        }
        schema
    }

    /// A reference to the table, which is kept under a name of its own.
    fn reference(&mut self, table: &'static Table) -> Value {
        let name = slug(table.name);
        if !self.0.contains_key(&name) {
            let schema = self.table(table, &[], &[]);
            self.0.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// One kind of step: a table that `do`es just this.
    fn step(&mut self, definition: &'static Definition) -> Value {
        let name = slug(definition.table.name);
        let fixed = [("do", json!({ "const": definition.name, "description": definition.table.doc }))];
        let schema = self.table(&definition.table, COMMON.keys, &fixed);
        self.0.insert(name.clone(), schema);
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn key(&mut self, key: &'static Key) -> Value {
        let mut schema = self.kind(key.kind);
        schema["description"] = json!(key.doc);
        if let Absent::Means(default) = key.absent {
            schema["default"] = parsed(default);
        }
        if !key.example.is_empty() {
            schema["examples"] = json!([parsed(key.example)]);
        }
        schema
    }

    fn kind(&mut self, kind: Kind) -> Value {
        let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        match kind {
            Kind::Text => json!({ "type": "string", "minLength": 1 }),
            Kind::Id => text("^[A-Za-z0-9._-]+$"),
            Kind::HostName => text("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\\.?$"),
            Kind::Url => text("^[Hh][Tt][Tt][Pp][Ss]?:"),
            Kind::HostPort => text(":[0-9]+$"),
            Kind::Address => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
            Kind::Prefix => text("/[0-9]+$"),
            Kind::Continent => json!({ "type": "string", "anyOf": [
                { "enum": fairway_geo::Continent::ALL.map(fairway_geo::Continent::code) },
                { "pattern": "^([Aa][FfNnSs]|[Ee][Uu]|[Nn][Aa]|[Oo][Cc]|[Ss][Aa])$" },
            ] }),
            Kind::Country => text("^[A-Za-z]{2}$"),
            Kind::Subdivision => text("^[A-Za-z]{2}-[A-Za-z0-9]{1,3}$"),
            Kind::Asn => json!({ "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                { "type": "string", "pattern": "^[Aa][Ss]\\+?[0-9]+$" },
            ] }),
            Kind::Duration(..) | Kind::Seconds(..) => text("^[0-9.]+\\s*(ms|s|m|h)$"),
            Kind::BitRate => text("^[0-9.]+\\s*[kMGT]?bit/s$"),
            Kind::Number(bounds) => number(bounds),
            Kind::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Kind::Truth => json!({ "type": "boolean" }),
            Kind::Instant => json!({ "type": "string", "format": "date-time" }),
            Kind::Hour => text("^([01][0-9]|2[0-3]):[0-5][0-9]$"),
            Kind::Zone => json!({ "enum": chrono_tz::TZ_VARIANTS.map(|zone| zone.name()).as_slice() }),
            Kind::Pathway => json!({ "type": "string" }),
            Kind::Word(_, names) => json!({ "enum": names() }),
            Kind::List(Kind::Table(table)) => {
                json!({ "type": "array", "items": self.reference(table), "minItems": 1 })
            }
            Kind::List(item) => {
                json!({ "type": "array", "items": self.kind(*item), "minItems": 1, "uniqueItems": true })
            }
            Kind::ByPathway(entry) => json!({ "type": "object", "additionalProperties": self.kind(*entry) }),
            Kind::ByWord(word, entry) => json!({
                "type": "object",
                "propertyNames": self.kind(*word),
                "additionalProperties": self.kind(*entry),
                "minProperties": 1,
            }),
            Kind::Either(one, other) => json!({ "anyOf": [self.kind(*one), self.kind(*other)] }),
            Kind::Table(table) => self.reference(table),
            Kind::Tables(table) => json!({ "type": "array", "items": self.reference(table) }),
            Kind::Steps => {
                let steps: Vec<Value> = STEPS.iter().map(|definition| self.step(definition)).collect();
                json!({ "type": "array", "items": { "oneOf": steps } })
            }
        }
    }
}

fn number(bounds: Bounds) -> Value {
    let mut schema = json!({ "type": "number" });
    schema[if bounds.above { "exclusiveMinimum" } else { "minimum" }] = json!(bounds.least);
    if bounds.most.is_finite() {
        schema[if bounds.below { "exclusiveMaximum" } else { "maximum" }] = json!(bounds.most);
    }
    schema
}

/// `a test's client` → `test-s-client`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.skip_while(|word| matches!(*word, "a" | "an")).collect::<Vec<_>>().join("-")
}

/// A value written in TOML, as JSON.
fn parsed(toml: &str) -> Value {
    DeValue::parse(toml).map_or(Value::Null, |value| json_of(value.get_ref()))
}

fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(i) => json!(i64::from_str_radix(i.as_str(), i.radix()).ok()),
        DeValue::Float(f) => json!(f.as_str().parse::<f64>().ok()),
        DeValue::Boolean(truth) => json!(truth),
        DeValue::Datetime(at) => json!(at.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref()))).collect(),
        ),
    }
}
