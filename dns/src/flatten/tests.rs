//! Against a resolver of our own, over real sockets, by a clock that the test moves.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use fairway_steering::{Country, GeoTable, Place};
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{
            CNAME, SOA,
            opt::{EdnsCode, EdnsOption},
        },
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

use super::*;

const HOST: &str = "cdn.example.net";

/// A clock that stands still until it is moved. The second is what the task has seen of it.
#[derive(Clone)]
struct Hand(Arc<watch::Sender<i64>>, Arc<AtomicI64>);

impl Hand {
    fn advance(&self, seconds: i64) {
        self.0.send_modify(|now| *now += seconds * 1000);
    }

    /// Waits until the task has seen the time, and what it does at it is under way.
    async fn seen(&self) {
        while self.1.load(Ordering::Relaxed) != *self.0.borrow() {
            tokio::task::yield_now().await;
        }
        // Each turn lets every task that can go on do so.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(*self.0.borrow()).unwrap()
    }

    async fn until(&self, at_ms: i64) {
        let is_over = |now: &i64| {
            self.1.store(*now, Ordering::Relaxed);
            *now >= at_ms
        };
        self.0.subscribe().wait_for(is_over).await.unwrap();
    }
}

/// What the resolver says of one type, to one subnet.
#[derive(Clone)]
enum Said {
    Addresses(Vec<IpAddr>, u32),
    Nothing(u32),
    Code(ResponseCode),
}

/// A question as it came.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    rtype: RecordType,
    subnet: Option<String>,
    tcp: bool,
    at_ms: i64,
}

#[derive(Default)]
struct Script {
    /// By type and subnet; where a subnet has nothing of its own, what is said to all.
    said: HashMap<(RecordType, Option<String>), Said>,
    cuts_short: bool,
    seen: Vec<Seen>,
}

/// A resolver, over UDP and TCP.
struct Resolver {
    at: SocketAddr,
    script: Arc<Mutex<Script>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Resolver {
    async fn start(clock: &Hand) -> Self {
        let script = Arc::<Mutex<Script>>::default();
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(at).await.unwrap();
        let (by_udp, by_tcp) = (Answering::new(&script, clock), Answering::new(&script, clock));
        let udp = async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                udp.send_to(&by_udp.answer(&buffer[..length], false), from).await.unwrap();
            }
        };
        let tcp = async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let mut query = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut query).await.unwrap();
                let reply = by_tcp.answer(&query, true);
                stream.write_u16(reply.len() as u16).await.unwrap();
                stream.write_all(&reply).await.unwrap();
            }
        };
        let tasks = [tokio::spawn(udp), tokio::spawn(tcp)].map(AbortOnDropHandle::new);
        Self { at, script, _tasks: tasks }
    }

    fn says(&self, rtype: RecordType, subnet: Option<&str>, said: Said) {
        self.script.lock().unwrap().said.insert((rtype, subnet.map(str::to_owned)), said);
    }

    fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }
}

struct Answering {
    script: Arc<Mutex<Script>>,
    clock: Hand,
}

impl Answering {
    fn new(script: &Arc<Mutex<Script>>, clock: &Hand) -> Self {
        Self { script: script.clone(), clock: clock.clone() }
    }

