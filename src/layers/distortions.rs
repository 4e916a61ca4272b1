//! Distorts photographs at random, so that the new layer learns to ignore such differences. With
//! the settings as percentages and u(a, b) a uniform random number between a and b:
//!
//! 1. resize to input size × (1 + random_crop) · u(1, 1 + random_scale);
//! 2. turn about the centre by u(−rotate_degrees, rotate_degrees);
//! 3. crop to input size at a uniformly random place;
//! 4. mirror it left to right with probability ½, if flip_left_right;
//! 5. mirror it upside down with probability ½, if flip_up_down;
//! 6. turn by 0, 1, 2 or 3 right angles with probability ¼ each, if rotate_right_angles;
//! 7. multiply by u(1 − random_brightness, 1 + random_brightness); then as without distortions.
//!
//! The scripts have 1, 3, 4 and 7. The others add no nodes unless they are switched on.

use super::decoding::{
    DecodedImage, ResizedAs, add_cast, add_decoder, add_expand_dims, add_float, add_range,
    with_constant,
};
use super::random_uniform::{Seeds, random_uniform};
use super::turns::{Axis, random_flip, random_quarter_turn, random_rotation};
use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};
use crate::proto::DataType::{self, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8};
use crate::proto::{Value, attr_value};
use crate::tf::GraphBuilder;

/// The distortions and their strengths. At least one is switched on.
#[derive(Debug, Clone, PartialEq)]
pub struct Distortions {
    /// Whether half of the photographs are mirrored.
    pub flip_left_right: bool,
    /// The margin to crop off, in percent of the input size.
    pub random_crop: u32,
    /// The largest enlargement, in percent.
    pub random_scale: u32,
    /// The largest change of brightness, in percent.
    pub random_brightness: u32,
    /// Whether half of the photographs are turned upside down, as in a mirror.
    pub flip_up_down: bool,
    /// Whether photographs are turned by a random number of right angles.
    pub rotate_right_angles: bool,
    /// The largest angle by which photographs are turned, in degrees.
    pub rotate_degrees: u32,
    /// The seed of the graph's random numbers.
    pub seed: u64,
}

impl Default for Distortions {
    fn default() -> Self {
        Self::NONE
    }
}

impl Distortions {
    /// No distortions.
    pub const NONE: Self = Self {
        flip_left_right: false,
        random_crop: 0,
        random_scale: 0,
        random_brightness: 0,
        flip_up_down: false,
        rotate_right_angles: false,
        rotate_degrees: 0,
        seed: 0,
    };

    /// Whether nothing is distorted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self { seed: self.seed, ..Self::NONE }
    }

    /// How many times as large as the network's input a photograph becomes at most, before it is
    /// cropped; rounded up.
    #[must_use]
    pub fn largest_enlargement(&self) -> u64 {
        let [crop, scale] = [self.random_crop, self.random_scale].map(|n| 100 + u64::from(n));
        (crop * scale).div_ceil(10_000)
    }

    /// Checks that a network takes photographs so distorted.
    ///
    /// # Errors
    /// If photographs that are not square would be turned by right angles.
    pub fn check_pixels(&self, pixels: &PixelSpec) -> Result<()> {
        let PixelSpec { width, height, .. } = pixels;
        if !self.rotate_right_angles || width == height {
            return Ok(());
        }
        let message = format!(
            "needs a network that takes square images, not {width} × {height} pixels; leave it out"
        );
        Err(Error::usage("rotate_right_angles", message))
    }
}

/// The tensors to feed and fetch. Decoded images may come from memory and random numbers from
/// outside, so that images can be distorted in parallel and a run can still be repeated.
#[derive(Debug, Clone)]
pub struct Distorter {
    /// The string placeholder for a file's bytes.
    pub data: String,
    /// The file's pixels, uint8 [height, width, depth]: fetched once, then fed.
    pub decoded: String,
    /// Fed with a random number in [0, 1) that determines the scale.
    pub scale: String,
    /// Fed with three integers in [0, 2³¹ − 1). Modulo the room for the crop, they are its first
    /// row, column and channel.
    pub crop: String,
    /// Fed with a number in [0, 1): below ½ mirrors the image. `None` without flip_left_right.
    pub flip: Option<String>,
    /// Fed with a random number in [0, 1) that determines the brightness.
    pub brightness: String,
    /// Fed with a number in [0, 1): below ½ mirrors the image. `None` without flip_up_down.
    pub flip_up_down: Option<String>,
    /// Fed with a quarter of the number of right angles. `None` without rotate_right_angles.
    pub quarter_turn: Option<String>,
    /// Fed with a number in [0, 1) that determines the angle. `None` without rotate_degrees.
    pub rotation: Option<String>,
    /// The result, [1, height, width, depth] floats.
    pub pixels: String,
}

