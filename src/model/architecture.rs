//! The table behind `--architecture`: names to files, tensors and pixels.

use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};

/// Where a model's graph comes from when it is not in model_dir.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An archive, at this address, that is unpacked into model_dir.
    Archive(&'static str, String),
    /// Made by this program.
    BuiltIn,
}

/// What is to be known of a model to retrain it (the script's dictionary of the same name).
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// The architecture as typed: the bottleneck files bear it.
    pub architecture: String,
    /// Where the graph comes from.
    pub source: Source,
    /// The tensor whose values are the bottleneck.
    pub bottleneck_tensor_name: &'static str,
    /// How many numbers a bottleneck has.
    pub bottleneck_tensor_size: usize,
    /// The tensor that is fed with pixels.
    pub resized_input_tensor_name: &'static str,
    /// The graph's file under model_dir.
    pub model_file_name: String,
    /// The pixels it wants.
    pub pixels: PixelSpec,
}

const WIDTHS: [&str; 4] = ["1.0", "0.75", "0.50", "0.25"];
const SIZES: [&str; 4] = ["224", "192", "160", "128"];
/// The addresses' scheme and host are those of the original scripts.
const MODELS: &str = "http://download.tensorflow.org/models/";
const INCEPTION: &str = "http://download.tensorflow.org/models/image/imagenet/";

/// The script's function of the same name: what an architecture's name stands for.
pub fn create_model_info(architecture: &str) -> Result<ModelInfo> {
    let name = architecture.to_lowercase();
    if name == "miniature" {
        return Ok(ModelInfo {
            source: Source::BuiltIn,
            ..mobilenet(architecture, "0.25", "128", "miniature/frozen_graph.pb".into())
        });
    }
    let parts: Vec<&str> = name.split('_').collect();
    match parts[..] {
        ["inception", "v3"] => Ok(inception(architecture)),
        ["mobilenet", width, _] | ["mobilenet", width, _, _] if !WIDTHS.contains(&width) => {
            let expected = "The Mobilenet version should be '1.0', '0.75', '0.50', or '0.25'";
            Err(Error::model(architecture, format!("{expected}, but found '{width}'")))
        }
        ["mobilenet", _, size] | ["mobilenet", _, size, _] if !SIZES.contains(&size) => {
            let expected = "The Mobilenet input size should be '224', '192', '160', or '128'";
            Err(Error::model(architecture, format!("{expected}, but found '{size}'")))
        }
        ["mobilenet", width, size] => {
            let file = format!("mobilenet_v1_{width}_{size}/frozen_graph.pb");
            Ok(mobilenet(architecture, width, size, file))
        }
        ["mobilenet", width, size, "quantized"] => {
            let file = format!("mobilenet_v1_{width}_{size}/quantized_graph.pb");
            Ok(mobilenet(architecture, width, size, file))
        }
        ["mobilenet", _, _, suffix] => Err(Error::model(
            architecture,
            format!("Couldn't understand architecture suffix '{suffix}'"),
        )),
        _ => Err(unknown(architecture, &name)),
    }
}

fn inception(architecture: &str) -> ModelInfo {
    ModelInfo {
        architecture: architecture.into(),
        source: Source::Archive(INCEPTION, "inception-2015-12-05.tgz".into()),
        bottleneck_tensor_name: "pool_3/_reshape:0",
        bottleneck_tensor_size: 2048,
        resized_input_tensor_name: "Mul:0",
        model_file_name: "classify_image_graph_def.pb".into(),
        pixels: PixelSpec {
            width: 299,
            height: 299,
            depth: 3,
            range: PixelRange::Multiply { mean: 128.0, std: 128.0 },
        },
    }
}

fn mobilenet(architecture: &str, width: &str, size: &str, model_file_name: String) -> ModelInfo {
    let file = "mobilenet_v1_{}_{}_frozen.tgz".replacen("{}", width, 1).replacen("{}", size, 1);
    let pixel = size.parse().unwrap_or(224);
    ModelInfo {
        architecture: architecture.into(),
        source: Source::Archive(MODELS, file),
        bottleneck_tensor_name: "MobilenetV1/Predictions/Reshape:0",
        bottleneck_tensor_size: 1001,
        resized_input_tensor_name: "input:0",
        model_file_name,
        pixels: PixelSpec {
            width: pixel,
            height: pixel,
            depth: 3,
            range: PixelRange::Multiply { mean: 127.5, std: 127.5 },
        },
    }
}

fn unknown(architecture: &str, name: &str) -> Error {
    let mobilenets =
        WIDTHS.iter().flat_map(|w| SIZES.iter().map(move |s| format!("mobilenet_{w}_{s}")));
    let known = mobilenets.chain(["miniature".into(), "inception_v3".into()]);
    let nearest = known
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
    Error::model(
        architecture,
        format!("Couldn't understand architecture name '{architecture}'{hint}"),
    )
}
