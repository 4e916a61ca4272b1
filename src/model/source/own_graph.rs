//! A network of the user's own: a frozen graph, or a SavedModel that is frozen first. Its tensors
//! and pixels are those that the settings name, or else guesses, which are logged.

use super::described::{Assumed, OwnGraph, shape_text};
use super::flatten::add_flattening;
use super::saved_model::{self, Convention, Wanted};
use crate::error::{Error, Result};
use crate::images::PixelSpec;
use crate::model::backbone::Backbone;
use crate::model::identity::pixels_version_1;
use crate::model::inspect::{
    GraphView, Guess, Guessed, Head, MOST_FEATURES, Randomness, advice, before_noise, check_graph,
    check_part, guess_bottleneck, guess_input, is_call,
};
use crate::proto::{self, DataType, GraphDef, InputRef, NodeDef, Value, shape};
use crate::rewrite::convert_variables_to_constants;
use crate::text::{self, grouped, hex};
use log::info;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Ops that hold a value that is not in the graph.
const VARIABLES: [&str; 3] = ["VarHandleOp", "VariableV2", "Variable"];
/// The width and height that most networks for classification take.
const USUAL_SIDE: i64 = 224;
/// How many characters of the graph's name a bottleneck file's name keeps.
const LONGEST_NAME: usize = 64;

/// Reads a frozen graph, finds its tensors and checks them.
///
/// # Errors
/// Each names the setting that corrects it, or the file.
pub(super) fn read_graph(own: &OwnGraph) -> Result<Backbone> {
    let (bytes, graph_def) = read(own)?;
    let content_hash = Sha256::digest(&bytes).into();
    let assumed = Assumed { convention: Convention::Usual, side: None };
    let hints = Hints { input: None, head: Head::Logits, assumed };
    backbone(own, &Network { graph_def, content_hash, hints })
}

/// Freezes the SavedModel in `dir`, finds its tensors and checks them.
///
/// # Errors
/// As [`read_graph`].
pub(super) fn read_saved_model(own: &OwnGraph, dir: &Path) -> Result<Backbone> {
    let wanted = Wanted {
        signature: own.signature.as_deref(),
        input: own.input_tensor.as_deref(),
        output: own.bottleneck_tensor.as_deref(),
    };
    let frozen = saved_model::freeze(dir, wanted)?;
    let assumed = Assumed { convention: frozen.convention, side: Some(USUAL_SIDE) };
    let hints = Hints { input: Some(frozen.input), head: Head::Map, assumed };
    let content_hash = frozen.content_hash;
    backbone(own, &Network { graph_def: frozen.graph, content_hash, hints })
}

/// A network as its files give it.
struct Network {
    graph_def: GraphDef,
    content_hash: [u8; 32],
    hints: Hints,
}

/// What is known beside the graph.
struct Hints {
    /// The tensor that a signature says the pixels are fed to.
    input: Option<String>,
    head: Head,
    assumed: Assumed,
}

/// Finds the network's tensors and checks them. Keeps only what the bottleneck needs: the new layer
/// of an earlier retraining goes.
fn backbone(own: &OwnGraph, network: &Network) -> Result<Backbone> {
    let Network { graph_def, content_hash, hints } = network;
    let content_hash = *content_hash;
    check_graph(graph_def).map_err(|message| Error::input(&own.path, message))?;
    let Subgraph { input, bottleneck, size, is_vector, pixels } = own.subgraph(graph_def, hints)?;
    let name = cache_name(own, content_hash, [&input, &bottleneck], &pixels);
    let mut kept =
        convert_variables_to_constants(graph_def, InputRef::parse(&bottleneck).node, &[])?;
    info!(
        target: "retrain",
        "{}: a bottleneck is the {size} numbers of '{bottleneck}'",
        own.path.display()
    );
    let bottleneck =
        if is_vector { bottleneck } else { add_flattening(&mut kept, &bottleneck, size) };
    Ok(Backbone {
        name,
        wants_quantization: false,
        content_hash,
        graph_def: kept,
        variables: Vec::new(),
        input,
        bottleneck,
        bottleneck_size: size,
        pixels,
        views: None,
    })
}

/// The part of a graph that computes bottlenecks.
struct Subgraph {
    input: String,
    bottleneck: String,
    /// How many numbers a bottleneck has.
    size: usize,
    /// Whether the bottleneck is [?, n] and need not be flattened.
    is_vector: bool,
    pixels: PixelSpec,
}

