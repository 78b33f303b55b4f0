//! Records of one name and type (RFC 2181 §5), in the form in which they are sent.
//!
//! # Compression
//! Names inside the data of the types that RFC 1035 defined may be compressed (RFC 3597 §4). Nearly all of them end in the
//! zone's own origin, and so does the name asked for: such a name is sent as its own labels and a pointer to the origin
//! inside the question. Where the origin begins in each datum is worked out here, once; no table of names is needed when a
//! reply is written.

use hickory_proto::rr::RecordType;

use crate::wire::name::Key;

/// Names that one datum can hold: a SOA has two.
const MAX_TAILS: usize = 2;

/// Records of one name and type, and their signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    /// The type.
    pub(crate) rtype: u16,
    /// Seconds.
    pub(crate) ttl: u32,
    /// How many records.
    pub(crate) count: u16,
    /// How many signatures.
    pub(crate) signed: u16,
    /// Each a [`Rdata`], one after the other: the records, then the RRSIG records that cover them.
    packed: Box<[u8]>,
}

/// One record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rdata<'s> {
    /// Uncompressed, as it was given.
    pub(crate) bytes: &'s [u8],
    /// Where in it a name's ending that is the zone's origin begins; [`NOWHERE`] for what is not.
    pub(crate) tails: [u16; MAX_TAILS],
}

/// No place in a datum.
pub(crate) const NOWHERE: u16 = u16::MAX;

/// Octets of a packed datum's head: its length, and where its tails begin.
const HEAD: usize = 2 + 2 * MAX_TAILS;

impl Set {
    /// The records `data` (RDATA uncompressed, at most 65,535 octets each) in the zone of this origin.
    pub(crate) fn new(rtype: RecordType, ttl: u32, data: &[Vec<u8>], origin: &Key) -> Self {
        let rtype = u16::from(rtype);
        let mut packed = Vec::new();
        for datum in data {
            pack(&mut packed, datum, tails(rtype, datum, origin));
        }
        Self { rtype, ttl, count: data.len() as u16, signed: 0, packed: packed.into() }
    }

    /// The same with these signatures (RRSIG RDATA), instead of those that it had.
    pub(crate) fn signed(&self, signatures: &[Vec<u8>]) -> Self {
        let mut packed = Vec::new();
        for datum in self.data() {
            pack(&mut packed, datum.bytes, datum.tails);
        }
        for signature in signatures {
            pack(&mut packed, signature, [NOWHERE; MAX_TAILS]); // the signer's name is not compressed (RFC 4034 §3.1.7)
        }
        Self { signed: signatures.len() as u16, packed: packed.into(), ..*self }
    }

    /// The records.
    pub(crate) fn data(&self) -> impl Iterator<Item = Rdata<'_>> + Clone {
        self.all().take(usize::from(self.count))
    }

    /// The RDATA of the RRSIG records that cover them; none in a zone that is not signed.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = Rdata<'_>> {
        self.all().skip(usize::from(self.count))
    }

    fn all(&self) -> impl Iterator<Item = Rdata<'_>> + Clone {
        let mut rest = &*self.packed;
        std::iter::from_fn(move || {
            let ([l0, l1, a0, a1, b0, b1], after) = rest.split_first_chunk::<HEAD>()?;
            let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes([*l0, *l1])))?;
            rest = after;
            Some(Rdata { bytes, tails: [u16::from_be_bytes([*a0, *a1]), u16::from_be_bytes([*b0, *b1])] })
        })
    }
}

fn pack(packed: &mut Vec<u8>, datum: &[u8], tails: [u16; MAX_TAILS]) {
    packed.extend((datum.len() as u16).to_be_bytes());
    packed.extend(tails.into_iter().flat_map(u16::to_be_bytes));
    packed.extend(datum);
}

/// Where the names of a datum, in the types whose names may be compressed, come to the origin.
fn tails(rtype: u16, datum: &[u8], origin: &Key) -> [u16; MAX_TAILS] {
    let mut tails = [NOWHERE; MAX_TAILS];
    let (mut at, names) = match RecordType::from(rtype) {
        RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1),
        RecordType::SOA => (0, 2),
        RecordType::MX => (2, 1),
        _ => return tails,
    };
    // A pointer takes as much room as the shortest origin but the root.
    for tail in tails.iter_mut().take(if origin.labels() > 0 { names } else { 0 }) {
        let Some((name, length)) = datum.get(at..).and_then(Key::read) else { break };
        if name.is_within(origin) {
            *tail = (at + name.start(origin.labels())) as u16;
        }
        at += length;
    }
    tails
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(&Name::from_ascii(name).unwrap())
    }

    fn wire(name: &str) -> Vec<u8> {
        key(name).as_wire().to_vec()
    }

    #[test]
    fn data_come_back_as_they_went_in() {
        let data = [b"\x01a".to_vec(), b"\x02bc".to_vec()];
        let set = Set::new(RecordType::TXT, 60, &data, &key("z.test."));
        assert_eq!(set.data().map(|d| d.bytes.to_vec()).collect::<Vec<_>>(), data);
        assert_eq!((set.count, set.signed, set.signatures().count()), (2, 0, 0));
        let signed = set.signed(&[vec![1; 99]]).signed(&[vec![2; 100], vec![3; 64]]);
        assert_eq!(signed.signatures().map(|d| d.bytes.len()).collect::<Vec<_>>(), [100, 64]);
        assert_eq!(signed.data().collect::<Vec<_>>(), set.data().collect::<Vec<_>>());
    }

    #[test]
    fn names_in_the_zone_end_in_its_origin() {
        let origin = key("z.test.");
        let tail = |rtype, datum: &[u8]| tails(rtype, datum, &origin);
        assert_eq!(tail(2, &wire("ns1.z.test.")), [4, NOWHERE]);
        assert_eq!(tail(5, &wire("z.test.")), [0, NOWHERE]);
        assert_eq!(tail(2, &wire("ns1.example.net.")), [NOWHERE; 2]);
        assert_eq!(tail(15, &[&[0, 10][..], &wire("mx.z.test.")].concat()), [5, NOWHERE]);
        let soa = [&wire("ns1.z.test.")[..], &wire("admin.elsewhere.test."), &[0; 20]].concat();
        assert_eq!(tail(6, &soa), [4, NOWHERE]);
        let soa = [&wire("ns1.z.test.")[..], &wire("admin.z.test."), &[0; 20]].concat();
        assert_eq!(tail(6, &soa), [4, 18]);
        assert_eq!(tail(33, &[&[0; 6][..], &wire("srv.z.test.")].concat()), [NOWHERE; 2], "not in SRV (RFC 3597 §4)");
        assert_eq!(tails(2, &wire("ns1.test."), &key(".")), [NOWHERE; 2]);
    }
}
