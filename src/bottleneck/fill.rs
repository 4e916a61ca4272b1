//! Fills the cache, or a shard of it: keeps packed rows that are still valid, reads text files, and
//! computes the bottlenecks that are missing.

use super::compute::{self, Made};
use super::files::{Files, Row};
use super::key::{Key, Stamp};
use super::plan::{Item, Todo, todo};
use super::rows::Place;
use super::spec::{BadImage, CacheEvent, CacheSpec, Progress};
use super::text::parse_bottleneck;
use crate::error::Result;
use crate::inference::Extractor;
use crate::inference::pipeline::{self, Steps};
use crate::{fsio, pyfmt, text};
use log::{debug, info, warn};
use std::collections::HashMap;
use std::time::Instant;

/// Fills the cache for one run.
pub(super) struct Filler<'a> {
    extractor: &'a dyn Extractor,
    spec: &'a CacheSpec<'a>,
    filled: Filled,
    progress: Progress,
    tell: &'a mut dyn FnMut(CacheEvent),
}

/// The packed files with all bottlenecks, and where each is.
pub(super) struct Filled {
    pub(super) files: Files,
    /// By row; `None` for images that were not asked for or could not be used.
    pub(super) places: Vec<Option<Place>>,
    /// The first eight bytes of each image's SHA-256, if that is known.
    pub(super) hashes: Vec<Option<u64>>,
    /// The images that could not be used, sorted by row.
    pub(super) bad: Vec<(usize, BadImage)>,
    /// How many of the images that were read say that they must be turned.
    pub(super) turned: usize,
}

impl<'a> Filler<'a> {
    pub(super) fn new(
        extractor: &'a dyn Extractor,
        spec: &'a CacheSpec<'a>,
        files: Files,
        tell: &'a mut dyn FnMut(CacheEvent),
    ) -> Self {
        let (places, hashes, bad) = (Vec::new(), Vec::new(), Vec::new());
        let filled = Filled { files, places, hashes, bad, turned: 0 };
        Self { extractor, spec, filled, progress: Progress::default(), tell }
    }

