//! The scripts' cache, one text file per image and model, shared with them in both directions, and
//! beside it the packed file that is read instead where it is no older.

use super::key::{Key, Name, Stamp};
use super::packed::Packed;
use super::rows::Bottlenecks;
use crate::dataset::{Category, ImageLists, LabelLists};
use crate::error::{Error, Result};
use crate::inference::pipeline::{self, Steps};
use crate::inference::{Decoded, Extractor};
use crate::{fsio, images, pyfmt, stop, text};
use indicatif::{ProgressBar, ProgressStyle};
use log::{debug, info, warn};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where bottlenecks are kept, and how far that is trusted.
#[derive(Debug, Clone, Copy)]
pub struct CacheSpec<'a> {
    /// The directory.
    pub bottleneck_dir: &'a Path,
    /// What files bear after the image's name.
    pub model: &'a str,
    /// Whether there are text files besides the packed one.
    pub text: bool,
    /// Whether a text file that is older than its image is made again. (The scripts trust any.)
    pub check_mtime: bool,
    /// The sets whose bottlenecks are wanted.
    pub categories: &'a [Category],
}

/// An image whose bottleneck could not be computed.
#[derive(Debug, Clone)]
pub struct BadImage {
    /// The image.
    pub path: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

/// The path of an image's cache file (the script's function of the same name): the image's name,
/// `_`, the model's.
#[must_use]
pub fn get_bottleneck_path(
    bottleneck_dir: &Path,
    label: &LabelLists,
    image: &OsStr,
    model: &str,
) -> PathBuf {
    let mut name = image.to_owned();
    name.push(format!("_{model}.txt"));
    bottleneck_dir.join(&label.dir).join(name)
}

/// The path of a model's packed file.
#[must_use]
pub fn get_packed_path(bottleneck_dir: &Path, model: &str) -> PathBuf {
    bottleneck_dir.join(format!("{model}.bottlenecks"))
}

/// One image and its place.
#[derive(Clone)]
struct Item<'a> {
    row: usize,
    label: &'a LabelLists,
    image: &'a OsStr,
}

impl Item<'_> {
    fn name(&self) -> Name {
        [self.label.dir.as_encoded_bytes(), b"/", self.image.as_encoded_bytes()].concat().into()
    }
}

/// What is to be done for an image.
enum Todo {
    /// The packed row holds.
    Nothing,
    /// It holds, but the text file is gone.
    WriteText(Key),
    /// It holds, and only its key is out of date.
    Renew(Key),
    /// The text file is to be read.
    Read,
    /// The bottleneck is to be computed, because the image has changed.
    Replace,
    /// The bottleneck is to be computed.
    Compute,
}

