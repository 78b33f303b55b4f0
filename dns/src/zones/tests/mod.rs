//! Texts in, records or mistakes out; other servers' readers beside ours.

use super::{Zone, ZoneError, text::shown, types::Type};

mod checks;
mod data;
mod entries;
mod folder;
mod peers;
mod random;

/// Three entries on four lines that make a zone.
const HEAD: &str = "$TTL 300\n@ SOA ns1 admin 1 3600 900 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n";

/// The zone `z.test` of a text.
fn zone(text: &str) -> Result<Zone, ZoneError> {
    Zone::of_text("z.test", text.as_bytes())
}

/// Octets in hex.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The records of the zone of `HEAD` and `text`, but those of `HEAD`: `name ttl type data`, data in hex.
fn records(text: &str) -> Vec<String> {
    let zone = match zone(&format!("{HEAD}{text}")) {
        Ok(zone) => zone,
        Err(error) => return vec![error.to_string()],
    };
    let sets = zone.sets.iter().filter(|set| !["z.test.", "ns1.z.test."].contains(&&*shown(set.name.iter())));
    sets.flat_map(|set| {
        let rtype = Type::of(set.rtype.into()).name();
        set.data.iter().map(move |data| format!("{} {} {rtype} {}", shown(set.name.iter()), set.ttl, hex(data)))
    })
    .collect()
}

/// The data of the one record that `text` writes behind its owner, in hex; or the mistake, without its place.
fn data(text: &str) -> String {
    match &records(&format!("x {text}"))[..] {
        [record] => match record.strip_prefix("x.z.test. 300 ") {
            Some(record) => record.split_once(' ').map(|(_, data)| data.into()).unwrap_or_default(),
            None => record.strip_prefix("z.test.zone:5: ").unwrap_or(record).into(),
        },
        other => panic!("{text}: {other:?}"),
    }
}
