//! How long what signed zones say of themselves is kept by others: what every step of a roll-over waits for.

/// TTL, in seconds, of the DNSKEY, CDS and CDNSKEY sets: an hour. Each step of a roll-over waits for it once or twice;
/// the sets are asked for once an hour by a resolver that has anything to do with the zone, which is nothing.
pub const DNSKEY_TTL: u32 = 3_600;

/// The longest TTL, in seconds, of anything in a signed zone: a day. A roll-over waits until no cache holds what the
/// old key signed, and so must know how long that can be. Longer ones are cut to it.
pub const MAX_TTL: u32 = 86_400;
