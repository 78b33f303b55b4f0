//! What a snapshot costs: `cargo bench -p fairway-steering --bench compile`. A thousand services over the real geo data: the
//! first snapshot, then ticks as the control loop has them, from a fetch of all cells to the next snapshot. On one core.
//!
//! At each tick the fetch brings all cells of the window again. Every ten seconds all of them are others, since a bucket
//! has ended; at the four ticks in between, two seconds apart, one in a hundred is.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measure prints what it measured, or says why it cannot"
)]

use std::{
    collections::HashMap,
    hint::black_box,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Asn, Country, GeoTable};
use fairway_policies::{Policy, Rank, StepKind, parse};
use fairway_steering::{
    Audience, Cell, CellRow, Service, Snapshot, Via,
    cells::{news, sorted},
    counters::Counters,
    decide,
    estimates::Estimates,
    snapshot::Inputs,
    standing::{self, Standings},
};

const SERVICES: usize = 1000;
const TICKS: i64 = 20;
/// So many make a bucket.
const TICKS_A_BUCKET: i64 = 5;
/// From one tick to the next.
const TICK: TimeDelta = TimeDelta::seconds(2);

/// xorshift64: the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }

    /// Small numbers far more often than large ones, as traffic is.
    fn skewed(&mut self, limit: usize) -> usize {
        let u = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (u.powi(3) * limit as f64) as usize
    }
}

/// One service between two ticks.
struct Held {
    policy: Arc<Policy>,
    counters: Arc<Counters>,
    rank: Rank,
    step: usize,
    /// How many have traffic.
    audiences: usize,
    estimates: Estimates,
    standings: Arc<Standings>,
}

