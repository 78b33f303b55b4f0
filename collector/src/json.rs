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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmcd;

    #[test]
    fn both_names_of_a_key_mean_what_cmcd_means() {
        let cmcd = cmcd::parse(
            r#"bl=(6000),br=(4200;v 256;a),bsd=(1500),cid="c1",e=ps,ec=("x"),msd=812,sid="s",sn=3,sta=p,ts=1764752431500,v=2"#,
        );
        let short = r#"{"bl":6000,"br":{"v":4200,"a":256},"bsd":1500,"cid":"c1","e":"ps","ec":["x"],"msd":812,"sid":"s","sn":3,"sta":"p","ts":1764752431500,"v":2}"#;
        let long = r#"{"buffer":6000.2,"bitrate":4456,"stalled":[1500,2],"content":"c1","event":"play_state","error":"x","startup":812,
            "session":"s","number":3,"state":"playing","time":1764752431500,"version":2,"unknown":{"a":[{}]},"status":null}"#;
        assert!(cmcd.is_ok());
        assert_eq!(parse(short), [(1, cmcd.clone())]);
        assert_eq!(parse(long), [(1, cmcd)]);
    }

    #[test]
    fn one_or_an_array_or_a_line_each() {
        let numbers =
            |body| parse(body).into_iter().map(|(n, r)| (n, r.ok().and_then(|b| b.number))).collect::<Vec<_>>();
        assert_eq!(numbers("{\n \"sn\": 1\n}\n"), [(1, Some(1))]);
        assert_eq!(numbers(r#"[{"sn":1},5,{"sn":2}]"#), [(1, Some(1)), (2, None), (3, Some(2))]);
        assert_eq!(numbers("{\"sn\":1}\r\n\n{\"sn\":\n{\"sn\":3}\n"), [(1, Some(1)), (3, None), (4, Some(3))]);
        assert_eq!(numbers(r#"[{"sn":1},"#), [(1, None)]);
        assert_eq!(numbers("[]"), []);
    }

    #[test]
    fn fatal_is_a_state() {
        let [(1, Ok(beacon))] = &parse(r#"{"event":"error","fatal":true}"#)[..] else { panic!() };
        assert_eq!(beacon.state.map(|s| s.token()), Some("f"));
    }
}
