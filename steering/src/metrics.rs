//! What this room tells Prometheus. Read from [`Live`] at each scrape: nothing is counted twice, and answering pays for
//! nothing but its own counters. Labels are ids from policies, so their number is bounded by what operators wrote.

use std::{fmt, sync::Arc, sync::atomic::Ordering};

use chrono::{DateTime, Utc};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Registry,
};

use crate::{
    demand::Demand,
    health::{Health, Tally},
    live::Live,
    overrides::of_pathway,
    snapshot::{Service, Snapshot},
};

/// Adds this room's metrics to a registry, which gives them the prefix `fairway_`.
pub fn register(registry: &mut Registry, live: Arc<Live>) {
    registry.register_collector(Box::new(Metrics { live }));
}

#[derive(Debug)]
struct Metrics {
    live: Arc<Live>,
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (snapshot, status, now) = (self.live.snapshot(), self.live.status(), Utc::now());
        decisions(&mut encoder, &snapshot)?;
        verdicts(&mut encoder, &snapshot)?;
        returns(&mut encoder, &snapshot)?;
        overrides(&mut encoder, &snapshot)?;
        probes(&mut encoder, &status.probes)?;
        demand(&mut encoder, &status.demand)?;

        let mut gauge = |name, help, value: f64| gauges(&mut encoder, name, help, |mut out| out.encode_gauge(&value));
        gauge("snapshot_version", "Number of the snapshot that answers are made from", snapshot.version as f64)?;
        gauge("snapshot_age_seconds", "Time since it was compiled", age(snapshot.made_at, now))?;
        if let Some(at) = status.cells_at {
            gauge("cells_age_seconds", "Time since cells were last fetched from the store", age(at, now))?;
        }
        gauge(
            "policies_refused",
            "1 while the last reload of policies is refused",
            f64::from(status.refusal.is_some()),
        )?;

        let answers = &self.live.answers;
        let by_status = [("200", &answers.ok), ("404", &answers.unknown_service)];
        counters(&mut encoder, "steering_responses", "Answers of the HTTP steering service", |mut out| {
            by_status.iter().try_for_each(|(status, count)| {
                counter(&mut out, &[("status", *status)], count.load(Ordering::Relaxed))
            })
        })?;
        let recorder = &self.live.recorder;
        let by_outcome = [("recorded", &recorder.recorded), ("dropped", &recorder.dropped)];
        counters(
            &mut encoder,
            "decisions_recorded",
            "Decisions that were to be recorded, by what became of them",
            |mut out| {
                by_outcome.iter().try_for_each(|(outcome, count)| {
                    counter(&mut out, &[("outcome", *outcome)], count.load(Ordering::Relaxed))
                })
            },
        )?;
        let deliveries = &self.live.deliveries;
        let by_outcome = [("delivered", &deliveries.delivered), ("failed", &deliveries.failed)];
        counters(&mut encoder, "webhook_deliveries", "Scaling events told to the webhook", |mut out| {
            by_outcome.iter().try_for_each(|(outcome, count)| {
                counter(&mut out, &[("outcome", *outcome)], count.load(Ordering::Relaxed))
            })
        })
    }
}

fn decisions(encoder: &mut DescriptorEncoder, snapshot: &Snapshot) -> fmt::Result {
    counters(encoder, "decisions", "Decisions by the pathway that came first", |mut out| {
        each_pathway(snapshot, |service, index, pathway| {
            let (dns, http) = service.counters.read(index);
            let labels = |via| [("service", service.policy.service.as_str()), ("pathway", pathway), ("via", via)];
            counter(&mut out, &labels("dns"), dns)?;
            counter(&mut out, &labels("http"), http)
        })
    })
}

fn verdicts(encoder: &mut DescriptorEncoder, snapshot: &Snapshot) -> fmt::Result {
    gauges(encoder, "verdict", "1 for the health that a pathway has, 0 for those it has not", |mut out| {
        each_pathway(snapshot, |service, index, pathway| {
            let is = service.inputs.verdicts.get(index).map(|verdict| verdict.health);
            Health::ALL.into_iter().try_for_each(|health| {
                let labels = [("service", &*service.policy.service), ("pathway", pathway), ("health", health.word())];
                gauge(&mut out, &labels, u64::from(is == Some(health)))
            })
        })
    })
}

fn returns(encoder: &mut DescriptorEncoder, snapshot: &Snapshot) -> fmt::Result {
    gauges(encoder, "ramp", "The share of clients for whom a pathway is back, 1 where it was never down", |mut out| {
        each_pathway(snapshot, |service, index, pathway| {
            let share = service.inputs.ramps.get(index).map_or(1.0, |ramp| f64::from(ramp.share));
            gauge(&mut out, &[("service", &*service.policy.service), ("pathway", pathway)], share)
        })
    })
}

fn overrides(encoder: &mut DescriptorEncoder, snapshot: &Snapshot) -> fmt::Result {
    gauges(encoder, "overrides", "Overrides that speak of a pathway, whatever its verdict", |mut out| {
        each_pathway(snapshot, |service, _, pathway| {
            let count = of_pathway(&service.inputs.overrides, pathway).count();
            gauge(&mut out, &[("service", &*service.policy.service), ("pathway", pathway)], count as u64)
        })
    })
}

fn probes(encoder: &mut DescriptorEncoder, tallies: &[Tally]) -> fmt::Result {
    counters(encoder, "probes", "Health probes ended", |mut out| {
        tallies.iter().try_for_each(|Tally { service, pathway, passed, failed }| {
            let labels = |outcome| [("service", service.as_str()), ("pathway", pathway.as_str()), ("outcome", outcome)];
            counter(&mut out, &labels("passed"), *passed)?;
            counter(&mut out, &labels("failed"), *failed)
        })
    })
}

fn demand(encoder: &mut DescriptorEncoder, demand: &[Demand]) -> fmt::Result {
    let mut each = |name: &str, help: &str, value: fn(&Demand) -> Option<u64>| {
        gauges(encoder, name, help, |mut out| {
            demand.iter().try_for_each(|d| match value(d) {
                Some(value) => {
                    gauge(&mut out, &[("service", d.service.as_str()), ("pathway", d.pathway.as_str())], value)
                }
                None => Ok(()),
            })
        })
    };
    each("demand_sessions", "Sessions that play from a pathway", |d| Some(d.sessions))?;
    each("demand_bits_per_second", "Media played from a pathway", |d| Some(d.bits_per_second))?;
    each("capacity_bits_per_second", "What a pathway can carry, as its policy says", |d| d.capacity)?;
    each("scaling_over", "1 while a pathway's demand is over its trigger", |d| d.capacity.map(|_| d.over.into()))
}

fn each_pathway(snapshot: &Snapshot, mut each: impl FnMut(&Service, usize, &str) -> fmt::Result) -> fmt::Result {
    snapshot.services.iter().try_for_each(|service| {
        let mut pathways = service.policy.pathways.iter().enumerate();
        pathways.try_for_each(|(index, pathway)| each(service, index, &pathway.id))
    })
}

fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (now - then).as_seconds_f64().max(0.0)
}

fn counters(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    fill: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    fill(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}

fn gauges(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    fill: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    fill(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counter(out: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: impl EncodeCounterValue) -> fmt::Result {
    out.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn gauge(out: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: impl EncodeGaugeValue) -> fmt::Result {
    out.encode_family(&labels)?.encode_gauge(&value)
}
