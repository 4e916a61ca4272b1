//! Guesses which pixel range an unfamiliar graph takes, from a chain of additions of and
//! multiplications by constants: after the tensor that is fed (the graph normalises pixels itself)
//! or before it (the graph shows how to normalise them).

use super::view::{GraphView, data_inputs};
use crate::proto::{DataType, NodeDef};

/// The pixel range of most networks trained with TensorFlow: from −1 to 1.
const USUAL: f32 = 127.5;
/// The mean of photographs' pixels from −1 to 1 is nearer to 0 than this; that of pixels from 0 to
/// 1 is not.
const NEARLY_CENTRED: f32 = 0.25;
/// The longest chain that is taken for normalisation.
const LONGEST: usize = 32;

/// The mean and standard deviation to normalise pixel values of 0 to 255 with, and why.
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
    /// Whether scale and offset are the same for all channels.
    uniform: bool,
}

impl Affine {
    const IDENTITY: Self = Self { scale: 1.0, offset: 0.0, uniform: true };

    /// The composition that applies `first` and then `self`.
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

impl RangeGuess {
    /// For a graph that does not show it: pixels from −1 to 1.
    pub(in crate::model) fn usual() -> Self {
        let why = "assumed, for pixels from -1 to 1: the graph does not say; ask its author";
        Self { mean: USUAL, std: USUAL, why: why.into() }
    }

    /// For modules of TF-Hub: pixels from 0 to 1.
    pub(in crate::model) fn hub() -> Self {
        let why =
            "assumed, for pixels from 0 to 1, the convention of TF-Hub: the graph does not say";
        Self { mean: 0.0, std: 255.0, why: why.into() }
    }

    /// For an input of whole numbers: pixels from 0 to 255.
    pub(in crate::model) fn bytes() -> Self {
        Self { mean: 0.0, std: 1.0, why: "the input takes whole numbers, 0 to 255".into() }
    }
}

/// How to normalise the pixels fed to `input`, if the graph shows it.
pub(in crate::model) fn shown_range(view: &GraphView<'_>, input: &str) -> Option<RangeGuess> {
    if let Some(affine) = before_input(view, input) {
        let why = format!("as the graph computes '{input}' from a decoded photograph");
        return Some(RangeGuess { mean: affine.zero(), std: 1.0 / affine.scale, why });
    }
    let (affine, last) = after_input(view, input)?;
    // Subtracting 100 or dividing by 255 suggests pixels of 0 to 255; subtracting 0.5 or doubling
    // suggests 0 to 1; subtracting a little suggests pixels that are centred already. A negative
    // zero is reached from below 0.
    let zero = affine.zero();
    let (mean, std, range) = if zero > 2.0 || affine.scale.abs() < 0.1 {
        (0.0, 1.0, "0 to 255")
    } else if zero != 0.0 && zero < NEARLY_CENTRED {
        (USUAL, USUAL, "-1 to 1")
    } else {
        (0.0, 255.0, "0 to 1")
    };
    let why =
        format!("the graph itself normalises up to '{last}', apparently from pixels of {range}");
    Some(RangeGuess { mean, std, why })
}

/// The map from pixel values of 0 to 255 to `input`, if the graph decodes photographs itself.
fn before_input(view: &GraphView<'_>, input: &str) -> Option<Affine> {
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

/// The map from `input` to what the layers see, and its last node, if the graph normalises.
fn after_input<'g>(view: &GraphView<'g>, input: &str) -> Option<(Affine, &'g str)> {
    let mut at = view.node(input)?.name.as_str();
    let mut total = None;
    for _ in 0..LONGEST {
        let readers: Vec<&NodeDef> =
            view.readers(at).iter().copied().filter(|n| n.op != "Shape").collect();
        if let Some(views) = views(&readers) {
            at = &views.name;
            continue;
        }
        let [reader] = readers[..] else { break };
        let Some((_, step)) = affine_step(view, reader) else { break };
        at = &reader.name;
        if reader.op != "Identity" {
            total = Some((total.map_or(step, |(first, _)| step.after(first)), at));
        }
    }
    total.filter(|(affine, _)| affine.scale != 0.0 && affine.scale.is_finite())
}

/// The batch of views that a symmetry makes of images, from the nodes that read these.
fn views<'g>(readers: &[&'g NodeDef]) -> Option<&'g NodeDef> {
    let [a, b] = readers else { return None };
    let (views, other) = if a.op == "ConcatV2" { (a, b) } else { (b, a) };
    let are_views = views.op == "ConcatV2" && ["MirrorPad", "Transpose"].contains(&&*other.op);
    are_views.then_some(views)
}

/// For a node that computes scale · x + offset with constants: x and the map.
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

/// The mean of a constant of 1 to 4 numbers (one for each channel), and whether they are equal.
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
