//! Decodes a batch of encoded images. TensorFlow's decoders take one image, so this is a loop over
//! the batch, as `tf.map_fn` makes one: of the ops that TensorFlow 1.15 and 2 both have.
//!
//! ```text
//! images [n] ─ while i < n: image i ─┬ GIF ── DecodeGif, first frame ─┐
//!                                    ├ BMP ── DecodeBmp ──────────────┼ resize, normalise ─ [n, …]
//!                                    └ else ─ DecodeJpeg (PNG as well) ┘
//! ```

use super::decoding::{add_bmp_decoder, add_decoder_of_format, add_resize};
use crate::images::PixelSpec;
use crate::proto::DataType::{self, DT_FLOAT, DT_INT32, DT_STRING, DT_UINT8};
use crate::tf::GraphBuilder;

/// Loop iterations that may run at the same time: `tf.map_fn`'s number.
const PARALLEL_ITERATIONS: i64 = 10;

/// Decodes the string tensor `images`, n encoded JPEGs, PNGs, GIFs or BMPs, to the pixels that a
/// network takes, [n, height, width, depth].
pub fn add_batch_decoding(b: &mut GraphBuilder, images: &str, spec: &PixelSpec) -> String {
    b.name_scope_named("decode", |b, scope| {
        let count = b.op("Size", "count").input(images).type_attr("T", DT_STRING);
        let count = count.type_attr("out_type", DT_INT32).finish();
        let dims = [spec.height, spec.width, spec.depth].map(i64::from);
        let array = b.op("TensorArrayV3", "pixels").input(&count).type_attr("dtype", DT_FLOAT);
        let array = array.shape_attr("element_shape", &dims).bool_attr("dynamic_size", false);
        let array = array.bool_attr("clear_after_read", true).str_attr("tensor_array_name", "");
        let array = array.bool_attr("identical_element_shapes", true).finish();
        let pixels = Loop { frame: scope.to_owned(), images, count: &count, array: &array };
        let flow = pixels.add(b, spec);
        let (start, delta) = (b.int("order/start", 0), b.int("order/delta", 1));
        let order = b.op("Range", "order").inputs([start, count.clone(), delta]);
        let order = order.type_attr("Tidx", DT_INT32).finish();
        let gather = b.op("TensorArrayGatherV3", "batch").inputs([array, order, flow]);
        gather.type_attr("dtype", DT_FLOAT).shape_attr("element_shape", &dims).finish()
    })
}

/// The loop over the images.
struct Loop<'a> {
    /// The name of the executor's frame, unique in the graph.
    frame: String,
    /// The encoded images.
    images: &'a str,
    /// How many there are.
    count: &'a str,
    /// The TensorArray that the pixels are written to. Its second output orders the writes.
    array: &'a str,
}

impl Loop<'_> {
    /// Adds it. Returns the flow after the last write.
    fn add(&self, b: &mut GraphBuilder, spec: &PixelSpec) -> String {
        let first = b.int("first", 0);
        let first = self.enter(b, &first, DT_INT32, false);
        let flow = self.enter(b, &format!("{}:1", self.array), DT_FLOAT, false);
        let images = self.enter(b, self.images, DT_STRING, true);
        let count = self.enter(b, self.count, DT_INT32, true);
        let array = self.enter(b, self.array, DataType::DT_RESOURCE, true);

        let next = [b.unique_name("next"), b.unique_name("next_flow")];
        let index = merge(b, [first, next[0].clone()], DT_INT32);
        let flow = merge(b, [flow, next[1].clone()], DT_FLOAT);
        let less = b.op("Less", "less").inputs([&index, &count]).type_attr("T", DT_INT32).finish();
        let go_on = b.op("LoopCond", "go_on").input(less).finish();
        let index = switch(b, &index, &go_on, DT_INT32);
        let flow = switch(b, &flow, &go_on, DT_FLOAT);
        let [done, flow] = [flow.clone(), format!("{flow}:1")];
        let body = b.op("Identity", "index").input(format!("{index}:1"));
        let body = body.type_attr("T", DT_INT32).finish();

        let [following, flow] = in_frame(b, &body, |b| {
            let one = b.int("one", 1);
            let add = b.op("Add", "following").inputs([&body, &one]).type_attr("T", DT_INT32);
            let following = add.finish();
            let pixels = add_one_image(b, &images, &body, spec);
            let write =
                b.op("TensorArrayWriteV3", "write").inputs([array, body.clone(), pixels, flow]);
            [following, write.type_attr("T", DT_FLOAT).finish()]
        });
        let [next, next_flow] = next;
        b.op_named("NextIteration", next).input(following).type_attr("T", DT_INT32).finish();
        b.op_named("NextIteration", next_flow).input(flow).type_attr("T", DT_FLOAT).finish();
        b.op("Exit", "Exit").input(done).type_attr("T", DT_FLOAT).finish()
    }

    /// Makes a tensor readable in the loop.
    fn enter(
        &self,
        b: &mut GraphBuilder,
        tensor: &str,
        dtype: DataType,
        is_constant: bool,
    ) -> String {
        let enter = b.op("Enter", "Enter").input(tensor).type_attr("T", dtype);
        let enter = enter.str_attr("frame_name", &self.frame).bool_attr("is_constant", is_constant);
        enter.int_attr("parallel_iterations", PARALLEL_ITERATIONS).finish()
    }
}

