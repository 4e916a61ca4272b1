//! Photographs that look alike to the network: near-duplicates.

use super::Features;
use crate::parallel;

/// Photographs of which each is similar to at least one other.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The rows of the photographs, in order.
    pub members: Vec<usize>,
    /// The highest cosine of two of them.
    pub cosine: f64,
}

/// Rows that are compared with as many others at once.
const BLOCK: usize = 256;

/// Groups the rows that are connected by cosines of at least `least`, the most similar group first.
///
/// The cosine is that of the rows less their mean: what all photographs have in common says
/// nothing. It takes rows²·width/2 multiplications, spread over all cores.
#[must_use]
pub fn similar_groups(features: &Features, least: f64) -> Vec<Group> {
    let directions = features.directions();
    let rows: Vec<usize> = (0..features.len()).collect();
    let blocks: Vec<Features> = rows.chunks(BLOCK).map(|rows| directions.select(rows)).collect();
    let pairs = (0..blocks.len()).flat_map(|a| (a..blocks.len()).map(move |b| (a, b)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let found = parallel::map(pairs.len(), |i| {
        let (a, b) = pairs[i];
        similar(&blocks[a], &blocks[b], least)
    });
    let mut links = Links::new(rows.len());
    for ((a, b), found) in pairs.into_iter().zip(found) {
        for (i, j, cosine) in found {
            links.join(a * BLOCK + i, b * BLOCK + j, cosine);
        }
    }
    links.groups()
}

/// The pairs of a row of `a` and a row of `b` with a cosine of at least `least`.
fn similar(a: &Features, b: &Features, least: f64) -> Vec<(usize, usize, f64)> {
    let mut cosines = vec![0.0; a.len() * b.len()];
    a.times_transposed(b, &mut cosines);
    let pairs = cosines.iter().enumerate().filter(|(_, cosine)| **cosine >= least);
    pairs.map(|(at, &cosine)| (at / b.len(), at % b.len(), cosine)).collect()
}

/// Which rows belong together (a disjoint-set forest), and how similar each is to another.
struct Links {
    parents: Vec<usize>,
    cosines: Vec<f64>,
}

impl Links {
    fn new(rows: usize) -> Self {
        Self { parents: (0..rows).collect(), cosines: vec![0.0; rows] }
    }

    fn root(&mut self, mut row: usize) -> usize {
        while self.parents[row] != row {
            self.parents[row] = self.parents[self.parents[row]];
            row = self.parents[row];
        }
        row
    }

    fn join(&mut self, a: usize, b: usize, cosine: f64) {
        if a == b {
            return;
        }
        for row in [a, b] {
            self.cosines[row] = self.cosines[row].max(cosine);
        }
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    fn groups(mut self) -> Vec<Group> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.parents.len()];
        for row in 0..self.parents.len() {
            let root = self.root(row);
            members[root].push(row);
        }
        members.retain(|members| members.len() > 1);
        let group = |members: Vec<usize>| {
            let cosine = members.iter().map(|&row| self.cosines[row]).fold(0.0, f64::max);
            Group { members, cosine }
        };
        let mut groups: Vec<Group> = members.into_iter().map(group).collect();
        groups.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        groups
    }
}
