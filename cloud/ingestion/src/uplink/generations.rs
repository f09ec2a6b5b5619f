//! A map that forgets what was not looked at for long, and never grows beyond its bound.

use std::{collections::HashMap, hash::Hash};

/// Two maps: what is new, and what was new before. Once the new one is full, the old one is forgotten.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash + Copy, V> Generations<K, V> {
    /// Returns a map of at most this many entries; of these, the later half stays for sure.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: capacity.div_ceil(2).max(1) }
    }

    /// Returns what stands there.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if let Some(value) = self.old.remove(key) {
            self.insert(*key, value);
        }
        self.young.get_mut(key)
    }

    /// Returns what stands there, or what was put there now.
    pub(crate) fn entry(&mut self, key: K, fresh: impl FnOnce() -> V) -> &mut V {
        let known = self.old.remove(&key);
        if known.is_some() || !self.young.contains_key(&key) {
            self.insert(key, known.unwrap_or_else(fresh));
        }
        self.young.get_mut(&key).expect("it was put there")
    }

    /// Puts something there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_what_is_looked_at() {
        let mut map = Generations::new(100);
        map.insert(0, "kept");
        for key in 1..10_000 {
            map.insert(key, "new");
            assert_eq!(map.get_mut(&0), Some(&mut "kept"));
            assert!(map.young.len() + map.old.len() <= 100);
        }
        assert_eq!(map.get_mut(&1), None);
        assert_eq!(map.get_mut(&9_999), Some(&mut "new"));
        assert_eq!(*map.entry(9_998, || "other"), "new");
        assert_eq!(*map.entry(1, || "other"), "other");
    }
}
