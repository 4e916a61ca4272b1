//! EfficientNet-lite (Tan and Le 2019, arXiv:1905.11946, without squeeze-and-excitation and with
//! ReLU6): lite0; lite1, 1.1 times as deep; lite2, 1.2 times as deep and 1.1 times as wide.

use super::residual::{Layer, Network, Padding, Stage};

pub(crate) const LITE_0: Network = Network { size: 224, stages: &STAGES_0, ..LITE };
pub(crate) const LITE_1: Network = Network { size: 240, stages: &STAGES_1, ..LITE };
pub(crate) const LITE_2: Network = Network { size: 260, stages: &STAGES_2, ..LITE };

const LITE: Network = Network {
    scope: "EfficientnetLite",
    features_tensor: "EfficientnetLite/Logits/Features:0",
    logits_tensor: "EfficientnetLite/Predictions/Reshape:0",
    size: 224,
    stages: &STAGES_0,
    epsilon: 1e-3,
    padding: Padding::Same,
    pixels: None,
    names,
    classifier: "_fc",
};

const WIDTHS: [usize; 7] = [16, 24, 40, 80, 112, 192, 320];
/// 1.1 times as much, in eights.
const WIDER: [usize; 7] = [16, 24, 48, 88, 120, 208, 352];
const STAGES_0: [Stage; 7] = stages([1, 2, 2, 3, 3, 4, 1], WIDTHS);
const STAGES_1: [Stage; 7] = stages([1, 3, 3, 4, 4, 5, 1], WIDTHS);
const STAGES_2: [Stage; 7] = stages([1, 3, 3, 4, 4, 5, 1], WIDER);

const fn stages(repeats: [usize; 7], widths: [usize; 7]) -> [Stage; 7] {
    const fn stage(kernel: usize, stride: i64, [repeats, width]: [usize; 2]) -> Stage {
        Stage { repeats, kernel, stride, expansion: 6, width }
    }
    [
        Stage { expansion: 1, ..stage(3, 1, [repeats[0], widths[0]]) },
        stage(3, 2, [repeats[1], widths[1]]),
        stage(5, 2, [repeats[2], widths[2]]),
        stage(3, 2, [repeats[3], widths[3]]),
        stage(5, 1, [repeats[4], widths[4]]),
        stage(5, 2, [repeats[5], widths[5]]),
        stage(3, 1, [repeats[6], widths[6]]),
    ]
}

fn names(layer: Layer) -> [String; 2] {
    match layer {
        Layer::Stem => ["_conv_stem".into(), "_bn0".into()],
        Layer::Expand(n) => ["_expand_conv", "_bn0"].map(|name| format!("_blocks.{n}.{name}")),
        Layer::Depthwise(n) => {
            ["_depthwise_conv", "_bn1"].map(|name| format!("_blocks.{n}.{name}"))
        }
        Layer::Project(n) => ["_project_conv", "_bn2"].map(|name| format!("_blocks.{n}.{name}")),
        Layer::Head => ["_conv_head".into(), "_bn1".into()],
    }
}
