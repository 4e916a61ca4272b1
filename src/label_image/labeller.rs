//! [`Labeller`]: a graph and its labels, ready to label photographs.

use super::LabelConfig;
use super::many::{self, Rows};
use super::model::Model;
use super::paths::Source;
use crate::error::{Error, Result};
use crate::images::{self, Reading};
use crate::inference::{BatchNetwork, Decoder, Workers};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A graph and its labels, read and checked once, for labelling any number of photographs.
#[derive(Debug)]
pub struct Labeller {
    model: Arc<Model>,
    classes: usize,
    workers: Option<Workers>,
}

/// What is in a photograph. `Display` gives the script's output.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// How long the graph took for this one photograph.
    pub evaluation_time: Duration,
    /// The best labels with their scores, at most `top_k`, the best first; before them
    /// [`UNKNOWN`](super::UNKNOWN) with the best score, if that is below the threshold.
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
    /// Reads and checks the graph and its labels.
    ///
    /// # Errors
    /// If a file cannot be read, a layer is not in the graph, or the graph does not label images.
    pub fn open(config: &LabelConfig) -> Result<Self> {
        let (model, classes) = Model::open(config)?;
        let classes = classes.unwrap_or(model.labels.names.len());
        Ok(Self { model: Arc::new(model), classes, workers: config.workers.clone() })
    }

    /// The labels, in the order of class indices.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.model.labels.names[..self.classes]
    }

    /// How files become pixels.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.model.usage.spec.reading
    }

    /// How many labels a photograph gets at most, [`UNKNOWN`](super::UNKNOWN) included.
    #[must_use]
    pub fn listed(&self) -> usize {
        self.model.top_k.min(self.classes) + usize::from(self.model.threshold.is_some())
    }

    /// Labels one photograph, with the graph as it is in the file.
    ///
    /// # Errors
    /// If the photograph cannot be read or decoded, or the graph does not run.
    pub fn label(&self, path: &Path) -> Result<Labelled> {
        let bad = |message| Error::input(path, message);
        let (_, image) = images::read_image(path).map_err(bad)?;
        let pixels = Decoder::new(&self.model.usage.spec).decode(image).map_err(bad)?;
        self.model.save_preview(path, &pixels).map_err(bad)?;
        let bad_graph = |e: Error| self.model.bad_graph(&e);
        let network = BatchNetwork::published(&self.model.part(), &pixels).map_err(bad_graph)?;
        let start = Instant::now();
        let scores = network.run(&pixels).map_err(bad_graph)?;
        let evaluation_time = start.elapsed();
        self.model.check_labels(scores.len())?;
        Ok(Labelled { evaluation_time, top: self.model.answer(&scores).top })
    }

    /// Labels many photographs on all cores, and on the workers if there are any. Returns one row
    /// for each, in the order of `sources`; a photograph that cannot be labelled has a row that
    /// says why. Memory use does not grow with the number of photographs. After an error there are
    /// no more rows.
    #[must_use]
    pub fn rows(&self, sources: Vec<Source>) -> Rows {
        many::label(Arc::clone(&self.model), self.workers.as_ref(), sources)
    }
}
