//! Turns electrons into a picture: subtracts the background, smooths, and applies the asinh stretch
//! that shows faint and bright light at once (Lupton et al. 2004, PASP 116, 133). Each colour is
//! stretched on its own, so that bright stars turn white.

use super::frame::Frame;
use super::telescope::Telescope;
use image::RgbImage;

/// How many times the colours are smoothed with weights 1-2-1.
const COLOUR_BLUR: usize = 2;

/// Develops the frame.
pub(super) fn develop(mut frame: Frame, telescope: &Telescope) -> RgbImage {
    let print = &telescope.print;
    smooth(&mut frame, print.smoothing);
    let noise = (telescope.sky[1] + telescope.read_noise.powi(2)).sqrt();
    let softening = print.softening * noise;
    let black: [f32; 3] = std::array::from_fn(|colour| background(&frame, colour));
    let white = print.white * highlight(&frame, black[1]).max(20.0 * noise);
    let gain = (255.0 - print.pedestal) / (white / softening).asinh();

    let size = frame.size;
    for (i, pixel) in frame.pixels.iter_mut().enumerate() {
        let fade = vignette((i % size) as f32, (i / size) as f32, size as f32, print.vignette);
        let signal: [f32; 3] = std::array::from_fn(|c| pixel[c] - black[c]);
        let grey = mean(signal);
        *pixel = signal.map(|s| {
            let s = grey + print.saturation * (s - grey);
            (fade * (print.pedestal + gain * asinh(s / softening))).clamp(0.0, 255.0)
        });
    }
    let grey = blur_colours(&mut frame);
    let mut rgb = Vec::with_capacity(size * size * 3);
    for (colours, grey) in frame.pixels.iter().zip(grey) {
        // `as u8` saturates, so no clamp is needed.
        rgb.extend(colours.map(|c| (c + grey + 0.5) as u8));
    }
    let side = size as u32;
    // The buffer has the image's length by construction; the default is never used.
    RgbImage::from_raw(side, side, rgb).unwrap_or_else(|| RgbImage::new(side, side))
}

fn mean(colours: [f32; 3]) -> f32 {
    (colours[0] + colours[1] + colours[2]) / 3.0
}

/// Splits the frame into brightness, which is returned sharp, and colour minus brightness, which is
/// smoothed and stays in the frame. In real photographs colour is about half as sharp as
/// brightness, because of colour cameras and noise reduction. Smoothing also halves the space that
/// colour takes in a JPEG.
fn blur_colours(frame: &mut Frame) -> Vec<f32> {
    let grey: Vec<f32> = frame.pixels.iter().map(|pixel| mean(*pixel)).collect();
    for (pixel, grey) in frame.pixels.iter_mut().zip(&grey) {
        *pixel = pixel.map(|c| c - grey);
    }
    for _ in 0..COLOUR_BLUR {
        smooth(frame, 1.0);
    }
    grey
}

/// Three times as fast as `f32::asinh`, and accurate enough for 8 bits.
fn asinh(x: f32) -> f32 {
    let a = x.abs();
    (a + (a * a + 1.0).sqrt()).ln().copysign(x)
}

/// The first quartile of the pixels, which is sky even if a cluster fills half the field.
fn background(frame: &Frame, colour: usize) -> f32 {
    let mut sample: Vec<f32> = frame.pixels.iter().step_by(11).map(|pixel| pixel[colour]).collect();
    let quarter = sample.len() / 4;
    *sample.select_nth_unstable_by(quarter, f32::total_cmp).1
}

/// The green signal above `black` that one pixel in a thousand exceeds. It is printed nearly white.
fn highlight(frame: &Frame, black: f32) -> f32 {
    let mut green: Vec<f32> = frame.pixels.iter().map(|pixel| pixel[1]).collect();
    let at = green.len() - 1 - green.len() / 1000;
    *green.select_nth_unstable_by(at, f32::total_cmp).1 - black
}

/// The fraction of light left at a pixel if the picture fades to black at about `radius` times its
/// side from the middle, as photographers do to hide distorted corners.
fn vignette(column: f32, row: f32, size: f32, radius: f32) -> f32 {
    if radius >= 1.0 {
        return 1.0;
    }
    let r = ((column + 0.5) / size - 0.5).hypot((row + 0.5) / size - 0.5);
    let t = ((radius + 0.06 - r) / 0.12).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Gives the fraction `share` of each pixel to its two neighbours, along rows and then columns.
fn smooth(frame: &mut Frame, share: f32) {
    let size = frame.size;
    let (side, middle) = (0.25 * share, 1.0 - 0.5 * share);
    let mix = |a: [f32; 3], b: [f32; 3], c: [f32; 3]| -> [f32; 3] {
        std::array::from_fn(|i| side * (a[i] + c[i]) + middle * b[i])
    };
    for line in frame.pixels.chunks_exact_mut(size) {
        let mut before = line[0];
        for i in 0..size {
            let (here, after) = (line[i], line[(i + 1).min(size - 1)]);
            line[i] = mix(before, here, after);
            before = here;
        }
    }
    let mut above = frame.pixels[..size].to_vec();
    for row in 0..size {
        for (column, above) in above.iter_mut().enumerate() {
            let here = frame.pixels[row * size + column];
            let below = frame.pixels[(row + 1).min(size - 1) * size + column];
            frame.pixels[row * size + column] = mix(*above, here, below);
            *above = here;
        }
    }
}
