//! Classes from directories: the scripts' `create_image_lists`.

use super::candidate::{Candidate, Class};
use super::formats::{Formats, Layout, Rules};
use super::left_out::{BeyondScript, LeftOut, instead};
use super::lists::label_name;
use super::typed::join;
use crate::error::{Error, Result};
use crate::fsio::is_desktop_file;
use crate::images::Photograph;
use crate::text::one_line;
use log::{info, warn};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The message for a missing directory.
pub(crate) const NO_IMAGE_DIR: &str =
    "Image directory not found; give a directory of class directories";

/// A directory of class directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// As typed: by default, the split hashes paths that begin with it.
    pub image_dir: PathBuf,
    /// Whether a class's directories below its own belong to it.
    pub recursive: bool,
    /// Which files are taken.
    pub formats: Formats,
}

impl Directory {
    /// The classes directly under `image_dir`, with all files that can be decoded.
    #[must_use]
    pub fn new(image_dir: impl Into<PathBuf>) -> Self {
        Self { image_dir: image_dir.into(), recursive: false, formats: Formats::All }
    }

    fn rules(&self, layout: Layout) -> Rules<'_> {
        Rules { formats: &self.formats, layout, recursive: self.recursive }
    }

    /// Finds the classes, and says what was left out. Also returns what is there instead if there
    /// are none.
    pub(super) fn classes(&self, layout: Layout) -> Result<(Vec<Class>, String)> {
        let image_dir = &self.image_dir;
        if !image_dir.is_dir() {
            return Err(Error::input(image_dir, NO_IMAGE_DIR));
        }
        let dirs = match layout {
            Layout::Walk if !self.recursive => walk_dirs(image_dir)?,
            Layout::Children | Layout::Walk => sub_dirs(image_dir)?,
        };
        let mut listing = Listing::new(self, layout);
        let mut classes = Vec::new();
        for dir in dirs {
            classes.extend(listing.class(dir)?);
        }
        if classes.is_empty() {
            return Ok((classes, instead(image_dir, self.rules(layout))));
        }
        listing.say();
        Ok((classes, String::new()))
    }
}

/// A listing under way.
struct Listing<'d> {
    directory: &'d Directory,
    rules: Rules<'d>,
    /// The directory that each label was made of.
    made_by: HashMap<String, OsString>,
    beyond_script: BeyondScript,
    left_out: LeftOut,
}

impl<'d> Listing<'d> {
    fn new(directory: &'d Directory, layout: Layout) -> Self {
        let (beyond_script, left_out) = (BeyondScript::default(), LeftOut::default());
        let rules = directory.rules(layout);
        Self { directory, rules, made_by: HashMap::new(), beyond_script, left_out }
    }

    /// The class of a directory; `None` if that holds no photographs.
    fn class(&mut self, dir: OsString) -> Result<Option<Class>> {
        let shown = one_line(&dir.to_string_lossy());
        info!(target: "tensorflow", "Looking for images in '{shown}'");
        let class_dir = join(&self.directory.image_dir, &dir);
        let images = self.images(&class_dir)?;
        let left_out = LeftOut::of(&class_dir, self.rules);
        if images.is_empty() {
            warn!(target: "tensorflow", "No files found");
            if class_dir.is_dir() {
                let said = left_out.said().unwrap_or_else(|| "nothing".into());
                warn!(target: "retrain", "'{shown}' holds {said}");
            }
            return Ok(None);
        }
        self.left_out.merge(&left_out);
        warn_of_size(&dir, images.len());
        let label = self.label(&dir)?;
        let candidate = |name: OsString| {
            let path = join(&class_dir, &name);
            let mut relative = dir.clone();
            relative.push("/");
            relative.push(&name);
            Candidate {
                relative,
                photograph: Photograph::file(path).named(name),
                ..Candidate::default()
            }
        };
        let photographs = images.into_iter().map(candidate).collect();
        Ok(Some(Class { label, dir, photographs }))
    }

