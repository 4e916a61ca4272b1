//! Commands that take the trained graph elsewhere: to each program that reads it, with the names,
//! sizes and pixel range of this very graph. Each is a file beside this one, for a shell;
//! `@NAME@` stands for what is known of the graph.

mod photograph;

use super::{Model, Outcome, Quantization};
use crate::text::shell_word;
use serde_json::{Value, json};

/// A command to copy and paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// A short name, the same in each run.
    pub name: &'static str,
    /// What it does.
    pub title: &'static str,
    /// How what it needs is installed; empty if another command installed it.
    pub needs: &'static str,
    /// The command, for a POSIX shell.
    pub text: String,
}

/// A command before anything is known of the graph.
struct Template {
    name: &'static str,
    title: &'static str,
    needs: &'static str,
    text: &'static str,
    goes_with: GoesWith,
}

/// Which graphs a program reads.
#[derive(Clone, Copy, PartialEq)]
enum GoesWith {
    Any,
    /// Any but those of TensorFlow's own quantised ops.
    NotQuantizedOps,
    /// Graphs of floats only.
    Floats,
    /// Graphs with fake quantisation.
    FakeQuantization,
    SavedModel,
    /// Graphs of floats that learned from photographs which TensorFlow decodes.
    Representatives,
    /// Photographs that other programs cannot read as the network does.
    Previews,
}

impl GoesWith {
    fn holds(self, outcome: &Outcome) -> bool {
        let quantization = outcome.model.quantization;
        match self {
            Self::Any => true,
            Self::NotQuantizedOps => quantization != Quantization::Ops,
            Self::Floats => quantization == Quantization::None,
            Self::FakeQuantization => quantization == Quantization::Fake,
            Self::SavedModel => outcome.written.saved_model_dir.is_some(),
            Self::Representatives => {
                Self::Floats.holds(outcome) && photograph::has_representatives(outcome)
            }
            Self::Previews => photograph::named(outcome).preview_of.is_some(),
        }
    }
}

macro_rules! template {
    ($name:literal, $goes_with:ident, $title:literal, $needs:literal) => {
        Template {
            name: $name,
            title: $title,
            needs: $needs,
            text: include_str!(concat!($name, ".sh")),
            goes_with: GoesWith::$goes_with,
        }
    };
}

const TEMPLATES: &[Template] = &[
    template!("preview", Previews, "What the network sees, as PNGs for the programs below", ""),
    template!("label_image", Any, "The script: label_image.py of TensorFlow 1 or 2", ""),
    template!("lite", Floats, "TensorFlow Lite: convert", "pip install tensorflow"),
    template!("lite_dynamic", Floats, "TensorFlow Lite: convert, weights of 8 bits", ""),
    template!("lite_int8", Representatives, "TensorFlow Lite: convert, everything in 8 bits", ""),
    template!(
        "lite_quantops",
        FakeQuantization,
        "TensorFlow Lite: convert to 8 bits, as the network was trained",
        "pip install tensorflow"
    ),
    template!("lite_run", NotQuantizedOps, "TensorFlow Lite: label (any of these models)", ""),
    template!("onnx", NotQuantizedOps, "ONNX: convert", "pip install tensorflow tf2onnx"),
    template!("onnx_run", NotQuantizedOps, "ONNX Runtime: label", "pip install onnxruntime pillow"),
    template!("tract_new", NotQuantizedOps, "Rust, from the ONNX file: a project with tract", ""),
    template!("tract", NotQuantizedOps, "Rust, from the ONNX file: label with tract", ""),
    template!(
        "opencv",
        NotQuantizedOps,
        "OpenCV, from the ONNX file: label",
        "pip install opencv-python-headless"
    ),
    template!("tfjs", NotQuantizedOps, "TensorFlow.js: convert", "pip install tensorflowjs"),
    template!(
        "tfjs_run",
        NotQuantizedOps,
        "TensorFlow.js: label in Node",
        "npm install @tensorflow/tfjs-core @tensorflow/tfjs-converter \
         @tensorflow/tfjs-backend-wasm sharp"
    ),
    template!("serving", SavedModel, "TensorFlow Serving: serve the SavedModel", ""),
    template!("serving_predict", SavedModel, "TensorFlow Serving: ask for labels and scores", ""),
    template!("serving_classify", SavedModel, "TensorFlow Serving: the API \"classify\"", ""),
];

