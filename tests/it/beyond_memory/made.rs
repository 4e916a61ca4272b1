//! Many bottlenecks at little cost: a network, photographs that are links to a few files, and a
//! cache of made-up numbers, written by the project's own writer.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::CancelToken;
use retrain::bottleneck::{CacheSpec, cache_bottlenecks, get_packed_path};
use retrain::dataset::{Category, Directory, Layout, Source, Split, create_image_lists};
use retrain::error::Result;
use retrain::inference::{Decoded, Extractor, LocalExtractor};
use retrain::model::{Identity, OwnGraph, create_own_graph};
use retrain::proto::DataType::DT_FLOAT;
use retrain::proto::{self, GraphDef};
use retrain::tf::{GraphBuilder, Tensor};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is made.
pub(crate) struct Plan {
    pub(crate) photographs: usize,
    pub(crate) classes: usize,
    /// Numbers in a bottleneck.
    pub(crate) width: usize,
}

/// Some file systems allow 65,000 links to a file.
const LINKS: usize = 50_000;
/// Pixels on each side of the network's images.
const SIDE: i64 = 4;

/// Makes `network.pb`, `photos/` and `bottlenecks/` in `dir`. Returns the path of the packed file.
pub(crate) fn make(plan: &Plan, dir: &Path) -> PathBuf {
    link_photographs(plan, &dir.join("photos"));
    let network = dir.join("network.pb");
    fs::write(&network, proto::serialize(&network_of(plan.width)).unwrap()).unwrap();
    let own = OwnGraph {
        signature: None,
        path: network,
        bottleneck_tensor: Some("features".into()),
        input_tensor: Some("images".into()),
        input_width: Some(SIDE as i32),
        input_height: Some(SIDE as i32),
        input_mean: Some(127.5),
        input_std: Some(127.5),
    };
    let backbone = create_own_graph(&own, Path::new("")).unwrap();
    let source = Source::Directory(Directory::new(dir.join("photos")));
    let lists = create_image_lists(&source, Layout::Children, &Split::default()).unwrap();
    let spec = CacheSpec {
        bottleneck_dir: &dir.join("bottlenecks"),
        model: &backbone.name,
        text: false,
        check_mtime: false,
        categories: &Category::ALL,
        cancel: &CancelToken::new(),
    };
    let noise = Noise { local: LocalExtractor::new(&backbone), batches: AtomicU64::new(0) };
    let (bottlenecks, bad) = cache_bottlenecks(&noise, &lists, &spec, &mut |_| ()).unwrap();
    assert!(bad.is_empty());
    drop(bottlenecks);
    get_packed_path(spec.bottleneck_dir, spec.model)
}

/// The flags for a run on what was made in its working directory.
pub(crate) const FLAGS: [&str; 15] = [
    "--image_dir=photos",
    "--architecture=network.pb",
    "--bottleneck_tensor=features",
    "--input_tensor=images",
    "--input_width=4",
    "--input_height=4",
    "--input_mean=127.5",
    "--input_std=127.5",
    "--bottleneck_dir=bottlenecks",
    "--bottleneck_text=off",
    "--summaries_dir=summaries",
    "--output_graph=graph.pb",
    "--output_labels=labels.txt",
    "--random_seed=1",
    "--noreport",
];

/// The same number of photographs of each class. Their first byte is their class.
fn link_photographs(plan: &Plan, photos: &Path) {
    for class in 0..plan.classes {
        let dir = photos.join(format!("class {class:04}"));
        fs::create_dir_all(&dir).unwrap();
        let mut original = PathBuf::new();
        for i in (class..plan.photographs).step_by(plan.classes).enumerate().map(|(i, _)| i) {
            let path = dir.join(format!("{i:08}.jpg"));
            if i.is_multiple_of(LINKS) {
                fs::write(&path, [class as u8]).unwrap();
                original = path;
            } else {
                fs::hard_link(&original, path).unwrap();
            }
        }
    }
}

/// A network whose `features` have that many numbers.
fn network_of(width: usize) -> GraphDef {
    let mut b = GraphBuilder::default();
    let images = b.op("Placeholder", "images").type_attr("dtype", DT_FLOAT);
    let images = images.shape_attr("shape", &[-1, SIDE, SIDE, 3]).finish();
    let pixels = SIDE * SIDE * 3;
    let shape = b.ints("flat/shape", &[-1, pixels as i32]);
    let flat = b.op("Reshape", "flat").inputs([&images, &shape]).float_type().finish();
    let weights =
        b.floats("features/weights", &[pixels, width as i64], &vec![0.01; pixels as usize * width]);
    b.op("MatMul", "features").inputs([&flat, &weights]).float_type().finish();
    GraphDef { node: b.take_nodes(), ..GraphDef::default() }
}

/// Makes up bottlenecks in place of those of `local`: noise around a centre for each class.
struct Noise<'a> {
    local: LocalExtractor<'a>,
    batches: AtomicU64,
}

impl Extractor for Noise<'_> {
    fn bottleneck_size(&self) -> usize {
        self.local.bottleneck_size()
    }

    fn identity(&self) -> Identity {
        self.local.identity()
    }

    fn batch_size(&self) -> usize {
        64
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        let class = |image: Vec<u8>| Tensor::new(&[1]).with_values(&[f32::from(image[0])]);
        images.into_iter().map(|image| class(image).map_err(|e| e.to_string())).collect()
    }

    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.batches.fetch_add(1, Ordering::Relaxed));
        let width = self.bottleneck_size();
        let mut values = |class: Tensor<f32>| {
            let noise = (0..width).map(|_| rng.random_range(-1.0..1.0_f32));
            let mut values: Vec<f32> = noise.collect();
            values[class[0] as usize % width] += 1.0;
            values
        };
        Ok(images.into_iter().map(|image| image.map(&mut values)).collect())
    }
}

/// Removes a file's pages from the system's cache, so that whoever reads it next pays for them.
#[cfg(target_os = "linux")]
pub(crate) fn forget(path: &Path) {
    use std::os::fd::AsRawFd;
    let file = fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    // SAFETY: the descriptor is open, and the call changes no memory of this process.
    #[allow(unsafe_code)]
    let failed = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    assert_eq!(failed, 0, "{}", path.display());
}

/// Elsewhere the system keeps them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn forget(_: &Path) {}
