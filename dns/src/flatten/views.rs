//! Views: as whom CDNs are asked.
//!
//! A CDN answers by where it takes the asker to be, and the asker of a flattened name is this node. So that clients far
//! away are not all sent to what is near the node, an operator may name *views*: a subnet to ask for (RFC 7871), and
//! the countries and continents whose clients get what came of it.
//!
//! # Which view
//! The one that names the client's country; else the one that names its continent; else the *default view*, number 0, which
//! tells of no subnet and is always there. A country belongs to one view, a continent to one: with two it would be the
//! order of a file that decides, and nobody would see it.
//!
//! # For whom an answer by view holds
//! For a block of addresses that are all in one view, however little the decision itself turned on the place:
//! [`PlacedViews::scope`]. With no view but the default it holds for all.

use std::{net::IpAddr, sync::Arc};

use fairway_steering::{Continent, Country, GeoTable, Place, RegionSet};
use ipnet::IpNet;

/// A view, by its place in [`Views`]; 0: the default view.
pub(crate) type ViewId = u8;

/// The view of clients that are in no other.
pub(crate) const DEFAULT_VIEW: ViewId = 0;

/// A view, as an operator configures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSettings {
    /// For messages and metrics.
    pub name: String,
    /// Whose clients it is for.
    pub countries: Vec<Country>,
    /// Whose clients it is for, where no view names their country.
    pub continents: Vec<Continent>,
    /// What CDNs are told of the client (RFC 7871); `None`: nothing, as in the default view.
    pub subnet: Option<IpNet>,
}

/// All views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Views {
    /// Ascending.
    countries: Vec<(Country, ViewId)>,
    continents: Vec<(Continent, ViewId)>,
    /// By view.
    names: Vec<String>,
    subnets: Vec<Option<IpNet>>,
}

/// Why views cannot be used: the operator's to mend, in the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewsError {
    /// More than [`Views::MOST`].
    #[error("there are {0} views; {most} at most can be told apart", most = Views::MOST)]
    TooMany(usize),
    /// One name for two; `default` is taken.
    #[error("there are two views {0:?}")]
    SameName(String),
    /// A country or continent in two views.
    #[error("{place} is in view {first:?} and in view {second:?}")]
    Twice { place: String, first: String, second: String },
    /// No client is in it.
    #[error("view {0:?} names no country and no continent")]
    Nowhere(String),
}

impl Views {
    /// How many there can be beside the default view. Each costs two questions per name and lifetime.
    pub const MOST: usize = 64;

    /// The default view and these, numbered from 1.
    pub fn new(views: &[ViewSettings]) -> Result<Self, ViewsError> {
        if views.len() > Self::MOST {
            return Err(ViewsError::TooMany(views.len()));
        }
        let mut all = Self { names: vec!["default".into()], subnets: vec![None], ..Self::default() };
        for view in views {
            if all.names.contains(&view.name) {
                return Err(ViewsError::SameName(view.name.clone()));
            }
            if view.countries.is_empty() && view.continents.is_empty() {
                return Err(ViewsError::Nowhere(view.name.clone()));
            }
            let id = all.names.len() as ViewId; // under MOST
            all.names.push(view.name.clone());
            all.subnets.push(view.subnet.map(|subnet| subnet.trunc()));
            enter(&mut all.countries, &view.countries, id, &all.names)?;
            enter(&mut all.continents, &view.continents, id, &all.names)?;
        }
        all.countries.sort_unstable();
        Ok(all)
    }

    /// The view of a client there.
    pub(crate) fn of(&self, place: &Place) -> ViewId {
        let country = place.country.and_then(|country| {
            let at = self.countries.binary_search_by_key(&country, |(country, _)| *country).ok()?;
            self.countries.get(at)
        });
        let continent = || {
            let continent = place.continent?;
            self.continents.iter().find(|(other, _)| *other == continent).map(|(_, view)| *view)
        };
        country.map(|(_, view)| *view).or_else(continent).unwrap_or(DEFAULT_VIEW)
    }

    /// How many there are, the default view among them.
    pub(crate) fn count(&self) -> usize {
        self.names.len().max(1)
    }

    /// What CDNs are told of this view's clients.
    pub(crate) fn subnet(&self, view: ViewId) -> Option<IpNet> {
        self.subnets.get(usize::from(view)).copied().flatten()
    }

