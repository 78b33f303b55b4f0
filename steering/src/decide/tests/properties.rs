//! What holds for every policy, every state and every client.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use chrono::TimeDelta;
use fairway_geo::{Asn, Continent, Located, Place};
use fairway_policies::{
    Fence, Healthy, Metric, PathSet, Policy, Prefer, Rank, Step, StepKind, Weights, When,
    model::{MAX_PATHWAYS, PathwayAnswer},
};
use ipnet::IpNet;

use crate::{
    cells::Audience,
    client::{Client, Via},
    decide::{Decision, decide},
    health::{Cause, Health, Verdict},
    snapshot::{Service, Snapshot},
    standing::{Lead, Standing, Standings},
    testing::{Numbers, decision, now, policy, snapshot},
};

const COUNTRIES: [&str; 4] = ["DE", "FR", "BR", "JP"];

fn address(numbers: &mut Numbers) -> IpAddr {
    // Few high bits, so that clients and CIDRs meet; the rest at random.
    match numbers.below(3) {
        0 => {
            let bits = u128::from(numbers.next()) << 64 | u128::from(numbers.next());
            Ipv6Addr::from_bits(bits & (u128::MAX >> 8) | 0x20 << 120).into()
        }
        _ => Ipv4Addr::from_bits(numbers.next() as u32 & 0x0fff_ffff).into(),
    }
}

/// The address with one bit turned over.
fn neighbour(numbers: &mut Numbers, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits() ^ 1 << numbers.below(32)).into(),
        IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() ^ 1 << numbers.below(128)).into(),
    }
}

fn cidr(numbers: &mut Numbers) -> IpNet {
    let address = address(numbers);
    let len = if address.is_ipv4() { numbers.below(33) } else { 8 + numbers.below(60) };
    IpNet::new(address, len as u8).unwrap()
}

/// Where addresses are in these worlds: blocks of several sizes, as in a geo table.
fn locate(address: IpAddr) -> Located {
    let bits = match address {
        IpAddr::V4(a) => u128::from(a.to_bits()) << 96,
        IpAddr::V6(a) => a.to_bits(),
    };
    let (mut len, family) = (6, u64::from(address.is_ipv4()));
    let mut draw = Numbers(((bits >> 122) as u64) << 1 | family).next();
    while len < 20 && draw & 3 != 0 {
        len += 2;
        draw = Numbers(((bits >> (128 - u32::from(len))) as u64) << 8 | u64::from(len) << 1 | family).next();
    }
    let country = COUNTRIES.get((draw >> 8) as usize % 5).and_then(|c| c.parse().ok());
    let asn = (draw & 0x30 != 0).then_some(Asn((draw >> 16) as u32 % 3));
    let continent = country.and_then(|c: fairway_geo::Country| c.continent());
    let place = Place { country, asn, continent, ..Place::default() };
    Located { place, id: None, prefix: IpNet::new(address, len).unwrap().trunc() }
}

fn client<'a>(address: IpAddr, session: Option<&'a str>) -> Client<'a> {
    Client { address: Some(address), located: locate(address), via: Via::Dns, session }
}

fn when(numbers: &mut Numbers) -> When {
    let mut when = When::default();
    // Many are for everyone, so that steps act on each other's work.
    if numbers.chance(40) {
        return when;
    }
    if numbers.chance(30) {
        when.country.push(numbers.pick(&COUNTRIES).parse().unwrap());
    }
    if numbers.chance(15) {
        when.continent.push(*numbers.pick(&[Continent::Eu, Continent::Sa]));
    }
    if numbers.chance(15) {
        when.asn.push(Asn(numbers.below(3) as u32));
    }
    if numbers.chance(40) {
        when.cidr = (0..1 + numbers.below(3)).map(|_| cidr(numbers)).collect();
    }
    when
}

fn step(numbers: &mut Numbers, pathways: usize) -> Step {
    let kind = match numbers.below(5) {
        0 => StepKind::Healthy(Healthy {}),
        1 => StepKind::Fence(Fence { allowed: numbers.set(pathways) }),
        2 => {
            let first = numbers.set(pathways);
            let second = PathSet(numbers.set(pathways).0 & !first.0);
            StepKind::Prefer(Prefer { tiers: vec![first, second] })
        }
        3 => StepKind::Rank(Rank { by: vec![Metric::StallRatio], min_sessions: 25, margin: 0.33, tie: 0.05 }),
        _ => StepKind::Weights(Weights { shares: (0..pathways).map(|_| numbers.below(4) as u32).collect() }),
    };
    Step { kind, when: when(numbers), line: 1 }
}

