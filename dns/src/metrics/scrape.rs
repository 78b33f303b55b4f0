//! What is counted, told to Prometheus: summed over the blocks at each scrape.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Unit,
};

use super::{
    Metrics,
    block::Block,
    histogram::Times,
    labels::{CODES, CONTINENTS, Cookie, Dropped, TYPES, Truncated},
};
use crate::{
    server::limits::{Closed, Counters},
    transport::Transport,
};

/// What the registry holds.
#[derive(Debug)]
pub(super) struct Scraped(pub(super) Arc<Metrics>);

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (encoder, blocks) = (&mut encoder, self.0.blocks());
        queries(encoder, &blocks)?;
        let mut list = |name, help, label, values: &[&str], of: fn(&Block) -> &[AtomicU64]| {
            let of = |at: usize| blocks.iter().filter_map(move |block| of(block).get(at));
            let sum = |at: usize| -> u64 { of(at).map(|count| count.load(Relaxed)).sum() };
            counters(encoder, name, help, |out| {
                values.iter().enumerate().try_for_each(|(at, value)| counter(out, &[(label, value)], sum(at)))
            })
        };
        let values = Dropped::ALL.map(Dropped::name);
        list("dns_dropped", "Datagrams that got no reply", "reason", &values, |block| &block.dropped)?;
        let values = Truncated::ALL.map(Truncated::name);
        list("dns_truncated", "Replies that sent the client to TCP", "why", &values, |block| &block.truncated)?;
        let values = Cookie::ALL.map(Cookie::name);
        list("dns_cookies", "Answered queries by their cookie", "cookie", &values, |block| &block.cookies)?;
        let help = "Clients for whom something was decided";
        list("dns_places", help, "continent", &CONTINENTS, |block| &block.continents)?;
        latency(encoder, &blocks)?;
        connections(encoder, &self.0.connections)?;
        let signatures = self.0.signatures.load(Relaxed);
        counters(encoder, "dns_signatures", "DNSSEC signatures made", |out| counter(out, &[], signatures))?;
        counters(encoder, "dns_notices", "Notices to secondaries, and what became of them", |out| {
            let counts = &self.0.notices;
            let by_outcome = [
                ("sent", &counts.sent),
                ("acknowledged", &counts.acknowledged),
                ("refused", &counts.refused),
                ("unanswered", &counts.unanswered),
            ];
            let mut each = by_outcome.into_iter();
            each.try_for_each(|(outcome, count)| counter(out, &[("outcome", outcome)], count.load(Relaxed)))
        })?;
        counters(encoder, "dns_query_log_lines", "Sampled queries, by what became of their line", |out| {
            let by_outcome = self.0.query_log.by_outcome();
            by_outcome.into_iter().try_for_each(|(outcome, count)| counter(out, &[("outcome", outcome)], count))
        })
    }
}

fn queries(encoder: &mut DescriptorEncoder, blocks: &[Arc<Block>]) -> fmt::Result {
    let help = "DNS queries answered, by transport, type, response code, and whether they told of a client subnet";
    counters(encoder, "dns_queries", help, |out| {
        for transport in Transport::ALL {
            let mut totals = BTreeMap::<_, u64>::new();
            for (kind, count) in blocks.iter().flat_map(|block| block.queries(transport)) {
                *totals.entry(kind).or_default() += count.load(Relaxed);
            }
            for ((rtype, code, subnet), count) in totals.into_iter().filter(|(_, count)| *count > 0) {
                let labels = [
                    ("transport", transport.name()),
                    ("type", TYPES.get(rtype).map_or("other", |(_, name)| name)),
                    ("rcode", CODES.get(code).map_or("other", |(_, name)| name)),
                    ("ecs", if subnet { "yes" } else { "no" }),
                ];
                counter(out, &labels, count)?;
            }
        }
        Ok(())
    })
}

fn latency(encoder: &mut DescriptorEncoder, blocks: &[Arc<Block>]) -> fmt::Result {
    let help = "Time from a query's receipt to its reply's sending";
    let mut out = encoder.encode_descriptor("dns_latency", help, Some(&Unit::Seconds), MetricType::Histogram)?;
    for transport in Transport::ALL {
        let mut times = Times::default();
        blocks.iter().for_each(|block| times.add(&block.took[transport as usize]));
        let no_exemplars = None::<&HashMap<usize, Exemplar<NoLabelSet, f64>>>;
        let labels = [("transport", transport.name())];
        let mut out = out.encode_family(&labels)?;
        out.encode_histogram(times.sum(), times.count(), &times.buckets(), no_exemplars)?;
    }
    Ok(())
}

fn connections(encoder: &mut DescriptorEncoder, counts: &Counters) -> fmt::Result {
    const OF_CONNECTIONS: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Https, Transport::Quic];
    let mut open = encoder.encode_descriptor("dns_connections_open", "Connections open", None, MetricType::Gauge)?;
    for transport in OF_CONNECTIONS {
        open.encode_family(&[("transport", transport.name())])?.encode_gauge(&counts.of(transport).open())?;
    }
    counters(encoder, "dns_connections", "Connections that came, by what became of them", |out| {
        OF_CONNECTIONS.into_iter().try_for_each(|transport| {
            let counts = counts.of(transport);
            let by_outcome = [("accepted", counts.accepted()), ("refused", counts.refused())];
            by_outcome.into_iter().try_for_each(|(outcome, count)| {
                counter(out, &[("transport", transport.name()), ("outcome", outcome)], count)
            })
        })
    })?;
    counters(encoder, "dns_connections_closed", "Connections that ended, by why", |out| {
        OF_CONNECTIONS.into_iter().try_for_each(|transport| {
            Closed::ALL.into_iter().try_for_each(|why| {
                let labels = [("transport", transport.name()), ("why", why.name())];
                counter(out, &labels, counts.of(transport).closed(why))
            })
        })
    })?;
    let exhausted = counts.exhausted.load(Relaxed);
    let help = "Times that no connection could be accepted for want of file descriptors or memory";
    counters(encoder, "dns_accept_exhausted", help, |out| counter(out, &[], exhausted))?;
    let transfers = counts.transfers.load(Relaxed);
    counters(encoder, "dns_transfers", "Zone transfers begun", |out| counter(out, &[], transfers))
}

fn counters(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    each: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    each(&mut encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn counter(out: &mut MetricEncoder<'_>, labels: &[(&str, &str)], count: u64) -> fmt::Result {
    match labels {
        [] => out.encode_counter::<NoLabelSet, _, u64>(&count, None),
        labels => out.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None),
    }
}
