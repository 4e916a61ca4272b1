//! Names of files and directories, made from text that comes from elsewhere. A name is one
//! component of a path that every file system can store: nothing is written outside the directory.

use crate::fsio::{ends_badly, folded, is_desktop_file, is_reserved, is_safe, shortened};
use crate::images::ImageFormat;
use percent_encoding::percent_decode_str;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use url::Url;

/// The longest name in bytes. File systems allow 255; a number and endings are added, and caches
/// add the network's name.
pub const LONGEST: usize = 120;

/// Makes a name of any text; empty text becomes `otherwise`.
#[must_use]
pub fn clean(text: &str, otherwise: &str) -> String {
    let mut name: String = text.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
    // A name that begins with a dot is hidden; Windows drops dots and spaces at the end.
    name = shortened(name.trim_start_matches(ends_badly), LONGEST);
    if name.is_empty() {
        otherwise.clone_into(&mut name);
    }
    if is_reserved(&name) || is_desktop_file(OsStr::new(&name)) {
        name = shortened(&format!("_{name}"), LONGEST);
    }
    name
}

/// The name of a class's directory.
#[must_use]
pub fn class_name(class: &str) -> String {
    clean(class, "class")
}

/// A file's name without its ending: what `name` says, or else the last part of the address.
#[must_use]
pub fn file_stem(name: Option<&str>, url: &Url) -> String {
    let decoded;
    let name = match name {
        Some(name) => name,
        None => {
            let mut segments = url.path_segments().into_iter().flatten();
            let last = segments.rfind(|segment| !segment.is_empty()).unwrap_or_default();
            decoded = percent_decode_str(last).decode_utf8_lossy();
            &decoded
        }
    };
    clean(ImageFormat::stem(name).unwrap_or(name), "image")
}

/// The names in use, by directory, [`folded`].
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<(String, String)>,
    /// The next number to try for a name that is taken.
    next: HashMap<(String, String), u64>,
}

impl Names {
    /// Takes a name that is in use already.
    pub(super) fn take(&mut self, dir: &str, stem: &str) {
        self.taken.insert((folded(dir), folded(stem)));
    }

    /// The first of `x`, `x-2`, `x-3`, … that is free.
    pub(super) fn distinct(&mut self, dir: &str, stem: &str) -> String {
        let key = (folded(dir), folded(stem));
        if self.taken.insert(key.clone()) {
            return stem.to_owned();
        }
        let next = self.next.entry(key.clone()).or_insert(2);
        loop {
            let number = *next;
            *next += 1;
            if self.taken.insert((key.0.clone(), format!("{}-{number}", key.1))) {
                return format!("{stem}-{number}");
            }
        }
    }
}
