//! The values of pixels, as they are computed with.

use std::cmp::Ordering;

/// A value of a pixel, single or double.
pub(super) trait Sample: Copy + PartialOrd {
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

/// The values of `sorted` ranks among those of `values` that `counts` takes, the least being 0.
/// Exact, in three passes: values are counted by their first 16 bits, then only those of the
/// classes that hold a rank are sorted.
pub(super) fn of_ranks<T: Sample>(
    values: &[T],
    counts: impl Fn(T) -> bool,
    sorted: &[usize],
) -> Vec<T> {
    const CLASSES: usize = 1 << 16;
    let class = |value: T| (value.key() >> 48) as usize;
    let mut sizes = vec![0usize; CLASSES];
    values.iter().filter(|&&v| counts(v)).for_each(|&v| sizes[class(v)] += 1);
    // For each class with a wanted rank, the rank of its first value and its place in `members`.
    let mut place = vec![usize::MAX; CLASSES];
    let mut members: Vec<(usize, Vec<T>)> = Vec::new();
    let (mut before, mut wanted) = (0, sorted.iter().peekable());
    for (class, &size) in sizes.iter().enumerate() {
        if wanted.next_if(|&&rank| rank < before + size).is_some() {
            while wanted.next_if(|&&rank| rank < before + size).is_some() {}
            place[class] = members.len();
            members.push((before, Vec::with_capacity(size)));
        }
        before += size;
    }
    for &value in values.iter().filter(|&&v| counts(v)) {
        if let Some((_, members)) = members.get_mut(place[class(value)]) {
            members.push(value);
        }
    }
    members.iter_mut().for_each(|(_, members)| members.sort_unstable_by(T::order));
    let of_rank = |&rank: &usize| {
        let (first, members) = &members[members.partition_point(|(first, _)| *first <= rank) - 1];
        members[rank - first]
    };
    sorted.iter().map(of_rank).collect()
}
