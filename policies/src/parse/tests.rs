use std::time::Duration;

use super::*;
use crate::{
    model::{Fence, Healthy, Metric, PathwayAnswer, Prefer, Probe, ProbeTarget, Rank, StepKind, Weights, When},
    parse,
    steps::{COMMON, STEPS, describe, when},
};

fn good(text: &str) -> Policy {
    parse("t.policy.toml", text).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(Problem::render).collect::<String>());
    })
}

const TWO: &str = "
[[pathway]]
id = 'a'
url = 'https://a.example.net'
[[pathway]]
id = 'b'
url = 'https://b.example.net/live'
";

fn with_step(step: &str) -> StepKind {
    good(&format!("{TWO}\n[[step]]\n{step}")).steps.remove(0).kind
}

#[test]
fn everything_that_can_be_written_means_what_it_says() {
    let policy = good(
        r#"
service = "t"
names = ["Live.Example.NET.", "www.example.net"]
ttl = "1m"
[[pathway]]
id = "cdn_a.1"
url = "https://A.example.net:8443/live"
addresses = ["192.0.2.1", "2001:db8::1"]
capacity = "1.5 Gbit/s"
scale_at = 1
probe = { url = "https://a.example.net/healthz", interval = "500ms", timeout = "0.25s", rise = 3, fall = 1 }
[[pathway]]
id = "b"
url = "http://[2001:db8::2]:80/"
cname = "B.example.net."
probe.tcp = "[2001:db8::2]:443"

[[step]]
do = "fence"
only = ["b"]
[step.when]
continent = ["eu"]
country = ["de"]
asn = [3320, "as13335"]
cidr = ["192.0.2.0/24", "2001:db8::/32"]
"#,
    );
    let probe = |target, interval, timeout, rise, fall| {
        let [interval, timeout] = [interval, timeout].map(Duration::from_millis);
        Some(Probe { target, interval, timeout, rise, fall })
    };
    let expected = Policy {
        service: "t".into(),
        names: vec!["live.example.net".into(), "www.example.net".into()],
        ttl: 60,
        pathways: vec![
            Pathway {
                id: "cdn_a.1".into(),
                url: "https://a.example.net:8443/live/".into(),
                answer: PathwayAnswer::Addresses(vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]),
                probe: probe(ProbeTarget::Http("https://a.example.net/healthz".into()), 500, 250, 3, 1),
                capacity: Some(1_500_000_000),
                scale_at: 1.0,
            },
            Pathway {
                id: "b".into(),
                url: "http://[2001:db8::2]/".into(),
                answer: PathwayAnswer::Cname("b.example.net".into()),
                probe: probe(ProbeTarget::Tcp("[2001:db8::2]:443".into()), 2000, 1000, 2, 2),
                capacity: None,
                scale_at: 0.8,
            },
        ],
        steps: vec![Step {
            kind: StepKind::Fence(Fence { allowed: PathSet(0b10) }),
            when: When {
                continent: vec!["EU".parse().unwrap()],
                country: vec!["DE".parse().unwrap()],
                asn: vec![fairway_geo::Asn(3320), fairway_geo::Asn(13335)],
                cidr: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            },
            line: 18,
        }],
    };
    assert_eq!(policy, expected);
    assert_eq!(policy.pathways.iter().map(Pathway::host).collect::<Vec<_>>(), ["a.example.net", "2001:db8::2"]);
}

#[test]
fn a_policy_of_one_pathway_is_enough() {
    let policy = good("[[pathway]]\nid = 'a'\nurl = 'https://a.example.net/'");
    assert_eq!((policy.ttl, policy.names.len(), policy.steps.len()), (20, 0, 0));
    assert_eq!(policy.pathways[0].answer, PathwayAnswer::None);
}

#[test]
fn steps_mean_what_they_say() {
    let by = vec![Metric::StartFailures, Metric::RequestErrors, Metric::StallRatio, Metric::StartupTime];
    let cases = [
        ("do = 'healthy'", StepKind::Healthy(Healthy {})),
        ("do = 'fence'\nnever = ['b']", StepKind::Fence(Fence { allowed: PathSet(0b01) })),
        (
            "do = 'prefer'\ntiers = [['b'], ['a']]",
            StepKind::Prefer(Prefer { tiers: vec![PathSet(0b10), PathSet(0b01)] }),
        ),
        ("do = 'rank'", StepKind::Rank(Rank { by, min_sessions: 25, margin: 0.33, tie: 0.05 })),
        (
            "do = 'rank'\nby = ['ttfb']\nmin_sessions = 5\nmargin = 0.5\ntie = 0",
            StepKind::Rank(Rank { by: vec![Metric::Ttfb], min_sessions: 5, margin: 0.5, tie: 0.0 }),
        ),
        ("do = 'weights'\nshares = { b = 7 }", StepKind::Weights(Weights { shares: vec![0, 7] })),
    ];
    for (step, kind) in cases {
        assert_eq!(with_step(step), kind, "{step}");
    }
}

