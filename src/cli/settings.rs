//! Turns settings in the library's messages into flags: `` `name` `` becomes `--name`, and
//! `` `name=value` `` becomes `--name=value`.

use super::cache_bottlenecks_flags::CACHE_BOTTLENECKS_FLAGS;
use super::download_images_flags::DOWNLOAD_IMAGES_FLAGS;
use super::label_image_flags::LABEL_IMAGE_FLAGS;
use super::retrain_flags::RETRAIN_FLAGS;

/// The message with each setting written as a flag. Other words in backticks stay as they are.
pub(super) fn as_flags(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, quoted)) = rest.split_once('`') {
        shown.push_str(before);
        match quoted.split_once('`').filter(|(word, _)| is_setting(word)) {
            Some((word, after)) => {
                shown.push_str("--");
                shown.push_str(word);
                rest = after;
            }
            None => {
                shown.push('`');
                rest = quoted;
            }
        }
    }
    shown + rest
}

fn is_setting(word: &str) -> bool {
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    let tables = [RETRAIN_FLAGS, LABEL_IMAGE_FLAGS, DOWNLOAD_IMAGES_FLAGS, CACHE_BOTTLENECKS_FLAGS];
    tables.into_iter().flatten().any(|flag| flag.name == name)
}
