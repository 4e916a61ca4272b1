//! The bottlenecks of all images as the training sees them: rows of a file that is mapped into
//! memory.

use crate::dataset::Category;
use memmap2::Mmap;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

/// The bottlenecks of all images, one row each: class by class, within it training, testing,
/// validation. The rows themselves stay in the packed file and take memory only as long as the
/// system has it to spare.
#[derive(Debug)]
pub struct Bottlenecks<'l> {
    /// Numbers in a row.
    pub size: usize,
    /// The class index of each row.
    pub classes: Vec<usize>,
    /// The image of each row.
    pub paths: Vec<&'l Path>,
    pub(super) map: Mmap,
    /// Where in the map each row begins; `None` for images whose bottlenecks are not wanted.
    pub(super) offsets: Vec<Option<u64>>,
    /// The SHA-256 of each image, or rather its first eight bytes, where the image was ever read.
    pub(super) hashes: Vec<Option<u64>>,
    /// For each category, class by class, the rows that belong to it.
    pub(super) members: [Vec<Vec<usize>>; 3],
}

impl Bottlenecks<'_> {
    /// The bottleneck of one image; empty where it was not wanted.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        let bytes = self.offsets[row]
            .map_or(&[][..], |offset| &self.map[offset as usize..][..4 * self.size]);
        // The map begins at a page, and rows at multiples of four: this cannot fail.
        bytemuck::cast_slice(bytes)
    }

    /// A hash of the image's file; `None` if only a text file of unknown origin is known.
    #[must_use]
    pub fn content(&self, row: usize) -> Option<u64> {
        self.hashes[row]
    }

    /// Images that are exact copies of one in another set: for each, the first such image, and the
    /// copy. Images that have only a text file of unknown origin are not compared.
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
