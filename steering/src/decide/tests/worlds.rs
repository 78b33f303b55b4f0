//! Policies, states and clients of every kind, at random.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use fairway_geo::{Asn, Continent, Coordinates, Located, Place};
use fairway_policies::{
    Capacity, Cheapest, Device, Explore, Fence, Healthy, Limit, Metric, Nearest, PathSet, Policy, Prefer, Protocol,
    Step, StepKind, Stick, StickBy, Stream, Weights, When,
    model::{MAX_PATHWAYS, PathwayAnswer},
};
use ipnet::IpNet;

use crate::{
    cells::Audience,
    client::{Client, Via},
    health::{Cause, Health, Verdict},
    overrides::{Force, Override, OverridePlace},
    snapshot::{Inputs, Ramp, Service, Snapshot},
    standing::{Lead, Standing, Standings},
    testing::{Numbers, now, policy, snapshot},
};

const COUNTRIES: [&str; 4] = ["DE", "FR", "BR", "JP"];
const VIAS: [Via; 4] = [Via::Dns, Via::Hls, Via::Dash, Via::Http];

pub fn address(numbers: &mut Numbers) -> IpAddr {
    // Few high bits, so that clients and CIDRs meet; the rest at random.
    match numbers.below(3) {
        0 => {
            let bits = u128::from(numbers.next()) << 64 | u128::from(numbers.next());
            Ipv6Addr::from_bits(bits & (u128::MAX >> 8) | 0x20 << 120).into()
        }
        _ => Ipv4Addr::from_bits(numbers.next() as u32 & 0x0fff_ffff).into(),
    }
}

fn cidr(numbers: &mut Numbers) -> IpNet {
    let address = address(numbers);
    let len = if address.is_ipv4() { numbers.below(33) } else { 8 + numbers.below(60) };
    IpNet::new(address, len as u8).unwrap()
}

/// Where addresses are in these worlds: blocks of several sizes, as in a geo table.
pub fn locate(address: IpAddr) -> Located {
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
    let coordinates = (draw & 0x40 != 0).then_some(Coordinates {
        latitude: (draw >> 20) as f32 % 90.0,
        longitude: (draw >> 24) as f32 % 360.0 - 180.0,
    });
    let place = Place { country, asn, continent, coordinates, ..Place::default() };
    Located { place, id: None, prefix: IpNet::new(address, len).unwrap().trunc() }
}

/// A client that owns what it is made of.
pub struct Someone {
    pub address: IpAddr,
    pub via: Via,
    session: Option<String>,
    content: Option<String>,
    device: Option<Device>,
    stream: Option<Stream>,
    buffer_ms: Option<u32>,
}

impl Someone {
    pub fn as_client(&self) -> Client<'_> {
        Client {
            session: self.session.as_deref(),
            content: self.content.as_deref(),
            device: self.device,
            stream: self.stream,
            buffer_ms: self.buffer_ms,
            ..Client::new(Some(self.address), locate(self.address), self.via)
        }
    }

    /// The same at another address.
    pub fn at(&self, address: IpAddr) -> Client<'_> {
        Client { address: Some(address), located: locate(address), ..self.as_client() }
    }
}

/// Policies and states, one after the other.
pub struct Worlds {
    pub numbers: Numbers,
    /// What the policies are made of: as many pathways as there can be, and a `rank`.
    most: Arc<Policy>,
}

impl Worlds {
    pub fn new(seed: u64) -> Self {
        let ids: Vec<String> = (0..MAX_PATHWAYS).map(|i| format!("p{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Self { numbers: Numbers(seed), most: policy(&ids, "[[step]]\ndo = \"rank\"\n") }
    }

