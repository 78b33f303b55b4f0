//! All clients that the conditions of a file can tell apart, and for which of them a condition holds.
//!
//! A condition asks several things, each by itself: where the client is, in which network, at which address, how it
//! asks, on what, for what, and when. For each of these there is a finite list of samples that stand for everything a
//! condition of this file can tell apart: each country that there is and each region named; each network named, and none of
//! these; an address from each cell into which the prefixes named cut the address space; and so on. A condition holds for a
//! subset of each list, and for the clients in all of its subsets. So whether two conditions can hold for one client, and
//! whether one holds wherever another does, is exact, and needs no search.
//!
//! Time is the exception: where times of day of two zones meet changes with their clocks, so what a year from now brings is
//! looked at, and a week from each date named. And DNS carries neither device, content nor stream, so that those conditions
//! together with it hold for nobody.

use std::{collections::BTreeSet, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use fairway_geo::{Asn, Continent, Country, Place};
use ipnet::IpNet;

use crate::model::{Device, Matcher, Policy, Protocol, Stream, When, Window};

/// The samples.
#[derive(Debug)]
pub(super) struct World {
    places: Vec<Place>,
    networks: Vec<Option<Asn>>,
    addresses: Vec<Option<IpAddr>>,
    protocols: Vec<Protocol>,
    devices: Vec<Option<Device>>,
    contents: Vec<Option<String>>,
    streams: Vec<Option<Stream>>,
    /// Not before now, where now is known: what is past will never be.
    times: Vec<DateTime<Utc>>,
}

/// Days, and some more, so that what comes once in them is among them.
const A_YEAR: i64 = 368;
const A_WEEK: i64 = 8;

/// The first is named to authors where it does not matter.
const PROTOCOLS: [Protocol; 4] = [Protocol::Hls, Protocol::Dns, Protocol::Dash, Protocol::Http];

/// How many things a condition asks, each by itself.
const KINDS: usize = 8;

/// Some clients: those of which each thing is among these samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clients([Vec<bool>; KINDS]);

impl World {
    pub(super) fn of(policy: &Policy, now: Option<DateTime<Utc>>) -> Self {
        let whens = || policy.steps.iter().map(|step| &step.when);
        let mut networks: BTreeSet<Asn> = BTreeSet::new();
        let mut contents: BTreeSet<String> = BTreeSet::new();
        let mut nets: Vec<IpNet> = Vec::new();
        for when in whens() {
            networks.extend(values(&when.asn));
            contents.extend(values(&when.content).cloned());
            nets.extend(values(&when.cidr));
        }
        let mut windows: Vec<&Window> = Vec::new();
        for window in whens().flat_map(|when| &when.time) {
            if !windows.contains(&window) {
                windows.push(window);
            }
        }
        let some = |contents: BTreeSet<String>| contents.into_iter().map(Some);
        Self {
            places: places(whens()),
            networks: networks.into_iter().map(Some).chain([None]).collect(),
            addresses: addresses(&nets),
            protocols: PROTOCOLS.to_vec(),
            devices: Device::ALL.map(Some).into_iter().chain([None]).collect(),
            contents: some(contents).chain([None]).collect(),
            streams: vec![Some(Stream::Live), Some(Stream::Vod), None],
            times: times(&windows, now),
        }
    }

    /// Those for whom the condition holds.
    pub(super) fn clients(&self, when: &When) -> Clients {
        let region = |place: &Place| {
            when.subdivision.holds(|r| place.country == Some(r.country) && place.subdivision == Some(r.subdivision))
        };
        let place = |place: &Place| {
            when.continent.holds_for(place.continent) && when.country.holds_for(place.country) && region(place)
        };
        let inside = |address: &Option<IpAddr>| when.cidr.holds(|net| address.is_some_and(|a| net.contains(&a)));
        let begins = |content: &Option<String>| {
            when.content.holds(|prefix| content.as_ref().is_some_and(|content| content.starts_with(prefix)))
        };
        Clients([
            self.places.iter().map(place).collect(),
            self.networks.iter().map(|asn| when.asn.holds_for(*asn)).collect(),
            self.addresses.iter().map(inside).collect(),
            self.protocols.iter().map(|protocol| when.protocol.holds_for(Some(*protocol))).collect(),
            self.devices.iter().map(|device| when.device.holds_for(*device)).collect(),
            self.contents.iter().map(begins).collect(),
            self.streams.iter().map(|stream| when.stream.is_none() || when.stream == *stream).collect(),
            self.times.iter().map(|time| when.time.is_empty() || when.time.iter().any(|w| w.holds(*time))).collect(),
        ])
    }

    pub(super) fn everyone(&self) -> Clients {
        self.clients(&When::default())
    }

    /// One of them in words, as far as they are not everyone: `in DE, in AS3320, over dns`.
    pub(super) fn one_of(&self, clients: &Clients) -> String {
        let first = |kind: usize| {
            let some = &clients.0[kind];
            if some.iter().all(|is| *is) { None } else { some.iter().position(|is| *is) }
        };
        let words = [
            first(0).map(|i| place_text(&self.places[i])),
            first(1).map(|i| self.networks[i].map_or("in another network".into(), |asn| format!("in {asn}"))),
            first(2).map(|i| self.addresses[i].map_or("of unknown address".into(), |a| format!("at {a}"))),
            first(3).map(|i| format!("over {}", self.protocols[i].word())),
            first(4).map(|i| self.devices[i].map_or("on an unknown device".into(), |d| format!("on a {}", d.word()))),
            first(5).map(|i| self.contents[i].as_ref().map_or("for other content".into(), |c| format!("for {c:?}"))),
            first(6).map(|i| {
                self.streams[i].map_or("for a stream of unknown kind".into(), |s| format!("for a {} stream", s.word()))
            }),
            first(7).map(|i| format!("at {}", self.times[i].format("%Y-%m-%d %H:%M UTC"))),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        if words.is_empty() { "anyone".into() } else { format!("a client {}", words.join(", ")) }
    }
}

impl Clients {
    pub(super) fn none(&self) -> bool {
        self.0.iter().any(|some| !some.contains(&true)) || self.asks_resolvers()
    }

    /// Whether they are those that ask over DNS and tell of themselves what DNS does not carry.
    pub(super) fn asks_resolvers(&self) -> bool {
        let [_, _, _, protocols, devices, contents, streams, _] = &self.0;
        let only_dns = PROTOCOLS.iter().zip(protocols).all(|(protocol, is)| *is == (*protocol == Protocol::Dns));
        // What is not known is the last sample of each.
        only_dns && [devices, contents, streams].iter().any(|some| some.last() == Some(&false))
    }

    /// Whether they are none because none of the times is still to come.
    pub(super) fn never(&self) -> bool {
        !self.0[KINDS - 1].contains(&true)
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (some, other) in both.0.iter_mut().zip(&other.0) {
            some.iter_mut().zip(other).for_each(|(is, other)| *is &= other);
        }
        both
    }

    /// Whether all of `other` are among them.
    pub(super) fn cover(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(some, other)| some.iter().zip(other).all(|(is, other)| *is || !other))
    }
}

fn values<T>(matcher: &Matcher<T>) -> impl Iterator<Item = &T> {
    matcher.any.iter().chain(&matcher.not)
}

/// Every country, every region named, and what is known only in part. The best known come first: one is named to the author.
fn places<'p>(whens: impl Iterator<Item = &'p When>) -> Vec<Place> {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().map(move |b| format!("{a}{b}")));
    let countries: Vec<Country> = codes.filter_map(|code| code.parse().ok()).collect();
    let place = |country: Country| {
        let continent = country.continent()?;
        Some(Place { continent: Some(continent), country: Some(country), ..Place::default() })
    };
    let mut places: Vec<Place> = Vec::new();
    for region in whens.flat_map(|when| values(&when.subdivision)) {
        let place = place(region.country).map(|place| Place { subdivision: Some(region.subdivision), ..place });
        places.extend(place.filter(|place| !places.contains(place)));
    }
    places.extend(countries.into_iter().filter_map(place));
    places.extend(Continent::ALL.map(|continent| Place { continent: Some(continent), ..Place::default() }));
    places.push(Place::default());
    places
}

