//! The stable split: the SHA-1 of an image's path decides its set, so that the image stays in it
//! when others are added or removed, and on other machines.

use super::sampling::MAX_NUM_IMAGES_PER_CLASS;
use sha1::{Digest, Sha1};
use std::borrow::Cow;
use std::path::PathBuf;

/// How the photographs are split into sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The share of the photographs for the final test, in percent.
    pub testing_percentage: i64,
    /// The share for validation during training, in percent.
    pub validation_percentage: i64,
    /// What of a photograph decides its set.
    pub split_key: SplitKey,
    /// A table of all photographs and their sets: it decides if it is there, and is written if
    /// not.
    pub split_file: Option<PathBuf>,
}

impl Default for Split {
    fn default() -> Self {
        Self {
            testing_percentage: 10,
            validation_percentage: 10,
            split_key: SplitKey::Path,
            split_file: None,
        }
    }
}

/// What of a photograph is hashed to decide its set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SplitKey {
    /// The scripts': its path, with image_dir as typed; in a catalogue, the path as it is there.
    #[default]
    Path,
    /// Its path relative to image_dir or to the catalogue's directory, with `/` on every system.
    Relative,
    /// The name of its file.
    Name,
    /// The SHA-256 of its bytes, so that copies are never in two sets.
    Content,
}

impl SplitKey {
    /// The names of the keys, in order of declaration.
    pub const NAMES: [&str; 4] = ["path", "relative", "name", "content"];

    /// The key of that name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let keys = [Self::Path, Self::Relative, Self::Name, Self::Content];
        keys.into_iter().find(|key| key.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// One of the three sets of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// What the new layer learns from.
    Training,
    /// What it is measured on at the end.
    Testing,
    /// What it is measured on while it learns.
    Validation,
}

impl Category {
    /// In the order the scripts process them.
    pub const ALL: [Self; 3] = [Self::Training, Self::Testing, Self::Validation];

    /// The set of a table's word: the scripts' name or a common other one, in either case.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "training" | "train" => Some(Self::Training),
            "testing" | "test" => Some(Self::Testing),
            "validation" | "valid" | "val" => Some(Self::Validation),
            _ => None,
        }
    }

    /// The scripts' name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Testing => "testing",
            Self::Validation => "validation",
        }
    }
}

/// Where a path falls between 0 and 100: the SHA-1 of its `hash_name`, modulo 2²⁷, scaled.
///
/// Close variations of one photograph share the part before `_nohash_` and so stay in one set.
#[must_use]
pub fn split_percentage(path: &[u8]) -> f64 {
    let digest = Sha1::digest(hash_name(path));
    // 2²⁷ divides 2³², so the last four bytes are enough.
    let low = u32::from_be_bytes([digest[16], digest[17], digest[18], digest[19]]);
    f64::from(low % (MAX_NUM_IMAGES_PER_CLASS + 1)) * (100.0 / f64::from(MAX_NUM_IMAGES_PER_CLASS))
}

/// What is hashed of a path, and what a group of photographs has in common: the path without
/// `_nohash_` and what follows: the script's `re.sub('_nohash_.*$', '', path)`, in
/// which a dot matches no newline, and `$` also matches before a last one, which then stays.
#[must_use]
pub fn hash_name(path: &[u8]) -> Cow<'_, [u8]> {
    const MARK: &[u8] = b"_nohash_";
    let (body, newline) = match path.strip_suffix(b"\n") {
        Some(body) => (body, &b"\n"[..]),
        None => (path, &b""[..]),
    };
    let last_line = body.iter().rposition(|&b| b == b'\n').unwrap_or(0);
    match body[last_line..].windows(MARK.len()).position(|w| w == MARK) {
        Some(at) => [&body[..last_line + at], newline].concat().into(),
        None => path.into(),
    }
}

/// The set of the image at `path` (as typed), for whole percentages of testing and validation
/// images.
#[must_use]
pub fn category_of(path: &[u8], testing_percentage: i64, validation_percentage: i64) -> Category {
    let percentage = split_percentage(path);
    if percentage < validation_percentage as f64 {
        Category::Validation
    } else if percentage < (testing_percentage + validation_percentage) as f64 {
        Category::Testing
    } else {
        Category::Training
    }
}
