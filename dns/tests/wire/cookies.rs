//! Cookies seen from outside (RFC 7873, RFC 9018): made here anew by the standard's description, so that what this server
//! takes is what any other would make.

use std::net::Ipv4Addr;

use chrono::Utc;
use fairway_dns::{Options, cookie::Cookies};
use hickory_proto::op::ResponseCode::{self, BADCOOKIE, NoError};
use siphasher::sip::SipHasher24;

use crate::{
    ask::ask,
    cases::world,
    told::Told,
    transports::{Client, Over},
};

const SECRET: [u8; 16] = *b"the first secret";
const OTHER: [u8; 16] = *b"the other secret";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// RFC 9018 §4: what a server with this secret made for this address, so many seconds ago.
fn made(secret: [u8; 16], version: u8, address: Ipv4Addr, age: i64) -> Vec<u8> {
    let time = (Utc::now().timestamp() - age) as u32;
    let mut cookie = [b"ABCDEFGH" as &[u8], &[version, 0, 0, 0], &time.to_be_bytes()].concat();
    let hash = SipHasher24::new_with_key(&secret).hash(&[&cookie[..], &address.octets()].concat());
    cookie.extend(hash.to_le_bytes());
    cookie
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The code of the reply, whether it was whole, and its cookie.
async fn asked(client: &Client, over: Over, line: &str) -> (ResponseCode, bool, Vec<u8>) {
    let ask = ask(line).over(over);
    let reply = Told::read(client.ask(over, &ask.bytes).await.expect("a reply"));
    reply.lawful(&ask, over).unwrap();
    (reply.code(), !reply.truncated(), reply.option(10).map(<[u8]>::to_vec).unwrap_or_default())
}

fn secrets(options: &mut Options) {
    options.cookies = Cookies::new(SECRET, vec![OTHER]);
    options.rates.exempt.clear();
}

#[tokio::test]
async fn a_good_cookie_is_as_good_as_a_connection_and_a_bad_one_as_none() {
    // Larger replies than queries go only to those who are who they say.
    let world = world(|options| {
        secrets(options);
        options.rates.amplification = 1;
    })
    .await;
    let client = Client::of(&world);
    let mut forged = made(SECRET, 1, HERE, 0);
    forged[23] ^= 1;
    let mut longer = made(SECRET, 1, HERE, 0);
    longer.push(0);
    for (what, cookie, good, kept) in [
        ("fresh", made(SECRET, 1, HERE, 0), true, true),
        ("of twenty minutes", made(SECRET, 1, HERE, 1200), true, true),
        ("getting old: made anew (RFC 9018 §4.3)", made(SECRET, 1, HERE, 2000), true, false),
        ("expired (RFC 9018 §4.3)", made(SECRET, 1, HERE, 3660), false, false),
        ("of clocks that differ a little (RFC 9018 §4.3)", made(SECRET, 1, HERE, -240), true, true),
        ("of the future (RFC 9018 §4.3)", made(SECRET, 1, HERE, -360), false, false),
        ("by the secret before: made anew (RFC 9018 §5)", made(OTHER, 1, HERE, 0), true, false),
        ("by nobody's secret", made([7; 16], 1, HERE, 0), false, false),
        ("another client's (RFC 7873 §5.2.4)", made(SECRET, 1, Ipv4Addr::new(127, 0, 0, 2), 0), false, false),
        ("of another version (RFC 9018 §4.1)", made(SECRET, 2, HERE, 0), false, false),
        ("with one bit turned", forged, false, false),
        ("one octet longer", longer, false, false),
        ("the client's alone", b"ABCDEFGH".to_vec(), false, false),
    ] {
        let line = format!("large.fairway.test. TXT cookie={}", hex(&cookie));
        let (code, whole, back) = asked(&client, Over::Udp, &line).await;
        assert_eq!((code, whole, back == cookie), (NoError, good, kept), "{what}");
        // What came back is good, whatever was sent.
        let line = format!("large.fairway.test. TXT cookie={}", hex(&back));
        assert_eq!(asked(&client, Over::Udp, &line).await, (NoError, true, back), "{what}");
        for over in [Over::Tcp, Over::Tls, Over::Https, Over::Quic] {
            let line = format!("large.fairway.test. TXT cookie={}", hex(&cookie));
            let (code, whole, _) = asked(&client, over, &line).await;
            assert_eq!((code, whole), (NoError, true), "{what}, {over:?} (RFC 7873 §5.2.3)");
        }
    }
}

#[tokio::test]
async fn over_the_rate_a_client_that_knows_cookies_gets_one_and_is_through() {
    let world = world(|options| {
        secrets(options);
        (options.rates.per_second, options.rates.burst, options.rates.slip) = (1, 1, 0);
    })
    .await;
    let client = Client::of(&world);
    let mut told = Vec::new();
    for _ in 0..20 {
        told.push(asked(&client, Over::Udp, "mx.fairway.test. A cookie=4142434445464748").await);
    }
    assert!(told.iter().all(|(code, ..)| [NoError, BADCOOKIE].contains(code)), "{told:?}");
    let refused = told.iter().filter(|(code, ..)| *code == BADCOOKIE).count();
    assert!(refused > 10, "RFC 7873 §5.2.3: {told:?}");
    let good = format!("mx.fairway.test. A cookie={}", hex(&told[19].2));
    for _ in 0..20 {
        assert_eq!(asked(&client, Over::Udp, &good).await.0, NoError);
    }
    for over in [Over::Tcp, Over::Tls, Over::Https, Over::Quic] {
        let told = asked(&client, over, "mx.fairway.test. A cookie=4142434445464748").await;
        assert_eq!(told.0, NoError, "{over:?} (RFC 7873 §5.2.3)");
    }
}
