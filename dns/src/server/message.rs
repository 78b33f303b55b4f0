//! What a transport has to know of a message (RFC 1035 §4.1): found by walking over it, without taking it apart.
//!
//! Each of these runs over octets that anyone may have sent: no step goes back, so that the work is bounded by the
//! length, and what is not as it should be is `None`.

/// Octets of a message's header.
pub(super) const HEADER: usize = 12;

const TYPE_SOA: u16 = 6;
const TYPE_OPT: u16 = 41;
const TYPE_IXFR: u16 = 251;
const TYPE_AXFR: u16 = 252;
/// edns-tcp-keepalive, RFC 7828.
const OPTION_KEEPALIVE: u16 = 11;

/// Whether this is a query for a zone transfer (RFC 5936, RFC 1995), so that only such ones ask twice.
pub(super) fn asks_for_transfer(query: &[u8]) -> bool {
    let question = |query: &[u8]| {
        let mut walk = Walk { message: query, at: HEADER };
        walk.name()?;
        walk.u16()
    };
    count(query, 0) == Some(1) && matches!(question(query), Some(TYPE_IXFR | TYPE_AXFR))
}

/// Whether it carries an edns-tcp-keepalive option.
pub(super) fn has_keepalive(query: &[u8]) -> bool {
    let found = || {
        let mut walk = Walk { message: query, at: HEADER };
        for _ in 0..count(query, 0)? {
            walk.question()?;
        }
        let records = (1..4).map_while(|section| count(query, section)).map(u32::from).sum::<u32>();
        for _ in 0..records {
            let Record { rtype, mut data, .. } = walk.record()?;
            while rtype == TYPE_OPT && !data.is_empty() {
                let (head, rest) = data.split_first_chunk::<4>()?;
                if u16::from_be_bytes([head[0], head[1]]) == OPTION_KEEPALIVE {
                    return Some(());
                }
                data = rest.get(usize::from(u16::from_be_bytes([head[2], head[3]]))..)?;
            }
        }
        None
    };
    found().is_some()
}

/// How long a cache may keep this reply, seconds (RFC 8484 §5.1): the smallest TTL of the answer; where nothing is
/// answered, that of the negative answer (RFC 2308 §5: the SOA's own or its MINIMUM, the smaller), or of the referral. `None`:
/// not at all, as it tells of an error.
pub(super) fn freshness(reply: &[u8]) -> Option<u32> {
    const NOERROR: u8 = 0;
    const NXDOMAIN: u8 = 3;
    let code = reply.get(3)? & 0x0f;
    if code != NOERROR && code != NXDOMAIN {
        return None;
    }
    let mut walk = Walk { message: reply, at: HEADER };
    for _ in 0..count(reply, 0)? {
        walk.question()?;
    }
    let section = if count(reply, 1)? > 0 { 1 } else { 2 };
    let mut least = None;
    for _ in 0..count(reply, section)? {
        let Record { rtype, ttl, data } = walk.record()?;
        let minimum =
            data.last_chunk().filter(|_| rtype == TYPE_SOA && section == 2).map(|last| u32::from_be_bytes(*last));
        let ttl = minimum.map_or(ttl, |minimum| minimum.min(ttl));
        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
    }
    least
}

/// How many entries the header tells of: of questions (0), answers, authorities, additionals (3).
fn count(message: &[u8], section: usize) -> Option<u16> {
    let at = 4 + 2 * section;
    Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?))
}

struct Record<'a> {
    rtype: u16,
    ttl: u32,
    data: &'a [u8],
}

