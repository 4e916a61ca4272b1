//! The cache of bottlenecks alone: filled for later runs, by one process or by one for each shard.

use super::checks;
use super::config::Config;
use super::conventions::Conventions;
use super::observer::Observer;
use super::pretrained::load_pretrained;
use crate::bottleneck::{
    BadImage, CacheEvent, CacheSpec, Shard, cache_bottlenecks, cache_shard, get_packed_path,
    get_shard_path,
};
use crate::dataset::create_image_lists;
use crate::error::Result;
use crate::inference::LocalExtractor;
use crate::tf;
use std::path::PathBuf;

/// A cache, or a shard of it, that has been filled.
#[derive(Debug, Clone)]
pub struct Cached {
    /// The packed file.
    pub path: PathBuf,
    /// The photographs that were left out because they cannot be decoded.
    pub bad_images: Vec<BadImage>,
}

/// Computes the bottlenecks of all photographs, or of one shard of them, and trains nothing. Of the
/// settings, those of training and of outputs do not matter, nor those of the split.
///
/// # Errors
/// As [`run`](super::run); and if another process computes the same shard.
pub fn fill_cache(
    config: &Config,
    shard: Option<Shard>,
    observer: &mut dyn Observer,
) -> Result<Cached> {
    config.check_cache()?;
    let conventions = Conventions::of(&config.pretrained);
    let lists = create_image_lists(&config.photographs, conventions.layout, &config.split)?;
    checks::check_classes(&lists)?;
    tf::load()?;
    let backbone = load_pretrained(config)?;
    let extractor = LocalExtractor::new(&backbone);
    let spec = cache_spec(config, &backbone.name);
    let packed = get_packed_path(spec.bottleneck_dir, spec.model);
    let tell = &mut tell(observer);
    let (path, bad_images) = match shard {
        None => (packed, cache_bottlenecks(&extractor, &lists, &spec, tell)?.1),
        Some(shard) => {
            let bad = cache_shard(&extractor, &lists, &spec, shard, tell)?;
            (get_shard_path(&packed, shard), bad)
        }
    };
    checks::bad_images(&bad_images, config.on_bad_image)?;
    Ok(Cached { path, bad_images })
}

/// The cache that the settings name, of the model of that name.
pub(super) fn cache_spec<'a>(config: &'a Config, model: &'a str) -> CacheSpec<'a> {
    CacheSpec {
        bottleneck_dir: &config.cache.bottleneck_dir,
        model,
        text: config.cache.bottleneck_text,
        check_mtime: config.cache.check_mtime,
        categories: config.cached_sets(),
        cancel: &config.cancel,
    }
}

/// Passes on what is told while the cache is filled.
pub(super) fn tell(observer: &mut dyn Observer) -> impl FnMut(CacheEvent) {
    |event| match event {
        CacheEvent::Progress(progress) => observer.bottlenecks(progress),
        CacheEvent::MissingShards(missing) => observer.missing_shards(&missing),
    }
}
