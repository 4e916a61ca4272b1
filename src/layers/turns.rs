//! Mirrors and turns images at random.

use super::decoding::{add_cast, add_expand_dims, with_constant};
use super::random_uniform::{Seeds, random_uniform};
use crate::proto::DataType::{DT_BOOL, DT_FLOAT, DT_INT32};
use crate::proto::{TensorProto, Value, shape};
use crate::tf::GraphBuilder;

/// Along which axis an image is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Rows,
    Columns,
}

/// `tf.image.random_flip_left_right` (columns) or `random_flip_up_down` (rows): the result, and the
/// op that draws from [0, 1). The branches are Switch and Merge, as `tf.cond` makes them in
/// TensorFlow 1.
pub(super) fn random_flip(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    image: &str,
    along: Axis,
) -> (String, String) {
    let (scope, axis) = match along {
        Axis::Columns => ("random_flip_left_right", 1),
        Axis::Rows => ("random_flip_up_down", 0),
    };
    let identity = |b: &mut GraphBuilder, name: &str, input: &str| {
        b.op("Identity", name).input(input).type_attr("T", DT_BOOL).finish()
    };
    b.name_scope(scope, |b| {
        let image = b.op("Identity", "control_dependency").input(image).float_type().finish();
        let (number, draw) = random_uniform(b, seeds, 0.0, 1.0);
        let mirror = with_constant(b, "Less", "Less", &number, 0.5);
        let switch =
            b.op("Switch", "Switch").inputs([&mirror, &mirror]).type_attr("T", DT_BOOL).finish();
        let mirrored_branch = identity(b, "switch_t", &format!("{switch}:1"));
        identity(b, "switch_f", &switch);
        let predicate = identity(b, "pred_id", &mirror);
        let mirrored = b.name_scope_named("ReverseV2", |b, scope| {
            let reversed = TensorProto {
                dtype: DT_INT32.into(),
                tensor_shape: Some(shape(&[1])).into(),
                int_val: vec![axis],
                ..TensorProto::default()
            };
            let axes = b.op("Const", "axis").input(format!("^{mirrored_branch}"));
            let axes =
                axes.type_attr("dtype", DT_INT32).attr("value", Value::Tensor(reversed)).finish();
            let reverse = b
                .op_named("ReverseV2", scope.to_owned())
                .inputs([format!("{scope}/Switch:1"), axes]);
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

/// For each number of quarter turns, to the left: in which order rows and columns are read, and
/// which of them are reversed.
const AXES: [[i32; 3]; 4] = [[0, 1, 2], [1, 0, 2], [0, 1, 2], [1, 0, 2]];
const REVERSED: [[i32; 3]; 4] = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]];

/// Turns a square image by 0, 1, 2 or 3 right angles: the result, and the op that draws from
/// [0, 1).
pub(super) fn random_quarter_turn(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    image: &str,
) -> (String, String) {
    b.name_scope("random_quarter_turn", |b| {
        let (number, draw) = random_uniform(b, seeds, 0.0, 4.0);
        let turns = add_cast(b, &number, DT_FLOAT, DT_INT32);
        let axis = b.int("axis", 0);
        let mut row = |name: &str, table: [[i32; 3]; 4]| {
            let table = b.int_matrix(&format!("{name}/table"), [4, 3], table.as_flattened());
            b.op("GatherV2", name)
                .inputs([&table, &turns, &axis])
                .type_attr("Tparams", DT_INT32)
                .type_attr("Tindices", DT_INT32)
                .type_attr("Taxis", DT_INT32)
                .finish()
        };
        let (axes, reversed) = (row("axes", AXES), row("reversed", REVERSED));
        let transposed = b.op("Transpose", "transposed").inputs([image, &axes]).float_type();
        let transposed = transposed.type_attr("Tperm", DT_INT32).finish();
        let reversed = add_cast(b, &reversed, DT_INT32, DT_BOOL);
        let turned = b.op("Reverse", "turned").inputs([transposed, reversed]).float_type();
        (turned.finish(), draw)
    })
}

/// Turns `images`, [1, height, width, depth] with `size` = [height, width], about their centre by
/// an angle between −`degrees` and `degrees`. What lies outside is reflected at the edges. Returns
/// the result, and the op that draws from [0, 1).
///
/// The op takes a pixel's place from (x′, y′) = (x·cos − y·sin + a, x·sin + y·cos + b), where a and
/// b keep the centre where it is.
pub(super) fn random_rotation(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    [images, size]: [&str; 2],
    degrees: u32,
) -> (String, String) {
    let largest = f64::from(degrees).to_radians() as f32;
    b.name_scope("random_rotation", |b| {
        let (angle, draw) = random_uniform(b, seeds, -largest, largest);
        let zero = b.float("zero", 0.0);
        let matrix = add_rotation_matrix(b, &angle, size, &zero);
        let matrices = add_expand_dims(b, "matrices", &matrix, DT_FLOAT);
        let turned = b.op("ImageProjectiveTransformV3", "turned");
        let turned = turned.inputs([images, &matrices, size, &zero]).type_attr("dtype", DT_FLOAT);
        let turned = turned.str_attr("interpolation", "BILINEAR").str_attr("fill_mode", "REFLECT");
        (turned.finish(), draw)
    })
}

/// The eight numbers of a rotation about the centre of [height, width] = `size`.
fn add_rotation_matrix(b: &mut GraphBuilder, angle: &str, size: &str, zero: &str) -> String {
    let float = |b: &mut GraphBuilder, op: &str, name: &str, inputs: &[&str]| {
        b.op(op, name).inputs(inputs.iter().copied()).float_type().finish()
    };
    let (cos, sin) = (float(b, "Cos", "cos", &[angle]), float(b, "Sin", "sin", &[angle]));
    let minus_sin = float(b, "Neg", "minus_sin", &[&sin]);
    let size = add_cast(b, size, DT_INT32, DT_FLOAT);
    let last = with_constant(b, "Sub", "last", &size, 1.0);
    let centre = with_constant(b, "Mul", "centre", &last, 0.5);
    let centre = b.op("Unpack", "unstack").input(centre).float_type();
    let y = centre.int_attr("num", 2).int_attr("axis", 0).finish();
    let x = format!("{y}:1");
    let mut shift = |name: &str, [of_x, of_y]: [&str; 2], centre: &str| {
        let from_x = float(b, "Mul", &format!("{name}/from_x"), &[of_x, &x]);
        let from_y = float(b, "Mul", &format!("{name}/from_y"), &[of_y, &y]);
        let from = float(b, "Add", &format!("{name}/from"), &[&from_x, &from_y]);
        float(b, "Sub", &format!("{name}/shift"), &[centre, &from])
    };
    let (shift_x, shift_y) = (shift("x", [&cos, &minus_sin], &x), shift("y", [&sin, &cos], &y));
    let matrix = [&cos, &minus_sin, &shift_x, &sin, &cos, &shift_y, zero, zero];
    let matrix = b.op("Pack", "matrix").inputs(matrix).int_attr("N", 8).float_type();
    matrix.int_attr("axis", 0).finish()
}
