//! The one form in which records are signed (RFC 4034 §6), so that signer and validator hash the same octets.
//!
//! Names inside the data of some types are lower-cased: those of RFC 4034 §6.2, without NSEC, which RFC 6840 §5.1 took
//! from the list. HINFO stands on that list by mistake; it holds no name. Types that came later are signed as they are.
//!
//! Data that are not what their type demands are left as they are: it is the reader of zones who refuses them.

use crate::wire::name::Key;

/// Where in the data of a type its names begin, and how many there are.
enum Names {
    /// So many, after so many octets.
    After(usize, usize),
    /// One, after an order, a preference and three character-strings (NAPTR, RFC 3403 §4.1).
    AfterStrings,
}

fn names(rtype: u16) -> Option<Names> {
    Some(match rtype {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NXT, DNAME
        2..=5 | 7..=9 | 12 | 30 | 39 => Names::After(0, 1),
        6 | 14 | 17 => Names::After(0, 2),       // SOA, MINFO, RP
        15 | 18 | 21 | 36 => Names::After(2, 1), // MX, AFSDB, RT, KX
        26 => Names::After(2, 2),                // PX
        33 => Names::After(6, 1),                // SRV
        24 | 46 => Names::After(18, 1),          // SIG, RRSIG
        35 => Names::AfterStrings,               // NAPTR
        _ => return None,
    })
}

/// The RDATA in canonical form; `rdata` holds no pointers.
fn canonical(rtype: u16, rdata: &[u8]) -> Vec<u8> {
    let mut data = rdata.to_vec();
    let (mut at, count) = match names(rtype) {
        Some(Names::After(at, count)) => (at, count),
        Some(Names::AfterStrings) => {
            let string = |at: usize| at + 1 + usize::from(rdata.get(at).copied().unwrap_or_default());
            (string(string(string(4))), 1)
        }
        None => return data,
    };
    for _ in 0..count {
        let Some((name, length)) = data.get(at..).and_then(Key::read) else { break };
        data[at..at + length].copy_from_slice(name.as_wire());
        at += length;
    }
    data
}

/// The records of a set as they are signed: in canonical form and order (RFC 4034 §6.3), each once. Who signs a set
/// while somebody waits ([`Signer::sign_into`](super::sign::Signer::sign_into)) keeps its data in this form.
pub(crate) fn canonical_set<'d>(rtype: u16, data: impl Iterator<Item = &'d [u8]>) -> Vec<Vec<u8>> {
    let mut set: Vec<Vec<u8>> = data.map(|rdata| canonical(rtype, rdata)).collect();
    set.sort_unstable();
    set.dedup();
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_where_they_stand() {
        for (rtype, before, after) in [
            (2, &b"\x02Ns\x04TEST\0"[..], &b"\x02ns\x04test\0"[..]),
            (6, b"\x02Ns\0\x02Ad\0ABCD", b"\x02ns\0\x02ad\0ABCD"),
            (15, b"AB\x02Mx\0", b"AB\x02mx\0"),
            (33, b"ABCDEF\x02Mx\0", b"ABCDEF\x02mx\0"),
            (35, b"ABCD\x01U\x03SIP\0\x02Mx\0", b"ABCD\x01U\x03SIP\0\x02mx\0"),
            (46, b"ABCDEFGHIJKLMNOPQR\x02Mx\0SIGNED", b"ABCDEFGHIJKLMNOPQR\x02mx\0SIGNED"),
            (47, b"\x02Ns\0AB", b"\x02Ns\0AB"), // RFC 6840 §5.1
            (16, b"\x02Ns", b"\x02Ns"),
            (64, b"AB\x02Ns\0", b"AB\x02Ns\0"), // SVCB: newer than the list
            (15, b"AB", b"AB"),                 // no name where one should be
            (35, b"AB\xff", b"AB\xff"),
        ] {
            assert_eq!(canonical(rtype, before), after, "{rtype}");
        }
    }

    #[test]
    fn records_are_sorted_as_octets_and_told_once() {
        let set = [&b"\x02Mb\0"[..], b"\x01z\0", b"\x02MB\0", b"\x02ma\0"];
        assert_eq!(canonical_set(2, set.into_iter()), [&b"\x01z\0"[..], b"\x02ma\0", b"\x02mb\0"]);
        let set = [&b"\xff"[..], b"\x01\x02", b"\x01"];
        assert_eq!(canonical_set(1, set.into_iter()), [&b"\x01"[..], b"\x01\x02", b"\xff"]);
    }
}
