//! From a file's bytes to the pixels that a network takes: decode, resize, normalise.

use crate::images::{PixelRange, PixelSpec};
use crate::proto::DataType::{self, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8};
use crate::tf::{GraphBuilder, Op};

/// The tensors of a decoding graph.
#[derive(Debug, Clone)]
pub struct DecodedImage {
    /// The string placeholder for the file's bytes.
    pub data: String,
    /// The file's pixels, uint8 [height, width, depth], at its own size.
    pub decoded: String,
    /// The result, [1, height, width, depth] floats.
    pub pixels: String,
}

/// What a photograph is resized as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizedAs {
    /// As floats, the script's way. TensorFlow resizes them with vector instructions.
    Floats,
    /// As bytes. That is slower per output pixel, but a large photograph need not be converted to
    /// floats as a whole.
    Bytes,
}

/// The script's `add_jpeg_decoding`: DecodeJPGInput → DecodeJpeg → Cast → ExpandDims →
/// ResizeBilinear → Sub → Mul.
pub fn add_jpeg_decoding(b: &mut GraphBuilder, spec: &PixelSpec) -> DecodedImage {
    let data = b
        .op("Placeholder", "DecodeJPGInput")
        .type_attr("dtype", DT_STRING)
        .unknown_shape()
        .finish();
    let decoded = add_decoder(b, "DecodeJpeg", "DecodeJpeg", &data, spec.depth);
    let pixels = add_resize(b, &decoded, spec);
    DecodedImage { data, decoded, pixels }
}

/// label_image.py's reader for an image format that `op` decodes. Both ways of resizing give the
/// same pixels.
pub fn add_image_decoding(
    b: &mut GraphBuilder,
    op: &str,
    spec: &PixelSpec,
    resized_as: ResizedAs,
) -> DecodedImage {
    let data =
        b.op("Placeholder", "file_reader").type_attr("dtype", DT_STRING).unknown_shape().finish();
    add_decoding_of(b, op, spec, resized_as, &data)
}

/// [`add_image_decoding`] of the string tensor `data`.
pub fn add_decoding_of(
    b: &mut GraphBuilder,
    op: &str,
    spec: &PixelSpec,
    resized_as: ResizedAs,
    data: &str,
) -> DecodedImage {
    let decoded = add_decoder_of_format(b, op, data, spec.depth);
    let pixels = add_resize_as(b, &decoded, spec, resized_as);
    DecodedImage { data: data.to_owned(), decoded, pixels }
}

/// Decodes an image with `op`, the decoder of its format.
pub(super) fn add_decoder_of_format(
    b: &mut GraphBuilder,
    op: &str,
    data: &str,
    depth: i32,
) -> String {
    match op {
        "DecodeGif" => {
            let frames = b.op(op, "gif_reader").input(data).finish();
            // [frames, height, width, 3]: only the first frame of an animation is used.
            let first = b.int("first_frame", 0);
            let axis = b.int("first_frame/axis", 0);
            b.op("GatherV2", "frame")
                .inputs([frames, first, axis])
                .type_attr("Tparams", DT_UINT8)
                .type_attr("Tindices", DT_INT32)
                .type_attr("Taxis", DT_INT32)
                .finish()
        }
        // As stored: 32-bit files hold a fourth channel.
        "DecodeBmp" => add_bmp_decoder(b, data, 0, depth),
        _ => add_decoder(b, op, "image_reader", data, depth),
    }
}

/// Resizes an image that is decoded already: uint8 [height, width, depth].
pub fn add_resizing(b: &mut GraphBuilder, spec: &PixelSpec, resized_as: ResizedAs) -> DecodedImage {
    let decoded =
        b.op("Placeholder", "decoded").type_attr("dtype", DT_UINT8).unknown_shape().finish();
    let pixels = add_resize_as(b, &decoded, spec, resized_as);
    DecodedImage { data: decoded.clone(), decoded, pixels }
}

fn add_resize_as(
    b: &mut GraphBuilder,
    decoded: &str,
    spec: &PixelSpec,
    resized_as: ResizedAs,
) -> String {
    match resized_as {
        ResizedAs::Floats => add_resize(b, decoded, spec),
        ResizedAs::Bytes => {
            let batch = add_expand_dims(b, "ExpandDims", decoded, DT_UINT8);
            let resized = add_resize_bilinear(b, &batch, DT_UINT8, spec);
            match spec.range {
                PixelRange::Unit => {
                    with_constant(b, "Mul", "convert_image", &resized, (1.0f64 / 255.0) as f32)
                }
                range => add_range(b, resized, range),
            }
        }
    }
}

/// Decodes a BMP with so many channels in the file (0: as many as there are), of which the first
/// `depth` are kept.
pub(super) fn add_bmp_decoder(b: &mut GraphBuilder, data: &str, stored: i64, depth: i32) -> String {
    let stored = b.op("DecodeBmp", "bmp_reader").input(data).int_attr("channels", stored).finish();
    let begin = b.ints("rgb/begin", &[0, 0, 0]);
    let size = b.ints("rgb/size", &[-1, -1, depth]);
    let slice = b.op("Slice", "rgb").inputs([stored, begin, size]);
    slice.type_attr("T", DT_UINT8).type_attr("Index", DT_INT32).finish()
}

