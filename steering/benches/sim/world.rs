//! The world: who watches, over what, and what goes wrong.
//!
//! **Load makes quality.** Up to its `knee` a pathway is as good as empty. From there on its first bytes come later and
//! some of its requests fail, both with the square of how far it is beyond; and once more is wanted of it than its
//! capacity, everyone gets a like part of what he wants. Pathways differ in capacity and knee.
//!
//! **Reach.** Apart from load, a pathway is nearer to some audiences than to others: its first byte and its rate there.

use fairway_steering::{Asn, Place};

use super::{Second, chance::Chance};

/// Everything that is given.
#[derive(Clone, Debug)]
pub struct World {
    /// Of all chance in it.
    pub seed: u64,
    /// How long it lasts.
    pub lasts: Second,
    /// How many watch at once, on average. They are all there in the first [`KICK_OFF`] seconds, as at a match.
    pub viewers: usize,
    pub audiences: Vec<Audience>,
    pub pathways: Vec<Pathway>,
    pub faults: Vec<Fault>,
    /// Of the requests to a pathway, the share that fails when it is just full.
    pub sheds: f64,
}

/// An overloaded pathway mostly gets slow; one that sheds load lets requests fail.
pub const SLOWS: f64 = 0.002;
pub const SHEDS: f64 = 0.03;

/// Seconds in which the first viewers arrive.
pub const KICK_OFF: Second = 5;
/// How long a session lasts on average, seconds.
pub const SESSION: f64 = 1200.0;
/// The bit rates of the ladder; a player takes one that its line carries with ease.
pub const BITRATES: [f64; 4] = [1.5e6, 3e6, 5e6, 8e6];

/// The viewers in one network of one country.
#[derive(Clone, Debug)]
pub struct Audience {
    pub country: &'static str,
    pub place: Place,
    /// Of all viewers, 0…1.
    pub share: f64,
}

#[derive(Clone, Debug)]
pub struct Pathway {
    pub id: &'static str,
    /// Bits per second.
    pub capacity: f64,
    /// The share of its capacity from which on its quality falls.
    pub knee: f64,
    /// Milliseconds.
    pub ttfb: f64,
    /// Who reaches it otherwise than at `ttfb` and the whole rate of his line: a country, or a network in it.
    pub exceptions: Vec<(&'static str, Option<u32>, Reach)>,
}

/// How an audience reaches an idle pathway.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Milliseconds.
    pub ttfb: f64,
    /// The part of its line that a viewer can use, 0…1.
    pub rate: f64,
}

/// Something that befalls a pathway from one second up to another.
#[derive(Clone, Debug)]
pub struct Fault {
    pub from: Second,
    pub until: Second,
    pub pathway: usize,
    /// Only for viewers in this country.
    pub country: Option<&'static str>,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// Every request fails, also those of probes. Afterwards its cache is empty, or is not.
    Dead { cold_after: bool },
    /// So many of the viewers' requests fail, 0…1; probes pass.
    Failing(f64),
    /// Viewers get this part of the rate; probes pass.
    Slow(f64),
}

/// How a pathway fares in one second.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// Bit rates of those who watch over it, over what it can carry now.
    pub load: f64,
    /// The part that each gets of what he wants, 0…1.
    pub granted: f64,
    /// How full its cache is, 0…1.
    pub warmth: f64,
}

/// An empty cache carries this part of the capacity; the rest waits for the origin.
const COLD_CARRIES: f64 = 0.25;
/// An empty cache answers so many times later.
const COLD_TTFB: f64 = 5.0;
/// Seconds of full load that fill a cache to two thirds.
const WARMS_IN: f64 = 45.0;

impl Condition {
    pub const IDLE: Self = Self { load: 0.0, granted: 1.0, warmth: 1.0 };

    /// Times by which the first byte comes later.
    pub fn slower(&self, pathway: &Pathway) -> f64 {
        (1.0 + 3.0 * self.beyond(pathway).powi(2)) * (1.0 + (COLD_TTFB - 1.0) * (1.0 - self.warmth))
    }

    /// Of its requests, the share that fails, where `sheds` fails of a full one's.
    pub fn failing(&self, pathway: &Pathway, sheds: f64) -> f64 {
        (0.002 + sheds * self.beyond(pathway).powi(2)).min(0.9)
    }

    /// How far past the knee: 0 at the knee, 1 when full.
    fn beyond(&self, pathway: &Pathway) -> f64 {
        ((self.load - pathway.knee) / (1.0 - pathway.knee)).max(0.0)
    }

    /// Of its capacity, what it can carry now.
    pub fn carries(&self) -> f64 {
        COLD_CARRIES + (1.0 - COLD_CARRIES) * self.warmth
    }

