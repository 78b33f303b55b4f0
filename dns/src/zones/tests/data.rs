use super::{super::data::canonical, *};

#[test]
fn examples_of_the_rfcs_are_read_as_they_say() {
    for (text, octets) in [
        ("TXT \"a;b\" c\\\"d \\065\\\\ \"\"", "03613b620363226402415c00"),
        ("TXT caf\u{e9}", "05636166c3a9"),
        // RFC 9460, appendix D.
        ("HTTPS 0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00"),
        ("SVCB 1 .", "000100"),
        ("SVCB 16 foo.example.com. port=53", "001003666f6f076578616d706c6503636f6d00000300020035"),
        ("SVCB 1 foo.example.com. key667=hello", "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"),
        (
            "SVCB 1 foo.example.com. key667=\"hello\\210qoo\"",
            "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
        ),
        (
            "SVCB 1 foo.example.com. (ipv6hint=\"2001:db8::1,2001:db8::53:1\")",
            "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
        ),
        (
            "SVCB 1 example.com. ( ipv6hint=\"2001:db8:122:344::192.0.2.33\" )",
            "0001076578616d706c6503636f6d000006001020010db801220344000000 00c0000221",
        ),
        (
            "SVCB 16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )",
            "001003666f6f076578616d706c65036f726700 00000004 00010004 00010009 0268320568332d3139 00040004c0000201",
        ),
        (
            r#"SVCB 16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
            "001003666f6f076578616d706c65036f726700 0001000c 08665c6f6f2c626172 026832",
        ),
        (
            r"SVCB 16 foo.example.org. alpn=f\\\092oo\092,bar,h2",
            "001003666f6f076578616d706c65036f726700 0001000c 08665c6f6f2c626172 026832",
        ),
        (
            "HTTPS 1 . alpn=h2 no-default-alpn ohttp key3=\\001\\187",
            "000100 00010003026832 00020000 0003000201bb 00080000",
        ),
        // What the other readers here do not know.
        ("CAA 128 iodef mailto:a@b.test", "8005696f6465666d61696c746f3a6140622e74657374"),
        ("CAA 0 issue \";\"", "000569737375653b"),
        ("NSAP-PTR foo.bar.", "03666f6f0362617200"),
        ("RKEY 0 1 RSASHA256 AQP/", "0000010801 03ff"),
        ("TA 1 ED25519 2 00 ff", "00010f0200ff"),
        ("NINFO a \"b c\"", "016103622063"),
        ("WALLET BTC abc", "0342544303616263"),
        ("DSYNC CDS 1 5359 cds", "003b0114ef036364 73017a047465737400"),
        // RFC 3597, section 5.
        ("TYPE65534 \\# 4 0A000001", "0a000001"),
        ("TYPE731 \\# 6 abcd ( ef 01 23 45 )", "abcdef012345"),
        ("TYPE62347 \\# 0", ""),
        ("TYPE1 \\# 4 0A000001", "0a000001"),
        ("A \\# 4 0A 00 00 01", "0a000001"),
        ("TYPE15 10 mail", "000a046d61696c017a047465737400"),
        ("IPSECKEY \\# 3 0a0002", "0a0002"),
        ("SVCB \\# 9 000100 0003 0002 0035", "000100000300020035"),
    ] {
        assert_eq!(data(text), octets.replace(' ', ""), "{text}");
    }
}