/// Decodes a JPEG to one `ratio`-th (1, 2, 4 or 8) of its width and height, which takes less time
/// than decoding all of it. Returns the tensors of the file's bytes and of its pixels.
pub fn add_reduced_jpeg_decoding(b: &mut GraphBuilder, ratio: i64) -> [String; 2] {
    let data =
        b.op("Placeholder", "file_reader").type_attr("dtype", DT_STRING).unknown_shape().finish();
    let decoder = b.op("DecodeJpeg", "image_reader").input(&data).int_attr("channels", 3);
    let decoded = with_jpeg_attrs(decoder, ratio).finish();
    [data, decoded]
}

pub(super) fn add_decoder(
    b: &mut GraphBuilder,
    op: &str,
    name: &str,
    data: &str,
    depth: i32,
) -> String {
    let decoder = b.op(op, name).input(data).int_attr("channels", depth.into());
    if op == "DecodeJpeg" {
        with_jpeg_attrs(decoder, 1).finish()
    } else {
        decoder.type_attr("dtype", DT_UINT8).finish()
    }
}

fn with_jpeg_attrs(decoder: Op<'_>, ratio: i64) -> Op<'_> {
    let decoder = decoder.int_attr("ratio", ratio).bool_attr("fancy_upscaling", true);
    decoder
        .str_attr("dct_method", "")
        .bool_attr("try_recover_truncated", false)
        .float_attr("acceptable_fraction", 1.0)
}

pub(super) fn add_resize(b: &mut GraphBuilder, decoded: &str, spec: &PixelSpec) -> String {
    let float = add_float(b, decoded, spec.range);
    let batch = add_expand_dims(b, "ExpandDims", &float, DT_FLOAT);
    let resized = add_resize_bilinear(b, &batch, DT_FLOAT, spec);
    add_range(b, resized, spec.range)
}

fn add_resize_bilinear(
    b: &mut GraphBuilder,
    batch: &str,
    dtype: DataType,
    spec: &PixelSpec,
) -> String {
    let size = b.ints("stack", &[spec.height, spec.width]);
    let resized =
        b.op("ResizeBilinear", "ResizeBilinear").inputs([batch, &size]).type_attr("T", dtype);
    resized.bool_attr("align_corners", false).bool_attr("half_pixel_centers", false).finish()
}

/// The decoded bytes as floats: from 0 to 1 for `Unit`, otherwise from 0 to 255.
pub(super) fn add_float(b: &mut GraphBuilder, decoded: &str, range: PixelRange) -> String {
    match range {
        PixelRange::Unit => convert_image_dtype(b, decoded),
        PixelRange::Multiply { .. } | PixelRange::Divide { .. } => {
            add_cast(b, decoded, DT_UINT8, DT_FLOAT)
        }
    }
}

/// Adds a first dimension of 1.
pub(super) fn add_expand_dims(
    b: &mut GraphBuilder,
    name: &str,
    input: &str,
    dtype: DataType,
) -> String {
    b.name_scope_named(name, |b, scope| {
        let axis = b.int("dim", 0);
        let expand = b.op_named("ExpandDims", scope.to_owned()).inputs([input, &axis]);
        expand.type_attr("T", dtype).type_attr("Tdim", DT_INT32).finish()
    })
}

/// Subtracts the mean and divides by the standard deviation, if the range has them.
pub(super) fn add_range(b: &mut GraphBuilder, image: String, range: PixelRange) -> String {
    match range {
        PixelRange::Unit => image,
        PixelRange::Multiply { mean, std } => {
            let offset = with_constant(b, "Sub", "Sub", &image, mean);
            // The script computes 1.0 / std in double precision, then stores it as a float.
            with_constant(b, "Mul", "Mul", &offset, (1.0 / f64::from(std)) as f32)
        }
        PixelRange::Divide { mean, std } => {
            let offset = with_constant(b, "Sub", "Sub", &image, mean);
            with_constant(b, "RealDiv", "truediv", &offset, std)
        }
    }
}

/// `op` of a float tensor and a number.
pub(super) fn with_constant(b: &mut GraphBuilder, op: &str, name: &str, x: &str, y: f32) -> String {
    b.name_scope_named(name, |b, scope| {
        let y = b.float("y", y);
        b.op_named(op, scope.to_owned()).inputs([x, &y]).float_type().finish()
    })
}

/// `tf.image.convert_image_dtype` from uint8 to float32: x · (1/255).
pub(super) fn convert_image_dtype(b: &mut GraphBuilder, image: &str) -> String {
    b.name_scope_named("convert_image", |b, scope| {
        let cast = add_cast(b, image, DT_UINT8, DT_FLOAT);
        let scale = b.float("y", (1.0f64 / 255.0) as f32);
        b.op_named("Mul", scope.to_owned()).inputs([cast, scale]).float_type().finish()
    })
}

/// A cast from one type to another.
pub(super) fn add_cast(b: &mut GraphBuilder, input: &str, from: DataType, to: DataType) -> String {
    let cast = b.op("Cast", "Cast").input(input).type_attr("SrcT", from).type_attr("DstT", to);
    cast.bool_attr("Truncate", false).finish()
}
