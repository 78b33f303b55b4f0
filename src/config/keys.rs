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
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help }
}

/// In the order in which people read them.
pub const KEYS: &[Key] = &[
    key("data_dir", "\"data\"", "spool, embedded store, last snapshot, overrides, revisions"),
    key("policies", "\"policies\"", "folder of policy files (*.policy.toml) and zone files (*.zone)"),
    key("log", "\"info\"", "what is logged: error, warn, info, debug, or tracing filters"),
    key("dns.listen", "[\"127.0.0.1:5300\"]", "UDP and TCP"),
    key("http.public", "\"127.0.0.1:8080\"", "players: steering, beacons"),
    key("http.admin", "\"127.0.0.1:8081\"", "SREs: dashboard, API, metrics"),
    key("http.public_url", "\"\"", "how players reach `public`; empty: by the host they ask with"),
    key("http.trusted_proxies", "[]", "prefixes whose Forwarded and X-Forwarded-For headers are believed"),
    key("geo.databases", "[]", ".mmdb or range .csv, the most trusted first; empty: what `make setup` fetched"),
    key("store.url", "\"\"", "a ClickHouse to use; empty: the embedded engine"),
    key("store.user", "\"default\"", "user at store.url"),
    key("store.password", "\"\"", "password at store.url"),
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
