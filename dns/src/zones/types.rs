//! The types of record, and what the data of each consist of: one table, from which texts are read, generic data are
//! checked and data are compared.
//!
//! The table is our own because hickory reads two dozen types from text, with a relative target in none of SVCB and
//! HTTPS, and neither CDS, DNSKEY, URI, RP nor LOC. A type that is not here is read as RFC 3597 says; a few that hardly a
//! zone holds (WKS, HIP, IPSECKEY) are known by name, but read in that form only.

use std::borrow::Cow;

use super::mistake::Mistake;

/// A part of a record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    U8,
    U16,
    U32,
    /// Seconds, which may be written as `1h30m`.
    Time,
    Ipv4,
    Ipv6,
    /// A name, in lower case when data are compared (RFC 4034 §6.2).
    Name,
    /// A name of a type younger than RFC 3597: compared octet by octet.
    ExactName,
    /// Up to 255 octets, their length before them.
    Text,
    /// The same, where it may be missing.
    OptionalText,
    /// One or more texts.
    Texts,
    /// One text of any length, without it.
    LongText,
    /// Letters and digits, their length before them (RFC 8659 §4.1).
    Tag,
    /// The remaining words, in hex.
    Hex,
    /// The remaining words, in base 64.
    Base64,
    /// A DNSSEC algorithm, by number or name (RFC 4034 appendix A.1).
    Algorithm,
    /// A kind of certificate, by number or name (RFC 4398 §2.1).
    Certificate,
    /// A type of record, by its name.
    TypeCode,
    /// Types of record, as a bitmap (RFC 4034 §4.1.2).
    Bitmap,
    /// Eight octets in four groups (RFC 6742 §2.1.2).
    Groups,
    /// So many octets, written as `00-00-5e-…` (RFC 7043).
    Eui(usize),
    /// RFC 1876.
    Location,
    /// RFC 3123.
    Prefixes,
    /// RFC 9460 §2.1.
    Params,
}

/// What the data of a type consist of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Data {
    Fields(&'static [Field]),
    /// Known by name, read as octets.
    Octets,
    /// A signature or a chain of names: made, not read.
    Signature,
    Dname,
    /// Not data.
    Meta,
}

/// A type of record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    pub(super) code: u16,
    pub(super) data: Data,
}

/// The class of the Internet.
pub(super) const IN: u16 = 1;
pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const SOA: u16 = 6;
pub(super) const MX: u16 = 15;
pub(super) const SRV: u16 = 33;
pub(super) const DS: u16 = 43;

use Field::*;

const KEY: Data = Data::Fields(&[U16, U8, Algorithm, Base64]);
const DIGEST: Data = Data::Fields(&[U16, Algorithm, U8, Hex]);
const ASSOCIATION: Data = Data::Fields(&[U8, U8, U8, Hex]);
const SERVICE: Data = Data::Fields(&[U16, ExactName, Params]);
const TEXTS: Data = Data::Fields(&[Texts]);
const ONE_NAME: Data = Data::Fields(&[Name]);
const TWO_NAMES: Data = Data::Fields(&[Name, Name]);
const PREFERRED: Data = Data::Fields(&[U16, Name]);

