//! What a scrape shows of what was counted.

use std::{thread, time::Duration};

use fairway_steering::Place;

use super::*;
use crate::transport::Transport;

fn scraped(registry: &Registry, series: &str) -> Vec<String> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    let is_series = |line: &&str| line.split(['{', ' ']).next() == Some(series);
    text.lines().filter(is_series).map(|line| line[series.len()..].trim().to_owned()).collect()
}

fn query(transport: Transport, rtype: Option<u16>, code: u16, subnet: bool) -> Counted {
    Counted { transport, rtype, code, subnet, truncated: None, cookie: Cookie::None, place: None }
}

#[test]
fn each_combination_has_a_counter_of_its_own() {
    let mut registry = Registry::with_prefix("fairway");
    let metrics = Metrics::register(&mut registry);
    let counts = metrics.shared();
    counts.answered(&query(Transport::Udp, Some(28), 0, true));
    counts.answered(&query(Transport::Udp, Some(28), 0, true));
    counts.answered(&query(Transport::Tcp, None, 1, false));
    counts.answered(&query(Transport::Quic, Some(999), 17, true));
    counts.answered(&query(Transport::Tcp, Some(257), 16, true));
    let mut lines = scraped(&registry, "fairway_dns_queries_total");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"{transport="quic",type="other",rcode="other",ecs="yes"} 1"#,
            r#"{transport="tcp",type="CAA",rcode="BADVERS",ecs="yes"} 1"#,
            r#"{transport="tcp",type="other",rcode="FORMERR",ecs="no"} 1"#,
            r#"{transport="udp",type="AAAA",rcode="NOERROR",ecs="yes"} 2"#,
        ]
    );
}

#[test]
fn what_threads_count_apart_is_told_together() {
    const EACH: u64 = 10_000;
    let mut registry = Registry::with_prefix("fairway");
    let metrics = Metrics::register(&mut registry);
    let blocks = [metrics.block(), metrics.block(), metrics.shared().clone(), metrics.shared().clone()];
    thread::scope(|scope| {
        for block in &blocks {
            scope.spawn(|| {
                for _ in 0..EACH {
                    block.answered(&query(Transport::Udp, Some(1), 0, false));
                    block.dropped(Dropped::RateLimited, 2);
                    block.took(Transport::Udp, Duration::from_micros(3), 1);
                }
            });
        }
    });
    drop(blocks); // what a thread counted outlives it
    let queries = scraped(&registry, "fairway_dns_queries_total");
    assert_eq!(queries, [r#"{transport="udp",type="A",rcode="NOERROR",ecs="no"} 40000"#]);
    let dropped = scraped(&registry, "fairway_dns_dropped_total");
    assert!(dropped.contains(&r#"{reason="rate_limited"} 80000"#.to_owned()), "{dropped:?}");
    let sum = scraped(&registry, "fairway_dns_latency_seconds_sum");
    assert!(sum.contains(&r#"{transport="udp"} 0.12"#.to_owned()), "{sum:?}");
    let buckets = scraped(&registry, "fairway_dns_latency_seconds_bucket");
    assert!(buckets.contains(&r#"{le="0.000002",transport="udp"} 0"#.to_owned()), "{buckets:?}");
    assert!(buckets.contains(&r#"{le="0.000005",transport="udp"} 40000"#.to_owned()), "{buckets:?}");
    assert!(buckets.contains(&r#"{le="+Inf",transport="udp"} 40000"#.to_owned()), "{buckets:?}");
}

#[test]
fn the_rest_is_told_from_the_start_and_counted_where_it_belongs() {
    let mut registry = Registry::with_prefix("fairway");
    let metrics = Metrics::register(&mut registry);
    let zeros = scraped(&registry, "fairway_dns_dropped_total");
    assert!(zeros.len() == Dropped::ALL.len() && zeros.iter().all(|line| line.ends_with("} 0")), "{zeros:?}");

    let eu = Place { continent: Some(fairway_geo::Continent::Eu), ..Place::default() };
    let base = query(Transport::Udp, Some(1), 0, false);
    let truncated = Some(Truncated::RateLimited);
    metrics.shared().answered(&Counted { truncated, cookie: Cookie::Bad, place: Some(eu), ..base });
    metrics.shared().answered(&Counted { place: Some(Place::default()), ..base });
    metrics.signatures.fetch_add(7, std::sync::atomic::Ordering::Relaxed);
    let ones = |series| {
        let lines = scraped(&registry, series).into_iter();
        lines.filter(|line| !line.ends_with(" 0")).collect::<Vec<_>>()
    };
    assert_eq!(ones("fairway_dns_truncated_total"), [r#"{why="rate_limited"} 1"#]);
    assert_eq!(ones("fairway_dns_cookies_total"), [r#"{cookie="none"} 1"#, r#"{cookie="bad"} 1"#]);
    assert_eq!(ones("fairway_dns_places_total"), [r#"{continent="EU"} 1"#, r#"{continent="unknown"} 1"#]);
    assert_eq!(ones("fairway_dns_signatures_total"), ["7"]);
    metrics.notices.refused.fetch_add(2, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(ones("fairway_dns_notices_total"), [r#"{outcome="refused"} 2"#]);
    assert_eq!(scraped(&registry, "fairway_dns_connections_open").len(), 4);
    assert_eq!(scraped(&registry, "fairway_dns_connections_total").len(), 8);
}
