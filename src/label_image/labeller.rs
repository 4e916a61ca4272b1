//! Labels photographs by a graph.

use super::LabelConfig;
use super::many::{self, Rows};
use super::model::{Model, class_count};
use super::paths::Source;
use crate::error::{Error, Result};
use crate::images;
use crate::inference::{BatchNetwork, Decoder};
use crate::tf;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A graph with its labels, opened once.
#[derive(Debug)]
pub struct Labeller {
    model: Arc<Model>,
    classes: usize,
}

/// What is in a photograph. Displayed as the script prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// How long the graph took for this one photograph.
    pub evaluation_time: Duration,
    /// Labels and scores, the best first, at most five.
    pub top: Vec<(String, f32)>,
}

impl fmt::Display for Labelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.evaluation_time.as_secs_f64();
        write!(f, "\nEvaluation time (1-image): {seconds:.3}s\n\n")?;
        self.top.iter().try_for_each(|(label, score)| writeln!(f, "{label} (score={score:.5})"))
    }
}

impl Labeller {
    /// Reads the graph and its labels, and checks them.
    ///
    /// # Errors
    /// Where a file cannot be read, a layer is not in the graph, or the graph is not one that
    /// labels images.
    pub fn open(config: &LabelConfig) -> Result<Self> {
        let model = Model::load(config)?;
        tf::load()?;
        let graph = model.import()?;
        let classes = class_count(&graph, &model.config.output_layer);
        let classes = classes.unwrap_or(model.labels.len());
        Ok(Self { model: Arc::new(model), classes })
    }

    /// The labels, in the order of class indices.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.model.labels[..self.classes]
    }

    /// Labels one photograph, by the graph as it stands.
    ///
    /// # Errors
    /// Where the photograph cannot be read or decoded, or the graph does not run.
    pub fn label(&self, path: &Path) -> Result<Labelled> {
        let bad = |message| Error::input(path, message);
        let (_, image) = images::read_image(path).map_err(bad)?;
        let pixels = Decoder::new(&self.model.spec).decode(image).map_err(bad)?;
        let wrong = |e: Error| self.model.wrong(&e);
        let network = BatchNetwork::published(&self.model.part(), &pixels).map_err(wrong)?;
        let start = Instant::now();
        let scores = network.run(&pixels).map_err(wrong)?;
        let evaluation_time = start.elapsed();
        self.model.check_labels(scores.len())?;
        Ok(Labelled { evaluation_time, top: self.model.top(&scores) })
    }

    /// Labels many photographs, on all cores: a row each, in the order of `sources`. What is in
    /// memory does not grow with their number. A photograph that cannot be labelled is a row that
    /// says why; an error ends the rows.
    #[must_use]
    pub fn rows(&self, sources: Vec<Source>) -> Rows {
        many::label(Arc::clone(&self.model), sources)
    }
}
