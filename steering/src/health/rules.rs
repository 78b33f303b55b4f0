//! What a policy asks of the watch on one of its pathways.

use std::time::Duration;

use fairway_policies::{Availability, Pathway, Policy, StepKind};

/// What a policy asks of the watch on one of its pathways.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Successes in a row that make it up.
    pub rise: u32,
    /// Failures in a row that make it down.
    pub fall: u32,
    /// When too few of viewers' requests succeed.
    pub availability: Option<Availability>,
    /// How long its return takes; zero: it is back at once, and gone at once.
    pub ramp: Duration,
}

impl Rules {
    /// What `policy` asks for this pathway of it. A verdict is of the pathway and not of a client, so of several `healthy`
    /// steps the first speaks, whomever it is for; without one there is no `availability` and no ramp.
    pub fn of(policy: &Policy, pathway: &Pathway) -> Self {
        let (rise, fall) = pathway.probe.as_ref().map_or((1, 1), |probe| (probe.rise, probe.fall));
        let healthy = policy.steps.iter().find_map(|step| match &step.kind {
            StepKind::Healthy(healthy) => Some(healthy),
            _ => None,
        });
        let (availability, ramp) = healthy.map_or((None, Duration::ZERO), |h| (h.availability, h.ramp));
        Self { rise, fall, availability, ramp }
    }
}
