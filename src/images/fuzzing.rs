//! Properties of the check of an image's first bytes, whatever they are.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::{ImageFormat, MAX_PIXELS, checked};

/// An image: what is accepted is no larger than allowed, and a second check finds the same.
pub fn image_sniffing(data: &[u8]) {
    let format = match ImageFormat::of(data) {
        Ok(format) => format,
        Err(why) => return assert!(!why.is_empty()),
    };
    let (content, pixels) = match checked(format, data.to_vec()) {
        Ok(found) => found,
        Err(why) => return assert!(!why.is_empty()),
    };
    assert!(content.len() <= data.len() + 1);
    assert!(pixels.is_none_or(|p| p <= MAX_PIXELS));
    assert_eq!(checked(format, content.clone()).unwrap(), (content.clone(), pixels));
    assert_eq!(ImageFormat::of(&content), Ok(format));
    // If another decoder can read the header, it finds no larger image than ours did.
    let size = image::ImageReader::with_format(std::io::Cursor::new(&content), as_format(format))
        .into_dimensions();
    if let (Ok((width, height)), Some(pixels)) = (size, pixels) {
        assert!(
            u64::from(width) * u64::from(height) <= pixels.max(MAX_PIXELS),
            "{width} × {height}, not {pixels}"
        );
    }
}

fn as_format(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::Bmp => image::ImageFormat::Bmp,
    }
}