fn main() {
    let files = GeoTable::default_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let geo = Arc::new(GeoTable::load(&files, &mut |_| {}).expect("the default geo data"));
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let networks = networks(&geo);
    let mut window = Vec::new();
    let start = allocation_counter::measure(|| {});
    let mut held: Vec<Held> = Vec::new();
    let weight = allocation_counter::measure(|| {
        held = (0..SERVICES).map(|n| service(n, &networks, &mut numbers, &mut window, now)).collect();
    });
    let mut rows = Vec::new();
    let fetched = allocation_counter::measure(|| rows = window.clone());
    drop(rows);
    let learnt = weight.bytes_current - fetched.bytes_current - start.bytes_current;
    window.sort_by(|a, b| (&a.service, &a.pathway, a.audience).cmp(&(&b.service, &b.pathway, b.audience)));
    let audiences: usize = held.iter().map(|held| held.audiences).sum();
    let cells = window.len();
    println!("geo                  {}, {} regions", geo.size(), geo.regions().len());
    println!("services             {SERVICES}, with {audiences} audiences and {cells} cells");
    println!("estimates, standings {:.1} KiB a service", learnt as f64 / 1024.0 / SERVICES as f64);

    // Once to time it, once to weigh it.
    let services = gather(&held);
    let start = Instant::now();
    let mut snapshot = Snapshot::compile(1, now, geo.clone(), services);
    println!("compiled from none   {:.2?} (bar: 5 s)", start.elapsed());
    let services = gather(&held);
    let weight = allocation_counter::measure(|| {
        black_box(std::mem::ManuallyDrop::new(Snapshot::compile(1, now, geo.clone(), services)));
    });
    let (classes, exceptions) =
        snapshot.services.iter().map(|s| s.classes()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!(
        "rows                 {:.1} classes and {:.0} exceptions, {:.1} KiB a service",
        classes as f64 / SERVICES as f64,
        exceptions as f64 / SERVICES as f64,
        weight.bytes_current as f64 / 1024.0 / SERVICES as f64
    );

    let policies: Vec<Arc<Policy>> = held.iter().map(|held| held.policy.clone()).collect();
    let mut before = std::mem::take(&mut window);
    let (mut few, mut all) = (Spent::default(), Spent::default());
    for tick in 0..TICKS {
        now += TICK;
        let (count, spent) = match tick % TICKS_A_BUCKET {
            0 => (cells, &mut all),
            _ => (cells / 100, &mut few),
        };
        let mut rows = before.clone();
        change(&mut rows, count, &mut numbers, now);
        let start = Instant::now();
        let news = news(&before, &rows);
        spent.finding.push(start.elapsed());
        let start = Instant::now();
        for (held, rows) in held.iter_mut().zip(sorted(&policies, news.iter().map(|row| &rows[*row]))) {
            held.estimates.hear(rows, now);
        }
        let heard = start.elapsed();
        for held in &mut held {
            held.standings = standing::next(&held.standings, &held.rank, &held.estimates, now).0;
        }
        let stood = start.elapsed();
        snapshot = snapshot.next(now, gather(&held));
        spent.tick.push(start.elapsed());
        spent.compiling.push(start.elapsed() - stood);
        spent.standing.push(stood - heard);
        spent.hearing.push(heard);
        before = rows;
    }
    few.tell("a tick, 1 % of cells", " (bar: 50 ms)");
    all.tell("a tick, all cells", "");
    drop(before);

    let addresses: Vec<IpAddr> = geo.blocks().map(|(net, _)| net.addr()).collect();
    let clients: Vec<_> =
        (0..1 << 18).map(|_| snapshot.client(addresses[numbers.below(addresses.len())], Via::Dns, None)).collect();
    let service = |n: usize| &*snapshot.services[n % 50];
    let each = |start: Instant| start.elapsed().as_nanos() as f64 / clients.len() as f64;
    let start = Instant::now();
    let decisions: Vec<_> =
        clients.iter().enumerate().map(|(n, client)| decide(&snapshot, service(n), client, now, &mut ())).collect();
    println!("a decision           {:.0} ns over all places and 50 services, kept", each(start));
    let start = Instant::now();
    let mut bits = 0;
    for (n, (client, decision)) in clients.iter().zip(&decisions).enumerate() {
        bits += u64::from(black_box(decision.holds(&snapshot, service(n), client, now)).prefix_len());
    }
    println!("its scope            {:.0} ns, a mean /{:.1}", each(start), bits as f64 / clients.len() as f64);
}

/// What ticks took, from the news in a fetch to the next snapshot, and parts of it.
#[derive(Default)]
struct Spent {
    tick: Vec<Duration>,
    finding: Vec<Duration>,
    hearing: Vec<Duration>,
    standing: Vec<Duration>,
    compiling: Vec<Duration>,
}

impl Spent {
    fn tell(&self, what: &str, bar: &str) {
        println!("{what:20} {}{bar}", of(&self.tick));
        println!("  finding the news   {}, off the loop", of(&self.finding));
        println!("  estimates          {}", of(&self.hearing));
        println!("  standings          {}", of(&self.standing));
        println!("  the snapshot       {}, with the end of the one before", of(&self.compiling));
    }
}

/// Best, median and worst: the best is what it costs, the others also what else the machine did.
fn of(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort();
    format!("{:.1?} (median {:.1?}, worst {:.1?})", times[0], times[times.len() / 2], times[times.len() - 1])
}

/// The networks of the world, those with the most IPv4 addresses first.
fn networks(geo: &GeoTable) -> Vec<(Country, Asn)> {
    let mut sizes = HashMap::<(Country, Asn), u64>::new();
    for (net, place) in geo.blocks().filter(|(net, _)| net.addr().is_ipv4()) {
        if let (Some(country), Some(asn)) = (place.country, place.asn) {
            *sizes.entry((country, asn)).or_default() += 1 << (32 - net.prefix_len());
        }
    }
    let mut networks: Vec<_> = sizes.into_iter().collect();
    networks.sort_by_key(|(network, size)| (std::cmp::Reverse(*size), *network));
    networks.into_iter().map(|(network, _)| network).collect()
}

/// Three to five pathways and a chain that is one of four; the first services have the most traffic, and so audiences.
/// Appends what there is to tell of it to `window`.
fn service(
    n: usize,
    networks: &[(Country, Asn)],
    numbers: &mut Numbers,
    window: &mut Vec<CellRow>,
    now: DateTime<Utc>,
) -> Held {
    let mut text = format!("names = [\"s{n}.fairway.test\"]\nttl = \"20s\"\n");
    for id in ["a", "b", "c", "d", "e"].iter().take(3 + n % 3) {
        text +=
            &format!("[[pathway]]\nid = \"{id}\"\nurl = \"http://{id}.fairway.test/\"\naddresses = [\"192.0.2.1\"]\n");
    }
    text += "[[step]]\ndo = \"healthy\"\n";
    text += match n % 4 {
        0 => "[[step]]\ndo = \"fence\"\nnever = [\"b\"]\nwhen = { country = [\"DE\", \"FR\", \"US\"] }\n",
        1 => "[[step]]\ndo = \"prefer\"\ntiers = [[\"c\"]]\nwhen = { asn = [3320, 7018, 7922] }\n",
        _ => "",
    };
    text += "[[step]]\ndo = \"rank\"\nby = [\"stall_ratio\"]\n";
    text += if n % 4 == 3 { "" } else { "[[step]]\ndo = \"weights\"\nshares = { a = 2, b = 1, c = 1 }\n" };
    let policy = parse(&format!("s{n}.policy.toml"), &text).unwrap_or_else(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        unreachable!("{}", said.join("\n"))
    });
    let (step, rank) = policy
        .steps
        .iter()
        .enumerate()
        .find_map(|(step, s)| if let StepKind::Rank(rank) = &s.kind { Some((step, rank.clone())) } else { None })
        .expect("a rank step");

    let most = 100 + 500 / (1 + n / 50);
    let mut own: Vec<(Country, Asn)> = (0..most).map(|_| networks[numbers.skewed(networks.len() / 4)]).collect();
    own.sort();
    own.dedup();
    let mut wider: Vec<Audience> = own.iter().flat_map(|(country, _)| Audience::Country(*country).lineage()).collect();
    wider.sort();
    wider.dedup();
    let own = own.into_iter().map(|(country, asn)| Audience::CountryAsn(country, asn));
    let audiences: Vec<Audience> = wider.into_iter().rev().chain(own).collect();

    let mut estimates = Estimates::new(&rank, policy.pathways.len());
    let pathways = policy.pathways.iter().enumerate();
    let rows: Vec<(usize, CellRow)> = pathways
        .flat_map(|(index, pathway)| audiences.iter().map(move |audience| (index, pathway.id.as_str(), *audience)))
        .map(|(index, pathway, audience)| (index, row(&policy.service, index, pathway, audience, numbers, now)))
        .collect();
    estimates.hear(rows.iter().map(|(pathway, row)| (*pathway, row)), now);
    // Long enough ago that nobody is on the way any more.
    let standings = Arc::new(standing::settled(&rank, &estimates, now - TimeDelta::minutes(10)));
    window.extend(rows.into_iter().map(|(_, row)| row));
    let audiences = audiences.len();
    Held { policy: Arc::new(policy), counters: Arc::default(), rank, step, audiences, estimates, standings }
}

