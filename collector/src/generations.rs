//! A bounded map that forgets what has not been touched for a while.
//!
//! Two maps: what is touched moves to the young one; when that is full or has stood long enough, it becomes the old one
//! and what was old is gone. So an entry is kept for at least `idle_ms` after its last touch, unless more than `limit`
//! others were touched since, at the price of a second look-up now and then, with no list to maintain and no sweep.

use std::{
    borrow::Borrow,
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
};

#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of each generation.
    limit: usize,
    idle_ms: i64,
    /// When the young one was begun; `None` before the first touch.
    begun_ms: Option<i64>,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub fn new(limit: usize, idle_ms: i64) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), limit, idle_ms, begun_ms: None }
    }

    /// The entry of `key`, made if there is none.
    pub fn touch(&mut self, key: K, now_ms: i64, make: impl FnOnce() -> V) -> &mut V {
        let begun = *self.begun_ms.get_or_insert(now_ms);
        if self.young.len() >= self.limit || now_ms - begun >= self.idle_ms {
            self.old = std::mem::take(&mut self.young);
            self.begun_ms = Some(now_ms);
        }
        match self.young.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let kept = self.old.remove(entry.key());
                entry.insert(kept.unwrap_or_else(make))
            }
        }
    }

    /// The entry of `key`, if there is one. To look is not to touch.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: ?Sized + Eq + Hash,
    {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    pub fn remove<Q>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
        Q: ?Sized + Eq + Hash,
    {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_touched_and_forgets_what_is_idle() {
        let mut map = Generations::new(100, 1_000);
        for (now, key, made) in [
            (0, "a", true),
            (500, "b", true),
            (900, "a", false),
            (1_100, "a", false),
            (1_200, "c", true),
            (2_500, "a", false),
            (3_600, "b", true),
        ] {
            // An entry that was kept has the moment at which it was made, not this one.
            assert_eq!(*map.touch(key, now, || now) == now, made, "{key} at {now}");
        }
    }

    #[test]
    fn never_holds_more_than_two_generations() {
        let mut map = Generations::new(10, i64::MAX);
        for key in 0..1_000u64 {
            map.touch(key, 0, || ());
            assert!(map.len() <= 20);
        }
        assert!(map.get_mut(&999).is_some() && map.get_mut(&1).is_none(), "the newest are kept");
    }
}
