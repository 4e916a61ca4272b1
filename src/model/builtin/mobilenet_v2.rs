//! MobileNet v2 (Sandler et al. 2018, arXiv:1801.04381) as torchvision has it: padding is even, and
//! what torchvision does to pixels before the network is done in the graph. It comes before the
//! padding: borders would not agree if it were folded into the first convolution.

use super::residual::{Affine, Layer, Network, Padding, Stage};

pub(crate) const MOBILENET_V2: Network = Network {
    scope: "MobilenetV2",
    features_tensor: "MobilenetV2/Logits/Features:0",
    logits_tensor: "MobilenetV2/Predictions/Reshape:0",
    size: 224,
    stages: &STAGES,
    epsilon: 1e-5,
    padding: Padding::Even,
    pixels: Some(PIXELS),
    names,
    classifier: "classifier.1",
};

/// torchvision's means and deviations of pixels from 0 to 1.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// ((x + 1)/2 − mean)/std.
const PIXELS: Affine = Affine {
    scale: [0.5 / STD[0], 0.5 / STD[1], 0.5 / STD[2]],
    offset: [(0.5 - MEAN[0]) / STD[0], (0.5 - MEAN[1]) / STD[1], (0.5 - MEAN[2]) / STD[2]],
};

const STAGES: [Stage; 7] = [
    Stage { repeats: 1, kernel: 3, stride: 1, expansion: 1, width: 16 },
    Stage { repeats: 2, kernel: 3, stride: 2, expansion: 6, width: 24 },
    Stage { repeats: 3, kernel: 3, stride: 2, expansion: 6, width: 32 },
    Stage { repeats: 4, kernel: 3, stride: 2, expansion: 6, width: 64 },
    Stage { repeats: 3, kernel: 3, stride: 1, expansion: 6, width: 96 },
    Stage { repeats: 3, kernel: 3, stride: 2, expansion: 6, width: 160 },
    Stage { repeats: 1, kernel: 3, stride: 1, expansion: 6, width: 320 },
];

/// Torch counts layers: the first block has one fewer.
fn names(layer: Layer) -> [String; 2] {
    let (block, names) = match layer {
        Layer::Stem => return ["features.0.0".into(), "features.0.1".into()],
        Layer::Head => return ["features.18.0".into(), "features.18.1".into()],
        Layer::Depthwise(0) => (0, ["0.0", "0.1"]),
        Layer::Project(0) => (0, ["1", "2"]),
        Layer::Expand(block) => (block, ["0.0", "0.1"]),
        Layer::Depthwise(block) => (block, ["1.0", "1.1"]),
        Layer::Project(block) => (block, ["2", "3"]),
    };
    names.map(|name| format!("features.{}.conv.{name}", block + 1))
}
