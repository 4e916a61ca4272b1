//! Fuzzed properties of the names and lists of the downloader, for any bytes.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::list::{Columns, ListFormat, parse};
use super::names::{LONGEST, class_name, clean, file_stem};
use crate::fsio::is_desktop_file;
use std::ffi::OsStr;
use std::path::{Component, Path};
use url::Url;

/// Any text makes one component of a path that is neither hidden nor a device, and that stays the
/// same when it is cleaned again.
pub fn download_names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_is_a_name(&class_name(&text));
    let here = Url::parse("https://host.example/a/b").unwrap();
    for url in [Url::parse(&text), here.join(&text)].into_iter().flatten() {
        assert_is_a_name(&file_stem(None, &url));
        assert_is_a_name(&file_stem(Some(&text), &url));
    }
}

fn assert_is_a_name(name: &str) {
    let components: Vec<Component> = Path::new(name).components().collect();
    assert_eq!(components, [Component::Normal(OsStr::new(name))], "{name:?}");
    assert!(name.len() <= LONGEST && !name.starts_with('.'), "{name:?}");
    assert!(!name.ends_with(['.', ' ']) && !name.contains(['/', '\\', ':', '\0']), "{name:?}");
    assert!(!name.chars().any(char::is_control) && !is_desktop_file(OsStr::new(name)), "{name:?}");
    let device = name.split('.').next().unwrap().trim_end().to_lowercase();
    assert!(!["con", "prn", "aux", "nul", "com1", "lpt9"].contains(&device.as_str()), "{name:?}");
    assert_eq!(clean(name, "other"), name);
}

/// A list is read or refused with a reason, in each format, and no line has an empty address.
pub fn download_list(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = ListFormat::of(Path::new("-"), text);
    for format in [found, ListFormat::Text, ListFormat::Csv, ListFormat::Tsv] {
        match parse(text, format, &Columns::default()) {
            Ok(list) => {
                let filled = |text: &Option<String>| text.as_ref().is_none_or(|t| !t.is_empty());
                for entry in &list.entries {
                    assert!(!entry.url.is_empty() && filled(&entry.class) && filled(&entry.name));
                }
                assert_eq!(list.taken.is_none(), format == ListFormat::Text);
            }
            Err(why) => assert!(!why.is_empty()),
        }
    }
}
