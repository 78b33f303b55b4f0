//! JSON: one object, an array of them, or one on each line (NDJSON). The keys are those of [`Beacon`].

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::{
    error::Cause,
    record::{Beacon, Medium, Member, Value},
};

/// Reads a body. With each record comes its number from 1: its place in the array, or its line.
pub(crate) fn parse(body: &str) -> Vec<(usize, Result<Beacon, Cause>)> {
    match serde_json::from_str(body) {
        Ok(Json::Array(records)) => records.into_iter().enumerate().map(|(i, r)| (i + 1, record(r))).collect(),
        Ok(single) => vec![(1, record(single))],
        Err(error) if body.trim_start().starts_with('[') => vec![(1, Err(malformed(&error)))],
        Err(_) => lines(body),
    }
}

fn lines(body: &str) -> Vec<(usize, Result<Beacon, Cause>)> {
    let lines = body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| (i + 1, serde_json::from_str(line).map_err(|e| malformed(&e)).and_then(record))).collect()
}

fn malformed(error: &serde_json::Error) -> Cause {
    Cause::Malformed(error.to_string())
}

fn record(json: Json) -> Result<Beacon, Cause> {
    let Json::Object(object) = json else {
        return Err(Cause::Malformed("not a JSON object".into()));
    };
    let mut beacon = Beacon::default();
    for (key, json) in object {
        beacon.set(&key, value(json));
    }
    Ok(beacon)
}

fn value(json: Json) -> Value<'static> {
    match json {
        Json::Null => Value::Other,
        Json::Bool(flag) => Value::Flag(flag),
        Json::Number(n) => n.as_f64().map_or(Value::Other, Value::Number),
        Json::String(text) => Value::Text(Cow::Owned(text)),
        Json::Array(members) => {
            Value::List(members.into_iter().map(|m| Member { value: value(m), of: Medium::Untold }).collect())
        }
        Json::Object(by_medium) => Value::List(members(by_medium)),
    }
}

/// `{"v": 4200, "a": 256}`: what CMCD writes as `(4200;v 256;a)`.
fn members(by_medium: Map<String, Json>) -> Vec<Member<'static>> {
    by_medium.into_iter().map(|(of, json)| Member { value: value(json), of: Medium::named(&of) }).collect()
}