    /// The label of a directory.
    fn label(&mut self, dir: &OsStr) -> Result<String> {
        let image_dir = &self.directory.image_dir;
        let label = label_name(&dir.to_string_lossy());
        if label.trim().is_empty() {
            let message = format!(
                "'{}' makes an empty label; rename it: a-z and 0-9 count",
                one_line(&dir.to_string_lossy())
            );
            return Err(Error::input(image_dir, message));
        }
        if let Some(other) = self.made_by.insert(label.clone(), dir.to_owned()) {
            let (other, dir) =
                (one_line(&other.to_string_lossy()), one_line(&dir.to_string_lossy()));
            let message =
                format!("'{other}' and '{dir}' both make the label '{label}'; rename one of them");
            return Err(Error::input(image_dir, message));
        }
        Ok(label)
    }

    /// The images of one class, by name: the script's extension by extension, then the others
    /// format by format, sorted within each.
    fn images(&mut self, class_dir: &Path) -> Result<Vec<OsString>> {
        if !class_dir.is_dir() {
            return Ok(Vec::new());
        }
        let names = match self.directory.recursive {
            true => files_below(class_dir)?,
            false => files_in(class_dir)?,
        };
        let take = |name: OsString| {
            let taken = self.rules.take(&name)?;
            Some((taken.rank, name, taken.beyond_script))
        };
        let mut images: Vec<_> = names.into_iter().filter_map(take).collect();
        images.sort_by(|a, b| (a.0, a.1.as_encoded_bytes()).cmp(&(b.0, b.1.as_encoded_bytes())));
        images.iter().filter_map(|image| image.2).for_each(|f| self.beyond_script.add(f));
        Ok(images.into_iter().map(|(_, name, _)| name).collect())
    }

    /// Says what the script would leave out, and what was left out.
    fn say(&self) {
        if self.directory.formats == Formats::All
            && let Some(said) = self.beyond_script.said()
        {
            info!(target: "retrain", "{said}");
        }
        if let Some(said) = self.left_out.said() {
            info!(target: "retrain", "Left out: {said}");
        }
    }
}

fn warn_of_size(dir: &OsStr, count: usize) {
    let most = super::MAX_NUM_IMAGES_PER_CLASS as usize;
    if count < 20 {
        warn!(
            target: "tensorflow",
            "WARNING: Folder has less than 20 images, which may cause issues."
        );
    } else if count > most {
        let dir = one_line(&dir.to_string_lossy());
        warn!(
            target: "tensorflow",
            "WARNING: Folder {dir} has more than {most} images. Some images will never be selected."
        );
    }
}

/// The names of the directories directly under `dir`, in byte order of their paths.
fn sub_dirs(dir: &Path) -> Result<Vec<OsString>> {
    let mut names = files_in(dir)?;
    names.retain(|name| join(dir, name).is_dir());
    names.sort_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(names)
}

/// The names in a directory, without those that desktops leave.
fn files_in(dir: &Path) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("listing", dir))? {
        names.push(entry.map_err(Error::io("listing", dir))?.file_name());
    }
    names.retain(|name| !is_desktop_file(name));
    Ok(names)
}

/// The files in a directory and all below it, by their paths from there.
fn files_below(dir: &Path) -> Result<Vec<OsString>> {
    let (_, files) = walk(dir)?;
    let relative = |file: PathBuf| {
        let parts = file.strip_prefix(dir).unwrap_or(&file).iter();
        parts.collect::<Vec<_>>().join(OsStr::new("/"))
    };
    Ok(files.into_iter().map(relative).collect())
}

/// The base names of all directories below `dir`, in the order of their paths, each once.
fn walk_dirs(dir: &Path) -> Result<Vec<OsString>> {
    let (mut paths, _) = walk(dir)?;
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    let mut names: Vec<OsString> = Vec::new();
    for name in paths.iter().filter_map(|p| p.file_name()) {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The directories and the files below `dir`, without what desktops leave.
fn walk(dir: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut dirs, mut files) = (Vec::new(), Vec::new());
    let entries = WalkDir::new(dir).min_depth(1).follow_links(true).into_iter();
    for entry in entries.filter_entry(|e| !is_desktop_file(e.file_name())) {
        let entry = match entry {
            Ok(entry) => entry,
            // A loop of links is walked once; a link that leads nowhere is no directory.
            Err(e) if e.loop_ancestor().is_some() || e.path().is_some_and(Path::is_symlink) => {
                continue;
            }
            Err(e) => return Err(Error::input(dir, format!("cannot be listed ({e})"))),
        };
        let paths = if entry.file_type().is_dir() { &mut dirs } else { &mut files };
        paths.push(entry.into_path());
    }
    Ok((dirs, files))
}
