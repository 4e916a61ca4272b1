//! Where bottlenecks are kept, and what is said of the work.

use crate::cancel::CancelToken;
use crate::dataset::Category;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Where bottlenecks are kept, and how far that is trusted.
#[derive(Debug, Clone, Copy)]
pub struct CacheSpec<'a> {
    /// The directory.
    pub bottleneck_dir: &'a Path,
    /// What the names of cache files end in.
    pub model: &'a str,
    /// Whether there are text files besides the packed one.
    pub text: bool,
    /// Whether a text file that is older than its image is made again. (The scripts trust any.)
    pub check_mtime: bool,
    /// The sets whose bottlenecks are wanted.
    pub categories: &'a [Category],
    /// Stops the work.
    pub cancel: &'a CancelToken,
}

/// How far the cache has been filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Images whose bottlenecks are in the cache.
    pub done: usize,
    /// Those of them that were computed by this run.
    pub computed: usize,
    /// Images in all.
    pub total: usize,
}

/// An image whose bottleneck could not be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    class_dir: &OsStr,
    image: &OsStr,
    model: &str,
) -> PathBuf {
    let mut name = image.to_owned();
    name.push(format!("_{model}.txt"));
    bottleneck_dir.join(class_dir).join(name)
}

/// The path of a model's packed file.
#[must_use]
pub fn get_packed_path(bottleneck_dir: &Path, model: &str) -> PathBuf {
    bottleneck_dir.join(format!("{model}.bottlenecks"))
}
