use std::{fs, path::Path, sync::Arc};

use super::{
    super::{ZoneError, Zones},
    HEAD,
};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), files);
    dir
}

fn write(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }
}

/// The error of a folder, in which `DIR` stands for the folder.
fn told(files: &[(&str, &str)]) -> String {
    let dir = folder(files);
    let error = Zones::load(dir.path()).unwrap_err().to_string();
    error.replace(&dir.path().display().to_string(), "DIR")
}

fn names(zones: &Zones) -> Vec<String> {
    zones.iter().flat_map(|zone| &zone.sets).map(|set| format!("{} {}", set.name, set.rtype)).collect()
}

#[test]
fn zones_are_in_order_of_their_origins() {
    let dir = folder(&[("b.test.zone", HEAD), ("a.B.test.zone", HEAD), ("c.zone", HEAD), ("live.policy.toml", "")]);
    let zones = Zones::load(dir.path()).unwrap();
    let origins: Vec<_> = zones.iter().map(|zone| zone.origin.to_string()).collect();
    assert_eq!(origins, ["c.", "b.test.", "a.B.test."]);
    assert!(zones.covers("x.b.test") && zones.covers("B.TEST") && !zones.covers("test") && !zones.covers("xb.test"));
}

#[test]
fn included_files_have_an_origin_of_their_own_and_give_their_ttl_back() {
    let dir = folder(&[
        (
            "z.test.zone",
            "$INCLUDE parts/head ; the SOA\n  TXT goes-on\na TXT a\n$INCLUDE parts/sub sub\n  TXT b\nc TXT c\n",
        ),
        ("parts/head", "$TTL 60\n@ SOA ns1 admin 1 3600 900 604800 60\n@ NS ns1.else.\n"),
        ("parts/sub", "  TXT a2\n@ TXT sub\n$INCLUDE \"more\"\n$ORIGIN gone\n"),
        ("parts/more", "d TXT d\n"),
    ]);
    // The owner before an include is there in it, and again behind it; before the first there is none.
    let error = Zones::load(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("z.test.zone:2: there is no owner name yet to go on with"), "{error}");
    write(dir.path(), &[("z.test.zone", "$INCLUDE parts/head\na TXT a\n$INCLUDE parts/sub sub\n  TXT b\nc TXT c\n")]);
    let zones = Zones::load(dir.path()).unwrap();
    let told: Vec<_> = zones
        .iter()
        .flat_map(|zone| &zone.sets)
        .skip(2)
        .map(|set| {
            format!(
                "{} {} {:?}",
                set.name,
                set.ttl,
                set.data.iter().map(|d| String::from_utf8_lossy(&d[1..])).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"a.z.test. 60 ["a", "a2", "b"]"#,
            r#"c.z.test. 60 ["c"]"#,
            r#"sub.z.test. 60 ["sub"]"#,
            r#"d.sub.z.test. 60 ["d"]"#
        ]
    );
}

#[test]
fn a_broken_file_is_refused_with_its_place_and_the_way_there() {
    let deep: Vec<_> = (1..9).map(|n| (format!("part{n}"), format!("$INCLUDE part{}\n", n + 1))).collect();
    let deep: Vec<_> = deep.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    for (files, error) in [
        (
            &[("z.test.zone", "$INCLUDE part\n"), ("part", "\na 60 A 1.2.3")][..],
            "DIR/part:2: A: \"1.2.3\" where there should be an IPv4 address (included from DIR/z.test.zone:1)",
        ),
        (
            &[("z.test.zone", "\n$INCLUDE p/a\n"), ("p/a", "$INCLUDE ../b"), ("b", "a 60 A )")],
            "DIR/p/../b:1: unbalanced parenthesis (included from DIR/p/a:1) (included from DIR/z.test.zone:2)",
        ),
        (
            &[("z.test.zone", "$INCLUDE a\n"), ("a", "\n$INCLUDE b"), ("b", "$INCLUDE ./a")],
            "DIR/b:1: $INCLUDE ./a: it includes itself (included from DIR/a:2) (included from DIR/z.test.zone:1)",
        ),
        (&[("z.test.zone", "$INCLUDE z.test.zone\n")], "DIR/z.test.zone:1: $INCLUDE z.test.zone: it includes itself"),
        (
            &[("z.test.zone", "$INCLUDE /etc/passwd\n")],
            "DIR/z.test.zone:1: $INCLUDE /etc/passwd: it is outside the folder of the zone files",
        ),
        (
            &[("z.test.zone", "$INCLUDE ../../etc/passwd\n")],
            "DIR/z.test.zone:1: $INCLUDE ../../etc/passwd: it is outside the folder of the zone files",
        ),
        (
            &[("z.test.zone", "$INCLUDE nowhere\n")],
            "DIR/z.test.zone:1: $INCLUDE nowhere: No such file or directory (os error 2)",
        ),
        (&[("z.test.zone", "$INCLUDE a b c\n")], "DIR/z.test.zone:1: $INCLUDE needs a file, and perhaps an origin"),
        (
            &[("z.test.zone", "$INCLUDE a b..c\n"), ("a", "")],
            "DIR/z.test.zone:1: \"b..c\" is not a domain name: a label is empty",
        ),
        (
            &[("z.test.zone", "$INCLUDE a\n"), ("a", "@ 60 SOA ns1 admin 1 3600 900 604800 60")],
            "DIR/z.test.zone: no NS record at z.test.",
        ),
        (&[("a..b.zone", HEAD)], "DIR/a..b.zone: a zone's file is named <origin>.zone, as in example.net.zone"),
        (&[("a.b.zone", HEAD), ("A.b.zone", HEAD)], "DIR/a.b.zone: DIR/A.b.zone is the same zone"),
    ] {
        assert_eq!(told(files), error);
    }
    let deep = told(&[&deep[..], &[("z.test.zone", "$INCLUDE part1\n")]].concat());
    assert!(
        deep.starts_with("DIR/part7:1: $INCLUDE part8: more than 8 files deep (included from DIR/part6:1)"),
        "{deep}"
    );
    let dir = folder(&[]);
    assert!(matches!(Zones::load(&dir.path().join("nowhere")), Err(ZoneError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_leads_nowhere_else() {
    let elsewhere = folder(&[("secret", "a 60 A 192.0.2.1\n")]);
    let dir = folder(&[("z.test.zone", "$INCLUDE link\n")]);
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), dir.path().join("link")).unwrap();
    let error = Zones::load(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with(":1: $INCLUDE link: it is outside the folder of the zone files"), "{error}");
}

#[test]
fn an_unchanged_zone_stays_what_it_is() {
    let dir = folder(&[
        ("a.test.zone", HEAD),
        ("b.test.zone", &format!("{HEAD}$INCLUDE part\n")),
        ("part", "a A 192.0.2.1\n"),
    ]);
    let first = Zones::load(dir.path()).unwrap();
    let same = |a: &Zones, b: &Zones| a.iter().zip(b.iter()).map(|(a, b)| Arc::ptr_eq(a, b)).collect::<Vec<_>>();
    let second = first.next(dir.path()).unwrap();
    assert_eq!(same(&first, &second), [true, true]);
    write(dir.path(), &[("part", "b A 192.0.2.1\n")]);
    let third = second.next(dir.path()).unwrap();
    assert_eq!(same(&second, &third), [true, false]);
    assert!(names(&third).contains(&"b.b.test. A".into()) && !names(&third).contains(&"a.b.test. A".into()));
    fs::remove_file(dir.path().join("part")).unwrap();
    assert!(third.next(dir.path()).unwrap_err().to_string().contains("$INCLUDE part: No such file"));
    fs::remove_file(dir.path().join("b.test.zone")).unwrap();
    assert_eq!(names(&third.next(dir.path()).unwrap()), names(&first)[..3]);
}

#[test]
fn a_change_under_the_same_serial_is_told() {
    let text = |serial: u32, data: &str| {
        format!("$TTL 60\n\n@ SOA ns1.else. admin {serial} 3600 900 604800 60\n@ NS ns1.else.\n@ TXT {data}\n")
    };
    let dir = folder(&[("z.test.zone", &text(4_294_967_295, "a"))]);
    let mut zones = Zones::load(dir.path()).unwrap();
    for (serial, data, warning) in [
        (4_294_967_295, "a ; a comment", None),
        (0, "b", None),
        (0, "c", Some("the zone has changed, but its serial 0 is not after 0: secondaries will not fetch it")),
        (7, "c", None),
        (6, "d", Some("the zone has changed, but its serial 6 is not after 7: secondaries will not fetch it")),
    ] {
        write(dir.path(), &[("z.test.zone", &text(serial, data))]);
        zones = zones.next(dir.path()).unwrap();
        let warnings: Vec<_> = zones.iter().flat_map(|zone| &zone.warnings).map(ToString::to_string).collect();
        let place = dir.path().join("z.test.zone");
        let expected: Vec<_> = warning.iter().map(|warning| format!("{}:3: {warning}", place.display())).collect();
        assert_eq!(warnings, expected);
    }
}
