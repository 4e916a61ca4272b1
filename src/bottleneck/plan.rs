//! Decides what to do for each image: keep its packed row, read its text file, or compute its
//! bottleneck.

use super::key::{Key, Name, Stamp};
use super::packed::Packed;
use super::spec::{CacheSpec, get_bottleneck_path};
use crate::dataset::{LabelLists, Listed};
use crate::images::Photograph;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// An image and the index of its row.
#[derive(Clone)]
pub(super) struct Item<'l> {
    pub(super) row: usize,
    pub(super) label: &'l LabelLists,
    pub(super) listed: &'l Listed,
}

impl Item<'_> {
    /// The state of its file; `None` if that cannot be accessed.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.listed.photograph.metadata().map(|metadata| Stamp::of(&metadata))
    }

    /// The name of its row in the packed file.
    pub(super) fn name(&self) -> Name {
        let name = self.listed.photograph.name();
        [self.label.dir.as_encoded_bytes(), b"/", name.as_encoded_bytes()].concat().into()
    }

    /// Its text file.
    pub(super) fn text_path(&self, spec: &CacheSpec<'_>) -> PathBuf {
        let name = self.listed.photograph.name();
        get_bottleneck_path(spec.bottleneck_dir, &self.label.dir, name, spec.model)
    }
}

/// What to do for an image.
pub(super) enum Todo {
    /// Nothing: the packed row is up to date.
    Nothing,
    /// Write the text file, which is missing, from the packed row, and replace the row's key.
    WriteText(Key),
    /// Replace the key of the packed row: the image was touched, but has not changed.
    ReplaceKey(Key),
    /// Read the text file.
    Read,
    /// Compute the bottleneck again, because the image has changed.
    Recompute,
    /// Compute the bottleneck for the first time.
    Compute,
}

/// Decides from the state of an image, its text file and its packed row.
pub(super) fn todo(item: &Item<'_>, spec: &CacheSpec<'_>, packed: &Packed) -> Todo {
    // An image that cannot be accessed is reported when it is read.
    let Some(image) = item.stamp() else { return Todo::Compute };
    let text = if spec.text { Stamp::of_file(&item.text_path(spec)) } else { None };
    let newer = |text: Stamp| text.mtime >= image.mtime;
    let Some(entry) = packed.get(&item.name()) else {
        return match text {
            Some(text) if newer(text) || !spec.check_mtime => Todo::Read,
            Some(_) => Todo::Recompute,
            None => Todo::Compute,
        };
    };
    let key = &entry.key;
    if let Some(text) = text
        && key.text != Some(text)
        && (key.image == image || newer(text))
    {
        // Another program has rewritten the text file.
        return Todo::Read;
    }
    let same = key.image == image;
    // The image may have been touched or copied without a change of content.
    let touched = || {
        key.image.size == image.size
            && key.hash.is_some()
            && key.hash == hash_of(&item.listed.photograph)
    };
    if !same && !touched() {
        return Todo::Recompute;
    }
    let current = Key { image, hash: key.hash, text };
    match (spec.text && text.is_none(), same) {
        (true, _) => Todo::WriteText(current),
        (false, true) => Todo::Nothing,
        (false, false) => Todo::ReplaceKey(current),
    }
}

fn hash_of(photograph: &Photograph) -> Option<[u8; 32]> {
    photograph.read().ok().map(|(_, image)| Sha256::digest(&image).into())
}
