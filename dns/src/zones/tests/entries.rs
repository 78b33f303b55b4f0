use super::*;

#[test]
fn entries_inherit_origin_owner_and_ttl() {
    let text = "\
$TTL 5m ; five minutes
t   A   192.0.2.1
    60 IN AAAA 2001:db8::1
    IN 1h30m TXT here
$ORIGIN sub
@   MX 10 @
www CNAME @ ; the origin in a record's data
$ORIGIN other.z.test.
a A 192.0.2.2 )";
    let text = text.trim_end_matches(" )");
    assert_eq!(
        records(text),
        [
            "a.other.z.test. 300 A c0000202",
            "sub.z.test. 300 MX 000a03737562017a047465737400",
            "www.sub.z.test. 300 CNAME 03737562017a047465737400",
            "t.z.test. 300 A c0000201",
            "t.z.test. 5400 TXT 0468657265",
            "t.z.test. 60 AAAA 20010db8000000000000000000000001",
        ]
    );
}

#[test]
fn without_a_default_the_last_ttl_holds_and_first_the_minimum_of_the_soa() {
    let ttls = |text: &str| {
        let zone = zone(text).unwrap();
        let ttls = zone.sets.iter().map(|set| format!("{} {}", set.rtype, set.ttl)).collect::<Vec<_>>().join(", ");
        format!("{ttls}, negative {}", zone.negative_ttl)
    };
    assert_eq!(
        ttls("@ SOA a b 1 2 3 4 1m\n@ NS n.\n@ 30 A 192.0.2.1\n@ TXT x"),
        "A 30, NS 60, SOA 60, TXT 30, negative 60"
    );
    assert_eq!(ttls("@ 9 SOA a b 1 2 3 4 1m\n@ NS n.\n@ 30 A 192.0.2.1"), "A 30, NS 9, SOA 9, negative 9");
    assert_eq!(ttls("$TTL 7\n@ 900 SOA a b 1 2 3 4 60\n@ NS n."), "NS 7, SOA 900, negative 60");
    assert_eq!(zone("@ NS n.").unwrap_err().to_string(), "z.test.zone:1: there is no TTL: write $TTL above it");
}

#[test]
fn wildcards_and_odd_names_are_names() {
    assert_eq!(
        records(
            "* A 192.0.2.9\n*.a A 192.0.2.9\nb.*.c A 192.0.2.9\n\\*.d A 192.0.2.9\n\\@ A 192.0.2.9\nE\\.\\032f A 192.0.2.9"
        ),
        [
            "*.z.test. 300 A c0000209",
            "\\@.z.test. 300 A c0000209",
            "*.a.z.test. 300 A c0000209",
            "b.*.c.z.test. 300 A c0000209",
            "*.d.z.test. 300 A c0000209",
            "E\\.\\032f.z.test. 300 A c0000209",
        ]
    );
}

#[test]
fn generated_entries_are_written_out() {
    for (text, written) in [
        ("$GENERATE 1-2 h$ A 192.0.2.$", "h1 A 192.0.2.1\nh2 A 192.0.2.2"),
        ("$GENERATE 0-4/2 h$ 60 IN A 192.0.2.$", "h0 60 A 192.0.2.0\nh2 60 A 192.0.2.2\nh4 60 A 192.0.2.4"),
        ("$GENERATE 9-10 h${1} CNAME ${-9,3}.x", "h10 CNAME 000.x\nh11 CNAME 001.x"),
        ("$GENERATE 10-10 ${0,4,x}.${0,0,X}.${0,3,o} TXT a", "000a.A.012 TXT a"),
        ("$GENERATE 171-171 ${0,0,n}.a PTR p${0,7,N}", "b.a.a PTR pB.A.0.0"),
        ("$GENERATE 1-1 a${0,3,n} TXT a${0,2,n}", "a1.0 TXT a1."),
        (r"$GENERATE 1-1 a$$\$\.$ TXT \$", r"a\$\$\.1 TXT $"),
        ("$GENERATE 1-2 h IN MX \"$ mail$\"", "h MX 1 mail1\nh MX 2 mail2"),
        ("$GENERATE 1-2 h MX $ mail$", "h MX 1 mail1\nh MX 2 mail2"),
        ("$GENERATE 1-1 h TXT \"a $\"", "h TXT a 1"),
        ("$GENERATE 1-1 h TXT \"\\\"a $\\\"\"", "h TXT \"a 1\""),
        ("$GENERATE 1-1 h TXT A \"a $\"", "h TXT A \"a 1\""),
        ("a TXT a\n$GENERATE 1-1 $ TXT b\n  AAAA ::1", "a TXT a\n1 TXT b\n1 AAAA ::1"),
    ] {
        assert_eq!(records(text), records(written), "{text}");
        assert!(records(text)[0].contains(".z.test. "), "{:?}", records(text));
    }
    assert_eq!(records("$GENERATE 0-65535 h$ A 192.0.2.1").len(), 65_536);
}

