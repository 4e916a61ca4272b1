//! Views of decoded photographs.

use super::loading::load_tensorflow;
use super::support::golden;
use retrain::images::{PixelRange, PixelSpec, Raster, View};
use retrain::inference::Decoder;

const RANGE: PixelRange = PixelRange::Divide { mean: 127.5, std: 127.5 };

fn spec(side: i32) -> PixelSpec {
    PixelSpec::new(side, side, RANGE)
}

fn seen(raster: &Raster, view: &View, side: i32) -> Vec<f32> {
    let mut pixels = vec![f32::NAN; 3 * (side * side) as usize];
    raster.view(view, &spec(side), &mut pixels);
    pixels
}

/// A picture whose pixels are all different.
fn ramp(side: usize) -> Raster {
    let pixels = (0..side * side).flat_map(|i| [i as u8, (i / side) as u8, (i % side) as u8]);
    Raster { height: side, width: side, depth: 3, pixels: pixels.collect() }
}

#[test]
fn the_whole_photograph_is_what_the_network_sees() {
    load_tensorflow();
    let image = std::fs::read(golden("images/baseline.jpg")).unwrap();
    for side in [32, 70, 128] {
        let decoder = Decoder::new(&spec(side));
        let wanted = decoder.decode(image.clone()).unwrap();
        let whole = decoder.decode_full_size(image.clone()).unwrap();
        let [height, width, depth] = *whole.dims() else { panic!("{:?}", whole.dims()) };
        let [height, width, depth] = [height, width, depth].map(|n| n as usize);
        let raster = Raster { height, width, depth, pixels: whole.to_vec() };
        let ours = seen(&raster, &View::WHOLE, side);
        for (ours, wanted) in ours.iter().zip(wanted.iter()) {
            assert!((ours - wanted).abs() < 1e-4, "{side}: {ours}, not {wanted}");
        }
    }
}

#[test]
fn a_view_is_turned_mirrored_shifted_and_brightened() {
    // With as many pixels as it has, a photograph is sampled at its pixels.
    let raster = ramp(16);
    let whole = seen(&raster, &View::WHOLE, 16);
    let at = |pixels: &[f32], x: usize, y: usize| pixels[3 * (16 * y + x)..][..3].to_vec();
    let shifted = View { shift: [3.0 / 16.0, 2.0 / 16.0], ..View::WHOLE };
    let turned = View { angle: std::f32::consts::FRAC_PI_2, ..View::WHOLE };
    let mirrored = View { mirrored: true, ..View::WHOLE };
    let closer = View { scale: 0.5, ..View::WHOLE };
    let [shifted, turned, mirrored, closer] =
        [shifted, turned, mirrored, closer].map(|view| seen(&raster, &view, 16));
    let close = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3);
    for (x, y) in [(4, 5), (9, 2), (11, 12)] {
        assert!(close(at(&shifted, x, y), at(&whole, x + 3, y + 2)), "shifted {x} {y}");
        // The centre is between pixels 7 and 8 for the sampling of ResizeBilinear: at pixel 8.
        assert!(close(at(&mirrored, x, y), at(&whole, 16 - x, y)), "mirrored {x} {y}");
        assert!(close(at(&turned, x, y), at(&whole, 16 - y, x)), "turned {x} {y}");
    }
    assert!(close(at(&closer, 8 + 4, 8 - 6), at(&whole, 8 + 2, 8 - 3)), "closer");
    let grey = Raster { height: 5, width: 7, depth: 3, pixels: vec![100; 105] };
    let view = View { angle: 1.0, scale: 1.0, shift: [0.2, -0.1], brightness: 1.2, mirrored: true };
    let wanted = (120.0 - 127.5) / 127.5;
    assert!(seen(&grey, &view, 9).iter().all(|p| (p - wanted).abs() < 1e-5));
    let white = View { brightness: 3.0, ..view };
    assert!(seen(&grey, &white, 9).iter().all(|p| (p - 1.0).abs() < 1e-5));
}

#[test]
fn a_large_photograph_is_shrunk_to_means() {
    let mut raster = ramp(40);
    raster.pixels.iter_mut().enumerate().for_each(|(i, p)| *p = (i / 3 % 2 * 200) as u8);
    let shrunk = raster.clone().shrunk(&spec(5), 2);
    assert_eq!((shrunk.height, shrunk.width, shrunk.pixels.len()), (10, 10, 300));
    assert!(shrunk.pixels.iter().all(|&p| p == 100));
    assert_eq!(raster.clone().shrunk(&spec(21), 1), raster);
}
