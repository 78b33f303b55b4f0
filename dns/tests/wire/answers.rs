//! What is answered: steered names, static names, and the way from one to the other.

use hickory_proto::{
    op::ResponseCode,
    rr::RecordType::{A, AAAA, ANY, CNAME, DS, HTTPS, MX, NS, SOA, TXT},
};

use crate::world::{World, answers, assert_negative, echo, query};

#[tokio::test]
async fn a_steered_name_is_answered_by_place_with_its_scope() {
    let world = World::new().await;
    let east = ["live.fairway.test. 20 A 192.0.2.10", "live.fairway.test. 20 A 192.0.2.11"];
    for (subnet, scope, told) in [
        ("192.0.2.0/25", 25, &east[..]),
        ("192.0.2.0/24", 25, &east), // scope past SOURCE: the answer is of a narrower network
        ("192.0.2.64/26", 25, &east), // and short of it: it holds for a wider one
        ("192.0.2.1/32", 25, &east),
        ("192.0.2.128/25", 25, &["live.fairway.test. 20 A 192.0.2.20"]),
        ("192.0.2.200/32", 25, &["live.fairway.test. 20 A 192.0.2.20"]),
        ("2001:db8:a::/48", 0, &east), // no IPv6 network is in the West
        ("2001:db8:a:b::/64", 0, &east),
    ] {
        let (reply, got) = world.ask_for("live.fairway.test.", A, subnet).await;
        assert_eq!((answers(&reply), got), (told.iter().map(|t| t.to_string()).collect(), scope), "{subnet}");
        assert!(reply.metadata.authoritative && !reply.metadata.recursion_available, "{subnet}");
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError);
    }
}

#[tokio::test]
async fn no_address_of_the_type_asked_is_no_data_with_the_decisions_scope() {
    let world = World::new().await;
    let (reply, scope) = world.ask_for("live.fairway.test.", AAAA, "192.0.2.0/25").await;
    assert_eq!((answers(&reply), scope), (vec!["live.fairway.test. 20 AAAA 2001:db8::10".into()], 25));

    let (reply, scope) = world.ask_for("live.fairway.test.", AAAA, "192.0.2.128/25").await;
    assert_eq!((reply.metadata.response_code, reply.answers.len(), scope), (ResponseCode::NoError, 0, 25));
    assert_negative(&reply, 20);
}

#[tokio::test]
async fn what_does_not_depend_on_place_has_scope_0() {
    let world = World::new().await;
    for (name, rtype, count) in [
        ("a.steered.fairway.test.", A, 1),
        ("a.steered.fairway.test.", HTTPS, 0),
        ("live.fairway.test.", TXT, 1),
        ("live.fairway.test.", MX, 0),
        ("ns1.fairway.test.", A, 1),
        ("fairway.test.", SOA, 1),
        ("far.fairway.test.", A, 1),
        ("nothing.fairway.test.", A, 0),
        ("x.sub.fairway.test.", A, 0),
        ("live.example.org.", A, 0),
    ] {
        let (reply, scope) = world.ask_for(name, rtype, "192.0.2.0/24").await;
        assert_eq!((reply.answers.len(), scope), (count, 0), "{name} {rtype}");
    }
}

#[tokio::test]
async fn without_the_option_the_resolver_is_the_client_and_none_comes_back() {
    let world = World::new().await;
    let reply = world.ask("live.fairway.test.", A).await;
    assert_eq!(answers(&reply).len(), 2);
    assert!(reply.edns.is_some() && echo(&reply).is_none());
    // SOURCE 0 asks not to be looked at: again the resolver is the client, and the scope is 0.
    for nowhere in ["0.0.0.0/0", "::/0"] {
        let (reply, scope) = world.ask_for("live.fairway.test.", A, nowhere).await;
        assert_eq!((answers(&reply).len(), scope), (2, 0), "{nowhere}");
    }
}

