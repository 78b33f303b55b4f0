//! Whatever file is accepted: nothing that reads it panics, and what is decided by it can be answered.
//!
//! Files are made at random out of every key of the language, sound and unsound values mixed; those that are refused are told
//! what is wrong, the others are linted, formatted, tested, decided by and explained. Most are small, so that their parts meet
//! in many ways; one in thirty is as large as a policy can be.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{net::IpAddr, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Coordinates, GeoTable, Place};
use fairway_policies::{
    Device, Metric, PathSet, Policy, Protocol, Stream, format, lint,
    model::{MAX_PATHWAYS, MAX_STEPS},
    parse,
};
use fairway_steering::{
    Audience, Cause, Client, Health, Service, Snapshot, Verdict, cases, decide, explain,
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Ramp},
    standing::{Lead, Standing, Standings},
};

/// Numbers that look random and are the same in each run (splitmix64, Steele, Lea and Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A list of some of these, as TOML; never none.
    fn some(&mut self, of: &[String]) -> String {
        let one = self.below(of.len());
        let some: Vec<&str> =
            of.iter().enumerate().filter(|(i, _)| *i == one || self.chance(30)).map(|(_, v)| v.as_str()).collect();
        format!("[{}]", some.join(", "))
    }

    fn table(&mut self, of: &[String], value: impl Fn(&mut Self) -> String) -> String {
        let pairs: Vec<String> = of.iter().map(|key| format!("{key} = {}", value(self))).collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

fn strings(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| format!("{text:?}")).collect()
}

/// One file, by chance.
struct Writer<'n> {
    n: &'n mut Numbers,
    ids: Vec<String>,
    /// As large as can be; then what could be refused is left out, or of so much something always would be.
    large: bool,
    text: String,
}