fn read(own: &OwnGraph) -> Result<(Vec<u8>, GraphDef)> {
    let path = &own.path;
    let bytes = crate::fsio::read(path)?;
    let graph_def: GraphDef = proto::parse(path, &bytes)?;
    if graph_def.node.is_empty() {
        return Err(Error::input(
            path,
            "holds no graph; of a SavedModel give the directory, not its saved_model.pb",
        ));
    }
    Ok((bytes, graph_def))
}

impl OwnGraph {
    /// Finds the nodes from the pixels to the bottleneck, and checks them.
    fn subgraph(&self, graph_def: &GraphDef, hints: &Hints) -> Result<Subgraph> {
        let wrong = |message: String| Error::input(&self.path, message);
        let view = GraphView::new(graph_def).map_err(|e| wrong(e.to_string()))?;
        let given = |setting, tensor: &Option<String>| {
            tensor.as_ref().map(|t| self.resolve(&view, setting, t)).transpose()
        };
        let bottleneck = given("bottleneck_tensor", &self.bottleneck_tensor)?;
        let input = given("input_tensor", &self.input_tensor)?;
        let guess = || match &hints.input {
            Some(input) => Ok(Guess { tensor: input.clone(), why: "the signature".into() }),
            None => guess_input(&view, bottleneck.as_deref()),
        };
        let input = input.map_or_else(|| self.guessed("input_tensor", guess()), Ok)?;
        let pixels = self.pixels(&view, &input, hints.assumed)?;

        let sized = (view.shape(&input).is_none_or(|s| s[1..3].contains(&-1)))
            .then(|| with_size(graph_def, &input, &pixels));
        let size_refused = |e: Error| {
            let message = format!("{}x{} does not fit: {e}", pixels.width, pixels.height);
            Error::usage("input_width", message)
        };
        let sized = sized.as_ref().map(|g| GraphView::new(g).map_err(size_refused)).transpose()?;
        let view = sized.as_ref().unwrap_or(&view);
        let randomness = Randomness::new(view.graph_def(), &input);
        let guess = || guess_bottleneck(view, &randomness, &input, hints.head);
        let bottleneck =
            bottleneck.map_or_else(|| self.guessed("bottleneck_tensor", guess()), Ok)?;
        let size = self.bottleneck_size(view, &bottleneck)?;
        self.check_needs(view, &input, &bottleneck)?;
        self.check_noise(view, &randomness, &input, &bottleneck)?;
        check_part(view.graph(), graph_def, &input, &bottleneck).map_err(wrong)?;
        let is_vector = view.vector_size(&bottleneck).is_some();
        Ok(Subgraph { input, bottleneck, size, is_vector, pixels })
    }

    /// The tensor that a setting names, without `:0`.
    fn resolve(&self, view: &GraphView<'_>, setting: &str, typed: &str) -> Result<String> {
        let tensor = InputRef::parse(typed);
        let wrong = |message: String| Error::usage(setting, message);
        let Some(node) = view.node(tensor.node).filter(|_| !tensor.control) else {
            let nearest = text::nearest(typed, view.all().map(|n| n.name.as_str()));
            let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
            return Err(wrong(format!("{} holds no tensor '{typed}'{hint}", self.path.display())));
        };
        let count = view.output_count(&node.name);
        match (tensor.index, count) {
            (_, 0) => Err(wrong(format!(
                "'{typed}' is an operation without outputs ({}), not a tensor",
                node.op
            ))),
            (index, count) if index >= count => {
                let message = format!(
                    "'{}' has no output {index}; its last is '{}:{}'",
                    node.name,
                    node.name,
                    count - 1
                );
                Err(wrong(message))
            }
            (0, _) => Ok(node.name.clone()),
            (index, _) => Ok(format!("{}:{index}", node.name)),
        }
    }

    /// The guessed tensor, which is logged, or an error that asks for the setting.
    fn guessed(&self, setting: &str, guess: Guessed) -> Result<String> {
        let path = self.path.display();
        let guess = guess
            .map_err(|why| Error::usage(setting, format!("must be given for {path}: {why}")))?;
        self.log_guess(&format!("`{setting}={}`", guess.tensor), &guess.why);
        Ok(guess.tensor)
    }

