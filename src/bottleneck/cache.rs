//! The scripts' cache: one text file per image and model, shared with them in both directions. All of it is read
//! once, into one matrix; training then never touches a file.

use super::extract::Extractor;
use crate::dataset::{Category, ImageLists, LabelLists};
use crate::error::{Error, Result};
use crate::{fsio, pyfmt};
use indicatif::{ProgressBar, ProgressStyle};
use log::{debug, info, warn};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The bottlenecks of all images, one row each: class by class, within it training, testing, validation.
#[derive(Debug)]
pub struct Bottlenecks {
    /// Numbers in a row.
    pub size: usize,
    /// The rows, one after the other.
    values: Vec<f32>,
    /// The class index of each row.
    pub classes: Vec<usize>,
    /// The image of each row.
    pub paths: Vec<PathBuf>,
    /// For each category, class by class, the rows that belong to it.
    members: [Vec<Vec<usize>>; 3],
}

impl Bottlenecks {
    /// The bottleneck of one image.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.size..(row + 1) * self.size]
    }

    /// The rows of one set, class by class.
    #[must_use]
    pub fn members(&self, category: Category) -> &[Vec<usize>] {
        &self.members[category as usize]
    }
}

/// One image and its place.
struct Item<'a> {
    label: &'a LabelLists,
    image: &'a OsStr,
}

/// The path of an image's cache file (the script's function of the same name): the image's name, `_`, the model's.
#[must_use]
pub fn get_bottleneck_path(bottleneck_dir: &Path, label: &LabelLists, image: &OsStr, model: &str) -> PathBuf {
    let mut name = image.to_owned();
    name.push(format!("_{model}.txt"));
    bottleneck_dir.join(&label.dir).join(name)
}

/// The script's `cache_bottlenecks`: makes sure that every image of `categories` has its cache file, and reads them
/// all. The rows of other images are there, but zero.
///
/// # Errors
/// Where an image cannot be read or decoded; what was computed until then is kept.
pub fn cache_bottlenecks(
    extractor: &dyn Extractor,
    lists: &ImageLists,
    bottleneck_dir: &Path,
    model: &str,
    categories: &[Category],
) -> Result<Bottlenecks> {
    let size = extractor.bottleneck_size();
    let mut items = Vec::new();
    let (mut classes, mut members) = (Vec::new(), [const { Vec::new() }; 3]);
    for (class, label) in lists.labels.iter().enumerate() {
        fsio::ensure_dir_exists(&bottleneck_dir.join(&label.dir))?;
        for category in Category::ALL {
            let images = label.images(category);
            members[category as usize].push((items.len()..items.len() + images.len()).collect());
            items.extend(images.iter().map(|image| Item { label, image }));
            classes.resize(items.len(), class);
        }
    }
    let mut wanted = vec![false; items.len()];
    categories.iter().flat_map(|&c| members[c as usize].iter().flatten()).for_each(|&row: &usize| wanted[row] = true);
    // Zeroed memory that nobody writes to costs nothing.
    let mut values = vec![0.0; items.len() * size];
    let rows = values.chunks_mut(size.max(1)).zip(&items).zip(wanted).filter_map(|(row, wanted)| wanted.then_some(row));
    fill(rows.collect(), &|item| get_or_create_bottleneck(extractor, lists, item, bottleneck_dir, model))?;
    let paths = items.iter().map(|i| lists.get_image_path(i.label, i.image)).collect();
    Ok(Bottlenecks { size, values, classes, paths, members })
}

/// Computes each row from its image, on all cores. Rows land in their own place, whatever the order of the threads;
/// of several errors the one of the first image is returned.
fn fill<'a>(
    rows: Vec<(&mut [f32], &Item<'a>)>,
    compute: &(dyn Fn(&Item<'a>) -> Result<Vec<f32>> + Sync),
) -> Result<()> {
    let bar = progress(rows.len());
    let rows = Mutex::new(rows.into_iter().enumerate());
    let (failed, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let first_error: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let next = || rows.lock().map_or(None, |mut rows| rows.next());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, (row, item))) = next() {
                    match compute(item) {
                        Ok(bottleneck) => row.copy_from_slice(&bottleneck),
                        Err(error) => {
                            failed.store(true, Ordering::Relaxed);
                            if let Ok(mut first) = first_error.lock()
                                && first.as_ref().is_none_or(|(i, _)| index < *i)
                            {
                                *first = Some((index, error));
                            }
                        }
                    }
                    bar.inc(1);
                    let count = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if count % 100 == 0 {
                        bar.suspend(|| info!(target: "tensorflow", "{count} bottleneck files created."));
                    }
                    if failed.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    match first_error.into_inner() {
        Ok(Some((_, error))) => Err(error),
        _ => Ok(()),
    }
}

/// The script's `get_or_create_bottleneck`.
fn get_or_create_bottleneck(
    extractor: &dyn Extractor,
    lists: &ImageLists,
    item: &Item<'_>,
    bottleneck_dir: &Path,
    model: &str,
) -> Result<Vec<f32>> {
    let path = get_bottleneck_path(bottleneck_dir, item.label, item.image, model);
    if let Ok(text) = std::fs::read_to_string(&path) {
        match parse_bottleneck(&text, extractor.bottleneck_size()) {
            Some(values) => return Ok(values),
            None => warn!(target: "tensorflow", "Invalid float found, recreating bottleneck"),
        }
    }
    create_bottleneck_file(extractor, &path, &lists.get_image_path(item.label, item.image))
}

/// A cache file's numbers, if they are finite and as many as there should be.
fn parse_bottleneck(text: &str, size: usize) -> Option<Vec<f32>> {
    let values: Option<Vec<f32>> = text.split(',').map(|v| pyfmt::parse_float(v).filter(|v| v.is_finite())).collect();
    values.filter(|v| v.len() == size)
}

/// The script's `create_bottleneck_file`.
fn create_bottleneck_file(extractor: &dyn Extractor, path: &Path, image_path: &Path) -> Result<Vec<f32>> {
    debug!(target: "tensorflow", "Creating bottleneck at {}", path.display());
    let image_data = fsio::read(image_path)?;
    let failed =
        |e: Error| Error::input(image_path, format!("Error during processing file {} ({e})", image_path.display()));
    let values = extractor.extract(&image_data).map_err(failed)?;
    if values.len() != extractor.bottleneck_size() {
        let message = format!("holds {} numbers instead of {}", values.len(), extractor.bottleneck_size());
        return Err(Error::model("the bottleneck tensor", message));
    }
    fsio::write_cache(path, pyfmt::bottleneck_string(&values).as_bytes())?;
    Ok(values)
}

fn progress(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("Bottlenecks {wide_bar} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(total as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