#[test]
fn what_is_not_the_data_of_its_type_is_told() {
    const ESCAPE: &str = r"a text, in which \ is followed by three digits up to 255 or another octet";
    let texts = |length| format!("TXT {}", "x".repeat(length));
    assert_eq!(data(&texts(255)).len(), 512);
    for (text, told) in [
        ("A", "A: it ends where there should be an IPv4 address"),
        ("A 192.0.2.1 x", r#"A: "x" is more than it holds"#),
        ("A 192.0.2.01", r#"A: "192.0.2.01" where there should be an IPv4 address"#),
        ("AAAA 192.0.2.1", r#"AAAA: "192.0.2.1" where there should be an IPv6 address"#),
        ("MX ten mail", r#"MX: "ten" where there should be a number up to 65535"#),
        ("MX 10", "MX: it ends where there should be a domain name"),
        ("MX +10 mail", r#"MX: "+10" where there should be a number up to 65535"#),
        ("MX 10 a..b", r#"MX: "a..b" is not a domain name: a label is empty"#),
        ("SRV 0 5 65536 sip", r#"SRV: "65536" where there should be a number up to 65535"#),
        ("TXT", "TXT: it ends where there should be a text"),
        (r"TXT a\256", &format!(r#"TXT: "a\256" where there should be {ESCAPE}"#)),
        (r"TXT a\25", &format!(r#"TXT: "a\25" where there should be {ESCAPE}"#)),
        ("TXT a\"b\"", r#"TXT: "a"b"" where there should be a text, without a quote inside"#),
        (&texts(256), &format!(r#"TXT: "{}…" where there should be a text of at most 255 octets"#, "x".repeat(60))),
        ("CAA 0 is-sue x", r#"CAA: "is-sue" where there should be a tag of letters and digits, as in issue"#),
        ("CAA 256 issue x", r#"CAA: "256" where there should be a number up to 255"#),
        ("DS 1 13 2 abc", r#"DS: "abc" where there should be octets in hex, two digits each"#),
        ("DS 1 13 2", "DS: it ends where there should be octets in hex, two digits each"),
        ("DS 1 RSA 2 ab", r#"DS: "RSA" where there should be a DNSSEC algorithm, by its number or name"#),
        ("DNSKEY 256 3 13 AAA", r#"DNSKEY: "AAA" where there should be octets in base 64"#),
        ("CSYNC 1 3 A NOPE", r#"CSYNC: "NOPE" where there should be a type of record"#),
        (
            "EUI48 00-00-5e-00-53",
            r#"EUI48: "00-00-5e-00-53" where there should be pairs of hex, as in 00-00-5e-00-53-2a"#,
        ),
        ("NID 1 1:2:3", r#"NID: "1:2:3" where there should be four groups of hex, as in 2001:db8:0:1"#),
        (
            "APL 1:192.0.2.0/33",
            r#"APL: "1:192.0.2.0/33" where there should be a prefix, as in 1:192.0.2.0/24 or !2:2001:db8::/32"#,
        ),
        ("LOC 91 N 0 E 0", r#"LOC: "91" where there should be an angle, as in 51 30 12.748 N or 0 7 39 W"#),
        ("LOC 90 1 N 0 E 0", r#"LOC: "N" where there should be an angle, as in 51 30 12.748 N or 0 7 39 W"#),
        ("LOC 9 60 N 0 E 0", r#"LOC: "60" where there should be an angle, as in 51 30 12.748 N or 0 7 39 W"#),
        ("LOC 9 N 0 E -100001", r#"LOC: "-100001" where there should be an altitude in metres, as in -24.5m"#),
        ("HIP 2 aa bb", r"HIP: it is read in the generic form only, as in \# 4 0A000001 (RFC 3597)"),
        ("TYPE65534 10.0.0.1", r"TYPE65534: it is read in the generic form only, as in \# 4 0A000001 (RFC 3597)"),
        (r"TYPE65534 \# 4 0A0000", r"TYPE65534: \# 4, but 3 octets follow"),
        (r"TYPE65534 \# four", r#"TYPE65534: "four" where there should be the number of octets"#),
        (r"A \# 3 0A0000", "A: these octets are not its data"),
        (r"NS \# 3 016100ff", r"NS: \# 3, but 4 octets follow"),
        (r"NS \# 4 016100ff", "NS: these octets are not its data"),
        (r"NS \# 2 c00c", "NS: these octets are not its data"),
        (r"SVCB \# 11 000100 0003 0001 35 0003", "SVCB: \\# 11, but 10 octets follow"),
        (r"SVCB \# 8 000100 0003 0001 35", "SVCB: these octets are not its data"),
        (r"CSYNC \# 8 00000001 0003 0000", "CSYNC: these octets are not its data"),
        ("HTTPS 1 . alpn", "HTTPS: alpn: protocols, as in h2,h3"),
        ("HTTPS 1 . alpn=h2,,h3", "HTTPS: alpn: protocols, as in h2,h3"),
        ("HTTPS 1 . port=65536", "HTTPS: port: a number up to 65535"),
        ("HTTPS 1 . port=1 port=2", "HTTPS: port: is there twice"),
        ("HTTPS 1 . key3=\\001\\002 port=2", "HTTPS: port: is there twice"),
        ("HTTPS 1 . ipv4hint=::1", "HTTPS: ipv4hint: IPv4 addresses with commas between"),
        ("HTTPS 1 . no-default-alpn", "HTTPS: no-default-alpn: a parameter that it needs is not there"),
        ("HTTPS 1 . no-default-alpn=x alpn=h2", "HTTPS: no-default-alpn: has no value"),
        ("HTTPS 1 . mandatory=alpn", "HTTPS: mandatory: a parameter that it needs is not there"),
        ("HTTPS 1 . mandatory=mandatory", "HTTPS: mandatory: other keys, each once, with commas between"),
        ("HTTPS 1 . mandatory=port,port port=1", "HTTPS: mandatory: other keys, each once, with commas between"),
        ("HTTPS 1 . key65535=x", "HTTPS: key65535: is not a parameter's key"),
        ("HTTPS 1 . ALPN=h2", "HTTPS: ALPN: is not a parameter's key"),
        ("HTTPS 1 . key65400=a\"b\"", "HTTPS: key65400: its quotes or escapes are not closed"),
    ] {
        assert_eq!(data(text), told, "{text}");
    }
}

#[test]
fn data_are_compared_as_rfc_4034_says() {
    assert_eq!(canonical(15, b"\0A\x01B\x01c\0"), b"\0A\x01b\x01c\0");
    assert_eq!(canonical(16, b"\x01A"), b"\x01A");
    assert_eq!(canonical(65, b"\0\x01\x01A\0"), b"\0\x01\x01A\0", "not in types after RFC 3597");
    assert_eq!(canonical(15, b"\0"), b"\0", "what is no data is left as it is");
}