    fn answer(&self, query: &[u8], tcp: bool) -> Vec<u8> {
        let mut message = Message::from_vec(query).unwrap();
        let mut script = self.script.lock().unwrap();
        let question = message.queries[0].clone();
        let rtype = question.query_type();
        let option = message.edns.as_ref().and_then(|edns| edns.option(EdnsCode::Subnet));
        let subnet = match option {
            Some(EdnsOption::Subnet(s)) => Some(format!("{}/{}", s.addr(), s.source_prefix())),
            _ => None,
        };
        let at_ms = self.clock.now().timestamp_millis();
        script.seen.push(Seen { rtype, subnet: subnet.clone(), tcp, at_ms });
        message.metadata.message_type = MessageType::Response;
        message.metadata.recursion_available = true;
        let said = script.said.get(&(rtype, subnet)).or_else(|| script.said.get(&(rtype, None)));
        match said.cloned().unwrap_or(Said::Nothing(60)) {
            _ if script.cuts_short && !tcp => message.metadata.truncation = true,
            Said::Code(code) => message.metadata.response_code = code,
            Said::Nothing(ttl) => {
                let zone = Name::from_ascii("example.net.").unwrap();
                let soa = SOA::new(zone.clone(), zone.clone(), 1, 2, 3, 4, ttl);
                message.authorities.push(Record::from_rdata(zone, 3600, RData::SOA(soa)));
            }
            Said::Addresses(addresses, ttl) => {
                let edge = Name::from_ascii("edge.example.org.").unwrap();
                let alias = RData::CNAME(CNAME(edge.clone()));
                message.answers.push(Record::from_rdata(question.name().clone(), 600, alias));
                let data = addresses.iter().map(|address| match address {
                    IpAddr::V4(a) => RData::A((*a).into()),
                    IpAddr::V6(a) => RData::AAAA((*a).into()),
                });
                message.answers.extend(data.map(|data| Record::from_rdata(edge.clone(), ttl, data)));
            }
        }
        message.to_vec().unwrap()
    }
}

fn addresses(addresses: &[&str], ttl: u32) -> Said {
    Said::Addresses(addresses.iter().map(|a| a.parse().unwrap()).collect(), ttl)
}

fn view(name: &str, country: &str, subnet: &str) -> ViewSettings {
    let countries = vec![country.parse::<Country>().unwrap()];
    ViewSettings { name: name.into(), countries, continents: Vec::new(), subnet: subnet.parse().ok() }
}

struct World {
    clock: Hand,
    resolvers: Vec<Resolver>,
    flattener: Flattener,
}

impl World {
    /// One that wants [`HOST`], whose resolvers have been told what to say by `tell`.
    async fn new<const N: usize>(views: &[ViewSettings], tell: [fn(&Resolver); N]) -> Self {
        let clock = Hand(Arc::new(watch::Sender::new(1_000_000)), Arc::default());
        let mut resolvers = Vec::new();
        for tell in tell {
            resolvers.push(Resolver::start(&clock).await);
            tell(&resolvers[resolvers.len() - 1]);
        }
        let views = Views::new(views).unwrap();
        let settings = FlattenSettings { resolvers: resolvers.iter().map(|r| r.at).collect(), views };
        let flattener = Flattener::start(settings, clock.clone(), || 0.0);
        flattener.want(BTreeSet::from([HOST.to_owned()]));
        assert!(flattener.tried().await);
        Self { clock, resolvers, flattener }
    }

    fn kept(&self, view: ViewId, family: Family) -> Option<Vec<String>> {
        of(&self.flattener.flattened().borrow(), view, family)
    }

    /// Waits until these are the addresses.
    async fn until(&self, family: Family, addresses: Option<&[&str]>) {
        let wanted = addresses.map(|all| all.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        self.flattener.flattened().wait_for(|f| of(f, DEFAULT_VIEW, family) == wanted).await.unwrap();
    }

    fn count(&self) -> u64 {
        let counters = self.flattener.counters();
        counters.answered.load(Ordering::Relaxed) + counters.failed.load(Ordering::Relaxed)
    }

    /// Moves the clock, and waits until so many more questions are answered or given up.
    async fn advance(&self, seconds: i64, questions: u64) {
        let wanted = self.count() + questions;
        self.clock.advance(seconds);
        let answered = async {
            while self.count() < wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), answered).await.expect("as many questions as that");
    }
}

fn of(flattened: &Flattened, view: ViewId, family: Family) -> Option<Vec<String>> {
    Some(flattened.kept(HOST, view, family)?.addresses.iter().map(IpAddr::to_string).collect())
}

fn v4(resolver: &Resolver) {
    resolver.says(RecordType::A, None, addresses(&["192.0.2.2", "192.0.2.1"], 100));
}

