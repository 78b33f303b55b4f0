//! `[[test]]`: what an author expects of a policy, held against what is decided.
//!
//! A test is a tiny world ([`world`]): what it gives becomes the inputs of a decision by the same functions that make them
//! on a live node, verdicts and overrides, estimates and standings, admissions and prices. In that world the client asks,
//! [`decide`](crate::decide) answers, and [`judge`] compares; the account of a test that fails is the one that explain gives
//! of any decision. What steps did on the way is noted by [`coverage`], which knows what each kind of step can do.
//!
//! Standings in tests are those that would hold if nothing changed any more: pace and settling are how an audience gets
//! somewhere, and a test asks where. Nothing is random, and there is no clock: it is the time that the test says.

mod coverage;
mod judge;
mod world;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fairway_geo::GeoTable;
use fairway_policies::{Case, Explanation, Policy};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub use coverage::{Branch, Unreached};
pub use judge::Miss;

use crate::{
    client::Asker,
    decide::{StepReport, decide, decide_for, shares},
    explain::explain,
    snapshot::Service,
};
use coverage::Coverage;
use world::World;

/// So many clients are watched, beside the one that asks, where a test asks for shares: enough for each way that one in a
/// hundred takes.
const CROWD: u64 = 1000;

/// What came of a policy's tests.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Service id.
    pub service: String,
    /// In file order.
    pub outcomes: Vec<Outcome>,
    /// What no test reached, in file order.
    pub unreached: Vec<Unreached>,
}

/// What came of one test.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// The line of its `[[test]]`, from 1.
    pub line: u32,
    /// What was expected and did not come; empty: it passed.
    pub misses: Vec<Miss>,
    /// Why it came as it did; of a test that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl Outcome {
    /// Whether all came as expected.
    pub fn passed(&self) -> bool {
        self.misses.is_empty()
    }
}

impl Report {
    /// Those that did not pass.
    pub fn failed(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| !outcome.passed())
    }
}

/// Runs every test of a policy.
pub fn run(policy: &Arc<Policy>) -> Report {
    let mut coverage = Coverage::of(policy);
    let geo = Arc::new(GeoTable::empty());
    let outcomes = policy.tests.iter().map(|case| test(World::of(policy, case, &geo), case, &mut coverage)).collect();
    Report { service: policy.service.clone(), outcomes, unreached: coverage.unreached() }
}

fn test(world: World, case: &Case, coverage: &mut Coverage) -> Outcome {
    let (service, client, now) = (world.service(), world.client(case), case.given.time);
    let mut reports = Vec::new();
    let decision = decide(&world.snapshot, service, &client, now, &mut reports);
    coverage.saw(&reports);
    let asker = service.asker(&client, now);
    let shares = if case.expect.share.is_empty() { Vec::new() } else { shares(service, &asker, now) };
    if !shares.is_empty() {
        crowd(service, &asker, now).for_each(|reports| coverage.saw(&reports));
    }
    let explain = || explain(&world.snapshot, service, &client, now);
    let came = judge::Came {
        policy: &service.policy,
        via: client.via,
        decision: &decision,
        shares: &shares,
        explain: &explain,
    };
    let misses = judge::misses(&case.expect, &came);
    let explanation = (!misses.is_empty()).then(explain);
    Outcome { name: case.name.clone(), line: case.line, misses, explanation }
}

/// What the steps do for others like this one.
fn crowd(service: &Service, asker: &Asker, now: DateTime<Utc>) -> impl Iterator<Item = Vec<StepReport>> {
    let key = |of: Option<u64>, n: u64, which: u64| of.map(|_| xxh3_64(&(n * 3 + which).to_le_bytes()));
    (0..CROWD).map(move |n| {
        let (session, prefix, content) = (key(asker.session, n, 0), key(asker.prefix, n, 1), key(asker.content, n, 2));
        let mut reports = Vec::new();
        // Who cannot be told from the one who asks would do the same.
        let session = session.or(if prefix.is_none() { key(Some(0), n, 0) } else { None });
        decide_for(service, &Asker { session, prefix, content, ..*asker }, now, &mut reports);
        reports
    })
}
