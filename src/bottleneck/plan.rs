//! Decides what to do for each image: keep its packed row, read its text file, or compute its
//! bottleneck.

use super::files::{Files, Row};
use super::key::{Key, Name, Stamp};
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
pub(super) enum Todo<'f> {
    /// Nothing: this packed row is up to date.
    Nothing(Row<'f>),
    /// Write the text file, which is missing, from the packed row, and replace the row's key.
    WriteText(Row<'f>, Key),
    /// Replace the key of the packed row: the image was touched, but has not changed.
    ReplaceKey(Row<'f>, Key),
    /// Read the text file.
    Read,
    /// Compute the bottleneck again, because the image has changed.
    Recompute,
    /// Compute the bottleneck for the first time.
    Compute,
}

/// Decides from the state of an image, its text file and its packed rows.
pub(super) fn todo<'f>(item: &Item<'_>, spec: &CacheSpec<'_>, files: &'f Files) -> Todo<'f> {
    // An image that cannot be accessed is reported when it is read.
    let Some(image) = item.stamp() else { return Todo::Compute };
    let text = if spec.text { Stamp::of_file(&item.text_path(spec)) } else { None };
    let newer = |text: Stamp| text.mtime >= image.mtime;
    let rows = files.rows(&item.name());
    if rows.is_empty() {
        return match text {
            Some(text) if newer(text) || !spec.check_mtime => Todo::Read,
            Some(_) => Todo::Recompute,
            None => Todo::Compute,
        };
    }
    let same = rows.iter().find(|row| row.key().image == image);
    if let Some(text) = text
        && rows.iter().all(|row| row.key().text != Some(text))
        && (same.is_some() || newer(text))
    {
        // Another program has rewritten the text file.
        return Todo::Read;
    }
    let Some(&row) = same.or_else(|| touched(&rows, image, &item.listed.photograph)) else {
        return Todo::Recompute;
    };
    let current = Key { image, hash: row.key().hash, text };
    match (spec.text && text.is_none() && files.has_text(&row), same.is_some()) {
        (true, _) => Todo::WriteText(row, current),
        (false, true) => Todo::Nothing(row),
        (false, false) => Todo::ReplaceKey(row, current),
    }
}

/// The row of an image that was touched or copied without a change of content.
fn touched<'r, 'f>(
    rows: &'r [Row<'f>],
    image: Stamp,
    photograph: &Photograph,
) -> Option<&'r Row<'f>> {
    let may_be = |row: &&Row<'_>| row.key().image.size == image.size && row.key().hash.is_some();
    rows.iter().find(may_be)?;
    let (_, content) = photograph.read().ok()?;
    let hash = Some(Sha256::digest(&content).into());
    rows.iter().filter(may_be).find(|row| row.key().hash == hash)
}
