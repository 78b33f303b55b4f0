//! Audiences by number, and who is part of whom.

use rustc_hash::FxHashMap;

use crate::cells::Audience;

/// How wide audiences can be: a network, a country, a continent, the world.
pub(super) const WIDTHS: usize = 4;

/// The audiences of which something is remembered, and those that they are part of. Numbers are small, and taken again
/// when they came free: what is kept of an audience is kept in a list, at its number.
#[derive(Debug, Default)]
pub(super) struct Tree {
    index: FxHashMap<Audience, u32>,
    nodes: Vec<Node>,
    free: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) audience: Audience,
    pub(super) parent: Option<u32>,
    pub(super) children: Vec<u32>,
}

impl Node {
    /// How wide it is, under [`WIDTHS`]: narrower than what it is part of.
    pub(super) fn width(&self) -> usize {
        match self.audience {
            Audience::CountryAsn(..) => 0,
            Audience::Country(_) => 1,
            Audience::Continent(_) => 2,
            Audience::World => 3,
        }
    }
}

impl Tree {
    pub(super) fn find(&self, audience: Audience) -> Option<u32> {
        self.index.get(&audience).copied()
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    /// The numbers in use.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.index.values().copied()
    }

    /// How many numbers there are, with the free ones.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// How many are in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.index.len()
    }

    /// Adds an audience that is not there, with those that it is part of and that are not there either: their numbers are
    /// appended to `added`. Returns its own.
    pub(super) fn add(&mut self, audience: Audience, added: &mut Vec<u32>) -> u32 {
        let parent = audience.parent().map(|parent| self.find(parent).unwrap_or_else(|| self.add(parent, added)));
        let node = Node { audience, parent, children: Vec::new() };
        let number = match self.free.pop() {
            Some(free) => {
                self.nodes[free as usize] = node;
                free
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        };
        if let Some(parent) = parent {
            self.nodes[parent as usize].children.push(number);
        }
        self.index.insert(audience, number);
        added.push(number);
        number
    }

    /// Removes one that has no parts. Returns what it was part of.
    pub(super) fn remove(&mut self, number: u32) -> Option<u32> {
        let node = &self.nodes[number as usize];
        let parent = node.parent;
        self.index.remove(&node.audience);
        self.free.push(number);
        if let Some(parent) = parent {
            self.nodes[parent as usize].children.retain(|child| *child != number);
        }
        parent
    }
}
