//! A photograph of the user's: what it is called, and how its bytes are read.

use super::fits::{FrameFile, Region};
use super::read::{metadata, read_image};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A photograph that can be read at any time. There may be millions, each known in several places:
/// clones share what they hold.
#[derive(Debug, Clone)]
pub struct Photograph {
    path: Arc<Path>,
    /// Its name, if it is not that of its file.
    name: Option<Arc<OsStr>>,
    /// The part of a frame that it is; `None` for the file at its path.
    cut_out: Option<Arc<CutOut>>,
}

/// A part of a frame.
#[derive(Debug)]
struct CutOut {
    frame: Arc<FrameFile>,
    region: Region,
}

impl Photograph {
    /// The photograph in a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into(), name: None, cut_out: None }
    }

    /// The part of a frame around a source that a catalogue calls `id`.
    #[must_use]
    pub fn cut_out(frame: Arc<FrameFile>, id: &str, region: Region) -> Self {
        let mut path = frame.path().as_os_str().to_owned();
        path.push(format!("#{id}"));
        let mut name = frame.path().file_name().unwrap_or_default().to_owned();
        name.push(region.to_string());
        let cut_out = Some(Arc::new(CutOut { frame, region }));
        Self { path: Path::new(&path).into(), name: Some(name.into()), cut_out }
    }

    /// The same photograph with another name within its class.
    #[must_use]
    pub fn named(self, name: impl Into<OsString>) -> Self {
        Self { name: Some(name.into().into()), ..self }
    }

    /// What it is called, in results and messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name within its class, by which its bottleneck is cached: the file's name, with
    /// directories before it where a class has any.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        let own = self.name.as_deref();
        own.unwrap_or_else(|| self.path.file_name().unwrap_or_default())
    }

    /// The file that its bytes come from: its path, or that of the frame.
    #[must_use]
    pub fn file_path(&self) -> &Path {
        self.cut_out.as_ref().map_or(&self.path, |cut_out| cut_out.frame.path())
    }

    /// What of its file it is, in a form that file names may have; empty for all of it.
    #[must_use]
    pub fn part(&self) -> String {
        self.cut_out.as_ref().map_or_else(String::new, |cut_out| cut_out.region.to_string())
    }

    /// The metadata of its file; `None` if that cannot be accessed.
    #[must_use]
    pub fn metadata(&self) -> Option<Metadata> {
        metadata(self.file_path()).ok()
    }

    /// Reads it. The metadata is from before the read, so that a file that changes meanwhile looks
    /// changed later.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file, without its name.
    pub fn read(&self) -> Result<(Metadata, Vec<u8>), String> {
        let Some(cut_out) = &self.cut_out else { return read_image(&self.path) };
        let metadata = metadata(cut_out.frame.path());
        let metadata = metadata.map_err(|e| format!("cannot be cut out ({e})"))?;
        Ok((metadata, cut_out.frame.cutout(&cut_out.region)?))
    }
}

/// Where in `dir` the PNG is that shows what a network sees of the photograph called `path`: at the
/// same path, without what leads out of the directory.
#[must_use]
pub fn preview_path(dir: &Path, path: &Path) -> PathBuf {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_)));
    let mut path = parts.fold(dir.to_owned(), |path, part| path.join(part)).into_os_string();
    path.push(".png");
    path.into()
}

/// Two are the same if they are called the same.
impl PartialEq for Photograph {
    fn eq(&self, other: &Self) -> bool {
        (self.path(), self.name()) == (other.path(), other.name())
    }
}
