//! Computes bottlenecks: reads photographs, decodes them and runs the network, all in parallel.

use super::key::Stamp;
use super::plan::Item;
use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::inference::{self, Batch, Extractor, Vectors};
use sha2::{Digest, Sha256};

/// A bottleneck to be put into the cache.
pub(super) struct Made {
    pub(super) row: usize,
    /// The image's stamp from before it was read; `None` if it could not be read.
    pub(super) image: Option<Stamp>,
    /// The SHA-256 of the image.
    pub(super) hash: Option<[u8; 32]>,
    /// Whether its file says that it must be turned to be seen as it was taken.
    pub(super) says_turned: bool,
    /// The bottleneck, or what is wrong with the image.
    pub(super) values: Result<Vec<f32>, String>,
}

/// Computes the bottlenecks of all items, and passes them to `finish` in batches, in any order.
pub(super) fn run(
    extractor: &dyn Extractor,
    items: &[Item<'_>],
    finish: impl FnMut(Vec<Made>) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let readable = items.iter().filter_map(|item| item.listed.photograph.read().ok());
        let mut probes = readable.map(|(_, image)| image);
        // The threads that extract report its error.
        scope.spawn(move || drop(extractor.prepare(&mut probes)));
        let size = extractor.bottleneck_size();
        let batches = items.chunks(extractor.batch_size().max(1));
        inference::run(extractor, batches, |batch| Loaded::read(batch, size), finish)
    })
}

/// A batch whose files have been read.
struct Loaded {
    files: Vec<File>,
    /// How many numbers a bottleneck has.
    size: usize,
}

struct File {
    row: usize,
    read: Result<(Stamp, Vec<u8>), String>,
    /// Of the content, once that has been taken.
    noted: Option<Noted>,
}

/// What is noted of an image's content.
struct Noted {
    /// Its SHA-256.
    hash: [u8; 32],
    says_turned: bool,
}

impl Noted {
    fn of(image: &[u8]) -> Self {
        Self { hash: Sha256::digest(image).into(), says_turned: ImageFormat::says_turned(image) }
    }
}

impl Loaded {
    fn read(batch: &[Item<'_>], size: usize) -> Self {
        let read = |item: &Item<'_>| {
            let read = item.listed.photograph.read();
            let read = read.map(|(metadata, image)| (Stamp::of(&metadata), image));
            File { row: item.row, read, noted: None }
        };
        Self { files: batch.iter().map(read).collect(), size }
    }
}

impl Batch for Loaded {
    type Done = Vec<Made>;

    fn images(&self) -> Vec<&[u8]> {
        let read = self.files.iter().filter_map(|file| file.read.as_ref().ok());
        read.map(|(_, image)| &image[..]).collect()
    }

    fn take_images(&mut self) -> Vec<Vec<u8>> {
        let take = |file: &mut File| {
            let (_, image) = file.read.as_mut().ok()?;
            file.noted = Some(Noted::of(image));
            Some(std::mem::take(image))
        };
        self.files.iter_mut().filter_map(take).collect()
    }

    fn finish(self, vectors: Result<Vectors>) -> Result<Vec<Made>> {
        let mut vectors = vectors?.into_iter();
        let mut made = Vec::with_capacity(self.files.len());
        for File { row, read, noted } in self.files {
            made.push(match read {
                Err(message) => {
                    let values = Err(message);
                    Made { row, image: None, hash: None, says_turned: false, values }
                }
                Ok((stamp, image)) => {
                    let Noted { hash, says_turned } = noted.unwrap_or_else(|| Noted::of(&image));
                    let values = vectors.next().unwrap_or_else(|| Err("was not computed".into()));
                    let values = checked(values, self.size)?;
                    Made { row, image: Some(stamp), hash: Some(hash), says_turned, values }
                }
            });
        }
        Ok(made)
    }
}

/// Checks a bottleneck. A wrong length is an error, because all others have it, too.
fn checked(values: Result<Vec<f32>, String>, size: usize) -> Result<Result<Vec<f32>, String>> {
    match values {
        Ok(values) if values.len() != size => {
            let message = format!("holds {} numbers instead of {size}", values.len());
            Err(Error::model("the bottleneck tensor", message))
        }
        Ok(values) if values.iter().any(|v| !v.is_finite()) => {
            Ok(Err("has a bottleneck with numbers that are not finite".into()))
        }
        values => Ok(values),
    }
}
