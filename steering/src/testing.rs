//! What this room's tests build their tiny worlds from.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{GeoTable, Located, Place};
use fairway_policies::{PathSet, Policy, parse};

use crate::{
    cells::{Audience, Cell, CellRow},
    client::{Client, Via},
    decide::{Decision, decide},
    health::{Cause, Health, Verdict},
    snapshot::{Inputs, Service, Snapshot},
};

/// Numbers that look random and are the same in each run (splitmix64, Steele, Lea and Flood 2014).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn set(&mut self, of: usize) -> PathSet {
        (0..of).filter(|_| self.chance(50)).collect()
    }
}

/// A small world: ranges of several sizes, in a few countries and networks, with nothing known of those between them; IPv4 in
/// 10.0.0.0/15 and IPv6 in 2001:db8::/32. With `points`, some have coordinates.
pub fn world(numbers: &mut Numbers, points: bool) -> GeoTable {
    const COUNTRIES: [&str; 6] = ["EU,DE", "EU,FR", "SA,BR", "AS,JP", "NA,US", "EU,"];
    let mut ranges = |what: &mut dyn FnMut(&mut Numbers) -> String| {
        let mut csv = String::new();
        let mut at = 0x0a00_0000_u32;
        for _ in 0..60 {
            at += (numbers.below(3) * numbers.below(300)) as u32;
            let len = 1 << numbers.below(12);
            let [first, last] = [at, at + len - 1].map(Ipv4Addr::from_bits);
            csv += &format!("{first},{last},{}\n", what(numbers));
            at += len;
        }
        let mut at = 0x2001_0db8_u128 << 96;
        for _ in 0..30 {
            at += ((numbers.below(3) * numbers.below(300)) as u128) << 72;
            let len = 1 << (64 + numbers.below(20));
            let [first, last] = [at, at + len - 1].map(Ipv6Addr::from_bits);
            csv += &format!("{first},{last},{}\n", what(numbers));
            at += len;
        }
        csv
    };
    let country = ranges(&mut |numbers| {
        let country = numbers.pick(&COUNTRIES);
        let point = if points && numbers.chance(70) {
            format!("{},{}", numbers.below(120) as i32 - 60, numbers.below(300) as i32 - 150)
        } else {
            ",".into()
        };
        format!("{country},,,{point}")
    });
    let network = ranges(&mut |numbers| format!("{},Example", 1 + numbers.below(4)));
    let folder = tempfile::tempdir().unwrap();
    let files = [("country.csv", country), ("network.csv", network)].map(|(name, csv)| {
        let file = folder.path().join(name);
        std::fs::write(&file, csv).unwrap();
        file
    });
    GeoTable::load(&files, &mut |_| {}).unwrap()
}

/// An address in or around such a world.
pub fn somewhere(numbers: &mut Numbers) -> IpAddr {
    match numbers.below(3) {
        0 => Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(numbers.next()) << 32).into(),
        1 => Ipv4Addr::from_bits(0x0a00_0000 | numbers.next() as u32 >> 15).into(),
        _ => Ipv4Addr::from_bits(0x0a00_0000 | numbers.next() as u32 >> (4 + numbers.below(20))).into(),
    }
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The policy of service `live` with these pathways, each with an address of its own, and these `[[step]]`s.
pub fn policy(pathways: &[&str], steps: &str) -> Arc<Policy> {
    let mut text = "names = [\"live.fairway.test\"]\nttl = \"20s\"\n".to_owned();
    for (i, id) in pathways.iter().enumerate() {
        text += &format!(
            "[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.fairway.test/\"\naddresses = [\"127.0.1.{i}\"]\n"
        );
    }
    match parse("live.policy.toml", &(text + steps)) {
        Ok(policy) => Arc::new(policy),
        Err(problems) => panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()),
    }
}

/// Long enough ago to be settled.
pub fn verdict(health: Health) -> Verdict {
    let cause = match health {
        Health::Up => Cause::ProbesPassed { count: 2 },
        _ => Cause::ProbesFailed { count: 2, error: "connection refused".into() },
    };
    Verdict { health, cause, since: now() - TimeDelta::hours(1) }
}

/// Made once: even an empty table has its index.
static NOWHERE: LazyLock<Arc<GeoTable>> = LazyLock::new(|| Arc::new(GeoTable::empty()));

/// A snapshot of this one service.
pub fn snapshot(service: Service) -> Snapshot {
    Snapshot::compile(7, now() - TimeDelta::seconds(1), NOWHERE.clone(), vec![service])
}

/// The same with all up, and nothing known.
pub fn healthy(policy: &Arc<Policy>) -> Snapshot {
    unwell(policy, &[])
}

/// The same where these pathways are in this health.
pub fn unwell(policy: &Arc<Policy>, unwell: &[(&str, Health)]) -> Snapshot {
    let health = |id: &str| unwell.iter().find(|(unwell, _)| *unwell == id).map_or(Health::Up, |(_, health)| *health);
    let verdicts = policy.pathways.iter().map(|p| verdict(health(&p.id))).collect();
    let inputs = Inputs { verdicts, ..Inputs::default() };
    snapshot(Service::new(policy.clone(), inputs, Arc::default()))
}

/// The untraced decision for a client of the snapshot's only service.
pub fn decision(snapshot: &Snapshot, client: &Client<'_>) -> Decision {
    decide(snapshot, &snapshot.services[0], client, now(), &mut ())
}

/// A client at this address in this country, where the place holds for this prefix of it.
pub fn client<'a>(address: &str, len: u8, country: &str) -> Client<'a> {
    let address: IpAddr = address.parse().unwrap();
    let country: Option<fairway_geo::Country> = country.parse().ok();
    let place = Place { country, continent: country.and_then(|c| c.continent()), ..Place::default() };
    let prefix = ipnet::IpNet::new(address, len).unwrap().trunc();
    Client::new(Some(address), Located { place, id: None, prefix }, Via::Dns)
}

/// Ids of a steering list, as `a b | c`, with a bar between tiers, and those set aside after `/`.
pub fn order(policy: &Policy, decision: &Decision) -> String {
    let id = |p: u8| policy.pathways[usize::from(p)].id.as_str();
    let tiers = decision.ranked.chunk_by(|a, b| a.tier == b.tier);
    let tiers: Vec<_> = tiers.map(|t| t.iter().map(|c| id(c.pathway)).collect::<Vec<_>>().join(" ")).collect();
    let aside: Vec<_> = decision.aside.iter().map(|p| id(*p)).collect();
    let aside = if aside.is_empty() { String::new() } else { format!(" / {}", aside.join(" ")) };
    tiers.join(" | ") + &aside
}

/// A cell of `live` with so many sessions that watched all along, stalled for this share of the time.
pub fn row(pathway: &str, audience: Audience, sessions: u64, stall_ratio: f64, at: DateTime<Utc>) -> CellRow {
    let watched_ms = 10_000 * sessions;
    let cell = Cell {
        sessions,
        watched_ms,
        stalled_ms: (stall_ratio * watched_ms as f64).round() as u64,
        starts: sessions,
        newest_ms: at.timestamp_millis(),
        ..Cell::default()
    };
    CellRow { service: "live".into(), pathway: pathway.into(), audience, bucket: at.timestamp() / 10 * 10, cell }
}
