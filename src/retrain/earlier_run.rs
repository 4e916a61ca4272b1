//! What an earlier run wrote where this one writes: whether it had the same photographs in other
//! sets, because image_dir was typed another way.

use super::config::Config;
use crate::dataset::{Category, ImageLists, SplitKey};
use crate::export::{Metadata, SplitMetadata};
use crate::report::Retyped;
use std::collections::HashMap;

/// Compares with the metadata at the place of the graph; `None` if there is nothing to say.
pub(super) fn retyped(config: &Config, lists: &ImageLists) -> Option<Retyped> {
    let now = config.photographs.image_dir()?.to_str()?;
    if config.split.split_key != SplitKey::Path || config.split.split_file.is_some() {
        return None;
    }
    let metadata = Metadata::load(&config.outputs.output_graph).ok()??;
    let before = metadata.settings.get("image_dir")?.as_str()?;
    if before.trim_end_matches('/') == now.trim_end_matches('/') {
        return None;
    }
    let earlier = sets_of(&metadata.split, before);
    let mut moved = 0;
    for set in Category::ALL {
        for listed in lists.labels.iter().flat_map(|label| label.images(set)) {
            let path = listed.photograph.path().to_str().and_then(|path| within(path, now));
            moved +=
                usize::from(path.and_then(|path| earlier.get(path)).is_some_and(|s| *s != set));
        }
    }
    (moved > 0).then(|| Retyped { before: before.to_owned(), moved })
}

/// The set of each photograph by its path from image_dir on.
fn sets_of<'m>(split: &'m SplitMetadata, image_dir: &str) -> HashMap<&'m str, Category> {
    let SplitMetadata { training, validation, testing, .. } = split;
    let sets = [
        (training, Category::Training),
        (validation, Category::Validation),
        (testing, Category::Testing),
    ];
    let paths = sets.into_iter().flat_map(|(paths, set)| paths.iter().map(move |path| (path, set)));
    paths.filter_map(|(path, set)| Some((within(path, image_dir)?, set))).collect()
}

/// A path from image_dir on.
fn within<'p>(path: &'p str, image_dir: &str) -> Option<&'p str> {
    path.strip_prefix(image_dir.trim_end_matches('/'))?.strip_prefix('/')
}
