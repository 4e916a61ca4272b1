//! Writes simulated photographs in the layout that the retraining tools read: one directory per
//! class.

use super::cluster::{ClusterKind, encode_jpeg, photograph, photograph_of_class};
use retrain::error::Result;
use retrain::fsio;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// The JPEG quality at which 120 photographs of 256 pixels take about 1 MB and show no blocks.
pub(crate) const QUALITY: u8 = 72;

/// What to write, and where.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The directory for the class directories.
    pub(crate) out: PathBuf,
    /// How many photographs of each class.
    pub(crate) per_class: u64,
    /// A different seed gives different photographs.
    pub(crate) seed: u64,
    /// Width and height of the photographs in pixels, 16 to 4096.
    pub(crate) size: u32,
    /// JPEG quality, 1 to 100.
    pub(crate) quality: u8,
    /// Extra photographs, none of them in `out`, to try the trained model on.
    pub(crate) test_photos: Option<TestPhotos>,
    /// `Some(k)` with k > 2 makes k classes `class_0000`, `class_0001`, … instead of the two kinds:
    /// alternately globular and open clusters, each class with its own parameters. This is for
    /// tests with many classes.
    pub(crate) classes: Option<u32>,
    /// The number of threads; `None` for all cores.
    pub(crate) threads: Option<NonZero<usize>>,
}

/// Extra photographs, numbered from where the plan's other photographs end.
#[derive(Clone, Debug)]
pub(crate) struct TestPhotos {
    /// The directory for their class directories; it should not be inside [`Plan::out`].
    pub(crate) out: PathBuf,
    /// How many photographs of each class.
    pub(crate) per_class: u64,
}

impl Plan {
    /// 60 photographs of 256 pixels of each of the two kinds.
    pub(crate) fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            per_class: 60,
            seed: 1,
            size: 256,
            quality: QUALITY,
            test_photos: None,
            classes: None,
            threads: None,
        }
    }

    /// The classes, in order.
    fn classes(&self) -> Vec<Class> {
        match self.classes {
            Some(count) if count > 2 => (0..count).map(Class::Numbered).collect(),
            _ => ClusterKind::ALL.map(Class::Kind).to_vec(),
        }
    }
}

/// What a class directory shows.
#[derive(Clone, Copy)]
enum Class {
    Kind(ClusterKind),
    Numbered(u32),
}

impl Class {
    fn dir_name(self) -> String {
        match self {
            Self::Kind(kind) => kind.dir_name().to_owned(),
            Self::Numbered(class) => format!("class_{class:04}"),
        }
    }

    fn file_name(self, index: u64) -> String {
        let letter = match self {
            Self::Kind(kind) => kind.letter(),
            Self::Numbered(_) => 'c',
        };
        format!("{letter}{index:05}.jpg")
    }

    fn jpeg(self, plan: &Plan, index: u64) -> Result<Vec<u8>> {
        let image = match self {
            Self::Kind(kind) => photograph(kind, plan.seed, index, plan.size),
            Self::Numbered(class) => photograph_of_class(class, plan.seed, index, plan.size),
        };
        encode_jpeg(&image, plan.quality)
    }
}

/// Writes the photographs of `plan` as `out/<class>/<letter><5-digit number>.jpg`, for example
/// `globular cluster/g00017.jpg`. Replaces existing files of the same name. Returns how many
/// photographs were written.
///
/// # Errors
/// If a file or directory cannot be written; the first failure stops the rest.
pub(crate) fn simulate_clusters(plan: &Plan) -> Result<u64> {
    let classes = plan.classes();
    let written = write_all(plan, &classes, &plan.out, 0, plan.per_class)?;
    let tests = match &plan.test_photos {
        Some(tests) => write_all(plan, &classes, &tests.out, plan.per_class, tests.per_class)?,
        None => 0,
    };
    Ok(written + tests)
}

/// Writes photographs `first..first + count` of each class into `out`, on all threads.
fn write_all(plan: &Plan, classes: &[Class], out: &Path, first: u64, count: u64) -> Result<u64> {
    let dirs: Vec<PathBuf> = classes.iter().map(|class| out.join(class.dir_name())).collect();
    for dir in &dirs {
        fsio::ensure_dir_exists(dir)?;
        fsio::clear_temporary_files(dir);
    }
    let total = count * classes.len() as u64;
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let work = || -> Result<()> {
        while !failed.load(Ordering::Relaxed) {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= total {
                break;
            }
            let (class, index) = ((job / count) as usize, first + job % count);
            let write = || {
                let jpeg = classes[class].jpeg(plan, index)?;
                fsio::write_cache(&dirs[class].join(classes[class].file_name(index)), &jpeg)
            };
            write().inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    let threads =
        plan.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A panic in a worker is a bug, so pass it on; otherwise return the first error.
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(total)
}
