//! `label_image.py`: a graph, its labels, a photograph; the most probable classes. [`classify`] is
//! the script; [`label_many`] does the same for any number of photographs.

mod many;
mod paths;
mod rows;

pub use crate::images::ImageFormat;
pub use many::{Summary, label_many};
pub use paths::Source;
pub use rows::{Format, Row};

use crate::error::{Error, Result};
use crate::images::{self, PixelRange, PixelSpec};
use crate::inference::Decoder;
use crate::model;
use crate::proto::{self, GraphDef, NodeDef};
use crate::tf::{self, Chatter, Feed, Graph, Session, Tensor, Threads};
use crate::{export, fsio};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The script's default for a graph that does not say what size it wants.
const DEFAULT_SIZE: i32 = 224;
/// How many classes are listed.
const TOP: usize = 5;

/// What to label by.
#[derive(Debug, Clone)]
pub struct LabelConfig {
    /// The graph.
    pub graph: PathBuf,
    /// Its labels.
    pub labels: PathBuf,
    /// Height in pixels; `None` to ask the graph.
    pub input_height: Option<i32>,
    /// Width in pixels; `None` to ask the graph.
    pub input_width: Option<i32>,
    /// Subtracted from pixel values of 0 to 255.
    pub input_mean: f32,
    /// What the difference is divided by.
    pub input_std: f32,
    /// The node that is fed.
    pub input_layer: String,
    /// The node that is read.
    pub output_layer: String,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// How long the graph took for this one photograph.
    pub evaluation_time: Duration,
    /// Labels and scores, the best first, at most five.
    pub top: Vec<(String, f32)>,
}

/// What the files of a configuration hold.
struct Model {
    graph_def: GraphDef,
    labels: Vec<String>,
    spec: PixelSpec,
}

impl Model {
    fn load(config: &LabelConfig) -> Result<Self> {
        let graph_def: GraphDef = proto::parse(&config.graph, &fsio::read(&config.graph)?)?;
        let labels = export::parse_labels(&fsio::read(&config.labels)?);
        let input = find_layer(&graph_def, &config.graph, "input_layer", &config.input_layer)?;
        find_layer(&graph_def, &config.graph, "output_layer", &config.output_layer)?;
        let spec = pixels(config, input)?;
        model::check_graph(&graph_def).map_err(|message| Error::input(&config.graph, message))?;
        Ok(Self { graph_def, labels, spec })
    }

    /// The graph inside TensorFlow, where it does nothing but label images.
    fn import(&self, config: &LabelConfig) -> Result<Graph> {
        let wrong = |message: String| Error::input(&config.graph, message);
        let graph = Graph::import(&self.graph_def).map_err(|e| wrong(e.to_string()))?;
        model::check_part(&graph, &self.graph_def, &config.input_layer, &config.output_layer)
            .map_err(wrong)?;
        Ok(graph)
    }

    fn check_labels(&self, config: &LabelConfig, classes: usize) -> Result<()> {
        if classes == self.labels.len() {
            return Ok(());
        }
        let message =
            format!("holds {} labels, but the graph has {classes} classes", self.labels.len());
        Err(Error::input(&config.labels, message))
    }
}

/// The pixels that the graph wants, and the flags.
fn pixels(config: &LabelConfig, input: &NodeDef) -> Result<PixelSpec> {
    let wanted = input.shape_attr("shape").filter(|s| s.len() == 4 && input.op == "Placeholder");
    let known = |axis: usize| wanted.as_ref().map(|s| s[axis]).filter(|&n| n > 0);
    // TensorFlow's C API takes any size and then fails deep in the graph, or not at all.
    for (flag, given, known) in [
        ("input_height", config.input_height, known(1)),
        ("input_width", config.input_width, known(2)),
    ] {
        if let (Some(given), Some(known)) = (given, known)
            && i64::from(given) != known
        {
            return Err(Error::usage(
                flag,
                format!("{given}, but '{}' wants {known}; leave it out", config.input_layer),
            ));
        }
    }
    let side = |given: Option<i32>, axis| {
        given.map(i64::from).or(known(axis)).unwrap_or(DEFAULT_SIZE.into())
    };
    let size = model::image_size(side(config.input_height, 1), side(config.input_width, 2));
    let (height, width) = size.map_err(|message| Error::input(&config.graph, message))?;
    Ok(PixelSpec {
        height,
        width,
        depth: 3,
        range: PixelRange::Divide { mean: config.input_mean, std: config.input_std },
    })
}

/// Classifies one photograph.
pub fn classify(config: &LabelConfig, path: &Path) -> Result<Labelled> {
    let (_, image) = images::read_image(path).map_err(|what| Error::input(path, what))?;
    let model = Model::load(config)?;
    tf::load(Chatter::Quiet)?;
    // The script's `read_tensor_from_image_file`.
    let decoder = Decoder::new(&model.spec);
    let pixels = decoder.decode(image).map_err(|what| Error::input(path, what))?;
    let graph = model.import(config)?;
    let wrong = |e: Error| Error::input(&config.graph, e.to_string());
    let layer = |name| graph.output(name).map_err(wrong);
    let (input, output) = (layer(&config.input_layer)?, layer(&config.output_layer)?);
    let session = Session::new(&graph, Threads::default()).map_err(wrong)?;
    let start = Instant::now();
    let result =
        session.run_one(Feed { output: &input, value: &pixels }, &output, "labelling an image");
    let result: Tensor<f32> = result.map_err(wrong)?;
    let evaluation_time = start.elapsed();
    model.check_labels(config, result.len())?;
    Ok(Labelled { evaluation_time, top: top_k(&result, &model.labels) })
}

/// The best scores with their labels. Of equal scores the later class goes first, as the script
/// sorts.
fn top_k(scores: &[f32], labels: &[String]) -> Vec<(String, f32)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    order.into_iter().rev().take(TOP).map(|i| (labels[i].clone(), scores[i])).collect()
}

/// The node of a layer, or an error that lists what the graph offers instead.
fn find_layer<'g>(graph: &'g GraphDef, path: &Path, flag: &str, name: &str) -> Result<&'g NodeDef> {
    if let Some(node) = graph.find(name) {
        return Ok(node);
    }
    let fitting = |n: &&NodeDef| match flag {
        "input_layer" => n.op == "Placeholder",
        _ => n.op == "Softmax",
    };
    let candidates: Vec<&str> =
        graph.node.iter().filter(fitting).map(|n| n.name.as_str()).take(5).collect();
    let hint = match candidates.is_empty() {
        true => String::new(),
        false => format!("; it has {}", candidates.join(", ")),
    };
    Err(Error::usage(flag, format!("{} holds no node '{name}'{hint}", path.display())))
}

/// Prints what the script prints.
pub fn report(outcome: &Labelled, out: &mut impl Write) -> Result<()> {
    let mut text =
        format!("\nEvaluation time (1-image): {:.3}s\n\n", outcome.evaluation_time.as_secs_f64());
    for (label, score) in &outcome.top {
        text += &format!("{label} (score={score:.5})\n");
    }
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads may have read enough (`label_image … | head -3`).
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("writing to", Path::new("standard output"))(e))
        }
        _ => Ok(()),
    }
}
