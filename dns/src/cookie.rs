//! Cookies: who has one of ours is where he says he is (RFC 7873, RFC 9018).
//!
//! A datagram's source can be forged, and so a reply can be aimed at someone who did not ask. A client that sends eight
//! octets of its own gets them back with sixteen of ours; whoever shows both again has seen a reply at that address.
//!
//! # What is in one
//! RFC 9018 §4: version 1, three reserved octets, the second it was made, and SipHash-2-4 with our secret over all of
//! these and the client's octets and address. Nothing is kept about any client, and every server that has the secret,
//! of whatever make, understands the cookies of the others. An IPv4 client of a socket for both families counts as the
//! IPv4 client it is, or the servers of one group would differ.
//!
//! # How long one lives
//! An hour, and five minutes into the future for servers whose clocks differ (RFC 9018 §4.3). It is made anew from half
//! an hour on, so that a client that asks more often than that is never without a good one. Before that it is sent back
//! as it came, if the secret of the day made it.
//!
//! # Secrets
//! The first makes cookies; all are believed. Servers that share secrets change them in the three steps of RFC 9018 §5:
//! the new one is added last everywhere, then put first everywhere, and the old one leaves an hour later. A node on its
//! own draws one and [rotates](Cookies::rotated) it; the one before stays until the next rotation, so rotations are at
//! least an hour apart.
//!
//! # What a cookie is good for here
//! With a good one, a datagram's source is as proven as a connection's: neither response-rate limiting nor the cap on
//! amplification holds for it. A bad or missing one costs nothing in good times: every client begins with none. When a
//! prefix is over its rate, a query with a client cookie and no good server cookie is told BADCOOKIE and a fresh one
//! ([`Cookie::is_refused`]) where others would be dropped: the reply is 16 octets longer than the query at most, which
//! no attacker wants, and a real client is through with its next datagram. Over a connection nobody is told so (RFC
//! 7873 §5.2.3).

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use siphasher::sip::SipHasher24;

/// Octets of a secret (RFC 9018 §4.4).
pub const SECRET: usize = 16;
/// Octets of a client's own part (RFC 7873 §4).
const CLIENT: usize = 8;
/// Octets of a whole cookie of ours.
const WHOLE: usize = 24;
/// The only version there is (RFC 9018 §4.1).
const VERSION: u8 = 1;
/// Seconds for which one is good, RFC 9018 §4.3.
const LIFETIME: i32 = 3600;
/// Seconds after which it is made anew.
const RENEWAL: i32 = 1800;
/// Seconds that another server's clock may be ahead.
const AHEAD: i32 = 300;

/// The secrets of this node.
#[derive(Clone)]
pub struct Cookies {
    first: [u8; SECRET],
    others: Vec<[u8; SECRET]>,
}

/// The option has a length that no cookie has (RFC 7873 §5.2.2); answered by FORMERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A query's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    /// As it came, where that is as long as ours.
    whole: [u8; WHOLE],
    pub(crate) state: State,
}

/// What a query's cookie says of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The client has none of ours yet.
    ClientOnly,
    /// One of ours, made for this source. `renew`: it is getting old, or its secret is.
    Good { renew: bool },
    /// Not ours, not this source's, too old, or of the future.
    Bad,
}

impl Cookies {
    /// The first secret makes cookies; the others are believed too.
    pub fn new(first: [u8; SECRET], others: Vec<[u8; SECRET]>) -> Self {
        Self { first, others }
    }

    /// The same with a new secret, of which the one that was first is kept and others are not. To be done no more often
    /// than once an hour, so that no cookie dies before its time.
    pub fn rotated(&self, fresh: [u8; SECRET]) -> Self {
        Self { first: fresh, others: vec![self.first] }
    }

    /// What the data of a query's cookie option says of its source.
    pub(crate) fn judge(&self, option: &[u8], source: IpAddr, now: DateTime<Utc>) -> Result<Cookie, Malformed> {
        if option.len() != CLIENT && !(16..=40).contains(&option.len()) {
            return Err(Malformed);
        }
        let mut whole = [0; WHOLE];
        let kept = option.len().min(WHOLE);
        whole[..kept].copy_from_slice(&option[..kept]);
        let state = match option.len() {
            CLIENT => State::ClientOnly,
            WHOLE => self.state(&whole, source, now),
            _ => State::Bad, // another server's (RFC 7873 §5.2.4), or of another kind
        };
        Ok(Cookie { whole, state })
    }

