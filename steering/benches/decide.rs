//! What one untraced decision costs: `cargo bench -p fairway-steering`. A hand loop over many clients, the best of some
//! rounds, because a mean would measure the machine's other work. The address's look-up is the geo room's and not in it.

use std::{collections::HashMap, hint::black_box, net::Ipv4Addr, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Asn, Continent, GeoTable, Located, Place};
use fairway_policies::{Metric, parse};
use fairway_steering::{
    Audience, Client, Service, Snapshot, Verdict, Via, decide,
    standing::{Known, Lead, Standing},
};
use ipnet::IpNet;

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

const CLIENTS: u32 = 4096;
const ROUNDS: u32 = 200;

fn main() {
    let policy = match parse("live.policy.toml", POLICY) {
        Ok(policy) => Arc::new(policy),
        Err(problems) => return problems.iter().for_each(|p| eprintln!("{p}")),
    };
    let made_at = DateTime::<Utc>::UNIX_EPOCH;
    let now = made_at + TimeDelta::hours(1);
    let standings = Arc::new(HashMap::from([
        (Audience::World, standing(now, Vec::new())),
        (Audience::Continent(Continent::Eu), standing(now, vec![Lead { ahead: 1, behind: 0, by: Metric::StallRatio }])),
    ]));
    let standings = vec![Arc::default(), Arc::default(), standings, Arc::default()];
    let verdicts = vec![Verdict::unknown(made_at); 3];
    let service = Service::new(policy, verdicts, standings, None, Arc::default());
    let snapshot = Snapshot::compile(1, made_at, Arc::new(GeoTable::empty()), vec![service]);
    let service = &snapshot.services[0];

    let clients: Vec<Client<'_>> = (0..CLIENTS).map(client).collect();
    let sessions: Vec<Client<'_>> =
        clients.iter().map(|c| Client { session: Some("6e2fb550-c457-11e9-bb97-0800200c9a66"), ..*c }).collect();
    for (name, clients) in [("by prefix", &clients), ("by session", &sessions)] {
        let round = || {
            let start = Instant::now();
            for client in clients {
                black_box(decide(&snapshot, service, black_box(client), now, &mut ()));
            }
            start.elapsed().as_nanos() as f64 / f64::from(CLIENTS)
        };
        let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        eprintln!("decide, 3 pathways, 4 steps, {name}: {best:.0} ns");
    }
}

fn standing(at: DateTime<Utc>, leads: Vec<Lead>) -> Standing {
    let known = |ratio| Known {
        most: 50,
        level: Audience::World,
        sessions: 100,
        starts: 100,
        values: vec![(Metric::StallRatio, ratio)],
        at,
    };
    Standing::new(vec![Some(known(0.06)), Some(known(0.004)), None], leads)
}

/// Clients all over the address space, a third of them German.
fn client(n: u32) -> Client<'static> {
    let address = Ipv4Addr::from_bits(n.wrapping_mul(2_654_435_761));
    let country = if n.is_multiple_of(3) { "DE" } else { "FR" };
    let place = Place {
        continent: Some(Continent::Eu),
        country: country.parse().ok(),
        asn: Some(Asn(n % 100)),
        ..Place::default()
    };
    let prefix = IpNet::new(address.into(), 20).map_or(IpNet::from(std::net::IpAddr::from(address)), |p| p.trunc());
    Client { address: Some(address.into()), located: Located { place, id: None, prefix }, via: Via::Dns, session: None }
}
