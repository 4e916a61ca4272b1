//! Distorts photographs at random, so that the new layer learns to ignore such differences. With
//! the settings as percentages and u(a, b) a uniform random number between a and b:
//!
//! 1. resize to input size × (1 + random_crop) · u(1, 1 + random_scale);
//! 2. crop to input size at a uniformly random place;
//! 3. mirror it left to right with probability ½, if flip_left_right;
//! 4. multiply by u(1 − random_brightness, 1 + random_brightness); then as without distortions.

use super::decoding::{
    DecodedImage, ResizedAs, add_cast, add_decoder, add_expand_dims, add_float, add_range,
    with_constant,
};
use crate::images::{PixelRange, PixelSpec};
use crate::proto::DataType::{self, DT_BOOL, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8};
use crate::proto::{TensorProto, Value, attr_value, shape};
use crate::tf::GraphBuilder;

/// The distortions and their strengths. At least one is switched on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distortions {
    /// Whether half of the photographs are mirrored.
    pub flip_left_right: bool,
    /// The margin to crop off, in percent of the input size.
    pub random_crop: u32,
    /// The largest enlargement, in percent.
    pub random_scale: u32,
    /// The largest change of brightness, in percent.
    pub random_brightness: u32,
    /// The seed of the graph's random numbers.
    pub seed: u64,
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
    let mut seeds = Seeds { seed: distortions.seed, made: 0 };
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
        b.op("ResizeBilinear", "ResizeBilinear").inputs([image, size]).type_attr("T", dtype);
    let resized =
        resized.bool_attr("align_corners", false).bool_attr("half_pixel_centers", false).finish();
    let resized = b
        .op("Squeeze", "Squeeze")
        .input(resized)
        .float_type()
        .ints_attr("squeeze_dims", &[0])
        .finish();
    let (cropped, crop) =
        random_crop(b, &mut seeds, &resized, [spec.height, spec.width, spec.depth]);
    let (flipped, flip) = if distortions.flip_left_right {
        let (flipped, flip) = random_flip_left_right(b, &mut seeds, &cropped);
        (flipped, Some(flip))
    } else {
        (cropped, None)
    };
    let change = percent(distortions.random_brightness);
    let (factor, brightness) =
        random_uniform(b, &mut seeds, (1.0 - change) as f32, (1.0 + change) as f32);
    let brightened = b.op("Mul", "Mul").inputs([flipped, factor]).float_type().finish();
    let pixels = add_range(b, brightened, spec.range);
    let pixels = add_expand_dims(b, "DistortResult", &pixels, DT_FLOAT);
    Distorter { data, decoded, scale, crop, flip, brightness, pixels }
}

/// Hands out the two seeds of each random op. They are never both 0, which would make TensorFlow
/// choose a seed itself.
struct Seeds {
    seed: u64,
    made: i64,
}

impl Seeds {
    fn next(&mut self) -> [i64; 2] {
        self.made += 1;
        [self.seed.cast_signed(), self.made]
    }
}

/// `tf.random_uniform` of a scalar: the result, and the op that draws from [0, 1).
fn random_uniform(b: &mut GraphBuilder, seeds: &mut Seeds, min: f32, max: f32) -> (String, String) {
    let [seed, seed2] = seeds.next();
    b.name_scope_named("random_uniform", |b, scope| {
        let shape = b.ints("shape", &[]);
        let (min, max) = (b.float("min", min), b.float("max", max));
        let draw = b.op("RandomUniform", "RandomUniform").input(shape).type_attr("T", DT_INT32);
        let draw = draw
            .type_attr("dtype", DT_FLOAT)
            .int_attr("seed", seed)
            .int_attr("seed2", seed2)
            .finish();
        let range = b.op("Sub", "sub").inputs([&max, &min]).float_type().finish();
        let scaled = b.op("Mul", "mul").inputs([&draw, &range]).float_type().finish();
        (b.op_named("Add", scope.to_owned()).inputs([scaled, min]).float_type().finish(), draw)
    })
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

/// `tf.image.random_flip_left_right`: the result, and the op that draws from [0, 1). The branches
/// are Switch and Merge, as `tf.cond` makes them in TensorFlow 1.
fn random_flip_left_right(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    image: &str,
) -> (String, String) {
    let identity = |b: &mut GraphBuilder, name: &str, input: &str| {
        b.op("Identity", name).input(input).type_attr("T", DT_BOOL).finish()
    };
    b.name_scope("random_flip_left_right", |b| {
        let image = b.op("Identity", "control_dependency").input(image).float_type().finish();
        let (number, draw) = random_uniform(b, seeds, 0.0, 1.0);
        let mirror = with_constant(b, "Less", "Less", &number, 0.5);
        let switch =
            b.op("Switch", "Switch").inputs([&mirror, &mirror]).type_attr("T", DT_BOOL).finish();
        let mirrored_branch = identity(b, "switch_t", &format!("{switch}:1"));
        identity(b, "switch_f", &switch);
        let predicate = identity(b, "pred_id", &mirror);
        let mirrored = b.name_scope_named("ReverseV2", |b, scope| {
            let width = TensorProto {
                dtype: DT_INT32.into(),
                tensor_shape: Some(shape(&[1])).into(),
                int_val: vec![1],
                ..TensorProto::default()
            };
            let axis = b.op("Const", "axis").input(format!("^{mirrored_branch}"));
            let axis =
                axis.type_attr("dtype", DT_INT32).attr("value", Value::Tensor(width)).finish();
            let reverse = b
                .op_named("ReverseV2", scope.to_owned())
                .inputs([format!("{scope}/Switch:1"), axis]);
            let reverse = reverse.float_type().type_attr("Tidx", DT_INT32).finish();
            b.op("Switch", "Switch").inputs([&image, &predicate]).float_type().finish();
            reverse
        });
        let plain = b.op("Switch", "Switch").inputs([&image, &predicate]).float_type().finish();
        let merged =
            b.op("Merge", "Merge").inputs([plain, mirrored]).float_type().int_attr("N", 2).finish();
        (merged, draw)
    })
}
