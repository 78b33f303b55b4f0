//! What decisions of one service have in common, by place: worked out once for each snapshot, looked up by each decision.
//!
//! # Classes
//! A place matters to a chain in few ways. Those between whom it makes no difference are one [`Class`]: their [`Row`], the chain
//! behind its leading steps, is equal, and so is whatever later steps will read of the place. A class is thus both where a
//! decision starts from and for whom an answer may be shared: an answer holds over the widest prefix that has one class
//! ([`Rows::block`]).
//!
//! # Dimensions
//! A policy and what is known now use few of a place's parts ([`super::dimensions`]). Where they use none, there is one
//! class. Continents and countries make one for each region at most, and most regions share theirs. Networks (a condition on
//! an AS number, an override or a standing for one) make exceptions: for exactly the places of these networks, and only where
//! the class is another than the rest of the region's. Subdivisions and coordinates make exceptions for every place that
//! has such. So a look-up is two indexed reads, and a hash only in a region that has exceptions.
//!
//! # Change
//! Rows are built from those before by doing again what changed: everything, some regions, or some places. Whichever way they
//! came about, they are the same.

use std::{hash::Hash, net::IpAddr, sync::Arc};

use fairway_geo::{GeoTable, Located, Marks, Place, PlaceId, RegionId, RegionSet};
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::decide::Row;

/// Places between which a service makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Class {
    /// Where decisions start from; `None` where no two clients have anything in common.
    pub(crate) row: Option<Row>,
    /// What the steps after the row read of the place: a hash so wide that none meet. 0 if they read nothing.
    pub(crate) later: u128,
}

/// The classes of one service, by place; of one that is not compiled, none. Of type `C` to be tried out with less than a
/// whole decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows<C = Class> {
    /// Each once, with the regions that are of it, but for exceptions.
    classes: Vec<(Arc<C>, RegionSet)>,
    /// By region; one entry for all where no part of a place matters.
    regions: Box<[Common]>,
    /// The places that differ from the rest of their region, with their class by index.
    exceptions: FxHashMap<PlaceId, u32>,
    /// The same places, for blocks; `None` where there are none.
    marks: Option<Arc<Marks>>,
}

/// What a region's places have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Common {
    /// The class, by index in `classes`.
    class: u32,
    /// How many of its places have another.
    exceptions: u32,
}

/// What must be done again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Again {
    /// Everything.
    All,
    /// What is known of these regions, with all their places, and of these places.
    Some(RegionSet, Vec<PlaceId>),
}

/// By what parts of a place classes are told apart.
pub(crate) trait Dimensions {
    /// Whether by any.
    fn any(&self) -> bool;
    /// Whether by those that have no end: subdivisions, coordinates. Such a region is done again as a whole.
    fn fine(&self) -> bool;
    /// The places in `regions` that may differ from the rest of their region, ascending, each once.
    fn places(&self, geo: &GeoTable, regions: &RegionSet) -> Vec<PlaceId>;
}

impl<C> Default for Rows<C> {
    fn default() -> Self {
        Self { classes: Vec::new(), regions: Box::default(), exceptions: FxHashMap::default(), marks: None }
    }
}

impl<C> Rows<C> {
    /// The class of the place; `None` before rows are compiled.
    pub(crate) fn class(&self, geo: &GeoTable, place: PlaceId) -> Option<&C> {
        self.classes.get(self.number_of(geo, place)? as usize).map(|(class, _)| &**class)
    }

    /// The class's number, which is good for these rows only.
    pub(crate) fn number_of(&self, geo: &GeoTable, place: PlaceId) -> Option<u32> {
        let common = self.common(geo.region_of(place))?;
        let exception = if common.exceptions > 0 { self.exceptions.get(&place) } else { None };
        Some(*exception.unwrap_or(&common.class))
    }

    /// The widest prefix around `address`, which is at `located`, in which all regions are of one class and no place is an
    /// exception; of a place that is one, its own prefix. Each address in it has the same.
    pub(crate) fn block(&self, geo: &GeoTable, address: IpAddr, located: &Located) -> IpNet {
        let place = located.id.filter(|place| !self.is_exception(geo, *place));
        let common = place.and_then(|place| self.common(geo.region_of(place)));
        let Some((_, regions)) = common.and_then(|common| self.classes.get(common.class as usize)) else {
            return located.prefix;
        };
        match &self.marks {
            Some(marks) => geo.clear_block(address, regions, marks),
            None => geo.block(address, regions),
        }
    }

    /// Whether the place differs from the rest of its region.
    pub(crate) fn is_exception(&self, geo: &GeoTable, place: PlaceId) -> bool {
        let may_be = self.common(geo.region_of(place)).is_some_and(|common| common.exceptions > 0);
        may_be && self.exceptions.contains_key(&place)
    }

    /// How many classes there are, and how many places are exceptions.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.classes.len(), self.exceptions.len())
    }

    fn common(&self, region: RegionId) -> Option<&Common> {
        self.regions.get(region.index()).or(self.regions.first())
    }
}

