//! Spreading clients over equals: weighted rendezvous hashing.
//!
//! Each client draws a number for each pathway by hashing both together, and takes the pathway with the best draw: the
//! smallest −ln(u)/w, for u uniform in (0, 1). Those are exponential clocks with rate w, and the first of them to ring is
//! pathway i with probability wᵢ/Σw: shares hold exactly in expectation. A draw depends on nothing but the client, the
//! pathway's id and its weight, so when a pathway comes, goes or changes its share, only those clients move whose best draw
//! is that pathway's, before or after: the fewest that can. The order of the other draws is each client's own order of
//! failover, so that those of a failed pathway spread over the rest by weight too. (Thaler and Ravishankar 1998; weights:
//! Schindelhauer and Schomaker 2005.) A ring of points would need a table per service, and holds shares only roughly.
//!
//! XXH3 hashes the dozen bytes of a key in a few nanoseconds and passes SMHasher, which is what is needed of it: that draws
//! are independent and spread evenly. It is no defence against a client that picks its own session id to be sent to a
//! pathway of its choice, and needs to be none: that client can fetch from any pathway anyway. Its value is fixed by
//! its specification, so nodes of any version and machine agree.
//!
//! The service is left out of the hash on purpose: a client that uses two services with the same pathways meets the same
//! CDN in both and finds its connections warm.

use std::net::IpAddr;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::scope::spread_bits;
use crate::client::Client;

/// What one client draws by.
pub(super) struct Draw<'a> {
    session: Option<&'a str>,
    prefix: [u8; 6],
    len: usize,
}

impl<'a> Draw<'a> {
    pub(super) fn of(client: &Client<'a>) -> Self {
        let mut prefix = [0; 6];
        let len = client.address.map_or(0, |a| usize::from(spread_bits(a) / 8));
        match client.address {
            Some(IpAddr::V4(a)) => prefix[..len].copy_from_slice(&a.octets()[..len]),
            Some(IpAddr::V6(a)) => prefix[..len].copy_from_slice(&a.octets()[..len]),
            None => {}
        }
        Self { session: client.session, prefix, len }
    }

    /// When the pathway's clock rings: smaller is better; never for weight 0.
    pub(super) fn rings(&self, seed: u64, weight: u32) -> f64 {
        if weight == 0 {
            return f64::INFINITY;
        }
        let key = self.session.map_or(&self.prefix[..self.len], str::as_bytes);
        // The upper 53 bits, in the middle of their interval: never 0, never 1.
        let uniform = ((xxh3_64_with_seed(key, seed) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        -uniform.ln() / f64::from(weight)
    }
}
