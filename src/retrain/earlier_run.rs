//! What an earlier run wrote where this one writes: whether it had the same photographs in other
//! sets, because image_dir was typed another way.

use super::config::Config;
use crate::dataset::{Category, ImageLists, SplitKey};
use crate::export::{Metadata, SplitMetadata};
use crate::report::Retyped;
use std::collections::HashMap;
use std::path::is_separator;

/// Compares with the metadata at the place of the graph; `None` if there is nothing to say.
pub(super) fn retyped(config: &Config, lists: &ImageLists) -> Option<Retyped> {
    let now = config.photographs.image_dir()?.to_str()?;
    if config.split.split_key != SplitKey::Path || config.split.split_file.is_some() {
        return None;
    }
    let metadata = Metadata::load(&config.outputs.output_graph).ok()??;
    let typed_before = metadata.settings.get("image_dir")?.as_str()?;
    if typed_before.trim_end_matches(is_separator) == now.trim_end_matches(is_separator) {
        return None;
    }
    let earlier = sets_of(&metadata.split, typed_before);
    let mut moved = 0;
    for set in Category::ALL {
        for listed in lists.labels.iter().flat_map(|label| label.images(set)) {
            let path = listed.photograph.path().to_str().and_then(|path| within(path, now));
            let before = path.and_then(|path| earlier.get(&path));
            moved += usize::from(before.is_some_and(|before| *before != set));
        }
    }
    (moved > 0).then(|| Retyped { before: typed_before.to_owned(), moved })
}

/// The set of each photograph by its path from image_dir on.
fn sets_of(split: &SplitMetadata, image_dir: &str) -> HashMap<String, Category> {
    let SplitMetadata { training, validation, testing, .. } = split;
    let sets = [
        (training, Category::Training),
        (validation, Category::Validation),
        (testing, Category::Testing),
    ];
    let paths = sets.into_iter().flat_map(|(paths, set)| paths.iter().map(move |path| (path, set)));
    paths.filter_map(|(path, set)| Some((within(path, image_dir)?, set))).collect()
}

/// A path from image_dir on. On Windows image_dir may be typed with `/`.
fn within(path: &str, image_dir: &str) -> Option<String> {
    let image_dir = image_dir.trim_end_matches(is_separator);
    let image_dir = if cfg!(windows) { image_dir.replace('/', "\\") } else { image_dir.to_owned() };
    Some(path.strip_prefix(&image_dir)?.strip_prefix(is_separator)?.to_owned())
}
