//! The values of a graph's constants, and of what is computed from nothing but them: enough for the
//! arithmetic of batch normalisation, without a session.

use crate::proto::{DataType, GraphDef, InputRef, NodeDef};
use std::borrow::Cow;
use std::collections::HashMap;

/// What may be done to constants for the outcome to be a constant.
pub(crate) const PURE: [&str; 9] =
    ["Identity", "Add", "AddV2", "Sub", "Mul", "Rsqrt", "Sqrt", "RealDiv", "Neg"];

/// A float32 tensor.
#[derive(Debug, Clone)]
pub(crate) struct Constant<'g> {
    pub(crate) dims: Vec<i64>,
    pub(crate) values: Cow<'g, [f32]>,
}

/// Computes constants as they are asked for.
#[derive(Debug)]
pub(crate) struct Evaluator<'g> {
    nodes: HashMap<&'g str, &'g NodeDef>,
}

/// How many operations on constants may lead to one: more is no batch normalisation. There may be a
/// loop, or each may read the one before twice, which doubles them at every step.
const MOST_STEPS: usize = 64;

impl<'g> Evaluator<'g> {
    pub(crate) fn new(graph: &'g GraphDef) -> Self {
        Self { nodes: graph.node.iter().map(|n| (n.name.as_str(), n)).collect() }
    }

    /// The value of a tensor. `None` where it is not a float32 constant or not understood.
    pub(crate) fn get(&self, tensor: &str) -> Option<Constant<'g>> {
        let mut steps = MOST_STEPS;
        self.compute(tensor, &mut steps)
    }

    fn compute(&self, tensor: &str, steps: &mut usize) -> Option<Constant<'g>> {
        let tensor = InputRef::parse(tensor);
        let node = *self.nodes.get(tensor.node).filter(|_| !tensor.control && tensor.index == 0)?;
        *steps = steps.checked_sub(1)?;
        let inputs: Vec<Constant<'g>> =
            node.input.iter().map(|i| self.compute(i, steps)).collect::<Option<_>>()?;
        match (node.op.as_str(), inputs.as_slice()) {
            ("Const", []) => constant(node),
            ("Identity", [x]) => Some(x.clone()),
            ("Rsqrt", [x]) => Some(x.map(|x| x.sqrt().recip())),
            ("Sqrt", [x]) => Some(x.map(f32::sqrt)),
            ("Neg", [x]) => Some(x.map(|x| -x)),
            ("Add" | "AddV2", [x, y]) => x.combine(y, |x, y| x + y),
            ("Sub", [x, y]) => x.combine(y, |x, y| x - y),
            ("Mul", [x, y]) => x.combine(y, |x, y| x * y),
            ("RealDiv", [x, y]) => x.combine(y, |x, y| x / y),
            _ => None,
        }
    }
}

impl Constant<'_> {
    fn map(&self, f: impl Fn(f32) -> f32) -> Constant<'static> {
        Constant { dims: self.dims.clone(), values: self.values.iter().map(|&x| f(x)).collect() }
    }

    /// Element by element, or each with the one number of the other.
    fn combine(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Option<Constant<'static>> {
        match (&self.values[..], &other.values[..]) {
            (_, &[y]) if other.dims.len() <= self.dims.len() => Some(self.map(|x| f(x, y))),
            (&[x], _) if self.dims.len() <= other.dims.len() => Some(other.map(|y| f(x, y))),
            (x, y) if self.dims == other.dims => {
                let values = x.iter().zip(y).map(|(&x, &y)| f(x, y)).collect();
                Some(Constant { dims: self.dims.clone(), values })
            }
            _ => None,
        }
    }
}

/// A Const's value. Numbers that are left out repeat the last one.
fn constant(node: &NodeDef) -> Option<Constant<'_>> {
    let tensor = node.tensor_attr("value").ok()?;
    if tensor.dtype.enum_value_or_default() != DataType::DT_FLOAT {
        return None;
    }
    let dims: Vec<i64> = tensor.tensor_shape.dim.iter().map(|d| d.size).collect();
    let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))?;
    let values: Cow<'_, [f32]> = match &tensor.tensor_content[..] {
        bytes if !bytes.is_empty() => match bytemuck::try_cast_slice(bytes) {
            Ok(values) => Cow::Borrowed(values),
            // Bytes need not lie as floats must.
            Err(_) => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        },
        _ if tensor.float_val.len() == count => Cow::Borrowed(&tensor.float_val),
        // What repeats is a small constant (a kernel of one number would be none).
        _ if count <= 1 << 16 => {
            let last = *tensor.float_val.last()?;
            let given = tensor.float_val.iter().copied();
            given.chain(std::iter::repeat(last)).take(count).collect()
        }
        _ => return None,
    };
    (values.len() == count).then_some(Constant { dims, values })
}
