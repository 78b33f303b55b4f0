//! What each kind of pathway answers, away from an apex and at one.

use hickory_proto::{
    rr::{Name, Record},
    serialize::binary::BinDecodable,
};

use super::*;
use crate::flatten::Views;

const POLICY: &str = "
names = ['live.example.net']
ttl = '30s'
[[pathway]]
id = 'a'
url = 'https://a.example.net:8443/'
addresses = ['192.0.2.2', '2001:db8::1', '192.0.2.1']
alpn = ['h3', 'http/1.1']
[[pathway]]
id = 'b'
url = 'https://b.example.net/'
cname = 'Edge.CDN-b.example'
[[pathway]]
id = 'c'
url = 'http://c.example.net/'
addresses = ['192.0.2.3']
[[pathway]]
id = 'd'
url = 'http://d.example.net/'
cname = 'd.cdn.example'
[[pathway]]
id = 'e'
url = 'https://e.example.net/'
";

fn key(name: &str) -> Key {
    Key::new(&Name::from_ascii(name).unwrap())
}

fn at(name: &str, flattened: &Flattened) -> Steered {
    let policy = fairway_policies::parse("live.policy.toml", POLICY).unwrap();
    let views = PlacedViews::new(Views::default(), &GeoTable::empty());
    Steered::new(3, &policy, &key(name), &key("example.net."), flattened, &views)
}

/// What a variant answers: type and data.
fn told(variant: &Variant, view: ViewId) -> Vec<(u16, Vec<Vec<u8>>)> {
    variant.sets(view).iter().map(|set| (set.rtype, set.data().map(|data| data.bytes.to_vec()).collect())).collect()
}

fn types(variant: &Variant, view: ViewId) -> Vec<u16> {
    variant.sets(view).iter().map(|set| set.rtype).collect()
}

#[test]
fn a_pathway_is_its_addresses_or_its_canonical_name() {
    let steered = at("live.example.net.", &Flattened::default());
    let [a, b, c, d, e] = &steered.variants[..] else { panic!() };
    let told_a = told(a, 0);
    assert_eq!(told_a[0], (1, vec![vec![192, 0, 2, 2], vec![192, 0, 2, 1]]));
    assert_eq!((told_a[1].0, told_a[1].1.len()), (28, 1));
    assert_eq!(told(b, 0), [(5, vec![b"\x04edge\x05cdn-b\x07example\0".to_vec()])]);
    assert_eq!([c, d, e].map(|variant| types(variant, 0)), [vec![1], vec![5], vec![]]);
    assert!(steered.aliases && b.cname().is_some() && a.cname().is_none());
    assert!(a.sets.iter().all(|set| set.ttl == 30));
    assert_eq!((b.ttl(1, 0, Utc::now()), b.is_unknown(1, 0)), (u32::MAX, false));
    assert_eq!(steered.rtypes(), [1, 28, 64, 65]);
}