    fn state(&self, whole: &[u8; WHOLE], source: IpAddr, now: DateTime<Utc>) -> State {
        let [.., t0, t1, t2, t3, _, _, _, _, _, _, _, _] = *whole;
        // Seconds of 32 bits go round; which of two is the later is told by their difference (RFC 1982).
        let age = seconds(now).wrapping_sub(u32::from_be_bytes([t0, t1, t2, t3])).cast_signed();
        if whole[CLIENT] != VERSION || !(-AHEAD..=LIFETIME).contains(&age) {
            return State::Bad;
        }
        if same(whole, &self.first, source) {
            return State::Good { renew: age > RENEWAL };
        }
        if self.others.iter().any(|secret| same(whole, secret, source)) {
            State::Good { renew: true }
        } else {
            State::Bad
        }
    }

    /// The data of the reply's option: the cookie as it came while it is good for long, else a fresh one.
    pub(crate) fn reply(&self, cookie: &Cookie, source: IpAddr, now: DateTime<Utc>) -> [u8; WHOLE] {
        let mut whole = cookie.whole;
        if cookie.state != (State::Good { renew: false }) {
            whole[CLIENT..][..4].copy_from_slice(&[VERSION, 0, 0, 0]);
            whole[12..16].copy_from_slice(&seconds(now).to_be_bytes());
            let hash = hash(&whole, &self.first, source);
            whole[16..].copy_from_slice(&hash);
        }
        whole
    }
}

/// Shows no secret.
impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cookies({} secrets)", 1 + self.others.len())
    }
}

impl Cookie {
    /// Whether it shows that the source is the client's own.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.state, State::Good { .. })
    }

    /// Whether a datagram with it is told BADCOOKIE when its prefix is over its rate.
    pub(crate) fn is_refused(&self) -> bool {
        !self.is_good()
    }
}

/// Of 32 bits, as cookies have them.
fn seconds(now: DateTime<Utc>) -> u32 {
    now.timestamp() as u32
}

/// Whether the hash in a cookie is that of what stands before it. The time it takes depends on no octet of either.
fn same(whole: &[u8; WHOLE], secret: &[u8; SECRET], source: IpAddr) -> bool {
    let [.., a, b, c, d, e, f, g, h] = *whole;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h]) == u64::from_ne_bytes(hash(whole, secret, source))
}

