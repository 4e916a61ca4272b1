//! `retrain.py`, step by step: [`run`] is its table of contents.

mod checks;
mod config;
mod conventions;
mod evaluation;
pub(crate) mod fuzzing;
mod head;
mod hub_outputs;
mod labelling;
mod report;
mod state;
mod summaries_dir;
mod training;

pub use config::{Config, Percentages, Pretrained};

use crate::bottleneck::{Bottlenecks, CacheSpec, cache_bottlenecks};
use crate::dataset::{Category, ImageLists, Layout, create_image_lists};
use crate::error::{Error, Result};
use crate::inference::{DistortedImages, LocalExtractor, PIXEL_BUDGET};
use crate::layers::{HeadSpec, QuantForm};
use crate::model::{self, Backbone};
use crate::{export, fsio, tf};
use conventions::{Conventions, Exported};
use head::Head;
use log::info;
use std::path::Path;
use training::Training;

/// Retrains as `config` says. Results are written as they come: cache files, summaries,
/// intermediate graphs, and at the end the graph and its labels.
pub fn run(config: &Config) -> Result<()> {
    config.check()?;
    config.clear_temporary_files();
    let (config, resumed) = &summaries_dir::find_run(config)?;
    tf::load(config.chatter)?;
    info!(
        target: "retrain",
        "TensorFlow {}, random seed {} (repeat this run with --random_seed={1})", tf::version(), config.random_seed
    );
    let conventions = Conventions::of(&config.pretrained);
    let backbone = load_pretrained(config)?;
    let image_lists = list_images(config, conventions.layout)?;
    prepare_file_system(config, resumed.is_some())?;

    let bottlenecks = get_bottlenecks(config, &backbone, &image_lists)?;
    let distorted = distorted_images(config, &backbone, &bottlenecks)?;

    let spec = head_spec(config, &conventions, &backbone, &image_lists);
    let head = Head::build(
        &backbone,
        &spec,
        conventions.exported,
        config.distortions.as_ref(),
        config.learning_rate,
    )?;
    let course = state::course(config, &conventions, &backbone, &bottlenecks);
    let resumed = summaries_dir::checked(resumed.clone(), &course, config)?;
    let mut training =
        Training::new(config, &head, &bottlenecks, distorted, &spec, course, resumed)?;
    training.run()?;
    let variables = head.variables()?;
    let misclassified = match conventions.exported {
        Exported::Training => training.final_test(&head.evaluator)?,
        Exported::Evaluation => {
            hub_outputs::final_eval(config, &backbone, &spec, &variables, &mut training)?
        }
    };
    if config.print_misclassified_test_images {
        report::misclassified(&image_lists, &bottlenecks, &misclassified);
    }
    if conventions.exported == Exported::Evaluation {
        hub_outputs::announce(config, &backbone);
    }
    let final_tensor = &config.final_tensor_name;
    export::save_graph_to_file(&head.export, final_tensor, &variables, &config.output_graph)?;
    export::save_labels(
        &config.output_labels,
        image_lists.labels.iter().map(|l| l.label.as_str()),
    )?;
    if let Pretrained::OwnGraph(_) = config.pretrained {
        labelling::labelling_command(config, &backbone);
    }
    match &config.saved_model_dir {
        Some(dir) => hub_outputs::export_saved_model(dir, &backbone, &spec, &variables),
        None => Ok(()),
    }
}

/// The pretrained network that the flags name.
fn load_pretrained(config: &Config) -> Result<Backbone> {
    match &config.pretrained {
        Pretrained::Architecture(info) => model::create_model_graph(info, &config.model_dir),
        Pretrained::OwnGraph(own) => model::create_own_graph(own),
        Pretrained::HubModule(handle) => model::create_module_graph(handle),
    }
}

/// The classes and their images, checked and reported.
fn list_images(config: &Config, layout: Layout) -> Result<ImageLists> {
    let split = &config.percentages;
    let image_lists =
        create_image_lists(&config.image_dir, layout, split.testing, split.validation)?;
    report::check_classes(&image_lists)?;
    checks::check_training(config, image_lists.count(Category::Training))?;
    report::split_table(&image_lists);
    Ok(image_lists)
}

fn head_spec(
    config: &Config,
    conventions: &Conventions,
    backbone: &Backbone,
    image_lists: &ImageLists,
) -> HeadSpec {
    HeadSpec {
        scope: conventions.scope,
        truth: conventions.truth,
        class_count: image_lists.class_count(),
        final_tensor_name: config.final_tensor_name.clone(),
        bottleneck_tensor: backbone.bottleneck.clone(),
        bottleneck_tensor_size: backbone.bottleneck_size,
        quantize: backbone.wants_quantization.then_some(QuantForm::Training),
        seed: config.random_seed,
    }
}

/// The bottlenecks of all images, computed where the cache does not have them.
fn get_bottlenecks(
    config: &Config,
    backbone: &Backbone,
    image_lists: &ImageLists,
) -> Result<Bottlenecks> {
    let spec = CacheSpec {
        bottleneck_dir: &config.bottleneck_dir,
        model: &backbone.name,
        text: config.bottleneck_text,
        check_mtime: config.bottleneck_check_mtime,
        categories: cached(config),
    };
    let (bottlenecks, bad) = cache_bottlenecks(&LocalExtractor::new(backbone), image_lists, &spec)?;
    report::bad_images(&bad, config.skip_bad_images)?;
    checks::check_usable(config, image_lists, &bottlenecks)?;
    report::duplicates(&bottlenecks);
    Ok(bottlenecks)
}

/// The images whose bottlenecks are needed as they are: with distortions, those of the training set
/// are not.
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
    let Some(distortions) =
        config.distortions.as_ref().filter(|_| config.how_many_training_steps > 0)
    else {
        return Ok(None);
    };
    let first = bottlenecks.members(Category::Training).iter().flatten().next();
    let images = |&probe| {
        DistortedImages::new(backbone, distortions, &bottlenecks.paths, probe, PIXEL_BUDGET)
    };
    first.map(images).transpose()
}

/// The script's function of the same name: the summaries of an earlier run go, the places for this
/// one's are made.
fn prepare_file_system(config: &Config, resumed: bool) -> Result<()> {
    let dir: &Path = &config.summaries_dir;
    if !resumed && dir.exists() {
        std::fs::remove_dir_all(dir).map_err(Error::io("removing the old summaries in", dir))?;
    }
    fsio::ensure_dir_exists(dir)?;
    if config.intermediate_store_frequency > 0 {
        fsio::ensure_dir_exists(Path::new(&config.intermediate_output_graphs_dir))?;
    }
    crate::logging::keep_log_in(&dir.join("retrain.log"))
}
