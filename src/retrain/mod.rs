//! `retrain.py`, step by step: [`run`] is its table of contents.

mod config;
mod head;
mod meta_graph;
mod report;
mod training;

pub use config::{Config, Percentages};

use crate::bottleneck::{Bottlenecks, DistortedImages, LocalExtractor, PIXEL_BUDGET, cache_bottlenecks};
use crate::dataset::{Category, create_image_lists};
use crate::error::{Error, Result};
use crate::layers::HeadSpec;
use crate::model::{self, Backbone};
use crate::{export, fsio, tf};
use head::Head;
use log::info;
use std::path::Path;
use training::Training;

/// Retrains as `config` says. Results are written as they come: cache files, summaries, intermediate graphs, and at
/// the end the graph and its labels.
pub fn run(config: &Config) -> Result<()> {
    let model_info = model::create_model_info(&config.architecture)?;
    config.check_paths()?;
    tf::load(config.chatter)?;
    info!(target: "retrain", "TensorFlow {}, random seed {} (repeat this run with --random_seed={1})", tf::version(), config.random_seed);

    let backbone = model::create_model_graph(&model_info, &config.model_dir)?;
    let split = &config.percentages;
    let image_lists = create_image_lists(&config.image_dir, split.testing, split.validation)?;
    report::check_classes(&image_lists)?;
    report::split_table(&image_lists);
    prepare_file_system(config)?;

    let extractor = LocalExtractor::new(&backbone)?;
    let bottlenecks =
        cache_bottlenecks(&extractor, &image_lists, &config.bottleneck_dir, &backbone.name, cached(config))?;
    drop(extractor);
    let distorted = distorted_images(config, &backbone, &bottlenecks)?;

    let head = Head::build(
        &backbone,
        &HeadSpec {
            class_count: image_lists.class_count(),
            final_tensor_name: config.final_tensor_name.clone(),
            bottleneck_tensor: backbone.bottleneck.clone(),
            bottleneck_tensor_size: backbone.bottleneck_size,
            layer_name: head::LAYER_NAME,
            seed: config.random_seed,
        },
        config.distortions.as_ref(),
        config.learning_rate,
    )?;
    let mut training = Training::new(config, &head, &bottlenecks, distorted, image_lists.class_count())?;
    training.run()?;
    let misclassified = training.final_test()?;
    if config.print_misclassified_test_images {
        report::misclassified(&image_lists, &bottlenecks, &misclassified);
    }

    let variables = head.variables()?;
    export::save_graph_to_file(&head.graph_def, &config.final_tensor_name, &variables, &config.output_graph)?;
    export::save_labels(&config.output_labels, image_lists.labels.iter().map(|l| l.label.as_str()))
}

/// The images whose bottlenecks are needed as they are: with distortions, those of the training set are not.
fn cached(config: &Config) -> &'static [Category] {
    match config.distortions {
        Some(_) => &[Category::Testing, Category::Validation],
        None => &Category::ALL,
    }
}

/// What distorts the training images, where that is asked for and there is anything to train on.
fn distorted_images<'a>(
    config: &Config,
    backbone: &Backbone,
    bottlenecks: &'a Bottlenecks,
) -> Result<Option<DistortedImages<'a>>> {
    let Some(distortions) = config.distortions.as_ref().filter(|_| config.how_many_training_steps > 0) else {
        return Ok(None);
    };
    let first = bottlenecks.members(Category::Training).iter().flatten().next();
    let images = |&probe| DistortedImages::new(backbone, distortions, &bottlenecks.paths, probe, PIXEL_BUDGET);
    first.map(images).transpose()
}

/// The script's function of the same name: the summaries of an earlier run go, the places for this one's are made.
fn prepare_file_system(config: &Config) -> Result<()> {
    let dir: &Path = &config.summaries_dir;
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(Error::io("removing the old summaries in", dir))?;
    }
    fsio::ensure_dir_exists(dir)?;
    if config.intermediate_store_frequency > 0 {
        fsio::ensure_dir_exists(Path::new(&config.intermediate_output_graphs_dir))?;
    }
    crate::logging::keep_log_in(&dir.join("retrain.log"))
}