/// By number: <https://www.iana.org/assignments/dns-parameters>. First what zones are full of, because it is searched.
const TYPES: &[(u16, &str, Data)] = &[
    (A, "A", Data::Fields(&[Ipv4])),
    (AAAA, "AAAA", Data::Fields(&[Ipv6])),
    (CNAME, "CNAME", ONE_NAME),
    (16, "TXT", TEXTS),
    (MX, "MX", PREFERRED),
    (NS, "NS", ONE_NAME),
    (12, "PTR", ONE_NAME),
    (3, "MD", ONE_NAME),
    (4, "MF", ONE_NAME),
    (SOA, "SOA", Data::Fields(&[Name, Name, U32, Time, Time, Time, Time])),
    (7, "MB", ONE_NAME),
    (8, "MG", ONE_NAME),
    (9, "MR", ONE_NAME),
    (10, "NULL", Data::Octets),
    (11, "WKS", Data::Octets),
    (13, "HINFO", Data::Fields(&[Text, Text])),
    (14, "MINFO", TWO_NAMES),
    (17, "RP", TWO_NAMES),
    (18, "AFSDB", PREFERRED),
    (19, "X25", Data::Fields(&[Text])),
    (20, "ISDN", Data::Fields(&[Text, OptionalText])),
    (21, "RT", PREFERRED),
    (22, "NSAP", Data::Octets),
    (23, "NSAP-PTR", Data::Fields(&[ExactName])),
    (24, "SIG", Data::Signature),
    (25, "KEY", KEY),
    (26, "PX", Data::Fields(&[U16, Name, Name])),
    (27, "GPOS", Data::Fields(&[Text, Text, Text])),
    (29, "LOC", Data::Fields(&[Location])),
    (30, "NXT", Data::Signature),
    (31, "EID", Data::Octets),
    (32, "NIMLOC", Data::Octets),
    (SRV, "SRV", Data::Fields(&[U16, U16, U16, Name])),
    (34, "ATMA", Data::Octets),
    (35, "NAPTR", Data::Fields(&[U16, U16, Text, Text, Text, Name])),
    (36, "KX", PREFERRED),
    (37, "CERT", Data::Fields(&[Certificate, U16, Algorithm, Base64])),
    (38, "A6", Data::Octets),
    (39, "DNAME", Data::Dname),
    (40, "SINK", Data::Octets),
    (41, "OPT", Data::Meta),
    (42, "APL", Data::Fields(&[Prefixes])),
    (DS, "DS", DIGEST),
    (44, "SSHFP", Data::Fields(&[U8, U8, Hex])),
    (45, "IPSECKEY", Data::Octets),
    (46, "RRSIG", Data::Signature),
    (47, "NSEC", Data::Signature),
    (48, "DNSKEY", KEY),
    (49, "DHCID", Data::Fields(&[Base64])),
    (50, "NSEC3", Data::Signature),
    (51, "NSEC3PARAM", Data::Signature),
    (52, "TLSA", ASSOCIATION),
    (53, "SMIMEA", ASSOCIATION),
    (55, "HIP", Data::Octets),
    (56, "NINFO", TEXTS),
    (57, "RKEY", KEY),
    (58, "TALINK", Data::Fields(&[ExactName, ExactName])),
    (59, "CDS", DIGEST),
    (60, "CDNSKEY", KEY),
    (61, "OPENPGPKEY", Data::Fields(&[Base64])),
    (62, "CSYNC", Data::Fields(&[U32, U16, Bitmap])),
    (63, "ZONEMD", Data::Signature),
    (64, "SVCB", SERVICE),
    (65, "HTTPS", SERVICE),
    (66, "DSYNC", Data::Fields(&[TypeCode, U8, U16, ExactName])),
    (67, "HHIT", Data::Fields(&[Base64])),
    (68, "BRID", Data::Fields(&[Base64])),
    (99, "SPF", TEXTS),
    (104, "NID", Data::Fields(&[U16, Groups])),
    (105, "L32", Data::Fields(&[U16, Ipv4])),
    (106, "L64", Data::Fields(&[U16, Groups])),
    (107, "LP", Data::Fields(&[U16, ExactName])),
    (108, "EUI48", Data::Fields(&[Eui(6)])),
    (109, "EUI64", Data::Fields(&[Eui(8)])),
    (128, "NXNAME", Data::Meta),
    (249, "TKEY", Data::Meta),
    (250, "TSIG", Data::Meta),
    (251, "IXFR", Data::Meta),
    (252, "AXFR", Data::Meta),
    (253, "MAILB", Data::Meta),
    (254, "MAILA", Data::Meta),
    (255, "ANY", Data::Meta),
    (256, "URI", Data::Fields(&[U16, U16, LongText])),
    (257, "CAA", Data::Fields(&[U8, Tag, LongText])),
    (258, "AVC", TEXTS),
    (259, "DOA", Data::Octets),
    (260, "AMTRELAY", Data::Octets),
    (261, "RESINFO", TEXTS),
    (262, "WALLET", TEXTS),
    (263, "CLA", TEXTS),
    (264, "IPN", Data::Octets),
    (32768, "TA", DIGEST),
    (32769, "DLV", DIGEST),
];

