//! What one untraced decision costs: `cargo bench -p fairway-steering --bench decide`. A hand loop over many clients, the best of
//! some rounds, because a mean would measure the machine's other work. Places are those of the real geo data; to look an
//! address up is the geo room's and not in it.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measure prints what it measured, or says why it cannot"
)]

use std::{hint::black_box, net::IpAddr, path::Path, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Continent, GeoTable};
use fairway_policies::{Metric, StepKind, parse};
use fairway_steering::{
    Audience, Client, Service, Snapshot, Verdict, Via, decide,
    estimates::Known,
    snapshot::{Inputs, Ramp},
    standing::{Lead, Standing, Standings},
};

/// Healthy, prefer by country, rank, weights.
const POLICY: &str = r#"
names = ["live.fairway.test"]
ttl = "20s"
[[pathway]]
id = "cdn-a"
url = "http://cdn-a.fairway.test:8090/"
addresses = ["127.0.1.1"]
[[pathway]]
id = "cdn-b"
url = "http://cdn-b.fairway.test:8090/"
addresses = ["127.0.1.2"]
[[pathway]]
id = "cdn-c"
url = "http://cdn-c.fairway.test:8090/"
addresses = ["127.0.1.3"]
[[step]]
do = "healthy"
[[step]]
do = "prefer"
tiers = [["cdn-a", "cdn-c"], ["cdn-b"]]
when = { country = ["DE", "AT", "CH"] }
[[step]]
do = "rank"
by = ["start_failures", "stall_ratio"]
[[step]]
do = "weights"
shares = { cdn-a = 60, cdn-b = 30, cdn-c = 10 }
"#;

const CLIENTS: usize = 4096;
const ROUNDS: u32 = 300;

fn main() {
    let files = GeoTable::default_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let geo = Arc::new(GeoTable::load(&files, &mut |_| {}).expect("the default geo data"));
    let blocks: Vec<IpAddr> = geo.blocks().map(|(block, _)| block.network()).collect();
    // Golden-ratio steps: all over the table, so that no two neighbours in time are neighbours in memory.
    let addresses = (0..CLIENTS).map(|n| blocks[n.wrapping_mul(0x9e37_79b9) % blocks.len()]);
    let addresses: Vec<IpAddr> = addresses.collect();
    let sessions: Vec<String> = (0..CLIENTS).map(|n| format!("6e2fb550-c457-11e9-bb97-{n:012x}")).collect();
    for (name, text) in [("four steps", POLICY), ("live.policy.toml", include_str!("../../policies/live.policy.toml"))]
    {
        for (state, moving) in [("settled", false), ("in transition", true)] {
            let snapshot = snapshot(&geo, text, moving);
            let client = |via, session: fn(&str) -> Option<&str>| {
                let all = addresses.iter().zip(&sessions);
                all.map(|(address, id)| snapshot.client(*address, via, session(id))).collect::<Vec<_>>()
            };
            let (dns, hls) = (client(Via::Dns, |_| None), client(Via::Hls, |id| Some(id)));
            println!("{name}, {state}:");
            measure("by session", &snapshot, &hls, false);
            measure("by prefix", &snapshot, &dns, false);
            measure("by prefix, with its scope", &snapshot, &dns, true);
        }
    }
}

fn measure(name: &str, snapshot: &Snapshot, clients: &[Client<'_>], scope: bool) {
    let service = &snapshot.services[0];
    let now = now();
    let round = || {
        let start = Instant::now();
        for client in clients {
            let decision = decide(snapshot, service, black_box(client), now, &mut ());
            if scope {
                black_box(decision.holds(snapshot, service, client, now));
            }
            black_box(decision);
        }
        start.elapsed().as_nanos() as f64 / CLIENTS as f64
    };
    let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!("  {name}: {best:.0} ns");
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// In Europe the second passes the first: for all, or for a third of them while another comes back.
fn snapshot(geo: &Arc<GeoTable>, text: &str, moving: bool) -> Snapshot {
    let policy = Arc::new(parse("live.policy.toml", text).expect("a good policy"));
    let lead = Lead { share: if moving { 0.3 } else { 1.0 }, ..Lead::whole(1, 0, Metric::StallRatio) };
    let standings: Arc<Standings> = Arc::new(Standings::from([
        (Audience::World, standing(Vec::new())),
        (Audience::Continent(Continent::Eu), standing(vec![lead])),
    ]));
    let of = |kind: &StepKind| if matches!(kind, StepKind::Rank(_)) { standings.clone() } else { Arc::default() };
    let ramps = [1.0, 1.0, if moving { 0.5 } else { 1.0 }].map(|share| Ramp { share, trial: false });
    let inputs = Inputs {
        verdicts: vec![Verdict::unknown(DateTime::UNIX_EPOCH); policy.pathways.len()],
        ramps: ramps.to_vec(),
        standings: policy.steps.iter().map(|step| of(&step.kind)).collect(),
        ..Inputs::default()
    };
    Snapshot::compile(1, now(), geo.clone(), vec![Service::new(policy, inputs, Arc::default())])
}

fn standing(leads: Vec<Lead>) -> Arc<Standing> {
    let known = |ratio| Some(Known::sure(Audience::World, 100, &[(Metric::StallRatio, ratio)], now()));
    Arc::new(Standing::new(vec![known(0.06), known(0.004), None], leads))
}