/// What viewers of one audience saw: in every twentieth network and now and then in another, one pathway fails.
fn row(
    service: &str,
    index: usize,
    pathway: &str,
    audience: Audience,
    numbers: &mut Numbers,
    now: DateTime<Utc>,
) -> CellRow {
    let sessions = match audience {
        Audience::World => 100_000,
        Audience::Continent(_) => 10_000,
        Audience::Country(_) => 1_000,
        Audience::CountryAsn(..) => 100,
    };
    let watched_ms = sessions * 10_000;
    let fails = match audience {
        Audience::CountryAsn(_, asn) if index == 0 => asn.0 % 20 == 0 || numbers.below(100) == 0,
        _ => false,
    };
    let stalled_ms = watched_ms / if fails { 10 } else { 200 + numbers.below(50) as u64 };
    let newest_ms = now.timestamp_millis();
    let cell = Cell { sessions, watched_ms, stalled_ms, starts: sessions / 10, newest_ms, ..Cell::default() };
    CellRow { service: service.into(), pathway: pathway.into(), audience, bucket: now.timestamp() / 10 * 10, cell }
}

/// Makes so many of the cells others: in what they saw, or in what they see now.
fn change(rows: &mut [CellRow], count: usize, numbers: &mut Numbers, now: DateTime<Utc>) {
    let (all, bucket) = (count == rows.len(), now.timestamp() / 10 * 10);
    for n in 0..count {
        let at = if all { n } else { numbers.below(rows.len()) };
        let CellRow { cell, bucket: held, .. } = &mut rows[at];
        cell.stalled_ms = (cell.stalled_ms + cell.watched_ms / (2_000 + numbers.below(2_000) as u64)) % cell.watched_ms;
        (cell.newest_ms, *held) = (now.timestamp_millis(), bucket);
    }
}

/// The services as the control loop gathers them.
fn gather(held: &[Held]) -> Vec<Service> {
    let service = |held: &Held| {
        let mut standings = vec![Arc::default(); held.policy.steps.len()];
        standings[held.step] = held.standings.clone();
        let inputs = Inputs { standings, cells_at_ms: held.estimates.newest_ms(), ..Inputs::default() };
        Service::new(held.policy.clone(), inputs, held.counters.clone())
    };
    held.iter().map(service).collect()
}
