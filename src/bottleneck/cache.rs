//! Fills and opens the cache. It has two forms: the scripts' text files, one for each image and
//! model, which they and we can share; and one packed file per model, which is read instead unless
//! a text file has changed since. Shards, which other processes may have computed, lie beside the
//! packed file and are read like it.

use super::files::Files;
use super::fill::{Filled, Filler};
use super::plan::Item;
use super::rows::Bottlenecks;
use super::shard::Shard;
use super::spec::{BadImage, CacheEvent, CacheSpec};
use crate::dataset::{Category, ImageLists};
use crate::error::Result;
use crate::fsio;
use crate::inference::Extractor;
use crate::text::counted;
use log::info;
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
    tell: &mut dyn FnMut(CacheEvent),
) -> Result<(Bottlenecks<'l>, Vec<BadImage>)> {
    make_directories(lists, spec)?;
    let Rows { items, classes, mut members } = rows_of(lists);
    let wanted = wanted(&items, &members, spec);
    let files = Files::open(extractor, spec, None)?;
    let filler = Filler::new(extractor, spec, files, tell);
    let mut filled = filler.fill(&wanted, items.len())?;
    filled.locate(&wanted, &items);
    let Filled { files, places, hashes, bad, turned } = filled;
    let is_bad = |row: &usize| bad.binary_search_by_key(row, |(bad, _)| *bad).is_ok();
    members.iter_mut().flatten().for_each(|rows| rows.retain(|row| !is_bad(row)));
    let bottlenecks = Bottlenecks {
        size: extractor.bottleneck_size(),
        classes,
        photographs: items.iter().map(|i| &i.listed.photograph).collect(),
        listed: items.iter().map(|i| i.listed).collect(),
        maps: files.map()?,
        places,
        hashes,
        members,
        turned,
    };
    Ok((bottlenecks, bad.into_iter().map(|(_, bad)| bad).collect()))
}

/// Computes one shard of the cache: the bottlenecks of its images that are neither in the cache
/// already nor in shards of another number. They go to a packed file of the shard's own, where
/// [`cache_bottlenecks`] finds them. Returns in order the images that could not be used.
///
/// # Errors
/// If another process computes the shard, its file cannot be written, or the network does not run.
/// Bottlenecks computed before the error stay in the shard.
pub fn cache_shard(
    extractor: &dyn Extractor,
    lists: &ImageLists,
    spec: &CacheSpec<'_>,
    shard: Shard,
    tell: &mut dyn FnMut(CacheEvent),
) -> Result<Vec<BadImage>> {
    fsio::ensure_dir_exists(spec.bottleneck_dir)?;
    let Rows { items, members, .. } = rows_of(lists);
    let mut part = wanted(&items, &members, spec);
    let all = part.len();
    part.retain(|item| shard.holds(&item.name()));
    let (index, count, images) = (shard.index(), shard.count(), counted(all as u64, "image"));
    info!(target: "retrain", "shard {index} of {count}: {} of {images}", part.len());
    let files = Files::open(extractor, spec, Some(shard))?;
    let filled = Filler::new(extractor, spec, files, tell).fill(&part, items.len())?;
    Ok(filled.bad.into_iter().map(|(_, bad)| bad).collect())
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

/// All images.
struct Rows<'l> {
    /// In the order of their rows.
    items: Vec<Item<'l>>,
    /// The class of each.
    classes: Vec<usize>,
    members: Members,
}

fn rows_of(lists: &ImageLists) -> Rows<'_> {
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
    Rows { items, classes, members }
}

/// The images of the sets whose bottlenecks are needed.
fn wanted<'l>(items: &[Item<'l>], members: &Members, spec: &CacheSpec<'_>) -> Vec<Item<'l>> {
    let mut wanted = vec![false; items.len()];
    for &category in spec.categories {
        members[category as usize].iter().flatten().for_each(|&row| wanted[row] = true);
    }
    items.iter().filter(|item| wanted[item.row]).cloned().collect()
}
