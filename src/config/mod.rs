//! The node's configuration: defaults that work on a laptop, then a TOML file, then the environment.
//!
//! [`keys`] declares every key once; [`layers`] lays the three sources over each other and remembers where each value came
//! from; this file gives the result its types. A key that nobody declared, or a value of the wrong kind, is an error that
//! names its place.

pub mod keys;
pub mod layers;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use fairway_geo::TrustedProxies;
use fairway_policies::Problem;
use fairway_steering::plan::Guard;
use ipnet::IpNet;
use url::Url;

pub use layers::Layers;

/// Seconds; longer is a mistake, and the store's clock ends in 2106.
const LONGEST: u64 = 3650 * 86_400;

/// What a node is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Spool, embedded store, last snapshot.
    pub data_dir: PathBuf,
    /// Folder of policy files and zone files.
    pub policies: PathBuf,
    /// UDP and TCP.
    pub dns: Vec<SocketAddr>,
    /// For players.
    pub public: SocketAddr,
    /// For SREs.
    pub admin: SocketAddr,
    /// How players reach `public`, when that is not by the host name they ask with.
    pub public_url: Option<Url>,
    /// Whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Geo files, in order of authority.
    pub geo: Vec<PathBuf>,
    /// Where beacons are stored.
    pub store: StoreConfig,
    /// Which decisions are recorded.
    pub record: RecordConfig,
    /// What a change of policies may do without being confirmed.
    pub guard: Guard,
    /// Where scaling triggers are posted.
    pub webhook: Option<Url>,
    /// What is logged, as `tracing` filters say it.
    pub log: String,
}

/// Where beacons are stored.
#[derive(Clone, Debug)]
pub enum StoreConfig {
    /// A child process over libchdb.
    Embedded {
        /// libchdb.so; found by itself when not given.
        library: Option<PathBuf>,
        /// Bytes the engine may take.
        max_memory: u64,
    },
    /// A ClickHouse reached over HTTP(S).
    Remote {
        /// Its base URL.
        url: String,
        /// Who we are to it.
        user: String,
        /// And the proof.
        password: String,
        /// Where our tables are.
        database: String,
    },
}

/// Which decisions are recorded, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordConfig {
    /// Of the sample, a second at most.
    pub sample: f64,
    /// From then on.
    pub keep: Duration,
}

