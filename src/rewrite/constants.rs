//! The values of a graph's constants and of tensors computed from constants alone: enough for the
//! arithmetic of batch normalisation, without a session.

use crate::proto::{DataType, GraphDef, InputRef, NodeDef};
use std::borrow::Cow;
use std::collections::HashMap;

/// Ops whose output is constant if their inputs are.
pub(crate) const PURE: [&str; 11] = [
    "Identity", "Add", "AddV2", "Sub", "Mul", "Rsqrt", "Sqrt", "RealDiv", "Neg", "Reshape",
    "Squeeze",
];

/// A float32 tensor.
#[derive(Debug, Clone)]
pub(crate) struct Constant<'g> {
    pub(crate) dims: Vec<i64>,
    pub(crate) values: Cow<'g, [f32]>,
}

/// Computes constants on demand.
#[derive(Debug)]
pub(crate) struct Evaluator<'g> {
    nodes: HashMap<&'g str, &'g NodeDef>,
}

/// The most nodes visited for one constant. A batch normalisation needs fewer; a loop, or a chain
/// in which every node reads the one before it twice, would go on forever.
const MOST_STEPS: usize = 64;

impl<'g> Evaluator<'g> {
    pub(crate) fn new(graph: &'g GraphDef) -> Self {
        Self { nodes: graph.node.iter().map(|n| (n.name.as_str(), n)).collect() }
    }

    /// The value of a tensor. `None` if it is not a float32 constant or not understood.
    pub(crate) fn get(&self, tensor: &str) -> Option<Constant<'g>> {
        let mut steps = MOST_STEPS;
        self.compute(tensor, &mut steps)
    }

    fn compute(&self, tensor: &str, steps: &mut usize) -> Option<Constant<'g>> {
        let tensor = InputRef::parse(tensor);
        let node = *self.nodes.get(tensor.node).filter(|_| !tensor.control && tensor.index == 0)?;
        *steps = steps.checked_sub(1)?;
        if let ("Reshape", [x, shape]) = (node.op.as_str(), &node.input[..]) {
            let dims = ints(self.nodes.get(InputRef::parse(shape).node)?)?;
            return self.compute(x, steps)?.reshaped(&dims);
        }
        let inputs: Vec<Constant<'g>> =
            node.input.iter().map(|i| self.compute(i, steps)).collect::<Option<_>>()?;
        match (node.op.as_str(), inputs.as_slice()) {
            ("Const", []) => constant(node),
            ("Identity", [x]) => Some(x.clone()),
            ("Rsqrt", [x]) => Some(x.map(|x| x.sqrt().recip())),
            ("Sqrt", [x]) => Some(x.map(f32::sqrt)),
            // Without its ones, whichever are named: only vectors are needed.
            ("Squeeze", [x]) if x.dims.iter().filter(|&&d| d != 1).count() == 1 => {
                x.clone().reshaped(&[-1])
            }
            ("Neg", [x]) => Some(x.map(|x| -x)),
            ("Add" | "AddV2", [x, y]) => x.combine(y, |x, y| x + y),
            ("Sub", [x, y]) => x.combine(y, |x, y| x - y),
            ("Mul", [x, y]) => x.combine(y, |x, y| x * y),
            ("RealDiv", [x, y]) => x.combine(y, |x, y| x / y),
            _ => None,
        }
    }
}

impl<'g> Constant<'g> {
    /// With other dimensions, of which one may be −1 for the rest.
    fn reshaped(self, dims: &[i64]) -> Option<Self> {
        let count = self.values.len() as i64;
        let mut known = dims.iter().filter(|&&d| d != -1);
        let known = known.try_fold(1i64, |product, &d| product.checked_mul(d).filter(|_| d > 0))?;
        let dims: Vec<i64> =
            dims.iter().map(|&d| if d == -1 { count / known } else { d }).collect();
        let product = dims.iter().try_fold(1i64, |product, &d| product.checked_mul(d))?;
        (product == count).then_some(Self { dims, ..self })
    }
}

impl Constant<'_> {
    fn map(&self, f: impl Fn(f32) -> f32) -> Constant<'static> {
        Constant { dims: self.dims.clone(), values: self.values.iter().map(|&x| f(x)).collect() }
    }

    /// Element by element; a single number is combined with every element of the other.
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

/// The shape and the numbers of a float32 Const; `None` for anything else.
#[must_use]
pub fn constant_floats(node: &NodeDef) -> Option<(Vec<i64>, Vec<f32>)> {
    let constant = constant(node).filter(|_| node.op == "Const")?;
    Some((constant.dims, constant.values.into_owned()))
}

/// The numbers of a vector of 32-bit integers.
fn ints(node: &NodeDef) -> Option<Vec<i64>> {
    let tensor = node.tensor_attr("value").ok().filter(|_| node.op == "Const")?;
    let [dim] = &tensor.tensor_shape.dim[..] else { return None };
    if tensor.dtype.enum_value() != Ok(DataType::DT_INT32) {
        return None;
    }
    let content = tensor.tensor_content.chunks_exact(4);
    let content = content.map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into());
    let mut numbers: Vec<i64> = content.collect();
    if numbers.is_empty() {
        numbers = tensor.int_val.iter().map(|&i| i.into()).collect();
        // Equal numbers at the end are stored once.
        if let (Some(&last), 1..=8) = (numbers.last(), dim.size) {
            numbers.resize(dim.size as usize, last);
        }
    }
    (numbers.len() as i64 == dim.size).then_some(numbers)
}

/// A Const's value. TensorFlow leaves out trailing numbers that repeat the last one.
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
            // The bytes may not be aligned for floats.
            Err(_) => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        },
        _ if tensor.float_val.len() == count => Cow::Borrowed(&tensor.float_val),
        // Only small constants are filled up: a kernel never repeats one number.
        _ if count <= 1 << 16 => {
            let last = *tensor.float_val.last()?;
            let given = tensor.float_val.iter().copied();
            given.chain(std::iter::repeat(last)).take(count).collect()
        }
        _ => return None,
    };
    (values.len() == count).then_some(Constant { dims, values })
}
