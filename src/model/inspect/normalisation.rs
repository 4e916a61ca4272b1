//! What a graph of unknown make does to pixels itself: a chain of additions and multiplications by
//! constants, either behind the tensor that is fed (the graph normalises), or before it (the graph
//! shows how to).

use super::view::{GraphView, data_inputs};
use crate::proto::{DataType, NodeDef};

/// The pixel range of most networks trained with TensorFlow: from −1 to 1.
const USUAL: f32 = 127.5;
/// Photographs' mean of pixels from −1 to 1 is nearer to 0; that of pixels from 0 to 1 is not.
const NEARLY_CENTRED: f32 = 0.25;
/// Longer chains are not normalisation any more.
const LONGEST: usize = 32;

/// Mean and standard deviation that pixel values of 0 to 255 are to be normalised by, and why.
pub(in crate::model) struct RangeGuess {
    pub(in crate::model) mean: f32,
    pub(in crate::model) std: f32,
    pub(in crate::model) why: String,
}

/// y = scale · x + offset.
#[derive(Clone, Copy)]
struct Affine {
    scale: f32,
    offset: f32,
    /// Whether it is the same for all channels.
    uniform: bool,
}

impl Affine {
    const IDENTITY: Self = Self { scale: 1.0, offset: 0.0, uniform: true };

    /// This after `first`.
    fn after(self, first: Self) -> Self {
        Self {
            scale: self.scale * first.scale,
            offset: self.scale * first.offset + self.offset,
            uniform: self.uniform && first.uniform,
        }
    }

    /// The x that becomes 0.
    fn zero(self) -> f32 {
        -self.offset / self.scale
    }
}

/// How the pixels fed to `input` are to be normalised.
pub(in crate::model) fn guess_range(view: &GraphView<'_>, input: &str) -> RangeGuess {
    if let Some(affine) = before(view, input) {
        let why = format!("as the graph itself makes '{input}' of a decoded photograph");
        return RangeGuess { mean: affine.zero(), std: 1.0 / affine.scale, why };
    }
    let Some((affine, last)) = behind(view, input) else {
        let why =
            "assumed, for pixels from -1 to 1: the graph does not say; ask whoever trained it"
                .into();
        return RangeGuess { mean: USUAL, std: USUAL, why };
    };
    // Who subtracts 100 or divides by 255 wants bytes; who subtracts 0.5 or doubles wants
    // fractions; whose mean is near 0, but not 0, wants pixels that are centred already.
    let zero = affine.zero();
    let (mean, std, range) = if zero > 2.0 || affine.scale.abs() < 0.1 {
        (0.0, 1.0, "0 to 255")
    } else if zero != 0.0 && zero.abs() < NEARLY_CENTRED {
        (USUAL, USUAL, "-1 to 1")
    } else {
        (0.0, 255.0, "0 to 1")
    };
    let why =
        format!("the graph itself normalises, up to '{last}', it seems from pixels of {range}");
    RangeGuess { mean, std, why }
}

/// From pixel values of 0 to 255 to `input`, where the graph decodes photographs itself.
fn before(view: &GraphView<'_>, input: &str) -> Option<Affine> {
    let mut node = view.node(input)?;
    let mut total = Affine::IDENTITY;
    for _ in 0..LONGEST {
        if let Some((x, step)) = affine_step(view, node) {
            total = total.after(step);
            node = view.node(x)?;
            continue;
        }
        match node.op.as_str() {
            "Cast" if node.type_attr("SrcT").is_ok_and(|t| t == DataType::DT_UINT8) => {
                return (total.uniform && total.scale != 0.0).then_some(total);
            }
            "Cast" | "ExpandDims" | "Reshape" | "Squeeze" | "ResizeBilinear" | "ResizeBicubic" => {
                node = view.node(data_inputs(node).next()?)?;
            }
            _ => return None,
        }
    }
    None
}

/// From `input` to what the layers see, with the last node of the normalisation, where there is
/// any.
fn behind<'g>(view: &GraphView<'g>, input: &str) -> Option<(Affine, &'g str)> {
    let mut at = view.node(input)?.name.as_str();
    let mut total = None;
    for _ in 0..LONGEST {
        let readers: Vec<&NodeDef> =
            view.readers(at).iter().copied().filter(|n| n.op != "Shape").collect();
        let [reader] = readers[..] else { break };
        let Some((_, step)) = affine_step(view, reader) else { break };
        at = &reader.name;
        if reader.op != "Identity" {
            total = Some((total.map_or(step, |(first, _)| step.after(first)), at));
        }
    }
    total.filter(|(affine, _)| affine.scale != 0.0 && affine.scale.is_finite())
}

/// The tensor x of a node that computes scale · x + offset of constants, and these.
fn affine_step<'n>(view: &GraphView<'_>, node: &'n NodeDef) -> Option<(&'n str, Affine)> {
    let mut inputs = data_inputs(node);
    let a = inputs.next()?;
    if node.op == "Identity" {
        return Some((a, Affine::IDENTITY));
    }
    let b = inputs.next()?;
    let (x, (c, uniform), x_first) = match (constant(view, a), constant(view, b)) {
        (None, Some(c)) => (a, c, true),
        (Some(c), None) => (b, c, false),
        _ => return None,
    };
    let (scale, offset) = match (node.op.as_str(), x_first) {
        ("Add" | "AddV2", _) => (1.0, c),
        ("Mul", _) => (c, 0.0),
        ("Sub", true) => (1.0, -c),
        ("Sub", false) => (-1.0, c),
        ("RealDiv" | "Div", true) => (1.0 / c, 0.0),
        _ => return None,
    };
    Some((x, Affine { scale, offset, uniform }))
}

/// The mean of a constant of one number, or one for each channel, and whether they are all the
/// same.
fn constant(view: &GraphView<'_>, tensor: &str) -> Option<(f32, bool)> {
    let mut node = view.node(tensor)?;
    while node.op == "Identity" {
        node = view.node(data_inputs(node).next()?)?;
    }
    let value = node.tensor_attr("value").ok().filter(|_| node.op == "Const")?;
    let bytes =
        value.tensor_content.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let numbers =
        if value.float_val.is_empty() { bytes.collect() } else { value.float_val.clone() };
    let is_float = value.dtype.enum_value() == Ok(DataType::DT_FLOAT);
    let fits = is_float && (1..=4).contains(&numbers.len());
    let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
    fits.then(|| (mean, numbers.iter().all(|&n| n == numbers[0])))
}