impl Config {
    /// Gives the layered values their types; reports every one that does not fit.
    pub fn from_layers(layers: &Layers) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut read = Reader { layers, problems: &mut problems };
        let config = Self {
            data_dir: read.text("data_dir").into(),
            policies: read.text("policies").into(),
            dns: read.parsed_list("dns.listen", "an address and port, such as \"127.0.0.1:5300\""),
            public: read.address("http.public"),
            admin: read.address("http.admin"),
            public_url: read.url("http.public_url"),
            trusted_proxies: TrustedProxies::new(
                read.parsed_list::<IpNet>("http.trusted_proxies", "an address prefix, such as \"10.0.0.0/8\""),
            ),
            geo: read.parsed_list("geo.databases", "a path"),
            store: match read.optional("store.url") {
                Some(url) => StoreConfig::Remote {
                    url,
                    user: read.text("store.user"),
                    password: read.text("store.password"),
                    database: read.text("store.database"),
                },
                None => StoreConfig::Embedded {
                    library: read.optional("store.library").map(PathBuf::from),
                    max_memory: read.bytes("store.max_memory"),
                },
            },
            record: RecordConfig { sample: read.amount("record.sample"), keep: read.duration("record.keep") },
            guard: Guard { moved: read.amount("change.max_moved"), load: read.amount("change.max_load") },
            webhook: read.url("triggers.webhook"),
            log: read.text("log"),
        };
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

/// Takes values out of the layers; what does not fit is noted, and a harmless value stands in until the refusal.
struct Reader<'a> {
    layers: &'a Layers,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn text(&mut self, key: &'static str) -> String {
        match self.layers.text(key) {
            Some(text) => text.to_owned(),
            None => self.refuse(key, "a string in quotes"),
        }
    }

    fn optional(&mut self, key: &'static str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    fn url(&mut self, key: &'static str) -> Option<Url> {
        let url = self.optional(key)?.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
        url.or_else(|| self.refuse(key, "a URL that begins with http:// or https://"))
    }

    fn address(&mut self, key: &'static str) -> SocketAddr {
        self.layers.text(key).and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            self.refuse::<()>(key, "an address and port, such as \"127.0.0.1:8080\"");
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn bytes(&mut self, key: &'static str) -> u64 {
        let text = self.layers.text(key).unwrap_or("");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
        let unit = match text.trim_start_matches(|c: char| !c.is_ascii_alphabetic()) {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => 0,
        };
        match digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0) {
            Some(bytes) => bytes,
            None => self.refuse(key, "an amount with its unit, such as \"1536 MiB\" or \"4 GiB\""),
        }
    }

    fn amount(&mut self, key: &'static str) -> f64 {
        let value = self.layers.value(key);
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let number = number.filter(|number| number.is_finite() && *number >= 0.0);
        number.unwrap_or_else(|| self.refuse(key, "a number, 0 or more"))
    }

    fn duration(&mut self, key: &'static str) -> Duration {
        let text = self.layers.text(key).unwrap_or("");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => 0,
        };
        match digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|n| (1..=LONGEST).contains(n))
        {
            Some(seconds) => Duration::from_secs(seconds),
            None => self.refuse(key, "a time with its unit, up to 10 years, such as \"24h\" or \"7d\""),
        }
    }

    fn parsed_list<T: std::str::FromStr>(&mut self, key: &'static str, wanted: &str) -> Vec<T> {
        let items = match self.layers.value(key) {
            toml::Value::Array(items) => items.clone(),
            one @ toml::Value::String(_) => vec![one.clone()],
            _ => return self.refuse(key, "a list of strings"),
        };
        let parsed: Option<Vec<T>> = items.iter().map(|item| item.as_str()?.parse().ok()).collect();
        match parsed {
            Some(parsed) => parsed,
            None => self.refuse(key, &format!("a list of which each is {wanted}")),
        }
    }

    fn refuse<T: Default>(&mut self, key: &'static str, wanted: &str) -> T {
        self.problems.push(self.layers.problem(key, format!("`{key}` must be {wanted}")));
        T::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::from_layers(&Layers::read(Some(("fairway.toml", file)), env)?)
    }

    #[test]
    fn nothing_said_is_a_laptop() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.public.to_string(), "127.0.0.1:8080");
        assert_eq!(config.dns, ["127.0.0.1:5300".parse().unwrap()]);
        assert!(matches!(config.store, StoreConfig::Embedded { library: None, .. }));
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let file = "[http]\npublic = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n";
        let config = load(file, &[("FAIRWAY_HTTP__PUBLIC", "127.0.0.1:3"), ("PATH", "/bin")]).unwrap();
        assert_eq!(config.public.port(), 3);
        assert_eq!(config.admin.port(), 2);
    }

    #[test]
    fn a_password_of_digits_is_a_password() {
        let config =
            load("[store]\nurl = \"http://clickhouse:8123\"\n", &[("FAIRWAY_STORE__PASSWORD", "12345")]).unwrap();
        assert!(matches!(config.store, StoreConfig::Remote { password, .. } if password == "12345"));
    }

    #[test]
    fn what_is_recorded_is_a_number_and_a_time() {
        let record = |file: &str| load(file, &[]).map(|config| (config.record.sample, config.record.keep.as_secs()));
        assert_eq!(record("").unwrap(), (20.0, 86_400));
        assert_eq!(record("[record]\nsample = 0.5\nkeep = \"7 d\"\n").unwrap(), (0.5, 7 * 86_400));
        for wrong in
            ["sample = -1", "sample = \"all\"", "keep = 24", "keep = \"24\"", "keep = \"0h\"", "keep = \"999999d\""]
        {
            assert_eq!(record(&format!("[record]\n{wrong}\n")).unwrap_err()[0].line, 2, "{wrong}");
        }
    }

    #[test]
    fn lists_may_come_from_the_environment() {
        let config = load("", &[("FAIRWAY_DNS__LISTEN", "[\"127.0.0.1:1\", \"[::1]:1\"]")]).unwrap();
        assert_eq!(config.dns.len(), 2);
        let config = load("", &[("FAIRWAY_DNS__LISTEN", "127.0.0.1:9")]).unwrap();
        assert_eq!(config.dns.len(), 1);
    }

    #[test]
    fn what_does_not_fit_names_its_place() {
        let problems = load("data_dir = \"x\"\n[http]\npublik = \"127.0.0.1:1\"\n", &[]).unwrap_err();
        assert_eq!(problems[0].to_string(), "fairway.toml:3:1: there is no key `http.publik`");
        assert_eq!(problems[0].help.as_deref(), Some("did you mean `public`?"));

        let problems = load("[http]\npublic = 8080\n[store]\nmax_memory = \"lots\"\n", &[]).unwrap_err();
        let places: Vec<_> = problems.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(2, 10), (4, 14)]);

        let problems = load("", &[("FAIRWAY_HTP__PUBLIC", "x")]).unwrap_err();
        assert_eq!(problems[0].file, "environment");
    }
}
