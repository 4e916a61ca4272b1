//! The values of pixels, as they are computed with.

use std::cmp::Ordering;

/// A value of a pixel, single or double.
pub(super) trait Sample: Copy + PartialOrd {
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    /// As a double.
    fn wide(self) -> f64;
    /// A number that has the same order.
    fn key(self) -> u64;
    /// The order of values, as floating-point numbers that are not NaN have it.
    fn order(&self, other: &Self) -> Ordering;
    /// Big-endian.
    fn push(self, into: &mut Vec<u8>);
}

impl Sample for f32 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    fn wide(self) -> f64 {
        self.into()
    }

    fn key(self) -> u64 {
        let bits = self.to_bits();
        u64::from(if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }) << 32
    }

    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }

    fn push(self, into: &mut Vec<u8>) {
        into.extend(self.to_be_bytes());
    }
}

impl Sample for f64 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;

    fn wide(self) -> f64 {
        self
    }

    fn key(self) -> u64 {
        let bits = self.to_bits();
        if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }

    fn push(self, into: &mut Vec<u8>) {
        into.extend(self.to_be_bytes());
    }
}

/// The values of ranks, in ascending order, among those of `values` that `counts` takes; the least
/// has rank 0. Exact, in two passes: values are counted by their first 16 bits, then only the
/// classes that hold a rank are looked through.
pub(super) fn of_ranks<T: Sample>(
    values: &[T],
    counts: impl Fn(T) -> bool,
    ranks: &[usize],
) -> Vec<T> {
    const CLASSES: usize = 1 << 16;
    let class = |value: T| (value.key() >> 48) as usize;
    let mut sizes = vec![0usize; CLASSES];
    values.iter().filter(|&&v| counts(v)).for_each(|&v| sizes[class(v)] += 1);
    let mut place = vec![usize::MAX; CLASSES];
    let mut wanted: Vec<Class<'_, T>> = Vec::new();
    let (mut before, mut left) = (0, ranks);
    for (class, &size) in sizes.iter().enumerate() {
        let (ranks, after) = left.split_at(left.partition_point(|&rank| rank < before + size));
        if !ranks.is_empty() {
            place[class] = wanted.len();
            wanted.push(Class { first: before, ranks, members: Vec::with_capacity(size) });
        }
        (before, left) = (before + size, after);
    }
    for &value in values.iter().filter(|&&v| counts(v)) {
        if let Some(class) = wanted.get_mut(place[class(value)]) {
            class.members.push(value);
        }
    }
    wanted.into_iter().flat_map(Class::values).collect()
}

/// Values that begin with the same bits.
struct Class<'a, T> {
    /// The rank of the least.
    first: usize,
    ranks: &'a [usize],
    members: Vec<T>,
}

impl<T: Sample> Class<'_, T> {
    /// The values of its ranks.
    fn values(mut self) -> Vec<T> {
        let mut done = 0;
        let of_rank = |rank: &usize| {
            let rank = rank - self.first;
            // What is below the rank before stays below.
            let (_, value, _) = self.members[done..].select_nth_unstable_by(rank - done, T::order);
            done = rank;
            *value
        };
        self.ranks.iter().map(of_rank).collect()
    }
}
