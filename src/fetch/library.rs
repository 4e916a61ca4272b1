//! TensorFlow's library: from its wheel, which pip brings, into a directory of its own.

use crate::error::{Error, Result};
use crate::fsio;
use crate::net::{Platform, WheelFetch};
use crate::tf::{LIBRARY_WHEELS, LibraryWheel, WHEEL_PYTHON, library_name};
use std::env::consts::{ARCH, OS};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// The library for a platform.
#[derive(Debug, Clone, Copy)]
pub struct Library(&'static LibraryWheel);

impl PartialEq for Library {
    fn eq(&self, other: &Self) -> bool {
        self.0.sha256 == other.0.sha256
    }
}

impl Library {
    /// This machine's.
    ///
    /// # Errors
    /// If no wheel is known for this machine.
    pub(super) fn here() -> Result<Self> {
        Self::of(&format!("{OS}_{ARCH}"))
    }

    /// That of a platform, such as `linux_aarch64`.
    pub(super) fn of(platform: &str) -> Result<Self> {
        let found = LIBRARY_WHEELS.iter().find(|wheel| platform_of(wheel) == platform);
        found.map(Self).ok_or_else(|| {
            let known: Vec<String> =
                LIBRARY_WHEELS.iter().map(|wheel| Self(wheel).name()).collect();
            let platform = crate::text::one_line(platform);
            let message = format!(
                "no wheel of TensorFlow is known for {platform}; there are {}",
                known.join(", ")
            );
            Error::usage("fetch", message)
        })
    }

    /// As it is named to be fetched, for any machine.
    pub(super) fn name(self) -> String {
        format!("library_{}", platform_of(self.0))
    }

    pub(super) fn megabytes(self) -> u32 {
        self.0.megabytes
    }

    pub(super) fn origin(self) -> String {
        format!("{} {}, by pip", self.0.distribution, self.0.version)
    }

    pub(super) fn is_in(self, dir: &Path) -> bool {
        dir.join(self.0.directory()).join(library_name(self.0.os)).is_file()
    }

    /// Has pip bring the wheel and unpacks its libraries. The directory in `dir` appears complete,
    /// or not at all.
    pub(super) fn bring(self, dir: &Path) -> Result<()> {
        let wheel = self.0;
        let scratch = fsio::Scratch::new_in(dir)?;
        let file = file_of(wheel);
        let fetch = WheelFetch {
            distribution: wheel.distribution,
            version: wheel.version,
            file: &file,
            sha256: wheel.sha256,
            platform: Some(Platform { python: WHEEL_PYTHON, tags: wheel.platforms }),
        };
        let brought = scratch.path().join(&file);
        fetch.to(&brought)?;
        let unpacked = scratch.path().join("unpacked");
        fsio::ensure_dir_exists(&unpacked)?;
        unpack(&brought, &unpacked, library_name(wheel.os))?;
        let target = dir.join(wheel.directory());
        // Without the library it is of no use, and would block the renaming.
        let _ = fs::remove_dir_all(&target);
        fsio::rename(&unpacked, &target).map_err(Error::io("renaming to", &target))
    }
}

fn platform_of(wheel: &LibraryWheel) -> String {
    format!("{}_{}", wheel.os, wheel.arch)
}

/// The wheel's file name.
fn file_of(wheel: &LibraryWheel) -> String {
    let name = wheel.distribution.replace('-', "_");
    let (python, platforms) = (WHEEL_PYTHON.replace('.', ""), wheel.platforms.join("."));
    format!("{name}-{}-cp{python}-cp{python}-{platforms}.whl", wheel.version)
}

/// The library that [`run`](super::run) has brought into `dir` for this machine.
#[must_use]
pub fn library_in(dir: &Path) -> Option<PathBuf> {
    let library = Library::here().ok()?;
    library.is_in(dir).then(|| dir.join(library.0.directory()).join(library_name(OS)))
}

/// Unpacks the libraries, the one that programs load under the name `main`. They find each other in
/// one directory. Nothing is linked, because a USB stick's file system has no links.
fn unpack(wheel: &Path, into: &Path, main: &str) -> Result<()> {
    let broken = |e: zip::result::ZipError| Error::input(wheel, format!("is broken ({e})"));
    let file = File::open(wheel).map_err(Error::io("opening", wheel))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(broken)?;
        let path = entry.name().map_err(broken)?.into_owned();
        let Some(name) = unpacked_name(&path, main) else { continue };
        let target = into.join(name);
        let mut out = File::create(&target).map_err(Error::io("writing", &target))?;
        io::copy(&mut entry, &mut out).map_err(Error::io("writing", &target))?;
        out.sync_all().map_err(Error::io("writing", &target))?;
    }
    match into.join(main).is_file() {
        true => Ok(()),
        false => Err(Error::input(wheel, "holds no library of TensorFlow that can be used")),
    }
}

/// Windows has one library, which Python loads as a module.
const OF_WINDOWS: &str = "tensorflow/python/_pywrap_tensorflow_internal.pyd";

/// What a file of the wheel becomes, if it is a library of TensorFlow or bundled for one.
fn unpacked_name<'a>(path: &'a str, main: &'a str) -> Option<&'a str> {
    if path == OF_WINDOWS {
        return Some(main);
    }
    let (directory, name) = path.split_once('/')?;
    if name.is_empty() || name.contains(['/', '\\']) {
        return None;
    }
    let is_library = directory == "tensorflow" && name.starts_with("libtensorflow_");
    match is_library && name.starts_with("libtensorflow_cc") {
        true => Some(main),
        false => (is_library || directory.ends_with(".libs")).then_some(name),
    }
}