    /// A second in which it carried this share of its capacity.
    pub fn warm(&mut self, carried: f64) {
        self.warmth = 1.0 - (1.0 - self.warmth) * (-carried / WARMS_IN).exp();
    }
}

impl World {
    /// Bits per second that all viewers together play.
    pub fn demand(&self) -> f64 {
        self.viewers as f64 * BITRATES.iter().sum::<f64>() / BITRATES.len() as f64
    }

    /// A world of thirteen networks and three pathways: together they can carry two thirds more than is demanded, any two
    /// of them just about all of it, and the one that is best for most when idle two thirds.
    pub fn new(seed: u64, viewers: usize, lasts: Second) -> Self {
        let audiences = [
            ("DE", 3320, 0.20),
            ("DE", 3209, 0.10),
            ("DE", 8881, 0.04),
            ("FR", 3215, 0.12),
            ("FR", 12322, 0.06),
            ("GB", 2856, 0.09),
            ("PL", 5617, 0.04),
            ("US", 7922, 0.12),
            ("US", 701, 0.06),
            ("BR", 28573, 0.07),
            ("IN", 55836, 0.06),
            ("JP", 2516, 0.03),
            ("ZA", 3741, 0.01),
        ];
        let audiences = audiences.map(|(country, asn, share)| Audience::new(country, asn, share)).to_vec();
        let mut world =
            Self { seed, lasts, viewers, audiences, pathways: Vec::new(), faults: Vec::new(), sheds: SLOWS };
        let demand = world.demand();
        let reach = |ttfb, rate| Reach { ttfb, rate };
        let pathway = |id, carries: f64, knee, ttfb, exceptions: &[_]| Pathway {
            id,
            capacity: carries * demand,
            knee,
            ttfb,
            exceptions: exceptions.to_vec(),
        };
        world.pathways = vec![
            pathway("a", 0.65, 0.80, 45.0, &[("BR", None, reach(220.0, 0.4)), ("FR", Some(12322), reach(150.0, 0.35))]),
            pathway("b", 0.50, 0.70, 60.0, &[("US", None, reach(40.0, 1.0)), ("JP", None, reach(180.0, 0.6))]),
            pathway("c", 0.50, 0.85, 75.0, &[("IN", None, reach(300.0, 0.3))]),
        ];
        world
    }

    /// The same, in which this happens.
    pub fn with(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// How each audience reaches each pathway in this second, and the share of its requests that a fault lets fail.
    pub fn reach(&self, now: Second) -> Vec<Vec<(Reach, f64)>> {
        let one = |audience: &Audience, index: usize| {
            let mut reach = self.pathways[index].reach(audience);
            let mut failing = 0.0;
            for fault in self.active(index, now).filter(|fault| fault.country.is_none_or(|c| c == audience.country)) {
                match fault.kind {
                    FaultKind::Dead { .. } => failing = 1.0,
                    FaultKind::Failing(share) => failing = share,
                    FaultKind::Slow(part) => reach.rate *= part,
                }
            }
            (reach, failing)
        };
        self.audiences.iter().map(|a| (0..self.pathways.len()).map(|p| one(a, p)).collect()).collect()
    }

    /// Whether a probe of the pathway passes now.
    pub fn probe(&self, pathway: usize, now: Second) -> bool {
        !self.active(pathway, now).any(|fault| matches!(fault.kind, FaultKind::Dead { .. }))
    }

    /// Whether its cache is emptied in this second.
    pub fn emptied(&self, pathway: usize, now: Second) -> bool {
        self.active(pathway, now).any(|fault| fault.kind == FaultKind::Dead { cold_after: true })
    }

    fn active(&self, pathway: usize, now: Second) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |f| f.pathway == pathway && (f.from..f.until).contains(&now))
    }

    /// The audience that a new viewer is of.
    pub fn draw(&self, chance: &mut Chance) -> usize {
        chance.among(self.audiences.iter().map(|audience| audience.share))
    }
}

impl Audience {
    fn new(country: &'static str, asn: u32, share: f64) -> Self {
        let code: Option<fairway_geo::Country> = country.parse().ok();
        let continent = code.and_then(|code| code.continent());
        Self { country, place: Place { continent, country: code, asn: Some(Asn(asn)), ..Place::default() }, share }
    }
}

impl Pathway {
    fn reach(&self, audience: &Audience) -> Reach {
        let here = |(country, asn, _): &&(&str, Option<u32>, Reach)| {
            *country == audience.country && asn.is_none_or(|asn| audience.place.asn == Some(Asn(asn)))
        };
        let exception = self.exceptions.iter().find(here).map(|(_, _, reach)| *reach);
        exception.unwrap_or(Reach { ttfb: self.ttfb, rate: 1.0 })
    }
}