    pub fn client(&mut self) -> Someone {
        let numbers = &mut self.numbers;
        let via = *numbers.pick(&VIAS);
        let session = (via != Via::Dns && numbers.chance(70)).then(|| numbers.next().to_string());
        let content = (via != Via::Dns && numbers.chance(50)).then(|| format!("{}/x", numbers.pick(&["news", "film"])));
        let (device, stream) = (numbers.chance(50).then_some(Device::Tv), numbers.chance(50).then_some(Stream::Live));
        let buffer_ms = numbers.chance(50).then(|| numbers.below(20_000) as u32);
        Someone { address: address(numbers), via, session, content, device, stream, buffer_ms }
    }

    /// A client with no session, over DNS or not.
    pub fn resolver(&mut self, via: Via) -> Someone {
        let (session, content, device, stream, buffer_ms) = (None, None, None, None, None);
        Someone { address: address(&mut self.numbers), via, session, content, device, stream, buffer_ms }
    }

    /// Any policy in any state; a few have many pathways.
    pub fn next(&mut self) -> Snapshot {
        let numbers = &mut self.numbers;
        let most = if numbers.chance(95) { 5 } else { MAX_PATHWAYS };
        let pathways = 1 + numbers.below(most);
        let steps: Vec<Step> =
            (0..1 + numbers.below(6)).map(|_| step(numbers, pathways, &self.most.steps[0].kind)).collect();
        let mut policy = Policy { steps, pathways: self.most.pathways[..pathways].to_vec(), ..(*self.most).clone() };
        policy.pathways[0].answer = PathwayAnswer::None;
        for pathway in &mut policy.pathways {
            let [latitude, longitude] = [numbers.below(180) as f32 - 90.0, numbers.below(360) as f32 - 180.0];
            pathway.location = numbers.chance(70).then_some(Coordinates { latitude, longitude });
        }
        let inputs = inputs(numbers, &policy);
        snapshot(Service::new(Arc::new(policy), inputs, Arc::default()))
    }
}

fn when(numbers: &mut Numbers) -> When {
    let mut when = When::default();
    // Many are for everyone, so that steps act on each other's work.
    if numbers.chance(40) {
        return when;
    }
    let not = numbers.chance(30);
    fn put<T>(matcher: &mut fairway_policies::Matcher<T>, not: bool, value: T) {
        if not { matcher.not.push(value) } else { matcher.any.push(value) }
    }
    if numbers.chance(30) {
        put(&mut when.country, not, numbers.pick(&COUNTRIES).parse().unwrap());
    }
    if numbers.chance(15) {
        put(&mut when.continent, not, *numbers.pick(&[Continent::Eu, Continent::Sa]));
    }
    if numbers.chance(15) {
        put(&mut when.asn, not, Asn(numbers.below(3) as u32));
    }
    if numbers.chance(40) {
        (0..1 + numbers.below(3)).for_each(|_| put(&mut when.cidr, not, cidr(numbers)));
    }
    if numbers.chance(10) {
        put(&mut when.protocol, not, *numbers.pick(&[Protocol::Dns, Protocol::Hls]));
    }
    if numbers.chance(10) {
        put(&mut when.device, not, Device::Tv);
    }
    if numbers.chance(10) {
        put(&mut when.content, not, "news/".into());
    }
    if numbers.chance(5) {
        when.stream = Some(Stream::Live);
    }
    when
}

fn step(numbers: &mut Numbers, pathways: usize, rank: &StepKind) -> Step {
    let share = |numbers: &mut Numbers| numbers.below(11) as f64 / 10.0;
    let kind = match numbers.below(13) {
        0 => StepKind::Healthy(Healthy { panic: share(numbers), availability: None, ramp: Duration::ZERO }),
        1 => StepKind::Fence(Fence { allowed: numbers.set(pathways) }),
        2 => {
            let first = numbers.set(pathways);
            let second = PathSet(numbers.set(pathways).0 & !first.0);
            StepKind::Prefer(Prefer { tiers: vec![first, second] })
        }
        3 | 4 => rank.clone(),
        5 => {
            let bias = (0..pathways).map(|_| numbers.below(1000) as f64 - 500.0).collect();
            StepKind::Nearest(Nearest { bias, same: numbers.below(5000) as f64 })
        }
        6 => StepKind::Cheapest(Cheapest { tie: share(numbers) / 2.0 }),
        7 => StepKind::Capacity(Capacity { fill: 0.9 }),
        8 => StepKind::Explore(Explore { share: share(numbers), every: Duration::from_secs(60) }),
        9 => StepKind::Stick(Stick { by: *numbers.pick(&[StickBy::Session, StickBy::Prefix, StickBy::Content]) }),
        10 => StepKind::Limit(Limit { to: 1 + numbers.below(4) as u32 }),
        _ => StepKind::Weights(Weights { shares: (0..pathways).map(|_| numbers.below(4) as u32).collect() }),
    };
    Step { kind, when: when(numbers), line: 1 }
}

