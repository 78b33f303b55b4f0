//! Who goes before whom, by the operator's word or by distance: `prefer`, `nearest`.

use fairway_geo::Coordinates;
use fairway_policies::{Nearest, Prefer, model::MAX_PATHWAYS};

use crate::decide::{chain::Chain, phase::Draws, trace::Reason};

/// Mean radius of the Earth, km (IUGG). The ellipsoid is off by half a per cent at most; where two networks meet matters more.
const EARTH_KM: f64 = 6371.0;

impl<D: Draws> Chain<'_, D> {
    /// Moves the preferred to the front, tier by tier. Inside a tier of the step the order so far stands, and so do the
    /// tiers that earlier steps made.
    pub(in crate::decide) fn prefer(&mut self, prefer: &Prefer) {
        let last = prefer.tiers.len();
        let tier = |pathway: u8| prefer.tiers.iter().position(|t| t.contains(usize::from(pathway))).unwrap_or(last);
        for c in &self.ranked {
            self.notes.add(c.pathway, || match tier(c.pathway) {
                tier if tier == last => Reason::NotPreferred,
                tier => Reason::Preferred { tier: tier as u8 },
            });
        }
        self.ranked.sort_by_key(|c| tier(c.pathway));
        self.renumber(|c| tier(c.pathway) as u8);
    }

    /// The nearer before the farther, whatever their tiers; those about as near as the nearest of them stay as they were, and
    /// so do the tiers among them. A pathway without a location comes last; a client without one is left alone.
    pub(in crate::decide) fn nearest(&mut self, nearest: &Nearest) {
        self.asked.place |= self.ranked.len() > 1;
        let Some(here) = self.asker.place.coordinates else {
            self.ranked.iter().for_each(|c| self.notes.add(c.pathway, || Reason::ClientNowhere));
            return;
        };
        let here = upon_unit_sphere(here);
        let mut away = [f64::INFINITY; MAX_PATHWAYS];
        for c in &self.ranked {
            let at = usize::from(c.pathway);
            let bias = nearest.bias.get(at).copied().unwrap_or(0.0);
            match self.service.policy.pathways[at].location {
                Some(there) => {
                    let km = kilometres(here, upon_unit_sphere(there));
                    away[at] = km + bias;
                    self.notes.add(c.pathway, || Reason::Distant { km, bias });
                }
                None => self.notes.add(c.pathway, || Reason::NoLocation),
            }
        }
        self.sort_by_measure(&away, |nearer, farther| farther - nearer <= nearest.same);
    }

    /// Sorts by a measure, the least first. Those that are the `same` as the least of them form a group, in which the order
    /// and the tiers so far stand: so the first of a group is never beaten by more than what counts as the same, however
    /// long a row of small differences there is.
    pub(super) fn sort_by_measure(&mut self, measure: &[f64; MAX_PATHWAYS], same: impl Fn(f64, f64) -> bool) {
        let of = |pathway: u8| measure[usize::from(pathway)];
        let mut sorted: arrayvec::ArrayVec<u8, MAX_PATHWAYS> = self.ranked.iter().map(|c| c.pathway).collect();
        sorted.sort_by(|a, b| of(*a).total_cmp(&of(*b)));
        let (mut groups, mut group) = ([0_u8; MAX_PATHWAYS], 0);
        let mut least = None;
        for pathway in sorted {
            let it = of(pathway);
            if least.is_some_and(|least: f64| least != it && !same(least, it)) {
                group += 1;
                least = None;
            }
            least.get_or_insert(it);
            groups[usize::from(pathway)] = group;
        }
        self.ranked.sort_by_key(|c| groups[usize::from(c.pathway)]);
        self.renumber(|c| groups[usize::from(c.pathway)]);
    }
}

fn upon_unit_sphere(at: Coordinates) -> [f64; 3] {
    let (latitude, longitude) = (f64::from(at.latitude).to_radians(), f64::from(at.longitude).to_radians());
    [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
}

/// Along the great circle, by the chord between the two: exact for near points, where the arc cosine is not, and without an
/// antimeridian.
fn kilometres(a: [f64; 3], b: [f64; 3]) -> f64 {
    let chord = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    2.0 * EARTH_KM * (chord / 2.0).min(1.0).asin()
}
