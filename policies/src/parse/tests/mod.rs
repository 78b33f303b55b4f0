//! Files mean what they say.

mod keys;

use std::time::Duration;

use crate::{model::*, parse, reading::Problem, steps::describe};

fn good(text: &str) -> Policy {
    parse("live.policy.toml", text).unwrap_or_else(|problems| {
        panic!("{text}\n{}", problems.iter().map(Problem::render).collect::<String>());
    })
}

const TWO: &str = "
[[pathway]]
id = 'a'
url = 'https://a.example.net'
location = { lat = 1, lon = 2 }
capacity = '1 Gbit/s'
cost = { per_tb = 20 }
[[pathway]]
id = 'b'
url = 'https://b.example.net/live'
";

fn with_step(step: &str) -> StepKind {
    good(&format!("{TWO}\n[[step]]\n{step}")).steps.remove(0).kind
}

#[test]
fn everything_that_can_be_written_means_what_it_says() {
    let text = r#"
service = "live"
names = ["Live.Example.NET.", "www.example.net"]
client_subnet = false
ttl = "1m"
ttl_min = "5s"
[[pathway]]
id = "cdn_a.1"
url = "https://A.example.net:8443/live"
addresses = ["192.0.2.1", "2001:db8::1"]
alpn = ["h2", "http/1.1"]
capacity = "1.5 Gbit/s"
scale_at = 1
location = { lat = 52.5, lon = -13 }
cost = { tiers = [{ above_tb = 0, per_tb = 30 }, { above_tb = 500, per_tb = 22.5 }], commit_tb = 100, max_tb = 900 }
probe = { url = "https://a.example.net/healthz", interval = "500ms", timeout = "0.25s", rise = 3, fall = 1 }
[[pathway]]
id = "b"
url = "http://[2001:db8::2]:80/"
cname = "B.example.net."
cost.per_tb = 20
probe.tcp = "[2001:db8::2]:443"

[[step]]
do = "fence"
only = ["b"]
[step.when]
continent = ["eu"]
country = ["de"]
country_not = ["FR"]
subdivision = ["us-ca"]
asn = [3320, "as13335"]
cidr = ["192.0.2.0/24", "2001:db8::/32"]
protocol = ["hls", "dash"]
device_not = ["tv"]
content = ["sports/"]
stream = "vod"
time = [{ days = ["mon", "sun"], from = "18:00", to = "02:30", zone = "Europe/Berlin", since = 2026-11-20T18:00:00+01:00 }]
"#;
    let probe = |target, interval, timeout, rise, fall| {
        let [interval, timeout] = [interval, timeout].map(Duration::from_millis);
        Some(Probe { target, interval, timeout, rise, fall })
    };
    let tier = |above, per_tb| CostTier { above, per_tb };
    let expected = Policy {
        service: "live".into(),
        text: text.into(),
        names: vec!["live.example.net".into(), "www.example.net".into()],
        client_subnet: false,
        ttl: 60,
        ttl_min: 5,
        pathways: vec![
            Pathway {
                id: "cdn_a.1".into(),
                url: "https://a.example.net:8443/live/".into(),
                answer: PathwayAnswer::Addresses(vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]),
                alpn: vec![Alpn::H2, Alpn::Http11],
                probe: probe(ProbeTarget::Http("https://a.example.net/healthz".into()), 500, 250, 3, 1),
                capacity: Some(1_500_000_000),
                scale_at: 1.0,
                location: Some(fairway_geo::Coordinates { latitude: 52.5, longitude: -13.0 }),
                cost: Some(Cost {
                    tiers: vec![tier(0.0, 30.0), tier(500.0, 22.5)],
                    commit_min: Some(100.0),
                    commit_max: Some(900.0),
                }),
            },
            Pathway {
                id: "b".into(),
                url: "http://[2001:db8::2]/".into(),
                answer: PathwayAnswer::Cname("b.example.net".into()),
                alpn: vec![],
                probe: probe(ProbeTarget::Tcp("[2001:db8::2]:443".into()), 2000, 1000, 2, 2),
                capacity: None,
                scale_at: 0.8,
                location: None,
                cost: Some(Cost { tiers: vec![tier(0.0, 20.0)], commit_min: None, commit_max: None }),
            },
        ],
        steps: vec![Step {
            kind: StepKind::Fence(Fence { allowed: PathSet(0b10) }),
            when: When {
                continent: any(["EU".parse().unwrap()]),
                country: Matcher { not: vec!["FR".parse().unwrap()], ..any(["DE".parse().unwrap()]) },
                subdivision: any([Region { country: "US".parse().unwrap(), subdivision: "CA".parse().unwrap() }]),
                asn: any([fairway_geo::Asn(3320), fairway_geo::Asn(13335)]),
                cidr: any(["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]),
                protocol: any([Protocol::Hls, Protocol::Dash]),
                device: Matcher { any: vec![], not: vec![Device::Tv] },
                content: any(["sports/".into()]),
                stream: Some(Stream::Vod),
                time: vec![Window {
                    days: vec![chrono::Weekday::Mon, chrono::Weekday::Sun],
                    hours: Some(("18:00:00".parse().unwrap(), "02:30:00".parse().unwrap())),
                    zone: chrono_tz::Europe::Berlin,
                    since: "2026-11-20T17:00:00Z".parse().ok(),
                    until: None,
                }],
            },
            line: 24,
        }],
        tests: vec![],
    };
    let policy = good(text);
    assert_eq!(policy, expected);
    assert_eq!(policy.pathways.iter().map(Pathway::host).collect::<Vec<_>>(), ["a.example.net", "2001:db8::2"]);
    assert_eq!(policy.pathways.iter().map(Pathway::port).collect::<Vec<_>>(), [Some(8443), None]);
    assert_eq!(policy.pathways.iter().map(Pathway::is_https).collect::<Vec<_>>(), [true, false]);
}

fn any<T>(any: impl Into<Vec<T>>) -> Matcher<T> {
    Matcher { any: any.into(), not: vec![] }
}

#[test]
fn a_policy_of_one_pathway_is_enough() {
    let policy = good("[[pathway]]\nid = 'a'\nurl = 'https://a.example.net/'");
    assert_eq!((policy.ttl, policy.ttl_min, policy.names.len(), policy.steps.len()), (20, 10, 0, 0));
    assert_eq!((&policy.pathways[0].answer, policy.pathways[0].alpn.len()), (&PathwayAnswer::None, 0));
    assert!(policy.client_subnet);
}

#[test]
fn an_unsettled_answer_is_kept_for_half_as_long_and_five_seconds_at_least() {
    let least = |head: &str| good(&format!("{head}\n{TWO}")).ttl_min;
    assert_eq!([least("ttl = '1m'"), least("ttl = '8s'"), least("ttl_min = '20s'")], [30, 5, 20]);
}

#[test]
fn steps_mean_what_they_say() {
    let secs = Duration::from_secs;
    let healthy =
        Healthy { panic: 0.0, availability: Some(Availability { least: 0.9, over: secs(300) }), ramp: secs(180) };
    let four = vec![Metric::StartFailures, Metric::RequestErrors, Metric::StallRatio, Metric::StartupTime];
    let rank = Rank {
        by: Compare::InOrder(four),
        min_sessions: 25,
        half_life: secs(30),
        margin: 0.33,
        tie: 0.05,
        pace: 0.25,
        settle: secs(30),
    };
    let weighted = Compare::Weighted(vec![(Metric::StallRatio, 3.0), (Metric::StartupTime, 0.5)]);
    let cases = [
        ("do = 'healthy'", StepKind::Healthy(healthy.clone())),
        (
            "do = 'healthy'\npanic = 0.5\navailability = 0\nramp = '0s'",
            StepKind::Healthy(Healthy { panic: 0.5, availability: None, ramp: secs(0) }),
        ),
        (
            "do = 'healthy'\nover = '1m'",
            StepKind::Healthy(Healthy { availability: Some(Availability { least: 0.9, over: secs(60) }), ..healthy }),
        ),
        ("do = 'fence'\nnever = ['b']", StepKind::Fence(Fence { allowed: PathSet(0b01) })),
        (
            "do = 'prefer'\ntiers = [['b'], ['a']]",
            StepKind::Prefer(Prefer { tiers: vec![PathSet(0b10), PathSet(0b01)] }),
        ),
        ("do = 'nearest'", StepKind::Nearest(Nearest { bias: vec![0.0, 0.0], same: 100.0 })),
        (
            "do = 'nearest'\nbias_km = { b = -500.5 }\nsame_km = 0",
            StepKind::Nearest(Nearest { bias: vec![0.0, -500.5], same: 0.0 }),
        ),
        ("do = 'rank'", StepKind::Rank(rank.clone())),
        (
            "do = 'rank'\nby = ['ttfb']\nmin_sessions = 5\nmargin = 0.5\ntie = 0",
            StepKind::Rank(Rank {
                by: Compare::InOrder(vec![Metric::Ttfb]),
                min_sessions: 5,
                margin: 0.5,
                tie: 0.0,
                ..rank.clone()
            }),
        ),
        (
            "do = 'rank'\nby = { stall_ratio = 3, startup_time = 0.5 }\nhalf_life = '5s'\npace = 1\nsettle = '0s'",
            StepKind::Rank(Rank { by: weighted, half_life: secs(5), pace: 1.0, settle: secs(0), ..rank }),
        ),
        ("do = 'cheapest'", StepKind::Cheapest(Cheapest { tie: 0.05 })),
        ("do = 'cheapest'\ntie = 0", StepKind::Cheapest(Cheapest { tie: 0.0 })),
        ("do = 'weights'\nshares = { b = 7 }", StepKind::Weights(Weights { shares: vec![0, 7] })),
        ("do = 'capacity'", StepKind::Capacity(Capacity { fill: 0.9 })),
        ("do = 'explore'", StepKind::Explore(Explore { share: 0.02, every: secs(60) })),
        ("do = 'explore'\nshare = 0.2\nevery = '10s'", StepKind::Explore(Explore { share: 0.2, every: secs(10) })),
        ("do = 'stick'\nby = 'content'", StepKind::Stick(Stick { by: StickBy::Content })),
        ("do = 'limit'\nto = 2", StepKind::Limit(Limit { to: 2 })),
    ];
    for (step, kind) in cases {
        assert_eq!(with_step(step), kind, "{step}");
    }
}

#[test]
fn tests_mean_what_they_say() {
    let text = format!(
        "{TWO}
[[test]]
name = 'one'
client = {{ subdivision = 'US-CA', asn = 7018, location = {{ lat = 1, lon = 2 }}, protocol = 'dns', device = 'tv' }}
[test.given]
time = 2026-11-20T18:00:00Z
down = ['a']
degraded = ['b']
load = {{ b = '70 Mbit/s' }}
volume_tb = {{ a = 480 }}
[[test.given.cells]]
pathway = 'b'
country = 'DE'
stall_ratio = 0.01
startup_time = '850ms'
throughput = '5 Mbit/s'
[test.expect]
order = ['b']
aside = ['a']
share = {{ b = 1 }}
reason = 'alone'
ttl = '10s'
panic = false
[[test]]
name = 'two'
client = {{ address = '192.0.2.7', content = 'c', stream = 'live', session = 's' }}
expect = {{ first = 'a', never = ['b'] }}
"
    );
    let [one, two] = good(&text).tests.try_into().unwrap();
    let place = one.client.place;
    let texts = [place.continent.map(|c| c.to_string()), place.country.map(|c| c.to_string())];
    assert_eq!(texts, [Some("NA".into()), Some("US".into())], "a subdivision tells the rest");
    assert_eq!((place.asn, place.coordinates.map(|c| c.latitude)), (Some(fairway_geo::Asn(7018)), Some(1.0)));
    assert_eq!((one.client.protocol, one.client.device), (Some(Protocol::Dns), Some(Device::Tv)));
    assert_eq!((one.given.down, one.given.drained, one.given.degraded), (PathSet(1), PathSet(0), PathSet(2)));
    assert_eq!((one.given.load, one.given.volume), (vec![(1, 70_000_000)], vec![(0, 480.0)]));
    let cell = &one.given.cells[0];
    assert_eq!((cell.pathway, cell.sessions, cell.place.country), (1, 100, "DE".parse().ok()));
    let values = [(Metric::StallRatio, 0.01), (Metric::StartupTime, 850.0), (Metric::Throughput, 5e6)];
    assert_eq!(cell.values, values);
    let expect = Expect {
        order: Some(vec![1]),
        aside: PathSet(1),
        share: vec![(1, 1.0)],
        reason: Some("alone".into()),
        ttl: Some(10),
        panic: Some(false),
        ..Expect::default()
    };
    assert_eq!(one.expect, expect);
    assert_eq!(two.given, Given::default());
    assert_eq!(two.given.time.to_rfc3339(), "2026-06-15T12:00:00+00:00");
    assert_eq!(two.client.session.as_deref(), Some("s"));
    assert_eq!(two.expect, Expect { first: Some(0), never: PathSet(2), ..Expect::default() });
}

#[test]
fn steps_describe_themselves() {
    let cases = [
        ("do = 'healthy'", "set aside what is down or drained"),
        ("do = 'healthy'\npanic = 0.5", "set aside what is down or drained, while 50 % at least are left"),
        ("do = 'fence'\nonly = ['a']", "only a"),
        ("do = 'fence'\nonly = ['a', 'b']\nwhen = { asn = [3320] }", "only a or b when network is AS3320"),
        ("do = 'prefer'\ntiers = [['b'], ['a']]", "prefer b, then a"),
        (
            "do = 'prefer'\ntiers = [['b', 'a']]\nwhen = { country = ['DE', 'AT', 'CH'], cidr = ['10.0.0.0/8'] }",
            "prefer a or b when country is DE, AT or CH and address is in 10.0.0.0/8",
        ),
        ("do = 'nearest'", "the nearest first, within 100 km equals"),
        ("do = 'nearest'\nbias_km = { b = -300 }", "the nearest first, within 100 km equals, b -300 km"),
        (
            "do = 'rank'\nby = ['stall_ratio', 'ttfb']",
            "rank by stall ratio, then time to first byte: 33 % better passes, from 25 sessions on, 25 % at a time every 30 s",
        ),
        (
            "do = 'rank'\nby = { stall_ratio = 3, bitrate = 1 }\nmin_sessions = 1\npace = 0.1\nsettle = '5m'",
            "rank by stall ratio × 3 and bitrate × 1: 33 % better passes, from 1 session on, 10 % at a time every 5 min",
        ),
        ("do = 'cheapest'", "among the first, the cheapest first, within 5 % equals"),
        ("do = 'weights'\nshares = { b = 7, a = 0 }", "split equals: b 7"),
        ("do = 'capacity'", "fill each to 90 % of its capacity, the rest goes on"),
        ("do = 'explore'", "2 % try another, others every 60 s"),
        ("do = 'stick'\nby = 'content'", "keep each content on one of the equals"),
        (
            "do = 'limit'\nto = 2\nwhen = { protocol_not = ['dns'], device = ['tv'], stream = 'live', content = ['x/'] }",
            "keep the first 2 when protocol is not dns and device is tv and content begins with x/ and stream is live",
        ),
        (
            "do = 'limit'\nto = 1\nwhen.subdivision_not = ['US-CA']\nwhen.time = [{ days = ['fri', 'sat'], from = '18:00', \
             to = '02:00', zone = 'Europe/Berlin' }, { since = 2026-11-20T18:00:00Z }]",
            "keep the first only when subdivision is not US-CA and it is Fri or Sat from 18:00 to 02:00 in Europe/Berlin \
             or it is since 2026-11-20T18:00:00Z",
        ),
    ];
    for (step, line) in cases {
        let policy = good(&format!("{TWO}\n[[step]]\n{step}"));
        assert_eq!(describe(&policy, &policy.steps[0]), line);
    }
    let three = good(&format!(
        "{TWO}[[pathway]]\nid = 'c'\nurl = 'https://c.example.net'\n[[step]]\ndo = 'fence'\nnever = ['c']\nwhen.continent = ['SA']"
    ));
    assert_eq!(describe(&three, &three.steps[0]), "never c when continent is SA");
}

#[test]
fn a_file_is_a_policy_or_has_a_problem_whatever_is_in_it() {
    let shipped = include_str!("../../../live.policy.toml");
    let refused = |text: &str| match parse("live.policy.toml", text) {
        Ok(policy) => assert!(!policy.pathways.is_empty() && !policy.service.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason:\n{text}");
            problems.iter().for_each(|problem| assert!(!problem.render().is_empty()));
        }
    };
    // Where a byte is hurt matters little in the middle of a comment.
    for (i, c) in shipped.char_indices().filter(|(i, _)| in_code(shipped, *i)) {
        let after = i + c.len_utf8();
        refused(&shipped[..i]);
        let other = ["", "\"", "[", "0", "ü"][i % 5];
        refused(&format!("{}{other}{}", &shipped[..i], &shipped[after..]));
    }
    refused("pathway = []");
    refused("pathway = [1, 'x']\nstep = [[]]");
}

/// Whether byte `i` is in the part of its line before a comment.
fn in_code(text: &str, i: usize) -> bool {
    let line = text[..i].rfind('\n').map_or(0, |newline| newline + 1);
    !text[line..i].contains("# ")
}
