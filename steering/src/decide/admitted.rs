//! Whom full pathways admit: [`admissions`] with the chain's own [`shares`], so that what is reckoned is what will be answered.

use chrono::{DateTime, Utc};
use fairway_geo::Place;
use fairway_policies::{Capacity, StepKind};

use super::shares;
use crate::{
    client::{Asker, Client, Via},
    demand::admissions,
    snapshot::Service,
};

/// A sender of any session: admissions are for the draws of all of them.
const SOMEONE: &str = "someone";

/// The admissions of a service with this traffic (bit/s) at each place, by pathway index; everyone where no step asks for
/// them. `before` is what was in force.
pub fn admitted(mut service: Service, before: &[f32], traffic: &[(Place, f64)], now: DateTime<Utc>) -> Vec<f32> {
    let policy = service.policy.clone();
    let fill = policy.steps.iter().find_map(|step| match &step.kind {
        StepKind::Capacity(Capacity { fill }) => Some(*fill),
        _ => None,
    });
    let Some(fill) = fill else { return vec![1.0; policy.pathways.len()] };
    let asker = |place: &Place| -> Asker { service.asker(&Client::at(*place, Via::Hls, Some(SOMEONE)), now) };
    let askers: Vec<(Asker, f64)> = traffic.iter().map(|(place, bits)| (asker(place), *bits)).collect();
    admissions(&policy, fill, before, |admits| {
        service.inputs.admits = admits.to_vec();
        let mut loads = vec![0.0; policy.pathways.len()];
        for (asker, bits) in &askers {
            let shares = shares(&service, asker, now);
            loads.iter_mut().zip(shares).for_each(|(load, share)| *load += share * bits);
        }
        loads
    })
}
