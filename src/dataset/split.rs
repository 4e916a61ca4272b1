//! The stable split: the SHA-1 of an image's path decides its set, so that the image stays in it
//! when others are added or removed, and on other machines.

use super::sampling::MAX_NUM_IMAGES_PER_CLASS;
use sha1::{Digest, Sha1};
use std::borrow::Cow;

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