impl<C: Eq + Hash> Rows<C> {
    /// The rows after these, of which this must be done again; `class` tells the class of a place.
    pub(crate) fn next(
        &self,
        again: &Again,
        geo: &GeoTable,
        dimensions: &impl Dimensions,
        class: impl Fn(&Place) -> C,
    ) -> Self {
        if !dimensions.any() {
            let classes = vec![(Arc::new(class(&Place::default())), RegionSet::ALL)];
            return Self { classes, regions: [Common::default()].into(), ..Self::default() };
        }
        let all: RegionSet = geo.regions().map(|(region, _)| region).collect();
        let mut making = match again {
            Again::Some(..) if self.regions.len() == geo.regions().len() => Making::of(self),
            _ => Making { regions: vec![Common::default(); geo.regions().len()], ..Making::default() },
        };
        let (regions, places) = match again {
            Again::Some(regions, places) if !making.classes.is_empty() => (*regions, &places[..]),
            _ => (all, &[][..]),
        };
        let coarse = |place: &PlaceId| if dimensions.fine() { Some(geo.region_of(*place)) } else { None };
        let regions = regions.union(&places.iter().filter_map(coarse).collect());
        making.do_regions(&regions, geo, dimensions, &class);
        let left = places.iter().filter(|place| !regions.contains(geo.region_of(**place)));
        left.for_each(|place| making.do_place(*place, geo, &class));
        making.end(geo, self)
    }
}

/// Rows being made.
struct Making<C> {
    classes: Vec<Arc<C>>,
    numbers: FxHashMap<Arc<C>, u32>,
    regions: Vec<Common>,
    exceptions: FxHashMap<PlaceId, u32>,
}

impl<C> Default for Making<C> {
    fn default() -> Self {
        let (classes, regions) = (Vec::new(), Vec::new());
        Self { classes, numbers: FxHashMap::default(), regions, exceptions: FxHashMap::default() }
    }
}

impl<C: Eq + Hash> Making<C> {
    fn of(rows: &Rows<C>) -> Self {
        let classes: Vec<Arc<C>> = rows.classes.iter().map(|(class, _)| class.clone()).collect();
        let numbers = classes.iter().cloned().zip(0..).collect();
        Self { classes, numbers, regions: rows.regions.to_vec(), exceptions: rows.exceptions.clone() }
    }

    fn number(&mut self, class: C) -> u32 {
        if let Some(number) = self.numbers.get(&class) {
            return *number;
        }
        let (class, number) = (Arc::new(class), self.classes.len() as u32);
        self.classes.push(class.clone());
        self.numbers.insert(class, number);
        number
    }

    /// Does these regions again.
    fn do_regions(
        &mut self,
        regions: &RegionSet,
        geo: &GeoTable,
        dimensions: &impl Dimensions,
        class: impl Fn(&Place) -> C,
    ) {
        if !self.exceptions.is_empty() && !regions.is_empty() {
            self.exceptions.retain(|place, _| !regions.contains(geo.region_of(*place)));
        }
        let (differing, fine) = (dimensions.places(geo, regions), dimensions.fine());
        let mut places = &differing[..];
        for (region, names) in geo.regions().filter(|(region, _)| regions.contains(*region)) {
            let count = places.iter().take_while(|place| geo.region_of(**place) == region).count();
            let (own, others) = places.split_at(count);
            places = others;
            // Where each place has a point there is nobody of whom only the country is known; the first then stands for the rest.
            let rest = match own {
                [first, ..] if fine && count == geo.places_in(region).count() => geo.place(*first),
                _ => names.place(),
            };
            let rest = self.number(class(&rest));
            let mut common = Common { class: rest, exceptions: 0 };
            for place in own {
                let number = self.number(class(&geo.place(*place)));
                if number != rest {
                    self.exceptions.insert(*place, number);
                    common.exceptions += 1;
                }
            }
            self.regions[region.index()] = common;
        }
    }

    /// Does this place again, whose region stays as it is.
    fn do_place(&mut self, place: PlaceId, geo: &GeoTable, class: impl Fn(&Place) -> C) {
        let number = self.number(class(&geo.place(place)));
        let Some(common) = self.regions.get_mut(geo.region_of(place).index()) else { return };
        let (was, is) = if number == common.class {
            (self.exceptions.remove(&place).is_some(), false)
        } else {
            (self.exceptions.insert(place, number).is_some(), true)
        };
        common.exceptions = common.exceptions + u32::from(is) - u32::from(was);
    }

    /// Leaves out the classes that are no more, notes which regions are of one, and marks the exceptions, from those of the
    /// rows before on.
    fn end(mut self, geo: &GeoTable, before: &Rows<C>) -> Rows<C> {
        let mut renumbered: Vec<Option<u32>> = vec![None; self.classes.len()];
        let mut classes: Vec<(Arc<C>, RegionSet)> = Vec::new();
        let mut keep = |number: &mut u32| {
            let class = &self.classes[*number as usize];
            *number = *renumbered[*number as usize].get_or_insert_with(|| {
                classes.push((class.clone(), RegionSet::default()));
                classes.len() as u32 - 1
            });
        };
        self.regions.iter_mut().for_each(|common| keep(&mut common.class));
        self.exceptions.values_mut().for_each(&mut keep);
        for ((region, _), common) in geo.regions().zip(&self.regions) {
            classes[common.class as usize].1.insert(region);
        }
        let marks = (!self.exceptions.is_empty()).then(|| marks(geo, &self.exceptions, before));
        Rows { classes, regions: self.regions.into(), exceptions: self.exceptions, marks }
    }
}

/// Marks for these exceptions, made of those of the rows before, which are of the same table.
fn marks<C>(geo: &GeoTable, exceptions: &FxHashMap<PlaceId, u32>, before: &Rows<C>) -> Arc<Marks> {
    let mut marks = before.marks.clone().unwrap_or_else(|| Arc::new(Marks::new(geo)));
    let gone = before.exceptions.keys().filter(|place| !exceptions.contains_key(place)).map(|place| (place, false));
    let new = exceptions.keys().filter(|place| !before.exceptions.contains_key(place)).map(|place| (place, true));
    for (place, marked) in gone.chain(new) {
        Arc::make_mut(&mut marks).set(geo, *place, marked);
    }
    marks
}
