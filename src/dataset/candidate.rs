//! Photographs before they are split into sets.

use super::split::{Category, SplitKey};
use crate::images::Photograph;
use crate::text::hex;
use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A class before the split.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) label: String,
    /// See [`LabelLists`](super::LabelLists).
    pub(super) dir: OsString,
    pub(super) photographs: Vec<Candidate>,
}

/// A photograph before the split.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) photograph: Photograph,
    /// The path that [`SplitKey::Path`] hashes, if it is not that of the photograph.
    pub(super) typed: Option<OsString>,
    /// Its path from image_dir, or from the directory of the catalogue, with `/`.
    pub(super) relative: OsString,
    /// What the catalogue says that it has in common with others.
    pub(super) group: Option<String>,
    /// The set that the catalogue says.
    pub(super) set: Option<Category>,
    pub(super) weight: f64,
}

impl Default for Candidate {
    fn default() -> Self {
        Self {
            photograph: Photograph::file(PathBuf::new()),
            typed: None,
            relative: OsString::new(),
            group: None,
            set: None,
            weight: 1.0,
        }
    }
}

impl Candidate {
    /// The path that was typed, or stands in the catalogue.
    pub(super) fn typed(&self) -> &OsStr {
        self.typed.as_deref().unwrap_or(self.photograph.path().as_os_str())
    }

    /// What is hashed to decide its set; `None` for the path of the photograph.
    pub(super) fn key(&self, key: SplitKey) -> Option<Vec<u8>> {
        let bytes = |text: &OsStr| Some(text.as_encoded_bytes().to_vec());
        match (&self.group, key) {
            (Some(group), _) => Some(group.clone().into_bytes()),
            (None, SplitKey::Path) => self.typed.as_deref().and_then(bytes),
            (None, SplitKey::Relative) => bytes(&self.relative),
            (None, SplitKey::Name) => bytes(self.photograph.path().file_name()?),
            // What cannot be read is reported when its bottleneck is computed.
            (None, SplitKey::Content) => {
                let (_, content) = self.photograph.read().ok()?;
                Some(hex(&Sha256::digest(&content)).into_bytes())
            }
        }
    }
}
