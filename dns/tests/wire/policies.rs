//! The services of the tests' world: what each is for, its names say.

/// File name and text of each.
pub const POLICIES: [(&str, &str); 9] = [
    (
        "live.policy.toml",
        r#"
names = ["live.fairway.test"]
ttl = "20s"
[[pathway]]
id = "both"
url = "http://both.fairway.test/"
addresses = ["192.0.2.10", "192.0.2.11", "2001:db8::10"]
[[pathway]]
id = "four"
url = "http://four.fairway.test/"
addresses = ["192.0.2.20"]
[[step]]
do = "prefer"
tiers = [["four"]]
when = { asn = [64497] }
"#,
    ),
    (
        "anywhere.policy.toml",
        r#"
names = ["a.steered.fairway.test"]
ttl = "30s"
[[pathway]]
id = "only"
url = "http://only.fairway.test/"
addresses = ["192.0.2.30"]
"#,
    ),
    (
        "named.policy.toml",
        r#"
names = ["fairway.test", "named.fairway.test"]
ttl = "40s"
[[pathway]]
id = "cdn"
url = "http://cdn.example.net/"
cname = "cdn.example.net"
"#,
    ),
    (
        "inner.policy.toml",
        r#"
names = ["inner.fairway.test"]
ttl = "50s"
[[pathway]]
id = "live"
url = "http://live.fairway.test/"
cname = "live.fairway.test"
"#,
    ),
    (
        "blind.policy.toml",
        r#"
names = ["blind.fairway.test"]
ttl = "20s"
client_subnet = false
[[pathway]]
id = "east"
url = "http://east.fairway.test/"
addresses = ["192.0.2.50"]
[[pathway]]
id = "west"
url = "http://west.fairway.test/"
addresses = ["192.0.2.51"]
[[step]]
do = "prefer"
tiers = [["west"]]
when = { asn = [64497] }
"#,
    ),
    (
        "service.policy.toml",
        r#"
names = ["service.fairway.test"]
ttl = "20s"
[[pathway]]
id = "new"
url = "https://new.fairway.test:8443/"
addresses = ["192.0.2.70", "2001:db8::70"]
alpn = ["h3", "h2"]
[[pathway]]
id = "old"
url = "https://old.fairway.test/"
addresses = ["192.0.2.71"]
alpn = ["h2"]
[[step]]
do = "prefer"
tiers = [["old"]]
when = { asn = [64497] }
"#,
    ),
    (
        "home.policy.toml",
        r#"
names = ["home.fairway.test"]
ttl = "20s"
[[pathway]]
id = "away"
url = "http://away.fairway.test/"
addresses = ["192.0.2.90"]
[[pathway]]
id = "home"
url = "http://home.fairway.test/"
addresses = ["192.0.2.91"]
[[step]]
do = "prefer"
tiers = [["away"]]
[[step]]
do = "prefer"
tiers = [["home"]]
when = { asn = [64498] }
"#,
    ),
    (
        "onward.policy.toml",
        r#"
names = ["onward.fairway.test"]
ttl = "20s"
[[pathway]]
id = "everywhere"
url = "http://everywhere.fairway.test/"
cname = "a.steered.fairway.test"
[[pathway]]
id = "west"
url = "http://west.fairway.test/"
cname = "mx.fairway.test"
[[step]]
do = "prefer"
tiers = [["everywhere"]]
[[step]]
do = "prefer"
tiers = [["west"]]
when = { asn = [64497] }
"#,
    ),
    (
        "outside.policy.toml",
        r#"
names = ["live.example.org"]
ttl = "20s"
[[pathway]]
id = "only"
url = "http://only.example.org/"
addresses = ["192.0.2.40"]
"#,
    ),
];
