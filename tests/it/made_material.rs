//! Made-up outcomes for reports: any number of photographs, with bottlenecks and scores that follow
//! from what is written into their files.

use super::dataset::list;
use super::loading::load_tensorflow;
use super::support::Workspace;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::CancelToken;
use retrain::bottleneck::{CacheSpec, cache_bottlenecks};
use retrain::dataset::{Category, Directory, Layout};
use retrain::error::Result;
use retrain::images::{PixelRange, PixelSpec};
use retrain::inference::{Decoded, Extractor};
use retrain::report::{
    Evaluation, Material, Model, Outcome, Prediction, Quantization, Times, Written,
};
use retrain::tf::Tensor;
use std::ffi::OsString;
use std::sync::Arc;

/// Numbers in a bottleneck.
const SIZE: usize = 64;

/// A photograph: its file is a picture with these two numbers behind it.
#[derive(Debug, Clone)]
pub(crate) struct Photo {
    pub(crate) name: OsString,
    /// The class by whose directory it lies.
    pub(crate) class: usize,
    /// The class it shows.
    pub(crate) shows: usize,
    /// Photographs of one scene are near-duplicates.
    pub(crate) scene: u64,
}

impl Photo {
    pub(crate) fn new(name: impl Into<OsString>, class: usize, scene: u64) -> Self {
        Self { name: name.into(), class, shows: class, scene }
    }
}

/// Reads the numbers behind the picture: the bottleneck is the corner of the class that is shown,
/// and noise that follows from the scene, and a little that follows from the file.
struct Reader;

impl Extractor for Reader {
    fn bottleneck_size(&self) -> usize {
        SIZE
    }

    fn identity(&self) -> retrain::model::Identity {
        retrain::model::Identity { current: [1; 32], earlier: [0; 32] }
    }

    fn batch_size(&self) -> usize {
        64
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        let decode = |image: Vec<u8>| {
            let tail: [u8; 24] = *image.last_chunk().ok_or("is too short")?;
            let values: Vec<f32> = bottleneck(&tail);
            Ok(Tensor::new(&[SIZE as u64]).with_values(&values).unwrap())
        };
        images.into_iter().map(decode).collect()
    }

    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        Ok(images.into_iter().map(|image| image.map(|t: Tensor<f32>| t.to_vec())).collect())
    }
}

fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move || rng.random_range(-1.0..1.0)
}

fn bottleneck(tail: &[u8; 24]) -> Vec<f32> {
    let [shows, scene, file] =
        [0, 8, 16].map(|at| u64::from_le_bytes(tail[at..at + 8].try_into().unwrap()));
    let (mut corner, mut own, mut little) = (noise(shows + 1000), noise(scene + 5000), noise(file));
    (0..SIZE).map(|_| 1.5 * corner() + own() + 0.01 * little()).collect()
}

/// Photographs of star clusters to choose the pixels from.
fn pictures() -> Vec<Vec<u8>> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tf_files/cluster_photos");
    let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(|e| e.unwrap());
    let files = files.filter(|e| e.path().extension().is_some_and(|e| e == "jpg"));
    files.map(|e| std::fs::read(e.path()).unwrap()).collect()
}

/// Writes the photographs, in the order given, and calls `with` on what a run would have made of
/// them: scores that favour what is shown, but not always.
pub(crate) fn with_material(
    workspace: &Workspace,
    labels: &[&str],
    photos: &[Photo],
    with: impl FnOnce(&Material<'_>),
) {
    load_tensorflow();
    let pictures = pictures();
    for (i, photo) in photos.iter().enumerate() {
        let mut bytes = pictures[i % pictures.len()].clone();
        for number in [photo.shows as u64, photo.scene, i as u64] {
            bytes.extend(number.to_le_bytes());
        }
        let dir = workspace.path(&format!("photos/c{:04}", photo.class));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(&photo.name), bytes).unwrap();
    }
    let lists = list(Directory::new(workspace.path("photos")), Layout::Children, [20, 20]).unwrap();
    let spec = CacheSpec {
        bottleneck_dir: &workspace.path("cache"),
        model: "made",
        text: false,
        check_mtime: false,
        categories: &Category::ALL,
        cancel: &CancelToken::new(),
    };
    let (bottlenecks, bad) = cache_bottlenecks(&Reader, &lists, &spec, &mut |_| ()).unwrap();
    assert_eq!(bad, []);
    let mut random = noise(7);
    let (mut photographs, mut rows) = (Vec::new(), Vec::new());
    for set in Category::ALL {
        for &row in bottlenecks.members(set).iter().flatten() {
            let truth = bottlenecks.classes[row];
            let scores = scores(labels.len(), truth, &mut random);
            photographs.push(Prediction::new(
                bottlenecks.photographs[row].clone(),
                set,
                truth,
                scores,
            ));
            rows.push(row);
        }
    }
    let tested = (0..rows.len()).filter(|&i| photographs[i].set == Category::Testing).collect();
    let lists = Arc::new(lists.clone());
    let outcome = outcome(workspace, labels, photographs, tested, lists);
    with(&Material::new(&outcome, &bottlenecks, &rows));
}

fn scores(classes: usize, truth: usize, random: &mut impl FnMut() -> f32) -> Vec<f32> {
    let mut powers: Vec<f32> = (0..classes).map(|_| (2.0 * random()).exp()).collect();
    powers[truth] *= 5.0;
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

fn outcome(
    workspace: &Workspace,
    labels: &[&str],
    photographs: Vec<Prediction>,
    tested: Vec<usize>,
    split: Arc<retrain::dataset::ImageLists>,
) -> Outcome {
    let evaluation = |step: u64| Evaluation {
        step,
        train_accuracy: 1.0 - 0.5 / (step + 1) as f32,
        cross_entropy: 2.0 / (step + 1) as f32,
        validation: Some((0.9, 100)),
    };
    let range = PixelRange::Unit;
    Outcome {
        cross_validation: None,
        test_accuracy: None,
        predictions: tested.iter().map(|&i| photographs[i].clone()).collect(),
        photographs,
        copies: Vec::new(),
        tested,
        curve: (0..500).step_by(10).map(evaluation).collect(),
        settings: serde_json::Map::new(),
        tensorflow: "2.0".into(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        split,
        bad_images: Vec::new(),
        retyped: None,
        turned: 0,
        model: Model {
            name: "made".into(),
            input: "input:0".into(),
            output: "final_result".into(),
            bottleneck: "bottleneck:0".into(),
            bottleneck_size: SIZE,
            pixels: PixelSpec::new(1, 1, range),
            bottleneck_input: "input/BottleneckInputPlaceholder".into(),
            quantization: Quantization::None,
        },
        random_seed: 1,
        steps: 500,
        times: Times::default(),
        written: Written {
            output_graph: "graph.pb".into(),
            output_labels: "labels.txt".into(),
            metadata: "graph.pb.json".into(),
            report_dir: None,
            summaries_dir: workspace.path("summaries"),
            saved_model_dir: None,
        },
    }
}