/// The script's `cache_bottlenecks`: makes sure that every image of the wanted sets has its
/// bottleneck in the cache. Returns them all, and the images that are at fault, in order; these are
/// in no set.
///
/// # Errors
/// Where the cache cannot be written, or nothing computed; what was computed until then is kept.
pub fn cache_bottlenecks(
    extractor: &dyn Extractor,
    lists: &ImageLists,
    spec: &CacheSpec<'_>,
) -> Result<(Bottlenecks, Vec<BadImage>)> {
    let mut items = Vec::new();
    let (mut classes, mut members) = (Vec::new(), [const { Vec::new() }; 3]);
    fsio::clear_temporary_files(spec.bottleneck_dir);
    for (class, label) in lists.labels.iter().enumerate() {
        let dir = spec.bottleneck_dir.join(&label.dir);
        fsio::ensure_dir_exists(if spec.text { &dir } else { spec.bottleneck_dir })?;
        fsio::clear_temporary_files(&dir);
        for category in Category::ALL {
            let images = label.images(category).iter();
            let first = items.len();
            items.extend(images.enumerate().map(|(i, image)| Item {
                row: first + i,
                label,
                image,
            }));
            members[category as usize].push((first..items.len()).collect::<Vec<usize>>());
            classes.resize(items.len(), class);
        }
    }
    let mut wanted = vec![false; items.len()];
    spec.categories
        .iter()
        .flat_map(|&c| members[c as usize].iter().flatten())
        .for_each(|&row| wanted[row] = true);
    let packed = Packed::open(
        &get_packed_path(spec.bottleneck_dir, spec.model),
        &extractor.identity(),
        extractor.bottleneck_size(),
    )?;
    if !packed.kept && !spec.text {
        let path = get_packed_path(spec.bottleneck_dir, spec.model);
        warn!(target: "retrain", "{} is in use or cannot be written: what is computed is lost after this run", path.display());
    }
    let asked: Vec<Item<'_>> = items.iter().filter(|i| wanted[i.row]).cloned().collect();
    let mut filler = Filler {
        extractor,
        lists,
        spec,
        packed,
        bad: Vec::new(),
        done: 0,
        bar: progress(asked.len()),
    };
    let filled = filler.fill(asked);
    filler.bar.finish_and_clear();
    // What was computed until an error is kept.
    let flushed = filler.packed.flush();
    filled.and(flushed)?;
    let Filler { packed, mut bad, .. } = filler;
    bad.sort_by_key(|(row, _)| *row);
    for (row, _) in &bad {
        members.iter_mut().flatten().for_each(|rows| rows.retain(|r| r != row));
    }
    let (map, entries) = packed.map()?;
    let place = |i: &Item<'_>| entries.get(&i.name()).filter(|_| wanted[i.row]).map(|e| e.offset);
    let offsets = items.iter().map(place).collect();
    let short = |hash: [u8; 32]| u64::from_le_bytes(hash[..8].try_into().unwrap_or_default());
    let hashes = items.iter().map(|i| entries.get(&i.name())?.key.hash.map(short)).collect();
    let paths = items.iter().map(|i| lists.get_image_path(i.label, i.image)).collect();
    let size = extractor.bottleneck_size();
    let bad = bad.into_iter().map(|(_, bad)| bad).collect();
    Ok((Bottlenecks { size, classes, paths, map, offsets, hashes, members }, bad))
}

/// A bottleneck on its way into the cache.
struct Made {
    row: usize,
    image: Option<Stamp>,
    hash: Option<[u8; 32]>,
    values: Result<Vec<f32>, String>,
}

struct Filler<'a> {
    extractor: &'a dyn Extractor,
    lists: &'a ImageLists,
    spec: &'a CacheSpec<'a>,
    packed: Packed,
    bad: Vec<(usize, BadImage)>,
    done: usize,
    bar: ProgressBar,
}

