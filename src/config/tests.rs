use super::*;

fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::from_layers(&Layers::read(Some(("fairway.toml", file)), env)?)
}

fn addresses(config: &Config) -> Vec<String> {
    config.dns.listen.iter().map(|listen| listen.address.to_string()).collect()
}

#[test]
fn nothing_said_is_a_laptop() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.public.to_string(), "127.0.0.1:8080");
    assert_eq!(addresses(&config), ["127.0.0.1:5300"]);
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
    let config = load("[store]\nurl = \"http://clickhouse:8123\"\n", &[("FAIRWAY_STORE__PASSWORD", "12345")]).unwrap();
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
    assert_eq!(addresses(&config), ["127.0.0.1:1", "[::1]:1"]);
    let config = load("", &[("FAIRWAY_DNS__LISTEN", "127.0.0.1:9")]).unwrap();
    assert_eq!(addresses(&config), ["127.0.0.1:9"]);
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

/// Lines of text, one problem each: where and what.
fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn dns_as_nobody_said_is_a_laptops() {
    let dns = load("", &[]).unwrap().dns;
    assert_eq!(dns.settings.udp_size, 1232);
    assert_eq!(dns.rates.exempt, ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    assert_eq!(dns.connections, fairway_dns::server::limits::Limits::default());
    let rates = fairway_dns::limit::Limits { exempt: dns.rates.exempt.clone(), ..Default::default() };
    assert_eq!((&dns.rates, dns.settings.idle), (&rates, 10));
    assert!(dns.threads() >= 1);
}

#[test]
fn lists_of_tables_are_read_from_file_and_environment() {
    let file = "
[[dns.tsig]]
name = \"one\"
secret = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"

[[dns.secondary]]
zones = \"*\"
notify = [\"192.0.2.53:53\"]
key = \"one\"

[[dns.flatten_view]]
name = \"japan\"
countries = [\"JP\"]
subnet = \"198.51.100.0/24\"
";
    let dns = load(file, &[]).unwrap().dns;
    assert_eq!((dns.secondaries.len(), dns.tsig.len()), (1, 1));
    assert_eq!(dns.secondaries[0].key.as_ref(), Some(&dns.tsig[0].name));
    assert_ne!(dns.views, fairway_dns::flatten::Views::default());
    let set = "[{ zones = \"z.test\", allow = [\"192.0.2.0/24\"] }]";
    let dns = load("", &[("FAIRWAY_DNS__SECONDARY", set)]).unwrap().dns;
    assert_eq!(dns.secondaries[0].zones, "z.test");
}

#[test]
fn what_is_wrong_with_dns_names_its_line() {
    for (file, place, what) in [
        ("[dns]\ntls = [\"127.0.0.1:0\"]\n", "fairway.toml:2:7", "`dns.tls` needs `dns.certificate`"),
        ("[dns]\nkey = \"k\"\n", "fairway.toml:2:7", "needs its `dns.certificate`"),
        ("[dns]\ncertificate = \"c\"\n", "fairway.toml:2:15", "needs its private key"),
        ("[dns]\nlisten = [\"53\"]\n", "fairway.toml:2:10", "an address and port"),
        ("[dns]\nudp_size = 4096\n", "fairway.toml:2:12", "from 512 to 1472"),
        ("[dns.rate]\nper_second = 20000\n", "fairway.toml:2:14", "above 10000"),
        ("[dns.rate]\nslip = 16\n", "fairway.toml:2:8", "above 15"),
        ("[dns.rate]\nbrust = 1\n", "fairway.toml:2:1", "no key `dns.rate.brust`"),
        ("[dns.query_log]\nshare = 2\n", "fairway.toml:2:9", "from 0 to 1"),
        ("[dns]\nclient_subnet = \"some\"\n", "fairway.toml:2:17", "\"everybody\" or \"nobody\""),
        ("[[dns.secondary]]\nzone = \"*\"\n", "fairway.toml:2:1", "expected one of `zones`, `notify`"),
        ("[[dns.secondary]]\nzones = \"*\"\nnotify = [\"x\"]\n", "fairway.toml:3:11", "invalid socket address"),
        ("[[dns.secondary]]\nzones = \"*\"\n", "fairway.toml:1:1", "everybody would be one"),
        ("[[dns.secondary]]\nzones = \"*\"\nkey = \"k\"\n", "fairway.toml:1:1", "there is no such TSIG key"),
        ("[dns]\nsecondary = \"*\"\n", "fairway.toml:2:13", "under `[[dns.secondary]]`"),
        ("[[dns.tsig]]\nname = \"k\"\nsecret = \"short\"\n", "fairway.toml:1:1", "not base64"),
        ("[[dns.flatten_view]]\nname = \"v\"\n", "fairway.toml:1:1", "no country and no continent"),
    ] {
        let problems = load(file, &[]).unwrap_err();
        let said = told(&problems);
        assert!(said.len() == 1 && said[0].starts_with(&format!("{place}: ")) && said[0].contains(what), "{said:?}");
    }
    let twice = "[[dns.flatten_view]]\nname = \"a\"\ncountries = [\"DE\"]\n[[dns.flatten_view]]\nname = \"b\"\ncountries = [\"DE\"]\n";
    assert!(
        told(&load(twice, &[]).unwrap_err())[0].starts_with("fairway.toml:4:1: DE is in view"),
        "of two, the second"
    );
}

#[test]
fn no_secret_is_shown() {
    let file = "[dns]\ncookie_secrets = [\"00112233445566778899aabbccddeeff\"]\n[[dns.tsig]]\nname = \"k\"\n\
                secret = \"c2VjcmV0c2VjcmV0c2VjcmV0\"\n";
    let layers = Layers::read(Some(("fairway.toml", file)), []).unwrap();
    let shown = layers.to_string();
    assert!(shown.contains("dns.cookie_secrets = \"…\"") && shown.contains("dns.tsig = \"…\""), "{shown}");
    assert!(!shown.contains("0011") && !shown.contains("c2Vj"), "{shown}");
    assert!(!format!("{:?}", Config::from_layers(&layers).unwrap()).contains("c2Vj"));
    let wrong = ["[dns]\ncookie_secrets = [\"001122\"]\n", "[[dns.tsig]]\nname = \"k\"\nsecret = \"001122\"\nx = 1\n"];
    for file in wrong {
        let told = load(file, &[]).unwrap_err()[0].render();
        assert!(!told.contains("001122"), "{told}");
    }
    let told = load("", &[("FAIRWAY_DNS__COOKIE_SECRETS", "001122")]).unwrap_err()[0].render();
    assert!(!told.contains("001122") && told.contains("32 hex digits"), "{told}");
}
