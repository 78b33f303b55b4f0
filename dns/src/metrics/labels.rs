//! What is told apart: closed lists, so that no stranger can make a series. What is in none of them is `other`.

/// Types by name, in no order that matters.
pub(super) const TYPES: [(u16, &str); 23] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

/// Response codes that this server has a use for.
pub(super) const CODES: [(u16, &str); 9] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (9, "NOTAUTH"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

/// By their codes, in their order; and those that no database knows.
pub(super) const CONTINENTS: [&str; 8] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA", "unknown"];

const OTHER: u8 = u8::MAX;

/// Places in a list by number, without a search: a query is counted in a few nanoseconds.
struct Places<const N: usize>([u8; N]);

impl<const N: usize> Places<N> {
    const fn of<const K: usize>(known: &[(u16, &str); K]) -> Self {
        let mut places = [OTHER; N];
        let mut at = 0;
        while at < K {
            places[known[at].0 as usize] = at as u8;
            at += 1;
        }
        Self(places)
    }

    fn find(&self, number: u16, known: usize) -> usize {
        let place = self.0.get(usize::from(number)).copied().unwrap_or(OTHER);
        usize::from(place).min(known)
    }
}

static TYPE_PLACES: Places<258> = Places::of(&TYPES);
static CODE_PLACES: Places<24> = Places::of(&CODES);

/// Place of a type in [`TYPES`]; one past it for another, or none.
pub(super) fn type_place(rtype: Option<u16>) -> usize {
    rtype.map_or(TYPES.len(), |rtype| TYPE_PLACES.find(rtype, TYPES.len()))
}

/// Place of a code in [`CODES`]; one past it for another.
pub(super) fn code_place(code: u16) -> usize {
    CODE_PLACES.find(code, CODES.len())
}

/// The name of a type, if it has one here.
pub(crate) fn type_name(rtype: u16) -> Option<&'static str> {
    TYPES.get(type_place(Some(rtype))).map(|(_, name)| *name)
}

/// The name of a code, if it has one here.
pub(crate) fn code_name(code: u16) -> Option<&'static str> {
    CODES.get(code_place(code)).map(|(_, name)| *name)
}

/// Why a datagram or its reply came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Too short for a DNS message.
    Malformed,
    /// Itself a response.
    Response,
    /// Its source had too many replies like this one.
    RateLimited,
    /// It came from port 0, where nothing can be sent.
    NoPort,
    /// It is longer than any query.
    TooLarge,
    /// The socket had no room for the reply.
    SendBuffer,
    /// There is no way to the client: no route, or a firewall.
    Unreachable,
}

impl Dropped {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::Response,
        Self::RateLimited,
        Self::NoPort,
        Self::TooLarge,
        Self::SendBuffer,
        Self::Unreachable,
    ];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Response => "response",
            Self::RateLimited => "rate_limited",
            Self::NoPort => "no_port",
            Self::TooLarge => "too_large",
            Self::SendBuffer => "send_buffer",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Why a reply was sent empty, with TC set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truncated {
    /// It did not fit.
    Size,
    /// Its source had too many replies like this one, and is to show over TCP that it is who it says.
    RateLimited,
}

impl Truncated {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Size, Self::RateLimited];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// What a query had for a cookie (RFC 7873).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cookie {
    /// None.
    #[default]
    None,
    /// The client's half only: it has none of ours yet.
    Client,
    /// One of ours, for this source, and not too old.
    Good,
    /// Not ours, not this source's, or too old.
    Bad,
}

impl Cookie {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::None, Self::Client, Self::Good, Self::Bad];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{op::ResponseCode, rr::RecordType};

    use super::*;

    #[test]
    fn names_are_those_of_the_registry() {
        for (place, (number, name)) in TYPES.into_iter().enumerate() {
            assert_eq!(RecordType::from(number).to_string(), name);
            assert_eq!((type_place(Some(number)), type_name(number)), (place, Some(name)));
        }
        for (place, (number, name)) in CODES.into_iter().enumerate() {
            let code = match ResponseCode::from((number >> 4) as u8, (number & 15) as u8) {
                ResponseCode::BADSIG => ResponseCode::BADVERS, // TSIG's own code has the same number (RFC 8945 §3)
                code => code,
            };
            assert!(format!("{code:?}").eq_ignore_ascii_case(name), "{code:?} is {name}");
            assert_eq!((code_place(number), code_name(number)), (place, Some(name)));
        }
        for unknown in [0, 3, 100, 256, 258, 65_535] {
            assert_eq!((type_place(Some(unknown)), type_name(unknown)), (TYPES.len(), None));
        }
        assert_eq!((code_place(6), code_place(4095), type_place(None)), (CODES.len(), CODES.len(), TYPES.len()));
    }

    #[test]
    fn the_order_of_names_is_that_of_numbers() {
        assert!(Dropped::ALL.iter().enumerate().all(|(at, reason)| *reason as usize == at));
        assert!(Truncated::ALL.iter().enumerate().all(|(at, why)| *why as usize == at));
        assert!(Cookie::ALL.iter().enumerate().all(|(at, cookie)| *cookie as usize == at));
        assert_eq!(fairway_geo::Continent::ALL.map(|continent| continent.code())[..], CONTINENTS[..7]);
    }
}