impl Filler<'_> {
    fn fill(&mut self, asked: Vec<Item<'_>>) -> Result<()> {
        let (mut texts, mut missing) = (Vec::new(), Vec::new());
        let mut replaced = 0;
        for item in asked {
            match self.todo(&item) {
                Todo::Nothing => self.count(),
                Todo::Renew(key) => {
                    self.packed.renew(item.name(), key)?;
                    self.count();
                }
                Todo::WriteText(key) => {
                    self.rewrite_text(&item, key)?;
                    self.count();
                }
                Todo::Read => texts.push(item),
                Todo::Replace => {
                    replaced += 1;
                    missing.push(item);
                }
                Todo::Compute => missing.push(item),
            }
        }
        if replaced > 0 {
            info!(target: "retrain", "{replaced} images have changed since their bottlenecks were made: made again");
        }
        missing.extend(self.read_texts(texts)?);
        missing.sort_by_key(|item| item.row);
        self.compute(&missing)
    }

    /// What there is of an image's bottleneck, and whether it holds.
    fn todo(&self, item: &Item<'_>) -> Todo {
        let stamp = |path: &Path| std::fs::metadata(path).ok().map(|m| Stamp::of(&m));
        let image_path = self.lists.get_image_path(item.label, item.image);
        // An image that cannot be looked at is named when it is read.
        let Some(image) = stamp(&image_path) else { return Todo::Compute };
        let text = if self.spec.text { stamp(&self.text_path(item)) } else { None };
        let newer = |text: Stamp| text.mtime >= image.mtime;
        let Some(entry) = self.packed.get(&item.name()) else {
            return match text {
                Some(text) if newer(text) || !self.spec.check_mtime => Todo::Read,
                Some(_) => Todo::Replace,
                None => Todo::Compute,
            };
        };
        let key = &entry.key;
        if let Some(text) = text
            && key.text != Some(text)
            && (key.image == image || newer(text))
        {
            // Another program has written it since.
            return Todo::Read;
        }
        let same = key.image == image;
        // Touched or copied, but the same?
        let touched = || {
            key.image.size == image.size && key.hash.is_some() && key.hash == hash_of(&image_path)
        };
        if !same && !touched() {
            return Todo::Replace;
        }
        let current = Key { image, hash: key.hash, text };
        match (self.spec.text && text.is_none(), same) {
            (true, _) => Todo::WriteText(current),
            (false, true) => Todo::Nothing,
            (false, false) => Todo::Renew(current),
        }
    }

    fn text_path(&self, item: &Item<'_>) -> PathBuf {
        get_bottleneck_path(self.spec.bottleneck_dir, item.label, item.image, self.spec.model)
    }

    fn rewrite_text(&mut self, item: &Item<'_>, key: Key) -> Result<()> {
        let values = self.packed.values(&item.name())?;
        let text = self.write_text(item, &values)?;
        self.packed.renew(item.name(), Key { text, ..key })
    }

    fn write_text(&self, item: &Item<'_>, values: &[f32]) -> Result<Option<Stamp>> {
        if !self.spec.text {
            return Ok(None);
        }
        let path = self.text_path(item);
        let metadata = fsio::write_cache(&path, pyfmt::bottleneck_string(values).as_bytes())?;
        Ok(Some(Stamp::of(&metadata)))
    }

    /// The script's log line for every hundred.
    fn count(&mut self) {
        self.done += 1;
        self.bar.inc(1);
        if self.done.is_multiple_of(100) {
            self.bar
                .suspend(|| info!(target: "tensorflow", "{} bottleneck files created.", self.done));
        }
    }

    /// Reads text files; returns the images of those that are no good.
    fn read_texts<'i>(&mut self, items: Vec<Item<'i>>) -> Result<Vec<Item<'i>>> {
        let size = self.extractor.bottleneck_size();
        let (spec, lists) = (self.spec, self.lists);
        let first = |item: Item<'i>| {
            let path = get_bottleneck_path(spec.bottleneck_dir, item.label, item.image, spec.model);
            let stamp = |path: &Path| std::fs::metadata(path).ok().map(|m| Stamp::of(&m));
            // Before it is read: if it changes meanwhile, that will be seen.
            let (text, image) =
                (stamp(&path), stamp(&lists.get_image_path(item.label, item.image)));
            let values =
                std::fs::read_to_string(&path).ok().and_then(|text| parse_bottleneck(&text, size));
            (item, image.zip(text), values)
        };
        let mut invalid = Vec::new();
        let steps = Steps { load: |item| item, first, second: Ok, ready: || true, backlog: 0 };
        pipeline::run(items.into_iter(), steps, |(item, stamps, values)| {
            match (stamps, values) {
                (Some((image, text)), Some(values)) => {
                    let key = Key { image, hash: None, text: Some(text) };
                    self.packed.append(item.name(), key, &values)?;
                    self.count();
                }
                _ => {
                    let warn = || warn!(target: "tensorflow", "Invalid float found, recreating bottleneck");
                    self.bar.suspend(warn);
                    invalid.push(item);
                }
            }
            Ok(())
        })?;
        Ok(invalid)
    }

    /// The script's `create_bottleneck_file`, for all that are missing.
    fn compute(&mut self, missing: &[Item<'_>]) -> Result<()> {
        let (extractor, lists) = (self.extractor, self.lists);
        let path = |item: &Item<'_>| lists.get_image_path(item.label, item.image);
        let start = Instant::now();
        let by_row: std::collections::HashMap<usize, &Item<'_>> =
            missing.iter().map(|i| (i.row, i)).collect();
        let load = |batch: &[Item<'_>]| -> Vec<_> {
            batch.iter().map(|item| (item.row, read_image(&path(item)))).collect()
        };
        let computed = std::thread::scope(|scope| {
            if !missing.is_empty() {
                let mut images = missing
                    .iter()
                    .filter_map(|item| images::read_image(&path(item)).ok())
                    .map(|(_, image)| image);
                // Its failure is heard of by whoever extracts.
                scope.spawn(move || drop(extractor.prepare(&mut images)));
            }
            let steps = Steps {
                load,
                first: |batch| decode(extractor, batch),
                second: |half| extract(extractor, half),
                ready: || extractor.is_ready(),
                backlog: extractor.backlog(),
            };
            pipeline::run(missing.chunks(extractor.batch_size().max(1)), steps, |batch| {
                batch.into_iter().try_for_each(|made| self.keep(by_row[&made.row], made))
            })
        });
        if !missing.is_empty() {
            let (n, time) = (missing.len(), start.elapsed().as_secs_f64());
            info!(target: "retrain", "{n} bottlenecks computed in {time:.2} s: {:.2} ms an image", time * 1e3 / n as f64);
            extractor.log_times();
        }
        computed
    }

    fn keep(&mut self, item: &Item<'_>, made: Made) -> Result<()> {
        let kept =
            || format!("{} bottlenecks are cached; the same command goes on from there", self.done);
        stop::check(kept)?;
        let path = self.lists.get_image_path(item.label, item.image);
        match made.values {
            Ok(values) => {
                debug!(target: "tensorflow", "Creating bottleneck at {}", text::shown(&self.text_path(item)));
                let text = self.write_text(item, &values)?;
                let image = made.image.unwrap_or(Stamp { size: 0, mtime: 0 });
                self.packed.append(item.name(), Key { image, hash: made.hash, text }, &values)?;
            }
            Err(message) => self.bad.push((item.row, BadImage { path, message })),
        }
        self.count();
        Ok(())
    }
}

