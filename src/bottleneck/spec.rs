//! The settings of the cache, its paths, and reports about filling it.

use super::shard::Shard;
use crate::cancel::CancelToken;
use crate::dataset::Category;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The settings of the cache.
#[derive(Debug, Clone, Copy)]
pub struct CacheSpec<'a> {
    /// The directory of the cache.
    pub bottleneck_dir: &'a Path,
    /// The model's name, which is part of the names of cache files.
    pub model: &'a str,
    /// Whether to keep text files in addition to the packed file.
    pub text: bool,
    /// Whether to recompute a bottleneck whose text file is older than its image. (The scripts
    /// trust any text file.)
    pub check_mtime: bool,
    /// The sets whose bottlenecks are needed.
    pub categories: &'a [Category],
    /// Stops the work when cancelled.
    pub cancel: &'a CancelToken,
}

/// What is told while the cache is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheEvent {
    /// An image is done.
    Progress(Progress),
    /// There are shards, but these lack images, which are computed now.
    MissingShards(Vec<MissingShard>),
}

/// A shard that is not there, or lacks images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingShard {
    /// The shard.
    pub shard: Shard,
    /// How many images it lacks.
    pub images: usize,
}

/// How far the cache has been filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many images are done.
    pub done: usize,
    /// How many of these this run has computed.
    pub computed: usize,
    /// How many images there are in all.
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

/// The path of an image's text file, `<class_dir>/<image>_<model>.txt` (the script's function of
/// the same name).
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

/// The path of a shard, beside the model's packed file.
#[must_use]
pub fn get_shard_path(packed: &Path, shard: Shard) -> PathBuf {
    packed.with_file_name(shard.file_name(packed.file_name().unwrap_or_default()))
}
