//! What is complained of in policies that are policies, and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use fairway_policies::{Code, Problem, lint, parse};

const HEAD: &str = r#"
[[pathway]]
id = "a"
url = "https://a.example.net/"
[[pathway]]
id = "b"
url = "https://b.example.net/"
[[pathway]]
id = "c"
url = "https://c.example.net/"
"#;

/// The warnings about these steps of a service with the pathways a, b and c: code, and the source line they point at.
fn warnings(steps: &str) -> Vec<(Code, String)> {
    found(&format!("{HEAD}{steps}")).into_iter().map(|p| (p.code.unwrap(), p.source.trim().to_owned())).collect()
}

fn found(text: &str) -> Vec<Problem> {
    let policy = parse("t.policy.toml", text).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(Problem::render).collect::<String>());
    });
    lint("t.policy.toml", &policy, "2026-06-15T12:00:00Z".parse().ok())
}

/// One step a line: `kind; keys; when`.
fn chain(lines: &[&str]) -> String {
    let step = |line: &&str| format!("[[step]]\ndo = {}\n", line.replace("; ", "\n"));
    lines.iter().map(step).collect()
}

#[track_caller]
fn says(lines: &[&str], expected: &[(Code, &str)]) {
    let found = warnings(&chain(lines));
    let found: Vec<_> = found.iter().map(|(code, source)| (*code, source.as_str())).collect();
    assert_eq!(found, expected, "{lines:?}");
}

#[test]
fn a_step_that_can_never_apply() {
    let never = |when: &str| {
        let when = format!("when = {{ {when} }}");
        says(&[&format!("'fence'; only = ['a', 'b']; {when}")], &[(Code::NeverApplies, &when)]);
    };
    never("country_not = ['US'], subdivision = ['US-CA']");
    never("continent_not = ['EU'], country = ['DE', 'AT']");
    never("cidr = ['192.0.2.0/25'], cidr_not = ['192.0.2.0/24']");
    never("content = ['sports/final'], content_not = ['sports/']");
    never("protocol = ['dns'], device = ['tv']");
    never("protocol_not = ['hls', 'dash', 'http'], stream = 'live'");
    never("time = [{ until = 2026-06-01T00:00:00Z }]");
    never("time = [{ days = ['sat'], since = 2026-06-16T00:00:00Z, until = 2026-06-19T00:00:00Z }]");
    for when in [
        "continent_not = ['EU'], country = ['DE', 'US']",
        "time = [{ days = ['sat'], since = 2026-06-16T00:00:00Z, until = 2026-06-21T00:00:00Z }]",
        "country = ['US'], subdivision_not = ['US-CA']",
        "protocol = ['dns'], device_not = ['tv']",
        "protocol = ['dns', 'hls'], device = ['tv']",
        "cidr = ['192.0.2.0/24'], cidr_not = ['192.0.2.0/25']",
    ] {
        let found = warnings(&chain(&[&format!("'fence'; only = ['a', 'b']; when = {{ {when} }}")]));
        assert!(found.iter().all(|(code, _)| *code != Code::NeverApplies), "{when}: {found:?}");
    }
}

#[test]
fn a_value_that_changes_nothing() {
    let idle = |when: &str, values: usize| {
        let when = format!("when = {{ {when} }}");
        let found = warnings(&chain(&[&format!("'fence'; only = ['a', 'b']; {when}")]));
        assert_eq!(found, vec![(Code::IdleValue, when.clone()); values], "{when}");
    };
    idle("continent = ['EU'], country_not = ['US', 'DE']", 1);
    idle("continent = ['EU'], country = ['DE', 'JP']", 1);
    idle("cidr = ['10.0.0.0/8', '10.1.0.0/16']", 1);
    idle("content = ['a/', 'a/b', 'c']", 1);
    idle("protocol = ['dns'], protocol_not = ['hls', 'dash']", 2);
    idle("time = [{ until = 2026-06-01T00:00:00Z }, { days = ['sat'] }]", 1);
    idle("country = ['US', 'CA'], subdivision_not = ['US-CA', 'CA-QC']", 0);
    idle("asn = [1, 2], cidr_not = ['2001:db8::/32', '192.0.2.0/24']", 0);
}

