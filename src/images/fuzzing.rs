//! Fuzzed properties of the checks of an image's header and of the decoders, for any bytes.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::format::MAGIC_LENGTH;
use super::{DecodedBy, ImageFormat, MAX_PIXELS, Reading, checked, swaps_sides};

/// The most bytes that `checked` adds: the padding of a BMP's last row.
const ADDED: usize = 3;

/// An accepted image is no larger than allowed, and checking it again changes nothing.
pub fn image_sniffing(data: &[u8]) {
    let found = ImageFormat::of(data);
    assert_eq!(ImageFormat::of(&data[..data.len().min(MAGIC_LENGTH)]), found);
    let format = match found {
        Ok(format) => format,
        Err(why) => return assert!(!why.is_empty()),
    };
    let (content, size) = match checked(format, data.to_vec(), &Reading::DEFAULT) {
        Ok(found) => found,
        Err(why) => return assert!(!why.is_empty()),
    };
    assert!(content.len() <= data.len() + ADDED);
    match format {
        ImageFormat::Bmp => assert!(content.iter().zip(data).all(|(made, given)| made == given)),
        ImageFormat::Gif => one_frame_in_the_corner(&content),
        _ => assert_eq!(content, data),
    }
    let pixels = size.map(|(width, height)| width.saturating_mul(height));
    assert!(pixels.is_none_or(|p| p <= MAX_PIXELS));
    assert_eq!(
        checked(format, content.clone(), &Reading::DEFAULT).unwrap(),
        (content.clone(), size)
    );
    assert_eq!(ImageFormat::of(&content), Ok(format));
    // If another decoder can read the header, it does not find a larger image than we did.
    let Some(known) = image::ImageFormat::from_extension(format.endings()[0]) else { return };
    let size = image::ImageReader::with_format(std::io::Cursor::new(&content), known);
    let size = size.into_dimensions();
    if let (Ok((width, height)), Some(pixels)) = (size, pixels) {
        assert!(
            u64::from(width) * u64::from(height) <= pixels.max(MAX_PIXELS),
            "{width} × {height}, not {pixels}"
        );
    }
}

/// The most pixels that are decoded, so that many files can be tried.
const FEW_PIXELS: u64 = 1 << 22;

/// An image that is decoded by a crate has the size that its header says, or is refused with a
/// reason. Turned as any file's EXIF data says, it has as many pixels.
pub fn image_decoding(data: &[u8]) {
    let Ok(format) = ImageFormat::of(data) else { return };
    let orientation = format.orientation(data);
    let Ok((content, Some((width, height)))) = checked(format, data.to_vec(), &Reading::DEFAULT)
    else {
        return;
    };
    let DecodedBy::Crate(decode) = format.decoded_by() else { return };
    if width * height > FEW_PIXELS {
        return;
    }
    match decode(&content, &Reading::DEFAULT) {
        Err(why) => assert!(!why.is_empty() && why.len() < 1000, "{why}"),
        Ok(image) => {
            assert_eq!((image.width as u64, image.height as u64), (width, height));
            assert_eq!(image.pixels.len(), image.width * image.height * image.depth);
            let (sides, count) = ([image.width, image.height], image.pixels.len());
            let turned = image.turned(orientation);
            assert_eq!(turned.pixels.len(), count);
            let is_swapped = sides != [turned.width, turned.height];
            assert!(!is_swapped || swaps_sides(orientation));
        }
    }
}

/// After a GIF's header and palette comes one frame, at the origin, and then the trailer.
fn one_frame_in_the_corner(gif: &[u8]) {
    let palette = if gif[10] & 0x80 == 0 { 0 } else { 3 << ((gif[10] & 7) + 1) };
    let frame = &gif[13 + palette..];
    assert_eq!(frame[..5], *b"\x2c\0\0\0\0");
    assert_eq!(gif.last(), Some(&0x3b));
}
