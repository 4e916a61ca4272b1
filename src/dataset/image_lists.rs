//! Classes from directories: the scripts' `create_image_lists`.

use super::split::{Category, category_of};
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

/// Which directories are classes, and which files their images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// poets: the directories directly under image_dir.
    Children,
    /// hub: all directories below image_dir, by base name. Their images are looked for in the
    /// directory of that name directly under image_dir, so a nested directory only counts if the
    /// top level has one of the same name.
    Walk,
}

impl Layout {
    /// The extensions, in the scripts' order.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Children => &["jpg", "jpeg", "JPG", "JPEG"],
            Self::Walk => &["JPEG", "JPG", "jpeg", "jpg", "png"],
        }
    }
}

/// One class: a directory of photographs.
#[derive(Debug, Clone)]
pub struct LabelLists {
    /// The label, made from the directory's name by [`label_name`].
    pub label: String,
    /// The directory's own name.
    pub dir: OsString,
    training: Vec<Photograph>,
    testing: Vec<Photograph>,
    validation: Vec<Photograph>,
}

impl LabelLists {
    /// One set's photographs. Their paths are made of image_dir as typed, the class directory and
    /// the file (the scripts' `get_image_path`).
    #[must_use]
    pub fn images(&self, category: Category) -> &[Photograph] {
        match category {
            Category::Training => &self.training,
            Category::Testing => &self.testing,
            Category::Validation => &self.validation,
        }
    }

    fn images_mut(&mut self, category: Category) -> &mut Vec<Photograph> {
        match category {
            Category::Training => &mut self.training,
            Category::Testing => &mut self.testing,
            Category::Validation => &mut self.validation,
        }
    }
}

/// All classes, in class-index order.
#[derive(Debug, Clone)]
pub struct ImageLists {
    /// The directory as typed; the split hashes paths that begin with it.
    pub image_dir: PathBuf,
    /// The classes, by class index.
    pub labels: Vec<LabelLists>,
}

impl ImageLists {
    /// The number of classes.
    #[must_use]
    pub fn class_count(&self) -> usize {
        self.labels.len()
    }

    /// The number of images in a set, over all classes.
    #[must_use]
    pub fn count(&self, category: Category) -> usize {
        self.labels.iter().map(|l| l.images(category).len()).sum()
    }
}

/// Python's `os.path.join`: unlike Rust's, it never drops what was typed.
fn join(dir: &Path, name: &OsStr) -> PathBuf {
    let mut path = dir.as_os_str().to_owned();
    if !path.is_empty() && !path.as_encoded_bytes().ends_with(b"/") {
        path.push("/");
    }
    path.push(name);
    PathBuf::from(path)
}

/// The label of a directory: lower case, with every run of characters other than a–z and 0–9
/// replaced by a space.
#[must_use]
pub fn label_name(dir_name: &str) -> String {
    let mut label = String::new();
    for c in dir_name.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            label.push(c);
        } else if !label.ends_with(' ') {
            label.push(' ');
        }
    }
    label
}

/// Finds the classes under `image_dir` and splits their images into training, testing and
/// validation sets.
///
/// # Errors
/// If the directory cannot be read, or two directories give the same label.
pub fn create_image_lists(
    image_dir: &Path,
    layout: Layout,
    testing_percentage: i64,
    validation_percentage: i64,
) -> Result<ImageLists> {
    if !image_dir.is_dir() {
        return Err(Error::input(image_dir, NO_IMAGE_DIR));
    }
    let mut labels: Vec<LabelLists> = Vec::new();
    let mut made_by: HashMap<String, OsString> = HashMap::new();
    let dirs = match layout {
        Layout::Children => sub_dirs(image_dir)?,
        Layout::Walk => walk_dirs(image_dir)?,
    };
    for dir in dirs {
        info!(target: "tensorflow", "Looking for images in '{}'", one_line(&dir.to_string_lossy()));
        let images = find_images(&join(image_dir, &dir), layout.extensions())?;
        if images.is_empty() {
            warn!(target: "tensorflow", "No files found");
            continue;
        }
        warn_of_size(&dir, images.len());
        let label = label_name(&dir.to_string_lossy());
        if label.trim().is_empty() {
            let message = format!(
                "'{}' makes an empty label; rename it: a-z and 0-9 count",
                one_line(&dir.to_string_lossy())
            );
            return Err(Error::input(image_dir, message));
        }
        if let Some(other) = made_by.insert(label.clone(), dir.clone()) {
            let (other, dir) =
                (one_line(&other.to_string_lossy()), one_line(&dir.to_string_lossy()));
            let message =
                format!("'{other}' and '{dir}' both make the label '{label}'; rename one of them");
            return Err(Error::input(image_dir, message));
        }
        let mut lists =
            LabelLists { label, dir, training: vec![], testing: vec![], validation: vec![] };
        for image in images {
            let path = join(&join(image_dir, &lists.dir), &image);
            let bytes = path.as_os_str().as_encoded_bytes();
            let category = category_of(bytes, testing_percentage, validation_percentage);
            lists.images_mut(category).push(Photograph::file(path));
        }
        labels.push(lists);
    }
    Ok(ImageLists { image_dir: image_dir.to_owned(), labels })
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
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("listing", dir))? {
        let name = entry.map_err(Error::io("listing", dir))?.file_name();
        if !is_desktop_file(&name) && join(dir, &name).is_dir() {
            names.push(name);
        }
    }
    names.sort_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    Ok(names)
}

/// The base names of all directories below `dir`, in the order of their paths, each once.
fn walk_dirs(dir: &Path) -> Result<Vec<OsString>> {
    let mut paths = Vec::new();
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
        if entry.file_type().is_dir() {
            paths.push(entry.into_path());
        }
    }
    paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    let mut names: Vec<OsString> = Vec::new();
    for name in paths.iter().filter_map(|p| p.file_name()) {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The images of one class: extension by extension, sorted within each.
fn find_images(dir: &Path, extensions: &[&str]) -> Result<Vec<OsString>> {
    let mut by_extension = vec![Vec::new(); extensions.len()];
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    for entry in fs::read_dir(dir).map_err(Error::io("listing", dir))? {
        let name = entry.map_err(Error::io("listing", dir))?.file_name();
        if is_desktop_file(&name) {
            continue;
        }
        let extension = name.as_encoded_bytes().rsplit(|&b| b == b'.').next().unwrap_or_default();
        let has_dot = extension.len() < name.len();
        if let Some(i) = extensions.iter().position(|e| has_dot && e.as_bytes() == extension) {
            by_extension[i].push(name);
        }
    }
    for names in &mut by_extension {
        names.sort_by(|a, b| a.as_encoded_bytes().cmp(b.as_encoded_bytes()));
    }
    Ok(by_extension.into_iter().flatten().collect())
}