#[test]
fn a_step_that_another_has_done_or_undoes() {
    let (de, eu) = ("when = { country = ['DE'] }", "when = { continent = ['EU'] }");
    let for_germany = |step: &str| format!("{step}; {de}");
    let for_europe = |step: &str| format!("{step}; {eu}");
    let [a_de, a_b_de] = ["'prefer'; tiers = [['a']]", "'prefer'; tiers = [['a'], ['b']]"].map(for_germany);
    let [a_eu, b_eu, a_b_eu] =
        ["'prefer'; tiers = [['a']]", "'prefer'; tiers = [['b']]", "'prefer'; tiers = [['a'], ['b']]"].map(for_europe);
    let prefer = (Code::NoEffect, "do = 'prefer'");
    says(&[&a_de, &a_b_eu], &[prefer]);
    says(&[&a_b_eu, &a_de], &[prefer]);
    says(&[&a_de, &b_eu], &[]);
    says(&[&a_eu, &a_b_de], &[]);
    says(&[&b_eu, &a_de], &[]);

    let (ab, abc) = ("'weights'; shares = { a = 1, b = 2 }", "'weights'; shares = { a = 1, b = 2, c = 3 }");
    says(&[&for_germany(ab), abc], &[(Code::NoEffect, "do = 'weights'")]);
    says(&[abc, &for_germany(ab)], &[]);
    says(&[ab, "'limit'; to = 2", abc], &[]);

    let fence = (Code::NoEffect, "do = 'fence'");
    says(&["'fence'; never = ['c']", &for_germany("'fence'; only = ['a', 'b']")], &[fence]);
    says(&[&for_germany("'fence'; only = ['a', 'b']"), "'fence'; never = ['c']"], &[]);
    says(&["'healthy'", "'prefer'; tiers = [['a']]", "'healthy'"], &[(Code::NoEffect, "do = 'healthy'")]);
    says(&["'healthy'", "'fence'; only = ['a', 'b']", "'healthy'"], &[]);
    says(&["'stick'; by = 'prefix'", "'stick'; by = 'session'"], &[(Code::NoEffect, "do = 'stick'")]);
    says(&["'stick'; by = 'prefix'", "'stick'; by = 'content'"], &[]);
}

#[test]
fn a_step_that_changes_nothing_by_itself() {
    says(&["'fence'; only = ['a', 'b', 'c']"], &[(Code::NoEffect, "only = ['a', 'b', 'c']")]);
    says(&["'prefer'; tiers = [['c', 'a', 'b']]"], &[(Code::NoEffect, "tiers = [['c', 'a', 'b']]")]);
    says(&["'limit'; to = 3"], &[(Code::NoEffect, "to = 3")]);
    says(&["'prefer'; tiers = [['a', 'b']]", "'limit'; to = 2"], &[]);
}

#[test]
fn a_value_for_which_an_earlier_step_has_done_the_same() {
    let when = "when = { country = ['DE', 'AT'], device = ['tv'] }";
    let later = format!("'fence'; never = ['c']; {when}");
    let shadowed = (Code::IdleValue, when);
    says(&["'fence'; never = ['b', 'c']; when = { country = ['DE'] }", &later], &[shadowed]);
    says(&["'fence'; never = ['c']; when = { country = ['DE'], device = ['phone'] }", &later], &[]);
    says(&["'fence'; never = ['b']; when = { country = ['DE'] }", &later], &[]);
}

#[test]
fn what_is_said_of_pathways_is_said_once() {
    let dns = "when = { protocol = ['dns'] }";
    let healthy = |keys: &str| format!("'healthy'; {keys}");
    let first = healthy(&format!("ramp = '1m'; {dns}"));
    says(&[&first, &healthy("ramp = '5m'")], &[(Code::SaidBefore, "ramp = '5m'")]);
    says(&[&first, &healthy("availability = 0; panic = 0.5")], &[(Code::SaidBefore, "availability = 0")]);
    says(&[&first, &healthy("ramp = '60s'; panic = 0.5")], &[]);

    let carries = HEAD.replacen("[[pathway]]\n", "[[pathway]]\ncapacity = '1 Gbit/s'\n", 1);
    let fills = chain(&[&format!("'capacity'; fill = 0.5; {dns}"), "'capacity'; fill = 0.9"]);
    let [warning] = &found(&(carries + &fills))[..] else { panic!() };
    assert_eq!(warning.message, "not heeded: for all clients, the step in line 12 says `fill`");
}

#[test]
fn nothing_is_left_to_do_behind_a_limit_of_one() {
    says(&["'limit'; to = 1", "'prefer'; tiers = [['a']]", "'healthy'"], &[(Code::NoEffect, "do = 'prefer'")]);
    says(&["'limit'; to = 2", "'prefer'; tiers = [['a']]"], &[]);
    says(&["'limit'; to = 1; when = { protocol = ['dns'] }", "'prefer'; tiers = [['a']]"], &[]);
    says(&["'limit'; to = 1", "'limit'; to = 2"], &[(Code::NoEffect, "do = 'limit'")]);
}

