//! All that an operator configures of answering, as plain data.

use ipnet::IpNet;

use crate::transport::UDP_SIZE;

/// How a node answers; the same for all zones.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest UDP reply, in octets.
    pub udp_size: u16,
    /// Which server this is, for those who ask by NSID (RFC 5001) or `id.server` (RFC 4892). Empty: nothing is told.
    pub identity: String,
    /// What `version.bind` and `version.server` are told. Empty: nothing.
    pub version: String,
    /// Who may tell of a client's subnet (RFC 7871).
    pub subnets: Subnets,
    /// Who may ask `_fairway.<name>` TXT why a steered name answers what it does.
    pub debug: Vec<IpNet>,
    /// For how long an idle connection is kept, in seconds: what the keepalive option tells (RFC 7828).
    pub idle: u16,
}

/// Who may tell of a client's subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subnets {
    /// Everybody.
    #[default]
    Everybody,
    /// Resolvers in these prefixes; others are answered as if they had not.
    Only(Vec<IpNet>),
    /// Nobody.
    Nobody,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            udp_size: UDP_SIZE,
            identity: String::new(),
            version: String::new(),
            subnets: Subnets::default(),
            debug: Vec::new(),
            idle: 10,
        }
    }
}

impl Subnets {
    /// Whether this resolver is believed.
    pub(crate) fn from(&self, source: std::net::IpAddr) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(prefixes) => prefixes.iter().any(|prefix| prefix.contains(&source)),
            Self::Nobody => false,
        }
    }
}
