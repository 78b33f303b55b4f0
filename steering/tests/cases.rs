//! `[[test]]`s are run as their author means them, and tell what they did not reach.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{fs, path::Path, sync::Arc};

use fairway_policies::{Policy, Problem, parse};
use fairway_steering::cases::{self, Branch, Report};

fn policy(file: &str, text: &str) -> Arc<Policy> {
    match parse(file, text) {
        Ok(policy) => Arc::new(policy),
        Err(problems) => panic!("{}", problems.iter().map(Problem::render).collect::<String>()),
    }
}

/// The policies that we ship: `live`, and those to start from.
fn shipped() -> Vec<(String, Report)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies");
    let folders = [folder.clone(), folder.join("examples")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(".policy.toml")).collect();
    files.sort();
    let run = |path: &Path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let report = cases::run(&policy(&file, &fs::read_to_string(path).unwrap()));
        (file, report)
    };
    files.iter().map(|path| run(path)).collect()
}

#[test]
fn the_shipped_policies_do_what_they_say_and_reach_all_that_they_can_do() {
    let mut wrong = String::new();
    let shipped = shipped();
    assert_eq!(shipped.len(), 7);
    for (file, report) in shipped {
        for outcome in report.failed() {
            wrong += &format!("{file}:{}: {}: {:?}\n", outcome.line, outcome.name, outcome.misses);
            wrong += &outcome.explanation.as_ref().map(|e| e.render_text()).unwrap_or_default();
        }
        for unreached in &report.unreached {
            wrong += &format!("{file}:{}: {} {}\n", unreached.line, unreached.title, unreached.branch.missing());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const TWO: &str = r#"names = ["t.example.net"]
[[pathway]]
id = "a"
url = "https://a.example.net/"
cname = "a.example"
[[pathway]]
id = "b"
url = "https://b.example.net/"
cname = "b.example"
"#;

fn run(text: &str) -> Report {
    cases::run(&policy("t.policy.toml", &format!("{TWO}{text}")))
}

/// What a test on this chain finds wrong: `key: expected / came`.
fn misses(chain: &str, test: &str) -> Vec<String> {
    let report = run(&format!("{chain}\n[[test]]\nname = 't'\n{test}"));
    let [outcome] = &report.outcomes[..] else { panic!("one test") };
    assert_eq!(outcome.explanation.is_some(), !outcome.passed());
    outcome.misses.iter().map(|miss| format!("{}: {} / {}", miss.key, miss.expected, miss.came)).collect()
}

#[test]
fn a_test_that_fails_says_what_was_expected_and_what_came() {
    let chain = "[[step]]\ndo = 'fence'\nonly = ['a']\nwhen = { country = ['DE'] }\n[[step]]\ndo = 'healthy'";
    let told = |test: &str| misses(chain, test);
    assert_eq!(told("expect = { first = 'b' }"), ["first: b / a"]);
    assert_eq!(told("expect = { order = ['b', 'a'] }"), ["order: b, a / a, b"]);
    assert_eq!(told("expect = { never = ['b'] }"), ["never: b / b in the answer"]);
    assert_eq!(told("client = { country = 'DE' }\nexpect = { never = ['b'] }"), [""; 0]);
    assert_eq!(told("expect = { aside = ['b'] }"), ["aside: b / none"]);
    assert_eq!(told("given = { down = ['b'] }\nexpect = { aside = ['b'], never = ['b'] }").len(), 1);
    assert_eq!(told("expect = { share = { a = 0.5 } }"), ["share: a 50.0 % / a 100.0 %"]);
    assert_eq!(told("expect = { reason = 'UP:' }"), [""; 0]);
    assert_eq!(told("expect = { reason = 'stall' }").len(), 1);
    assert_eq!(told("expect = { ttl = '5s' }"), ["ttl: 5 s / 20 s"]);
    assert_eq!(told("given = { degraded = ['a'] }\nexpect = { ttl = '20s' }"), ["ttl: 20 s / 10 s"]);
    assert_eq!(told("expect = { panic = true }"), ["panic: true / false"]);
    assert_eq!(told("given = { down = ['a', 'b'] }\nexpect = { panic = true }"), [""; 0]);
}

#[test]
fn what_is_given_reaches_the_decision() {
    let drained = "given = { drained = ['a'] }\nexpect = { order = ['b'], aside = ['a'] }";
    assert_eq!(misses("", drained), [""; 0], "an operator needs no `healthy`");
    let hours = "[[step]]\ndo = 'prefer'\ntiers = [['b']]\nwhen = { time = [{ from = '18:00', to = '20:00' }] }";
    assert_eq!(misses(hours, "expect = { first = 'a' }"), [""; 0]);
    assert_eq!(misses(hours, "given = { time = 2026-06-15T19:00:00Z }\nexpect = { first = 'b' }"), [""; 0]);
    let client = "[[step]]\ndo = 'prefer'\ntiers = [['b']]\nwhen = { device = ['tv'], stream = 'live', content = ['s/'], \
                  cidr = ['192.0.2.0/24'], protocol = ['dns'] }";
    let asked = "client = { device = 'tv', stream = 'live', content = 's/1', address = '192.0.2.7', protocol = 'dns' }";
    assert_eq!(misses(client, &format!("{asked}\nexpect = {{ first = 'b' }}")), [""; 0]);
}

#[test]
fn metrics_are_compared_as_they_are_on_a_node() {
    let cells = |metric: &str, a: &str, b: &str| {
        let rank = format!("[[step]]\ndo = 'rank'\nby = ['{metric}']\n");
        let cell =
            |pathway: &str, value: &str| format!("{{ pathway = '{pathway}', sessions = 2000, {metric} = {value} }}");
        let given = format!("given.cells = [{}, {}]", cell("a", a), cell("b", b));
        misses(&rank, &format!("{given}\nexpect = {{ order = ['b', 'a'] }}"))
    };
    for (metric, worse, better) in [
        ("stall_ratio", "0.05", "0.001"),
        ("start_failures", "0.1", "0.01"),
        ("request_errors", "0.2", "0.01"),
        ("startup_time", "'3s'", "'1s'"),
        ("ttfb", "'600ms'", "'100ms'"),
        ("bitrate", "'2 Mbit/s'", "'6 Mbit/s'"),
        ("throughput", "'5 Mbit/s'", "'20 Mbit/s'"),
    ] {
        assert_eq!(cells(metric, worse, better), [""; 0], "{metric}");
        assert_eq!(cells(metric, better, worse).len(), 1, "{metric}: the better one is first already");
    }
}

#[test]
fn what_no_test_reached_is_named() {
    let chain = "\
[[step]]
do = 'healthy'
[[step]]
do = 'fence'
only = ['a']
when = { country = ['DE'] }
[[step]]
do = 'prefer'
tiers = [['b']]
when = { protocol = ['hls'] }
[[step]]
do = 'explore'
";
    let unreached = |tests: &str| -> Vec<(u32, Branch)> {
        run(&format!("{chain}{tests}")).unreached.into_iter().map(|missing| (missing.line, missing.branch)).collect()
    };
    let (healthy, fence, prefer, explore) = (10, 12, 16, 20);
    let all = [healthy, fence, prefer, explore].map(|line| (line, Branch::Applies));
    assert_eq!(unreached(""), all, "without a test nothing is reached");
    let one = "[[test]]\nname = 't'\ngiven = { down = ['a'] }\nexpect = { first = 'b' }\n";
    assert_eq!(
        unreached(one),
        [
            (healthy, Branch::Panics),
            (fence, Branch::Applies),
            (prefer, Branch::Skips),
            (prefer, Branch::Reorders),
            (explore, Branch::Explores)
        ]
    );
    let more = "[[test]]\nname = 'u'\nclient = { protocol = 'dns', country = 'DE' }\ngiven = { down = ['a', 'b'] }\n\
                expect = { panic = true }\n[[test]]\nname = 'v'\nexpect = { share = { b = 0.98 } }";
    assert_eq!(unreached(&format!("{one}{more}")), []);
}
