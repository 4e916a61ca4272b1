//! The metadata of a run's graph.

use super::Outcome;
use super::summary::cross_validation;
use crate::dataset::Category;
use crate::export::{
    AccuracyMetadata, InputMetadata, METADATA_VERSION, Metadata, ModelMetadata, OutputMetadata,
    SplitMetadata,
};
use crate::metrics::Interval;
use serde_json::Map;

/// The program and its version.
pub(super) const PROGRAM: &str = concat!("retrain ", env!("CARGO_PKG_VERSION"));

/// The metadata of the graph that a run wrote.
#[must_use]
pub fn metadata(outcome: &Outcome) -> Metadata {
    let none = Map::new;
    let paths = |set: Category| {
        let images = outcome.split.labels.iter().flat_map(move |label| label.images(set));
        images.map(|p| p.photograph.path().to_string_lossy().into_owned()).collect()
    };
    let model = &outcome.model;
    Metadata {
        version: METADATA_VERSION,
        program: PROGRAM.into(),
        tensorflow: outcome.tensorflow.clone(),
        model: ModelMetadata {
            name: model.name.clone(),
            bottleneck_tensor: model.bottleneck.clone(),
            bottleneck_size: model.bottleneck_size,
            other: none(),
        },
        input: InputMetadata::new(&model.input, &model.pixels),
        output: OutputMetadata { tensor: format!("{}:0", model.output), other: none() },
        labels: outcome.labels.clone(),
        split: SplitMetadata {
            training: paths(Category::Training),
            validation: paths(Category::Validation),
            testing: paths(Category::Testing),
            other: none(),
        },
        random_seed: outcome.random_seed,
        steps: outcome.steps,
        settings: outcome.settings.clone(),
        accuracy: AccuracyMetadata {
            test_accuracy: outcome.test_accuracy.map(f64::from),
            test_interval: outcome.test_interval().map(|Interval { low, high }| [low, high]),
            test_photographs: outcome.tested.len(),
            validation_accuracy: outcome.validation_accuracy(),
            other: outcome
                .cross_validation
                .iter()
                .map(|cv| ("cross_validation".to_owned(), cross_validation(cv)))
                .collect(),
        },
        temperature: outcome.temperature(),
        other: none(),
    }
}