fn standings(numbers: &mut Numbers, pathways: usize) -> Arc<Standings> {
    let germany = Audience::Country("DE".parse().unwrap());
    let all =
        [Audience::World, germany, germany.parent().unwrap(), Audience::CountryAsn("DE".parse().unwrap(), Asn(1))];
    let mut standings = Standings::new();
    for audience in all {
        if numbers.chance(50) {
            let lead =
                |n: usize| Lead { ahead: (n / pathways) as u8, behind: (n % pathways) as u8, by: Metric::StallRatio };
            let leads =
                (0..pathways * pathways).map(lead).filter(|l| l.ahead != l.behind && numbers.chance(20)).collect();
            standings.insert(audience, Standing::new(vec![None; pathways], leads));
        }
    }
    Arc::new(standings)
}

/// Policies and states, one after the other.
struct Worlds {
    numbers: Numbers,
    /// What the policies are made of: as many pathways as there can be.
    most: Arc<Policy>,
}

impl Worlds {
    fn new(seed: u64) -> Self {
        let ids: Vec<String> = (0..MAX_PATHWAYS).map(|i| format!("p{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Self { numbers: Numbers(seed), most: policy(&ids, "") }
    }

    /// Any policy in any state; a few have many pathways.
    fn next(&mut self) -> Snapshot {
        let numbers = &mut self.numbers;
        let most = if numbers.chance(95) { 5 } else { MAX_PATHWAYS };
        let pathways = 1 + numbers.below(most);
        let steps: Vec<Step> = (0..1 + numbers.below(6)).map(|_| step(numbers, pathways)).collect();
        let verdicts = (0..pathways).map(|_| {
            let since = now() - TimeDelta::seconds(numbers.below(90) as i64);
            Verdict { health: *numbers.pick(&Health::ALL), cause: Cause::Unprobed, since }
        });
        let verdicts = verdicts.collect();
        let standings = steps.iter().map(|_| standings(numbers, pathways)).collect();
        let mut policy = Policy { steps, pathways: self.most.pathways[..pathways].to_vec(), ..(*self.most).clone() };
        policy.pathways[0].answer = PathwayAnswer::None;
        snapshot(Service::new(Arc::new(policy), verdicts, standings, None, Arc::default()))
    }
}

#[test]
fn a_traced_decision_is_the_untraced_one() {
    let mut worlds = Worlds::new(3);
    for _ in 0..4000 {
        let (snapshot, numbers) = (worlds.next(), &mut worlds.numbers);
        let service = &snapshot.services[0];
        let session = numbers.next().to_string();
        let client = client(address(numbers), numbers.chance(50).then_some(&session));
        let mut reports = Vec::new();
        let traced = decide(&snapshot, service, &client, now(), &mut reports);
        assert_eq!(traced, decision(&snapshot, &client));
        assert_eq!(reports.len(), service.policy.steps.len());
        assert_eq!(reports.last().unwrap().after, traced.ranked.to_vec());
        for (report, next) in reports.iter().zip(&reports[1..]) {
            assert_eq!(report.after, next.before);
        }
        for report in &reports {
            let before: Vec<u8> = report.before.iter().map(|c| c.pathway).collect();
            let told: Vec<u8> = report.reasons.iter().map(|r| r.0).take(before.len()).collect();
            assert_eq!(before, told, "one reason for each that stood, in order");
        }
    }
}

#[test]
fn every_pathway_is_ranked_or_aside_or_fenced_out_once() {
    let mut worlds = Worlds::new(4);
    for _ in 0..4000 {
        let snapshot = worlds.next();
        let policy = &snapshot.services[0].policy;
        let client = client(address(&mut worlds.numbers), None);
        let decision = decision(&snapshot, &client);
        let mut allowed: PathSet = (0..policy.pathways.len()).collect();
        for step in &policy.steps {
            let mut scope = crate::decide::scope::Scope::default();
            if let (StepKind::Fence(fence), true) = (&step.kind, scope.matches(&step.when, &client)) {
                allowed.0 &= fence.allowed.0;
            }
        }
        let listed: Vec<usize> = decision.indexes().map(usize::from).collect();
        assert_eq!(listed.len(), allowed.len(), "nobody twice");
        assert_eq!(listed.into_iter().collect::<PathSet>(), allowed, "and nobody forgotten");
        assert_eq!(decision.ranked.is_empty(), allowed.is_empty());
        let tiers: Vec<u8> = decision.ranked.iter().map(|c| c.tier).collect();
        assert!(tiers.first().is_none_or(|t| *t == 0) && tiers.windows(2).all(|w| w[1] == w[0] || w[1] == w[0] + 1));
        assert!((5..=20).contains(&decision.ttl));
        assert!(decision.holds.contains(&client.address.unwrap()));
    }
}

#[test]
fn deciding_allocates_nothing() {
    let mut worlds = Worlds::new(6);
    for _ in 0..500 {
        let snapshot = worlds.next();
        let client = client(address(&mut worlds.numbers), None);
        let allocated = allocation_counter::measure(|| {
            std::hint::black_box(decision(&snapshot, &client));
        });
        assert_eq!(allocated.count_total, 0);
    }
}

/// Brute force: whoever is inside `holds` gets the very same decision, or over DNS the very same answer, `holds` and all;
/// so scopes never overlap differently.
#[test]
fn everyone_in_the_scope_gets_the_same_decision() {
    for via in [Via::Dns, Via::Hls] {
        same_in_scope(via);
    }
}

fn same_in_scope(via: Via) {
    let mut worlds = Worlds::new(5);
    let mut widths = [0; 129];
    for _ in 0..3000 {
        let (snapshot, numbers) = (worlds.next(), &mut worlds.numbers);
        let cidrs: Vec<IpNet> = snapshot.services[0].policy.steps.iter().flat_map(|s| s.when.cidr.clone()).collect();
        let asked = if cidrs.is_empty() { address(numbers) } else { neighbour(numbers, cidrs[0].network()) };
        let decide_for = |address| decision(&snapshot, &Client { via, ..client(address, None) });
        let decided = decide_for(asked);
        let answer = |d: &Decision| (d.for_dns(&snapshot.services[0].policy).map(|a| a.0), d.ttl, d.holds, d.panic);
        widths[usize::from(decided.holds.prefix_len())] += 1;
        let (first, last) = (decided.holds.network(), decided.holds.broadcast());
        let inside = |n: u64| match (first, last) {
            (IpAddr::V4(f), IpAddr::V4(l)) => {
                IpAddr::from(Ipv4Addr::from_bits(f.to_bits() | n as u32 & (f.to_bits() ^ l.to_bits())))
            }
            (IpAddr::V6(f), IpAddr::V6(l)) => {
                let n = u128::from(n) << 64 | u128::from(n.rotate_left(17));
                Ipv6Addr::from_bits(f.to_bits() | n & (f.to_bits() ^ l.to_bits())).into()
            }
            _ => unreachable!("a prefix of one family"),
        };
        for address in [first, last].into_iter().chain((0..30).map(|_| inside(numbers.next()))) {
            let other = decide_for(address);
            match via {
                Via::Dns => assert_eq!(answer(&other), answer(&decided), "{asked} and {address}"),
                _ => assert_eq!(other, decided, "{asked} and {address}"),
            }
        }
    }
    assert!(widths.iter().filter(|n| **n > 0).count() > 30, "scopes of many widths were tried: {widths:?}");
}

#[test]
fn the_scope_is_as_wide_as_the_conditions_allow() {
    let prefer = |when: &str| format!("[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = {when}\n");
    let holds = |when: &str, address: &str| {
        let snapshot = crate::testing::healthy(&policy(&["a", "b"], &prefer(when)));
        decision(&snapshot, &crate::testing::client(address, 20, "DE")).holds.to_string()
    };
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "10.1.2.3"), "10.0.0.0/8", "inside");
    assert_eq!(
        holds("{ cidr = [\"10.0.0.0/8\", \"10.1.0.0/16\"] }", "10.1.2.3"),
        "10.0.0.0/8",
        "inside both: the wider"
    );
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "192.0.2.1"), "128.0.0.0/1", "outside: the half without it");
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "11.0.2.1"), "11.0.0.0/8", "outside, beside it");
    assert_eq!(holds("{ cidr = [\"10.0.0.0/8\"] }", "2001:db8::1"), "::/0", "the other family");
    assert_eq!(holds("{ country = [\"DE\"] }", "192.0.2.1"), "192.0.0.0/20");
    assert_eq!(holds("{ country = [\"FR\"] }", "192.0.2.1"), "192.0.0.0/20");
    assert_eq!(holds("{ country = [\"FR\"], cidr = [\"10.0.0.0/8\"] }", "192.0.2.1"), "128.0.0.0/1", "either suffices");
    assert_eq!(holds("{ country = [\"DE\"], cidr = [\"192.0.2.0/24\"] }", "192.0.2.1"), "192.0.2.0/24");
}

#[test]
fn what_dns_does_not_answer_does_not_narrow_its_scope() {
    let prefer = "[[step]]\ndo = \"prefer\"\ntiers = [[\"b\"]]\nwhen = { country = [\"BR\"] }\n";
    let weights = "[[step]]\ndo = \"weights\"\nshares = { a = 1, b = 1, c = 1 }\n";
    let holds = |steps: &[&str], via| {
        let snapshot = crate::testing::healthy(&policy(&["a", "b", "c"], &steps.concat()));
        let someone = Client { via, ..crate::testing::client("192.0.2.1", 15, "BR") };
        decision(&snapshot, &someone).holds.prefix_len()
    };
    assert_eq!(holds(&[prefer, weights], Via::Dns), 15, "b is alone in front");
    assert_eq!(holds(&[prefer, weights], Via::Hls), 24, "a list has those behind it too");
    assert_eq!(holds(&[weights], Via::Dns), 24);
    let fence = "[[step]]\ndo = \"fence\"\nnever = [\"b\"]\n";
    assert_eq!(holds(&[prefer, weights, fence], Via::Dns), 24, "the first of those who were behind is answered now");
    assert_eq!(holds(&[prefer, weights, weights], Via::Dns), 15);
}
