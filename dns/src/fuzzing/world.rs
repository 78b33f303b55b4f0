//! The world that queries are made in: two zones, one of them signed, and services in both. Its parts make the world of
//! [`costs`](crate::costs) too.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_steering::{GeoTable, Live, Policy, Service, Snapshot};
use hickory_proto::rr::Name;
use prometheus_client::registry::Registry;

use crate::{
    cookie::Cookies,
    dnssec::{
        budget::Budget,
        cache::Signatures,
        keys::{Algorithm, SigningKey},
        rollover::{Announced, Phase, Plan},
        sign::Signer,
    },
    flatten::{Flattened, PlacedViews, Views},
    limit::{Limiter, Limits},
    metrics::Metrics,
    names::{
        Names,
        build::{Sources, build},
    },
    serving::Serving,
    settings::{Settings, Subnets},
    steered::Steered,
    transfer::{Secondary, Transfers},
    tsig::{self, KeySettings},
    view::{Guards, View},
    wire::name::Key,
    zones::Zone,
};

/// Reads a policy, by its file's name and its text: this room knows no policy language.
pub type Parse = fn(&str, &str) -> Option<Policy>;

/// What both zones have.
const ZONE: &str = concat!(include_str!("../../fuzz/world/zone"), include_str!("../zones/tests/types.zone"));
const POLICIES: [(&str, &str); 4] = [
    ("live.policy.toml", include_str!("../../fuzz/world/live.policy.toml")),
    ("named.policy.toml", include_str!("../../fuzz/world/named.policy.toml")),
    ("apex.policy.toml", include_str!("../../fuzz/world/apex.policy.toml")),
    ("everywhere.policy.toml", include_str!("../../fuzz/world/everywhere.policy.toml")),
];
const NETWORKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/world/networks.csv");
/// PKCS#8 of an Ed25519 key whose secret is all zeros: its signatures take no random number, so that a finding is found again.
const KEY: [u8; 48] = {
    let (head, mut key) = (*b"\x30\x2e\x02\x01\0\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", [0; 48]);
    let mut at = 0;
    while at < head.len() {
        key[at] = head[at];
        at += 1;
    }
    key
};
/// The name and the secret that queries may be signed with.
pub(crate) const TSIG: (&str, &str) = ("key.test.", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
/// Of cookies.
const SECRET: [u8; 16] = [7; 16];

/// A zone, and what signs it.
pub(crate) type Signed = (Arc<Zone>, Option<Arc<Signer>>);

/// A whole server but for its sockets.
pub struct World {
    pub(super) parse: Parse,
    pub(super) geo: Arc<GeoTable>,
    /// Everything allowed and told; and the defaults, with a limit that the second query meets.
    pub(super) servers: [Serving; 2],
}

/// When it is: the time of the seeds.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_780_000_000)
}

/// Limits that hold nobody.
pub(crate) fn unlimited() -> Limits {
    Limits { per_second: 0, amplification: 0, ..Limits::default() }
}

pub(super) fn signer(origin: &Key) -> Option<Arc<Signer>> {
    signer_with(origin, SigningKey::read(Algorithm::Ed25519, &KEY).expect("a key"))
}

pub(crate) fn signer_with(origin: &Key, key: SigningKey) -> Option<Arc<Signer>> {
    let ids = vec![key.id()];
    let announced = Announced::Keys(ids.clone());
    let plan = Plan { phase: Phase::Secure, published: ids.clone(), signing: ids, announced, until: None, task: None };
    Signer::new(origin, &[Arc::new(key)], &plan).map(Arc::new)
}

/// The table of these zones and of all names that the snapshot steers.
pub(crate) fn names(zones: &[Signed], snapshot: &Snapshot) -> Names {
    let (flattened, views) = (Flattened::default(), PlacedViews::new(Views::default(), &snapshot.geo));
    build(Sources {
        zones,
        snapshot,
        steer: &|index, policy, name, origin| Steered::new(index, policy, name, origin, &flattened, &views),
        handed_over: &|_| true,
        signatures: &mut Signatures::default(),
        now: now(),
    })
    .expect("what can be read can be signed")
}

pub(crate) fn view(names: Names, snapshot: Snapshot, settings: Settings, limits: Limits) -> View {
    let keys = [KeySettings {
        name: Name::from_ascii(TSIG.0).expect("a name"),
        algorithm: "hmac-sha256".into(),
        secret: TSIG.1.into(),
    }];
    let secondary = |zones: &str, key| Secondary {
        zones: zones.into(),
        notify: vec![],
        source: None,
        allow: ["0.0.0.0/0", "::/0"].map(|prefix| prefix.parse().expect("a prefix")).into(),
        key,
    };
    let secondaries = [secondary("fairway.test", None), secondary("signed.test", Some(keys[0].name.clone()))];
    let transfers = Transfers::new(&secondaries, tsig::Keys::new(&keys).expect("keys")).expect("secondaries");
    let guards = Guards {
        cookies: Cookies::new(SECRET, vec![[8; 16]]),
        limiter: Limiter::new(limits, SECRET).expect("limits"),
        signatures: Budget::new(1_000_000_000),
    };
    View {
        snapshot: Arc::new(snapshot),
        names: Arc::new(names),
        settings: Arc::new(settings),
        guards: Arc::new(guards),
        transfers: Arc::new(transfers),
    }
}

impl World {
    /// The world, with policies as `parse` reads them.
    pub fn new(parse: Parse) -> Self {
        let geo = Arc::new(GeoTable::load(&[Path::new(NETWORKS).into()], &mut |_| {}).expect("networks"));
        let zones = ["fairway.test", "signed.test"].map(|origin| {
            let zone = Zone::of_text(origin, ZONE.as_bytes()).unwrap_or_else(|mistake| panic!("{mistake}"));
            let signer = Some(Key::new(&zone.origin)).filter(|_| origin == "signed.test").and_then(|key| signer(&key));
            (Arc::new(zone), signer)
        });
        let snapshot = || {
            let policies = POLICIES.iter().map(|(file, text)| parse(file, text).expect(file));
            let services = policies.map(|policy| Service::fresh(Arc::new(policy), now())).collect();
            Snapshot::compile(1, now(), geo.clone(), services)
        };
        let open = Settings {
            identity: "node-1".into(),
            version: "fairway".into(),
            debug: vec!["0.0.0.0/0".parse().expect("a prefix")],
            ..Settings::default()
        };
        let shut =
            Settings { subnets: Subnets::Only(vec!["192.0.2.0/24".parse().expect("a prefix")]), ..Settings::default() };
        let scarce = Limits { per_second: 1, burst: 1, ..Limits::default() };
        let servers = [(open, unlimited()), (shut, scarce)].map(|(settings, limits)| {
            let metrics = Metrics::register(&mut Registry::default());
            let live = Arc::new(Live::new(snapshot(), now()));
            Serving::new(view(names(&zones, &snapshot()), snapshot(), settings, limits), live, metrics, None)
        });
        Self { parse, geo, servers }
    }
}
