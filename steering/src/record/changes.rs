//! Whom a new snapshot answers otherwise.
//!
//! Whoever asks afterwards *when* an audience was moved, and why, wants the first decision after the move; the sample has it
//! only by luck. So each swap is gone through: where anything that a service decides by is another, the audiences that it may
//! tell apart are decided for under both snapshots, for a client that told nothing of itself, and where the answers differ
//! the new one is recorded. Answers are compared and not causes: so verdicts, leads, overrides, ramps and policies are all
//! covered, and what changed nobody's answer is no change.
//!
//! Audiences: the world, the continents, the places that conditions and overrides name, and those with a standing that
//! changed; the widest first, at most [`MOST`] of a service and swap. A fault that moves everybody is thus told for the world and
//! its continents, and not for every network.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use fairway_geo::{Continent, Place};
use fairway_policies::When;

use crate::recorder::{DecisionId, Noted, Occasion};
use crate::{
    cells::Audience,
    client::{Client, Via},
    decide::decide_for,
    snapshot::{Service, Snapshot},
};

/// Audiences looked at, of one service and swap.
const MOST: usize = 64;

/// The decisions to record: those that `after` answers otherwise than `before` did.
pub(super) fn between(
    before: &Snapshot,
    after: &Snapshot,
    at: DateTime<Utc>,
    id: impl Fn() -> DecisionId,
) -> Vec<Noted> {
    let mut changed = Vec::new();
    for new in &after.services {
        let Some(old) = before.service(&new.policy.service).filter(|old| differ(old, new)) else { continue };
        for audience in audiences(old, new) {
            let client = Client::at(place(audience), Via::Hls, None);
            let asker = new.asker(&client, at);
            if order(old, &client, at) != order(new, &client, at) {
                let (service, snapshot) = (new.clone(), (after.version, after.made_at));
                changed.push(Noted { id: id(), at, occasion: Occasion::Changed, weight: 0, service, snapshot, asker });
            }
        }
    }
    changed
}

/// Whether anything is another that a decision reads. Standings are shared by snapshots as long as they are the same.
fn differ(old: &Service, new: &Service) -> bool {
    let (a, b) = (&old.inputs, &new.inputs);
    let standings =
        a.standings.len() == b.standings.len() && a.standings.iter().zip(&b.standings).all(|(a, b)| Arc::ptr_eq(a, b));
    !(standings
        && Arc::ptr_eq(&old.policy, &new.policy)
        && a.verdicts == b.verdicts
        && a.ramps == b.ramps
        && a.admits == b.admits
        && a.prices == b.prices
        && a.overrides == b.overrides)
}

/// The list that this client gets, by ids.
fn order<'s>(service: &'s Service, client: &Client<'_>, at: DateTime<Utc>) -> Vec<&'s str> {
    let decision = decide_for(service, &service.asker(client, at), at, &mut ());
    decision.priority(&service.policy).map(|pathway| pathway.id.as_str()).collect()
}

/// Who may be told apart, the widest first.
fn audiences(old: &Service, new: &Service) -> impl Iterator<Item = Audience> {
    let mut audiences = BTreeSet::from([Audience::World]);
    audiences.extend(Continent::ALL.map(Audience::Continent));
    for service in [old, new] {
        audiences.extend(service.policy.steps.iter().flat_map(|step| named(&step.when)));
        audiences.extend(service.inputs.overrides.iter().filter_map(|order| {
            let (country, asn) = (order.place.country?, order.place.asn);
            Some(asn.map_or(Audience::Country(country), |asn| Audience::CountryAsn(country, asn)))
        }));
    }
    for (a, b) in old.inputs.standings.iter().zip(&new.inputs.standings).filter(|(a, b)| !Arc::ptr_eq(a, b)) {
        let leads = |of: &crate::standing::Standings, audience| of.get(audience).map(|s| s.leads.clone());
        audiences.extend(a.keys().chain(b.keys()).filter(|audience| leads(a, audience) != leads(b, audience)));
    }
    audiences.into_iter().rev().take(MOST)
}

/// The countries and continents that a condition names.
fn named(when: &When) -> impl Iterator<Item = Audience> {
    let countries = when.country.any.iter().chain(&when.country.not).map(|country| Audience::Country(*country));
    countries.chain(when.continent.any.iter().chain(&when.continent.not).map(|c| Audience::Continent(*c)))
}

/// Somewhere in it.
fn place(audience: Audience) -> Place {
    let (country, asn) = match audience {
        Audience::CountryAsn(country, asn) => (Some(country), Some(asn)),
        Audience::Country(country) => (Some(country), None),
        Audience::Continent(continent) => return Place { continent: Some(continent), ..Place::default() },
        Audience::World => (None, None),
    };
    Place { continent: country.and_then(|country| country.continent()), country, asn, ..Place::default() }
}