impl Writer<'_> {
    fn file(n: &mut Numbers) -> String {
        let large = n.chance(3);
        let pathways = if large { MAX_PATHWAYS } else { 1 + n.below(5) };
        let ids = (0..pathways).map(|i| format!("\"p{i}\"")).collect();
        let mut writer = Writer { n, ids, large, text: String::new() };
        if writer.n.chance(60) {
            writer.text += "names = [\"t.example.net\"]\n";
        }
        writer.maybe(50, "ttl", &["\"10s\"", "\"1m\"", "\"5s\"", "\"4s\""]);
        for index in 0..writer.ids.len() {
            writer.pathway(index);
        }
        for _ in 0..if large { MAX_STEPS } else { writer.n.below(7) } {
            writer.step();
        }
        for index in 0..if large { 0 } else { writer.n.below(4) } {
            writer.test(index);
        }
        writer.text
    }

    fn put(&mut self, key: &str, value: &str) {
        self.text += &format!("{key} = {value}\n");
    }

    fn maybe(&mut self, percent: usize, key: &str, values: &[&str]) {
        if self.n.chance(percent) {
            let value = self.n.pick(values);
            self.put(key, value);
        }
    }

    fn pathway(&mut self, index: usize) {
        self.text += &format!("[[pathway]]\nid = \"p{index}\"\nurl = \"https://p{index}.example.net/\"\n");
        match self.n.below(3) {
            0 => self.put("cname", &format!("\"p{index}.cdn.example\"")),
            1 => self.put("addresses", &format!("[\"192.0.2.{index}\"]")),
            _ => {}
        }
        self.maybe(
            70,
            "location",
            &["{ lat = 50, lon = 8.5 }", "{ lat = -33.9, lon = 179.9 }", "{ lat = 90, lon = 0 }"],
        );
        self.maybe(70, "capacity", &["\"40 Gbit/s\"", "\"1 bit/s\"", "\"80 Mbit/s\""]);
        let costs = [
            "{ per_tb = 20 }",
            "{ per_tb = 0 }",
            "{ tiers = [{ above_tb = 0, per_tb = 30 }, { above_tb = 500, per_tb = 22 }], commit_tb = 100 }",
            "{ per_tb = 1e9, commit_tb = 0.001, max_tb = 0.001 }",
        ];
        self.maybe(70, "cost", if self.large { &costs[..3] } else { &costs });
        let probes = [
            "{ tcp = \"p.example.net:1\", interval = \"1h\", timeout = \"1h\", rise = 1000 }",
            "{ url = \"http://[2001:db8::1]/\", interval = \"100ms\", timeout = \"1ms\", fall = 1 }",
        ];
        self.maybe(30, "probe", &probes);
    }

    fn step(&mut self) {
        let kinds = [
            "healthy", "fence", "prefer", "nearest", "rank", "cheapest", "weights", "capacity", "explore", "stick",
            "limit",
        ];
        let kind = self.n.pick(&kinds);
        self.text += &format!("[[step]]\ndo = \"{kind}\"\n");
        let ids = self.ids.clone();
        match kind {
            "healthy" => {
                self.maybe(50, "panic", &["0", "0.5", "1"]);
                self.maybe(50, "availability", &["0", "0.99"]);
                self.maybe(50, "over", &["\"30s\"", "\"1h\""]);
                self.maybe(50, "ramp", &["\"0s\"", "\"1h\""]);
            }
            "fence" if self.large => {
                let one = self.n.below(ids.len());
                self.put("never", &format!("[{}]", ids[one]));
            }
            "fence" => {
                let key = self.n.pick(&["only", "never"]);
                let set = self.n.some(&ids);
                self.put(key, &set);
            }
            "prefer" => {
                let cut = self.n.below(ids.len() + 1);
                let tier = |ids: &[String]| format!("[{}]", ids.join(", "));
                let tiers: Vec<String> =
                    [&ids[cut..], &ids[..cut]].into_iter().filter(|ids| !ids.is_empty()).map(tier).collect();
                self.put("tiers", &format!("[{}]", tiers.join(", ")));
            }
            "nearest" => {
                self.maybe(50, "same_km", &["0", "40000"]);
                if self.n.chance(50) {
                    let bias = self.n.table(&ids, |n| n.pick(&["-40000", "0", "300"]).into());
                    self.put("bias_km", &bias);
                }
            }
            "rank" => {
                let metrics: Vec<String> = Metric::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
                let names: Vec<String> = metrics.iter().map(|name| format!("\"{name}\"")).collect();
                let by = match self.n.below(3) {
                    0 => self.n.some(&names),
                    1 => self.n.table(&metrics, |n| n.pick(&["0.001", "3", "1000"]).into()),
                    _ => "{ stall_ratio = 3, startup_time = 0.5 }".into(),
                };
                self.maybe(80, "by", &[&by]);
                self.maybe(50, "min_sessions", &["1", "1000000"]);
                self.maybe(50, "margin", &["0.05", "0.99"]);
                self.maybe(50, "tie", &["0", "0.05"]);
                self.maybe(50, "pace", &["0.001", "1"]);
                self.maybe(50, "settle", &["\"0s\"", "\"1h\""]);
                self.maybe(50, "half_life", &["\"5s\"", "\"1h\""]);
            }
            "cheapest" => self.maybe(50, "tie", &["0", "0.99"]),
            "weights" => {
                let shares = self.n.table(&ids, |n| n.pick(&["0", "1", "7", "1000000"]).into());
                self.put("shares", &shares);
            }
            "capacity" => self.maybe(50, "fill", &["0.001", "1"]),
            "explore" => {
                self.maybe(50, "share", &["0.2", "0.0001"]);
                self.maybe(50, "every", &["\"1s\"", "\"1h\""]);
            }
            "stick" => {
                let by = self.n.pick(&["\"session\"", "\"prefix\"", "\"content\""]);
                self.put("by", by);
            }
            _ => {
                let to = self.n.pick(&["1", "2", "32"]);
                self.put("to", to);
            }
        }
        self.when();
    }

    fn when(&mut self) {
        let mut conditions = Vec::new();
        let kinds: [(&str, Vec<String>); 8] = [
            ("continent", strings(&["EU", "AS", "NA"])),
            ("country", strings(&["DE", "JP", "US"])),
            ("subdivision", strings(&["US-CA", "DE-BE"])),
            ("asn", vec!["3320".into(), "4294967295".into()]),
            ("cidr", strings(&["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "255.255.255.255/32", "::/0"])),
            ("protocol", strings(&["dns", "hls", "http"])),
            ("device", strings(&["tv", "phone"])),
            ("content", strings(&["a", "a/b", "c"])),
        ];
        for (key, values) in kinds {
            for key in [key.to_owned(), format!("{key}_not")] {
                if self.n.chance(7) && !(self.large && key.ends_with("_not")) {
                    conditions.push(format!("{key} = {}", self.n.some(&values)));
                }
            }
        }
        if self.n.chance(10) {
            conditions.push("stream = \"live\"".into());
        }
        if self.n.chance(15) {
            let times = [
                "{ from = \"18:00\", to = \"02:00\", zone = \"Europe/Berlin\" }",
                "{ days = [\"sun\"], from = \"02:30\", to = \"02:45\", zone = \"America/New_York\" }",
                "{ since = 2026-01-01T00:00:00Z, until = 2026-06-15T12:00:00Z }",
            ]
            .map(str::to_owned);
            conditions.push(format!("time = {}", self.n.some(&times)));
        }
        if !conditions.is_empty() {
            self.put("when", &format!("{{ {} }}", conditions.join(", ")));
        }
    }

    fn test(&mut self, index: usize) {
        self.text += &format!("[[test]]\nname = \"{index}\"\n");
        let ids = self.ids.clone();
        let clients = [
            "{ country = \"DE\", asn = 3320, location = { lat = 52.5, lon = 13.4 } }",
            "{ subdivision = \"US-CA\", device = \"tv\", session = \"s\", location = { lat = 37, lon = -180 } }",
            "{ protocol = \"dns\", address = \"192.0.2.7\", content = \"a/b\" }",
            "{ protocol = \"http\", address = \"2001:db8::1\", stream = \"live\" }",
        ];
        self.maybe(80, "client", &clients);
        for key in ["down", "drained", "degraded"] {
            if self.n.chance(30) {
                let set = self.n.some(&ids);
                self.put(&format!("given.{key}"), &set);
            }
        }
        if self.n.chance(50) {
            let cell = |n: &mut Numbers, id: &String| {
                let audience =
                    n.pick(&["", "country = \"DE\", ", "continent = \"EU\", ", "country = \"DE\", asn = 3320, "]);
                let values = [
                    "stall_ratio = 0.3",
                    "stall_ratio = 0, start_failures = 1, request_errors = 1",
                    "stall_ratio = 1, bitrate = \"9 Mbit/s\"",
                    "ttfb = \"1ms\", startup_time = \"1h\", throughput = \"1 bit/s\"",
                ];
                let value = n.pick(&values);
                let sessions = n.pick(&["1", "400", "1000000000"]);
                format!("{{ pathway = {id}, {audience}sessions = {sessions}, {value} }}")
            };
            let cells: Vec<String> = ids.iter().map(|id| cell(self.n, id)).collect();
            self.put("given.cells", &format!("[{}]", cells.join(", ")));
        }
        if self.n.chance(40) {
            let load = self.n.table(&ids, |n| n.pick(&["\"1 bit/s\"", "\"90 Gbit/s\""]).into());
            self.put("given.load", &load);
        }
        if self.n.chance(40) {
            let volume = self.n.table(&ids, |n| n.pick(&["0", "480", "1e9"]).into());
            self.put("given.volume_tb", &volume);
        }
        let expected = ["{ first = \"p0\" }", "{ panic = true }", "{ ttl = \"5s\" }", "{ share = { p0 = 0.5 } }"];
        let expect = self.n.pick(&expected);
        self.put("expect", expect);
    }
}

/// Anyone ahead of anyone, in circles too.
fn standings(n: &mut Numbers, pathways: usize) -> Arc<Standings> {
    let lead = |n: &mut Numbers| {
        let (ahead, behind) = (n.below(pathways) as u8, n.below(pathways) as u8);
        Lead { share: [1e-7, 0.3, 1.0][n.below(3)], ..Lead::whole(ahead, behind, Metric::StallRatio) }
    };
    let mut standings = Standings::new();
    for audience in [Audience::World, Audience::Country("DE".parse().unwrap())] {
        let leads = (0..n.below(2 * pathways)).map(|_| lead(n)).filter(|lead| lead.ahead != lead.behind).collect();
        standings.insert(audience, Arc::new(Standing::new(vec![None; pathways], leads)));
    }
    Arc::new(standings)
}

/// Inputs that a node could come to, however unlikely.
fn inputs(n: &mut Numbers, policy: &Policy, now: DateTime<Utc>) -> Inputs {
    let all = policy.pathways.len();
    let verdict = |n: &mut Numbers| {
        let health = [Health::Up, Health::Degraded, Health::Down, Health::Drained][n.below(4)];
        let since = now - TimeDelta::seconds(n.below(120) as i64 - 10);
        Verdict { health, cause: Cause::ProbesPassed { count: 2 }, since }
    };
    let share = |n: &mut Numbers| [0.0, 1e-7, 0.3, 1.0][n.below(4)];
    let force = |n: &mut Numbers| match n.below(4) {
        0 => Force::Up,
        1 => Force::Down,
        2 => Force::Drained,
        _ => Force::Share(share(n)),
    };
    let word = |n: &mut Numbers, id| Override {
        id,
        service: "*".into(),
        pathway: n.pick(&["*", "p0", "p?", "none"]).into(),
        place: OverridePlace { country: n.chance(50).then(|| "DE".parse().unwrap()), ..OverridePlace::default() },
        force: force(n),
        author: "x".into(),
        reason: "x".into(),
        since: now,
        expires: n.chance(50).then_some(now + TimeDelta::seconds(n.below(3) as i64 - 1)),
    };
    Inputs {
        verdicts: (0..all).map(|_| verdict(n)).collect(),
        ramps: (0..all).map(|_| Ramp { share: share(n), trial: n.chance(30) }).collect(),
        admits: (0..all).map(|_| share(n)).collect(),
        prices: (0..all).map(|_| [None, Some(0.0), Some(20.0), Some(f64::INFINITY)][n.below(4)]).collect(),
        standings: policy.steps.iter().map(|_| standings(n, all)).collect(),
        overrides: (0..n.below(3) as u64).map(|id| word(n, id)).collect(),
        ..Inputs::default()
    }
}

fn client<'a>(n: &mut Numbers) -> Client<'a> {
    let coordinates = n.chance(50).then_some(Coordinates { latitude: -90.0, longitude: 180.0 });
    let country = n.chance(60).then(|| n.pick(&["DE", "US", "JP"]).parse().unwrap());
    let place =
        Place { country, continent: n.chance(50).then(|| "EU".parse().unwrap()), coordinates, ..Place::default() };
    let via = [Protocol::Dns, Protocol::Hls, Protocol::Dash, Protocol::Http][n.below(4)];
    let address: Option<IpAddr> =
        n.chance(60).then(|| n.pick(&["192.0.2.7", "255.255.255.255", "2001:db8::1"]).parse().unwrap());
    Client {
        address,
        content: n.chance(50).then_some("a/b"),
        device: n.chance(50).then_some(Device::Tv),
        stream: n.chance(50).then_some(Stream::Live),
        buffer_ms: n.chance(50).then_some(20_000),
        ..Client::at(place, via, n.chance(50).then_some("s-1"))
    }
}

#[test]
fn no_file_that_is_accepted_makes_anything_panic() {
    let n = &mut Numbers(1);
    let now: DateTime<Utc> = "2026-06-15T12:00:00Z".parse().unwrap();
    let geo = Arc::new(GeoTable::empty());
    let (mut accepted, mut warned, mut failed, mut passed, mut large) = (0, 0, 0, 0, 0);
    for _ in 0..400 {
        let text = Writer::file(n);
        let once = format("t.policy.toml", &text).unwrap();
        assert_eq!(format("t.policy.toml", &once).unwrap(), once, "{text}");
        let Ok(policy) = parse("t.policy.toml", &text) else {
            assert!(parse("t.policy.toml", &once).is_err(), "{text}");
            continue;
        };
        accepted += 1;
        let is_large = policy.steps.len() == MAX_STEPS && policy.pathways.len() == MAX_PATHWAYS;
        large += usize::from(is_large);
        let formatted = parse("t.policy.toml", &once).unwrap();
        let plain = |policy: &Policy| (policy.pathways.clone(), policy.ttl, policy.names.clone(), policy.steps.len());
        assert_eq!(plain(&policy), plain(&formatted), "{text}");
        warned += usize::from(!lint("t.policy.toml", &policy, Some(now)).is_empty());

        let policy = Arc::new(policy);
        let report = cases::run(&policy);
        failed += report.failed().count();
        passed += report.outcomes.len() - report.failed().count();

        for round in 0..10 {
            let service = Service::new(policy.clone(), inputs(n, &policy, now), Arc::default());
            let snapshot = Snapshot::compile(1, now, geo.clone(), vec![service]);
            let client = client(n);
            let decision = decide(&snapshot, &snapshot.services[0], &client, now, &mut ());
            let mut reports = Vec::new();
            assert_eq!(decide(&snapshot, &snapshot.services[0], &client, now, &mut reports), decision, "{text}");
            // Explaining tells how likely each answer is, which takes long where there are so many.
            if round == 0 && !is_large {
                let told = explain(&snapshot, &snapshot.services[0], &client, now);
                let list: Vec<String> = decision.priority(&policy).map(|pathway| pathway.id.clone()).collect();
                assert_eq!((told.http.priority, told.http.ttl), (list, decision.ttl), "{text}");
            }
            let ranked = decision.ranked.iter().map(|c| usize::from(c.pathway));
            let answered: Vec<usize> = ranked.chain(decision.aside.iter().map(|p| usize::from(*p))).collect();
            let set: PathSet = answered.iter().copied().collect();
            assert_eq!(set.len(), answered.len(), "twice in {answered:?}:\n{text}");
            assert!(set.without(PathSet::all(policy.pathways.len())).is_empty(), "{text}");
            assert!((policy.ttl_min..=policy.ttl).contains(&decision.ttl), "{text}");
            let fenced = policy.steps.iter().any(|step| matches!(step.kind, fairway_policies::StepKind::Fence(_)));
            assert!(fenced || !decision.ranked.is_empty(), "nothing to answer:\n{text}");
        }
    }
    let counts = (accepted, warned, failed, passed, large);
    assert!(accepted > 100 && warned > 30 && failed > 30 && passed > 30 && large > 2, "too few of a kind: {counts:?}");
}
