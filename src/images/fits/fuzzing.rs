//! Fuzzed properties of reading FITS, for any bytes.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::{FitsSettings, Frame, Hdu, Interval, Planes, Stretch, Values, size};
use crate::images::MAX_PIXELS;

/// More pixels take longer to fuzz than they tell.
const MOST_PIXELS: u64 = 1 << 20;

/// A file is refused with a sentence, or gives an image of the size that its header says, whose
/// cut-outs and copies are read again with the same values. The first two bytes choose settings.
pub fn fits(data: &[u8]) {
    let Some((choice, content)) = data.split_first_chunk::<2>() else { return };
    let settings = settings(*choice);
    let (width, height) = match size(content, &settings) {
        Ok((width, height)) => (width, height),
        Err(why) => {
            assert_sentence(&why);
            return assert!(Frame::read(content, &settings).is_err());
        }
    };
    assert!(width * height <= MAX_PIXELS);
    if width * height > MOST_PIXELS {
        return;
    }
    let frame = match Frame::read(content, &settings) {
        Ok(frame) => frame,
        Err(why) => return assert_sentence(&why),
    };
    assert_eq!((frame.width as u64, frame.height as u64), (width, height));
    let (scaled, raster) = (frame.scaled(), frame.raster());
    assert_eq!(raster.pixels.len() as u64, width * height * 3);
    assert!(scaled.iter().all(|v| v.is_nan() || (0.0..=1.0).contains(v)));
    if let Ok(Some((x, y))) = frame.pixel(10.0, 20.0) {
        assert!(x.is_finite() && y.is_finite());
        assert!(frame.cutout(x, y, 5, 4).is_none_or(|part| (part.width, part.height) == (5, 4)));
    }
    let again =
        Frame::read(&frame.to_fits(), &FitsSettings { hdu: None, planes: None, ..settings });
    assert!(same(&again.unwrap().values, &frame.values));
}

fn assert_sentence(why: &str) {
    assert!(!why.is_empty() && why.len() < 1500 && !why.contains('\n'), "{why}");
}

fn same(a: &Values, b: &Values) -> bool {
    match (a, b) {
        (Values::Single(a), Values::Single(b)) => {
            a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        }
        (Values::Double(a), Values::Double(b)) => {
            a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        }
        _ => false,
    }
}

fn settings([what, how]: [u8; 2]) -> FitsSettings {
    let hdu = match what & 3 {
        0 | 1 => None,
        2 => Some(Hdu::Number(usize::from(what >> 4))),
        _ => Some(Hdu::Name("SCI".into())),
    };
    let planes = match what >> 2 & 3 {
        0 | 1 => None,
        2 => Some(Planes::new(vec![usize::from(what >> 4)]).unwrap()),
        _ => Some(Planes::new(vec![2, 1, 0]).unwrap()),
    };
    let interval =
        [Interval::MinMax, Interval::Percentile(99.5), Interval::ZScale][usize::from(how % 3)];
    let stretch = [
        Stretch::Linear,
        Stretch::Sqrt,
        Stretch::Log(1000.0),
        Stretch::Asinh(0.1),
        Stretch::Sinh(1.0 / 3.0),
        Stretch::HistEq,
    ][usize::from(how / 3 % 6)];
    FitsSettings { hdu, interval, stretch, planes }
}
