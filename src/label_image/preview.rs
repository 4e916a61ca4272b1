//! Writes what the network sees of photographs as PNG files.

use crate::error::{Error, Result};
use crate::fsio;
use crate::images::{PixelSpec, preview_path};
use crate::text::shown;
use image::{ImageFormat, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Where previews are written, and how pixels were normalised.
#[derive(Debug)]
pub(super) struct Previews {
    dir: PathBuf,
    mean: f32,
    std: f32,
}

impl Previews {
    /// Checks that `dir` can be written to.
    pub(super) fn new(dir: &Path, spec: &PixelSpec) -> Result<Self> {
        fsio::check_dir(dir).map_err(|message| Error::usage("save_preview", message))?;
        let (mean, std) = spec.range.mean_and_std();
        Ok(Self { dir: dir.to_owned(), mean, std })
    }

    /// Writes the pixels of a photograph, [1, height, width, 3], to a file called like it.
    ///
    /// # Errors
    /// A sentence that says why not, without the photograph's name.
    pub(super) fn save(
        &self,
        photograph: &Path,
        dims: &[u64],
        pixels: &[f32],
    ) -> Result<(), String> {
        let path = preview_path(&self.dir, photograph);
        self.png(dims, pixels)
            .and_then(|png| {
                path.parent().map_or(Ok(()), fsio::ensure_dir_exists).map_err(|e| e.to_string())?;
                fsio::write(&path, &png).map_err(|e| e.to_string())
            })
            .map_err(|e| format!("has a preview that cannot be written to {} ({e})", shown(&path)))
    }

    fn png(&self, dims: &[u64], pixels: &[f32]) -> Result<Vec<u8>, String> {
        let level = |&value: &f32| (value * self.std + self.mean).round() as u8;
        let picture = match *dims {
            [1, height, width, 3] => {
                RgbImage::from_raw(width as u32, height as u32, pixels.iter().map(level).collect())
            }
            _ => None,
        };
        let picture = picture.ok_or("its pixels are not three colours")?;
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).map_err(|e| e.to_string())?;
        Ok(png.into_inner())
    }
}