struct Walk<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(octets)?)?;
        self.at += octets;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// Over a name: labels up to the root's, or up to a pointer, which ends it here.
    fn name(&mut self) -> Option<()> {
        loop {
            match self.take(1)?[0] {
                0 => return Some(()),
                length @ 1..=63 => self.take(usize::from(length))?,
                0xc0.. => return self.take(1).map(|_| ()),
                _ => return None,
            };
        }
    }

    fn question(&mut self) -> Option<()> {
        self.name()?;
        self.take(4).map(|_| ())
    }

    fn record(&mut self) -> Option<Record<'a>> {
        self.name()?;
        let rtype = self.u16()?;
        self.take(2)?;
        let ttl = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let length = self.u16()?;
        Some(Record { rtype, ttl, data: self.take(usize::from(length))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x01w\x02ex\x00\x00\x01\x00\x01";

    fn message(code: u8, counts: [u8; 4], body: &[&[u8]]) -> Vec<u8> {
        let header = [0, 0, 0x84, code, 0, counts[0], 0, counts[1], 0, counts[2], 0, counts[3]];
        [&header[..], &body.concat()].concat()
    }

    fn record(rtype: u8, ttl: u8, data: &[u8]) -> Vec<u8> {
        [&[0xc0, 12, 0, rtype, 0, 1, 0, 0, 0, ttl, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn a_reply_is_fresh_for_its_smallest_ttl_a_negative_one_by_its_soa_and_an_error_never() {
        let address = |ttl| record(1, ttl, &[192, 0, 2, 1]);
        let soa = record(6, 90, &[0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 60]);
        let answered = message(0, [1, 2, 1, 0], &[QUESTION, &address(30), &address(20), &address(5)]);
        assert_eq!(freshness(&answered), Some(20));
        assert_eq!(freshness(&message(3, [1, 0, 1, 0], &[QUESTION, &soa])), Some(60));
        assert_eq!(freshness(&message(0, [1, 0, 1, 0], &[QUESTION, &record(2, 70, &[0])])), Some(70));
        assert_eq!(freshness(&message(2, [1, 0, 0, 0], &[QUESTION])), None);
        for cut in 0..answered.len() - 16 {
            assert_eq!(freshness(&answered[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_transfer_is_known_by_its_type() {
        for (rtype, is) in [(1, false), (251, true), (252, true), (255, false)] {
            let query = message(0, [1, 0, 0, 0], &[b"\x02ex\x00\x00", &[rtype], b"\x00\x01"]);
            assert_eq!(asks_for_transfer(&query), is, "type {rtype}");
        }
        assert!(!asks_for_transfer(&message(0, [1, 0, 0, 0], &[b"\x3fex"])));
    }

    #[test]
    fn the_keepalive_option_is_found_after_others() {
        let with = |options: &[u8]| {
            let head = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, options.len() as u8];
            message(0, [1, 0, 0, 1], &[QUESTION, &head, options])
        };
        assert!(has_keepalive(&with(&[0, 3, 0, 1, 7, 0, 11, 0, 0])));
        assert!(!has_keepalive(&with(&[0, 3, 0, 4, 0, 11, 0, 0])));
        assert!(!has_keepalive(&with(&[0, 11])));
    }

    #[test]
    fn octets_of_any_kind_are_walked_over_to_an_end() {
        let address = record(1, 30, &[192, 0, 2, 1]);
        let options = record(41, 0, &[0, 3, 0, 4, 0, 11, 0, 0, 0, 11, 0, 0]);
        let whole = message(0, [1, 2, 1, 1], &[QUESTION, &address, &address, &record(6, 9, &[0; 22]), &options]);
        let mut seed = 1u64;
        let mut below = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        let (mut fresh, mut kept) = (0, 0);
        for _ in 0..200_000 {
            let mut mutated = whole[..=below(whole.len())].to_vec();
            for _ in 0..below(4) {
                let at = below(mutated.len());
                mutated[at] = below(256) as u8;
            }
            fresh += u32::from(freshness(&mutated).is_some());
            kept += u32::from(has_keepalive(&mutated));
            asks_for_transfer(&mutated);
        }
        assert!(fresh > 1_000 && kept > 100, "{fresh} and {kept} came through: the others tell nothing");
    }
}