/// RFC 9018 §4.4, of all but the last eight octets of a cookie.
fn hash(whole: &[u8; WHOLE], secret: &[u8; SECRET], source: IpAddr) -> [u8; 8] {
    let mut input = [0; 16 + 16];
    input[..16].copy_from_slice(&whole[..16]);
    let length = match source.to_canonical() {
        IpAddr::V4(address) => {
            input[16..20].copy_from_slice(&address.octets());
            20
        }
        IpAddr::V6(address) => {
            input[16..].copy_from_slice(&address.octets());
            32
        }
    };
    SipHasher24::new_with_key(secret).hash(&input[..length]).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    const NOW: i64 = 1_559_731_985;

    /// One cookie of our own, for 192.0.2.1, made at [`NOW`].
    fn own() -> (Cookies, IpAddr, [u8; WHOLE]) {
        let (cookies, source) = (Cookies::new([7; 16], vec![]), "192.0.2.1".parse().unwrap());
        let asked = cookies.judge(&[1; 8], source, at(NOW)).unwrap();
        (cookies.clone(), source, cookies.reply(&asked, source, at(NOW)))
    }

    /// RFC 9018, Appendix A.
    #[test]
    fn the_standards_examples_hold() {
        let (one, old, new) = (
            "e5e973e5a6b2a43f48e7dc849e37bfcf",
            "dd3bdf9344b678b185a6f5cb60fca715",
            "445536bcd2513298075a5d379663c962",
        );
        for (secrets, source, query, now, reply) in [
            (&[one][..], "198.51.100.100", "2464c4abcf10c957", NOW, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"),
            (
                &[one],
                "198.51.100.100",
                "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
                1_559_734_385,
                "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
            ),
            (
                &[one],
                "203.0.113.203",
                "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
                1_559_734_700,
                "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
            ),
            (
                &[new, old],
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
                1_559_741_961,
                "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
            ),
        ] {
            let cookies = Cookies::new(octets(secrets[0]), secrets[1..].iter().map(|s| octets(s)).collect());
            let source = source.parse().unwrap();
            let option = octets::<WHOLE>(&format!("{query:0<48}"));
            let cookie = cookies.judge(&option[..query.len() / 2], source, at(now)).unwrap();
            assert_eq!(cookies.reply(&cookie, source, at(now)), octets(reply), "{query}");
            // Its reserved octets count (A.3), and an old secret's is good (A.4): at the time at which each was made.
            if query.len() == 48 {
                let made = i64::from(u32::from_be_bytes(octets(&query[24..32])));
                let renew = secrets.len() > 1;
                assert_eq!(cookies.judge(&option, source, at(made)).unwrap().state, State::Good { renew }, "{query}");
            }
        }
    }

    #[test]
    fn a_cookie_is_good_for_an_hour_and_renewed_from_half_of_it() {
        let (cookies, source, cookie) = own();
        for (age, state) in [
            (-301, State::Bad),
            (-300, State::Good { renew: false }),
            (1800, State::Good { renew: false }),
            (1801, State::Good { renew: true }),
            (3600, State::Good { renew: true }),
            (3601, State::Bad),
        ] {
            let judged = cookies.judge(&cookie, source, at(NOW + age)).unwrap();
            assert_eq!(judged.state, state, "{age}");
            let kept = cookies.reply(&judged, source, at(NOW + age)) == cookie;
            assert_eq!(kept, state == State::Good { renew: false }, "{age}");
        }
    }

    #[test]
    fn seconds_go_round() {
        let (cookies, source, _) = own();
        let end = i64::from(u32::MAX);
        let first = cookies.judge(&[1; 8], source, at(end - 10)).unwrap();
        let cookie = cookies.reply(&first, source, at(end - 10));
        assert_eq!(cookies.judge(&cookie, source, at(end + 60)).unwrap().state, State::Good { renew: false });
    }

    #[test]
    fn another_source_or_one_bit_is_bad() {
        let (cookies, source, cookie) = own();
        assert_eq!(cookies.judge(&cookie, "192.0.2.2".parse().unwrap(), at(NOW)).unwrap().state, State::Bad);
        assert!(cookies.judge(&cookie, "::ffff:192.0.2.1".parse().unwrap(), at(NOW)).unwrap().is_good());
        for bit in 0..WHOLE * 8 {
            let mut cookie = cookie;
            cookie[bit / 8] ^= 1 << (bit % 8);
            assert!(cookies.judge(&cookie, source, at(NOW)).unwrap().is_refused(), "{bit}");
        }
    }

    #[test]
    fn a_rotated_secret_is_believed_once_more() {
        let (cookies, source, cookie) = own();
        let next = cookies.rotated([8; 16]);
        let judged = next.judge(&cookie, source, at(NOW)).unwrap();
        assert_eq!(judged.state, State::Good { renew: true });
        let renewed = next.reply(&judged, source, at(NOW));
        assert_eq!(next.judge(&renewed, source, at(NOW)).unwrap().state, State::Good { renew: false });
        assert_eq!(next.rotated([9; 16]).judge(&cookie, source, at(NOW)).unwrap().state, State::Bad);
    }

    #[test]
    fn lengths_are_those_of_the_standard() {
        let (cookies, source, _) = own();
        for length in 0..=64 {
            let judged = cookies.judge(&vec![1; length], source, at(NOW));
            let state = match length {
                8 => Ok(State::ClientOnly),
                16..=40 => Ok(State::Bad),
                _ => Err(Malformed),
            };
            assert_eq!(judged.map(|c| c.state), state, "{length}");
        }
    }
}
