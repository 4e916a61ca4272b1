//! Fills and opens the cache. It has two forms: the scripts' text files, one for each image and
//! model, which they and we can share; and one packed file per model, which is read instead unless
//! a text file has changed since.

use super::fill::{Filled, Filler};
use super::packed::Packed;
use super::plan::Item;
use super::rows::Bottlenecks;
use super::spec::{BadImage, CacheSpec, Progress, get_packed_path};
use crate::dataset::{Category, ImageLists};
use crate::error::Result;
use crate::fsio;
use crate::inference::Extractor;
use log::warn;
use std::collections::BTreeSet;
use std::path::Path;

/// The script's `cache_bottlenecks`: makes sure that every image of the wanted sets has its
/// bottleneck in the cache. Returns all bottlenecks, and in order the images that could not be
/// used, which then belong to no set.
///
/// # Errors
/// If the cache cannot be written, or the network does not run. Bottlenecks computed before the
/// error stay in the cache.
pub fn cache_bottlenecks<'l>(
    extractor: &dyn Extractor,
    lists: &'l ImageLists,
    spec: &CacheSpec<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Bottlenecks<'l>, Vec<BadImage>)> {
    make_directories(lists, spec)?;
    let (items, classes, mut members) = rows_of(lists);
    let mut wanted = vec![false; items.len()];
    for &category in spec.categories {
        members[category as usize].iter().flatten().for_each(|&row| wanted[row] = true);
    }
    let packed = open_packed(extractor, spec)?;
    let to_fill: Vec<Item<'_>> = items.iter().filter(|i| wanted[i.row]).cloned().collect();
    let filler = Filler::new(extractor, spec, packed, to_fill.len(), progress);
    let Filled { packed, bad, turned } = filler.fill(to_fill)?;
    for (row, _) in &bad {
        members.iter_mut().flatten().for_each(|rows| rows.retain(|r| r != row));
    }
    let (map, entries) = packed.map()?;
    let offset = |i: &Item<'_>| entries.get(&i.name()).filter(|_| wanted[i.row]).map(|e| e.offset);
    let short = |hash: [u8; 32]| u64::from_le_bytes(hash[..8].try_into().unwrap_or_default());
    let bottlenecks = Bottlenecks {
        size: extractor.bottleneck_size(),
        classes,
        photographs: items.iter().map(|i| &i.listed.photograph).collect(),
        listed: items.iter().map(|i| i.listed).collect(),
        map,
        offsets: items.iter().map(offset).collect(),
        hashes: items.iter().map(|i| entries.get(&i.name())?.key.hash.map(short)).collect(),
        members,
        turned,
    };
    Ok((bottlenecks, bad.into_iter().map(|(_, bad)| bad).collect()))
}

/// Creates the directories, and removes temporary files that killed runs left in them.
fn make_directories(lists: &ImageLists, spec: &CacheSpec<'_>) -> Result<()> {
    fsio::ensure_dir_exists(spec.bottleneck_dir)?;
    fsio::clear_temporary_files(spec.bottleneck_dir);
    for label in &lists.labels {
        let dir = spec.bottleneck_dir.join(&label.dir);
        // Where a class has directories below its own, so have its text files.
        let images = Category::ALL.iter().flat_map(|&set| label.images(set));
        let parents = images.filter_map(|listed| Path::new(listed.photograph.name()).parent());
        let dirs: BTreeSet<&Path> = parents.chain([Path::new("")]).collect();
        for dir in dirs.into_iter().map(|below| dir.join(below)) {
            if spec.text {
                fsio::ensure_dir_exists(&dir)?;
            }
            fsio::clear_temporary_files(&dir);
        }
    }
    Ok(())
}

/// For each set and class, the rows that belong to it.
type Members = [Vec<Vec<usize>>; 3];

/// All images in the order of their rows, the class of each, and the rows of each set.
fn rows_of(lists: &ImageLists) -> (Vec<Item<'_>>, Vec<usize>, Members) {
    let mut items = Vec::new();
    let (mut classes, mut members) = (Vec::new(), [const { Vec::new() }; 3]);
    for (class, label) in lists.labels.iter().enumerate() {
        for category in Category::ALL {
            let first = items.len();
            let images = label.images(category).iter().enumerate();
            items.extend(images.map(|(i, listed)| Item { row: first + i, label, listed }));
            members[category as usize].push((first..items.len()).collect::<Vec<usize>>());
            classes.resize(items.len(), class);
        }
    }
    (items, classes, members)
}

fn open_packed(extractor: &dyn Extractor, spec: &CacheSpec<'_>) -> Result<Packed> {
    let path = get_packed_path(spec.bottleneck_dir, spec.model);
    let packed = Packed::open(&path, &extractor.identity(), extractor.bottleneck_size())?;
    if !packed.kept && !spec.text {
        warn!(
            target: "retrain",
            "{} is in use or cannot be written: this run's bottlenecks will not be kept",
            path.display()
        );
    }
    Ok(packed)
}