/// Runs `add` and makes each constant that it adds wait for `body`, without which the constant
/// would not belong to the loop.
fn in_frame<R>(b: &mut GraphBuilder, body: &str, add: impl FnOnce(&mut GraphBuilder) -> R) -> R {
    let before = b.take_nodes();
    let result = add(b);
    let mut added = b.take_nodes();
    for node in added.iter_mut().filter(|n| n.op == "Const") {
        node.input.push(format!("^{body}"));
    }
    before.into_iter().chain(added).for_each(|node| b.adopt(node));
    result
}

/// Decodes the image of that index, [height, width, depth].
fn add_one_image(b: &mut GraphBuilder, images: &str, index: &str, spec: &PixelSpec) -> String {
    let axis = b.int("image/axis", 0);
    let image = b.op("GatherV2", "image").inputs([images, index, &axis]);
    let image = image.type_attr("Tparams", DT_STRING).type_attr("Tindices", DT_INT32);
    let image = image.type_attr("Taxis", DT_INT32).finish();

    let is_gif = add_holds(b, "is_gif", &image, (0, "GIF8"));
    let is_bmp = add_holds(b, "is_bmp", &image, (0, "BM"));
    let by_gif = switch(b, &image, &is_gif, DT_STRING);
    let by_bmp = switch(b, &by_gif, &is_bmp, DT_STRING);
    let [gif, bmp] = [by_gif, by_bmp.clone()].map(|switch| format!("{switch}:1"));
    let gif = add_decoder_of_format(b, "DecodeGif", &gif, spec.depth);
    let bmp = add_bmp(b, &bmp, spec.depth);
    // DecodeJpeg looks at the content, and decodes PNG too.
    let jpeg = add_decoder_of_format(b, "DecodeJpeg", &by_bmp, spec.depth);
    let decoded = merge(b, [gif, bmp, jpeg], DT_UINT8);

    let pixels = add_resize(b, &decoded, spec);
    let squeeze = b.op("Squeeze", "pixels").input(pixels).type_attr("T", DT_FLOAT);
    squeeze.ints_attr("squeeze_dims", &[0]).finish()
}

/// Decodes a BMP of 24 or 32 bits a pixel. An op for each: TensorFlow 1.15's DecodeBmp expects of
/// every file as many bits as the first had.
fn add_bmp(b: &mut GraphBuilder, image: &str, depth: i32) -> String {
    let has_32_bits = add_holds(b, "has_32_bits", image, (28, "\x20"));
    let by_bits = switch(b, image, &has_32_bits, DT_STRING);
    let rgb = add_bmp_decoder(b, &by_bits, 3, depth);
    let rgba = add_bmp_decoder(b, &format!("{by_bits}:1"), 4, depth);
    merge(b, [rgb, rgba], DT_UINT8)
}

/// Whether a file holds these bytes at this place.
fn add_holds(b: &mut GraphBuilder, name: &str, file: &str, (place, bytes): (i32, &str)) -> String {
    let start = b.int(&format!("{name}/start"), place);
    let length = b.int(&format!("{name}/length"), bytes.len() as i32);
    let part = b.op("Substr", &format!("{name}/part")).inputs([file, &start, &length]);
    let part = part.type_attr("T", DT_INT32).finish();
    let bytes = b.string(&format!("{name}/bytes"), bytes);
    b.op("Equal", name).inputs([part, bytes]).type_attr("T", DT_STRING).finish()
}

/// Sends a tensor on as output 1 if `condition` holds, else as output 0.
fn switch(b: &mut GraphBuilder, tensor: &str, condition: &str, dtype: DataType) -> String {
    b.op("Switch", "Switch").inputs([tensor, condition]).type_attr("T", dtype).finish()
}

/// Sends on whichever tensor comes.
fn merge<const N: usize>(b: &mut GraphBuilder, tensors: [String; N], dtype: DataType) -> String {
    let merge = b.op("Merge", "Merge").inputs(tensors).type_attr("T", dtype);
    merge.int_attr("N", N as i64).finish()
}