#[tokio::test]
async fn each_steered_answer_is_counted_once() {
    let world = World::new().await;
    let counted = || {
        let snapshot = world.live.snapshot();
        let counters = &snapshot.service("live").unwrap().counters;
        (counters.read(0).0, counters.read(1).0)
    };
    world.ask_for("live.fairway.test.", A, "192.0.2.0/25").await;
    world.ask_for("live.fairway.test.", A, "192.0.2.128/25").await;
    world.ask_for("www.fairway.test.", A, "192.0.2.128/25").await;
    assert_eq!(counted(), (1, 2));
    world.ask_for("live.fairway.test.", AAAA, "192.0.2.128/25").await;
    world.ask("live.fairway.test.", TXT).await;
    assert_eq!(counted(), (1, 2), "no data, and static data, are not a pathway's");

    world.ask_for("nothing.fairway.test.", TXT, "192.0.2.0/25").await;
    let metrics = world.metrics();
    for line in [
        r#"fairway_dns_queries_total{transport="udp",type="A",rcode="NOERROR",ecs="yes"} 3"#,
        r#"fairway_dns_queries_total{transport="udp",type="TXT",rcode="NOERROR",ecs="no"} 1"#,
        r#"fairway_dns_queries_total{transport="udp",type="TXT",rcode="NXDOMAIN",ecs="yes"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn a_pathways_canonical_name_is_a_cname() {
    let world = World::new().await;
    let told = ["named.fairway.test. 40 CNAME cdn.example.net."];
    for rtype in [A, AAAA, CNAME, HTTPS, TXT] {
        assert_eq!(answers(&world.ask("named.fairway.test.", rtype).await), told, "{rtype}");
    }
    // At the apex it would push out the zone's own SOA and NS; its addresses would be told, and are not known here.
    let reply = world.ask("fairway.test.", A).await;
    assert_eq!((reply.metadata.response_code, reply.answers.len()), (ResponseCode::ServFail, 0));
    assert_eq!(world.ask("fairway.test.", NS).await.answers.len(), 2);
}

#[tokio::test]
async fn chains_are_followed_inside_our_zones() {
    let world = World::new().await;
    for (name, subnet, scope, told) in [
        (
            "alias.fairway.test.",
            "192.0.2.128/25",
            25,
            &[
                "alias.fairway.test. 300 CNAME www.fairway.test.",
                "www.fairway.test. 300 CNAME live.fairway.test.",
                "live.fairway.test. 20 A 192.0.2.20",
            ][..],
        ),
        (
            "inner.fairway.test.",
            "192.0.2.128/25",
            25,
            &["inner.fairway.test. 50 CNAME live.fairway.test.", "live.fairway.test. 20 A 192.0.2.20"],
        ),
        ("far.fairway.test.", "192.0.2.0/25", 0, &["far.fairway.test. 300 CNAME cdn.example.net."]),
        (
            "circle.fairway.test.",
            "192.0.2.0/25",
            0,
            &[
                "circle.fairway.test. 300 CNAME elcric.fairway.test.",
                "elcric.fairway.test. 300 CNAME circle.fairway.test.",
            ],
        ),
        ("intosub.fairway.test.", "192.0.2.0/25", 0, &["intosub.fairway.test. 300 CNAME x.sub.fairway.test."]),
    ] {
        let (reply, got) = world.ask_for(name, A, subnet).await;
        assert_eq!((answers(&reply), got), (told.iter().map(|t| t.to_string()).collect(), scope));
        assert!(reply.metadata.authoritative && reply.authorities.is_empty(), "{name}");
        assert_eq!(reply.metadata.response_code, ResponseCode::NoError, "{name}");
    }
    // RFC 6604: the code is that of the chain's end.
    let reply = world.ask("gone.fairway.test.", A).await;
    assert_eq!(answers(&reply), ["gone.fairway.test. 300 CNAME nothing.fairway.test."]);
    assert_eq!(reply.metadata.response_code, ResponseCode::NXDomain);
    assert_negative(&reply, 60);
    assert_eq!(
        answers(&world.ask("www.fairway.test.", CNAME).await),
        ["www.fairway.test. 300 CNAME live.fairway.test."]
    );
}

#[tokio::test]
async fn names_exist_or_do_not() {
    let world = World::new().await;
    for (name, code) in [
        ("ns1.fairway.test.", ResponseCode::NoError),
        ("down.fairway.test.", ResponseCode::NoError),    // above a record
        ("steered.fairway.test.", ResponseCode::NoError), // above a steered name
        ("nothing.fairway.test.", ResponseCode::NXDomain),
        ("x.live.fairway.test.", ResponseCode::NXDomain),
        ("x.down.fairway.test.", ResponseCode::NXDomain),
        ("*.fairway.test.", ResponseCode::NXDomain),
        (r"live\.fairway.test.", ResponseCode::Refused), // one label with a dot in it
    ] {
        let reply = world.ask(name, MX).await;
        assert_eq!((reply.metadata.response_code, reply.answers.len()), (code, 0), "{name}");
        if code != ResponseCode::Refused {
            assert_negative(&reply, 60);
        }
    }
}

#[tokio::test]
async fn what_is_in_no_zone_is_refused() {
    let world = World::new().await;
    for name in ["live.example.org.", "example.net.", "test.", "xfairway.test.", "."] {
        let reply = world.ask(name, A).await;
        assert_eq!(reply.metadata.response_code, ResponseCode::Refused, "{name}");
        assert!(!reply.metadata.authoritative && reply.authorities.is_empty() && reply.answers.is_empty(), "{name}");
        assert_eq!(reply.queries.len(), 1);
    }
}

#[tokio::test]
async fn below_a_delegation_there_is_a_referral() {
    let world = World::new().await;
    for name in ["sub.fairway.test.", "x.y.sub.fairway.test.", "ns.sub.fairway.test."] {
        let reply = world.ask(name, A).await;
        assert_eq!((reply.metadata.response_code, reply.metadata.authoritative), (ResponseCode::NoError, false));
        assert!(reply.answers.is_empty());
        assert!(reply.authorities.iter().all(|r| r.record_type() == NS && r.name.to_ascii() == "sub.fairway.test."));
        assert_eq!(reply.authorities.len(), 2);
        let glue: Vec<_> = reply.additionals.iter().map(|r| format!("{} {}", r.name, r.data)).collect();
        assert_eq!(glue, ["ns.sub.fairway.test. 192.0.2.54"]);
    }
    // RFC 4035 §3.1.4.1: DS is the parent's.
    assert_negative(&world.ask("sub.fairway.test.", DS).await, 60);
}

#[tokio::test]
async fn any_is_answered_with_the_least() {
    let world = World::new().await; // RFC 8482
    for name in
        ["fairway.test.", "ns1.fairway.test.", "live.fairway.test.", "a.steered.fairway.test.", "large.fairway.test."]
    {
        let reply = world.ask(name, ANY).await;
        let mut types: Vec<_> = reply.answers.iter().map(|r| r.record_type()).collect();
        types.dedup();
        assert_eq!(types.len(), 1, "{name}: {types:?}");
    }
    assert_eq!(answers(&world.ask("www.fairway.test.", ANY).await), ["www.fairway.test. 300 CNAME live.fairway.test."]);
    assert_negative(&world.ask("down.fairway.test.", ANY).await, 60);
    assert_eq!(world.ask("nothing.fairway.test.", ANY).await.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn the_askers_letters_come_back() {
    let world = World::new().await;
    for (name, rtype) in [("LiVe.FAIRway.tesT.", A), ("nS1.FaIrWaY.TeSt.", A), ("wWw.fairway.TEST.", CNAME)] {
        let reply = world.udp(&query(name, rtype).bytes()).await;
        assert_eq!(reply.queries[0].name().to_ascii(), name);
        assert!(!reply.answers.is_empty());
        assert!(reply.answers.iter().all(|r| r.name.to_ascii() == name), "{:?}", answers(&reply));
    }
}