#[test]
fn a_mistake_has_its_line() {
    let directive = "$GENERATE needs a range, a name, a type and its data";
    let form = "$GENERATE: ${…} is written ${offset}, ${offset,width} or ${offset,width,base}, base one of doxXnN";
    let range = "$GENERATE: a range is written 1-100 or 0-100/2, and not downwards";
    for (text, told) in [
        ("a A 192.0.2\nb A 192.0.2.1", r#"5: A: "192.0.2" where there should be an IPv4 address"#),
        ("\n\na", "7: a name, but no record"),
        ("a 60 IN", "5: a name, but no record"),
        (
            "a IN IN A 192.0.2.1",
            r#"5: "IN" is not a type of record; one that is not known here is written TYPE65534 \# 4 0A000001 (RFC 3597)"#,
        ),
        (
            "a IN NONSENSE x",
            r#"5: "NONSENSE" is not a type of record; one that is not known here is written TYPE65534 \# 4 0A000001 (RFC 3597)"#,
        ),
        ("a 60 CH TXT x", "5: class CH; only IN is served"),
        ("a CLASS77 TXT x", "5: class CLASS77; only IN is served"),
        ("a 5x A 192.0.2.1", r#"5: "5x" is not a time: seconds up to 2147483647, or as in 1h30m"#),
        ("a 2147483648 A 192.0.2.1", r#"5: "2147483648" is not a time: seconds up to 2147483647, or as in 1h30m"#),
        ("a 1h30 A 192.0.2.1", r#"5: "1h30" is not a time: seconds up to 2147483647, or as in 1h30m"#),
        ("a..b A 192.0.2.1", r#"5: "a..b" is not a domain name: a label is empty"#),
        ("$TTL soon", "5: $TTL needs a time, as in 300 or 5m"),
        ("$TTL", "5: $TTL needs a time, as in 300 or 5m"),
        ("\n$ORIGIN", "6: $ORIGIN needs a domain name"),
        ("$ORIGIN a..b", r#"5: "a..b" is not a domain name: a label is empty"#),
        ("$INCLUDE other.zone", "5: $INCLUDE other.zone: this text can include no file"),
        ("$INCLUDE", "5: $INCLUDE needs a file, and perhaps an origin"),
        ("$DATE", "5: $DATE is not known; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE"),
        ("\na TXT \"open\nb 60 A 192.0.2.1", "6: a quoted text does not end on its line"),
        ("\na TXT (\n\"x\"\n", "6: unbalanced parenthesis"),
        ("a TXT x )", "5: unbalanced parenthesis"),
        (
            "a RRSIG A 13 2 60 1 1 1 z.test. AAAA",
            "5: RRSIG is not read from files: what this server signs, it signs itself",
        ),
        ("a NSEC b A", "5: NSEC is not read from files: what this server signs, it signs itself"),
        ("@ NSEC3PARAM 1 0 0 -", "5: NSEC3PARAM is not read from files: what this server signs, it signs itself"),
        ("a DNAME b", "5: DNAME is not served: write a CNAME for each name, or for a wildcard"),
        ("a ANY b", "5: ANY is not a type that a zone can hold"),
        ("a AXFR b", "5: AXFR is not a type that a zone can hold"),
        ("$GENERATE", directive),
        ("$GENERATE 1-2", directive),
        ("$GENERATE 1-2 a 60 IN A", directive),
        ("$GENERATE 2-1 a$ A 192.0.2.1", range),
        ("$GENERATE 1-2/0 a$ A 192.0.2.1", range),
        ("$GENERATE 1 a$ A 192.0.2.1", range),
        ("$GENERATE 0-65536 a$ A 192.0.2.1", "$GENERATE: more than 65536 entries"),
        ("$GENERATE 1-2 a${ A 192.0.2.1", form),
        ("$GENERATE 1-2 a${x} A 192.0.2.1", form),
        ("$GENERATE 1-2 a${0,999} A 192.0.2.1", form),
        ("$GENERATE 1-2 a${0,1,q} A 192.0.2.1", form),
        ("$GENERATE 1-2 a${0,1,d,1} A 192.0.2.1", form),
        ("$GENERATE 1-2 a${-2} A 192.0.2.1", "$GENERATE: an offset makes a number negative"),
        ("$GENERATE 255-256 a$ A 192.0.2.$", r#"5: A: "192.0.2.256" where there should be an IPv4 address"#),
    ] {
        let told = if told.starts_with('$') { format!("5: {told}") } else { told.into() };
        assert_eq!(records(text), [format!("z.test.zone:{told}")], "{text}");
    }
    assert_eq!(
        zone(" A 192.0.2.1").unwrap_err().to_string(),
        "z.test.zone:1: there is no owner name yet to go on with"
    );
}