#[test]
fn https_records_say_how_a_pathway_is_spoken_to() {
    let steered = at("live.example.net.", &Flattened::default());
    let set = steered.variants[0].set(65, 0).unwrap();
    let data = set.data().next().unwrap().bytes;
    let wanted = [
        &[0, 1, 0][..],
        &[0, 1, 0, 12, 2, b'h', b'3', 8],
        b"http/1.1",
        &[0, 3, 0, 2, 0x20, 0xfb],
        &[0, 4, 0, 8, 192, 0, 2, 2, 192, 0, 2, 1],
        &[0, 6, 0, 16, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ];
    assert_eq!(data, wanted.concat());
    assert_eq!(data, steered.variants[0].set(64, 0).unwrap().data().next().unwrap().bytes);
    let record = [&[0, 0, 64, 0, 1, 0, 0, 0, 30, 0, data.len() as u8], data].concat();
    let shown = Record::from_bytes(&record).unwrap().data.to_string();
    // As hickory writes lists.
    assert_eq!(shown, "1 . alpn=h3,http/1.1, port=8443 ipv4hint=192.0.2.2,192.0.2.1, ipv6hint=2001:db8::1,");
}

#[test]
fn an_apex_has_a_hosts_addresses_and_an_alias() {
    fn known<'a>(addresses: &'a [&'a str]) -> Option<&'a [&'a str]> {
        Some(addresses)
    }
    let host = "edge.cdn-b.example";
    let flattened = Flattened::of(&[
        (host, [known(&["192.0.2.8"]), known(&["2001:db8::8"])]),
        (host, [known(&["192.0.2.9"]), known(&[])]),
        (host, [None, known(&["2001:db8::8"])]),
        ("d.cdn.example", [known(&["192.0.2.7"]), None]),
    ]);
    let steered = at("example.net.", &flattened);
    let [a, b, _, d, _] = &steered.variants[..] else { panic!() };
    assert_eq!(types(a, 0), [1, 28, 64, 65]);
    let alias = b"\0\0\x04edge\x05cdn-b\x07example\0".to_vec();
    let edge =
        |view: ViewId| told(b, view).into_iter().map(|(rtype, data)| (rtype, data[0].clone())).collect::<Vec<_>>();
    let v6 = "2001:db8::8".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec();
    let default = [(1, vec![192, 0, 2, 8]), (28, v6), (64, alias.clone()), (65, alias.clone())];
    assert_eq!(edge(0), default);
    assert_eq!(edge(1), [(1, vec![192, 0, 2, 9]), (64, alias.clone()), (65, alias)]);
    assert_eq!(edge(2), default, "what a view does not know, everybody's does");
    assert_eq!(types(d, 0), [1], "no HTTPS record for what is fetched without TLS");
    assert_eq!(
        [d.is_unknown(1, 0), d.is_unknown(28, 0), b.is_unknown(28, 1), a.is_unknown(28, 0)],
        [false, true, false, false]
    );
    assert_eq!((b.ttl(1, 0, Utc::now()), b.ttl(65, 0, Utc::now())), (5, u32::MAX));
    assert!(!steered.aliases);
    assert_eq!(steered.rtypes(), [1, 28, 64, 65]);
}

#[test]
fn hosts_are_those_of_canonical_names() {
    let policy = fairway_policies::parse("live.policy.toml", POLICY).unwrap();
    assert_eq!(hosts(&policy).collect::<Vec<_>>(), ["edge.cdn-b.example", "d.cdn.example"]);
}

#[test]
fn a_host_that_nobody_knows_answers_nothing() {
    let steered = at("example.net.", &Flattened::default());
    let b = &steered.variants[1];
    assert_eq!((types(b, 0), b.is_unknown(1, 0), b.is_unknown(65, 0)), (vec![], true, false));
    assert_eq!(steered.rtypes(), [1, 28, 64, 65]);
}

#[test]
fn each_set_is_signed_in_every_view() {
    let flattened = Flattened::of(&[
        ("edge.cdn-b.example", [Some(&["192.0.2.8"]), Some(&[])]),
        ("edge.cdn-b.example", [Some(&["192.0.2.9"]), Some(&[])]),
    ]);
    let sign = |set: &Set| Ok::<_, ()>(set.signed(&[vec![7; 64]]));
    let signed = at("example.net.", &flattened).try_map(sign).unwrap();
    let sets: Vec<&Set> = signed.variants.iter().flat_map(Variant::all).collect();
    assert!(sets.len() == 4 + 3 + 3 + 1 && sets.iter().all(|set| set.signed == 1), "{sets:?}");
    assert_eq!(at("example.net.", &flattened).try_map(|_| Err("no key")).unwrap_err(), "no key");
}

#[test]
fn the_decision_has_five_types_and_what_asks_for_any() {
    let steered = Steered::default();
    assert!([1, 28, 5, 64, 65, 255].iter().all(|rtype| steered.answers(*rtype)));
    assert!([2, 6, 15, 16, 33, 47].iter().all(|rtype| !steered.answers(*rtype)));
}
