//! Every configuration key, once: its name, its default, and what it is.

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Dotted, as in `http.public`.
    pub name: &'static str,
    /// As TOML. An empty string or list means "not given".
    pub default: &'static str,
    /// One line for people.
    pub help: &'static str,
    /// Never shown.
    pub secret: bool,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help, secret: false }
}

const fn secret(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help, secret: true }
}

/// In the order in which people read them.
pub const KEYS: &[Key] = &[
    key("data_dir", "\"data\"", "spool, embedded store, last snapshot, overrides, revisions"),
    key("policies", "\"policies\"", "folder of policy files (*.policy.toml) and zone files (*.zone)"),
    key("log", "\"info\"", "what is logged: error, warn, info, debug, or tracing filters"),
    key("dns.listen", "[\"127.0.0.1:5300\"]", "UDP and TCP"),
    key("dns.tls", "[]", "DNS over TLS, port 853 by custom"),
    key("dns.https", "[]", "DNS over HTTPS, port 443 by custom"),
    key("dns.quic", "[]", "DNS over QUIC, UDP port 853 by custom"),
    key(
        "dns.certificate",
        "\"\"",
        "for the three above: PEM, the server's certificate first; read again when it changes",
    ),
    key("dns.key", "\"\"", "the certificate's private key, PEM"),
    key("dns.https_path", "\"/dns-query\"", "where DNS over HTTPS is asked"),
    key("dns.threads", "0", "UDP threads on each address; 0: one a core"),
    key("dns.udp_size", "1232", "octets of the largest UDP reply, 512 to 1472"),
    key("dns.identity", "\"\"", "which server this is, told by NSID and to `id.server`; empty: not told"),
    key("dns.version", "\"\"", "what `version.bind` is told; empty: nothing"),
    key(
        "dns.client_subnet",
        "\"everybody\"",
        "who may tell of a client's subnet: \"everybody\", \"nobody\", or prefixes of resolvers",
    ),
    secret(
        "dns.cookie_secrets",
        "[]",
        "32 hex digits each; the first makes cookies, all are believed; empty: <data_dir>/cookie_secrets, made at the first start",
    ),
    key("dns.debug", "[]", "prefixes that may ask `_fairway.<name>` TXT why a steered name answers what it does"),
    key("dns.rate.per_second", "200", "equal UDP replies to one /24 or /56 in a second; 0: no limit"),
    key("dns.rate.burst", "400", "equal UDP replies to one /24 or /56 at once"),
    key(
        "dns.rate.slip",
        "2",
        "every how many-th reply over the rate is sent truncated, so that a client comes by TCP; 0: none",
    ),
    key("dns.rate.exempt", "[\"127.0.0.0/8\", \"::1/128\"]", "prefixes that are never limited"),
    key("dns.rate.amplification", "10", "how many times its query a UDP reply may be, without a cookie; 0: any"),
    key("dns.signatures", "4000", "signatures a second made for denials of names not asked for before; 0: none"),
    key("dns.connections.all", "1000", "TCP, TLS, HTTPS and QUIC connections at once"),
    key("dns.connections.per_client", "20", "of these, from one IPv4 address or IPv6 /64"),
    key("dns.connections.idle", "\"10s\"", "how long one may be without a query"),
    key("dns.connections.message", "\"5s\"", "how long a query may take to come whole"),
    key("dns.connections.write", "\"5s\"", "how long a client may take to take replies"),
    key("dns.connections.handshake", "\"5s\"", "how long TLS and QUIC may take to be set up"),
    key("dns.connections.streams", "100", "queries at once on one HTTPS or QUIC connection"),
    key("dns.connections.transfers", "8", "zone transfers at once"),
    key("dns.connections.grace", "\"5s\"", "how long connections may take to end when the node stops"),
    key("dns.query_log.share", "0", "of queries, the share written to <data_dir>/queries.ndjson, 0 to 1"),
    key("dns.query_log.size", "\"64 MiB\"", "how large that file grows before it is renamed to queries.ndjson.1"),
    key("dns.resolvers", "[]", "who resolves CDNs' host names at a zone's apex; empty: those of /etc/resolv.conf"),
    key(
        "dns.flatten_view",
        "[]",
        "tables: as whom CDNs are asked for clients of some `countries` and `continents`: `name`, `subnet`",
    ),
    key(
        "dns.secondary",
        "[]",
        "tables: who may have `zones` and is told of changes: `notify`, `source`, `allow`, `key`",
    ),
    secret("dns.tsig", "[]", "tables: keys shared with secondaries: `name`, `algorithm`, `secret`"),
    key("http.public", "\"127.0.0.1:8080\"", "players: steering, beacons"),
    key("http.admin", "\"127.0.0.1:8081\"", "SREs: dashboard, API, metrics"),
    key("http.public_url", "\"\"", "how players reach `public`; empty: by the host they ask with"),
    key("http.trusted_proxies", "[]", "prefixes whose Forwarded and X-Forwarded-For headers are believed"),
    key("geo.databases", "[]", ".mmdb or range .csv, the most trusted first; empty: what `make setup` fetched"),
    key("store.url", "\"\"", "a ClickHouse to use; empty: the embedded engine"),
    key("store.user", "\"default\"", "user at store.url"),
    secret("store.password", "\"\"", "password at store.url"),
    key("store.database", "\"fairway\"", "database at store.url"),
    key("store.library", "\"\"", "the embedded engine's libchdb.so; empty: what `make setup` fetched"),
    key("store.max_memory", "\"1536 MiB\"", "what the embedded engine may take"),
    key(
        "record.sample",
        "20",
        "decisions recorded a second at most, the rest sampled; 0: only explained, failed and changed ones",
    ),
    key("record.keep", "\"24h\"", "how long recorded decisions are kept"),
    key(
        "change.max_moved",
        "0.25",
        "of a service's decisions, the share that a change of policies may move unless confirmed, 0 to 1",
    ),
    key(
        "change.max_load",
        "0.9",
        "of its capacity, the share to which a change of policies may fill a pathway unless confirmed",
    ),
    key("triggers.webhook", "\"\"", "where scaling triggers are posted, as CloudEvents"),
];
