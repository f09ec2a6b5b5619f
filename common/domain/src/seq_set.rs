//! Sets of sequence numbers, kept as ranges: what the cloud has of a spool, and what an acknowledgement names.

use std::{fmt, ops::RangeInclusive};

/// A set of sequence numbers as sorted, disjoint, non-adjacent ranges. A spool that drains in order is one range however
/// long it gets; only holes cost room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeqSet(Vec<(u64, u64)>);

impl SeqSet {
    /// Returns the empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns the set of all numbers in these ranges, which may overlap and come in any order. Ranges that end
    /// before they begin hold nothing.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Tells whether the number is in the set.
    pub fn contains(&self, seq: u64) -> bool {
        self.range_at(seq).is_ok()
    }

    /// Puts a number in, and tells whether it is new.
    pub fn insert(&mut self, seq: u64) -> bool {
        let Err(next) = self.range_at(seq) else { return false };
        let touches_before = next > 0 && self.0[next - 1].1.checked_add(1) == Some(seq);
        let touches_after = self.0.get(next).is_some_and(|range| seq.checked_add(1) == Some(range.0));
        match (touches_before, touches_after) {
            (true, true) => self.0[next - 1].1 = self.0.remove(next).1,
            (true, false) => self.0[next - 1].1 = seq,
            (false, true) => self.0[next].0 = seq,
            (false, false) => self.0.insert(next, (seq, seq)),
        }
        true
    }

    /// Returns the ranges, ascending.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|&(first, last)| first..=last)
    }

    /// Returns how many ranges the set takes, which is what it costs to keep.
    pub fn range_count(&self) -> usize {
        self.0.len()
    }

    /// Tells whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many numbers are in the set.
    pub fn len(&self) -> u64 {
        self.0.iter().fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// Finds the range a number lies in, or else the place its range would take.
    fn range_at(&self, seq: u64) -> Result<usize, usize> {
        let next = self.0.partition_point(|&(_, last)| last < seq);
        if self.0.get(next).is_some_and(|&(first, _)| first <= seq) { Ok(next) } else { Err(next) }
    }
}

impl FromIterator<u64> for SeqSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        Self::from_ranges(numbers.into_iter().map(|seq| (seq, seq)))
    }
}

impl fmt::Display for SeqSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_drains_in_order_is_one_range() {
        let mut set = SeqSet::new();
        for seq in 1..=1000 {
            assert!(set.insert(seq));
        }
        assert_eq!(set.to_string(), "1-1000");
        assert!(!set.insert(500));
    }

    #[test]
    fn the_greatest_number_overflows_nothing() {
        let mut set = SeqSet::from_ranges([(0, u64::MAX)]);
        assert!(!set.insert(u64::MAX));
        assert_eq!(set.len(), u64::MAX);
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(numbers in proptest::collection::vec(0_u64..60, 0..80)) {
            let mut set = SeqSet::new();
            let mut model = BTreeSet::new();
            for &seq in &numbers {
                prop_assert_eq!(set.insert(seq), model.insert(seq));
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            for seq in 0..62 {
                prop_assert_eq!(set.contains(seq), model.contains(&seq));
            }
            prop_assert_eq!(&set, &numbers.into_iter().collect::<SeqSet>());
            let ranges: Vec<_> = set.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()), "ranges touch");
        }
    }
}
