//! Any text as a policy, and the answers that come of it.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use fairway_steering::{Service, Snapshot};
use hickory_proto::{
    op::{Message, Query},
    rr::{
        Name, RData,
        RecordType::{self, A, AAAA, ANY, CNAME, HTTPS, TXT},
        rdata::opt::{ClientSubnet, EdnsCode, EdnsOption},
    },
};

use super::{
    message::SOURCES,
    reply::{self, Asked},
    world::{Signed, World, names, now, unlimited, view},
};
use crate::{reply::answer, settings::Settings, transport::Transport, view::View, zones::Zone};

/// Its names are in the root zone, so that none is refused.
static ROOT: LazyLock<[Signed; 1]> = LazyLock::new(|| {
    let zone = Zone::of_text(".", b"@ 300 SOA ns.test. admin.test. 1 3600 600 86400 60\n@ 300 NS ns.test.\n");
    [(Arc::new(zone.unwrap_or_else(|mistake| panic!("{mistake}"))), None)]
});

/// Some clients: known ones, neighbours in one known network, unknown ones.
const CLIENTS: [&str; 6] =
    ["192.0.2.0/24", "192.0.2.128/25", "198.51.100.7/32", "203.0.113.0/24", "2001:db8:a::/48", "::/0"];

/// A policy that is taken is answered by what it says, no longer than it says, and the same wherever its scope reaches.
pub fn policy(world: &World, text: &[u8]) {
    let Some(policy) = std::str::from_utf8(text).ok().and_then(|text| (world.parse)("fuzz.policy.toml", text)) else {
        return;
    };
    let policy = Arc::new(policy);
    let snapshot = || Snapshot::compile(1, now(), world.geo.clone(), vec![Service::fresh(policy.clone(), now())]);
    let view = view(names(&*ROOT, &snapshot()), snapshot(), Settings::default(), unlimited());
    let addresses: BTreeSet<IpAddr> = policy.pathways.iter().flat_map(addresses).collect();
    for name in policy.names.iter().take(4) {
        let Ok(mut name) = Name::from_ascii(name) else { continue };
        name.set_fqdn(true);
        for client in CLIENTS {
            let subnet: ClientSubnet = client.parse().expect("a subnet");
            for rtype in [A, AAAA, CNAME, HTTPS, TXT, ANY] {
                let (said, scope) = ask(&view, &name, rtype, subnet);
                assert!(scope == 0 || policy.client_subnet, "a scope of what nobody looked at");
                for record in said.answers.iter().filter(|record| record.name == name) {
                    assert!(record.ttl <= policy.ttl, "{} s", record.ttl);
                    let address = match &record.data {
                        RData::A(a) => IpAddr::V4(a.0),
                        RData::AAAA(a) => IpAddr::V6(a.0),
                        _ => continue,
                    };
                    assert!(addresses.contains(&address), "{address} is no pathway's");
                }
                // The last address for which the same is said to hold.
                if let Some(far) = farthest(subnet.addr(), scope).filter(|_| scope > 0) {
                    let whole = if far.is_ipv4() { 32 } else { 128 };
                    let (other, theirs) = ask(&view, &name, rtype, ClientSubnet::new(far, whole, 0));
                    assert_eq!((&said.answers, scope), (&other.answers, theirs), "{client} and {far}");
                }
            }
        }
    }
}

fn addresses(pathway: &fairway_steering::Pathway) -> Vec<IpAddr> {
    match &pathway.answer {
        fairway_steering::PathwayAnswer::Addresses(addresses) => addresses.to_vec(),
        _ => vec![],
    }
}

/// The last address of the prefix of this length.
fn farthest(address: IpAddr, length: u8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(a) => IpAddr::from((a.to_bits() | u32::MAX.checked_shr(length.into()).unwrap_or(0)).to_be_bytes()),
        IpAddr::V6(a) => IpAddr::from((a.to_bits() | u128::MAX.checked_shr(length.into()).unwrap_or(0)).to_be_bytes()),
    })
}

fn ask(view: &View, name: &Name, rtype: RecordType, subnet: ClientSubnet) -> (Message, u8) {
    let mut message = Message::query();
    message.add_query(Query::query(name.clone(), rtype));
    message.edns.get_or_insert_default().options_mut().insert(EdnsOption::Subnet(subnet));
    let query = message.to_vec().expect("a query");
    let asked = Asked { query: &query, source: SOURCES[0], transport: Transport::Tcp, view };
    let mut out = vec![0; asked.buffer()];
    let outcome = answer(view, &query, asked.source, asked.transport, now(), &mut out).expect("a reply");
    reply::check(&asked, Some(&out[..outcome.length]));
    let said = Message::from_vec(&out[..outcome.length]).expect("checked");
    let scope = match said.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Subnet)) {
        Some(EdnsOption::Subnet(subnet)) => subnet.scope_prefix(),
        _ => panic!("the option comes back"),
    };
    (said, scope)
}