    /// What the view is called.
    pub(crate) fn name(&self, view: ViewId) -> &str {
        self.names.get(usize::from(view)).map_or("default", String::as_str)
    }
}

/// The views over one geo table.
#[derive(Debug)]
pub(crate) struct PlacedViews {
    views: Views,
    /// By view, the regions that are in it; empty where there is only the default view.
    regions: Vec<RegionSet>,
}

impl PlacedViews {
    /// These views over this table: whoever asks for a scope brings the same.
    pub(crate) fn new(views: Views, geo: &GeoTable) -> Arc<Self> {
        let mut regions = vec![RegionSet::default(); if views.count() > 1 { views.count() } else { 0 }];
        for (region, names) in geo.regions() {
            if let Some(regions) = regions.get_mut(usize::from(views.of(&names.place()))) {
                regions.insert(region);
            }
        }
        Arc::new(Self { views, regions })
    }

    /// The view of a client there.
    pub(crate) fn of(&self, place: &Place) -> ViewId {
        self.views.of(place)
    }

    /// The bits of the prefix around a client over which all are in its view; 0: everybody is.
    pub(crate) fn scope(&self, geo: &GeoTable, address: IpAddr, place: &Place) -> u8 {
        let regions = self.regions.get(usize::from(self.of(place)));
        regions.map_or(0, |regions| geo.block(address, regions).prefix_len())
    }
}

/// Enters what view `id`, the last of `names`, is for.
fn enter<P: Copy + PartialEq + std::fmt::Display>(
    entered: &mut Vec<(P, ViewId)>,
    places: &[P],
    id: ViewId,
    names: &[String],
) -> Result<(), ViewsError> {
    for place in places {
        if let Some((_, first)) = entered.iter().find(|(other, _)| other == place) {
            let [first, second] = [*first, id].map(|view| names[usize::from(view)].clone());
            return Err(ViewsError::Twice { place: place.to_string(), first, second });
        }
        entered.push((*place, id));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, countries: &[&str], continents: &[&str], subnet: Option<&str>) -> ViewSettings {
        ViewSettings {
            name: name.into(),
            countries: countries.iter().map(|c| c.parse().unwrap()).collect(),
            continents: continents.iter().map(|c| c.parse().unwrap()).collect(),
            subnet: subnet.map(|s| s.parse().unwrap()),
        }
    }

    fn place(continent: &str, country: &str) -> Place {
        Place { continent: continent.parse().ok(), country: country.parse().ok(), ..Place::default() }
    }

    #[test]
    fn a_country_goes_before_its_continent() {
        let views = Views::new(&[
            view("asia", &[], &["AS"], Some("198.51.100.7/24")),
            view("japan", &["JP", "KR"], &["OC"], Some("2001:db8:1::/48")),
        ])
        .unwrap();
        let of = |continent, country| views.of(&place(continent, country));
        assert_eq!([of("AS", "IN"), of("AS", "JP"), of("AS", "KR"), of("OC", "AU"), of("EU", "DE")], [1, 2, 2, 2, 0]);
        assert_eq!((views.of(&Place::default()), views.count()), (0, 3));
        assert_eq!(
            [0, 1, 2].map(|view| views.subnet(view)),
            [None, "198.51.100.0/24".parse().ok(), "2001:db8:1::/48".parse().ok()]
        );
        assert_eq!(Views::default().of(&place("EU", "DE")), DEFAULT_VIEW);
    }

    #[test]
    fn no_place_is_in_two_views() {
        let twice = Views::new(&[view("a", &["DE"], &[], None), view("b", &["FR", "DE"], &[], None)]).unwrap_err();
        assert_eq!(twice.to_string(), r#"DE is in view "a" and in view "b""#);
        let again = view("default", &["DE"], &[], None);
        assert_eq!(Views::new(&[again]), Err(ViewsError::SameName("default".into())));
        assert_eq!(Views::new(&[view("a", &[], &[], None)]), Err(ViewsError::Nowhere("a".into())));
        let many: Vec<ViewSettings> = (0..65).map(|n| view(&n.to_string(), &[], &["EU"], None)).collect();
        assert_eq!(Views::new(&many), Err(ViewsError::TooMany(65)));
    }
}