pub fn inputs(numbers: &mut Numbers, policy: &Policy) -> Inputs {
    let pathways = policy.pathways.len();
    let mut each =
        |of: &mut dyn FnMut(&mut Numbers) -> f32| -> Vec<f32> { (0..pathways).map(|_| of(numbers)).collect() };
    let part = &mut |numbers: &mut Numbers| if numbers.chance(70) { 1.0 } else { numbers.below(11) as f32 / 10.0 };
    let (ramps, admits) = (each(part), each(part));
    let verdicts = (0..pathways).map(|_| {
        let since = now() - TimeDelta::seconds(numbers.below(90) as i64);
        Verdict { health: *numbers.pick(&Health::ALL), cause: Cause::Unprobed, since }
    });
    let verdicts = verdicts.collect();
    let ramps = ramps.into_iter().map(|share| Ramp { share, trial: share < 1.0 && numbers.chance(30) }).collect();
    let prices = (0..pathways).map(|_| numbers.chance(70).then(|| numbers.below(5) as f64)).collect();
    let standings = policy.steps.iter().map(|_| standings(numbers, pathways)).collect();
    let overrides = (0..numbers.below(8).saturating_sub(5)).map(|_| order(numbers, pathways)).collect();
    Inputs { verdicts, ramps, standings, admits, prices, overrides, ..Inputs::default() }
}

fn order(numbers: &mut Numbers, pathways: usize) -> Override {
    let pathway = if numbers.chance(20) { "*".into() } else { format!("p{}", numbers.below(pathways)) };
    let country = numbers.chance(50).then(|| numbers.pick(&COUNTRIES).parse().unwrap());
    let forces = [Force::Up, Force::Down, Force::Drained, Force::Share(0.3), Force::Share(0.8)];
    Override {
        id: numbers.below(100) as u64,
        service: "*".into(),
        pathway,
        place: OverridePlace { country, ..OverridePlace::default() },
        force: *numbers.pick(&forces),
        author: "ana".into(),
        reason: "a test".into(),
        since: now() - TimeDelta::seconds(numbers.below(90) as i64),
        expires: numbers.chance(30).then(|| now() + TimeDelta::seconds(numbers.below(40) as i64 - 20)),
    }
}

fn standings(numbers: &mut Numbers, pathways: usize) -> Arc<Standings> {
    let germany = Audience::Country("DE".parse().unwrap());
    let all =
        [Audience::World, germany, germany.parent().unwrap(), Audience::CountryAsn("DE".parse().unwrap(), Asn(1))];
    let mut standings = Standings::new();
    for audience in all {
        if numbers.chance(50) {
            let mut lead = |n: usize| {
                let share = if numbers.chance(60) { 1.0 } else { (1 + numbers.below(9)) as f32 / 10.0 };
                let lead = Lead::whole((n / pathways) as u8, (n % pathways) as u8, Metric::StallRatio);
                (lead.ahead != lead.behind && numbers.chance(20)).then_some(Lead { share, ..lead })
            };
            let leads = (0..pathways * pathways).filter_map(&mut lead).collect();
            standings.insert(audience, Arc::new(Standing::new(vec![None; pathways], leads)));
        }
    }
    Arc::new(standings)
}
