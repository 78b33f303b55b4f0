//! How many queries, of what kind, and what became of them.
//!
//! One atomic counter for each combination of labels, all of them there from the start: counting takes no lock. Both
//! label sets that a stranger could inflate, types and codes, are closed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use hickory_proto::{op::ResponseCode, rr::RecordType};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter},
    registry::Registry,
};

use crate::answer::Transport;

const TRANSPORTS: [(Transport, &str); 2] = [(Transport::Udp, "udp"), (Transport::Tcp, "tcp")];

/// Types counted by name; all others are `other`.
const TYPES: [(RecordType, &str); 12] = [
    (RecordType::A, "A"),
    (RecordType::AAAA, "AAAA"),
    (RecordType::ANY, "ANY"),
    (RecordType::CAA, "CAA"),
    (RecordType::CNAME, "CNAME"),
    (RecordType::HTTPS, "HTTPS"),
    (RecordType::MX, "MX"),
    (RecordType::NS, "NS"),
    (RecordType::SOA, "SOA"),
    (RecordType::SRV, "SRV"),
    (RecordType::SVCB, "SVCB"),
    (RecordType::TXT, "TXT"),
];

/// Codes that replies have; any other would be counted as `other`.
const CODES: [(ResponseCode, &str); 6] = [
    (ResponseCode::NoError, "NOERROR"),
    (ResponseCode::FormErr, "FORMERR"),
    (ResponseCode::NXDomain, "NXDOMAIN"),
    (ResponseCode::NotImp, "NOTIMP"),
    (ResponseCode::Refused, "REFUSED"),
    (ResponseCode::BADVERS, "BADVERS"),
];

const SUBNET: [(bool, &str); 2] = [(false, "no"), (true, "yes")];
const CELLS: usize = TRANSPORTS.len() * (TYPES.len() + 1) * (CODES.len() + 1) * SUBNET.len();

/// One answered query, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// How it came.
    pub transport: Transport,
    /// What it asked for; `None` without a question.
    pub rtype: Option<RecordType>,
    /// What it got.
    pub code: ResponseCode,
    /// Whether it told of a client subnet.
    pub subnet: bool,
}

/// Counters of answered queries: `dns_queries_total` (under the registry's prefix) by transport, type, code, and
/// whether with client subnet.
pub struct Metrics {
    queries: [AtomicU64; CELLS],
}

impl Default for Metrics {
    fn default() -> Self {
        Self { queries: [const { AtomicU64::new(0) }; CELLS] }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Index of `value` among `known`, which is also how many there are for one that is not.
fn index<T: PartialEq>(known: &[(T, &str)], value: T) -> usize {
    known.iter().position(|(k, _)| *k == value).unwrap_or(known.len())
}

fn label<T>(known: &[(T, &'static str)], index: usize) -> &'static str {
    known.get(index).map_or("other", |(_, name)| name)
}

impl Metrics {
    /// New counters, registered.
    pub fn register(registry: &mut Registry) -> Arc<Self> {
        let metrics = Arc::new(Self::default());
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// Counts one answered query.
    pub fn count(&self, query: Counted) {
        let rtype = query.rtype.map_or(TYPES.len(), |rtype| index(&TYPES, rtype));
        let mut cell = index(&TRANSPORTS, query.transport);
        cell = cell * (TYPES.len() + 1) + rtype;
        cell = cell * (CODES.len() + 1) + index(&CODES, query.code);
        cell = cell * SUBNET.len() + usize::from(query.subnet);
        self.queries[cell].fetch_add(1, Ordering::Relaxed);
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut queries = encoder.encode_descriptor(
            "dns_queries",
            "DNS queries answered, by transport, type, response code, and whether they told of a client subnet",
            None,
            MetricType::Counter,
        )?;
        for (cell, count) in self.queries.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            if count == 0 {
                continue;
            }
            let (rest, subnet) = (cell / SUBNET.len(), cell % SUBNET.len());
            let (rest, code) = (rest / (CODES.len() + 1), rest % (CODES.len() + 1));
            let (transport, rtype) = (rest / (TYPES.len() + 1), rest % (TYPES.len() + 1));
            let labels = [
                ("transport", label(&TRANSPORTS, transport)),
                ("type", label(&TYPES, rtype)),
                ("rcode", label(&CODES, code)),
                ("ecs", label(&SUBNET, subnet)),
            ];
            ConstCounter::new(count).encode(queries.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_has_a_counter_of_its_own() {
        let mut registry = Registry::with_prefix("fairway");
        let metrics = Metrics::register(&mut registry);
        let query = Counted {
            transport: Transport::Udp,
            rtype: Some(RecordType::AAAA),
            code: ResponseCode::NoError,
            subnet: true,
        };
        metrics.count(query);
        metrics.count(query);
        metrics.count(Counted { transport: Transport::Tcp, rtype: None, code: ResponseCode::FormErr, subnet: false });
        metrics.count(Counted { rtype: Some(RecordType::Unknown(999)), code: ResponseCode::BADKEY, ..query });
        metrics.count(Counted {
            transport: Transport::Tcp,
            rtype: Some(RecordType::TXT),
            code: ResponseCode::BADVERS,
            subnet: true,
        });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let mut lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                r#"fairway_dns_queries_total{transport="tcp",type="TXT",rcode="BADVERS",ecs="yes"} 1"#,
                r#"fairway_dns_queries_total{transport="tcp",type="other",rcode="FORMERR",ecs="no"} 1"#,
                r#"fairway_dns_queries_total{transport="udp",type="AAAA",rcode="NOERROR",ecs="yes"} 2"#,
                r#"fairway_dns_queries_total{transport="udp",type="other",rcode="other",ecs="yes"} 1"#,
            ]
        );
    }
}