/// The script's `add_input_distortions`: DistortJPGInput → … → DistortResult.
pub fn add_input_distortions(
    b: &mut GraphBuilder,
    distortions: &Distortions,
    spec: &PixelSpec,
) -> DecodedImage {
    let Distorter { data, decoded, pixels, .. } =
        add_distorter(b, distortions, spec, ResizedAs::Floats);
    DecodedImage { data, decoded, pixels }
}

/// The same arithmetic, returning every tensor that can be fed.
pub fn add_distorter(
    b: &mut GraphBuilder,
    distortions: &Distortions,
    spec: &PixelSpec,
    resized_as: ResizedAs,
) -> Distorter {
    let data = b
        .op("Placeholder", "DistortJPGInput")
        .type_attr("dtype", DT_STRING)
        .unknown_shape()
        .finish();
    let decoded = add_decoder(b, "DecodeJpeg", "DecodeJpeg", &data, spec.depth);
    match resized_as {
        ResizedAs::Floats => {
            let float = add_float(b, &decoded, spec.range);
            let image = add_expand_dims(b, "ExpandDims", &float, DT_FLOAT);
            distort(b, distortions, spec, [data, decoded, image], DT_FLOAT)
        }
        ResizedAs::Bytes => {
            let image = add_expand_dims(b, "ExpandDims", &decoded, DT_UINT8);
            let mut distorter = distort(b, distortions, spec, [data, decoded, image], DT_UINT8);
            if spec.range == PixelRange::Unit {
                let scale = (1.0f64 / 255.0) as f32;
                distorter.pixels =
                    with_constant(b, "Mul", "convert_image", &distorter.pixels, scale);
            }
            distorter
        }
    }
}

/// The distortions of `image`, [1, any, any, depth] of `dtype`.
fn distort(
    b: &mut GraphBuilder,
    distortions: &Distortions,
    spec: &PixelSpec,
    [data, decoded, image]: [String; 3],
    dtype: DataType,
) -> Distorter {
    let percent = |p: u32| f64::from(p) / 100.0;
    let mut seeds = Seeds::new(distortions.seed);
    let margin = b.float("Const", (1.0 + percent(distortions.random_crop)) as f32);
    let largest = (1.0 + percent(distortions.random_scale)) as f32;
    let (resize_scale, scale) = random_uniform(b, &mut seeds, 1.0, largest);
    let precrop_scale = b.op("Mul", "Mul").inputs([margin, resize_scale]).float_type().finish();
    let width = with_constant(b, "Mul", "Mul", &precrop_scale, spec.width as f32);
    let height = with_constant(b, "Mul", "Mul", &precrop_scale, spec.height as f32);
    let size = b
        .op("Pack", "stack")
        .inputs([height, width])
        .int_attr("N", 2)
        .float_type()
        .int_attr("axis", 0)
        .finish();
    let size = add_cast(b, &size, DT_FLOAT, DT_INT32);
    let resized =
        b.op("ResizeBilinear", "ResizeBilinear").inputs([&image, &size]).type_attr("T", dtype);
    let resized =
        resized.bool_attr("align_corners", false).bool_attr("half_pixel_centers", false).finish();
    let degrees = distortions.rotate_degrees;
    let (resized, rotation) = if_wanted(degrees > 0, resized, |images| {
        random_rotation(b, &mut seeds, [images, &size], degrees)
    });
    let resized = b
        .op("Squeeze", "Squeeze")
        .input(resized)
        .float_type()
        .ints_attr("squeeze_dims", &[0])
        .finish();
    let (cropped, crop) =
        random_crop(b, &mut seeds, &resized, [spec.height, spec.width, spec.depth]);
    let (flipped, flip) = if_wanted(distortions.flip_left_right, cropped, |image| {
        random_flip(b, &mut seeds, image, Axis::Columns)
    });
    let (flipped, flip_up_down) = if_wanted(distortions.flip_up_down, flipped, |image| {
        random_flip(b, &mut seeds, image, Axis::Rows)
    });
    let (flipped, quarter_turn) = if_wanted(distortions.rotate_right_angles, flipped, |image| {
        random_quarter_turn(b, &mut seeds, image)
    });
    let change = percent(distortions.random_brightness);
    let (factor, brightness) =
        random_uniform(b, &mut seeds, (1.0 - change) as f32, (1.0 + change) as f32);
    let brightened = b.op("Mul", "Mul").inputs([flipped, factor]).float_type().finish();
    let pixels = add_range(b, brightened, spec.range);
    let pixels = add_expand_dims(b, "DistortResult", &pixels, DT_FLOAT);
    Distorter {
        data,
        decoded,
        scale,
        crop,
        flip,
        brightness,
        flip_up_down,
        quarter_turn,
        rotation,
        pixels,
    }
}

