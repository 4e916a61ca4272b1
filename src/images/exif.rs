//! How a photograph must be turned to be seen as it was taken. Cameras store the pixels as the
//! sensor sees them, and say in the EXIF data which side is up.

use super::raster::Raster;
use image::{DynamicImage, RgbImage};

pub use image::metadata::Orientation;

/// The orientation that EXIF data holds.
pub(super) fn orientation(exif: Option<&[u8]>) -> Option<Orientation> {
    Orientation::from_exif_chunk(exif?)
}

/// Whether width and height change places.
#[must_use]
pub fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

impl Raster {
    /// The photograph turned and mirrored. One whose depth is not 3 stays as it is.
    #[must_use]
    pub fn turned(self, orientation: Orientation) -> Self {
        let Self { height, width, depth: 3, pixels } = self else { return self };
        let sides = [width, height].map(|side| u32::try_from(side).unwrap_or(0));
        let Some(image) = RgbImage::from_raw(sides[0], sides[1], pixels) else {
            return Self { height: 0, width: 0, depth: 3, pixels: Vec::new() };
        };
        let mut image = DynamicImage::ImageRgb8(image);
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        Self { height, width, depth: 3, pixels: image.into_rgb8().into_raw() }
    }
}
