use super::*;

fn told(text: &str) -> String {
    zone(text).map(|zone| zone.sets.len()).unwrap_err().to_string()
}

/// The warnings of the zone of `HEAD` and `text`.
fn warnings(text: &str) -> Vec<String> {
    zone(&format!("{HEAD}{text}")).unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn what_cannot_be_a_zone_is_refused() {
    let cname = "6: a.z.test. has a CNAME, and so can have no other record";
    for (text, told_) in [
        ("\nx.other. A 192.0.2.9", "6: x.other. is not in zone z.test."),
        ("xz.test. A 192.0.2.9", "5: xz.test. is not in zone z.test."),
        ("a CNAME b\na A 192.0.2.9", cname),
        ("a A 192.0.2.9\na CNAME b", cname),
        ("a CNAME b\na CNAME c", cname),
        (
            "a TXT b\nA CNAME c\na A 192.0.2.9\nx A 192.0.2.9",
            "6: a.z.test. has a CNAME, and so can have no other record",
        ),
        ("@ CNAME a", "5: z.test. has a CNAME, and so can have no other record"),
        ("a A 192.0.2.9\nA 60 A 192.0.2.8", "6: ttl 60, but other records of this name and type have 300"),
        ("a SOA ns1 admin 1 3600 900 604800 60", "5: a zone has one SOA, at its origin"),
        ("@ SOA ns1 admin 2 3600 900 604800 60", "5: a zone has one SOA, at its origin"),
        ("* NS ns1", "5: *.z.test. is a wildcard, which cannot be delegated (RFC 4592, section 4.2)"),
    ] {
        assert_eq!(told(&format!("{HEAD}{text}\n")), format!("z.test.zone:{told_}"), "{text}");
    }
    assert_eq!(told("ns1 60 A 192.0.2.1\n"), "z.test.zone: no SOA record at z.test.");
    assert_eq!(told("@ 60 SOA ns1 admin 1 3600 900 604800 60\na NS b"), "z.test.zone: no NS record at z.test.");
    let large: String = (0..300).map(|n| format!("a TXT {n} {}\n", "x".repeat(250))).collect();
    assert_eq!(
        told(&format!("{HEAD}{large}")),
        "z.test.zone:304: the TXT records of a.z.test. take 79990 octets, more than a message holds"
    );
}

#[test]
fn sets_are_in_canonical_order_and_hold_each_record_once() {
    let zone = zone(&format!(
        "{HEAD}*.B MX 1 B\n\\001.b TXT x\nb A 192.0.2.2\nB A 192.0.2.1\nb A 192.0.2.2\n*.b MX 1 b.Z.TEST.\na.b TXT x\n"
    ))
    .unwrap();
    let sets: Vec<_> = zone.sets.iter().map(|set| format!("{} {} {}", set.name, set.rtype, set.data.len())).collect();
    assert_eq!(
        sets,
        [
            "z.test. NS 1",
            "z.test. SOA 1",
            "b.z.test. A 2",
            "\\001.b.z.test. TXT 1",
            "*.B.z.test. MX 1",
            "a.b.z.test. TXT 1",
            "ns1.z.test. A 1"
        ]
    );
    assert_eq!((zone.serial, zone.negative_ttl, &zone.soa), (1, 60, &zone.sets[1]));
    assert_eq!(zone.sets[2].data, [[192, 0, 2, 2], [192, 0, 2, 1]], "in the file's order");
    assert_eq!(hex(&zone.sets[4].data[0]), "00010142017a047465737400", "in letters as written");
}

#[test]
fn a_good_zone_has_no_warnings() {
    let text = "\
mail A 192.0.2.2
@ MX 10 mail
@ MX 20 mail.elsewhere.
@ NS ns.elsewhere.
_sip._tcp SRV 0 0 1 steered
sub NS ns.sub
sub NS sub
sub NS ns.elsewhere.
sub NS ns.other
sub DS 1 13 2 00ff
sub A 192.0.2.3
ns.sub AAAA ::1
other NS ns.other
other NS any.wild
ns.other A 192.0.2.4
*.wild A 192.0.2.5
third NS ns.fourth.other
alias CNAME nowhere";
    assert_eq!(warnings(text), [""; 0]);
}

#[test]
fn what_had_better_be_otherwise_is_told() {
    let address = |name: &str, target: &str| {
        format!(
            "name server {target}.z.test. has no address in this zone, so that {name}z.test. cannot be reached through it"
        )
    };
    let hidden = |name: &str, rtype: &str| {
        format!(
            "{name}.z.test. is delegated by the NS records of sub.z.test., and is no glue of them: its {rtype} is never an answer"
        )
    };
    for (text, told) in [
        ("@ NS ns2", vec![format!("5: {}", address("", "ns2"))]),
        ("@ NS ns2\nns2 TXT x", vec![format!("5: {}", address("", "ns2"))]),
        ("@ NS ns2\nns2 CNAME ns1", vec!["5: ns2.z.test. is a CNAME, to which no NS record may point".into()]),
        ("sub NS ns.sub", vec![format!("5: {}", address("sub.", "ns.sub"))]),
        ("sub NS ns1\nsub NS ns.sub\n", vec![format!("6: {}", address("sub.", "ns.sub"))]),
        ("sub NS ns1\nx.sub A 192.0.2.1", vec![format!("6: {}", hidden("x.sub", "A"))]),
        (
            "sub NS ns1\nsub TXT x\nSUB MX 1 a",
            vec![
                format!("7: {}", hidden("SUB", "MX").replace("sub.z.test. is", "SUB.z.test. is")),
                format!("6: {}", hidden("sub", "TXT")),
            ],
        ),
        ("sub NS ns1\nx.sub NS ns1", vec![format!("6: {}", hidden("x.sub", "NS"))]),
        (
            "a DS 1 13 2 00",
            vec!["5: DS belongs where a zone is delegated, beside its NS records; a.z.test. is no such name".into()],
        ),
        ("@ MX 10 m\nm CNAME ns1", vec!["5: m.z.test. is a CNAME, to which no MX record may point".into()]),
        (
            "_x._tcp SRV 0 0 1 ns1\n_x._tcp SRV 0 0 1 m\nm CNAME ns1",
            vec!["6: m.z.test. is a CNAME, to which no SRV record may point".into()],
        ),
    ] {
        let told: Vec<_> = told.iter().map(|told| format!("z.test.zone:{told}")).collect();
        assert_eq!(warnings(text), told, "{text}");
    }
    let many = warnings("$GENERATE 1-250 s$ NS ns.s$");
    assert_eq!((many.len(), many[100].as_str()), (101, "z.test.zone:5: there are 150 more such warnings in this zone"));
}