impl Type {
    /// Of this number.
    pub(super) fn of(code: u16) -> Self {
        let known = TYPES.iter().find(|(c, ..)| *c == code).map(|(.., data)| *data);
        let unknown = if matches!(code, 0 | 128..=255) { Data::Meta } else { Data::Octets }; // RFC 6895 §3.1
        Self { code, data: known.unwrap_or(unknown) }
    }

    /// Of this name, in letters of either case, or `TYPE123`.
    pub(super) fn named(word: &[u8]) -> Option<Self> {
        let known = TYPES.iter().find(|(_, name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        known.map(|(code, _, data)| Self { code: *code, data: *data }).or_else(|| numbered(word, b"TYPE").map(Self::of))
    }

    /// Its name.
    pub(super) fn name(self) -> Cow<'static, str> {
        let known = TYPES.iter().find(|(code, ..)| *code == self.code);
        known.map_or_else(|| format!("TYPE{}", self.code).into(), |(_, name, _)| Cow::Borrowed(*name))
    }

    /// Its fields: none for a type of which only the octets are known.
    pub(super) fn fields(self) -> Option<&'static [Field]> {
        match self.data {
            Data::Fields(fields) => Some(fields),
            _ => None,
        }
    }

    /// Whether a file may hold it.
    pub(super) fn may_be_read(self) -> Result<(), Mistake> {
        match self.data {
            Data::Fields(_) | Data::Octets => Ok(()),
            Data::Signature => Err(Mistake::Signature(self.name().into())),
            Data::Dname => Err(Mistake::Dname),
            Data::Meta => Err(Mistake::Meta(self.name().into())),
        }
    }
}

/// The number of a class: by name (RFC 1035 §3.2.4), or as `CLASS1`.
pub(super) fn class(word: &[u8]) -> Option<u16> {
    const CLASSES: [(&str, u16); 4] = [("IN", IN), ("CS", 2), ("CH", 3), ("HS", 4)];
    let known = CLASSES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
    known.map(|(_, class)| *class).or_else(|| numbered(word, b"CLASS"))
}

/// The number of `TYPE123` or `CLASS1` (RFC 3597 §5).
pub(super) fn numbered(word: &[u8], prefix: &[u8]) -> Option<u16> {
    let (head, digits) = word.split_at_checked(prefix.len())?;
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    head.eq_ignore_ascii_case(prefix).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_names_and_numbers() {
        assert!(TYPES.iter().all(|(code, name, _)| Type::named(name.as_bytes()).is_some_and(|t| t.code == *code)));
        let mut codes: Vec<_> = TYPES.iter().map(|(code, ..)| code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b), "none twice");
        assert_eq!(Type::named(b"https").map(|t| t.name()), Some("HTTPS".into()));
        assert_eq!(Type::named(b"type65534").map(|t| t.name()), Some("TYPE65534".into()));
        assert_eq!(Type::named(b"TYPE1").map(|t| t.name()), Some("A".into()));
        for nothing in ["", "TYPE", "TYPE65536", "TYPE+1", "TYPE-1", "Ä", "NAPTRS"] {
            assert!(Type::named(nothing.as_bytes()).is_none(), "{nothing}");
        }
        for (name, may) in [("A", true), ("TYPE999", true), ("WKS", true), ("TYPE200", false), ("TYPE0", false)] {
            assert_eq!(Type::named(name.as_bytes()).is_some_and(|t| t.may_be_read().is_ok()), may, "{name}");
        }
    }
}
