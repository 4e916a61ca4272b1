//! Interval arithmetic on tensors before the graph runs: enough to see that a dropout with a rate
//! of 0 or a `keep_prob` of 1 drops nothing, and which branch a training switch takes.

use crate::proto::{DataType, NodeDef, TensorProto};

/// The least and the largest number that a tensor may hold; true is 1 and false 0. The bounds are
/// exact to the last bit, because TensorFlow rounds as Rust does and rounding keeps numbers in
/// order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    least: f32,
    most: f32,
}

impl Range {
    const TRUE: Self = Self { least: 1.0, most: 1.0 };
    const FALSE: Self = Self { least: 0.0, most: 0.0 };
    const EITHER: Self = Self { least: 0.0, most: 1.0 };
    /// What RandomUniform draws: 23 random bits after the binary point.
    pub(super) const UNIFORM: Self = Self { least: 0.0, most: 1.0 - f32::EPSILON };

    /// The range from the least to the largest of `bounds`; `None` if one is NaN.
    fn around(bounds: &[f32]) -> Option<Self> {
        let least = bounds.iter().copied().reduce(f32::min)?;
        let most = bounds.iter().copied().reduce(f32::max)?;
        bounds.iter().all(|b| !b.is_nan()).then_some(Self { least, most })
    }

    fn truth(is_true: bool, is_false: bool) -> Self {
        match (is_true, is_false) {
            (true, _) => Self::TRUE,
            (_, true) => Self::FALSE,
            _ => Self::EITHER,
        }
    }

    /// The number that all elements equal, if there is only one.
    pub(super) fn number(self) -> Option<f32> {
        (self.least == self.most).then_some(self.least)
    }

    fn is(self, number: f32) -> bool {
        self.number() == Some(number)
    }
}

/// The range of a node's first output, given the ranges of its inputs.
pub(super) fn range(node: &NodeDef, inputs: &[Option<Range>]) -> Option<Range> {
    let input = |i: usize| inputs.get(i).copied().flatten();
    if node.op == "Const" {
        return node.tensor_attr("value").ok().and_then(constant);
    }
    let x = input(0)?;
    match node.op.as_str() {
        "Identity"
        | "PlaceholderWithDefault"
        | "StopGradient"
        | "Reshape"
        | "ExpandDims"
        | "Squeeze" => Some(x),
        "Cast" => is_cast_to_float(node).then_some(x),
        "Floor" => Range::around(&[x.least.floor(), x.most.floor()]),
        "LogicalNot" => Some(Range { least: 1.0 - x.most, most: 1.0 - x.least }),
        op => of_two(op, x, input(1)?),
    }
}

fn of_two(op: &str, x: Range, y: Range) -> Option<Range> {
    let corners = |f: fn(f32, f32) -> f32| {
        let f = |(x, y)| f(x, y);
        let pairs = [(x.least, y.least), (x.least, y.most), (x.most, y.least), (x.most, y.most)];
        Range::around(&pairs.map(f))
    };
    match op {
        "Add" | "AddV2" => corners(|x, y| x + y),
        "Sub" => corners(|x, y| x - y),
        "Mul" => corners(|x, y| x * y),
        "RealDiv" | "Div" => y.number().and_then(|_| corners(|x, y| x / y)),
        "GreaterEqual" => Some(Range::truth(x.least >= y.most, x.most < y.least)),
        "Greater" => Some(Range::truth(x.least > y.most, x.most <= y.least)),
        "LessEqual" => Some(Range::truth(x.most <= y.least, x.least > y.most)),
        "Less" => Some(Range::truth(x.most < y.least, x.least >= y.most)),
        "LogicalAnd" => {
            let all = x.is(1.0) && y.is(1.0);
            Some(Range::truth(all, x.is(0.0) || y.is(0.0)))
        }
        "LogicalOr" => {
            let none = x.is(0.0) && y.is(0.0);
            Some(Range::truth(x.is(1.0) || y.is(1.0), none))
        }
        _ => None,
    }
}

fn is_cast_to_float(node: &NodeDef) -> bool {
    let is = |key, wanted: &[DataType]| node.type_attr(key).is_ok_and(|t| wanted.contains(&t));
    is("DstT", &[DataType::DT_FLOAT]) && is("SrcT", &[DataType::DT_FLOAT, DataType::DT_BOOL])
}

/// The value of a constant of one float or boolean.
fn constant(tensor: &TensorProto) -> Option<Range> {
    if tensor.tensor_shape.dim.iter().any(|dim| dim.size != 1) {
        return None;
    }
    let bytes = &tensor.tensor_content[..];
    // Protobuf leaves out a value of 0.
    let number = match tensor.dtype.enum_value().ok()? {
        DataType::DT_FLOAT => match bytes.try_into() {
            Ok(bytes) => f32::from_le_bytes(bytes),
            Err(_) => tensor.float_val.first().copied().unwrap_or_default(),
        },
        DataType::DT_BOOL => {
            let given = bytes.first().map(|&b| b != 0).or(tensor.bool_val.first().copied());
            f32::from(u8::from(given.unwrap_or_default()))
        }
        _ => return None,
    };
    Range::around(&[number])
}
