//! The bottlenecks of all images as the training reads them: rows of memory-mapped files.

use super::packed::Map;
use crate::dataset::{Category, Listed};
use crate::images::Photograph;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU64;
use std::path::Path;

/// The bottlenecks of all images, one row each, sorted by class, and within a class by set:
/// training, testing, validation. The rows stay in the packed files, so the system can free their
/// memory whenever it needs to.
#[derive(Debug)]
pub struct Bottlenecks<'l> {
    /// The length of a row.
    pub size: usize,
    /// The class index of each row.
    pub classes: Vec<usize>,
    /// The photograph of each row.
    pub photographs: Vec<&'l Photograph>,
    /// The same as they are listed.
    pub(super) listed: Vec<&'l Listed>,
    /// How many of the photographs that were read say that they must be turned to be seen as they
    /// were taken. (Those with bottlenecks in the cache are not read.)
    pub turned: usize,
    /// The packed files.
    pub(super) maps: Vec<Map>,
    /// Where each row is; `None` for images whose bottlenecks were not asked for.
    pub(super) places: Vec<Option<Place>>,
    /// The first eight bytes of each image's SHA-256; `None` if the image was never read.
    pub(super) hashes: Vec<Option<u64>>,
    /// For each category and class, the rows that belong to it.
    pub(super) members: [Vec<Vec<usize>>; 3],
}

/// Where a row is. With 10 million rows every byte of this counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The index of the map.
    pub(super) map: u32,
    /// Where in the map it begins: never at 0, where the header is.
    pub(super) offset: NonZeroU64,
}

impl Place {
    /// The row that begins at `offset` of a map; `None` if no row can.
    pub(super) fn new(map: usize, offset: u64) -> Option<Self> {
        Some(Self { map: map.try_into().ok()?, offset: NonZeroU64::new(offset)? })
    }
}

impl<'l> Bottlenecks<'l> {
    /// What the photograph of a row is called.
    #[must_use]
    pub fn path(&self, row: usize) -> &'l Path {
        self.photographs[row].path()
    }

    /// What the photograph of a row has in common with those it must stay together with.
    #[must_use]
    pub fn group(&self, row: usize) -> Cow<'l, [u8]> {
        self.listed[row].group()
    }

    /// How much the photograph of a row counts in training.
    #[must_use]
    pub fn weight(&self, row: usize) -> f64 {
        self.listed[row].weight
    }

    /// The weights of these rows; empty if each is 1.
    #[must_use]
    pub fn weights(&self, rows: &[usize]) -> Vec<f64> {
        let weights: Vec<f64> = rows.iter().map(|&row| self.weight(row)).collect();
        if weights.iter().all(|&weight| weight == 1.0) { Vec::new() } else { weights }
    }

    /// The bottleneck of one image, `size` numbers; empty if it was not asked for.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        let Some(Place { map, offset }) = self.places[row] else { return &[] };
        let bytes = &self.maps[map as usize][offset.get() as usize..][..4 * self.size];
        // This cannot fail: maps are aligned to a page, and rows to multiples of four.
        bytemuck::cast_slice(bytes)
    }

    /// A hash of the image's file; `None` if the file was never read, because its bottleneck came
    /// from a text file.
    #[must_use]
    pub fn content(&self, row: usize) -> Option<u64> {
        self.hashes[row]
    }

    /// Images that are exact copies of an image in another set, as pairs of rows: the first such
    /// image, and the copy. Images whose bottlenecks came from text files are not compared, because
    /// they were never read.
    #[must_use]
    pub fn duplicates_across_sets(&self) -> Vec<(usize, usize)> {
        let mut first: HashMap<u64, (usize, Category)> = HashMap::new();
        let mut pairs = Vec::new();
        for category in Category::ALL {
            for &row in self.members(category).iter().flatten() {
                let Some(hash) = self.hashes[row] else { continue };
                match first.entry(hash) {
                    Entry::Vacant(vacant) => drop(vacant.insert((row, category))),
                    Entry::Occupied(seen) if seen.get().1 != category => {
                        pairs.push((seen.get().0, row))
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        pairs
    }

    /// The rows of one set, class by class.
    #[must_use]
    pub fn members(&self, category: Category) -> &[Vec<usize>] {
        &self.members[category as usize]
    }
}