#[test]
fn fences_that_together_leave_nothing() {
    let text = HEAD.to_owned()
        + &chain(&[
            "'fence'; only = ['a', 'b']; when = { continent = ['EU'] }",
            "'fence'; never = ['b']; when = { asn = [3320, 3321] }",
            "'fence'; only = ['b', 'c']; when = { protocol = ['dns'], country_not = ['FR'] }",
        ]);
    let [warning] = &found(&text)[..] else { panic!("{:?}", found(&text)) };
    assert_eq!((warning.code, warning.line), (Some(Code::NobodyLeft), 19));
    assert_eq!(warning.message, "the fences of lines 11, 15 and 19 leave no pathway");
    let help = warning.help.clone().unwrap();
    assert!(help.starts_with("a client in AD, in AS3320, over dns meets all of them"), "{help}");

    says(
        &[
            "'fence'; only = ['a', 'b']; when = { continent = ['EU'] }",
            "'fence'; never = ['b']; when = { country = ['US'] }",
            "'fence'; only = ['b', 'c']; when = { continent = ['AS'] }",
        ],
        &[],
    );
    let hours = |hours: &str| format!("'fence'; only = ['a', 'b']; when = {{ time = [{{ {hours} }}] }}");
    let other = |hours: &str| format!("'fence'; only = ['c']; when = {{ time = [{{ {hours} }}] }}");
    says(&[&hours("from = '08:00', to = '12:00'"), &other("from = '12:00', to = '18:00'")], &[]);
    let zoned = other("from = '12:00', to = '18:00', zone = 'Europe/Berlin'");
    says(&[&hours("from = '08:00', to = '12:00'"), &zoned], &[(Code::NobodyLeft, "[[step]]")]);
}

#[test]
fn absurdly_many_fences_end() {
    let fences: Vec<String> = (0..60)
        .map(|n| format!("'fence'; never = ['{}']; when = {{ asn_not = [{}] }}", ["a", "b", "c"][n % 3], n + 1))
        .collect();
    let fences: Vec<&str> = fences.iter().map(String::as_str).collect();
    assert_eq!(warnings(&chain(&fences)).len(), 1);
}

#[test]
fn pathways_that_a_fence_has_taken() {
    let gone = |step: &str, key: &str| says(&["'fence'; never = ['c']", step], &[(Code::FencedOut, key)]);
    gone("'prefer'; tiers = [['c'], ['a']]", "tiers = [['c'], ['a']]");
    gone("'weights'; shares = { a = 1, c = 1 }", "shares = { a = 1, c = 1 }");
    says(&["'fence'; never = ['c']", "'weights'; shares = { a = 1, c = 0 }"], &[]);
    says(&["'fence'; never = ['c']; when = { country = ['DE'] }", "'prefer'; tiers = [['c']]"], &[]);
    says(&["'limit'; to = 1", "'fence'; never = ['c']"], &[(Code::FenceTooLate, "[[step]]")]);
    says(&["'limit'; to = 2", "'fence'; never = ['c']"], &[]);
}

#[test]
fn steps_that_go_by_what_nobody_tells() {
    let rank = "'rank'; by = ['throughput', 'bitrate']";
    says(&[rank, "'explore'"], &[(Code::LastMile, "by = ['throughput', 'bitrate']")]);
    says(&["'rank'", "'explore'"], &[]);
    says(&["'rank'"], &[(Code::Unlearnt, "do = 'rank'")]);
    says(&["'rank'; min_sessions = 20000", "'explore'"], &[(Code::Unheard, "min_sessions = 20000")]);

    let located = HEAD.replacen("[[pathway]]\n", "[[pathway]]\nlocation = { lat = 50.1, lon = 8.7 }\n", 1);
    let [warning] = &found(&(located + &chain(&["'nearest'"])))[..] else { panic!() };
    assert_eq!(
        (warning.code, warning.message.as_str()),
        (Some(Code::HalfDeclared), "b or c has no location: it comes last")
    );

    let probed = HEAD.replacen("[[pathway]]\n", "[[pathway]]\nprobe = { url = 'https://a.example.net/ok' }\n", 1);
    assert_eq!(found(&probed)[0].code, Some(Code::Unheeded));
    assert_eq!(found(&(probed + &chain(&["'healthy'"]))), []);
    let one = "[[pathway]]\nid = 'a'\nurl = 'https://a.example.net/'\n";
    assert_eq!(found(one)[0].code, Some(Code::OnePathway));
}