    /// Puts the bottlenecks of all `items` into the packed files. `rows` is how many rows there
    /// are, with those of images that are not among the items.
    pub(super) fn fill(mut self, items: &[Item<'_>], rows: usize) -> Result<Filled> {
        self.progress.total = items.len();
        self.filled.places.resize(rows, None);
        self.filled.hashes.resize(rows, None);
        let filled = self.fill_all(items);
        // What was computed before an error is kept.
        let flushed = self.filled.files.flush();
        filled.and(flushed)?;
        self.filled.bad.sort_by_key(|(row, _)| *row);
        Ok(self.filled)
    }

    fn fill_all<'i>(&mut self, items: &[Item<'i>]) -> Result<()> {
        let (mut texts, mut missing) = (Vec::new(), Vec::new());
        let mut changed = 0;
        for item in items {
            match todo(item, self.spec, &self.filled.files) {
                Todo::Nothing(row) => {
                    (self.filled.places[item.row], self.filled.hashes[item.row]) =
                        (row.place(), row.hash());
                    self.count();
                }
                Todo::ReplaceKey(row, key) => {
                    let values = self.filled.files.values(&row)?;
                    self.filled.files.append(item.name(), key, &values)?;
                    self.count();
                }
                Todo::WriteText(row, key) => {
                    let values = self.filled.files.values(&row)?;
                    let text = self.write_text(item, &values)?;
                    self.filled.files.append(item.name(), Key { text, ..key }, &values)?;
                    self.count();
                }
                Todo::Read => texts.push(item.clone()),
                Todo::Recompute => {
                    changed += 1;
                    missing.push(item.clone());
                }
                Todo::Compute => missing.push(item.clone()),
            }
        }
        if changed > 0 {
            let bottlenecks = text::counted(changed, "bottleneck");
            info!(target: "retrain", "recomputing {bottlenecks}, because the images have changed");
        }
        missing.extend(self.read_texts(texts)?);
        missing.sort_by_key(|item| item.row);
        self.compute(&missing)
    }

    fn write_text(&self, item: &Item<'_>, values: &[f32]) -> Result<Option<Stamp>> {
        if !self.spec.text || !self.filled.files.write_text() {
            return Ok(None);
        }
        let path = item.text_path(self.spec);
        let metadata = fsio::write_cache(&path, pyfmt::bottleneck_string(values).as_bytes())?;
        Ok(Some(Stamp::of(&metadata)))
    }

    /// Counts an image, with the script's log line for every hundred.
    fn count(&mut self) {
        self.progress.done += 1;
        (self.tell)(CacheEvent::Progress(self.progress));
        if self.progress.done.is_multiple_of(100) {
            info!(target: "tensorflow", "{} bottleneck files created.", self.progress.done);
        }
    }

    /// Reads text files. Returns the images whose text files are missing or invalid.
    fn read_texts<'i>(&mut self, items: Vec<Item<'i>>) -> Result<Vec<Item<'i>>> {
        let size = self.extractor.bottleneck_size();
        let spec = self.spec;
        let read = |item: Item<'i>| {
            let path = item.text_path(spec);
            // Stamps are taken before reading, so that the next run notices a change during it.
            let (text, image) = (Stamp::of_file(&path), item.stamp());
            let values = std::fs::read_to_string(&path).ok();
            let values = values.and_then(|text| parse_bottleneck(&text, size));
            (item, image.zip(text), values)
        };
        let mut invalid = Vec::new();
        let steps = Steps {
            load: |item| item,
            first: read,
            waits: never,
            second: Ok,
            ready: || true,
            backlog: 0,
        };
        pipeline::run(items.into_iter(), steps, None, |(item, stamps, values)| {
            match (stamps, values) {
                (Some((image, text)), Some(values)) => {
                    let key = Key { image, hash: None, text: Some(text) };
                    self.filled.files.append(item.name(), key, &values)?;
                    self.count();
                }
                _ => {
                    warn!(
                        target: "tensorflow",
                        "Invalid float found, recreating bottleneck"
                    );
                    invalid.push(item);
                }
            }
            Ok(())
        })?;
        Ok(invalid)
    }

    /// The script's `create_bottleneck_file`, for all images without a bottleneck.
    fn compute(&mut self, missing: &[Item<'_>]) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let shards = self.filled.files.missing(missing.iter().map(Item::name));
        if !shards.is_empty() {
            (self.tell)(CacheEvent::MissingShards(shards));
        }
        let start = Instant::now();
        let by_row: HashMap<usize, &Item<'_>> = missing.iter().map(|i| (i.row, i)).collect();
        let extractor = self.extractor;
        let outcome = compute::run(extractor, missing, |batch| {
            batch.into_iter().try_for_each(|made| self.keep(by_row[&made.row], made))
        });
        let (n, time) = (self.progress.computed, start.elapsed().as_secs_f64());
        let each = time * 1e3 / n.max(1) as f64;
        let bottlenecks = text::counted(n as u64, "bottleneck");
        info!(
            target: "retrain",
            "{bottlenecks} computed in {time:.2} s: {each:.2} ms an image"
        );
        extractor.log_times();
        outcome
    }

    fn keep(&mut self, item: &Item<'_>, made: Made) -> Result<()> {
        let done = self.progress.done;
        self.spec.cancel.check(|| {
            let images = text::counted(done as u64, "image");
            format!("bottlenecks of {images} are cached; run the same command to continue")
        })?;
        self.filled.turned += usize::from(made.says_turned);
        match made.values {
            Ok(values) => {
                let path = item.text_path(self.spec);
                debug!(target: "tensorflow", "Creating bottleneck at {}", text::shown(&path));
                let text = self.write_text(item, &values)?;
                let image = made.image.unwrap_or(Stamp { size: 0, mtime: 0 });
                let key = Key { image, hash: made.hash, text };
                self.filled.files.append(item.name(), key, &values)?;
                self.progress.computed += 1;
            }
            Err(message) => {
                self.filled.bad.push((
                    item.row,
                    BadImage { path: item.listed.photograph.path().to_owned(), message },
                ));
            }
        }
        self.count();
        Ok(())
    }
}

impl Filled {
    /// Finds the rows that were added, and of images that are not `wanted` what is known of their
    /// content.
    pub(super) fn locate(&mut self, wanted: &[Item<'_>], all: &[Item<'_>]) {
        let Self { files, places, hashes, .. } = self;
        for item in wanted {
            let place = &mut places[item.row];
            if place.is_none()
                && let Some(row) = files.added(&item.name())
            {
                (*place, hashes[item.row]) = (row.place(), row.hash());
            }
        }
        for item in all.iter().filter(|item| places[item.row].is_none()) {
            hashes[item.row] = files.rows(&item.name()).first().and_then(Row::hash);
        }
    }
}

/// Text files have nothing to wait for.
fn never<T>(_: &T) -> bool {
    false
}