#[tokio::test]
async fn addresses_follow_those_of_the_host() {
    let world = World::new(&[], [v4]).await;
    assert_eq!(world.kept(0, Family::V4), Some(vec!["192.0.2.1".into(), "192.0.2.2".into()]));
    assert_eq!(world.kept(0, Family::V6), Some(vec![]), "it is known that there are none");
    let kept = world.flattener.flattened().borrow().kept(HOST, 0, Family::V4).unwrap().clone();
    assert_eq!(kept.ttl(world.clock.now()), 100, "the shortest on the way");
    let resolver = &world.resolvers[0];
    resolver.says(RecordType::A, None, addresses(&["192.0.2.9"], 300));
    resolver.says(RecordType::AAAA, None, addresses(&["2001:db8::9"], 300));
    world.clock.advance(80);
    world.until(Family::V4, Some(&["192.0.2.9"])).await;
    world.until(Family::V6, Some(&["2001:db8::9"])).await;
    let counters = world.flattener.counters();
    assert_eq!(counters.oldest_age_seconds(world.clock.now()), Some(0.0));
    world.clock.advance(30);
    assert_eq!(counters.oldest_age_seconds(world.clock.now()), Some(30.0));
}

#[tokio::test]
async fn the_same_addresses_are_no_change_and_live_on() {
    let world = World::new(&[], [v4]).await;
    let mut changes = world.flattener.flattened();
    let kept = changes.borrow_and_update().kept(HOST, 0, Family::V4).unwrap().clone();
    world.resolvers[0].says(RecordType::A, None, addresses(&["192.0.2.1", "192.0.2.2"], 1000));
    world.advance(80, 2).await;
    assert_eq!(kept.ttl(world.clock.now()), 600, "the alias before them lives for less");
    assert!(!changes.has_changed().unwrap());
}

#[tokio::test]
async fn the_last_good_addresses_are_kept_while_resolution_fails() {
    let world = World::new(&[], [v4]).await;
    world.resolvers[0].says(RecordType::A, None, Said::Code(ResponseCode::ServFail));
    world.advance(80, 2).await;
    for _ in 0..20 {
        world.advance(60, 1).await;
    }
    assert!(world.flattener.counters().failed.load(Ordering::Relaxed) >= 20);
    assert_eq!(world.kept(0, Family::V4).unwrap().len(), 2);
    world.resolvers[0].says(RecordType::A, None, addresses(&["192.0.2.7"], 60));
    world.clock.advance(60);
    world.until(Family::V4, Some(&["192.0.2.7"])).await;
}

#[tokio::test]
async fn a_host_that_is_gone_is_believed_to_be_after_three_times() {
    let world = World::new(&[], [v4]).await;
    world.resolvers[0].says(RecordType::A, None, Said::Code(ResponseCode::NXDomain));
    world.resolvers[0].says(RecordType::AAAA, None, addresses(&["2001:db8::1"], 3600));
    world.advance(80, 2).await;
    world.advance(5, 1).await;
    assert_eq!(world.kept(0, Family::V4).unwrap().len(), 2);
    world.clock.advance(5);
    world.until(Family::V4, Some(&[])).await;
}

#[tokio::test]
async fn each_view_has_what_the_cdn_tells_its_subnet() {
    let views = [view("japan", "JP", "198.51.100.0/24"), view("brazil", "BR", "2001:db8:b::/48")];
    let world = World::new(
        &views,
        [|resolver| {
            resolver.says(RecordType::A, None, addresses(&["192.0.2.1"], 60));
            resolver.says(RecordType::A, Some("198.51.100.0/24"), addresses(&["192.0.2.81"], 60));
            resolver.says(RecordType::AAAA, Some("198.51.100.0/24"), addresses(&["2001:db8::81"], 60));
            resolver.says(RecordType::A, Some("2001:db8:b::/48"), Said::Code(ResponseCode::Refused));
        }],
    )
    .await;
    assert_eq!(world.kept(0, Family::V4), Some(vec!["192.0.2.1".into()]));
    assert_eq!(world.kept(1, Family::V4), Some(vec!["192.0.2.81".into()]));
    assert_eq!([0, 1].map(|view| world.kept(view, Family::V6).unwrap().len()), [0, 1]);
    assert_eq!(
        world.kept(2, Family::V4),
        world.kept(0, Family::V4),
        "what a view does not know, everybody's view does"
    );
    let mut asked: Vec<_> = world.resolvers[0].seen().into_iter().filter_map(|seen| seen.subnet).collect();
    asked.sort();
    assert_eq!(asked, ["198.51.100.0/24", "198.51.100.0/24", "2001:db8:b::/48", "2001:db8:b::/48"]);
}