/// Pieces of code, which hold names of values.
const CODE: [(&str, &str); 3] = [
    ("PIXELS_TENSORFLOW", include_str!("pixels_tensorflow.py")),
    ("PIXELS_NUMPY", include_str!("pixels_numpy.py")),
    ("MAIN", include_str!("tract.rs")),
];

/// The commands for a run's graph.
#[must_use]
pub fn commands(outcome: &Outcome) -> Vec<Command> {
    let values = values(outcome);
    let templates = TEMPLATES.iter().filter(|template| template.goes_with.holds(outcome));
    let command = |t: &Template| Command {
        name: t.name,
        title: t.title,
        needs: t.needs,
        text: filled(t.text.trim_end(), &values),
    };
    templates.map(command).collect()
}

/// The commands as a file for a shell, each below its title.
#[must_use]
pub fn script(commands: &[Command]) -> String {
    let mut script = String::new();
    for Command { title, needs, text, .. } in commands {
        script += &format!("# {title}\n");
        if !needs.is_empty() {
            script += &format!("# {needs}\n");
        }
        script += &format!("{text}\n\n");
    }
    script
}

/// The commands as JSON, by name.
pub(super) fn json(outcome: &Outcome) -> Value {
    commands(outcome).into_iter().map(|c| (c.name.to_owned(), json!(c.text))).collect()
}

/// The text with its code and values. Values are not searched for names: a file may be called
/// `@GRAPH@`.
fn filled(text: &str, values: &[(&str, String)]) -> String {
    let put = |text: String, (name, code): &(&str, &str)| text.replace(&format!("@{name}@"), code);
    let text = CODE.iter().fold(text.to_owned(), put);
    let mut filled = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('@') {
        let named = after.split_once('@').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((value.as_str(), after))
        });
        let (value, after) = named.unwrap_or(("@", after));
        filled += before;
        filled += value;
        rest = after;
    }
    filled + rest
}

/// What stands for each name of a value.
fn values(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let Outcome { written, model, .. } = outcome;
    let Model { input, output, pixels, .. } = model;
    let node = input.strip_suffix(":0").unwrap_or(input);
    let photograph = photograph::named(outcome);
    let word = |path: &std::path::Path| shell_word(&path.to_string_lossy());
    let saved_model = written.saved_model_dir.as_deref().map(word).unwrap_or_default();
    let (mean, std) = pixels.range.mean_and_std();
    vec![
        ("INPUT", shell_word(node)),
        ("INPUT_NODE", format!("'{node}'")),
        ("INPUT_TENSOR", format!("{node}:0")),
        ("OUTPUT", shell_word(output)),
        ("OUTPUT_NODE", format!("'{output}'")),
        ("OUTPUT_NAME", output.clone()),
        ("BOTTLENECK_INPUT", shell_word(&model.bottleneck_input)),
        ("HEIGHT", pixels.height.to_string()),
        ("WIDTH", pixels.width.to_string()),
        ("MEAN", mean.to_string()),
        ("STD", std.to_string()),
        // label_image.py takes whole numbers, as the tutorial's 128 for 127.5.
        ("WHOLE_MEAN", mean.round().to_string()),
        ("WHOLE_STD", std.round().to_string()),
        ("RUST_MEAN", format!("{mean:?}")),
        ("RUST_STD", format!("{std:?}")),
        ("GRAPH", word(&written.output_graph)),
        ("STEM", word(&written.output_graph.with_extension(""))),
        ("LABELS", word(&written.output_labels)),
        ("SAVED_MODEL", saved_model),
        ("PREVIEWS", photograph::PREVIEWS.into()),
        ("LABELLED", photograph.preview_of.unwrap_or_default()),
        ("PHOTOGRAPH", photograph.path),
    ]
}