/// Where an interval of addresses begins or has just ended: one address of each cell, and an unknown one.
fn addresses(nets: &[IpNet]) -> Vec<Option<IpAddr>> {
    let mut addresses = BTreeSet::from([IpAddr::from([0; 4]), IpAddr::from([0; 16])]);
    for net in nets {
        addresses.insert(net.network());
        addresses.extend(match net.broadcast() {
            IpAddr::V4(last) => last.to_bits().checked_add(1).map(|next| IpAddr::V4(next.into())),
            IpAddr::V6(last) => last.to_bits().checked_add(1).map(|next| IpAddr::V6(next.into())),
        });
    }
    addresses.into_iter().map(Some).chain([None]).collect()
}

/// Every moment at which one of the windows opens or closes, from `now` on; see the page above.
fn times(windows: &[&Window], now: Option<DateTime<Utc>>) -> Vec<DateTime<Utc>> {
    let dates: BTreeSet<DateTime<Utc>> = windows.iter().flat_map(|w| [w.since, w.until]).flatten().collect();
    let from = now.or(dates.first().copied()).unwrap_or_default();
    let mut times = BTreeSet::from([from]);
    let mut begin = |at: DateTime<Utc>, days: i64| {
        let end = at + TimeDelta::days(days);
        for window in windows {
            let changes = std::iter::successors(Some(at), |at| window.next_change(*at));
            times.extend(changes.take_while(|at| *at < end));
        }
    };
    begin(from, A_YEAR);
    dates.iter().filter(|date| **date > from).for_each(|date| begin(*date, A_WEEK));
    times.into_iter().collect()
}

fn place_text(place: &Place) -> String {
    match (place.country, place.subdivision, place.continent) {
        (Some(country), Some(subdivision), _) => format!("in {country}-{subdivision}"),
        (Some(country), None, _) => format!("in {country}"),
        (None, _, Some(continent)) => format!("in {continent}, country unknown"),
        (None, _, None) => "in an unknown place".into(),
    }
}