#[tokio::test]
async fn what_is_cut_short_is_asked_for_over_tcp() {
    let world = World::new(
        &[],
        [|resolver| {
            resolver.script.lock().unwrap().cuts_short = true;
            v4(resolver);
        }],
    )
    .await;
    assert_eq!(world.kept(0, Family::V4).unwrap().len(), 2);
    assert_eq!(world.resolvers[0].seen().iter().filter(|seen| seen.tcp).count(), 2);
}

#[tokio::test]
async fn the_next_resolver_is_asked_where_one_cannot_tell() {
    let refuse: fn(&Resolver) = |resolver| {
        for rtype in [RecordType::A, RecordType::AAAA] {
            resolver.says(rtype, None, Said::Code(ResponseCode::Refused));
        }
    };
    let world = World::new(&[], [refuse, v4]).await;
    assert_eq!(world.kept(0, Family::V4).unwrap().len(), 2);
    assert_eq!(world.flattener.counters().failed.load(Ordering::Relaxed), 0);
    assert_eq!(world.resolvers[0].seen().len(), 2);
}

#[tokio::test]
async fn a_host_that_nobody_resolves_is_unknown_and_not_empty() {
    let world =
        World::new(&[], [|resolver| resolver.says(RecordType::A, None, Said::Code(ResponseCode::ServFail))]).await;
    assert_eq!(world.kept(0, Family::V4), None);
    // 0.0.0.0 is what filtering resolvers say for nothing.
    world.resolvers[0].says(RecordType::A, None, addresses(&["0.0.0.0"], 60));
    world.clock.advance(5);
    world.until(Family::V4, Some(&[])).await;
}

#[tokio::test]
async fn nothing_is_asked_more_often_than_the_floor() {
    let world = World::new(
        &[],
        [|resolver| {
            resolver.says(RecordType::A, None, addresses(&["192.0.2.1"], 0));
            resolver.says(RecordType::AAAA, None, Said::Nothing(0));
        }],
    )
    .await;
    for said in [addresses(&["192.0.2.1"], 1), Said::Nothing(0), Said::Code(ResponseCode::ServFail)] {
        world.resolvers[0].says(RecordType::A, None, said);
        for _ in 0..3 {
            world.clock.advance(4);
            world.clock.seen().await;
            world.advance(1, 1).await;
        }
        world.advance(60, 2).await;
    }
    let seen = world.resolvers[0].seen();
    for rtype in [RecordType::A, RecordType::AAAA] {
        let at: Vec<i64> = seen.iter().filter(|seen| seen.rtype == rtype).map(|seen| seen.at_ms).collect();
        assert!(at.len() > 10, "{at:?}");
        assert!(at.windows(2).all(|two| two[1] - two[0] >= 5000), "{rtype}: {at:?}");
    }
}

#[tokio::test]
async fn what_is_no_longer_wanted_is_forgotten() {
    let world = World::new(&[], [v4]).await;
    world.flattener.want(BTreeSet::new());
    world.until(Family::V4, None).await;
    world.flattener.want(BTreeSet::from([HOST.to_owned()]));
    assert!(world.flattener.tried().await);
    assert_eq!(world.kept(0, Family::V4).unwrap().len(), 2);
}

#[test]
fn an_answer_by_view_holds_where_all_are_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("geo.csv");
    std::fs::write(&file, "192.0.2.0,192.0.2.127,DE\n192.0.2.128,192.0.2.255,JP\n").unwrap();
    let geo = GeoTable::load(&[file], &mut |_| {}).unwrap();
    let views = Views::new(&[view("japan", "JP", "198.51.100.0/24")]).unwrap();
    let placed = PlacedViews::new(views, &geo);
    let scope = |address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let place: Place = geo.locate(address).place;
        (placed.of(&place), placed.scope(&geo, address, &place))
    };
    assert_eq!([scope("192.0.2.1"), scope("192.0.2.200"), scope("10.0.0.1")], [(0, 25), (1, 25), (0, 1)]);
    assert_eq!(
        PlacedViews::new(Views::default(), &geo).scope(&geo, "192.0.2.1".parse().unwrap(), &Place::default()),
        0
    );
}