    /// How many numbers a bottleneck has, flattened.
    fn bottleneck_size(&self, view: &GraphView<'_>, bottleneck: &str) -> Result<usize> {
        let wrong = |message: String| {
            Err(Error::usage("bottleneck_tensor", format!("'{bottleneck}' {message}")))
        };
        if !view.is_float(bottleneck) {
            return wrong("does not hold floats".into());
        }
        let Some(dims) = view.shape(bottleneck) else {
            return wrong("has no known shape; it must be [?, n] with n known".into());
        };
        if dims.len() < 2 || ![-1, 1].contains(&dims[0]) || dims[1..].iter().any(|&d| d < 1) {
            return wrong(format!(
                "is {}; it must be [?, n] or [?, a, b, c] with all numbers but the first known",
                shape_text(&dims)
            ));
        }
        let size = dims[1..]
            .iter()
            .try_fold(1i64, |n, &d| n.checked_mul(d))
            .filter(|&n| n <= MOST_FEATURES);
        match size {
            Some(size) => Ok(size as usize),
            None => {
                let path = self.path.display();
                let most = grouped(MOST_FEATURES);
                wrong(format!(
                    "of {path} is {}; at most {most} numbers are supported",
                    shape_text(&dims)
                ))
            }
        }
    }

    /// Checks that the bottleneck can be computed from the pixels alone.
    fn check_needs(&self, view: &GraphView<'_>, input: &str, bottleneck: &str) -> Result<()> {
        let needed = view.needs(bottleneck, Some(input));
        if !needed.contains(input) {
            let message = format!(
                "'{bottleneck}' does not depend on the input tensor '{input}' (`input_tensor`)"
            );
            return Err(Error::usage("bottleneck_tensor", message));
        }
        let wrong = |message: String| Err(Error::input(&self.path, message));
        // The exported graph has no library of functions.
        let graph_def = view.graph_def();
        for node in view.all().filter(|n| n.name != input && needed.contains(n.name.as_str())) {
            let (name, op) = (&node.name, node.op.as_str());
            if op == "Placeholder" || op == "PlaceholderV2" {
                return wrong(format!(
                    "'{name}' would have to be fed too; freeze the graph with a constant in its \
                     place"
                ));
            }
            if VARIABLES.contains(&op) {
                return wrong(format!(
                    "is not frozen: '{name}' is a variable; convert its variables to constants \
                     first"
                ));
            }
            if is_call(graph_def, node) {
                return wrong(format!(
                    "'{name}' calls a function; freeze the graph with its functions inlined"
                ));
            }
        }
        Ok(())
    }

    /// Checks that an image has the same bottleneck each time.
    fn check_noise(
        &self,
        view: &GraphView<'_>,
        randomness: &Randomness<'_>,
        input: &str,
        bottleneck: &str,
    ) -> Result<()> {
        let Some(random) = randomness.of(bottleneck) else { return Ok(()) };
        let before = before_noise(view, randomness, input, bottleneck);
        let (random, advice) = (random.sentence(), advice(before.as_ref()));
        let message = format!("'{bottleneck}' depends on noise: {random}; {advice}");
        Err(Error::usage("bottleneck_tensor", message))
    }
}

/// The graph with an input of that size, so that TensorFlow can infer the shapes that follow.
fn with_size(graph: &GraphDef, input: &str, pixels: &PixelSpec) -> GraphDef {
    let mut graph = graph.clone();
    if let Some(node) = graph.node.iter_mut().find(|n| n.name == input) {
        let dims = [-1, pixels.height, pixels.width, pixels.depth].map(i64::from);
        *node = NodeDef { name: input.into(), op: "Placeholder".into(), ..NodeDef::default() };
        node.set_attr("dtype", Value::Type(DataType::DT_FLOAT.into()));
        node.set_attr("shape", Value::Shape(shape(&dims)));
    }
    graph
}

/// The suffix of bottleneck files: the graph's name, and a digest of all that a bottleneck depends
/// on.
fn cache_name(
    own: &OwnGraph,
    content_hash: [u8; 32],
    tensors: [&str; 2],
    pixels: &PixelSpec,
) -> String {
    let mut digest = Sha256::new();
    digest.update(content_hash);
    // These bytes must never change: they are how the files of earlier runs are found.
    let [input, bottleneck] = tensors.map(|t| t.replace('\\', "\\\\"));
    let pixels = pixels_version_1(pixels);
    digest.update(format!("\0[\"{input}\", \"{bottleneck}\"]\0{pixels}"));
    let digest = hex(&digest.finalize()[..6]);
    let name = own
        .path
        .file_name()
        .map(|n| n.to_string_lossy().replace(['/', ':', '\\'], "~"))
        .unwrap_or_default();
    let name: String = name.chars().take(LONGEST_NAME).collect();
    format!("{name}_{digest}")
}
