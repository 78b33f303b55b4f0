//! The one table in which every name of every zone is found.
//!
//! # Why one
//! A query names no zone. Were each zone a table of its own, finding the zone would cost a look-up a label before the name
//! is looked for at all; here the first look-up is most often the last. Who misses goes up label by label to the closest
//! name that is there, beginning no deeper than the deepest name we have: a flood of long random names costs as many
//! look-ups as our own zones are deep, however many names they have.
//!
//! # What a look-up gives
//! Delegations win over all below them; a name that is there wins over a wildcard; a wildcard answers for names directly or
//! deeply below its parent, where no name between is there (RFC 4592 §3.3.1). Where a zone of ours lies inside another,
//! the inner one has its names (their closest origin), and the outer one's records at and below that origin are not used,
//! but for the DS set.
//!
//! The hash is a quick one: only the operator's own names are in the table, and nobody can put others there.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::{
    node::{Kind, Node},
    set::Set,
};
use crate::wire::{name::Key, query::rtype};

/// All names.
#[derive(Debug, Default)]
pub(crate) struct Table {
    names: HashMap<Box<[u8]>, Node, FxBuildHasher>,
    /// Labels of the deepest name.
    deepest: usize,
    /// Whether there is any wildcard at all.
    wildcards: bool,
}

/// What a look-up finds.
#[derive(Debug)]
pub(crate) enum Found<'t> {
    /// The name.
    Name(&'t Node),
    /// A wildcard that stands for it, below the name of so many labels.
    Wildcard(&'t Node, usize),
    /// A delegation at or above it, whose name has so many labels.
    Cut(&'t Node, usize),
    /// It is in this zone, and there is no such name.
    Nothing(usize),
    /// It is in none of the zones.
    Outside,
}

impl Table {
    /// Looks a name up.
    pub(crate) fn find(&self, key: &Key) -> Found<'_> {
        let labels = key.labels();
        if labels <= self.deepest
            && let Some(node) = self.names.get(key.as_wire())
        {
            return match node.kind {
                Kind::Data | Kind::Apex => Found::Name(node),
                Kind::Cut => Found::Cut(node, labels),
                Kind::Below(cut) => self.cut(key, cut),
            };
        }
        for labels in (0..labels.min(self.deepest + 1)).rev() {
            let Some(encloser) = self.names.get(key.suffix(labels)) else { continue };
            return match encloser.kind {
                Kind::Cut => Found::Cut(encloser, labels),
                Kind::Below(cut) => self.cut(key, cut),
                Kind::Data | Kind::Apex => match self.wildcard(key, labels) {
                    Some(node) => Found::Wildcard(node, labels),
                    None => Found::Nothing(encloser.zone),
                },
            };
        }
        Found::Outside
    }

    /// The node of exactly this name, whatever stands above it: for glue.
    pub(crate) fn exact(&self, wire: &[u8]) -> Option<&Node> {
        self.names.get(wire)
    }

    /// All names with their data, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Node)> {
        self.names.iter().map(|(name, node)| (&**name, node))
    }

    /// All of them, to be changed: for signing.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Node)> {
        self.names.iter_mut().map(|(name, node)| (&**name, node))
    }

    fn cut(&self, key: &Key, labels: u8) -> Found<'_> {
        let labels = usize::from(labels);
        self.names.get(key.suffix(labels)).map_or(Found::Outside, |node| Found::Cut(node, labels))
    }

    fn wildcard(&self, key: &Key, labels: usize) -> Option<&Node> {
        if !self.wildcards {
            return None;
        }
        self.names.get(key.wildcard(labels)?.as_wire()).filter(|node| node.kind == Kind::Data)
    }
}

/// Gathers names. Zones come first, each under a number of the caller's; then what they hold.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    table: Table,
}

impl Builder {
    /// The origin of zone number `zone`.
    pub(crate) fn zone(&mut self, zone: usize, origin: &Key) {
        let node = self.node(zone, origin);
        (node.kind, node.zone) = (Kind::Apex, zone);
        self.note(origin);
    }

    /// The number of the zone that a name is in; `None` where it is in none.
    pub(crate) fn zone_of(&self, name: &Key) -> Option<usize> {
        (0..=name.labels()).rev().find_map(|labels| {
            let node = self.table.names.get(name.suffix(labels))?;
            (node.kind == Kind::Apex).then_some(node.zone)
        })
    }

    /// Puts a set of zone `zone`, whose origin has `origin` labels, at its name. A set that lies in another zone of ours,
    /// deeper inside, is passed over.
    pub(crate) fn add(&mut self, zone: usize, origin: usize, name: &Key, set: Set) {
        match self.zone_of(name) {
            Some(inner) if inner != zone => {
                let at_origin = |node: &mut Node| {
                    if set.rtype == rtype::DS && node.kind == Kind::Apex {
                        node.parent = Some((zone, Some(set)));
                    } else if node.kind == Kind::Apex && node.parent.is_none() {
                        node.parent = Some((zone, None));
                    }
                };
                if let Some(node) = self.table.names.get_mut(name.as_wire()) {
                    at_origin(node);
                }
            }
            _ => {
                self.above(zone, origin, name);
                let node = self.node(zone, name);
                let at = node.sets.partition_point(|other| other.rtype < set.rtype);
                node.sets.insert(at, set);
            }
        }
    }

    /// The node of a name in zone `zone`; the names above it are there from then on.
    pub(crate) fn at(&mut self, zone: usize, origin: usize, name: &Key) -> &mut Node {
        self.above(zone, origin, name);
        self.node(zone, name)
    }

