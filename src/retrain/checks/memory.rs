//! Checks that what needs many bottlenecks in memory at once has that memory, before the hours that
//! bottlenecks may take.

use crate::dataset::{Category, ImageLists};
use crate::error::{Error, Result};
use crate::learn::WeightDecay;
use crate::retrain::config::{BatchOrder, Config};
use crate::text::grouped;
use crate::{memory, parallel};

/// What a run takes besides: libtensorflow, graphs and summaries.
const REST: u64 = 128 << 20;

/// What needs so many numbers in memory at once.
struct Need {
    setting: &'static str,
    photographs: usize,
    /// Bytes for each number of each bottleneck.
    bytes: usize,
    remedy: &'static str,
}

/// Fails if a setting needs more memory than there is.
pub(in crate::retrain) fn check_memory(
    config: &Config,
    lists: &ImageLists,
    size: usize,
) -> Result<()> {
    match memory::available() {
        None => Ok(()),
        Some(left) => needs(config, lists).iter().try_for_each(|need| need.check(size, left)),
    }
}

impl Need {
    fn check(&self, size: usize, left: u64) -> Result<()> {
        let bytes = self.photographs as u64 * size as u64 * self.bytes as u64;
        if bytes + REST <= left {
            return Ok(());
        }
        let mib = |bytes: u64| grouped((bytes >> 20) as i64);
        let message = format!(
            "needs {} MiB of memory for {} bottlenecks of {} numbers, but only {} MiB are free; {}",
            mib(bytes + REST),
            grouped(self.photographs as i64),
            grouped(size as i64),
            mib(left),
            self.remedy
        );
        Err(Error::usage(self.setting, message))
    }
}

fn needs(config: &Config, lists: &ImageLists) -> Vec<Need> {
    const F32: usize = size_of::<f32>();
    const F64: usize = size_of::<f64>();
    let (training, head) = (&config.training, &config.head);
    let cached: usize = config.cached_sets().iter().map(|&set| lists.count(set)).sum();
    let learned = lists.count(Category::Training);
    // Each core has the rows of a fold, beside all rows and a copy of them.
    let of_folds = |folds: usize| F64 * (2 + folds.min(parallel::cores()));
    let has_steps = training.how_many_training_steps > 0;
    let train = (has_steps && training.train_batch_size.is_none()).then_some(Need {
        setting: "train_batch_size=-1",
        photographs: learned,
        bytes: F32,
        remedy: "give a number of photographs, such as 100",
    });
    let validate = (has_steps && training.validation_batch_size.is_none()).then_some(Need {
        setting: "validation_batch_size=-1",
        photographs: lists.count(Category::Validation),
        bytes: F32,
        remedy: "give a number of photographs, such as 1000",
    });
    let decay = (head.weight_decay == WeightDecay::Auto).then_some(Need {
        setting: "weight_decay=auto",
        photographs: learned,
        bytes: of_folds(3),
        remedy: "give a number, such as one that was found for some of the photographs",
    });
    let cross_validate = config.cross_validate.map(|cross_validate| Need {
        setting: "cross_validate",
        photographs: cached,
        bytes: of_folds(cross_validate.folds),
        remedy: "leave it out",
    });
    [train, validate, decay, cross_validate].into_iter().flatten().collect()
}

/// Fails if photographs have weights that the order of batches cannot respect.
pub(in crate::retrain) fn check_weights(config: &Config, lists: &ImageLists) -> Result<()> {
    let mut listed = lists.labels.iter().flat_map(|label| label.images(Category::Training));
    if config.training.batch_order == BatchOrder::Random || listed.all(|l| l.weight == 1.0) {
        return Ok(());
    }
    let message = "takes each photograph once an epoch, so it cannot be combined with the weights \
                   in `image_list`; leave it out";
    Err(Error::usage("batch_order=epochs", message))
}