#[test]
fn steps_describe_themselves() {
    let cases = [
        ("do = 'healthy'", "set aside what is down or drained"),
        ("do = 'fence'\nonly = ['a']", "only a"),
        ("do = 'fence'\nonly = ['a', 'b']\nwhen = { asn = [3320] }", "only a or b when network is AS3320"),
        ("do = 'prefer'\ntiers = [['b'], ['a']]", "prefer b, then a"),
        (
            "do = 'prefer'\ntiers = [['b', 'a']]\nwhen = { country = ['DE', 'AT', 'CH'], cidr = ['10.0.0.0/8'] }",
            "prefer a or b when country is DE, AT or CH and address is in 10.0.0.0/8",
        ),
        (
            "do = 'rank'\nby = ['stall_ratio', 'ttfb']",
            "rank by stall ratio, then time to first byte: 33 % better passes, from 25 sessions on",
        ),
        ("do = 'weights'\nshares = { b = 7, a = 0 }", "split equals: b 7"),
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

/// Each kind of table with the file that it stands in, ready for one more key.
fn sections() -> Vec<(&'static [Key], String)> {
    let mut sections = vec![
        (HEAD, String::new()),
        (pathway::KEYS, format!("{TWO}capacity = '1 Gbit/s'\n")),
        (pathway::PROBE, format!("{TWO}[pathway.probe]\ntcp = 'b.example.net:80'\n")),
        (COMMON, format!("{TWO}[[step]]\n")),
        (when::KEYS, format!("{TWO}[[step]]\ndo = 'healthy'\n[step.when]\n")),
    ];
    sections.extend(STEPS.iter().map(|d| (d.keys, format!("{TWO}[[step]]\ndo = '{}'\n", d.name))));
    sections
}

#[test]
fn a_default_written_out_means_the_same_as_one_left_out() {
    for (keys, file) in sections() {
        for key in keys {
            let Absent::Means(default) = key.absent else { continue };
            let line = format!("{} = {default}", key.name);
            let (without, with) = match file.as_str() {
                "" => (TWO.to_owned(), format!("{line}\n{TWO}")),
                file => (file.to_owned(), format!("{file}{line}\n")),
            };
            assert_eq!(good(&without), good(&with), "{line}");
        }
    }
}

#[test]
fn the_reference_has_every_key_with_its_default() {
    let reference = include_str!("../../../docs/policy.md");
    for (keys, _) in sections() {
        for key in keys {
            let mut rows = reference.lines().filter(|line| line.starts_with(&format!("| `{}` |", key.name)));
            let sound = |row: &str| match key.absent {
                Absent::Refused => row.contains("| refused |"),
                Absent::Means(default) => row.contains(&format!("| `{default}` |")),
                Absent::Nothing => true,
            };
            assert!(rows.any(sound), "docs/policy.md has no row for `{}` with its default", key.name);
        }
    }
}

#[test]
fn the_examples_of_the_reference_hold() {
    let reference = include_str!("../../../docs/policy.md");
    let blocks = reference.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let pathways = "
[[pathway]]
id = 'cdn-b'
url = 'https://cdn-b.example.net/'
[[pathway]]
id = 'cdn-c'
url = 'https://cdn-c.example.net/'
[[pathway]]
id = 'origin'
url = 'https://origin.example.net/'
";
    let a = "[[pathway]]\nid = 'cdn-a'\nurl = 'https://cdn-a.example.net/'\naddresses = ['192.0.2.1']";
    for block in blocks {
        let file = match block.trim_start() {
            whole if whole.starts_with('#') => whole.to_owned(),
            pathway if pathway.starts_with("[[pathway]]") => format!("{pathway}{pathways}"),
            step if step.starts_with("[[step]]") => format!("{a}{pathways}{step}"),
            when if when.starts_with("when") => format!("{a}{pathways}[[step]]\ndo = 'healthy'\n{when}"),
            head => format!("{head}\n{a}"),
        };
        good(&file);
    }
}

#[test]
fn a_file_is_a_policy_or_has_a_problem_whatever_is_in_it() {
    let shipped = include_str!("../../live.policy.toml");
    let refused = |text: &str| match parse("live.policy.toml", text) {
        Ok(policy) => assert!(!policy.pathways.is_empty() && !policy.service.is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason:\n{text}");
            problems.iter().for_each(|problem| assert!(!problem.render().is_empty()));
        }
    };
    for (i, c) in shipped.char_indices() {
        let after = i + c.len_utf8();
        refused(&shipped[..i]);
        for other in ["", "\"", "[", "0", "ü"] {
            refused(&format!("{}{other}{}", &shipped[..i], &shipped[after..]));
        }
    }
    refused("pathway = []");
    refused("pathway = [1, 'x']\nstep = [[]]");
}