/// What `distort` makes of an image, and the op that draws for it; the image itself if it is not
/// wanted.
fn if_wanted(
    wanted: bool,
    image: String,
    distort: impl FnOnce(&str) -> (String, String),
) -> (String, Option<String>) {
    if !wanted {
        return (image, None);
    }
    let (distorted, draw) = distort(&image);
    (distorted, Some(draw))
}

/// `tf.random_crop`: the result, and the op that draws the offsets (before the modulo by the room
/// for the crop).
fn random_crop(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    image: &str,
    size: [i32; 3],
) -> (String, String) {
    let [seed, seed2] = seeds.next();
    let int_op = |b: &mut GraphBuilder, op: &str, name: &str, inputs: [&str; 2]| {
        b.op(op, name).inputs(inputs).type_attr("T", DT_INT32).finish()
    };
    b.name_scope_named("random_crop", |b, scope| {
        let size = b.ints("size", &size);
        let shape = b
            .op("Shape", "Shape")
            .input(image)
            .float_type()
            .type_attr("out_type", DT_INT32)
            .finish();
        let fits = int_op(b, "GreaterEqual", "GreaterEqual", [&shape, &size]);
        let axes = b.ints("Const", &[0]);
        let all = b.op("All", "All").inputs([fits, axes]).type_attr("Tidx", DT_INT32);
        let all = all.bool_attr("keep_dims", false).finish();
        let assert = b.name_scope("Assert", |b| {
            const MESSAGE: &str = "Need value.shape >= size, got ";
            b.string("Const", MESSAGE);
            b.name_scope_named("Assert", |b, scope| {
                let message = b.string("data_0", MESSAGE);
                let types = [DT_STRING, DT_INT32, DT_INT32].map(|t| t as i32).to_vec();
                let types = attr_value::ListValue { type_: types, ..Default::default() };
                let assert =
                    b.op_named("Assert", scope.to_owned()).inputs([&all, &message, &shape, &size]);
                assert.attr("T", Value::List(types)).int_attr("summarize", 1000).finish()
            })
        });
        let checked =
            b.op("Identity", "control_dependency").input(&shape).input(format!("^{assert}"));
        let checked = checked.type_attr("T", DT_INT32).finish();
        let room = int_op(b, "Sub", "sub", [&checked, &size]);
        let room = b.name_scope_named("add", |b, scope| {
            let one = b.int("y", 1);
            b.op_named("AddV2", scope.to_owned())
                .inputs([room, one])
                .type_attr("T", DT_INT32)
                .finish()
        });
        let rank = b.ints("Shape_1", &[3]);
        let draw = b.name_scope_named("random_uniform", |b, scope| {
            let (min, max) = (b.int("min", 0), b.int("max", i32::MAX));
            let draw = b.op_named("RandomUniformInt", scope.to_owned()).inputs([rank, min, max]);
            let draw = draw.type_attr("T", DT_INT32).type_attr("Tout", DT_INT32);
            draw.int_attr("seed", seed).int_attr("seed2", seed2).finish()
        });
        let offset = int_op(b, "FloorMod", "mod", [&draw, &room]);
        let slice =
            b.op_named("Slice", scope.to_owned()).inputs([image, &offset, &size]).float_type();
        (slice.type_attr("Index", DT_INT32).finish(), draw)
    })
}