    /// The table, delegations marked.
    pub(crate) fn finish(mut self) -> Table {
        let cuts: Vec<Box<[u8]>> = self
            .table
            .names
            .iter()
            .filter(|(_, node)| node.kind != Kind::Apex && node.set(rtype::NS).is_some())
            .map(|(name, _)| name.clone())
            .collect();
        if cuts.is_empty() {
            return self.table;
        }
        for name in &cuts {
            if let Some(node) = self.table.names.get_mut(name) {
                node.kind = Kind::Cut;
            }
        }
        let below: Vec<(Box<[u8]>, u8)> = self
            .table
            .names
            .iter()
            .filter(|(_, node)| node.kind != Kind::Apex)
            .filter_map(|(name, node)| Some((name.clone(), self.cut_above(name, node.zone)?)))
            .collect();
        for (name, labels) in below {
            if let Some(node) = self.table.names.get_mut(&name) {
                node.kind = Kind::Below(labels);
            }
        }
        self.table
    }

    /// The labels of the uppermost delegation above a name.
    fn cut_above(&self, name: &[u8], zone: usize) -> Option<u8> {
        let (key, _) = Key::read(name)?;
        (0..key.labels()).find_map(|labels| {
            let node = self.table.names.get(key.suffix(labels))?;
            (node.kind == Kind::Cut && node.zone == zone).then_some(labels as u8)
        })
    }

    fn node(&mut self, zone: usize, name: &Key) -> &mut Node {
        self.note(name);
        self.table.names.entry(name.as_wire().into()).or_insert_with(|| Node { zone, ..Node::default() })
    }

    fn above(&mut self, zone: usize, origin: usize, name: &Key) {
        for labels in (origin + 1..name.labels()).rev() {
            if self.table.names.contains_key(name.suffix(labels)) {
                return; // and so are those above it
            }
            self.table.names.insert(name.suffix(labels).into(), Node { zone, ..Node::default() });
        }
    }

    fn note(&mut self, name: &Key) {
        self.table.deepest = self.table.deepest.max(name.labels());
        self.table.wildcards |= name.is_wildcard();
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{Name, RecordType};

    use super::*;

    fn key(name: &str) -> Key {
        Key::new(&Name::from_ascii(name).unwrap())
    }

    fn table(zones: &[&str], records: &[(usize, &str, RecordType)]) -> Table {
        let mut builder = Builder::default();
        for (number, origin) in zones.iter().enumerate() {
            builder.zone(number, &key(origin));
        }
        for (zone, name, rtype) in records {
            let origin = key(zones[*zone]);
            let set = Set::new(*rtype, 60, &[key("ns.elsewhere.").as_wire().to_vec()], &origin);
            builder.add(*zone, origin.labels(), &key(name), set);
        }
        builder.finish()
    }

    fn told(table: &Table, name: &str) -> String {
        match table.find(&key(name)) {
            Found::Name(node) => format!("name of {} with {}", node.zone, node.sets.len()),
            Found::Wildcard(node, labels) => format!("wildcard of {} below {labels}", node.zone),
            Found::Cut(node, labels) => format!("cut of {} at {labels}", node.zone),
            Found::Nothing(zone) => format!("nothing in {zone}"),
            Found::Outside => "outside".into(),
        }
    }

    #[test]
    fn names_wildcards_and_delegations_are_found() {
        let t = table(
            &["z.test."],
            &[
                (0, "z.test.", RecordType::NS),
                (0, "a.b.c.z.test.", RecordType::TXT),
                (0, "*.w.z.test.", RecordType::TXT),
                (0, "host.w.z.test.", RecordType::TXT),
                (0, "sub.z.test.", RecordType::NS),
                (0, "ns.sub.z.test.", RecordType::A),
                (0, "deep.in.sub.z.test.", RecordType::NS),
            ],
        );
        for (name, what) in [
            ("z.test.", "name of 0 with 1"),
            ("A.b.C.z.test.", "name of 0 with 1"),
            ("b.c.z.test.", "name of 0 with 0"),
            ("c.z.test.", "name of 0 with 0"),
            ("x.z.test.", "nothing in 0"),
            ("x.b.c.z.test.", "nothing in 0"),
            ("x.a.b.c.z.test.", "nothing in 0"),
            ("1.2.3.4.5.6.7.8.9.z.test.", "nothing in 0"),
            ("x.w.z.test.", "wildcard of 0 below 3"),
            ("x.y.w.z.test.", "wildcard of 0 below 3"),
            ("w.z.test.", "name of 0 with 0"),
            ("x.host.w.z.test.", "nothing in 0"),
            ("*.w.z.test.", "name of 0 with 1"),
            ("sub.z.test.", "cut of 0 at 3"),
            ("ns.sub.z.test.", "cut of 0 at 3"),
            ("x.sub.z.test.", "cut of 0 at 3"),
            ("x.deep.in.sub.z.test.", "cut of 0 at 3"),
            ("test.", "outside"),
            ("xz.test.", "outside"),
            (".", "outside"),
        ] {
            assert_eq!(told(&t, name), what, "{name}");
        }
    }

    #[test]
    fn the_closest_origin_has_a_name() {
        let t = table(
            &["z.test.", "in.z.test."],
            &[
                (0, "in.z.test.", RecordType::NS),
                (0, "in.z.test.", RecordType::DS),
                (0, "x.in.z.test.", RecordType::A),
                (1, "in.z.test.", RecordType::SOA),
            ],
        );
        assert_eq!(told(&t, "in.z.test."), "name of 1 with 1");
        assert_eq!(told(&t, "x.in.z.test."), "nothing in 1");
        let Found::Name(node) = t.find(&key("in.z.test.")) else { panic!("it is there") };
        assert!(matches!(&node.parent, Some((0, Some(ds))) if ds.rtype == 43));
        assert!(t.exact(key("x.in.z.test.").as_wire()).is_none());
    }
}