type Loaded = (usize, Result<(Stamp, Vec<u8>), String>);

/// A batch whose images are decoded.
struct HalfDone {
    /// One for each image that could be read, without numbers yet, and one for each that could
    /// not.
    made: Vec<Made>,
    decoded: Decoded,
}

fn decode(extractor: &dyn Extractor, batch: Vec<Loaded>) -> HalfDone {
    let mut made = Vec::with_capacity(batch.len());
    let mut images = Vec::with_capacity(batch.len());
    for (row, loaded) in batch {
        match loaded {
            Ok((stamp, image)) => {
                let hash = Some(Sha256::digest(&image).into());
                made.push(Made { row, image: Some(stamp), hash, values: Ok(Vec::new()) });
                images.push(image);
            }
            Err(message) => made.push(Made { row, image: None, hash: None, values: Err(message) }),
        }
    }
    HalfDone { made, decoded: extractor.decode(images) }
}

fn extract(extractor: &dyn Extractor, batch: HalfDone) -> Result<Vec<Made>> {
    let HalfDone { mut made, decoded } = batch;
    let size = extractor.bottleneck_size();
    let mut extracted = extractor.extract(decoded)?.into_iter();
    for made in made.iter_mut().filter(|m| m.values.is_ok()) {
        made.values = extracted.next().unwrap_or_else(|| Err("was not computed".into()));
        if let Ok(values) = &made.values {
            if values.len() != size {
                let message = format!("holds {} numbers instead of {size}", values.len());
                return Err(Error::model("the bottleneck tensor", message));
            }
            if values.iter().any(|v| !v.is_finite()) {
                made.values = Err("gives a bottleneck that is not all finite numbers".into());
            }
        }
    }
    Ok(made)
}

fn read_image(path: &Path) -> Result<(Stamp, Vec<u8>), String> {
    images::read_image(path).map(|(metadata, image)| (Stamp::of(&metadata), image))
}

fn hash_of(path: &Path) -> Option<[u8; 32]> {
    images::read_image(path).ok().map(|(_, image)| Sha256::digest(&image).into())
}

/// A cache file's numbers, if they are finite and as many as there should be.
#[must_use]
pub fn parse_bottleneck(text: &str, size: usize) -> Option<Vec<f32>> {
    let values: Option<Vec<f32>> =
        text.split(',').map(|v| pyfmt::parse_float(v).filter(|v| v.is_finite())).collect();
    values.filter(|v| v.len() == size)
}

fn progress(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("Bottlenecks {wide_bar} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(total as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
