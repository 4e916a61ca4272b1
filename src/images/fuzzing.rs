//! What must hold of the look at an image's first bytes, whatever they are.

// As in tests: what does not hold is to panic.
#![allow(clippy::unwrap_used)]

use super::{ImageFormat, MAX_PIXELS, checked};

/// An image: what is let through is no larger than allowed, and a second look finds the same.
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
    // Where another decoder can read the header, it is not of a larger image than we took it for.
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
