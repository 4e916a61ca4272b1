//! Microbenchmarks of single parts: `cargo bench --bench pieces`. They need only the checkout.
//!
//! `cargo bench --bench pieces -- events` runs those whose names contain `events`. Criterion's book
//! says how to compare with an earlier state (`--save-baseline`, `--baseline`).

#![allow(clippy::unwrap_used)]

#[path = "../tests/it/inception_replica/mod.rs"]
mod inception_replica;

#[path = "../tests/it/loading.rs"]
#[allow(clippy::expect_used)]
mod loading;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inception_replica::write_inception;
use loading::load_tensorflow;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::CancelToken;
use retrain::bottleneck::{CacheSpec, cache_bottlenecks, get_bottleneck_path, parse_bottleneck};
use retrain::dataset::{
    Category, Directory, Layout, Source, Split, category_of, create_image_lists,
};
use retrain::events::EventsWriter;
use retrain::inference::{BatchNetwork, Decoded, Decoder, Extractor};
use retrain::layers::{
    HeadSpec, LossSpec, StepSpec, Summaries, Truth, add_cross_entropy, add_evaluation_step,
    add_final_training_ops, add_train_step,
};
use retrain::model::{Backbone, create_model_graph, create_model_info};
use retrain::proto::DataType::DT_FLOAT;
use retrain::pyfmt;
use retrain::rewrite::{fuse, optimize};
use retrain::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use std::ffi::OsStr;
use std::hint::black_box;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tensorflow::SessionRunArgs;

const SIZE: usize = 1001;
const PHOTOGRAPHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tf_files/cluster_photos");

/// Numbers like a MobileNet's bottleneck: logits around zero.
fn bottleneck() -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..SIZE).map(|_| rng.random_range(-4.0..4.0)).collect()
}

fn photograph() -> Vec<u8> {
    std::fs::read(Path::new(PHOTOGRAPHS).join("open cluster/o00001.jpg")).unwrap()
}

/// A directory for models that is kept for all benchmarks, because building `miniature` takes a
/// while.
fn models() -> &'static Path {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    DIR.get_or_init(|| {
        load_tensorflow();
        tempfile::tempdir().unwrap()
    })
    .path()
}

fn miniature() -> Backbone {
    create_model_graph(&create_model_info("miniature").unwrap(), models()).unwrap()
}

fn source(image_dir: &Path) -> Source {
    Source::Directory(Directory::new(image_dir))
}

fn split(c: &mut Criterion) {
    let path = b"tf_files/flower_photos/daisy/21652746_cc379e0eea_m.jpg";
    c.bench_function("split of one path", |b| b.iter(|| category_of(black_box(path), 10, 10)));
    c.bench_function("create_image_lists of 120", |b| {
        b.iter(|| {
            create_image_lists(&source(Path::new(PHOTOGRAPHS)), Layout::Children, &Split::default())
                .unwrap()
        });
    });
}

fn text(c: &mut Criterion) {
    let values = bottleneck();
    let text = pyfmt::bottleneck_string(&values);
    let mut group = c.benchmark_group("bottleneck text of 1001");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("format", |b| b.iter(|| pyfmt::bottleneck_string(black_box(&values))));
    group.bench_function("parse", |b| b.iter(|| parse_bottleneck(black_box(&text), SIZE).unwrap()));
}

/// An extractor that takes no time.
struct Fake(Vec<f32>);

impl Extractor for Fake {
    fn bottleneck_size(&self) -> usize {
        self.0.len()
    }

    fn batch_size(&self) -> usize {
        4
    }

    fn identity(&self) -> retrain::model::Identity {
        retrain::model::Identity { current: [7; 32], earlier: [6; 32] }
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        images.iter().map(|_| Ok(Tensor::new(&[1]))).collect()
    }

    fn extract(&self, images: Decoded) -> retrain::error::Result<Vec<Result<Vec<f32>, String>>> {
        Ok(images.into_iter().map(|image| image.map(|_| self.0.clone())).collect())
    }
}

/// `cache_bottlenecks` on 1000 small files, without a network: what the cache itself costs.
fn cache(c: &mut Criterion) {
    const IMAGES: usize = 1000;
    let _ = models();
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    for class in ["globular", "open"] {
        std::fs::create_dir_all(images.join(class)).unwrap();
        for i in 0..IMAGES / 2 {
            std::fs::write(images.join(class).join(format!("{i:05}.jpg")), b"not decoded").unwrap();
        }
    }
    let lists = create_image_lists(&source(&images), Layout::Children, &Split::default()).unwrap();
    let fake = Fake(bottleneck());
    let run = |bottleneck_dir: &Path, text: bool| {
        let categories = &Category::ALL;
        let cancel = &CancelToken::new();
        let (model, check_mtime) = ("fake", false);
        let spec = CacheSpec { bottleneck_dir, model, text, check_mtime, categories, cancel };
        cache_bottlenecks(&fake, &lists, &spec, &mut |_| ()).unwrap()
    };
    let mut group = c.benchmark_group("cache_bottlenecks of 1000");
    group.throughput(Throughput::Elements(IMAGES as u64)).sample_size(10);
    for (name, text) in [("packed", false), ("packed and text", true)] {
        group.bench_function(BenchmarkId::new("cold", name), |b| {
            b.iter_batched(
                || tempfile::tempdir().unwrap(),
                |dir| (run(dir.path(), text), dir),
                BatchSize::PerIteration,
            );
        });
        let warm = dir.path().join(name);
        run(&warm, text);
        group.bench_function(BenchmarkId::new("warm", name), |b| b.iter(|| run(&warm, text)));
    }
    // From text files alone, which is what the scripts leave behind.
    let scripts = dir.path().join("packed and text");
    assert!(
        get_bottleneck_path(&scripts, &lists.labels[0].dir, OsStr::new("00000.jpg"), "fake")
            .is_file()
    );
    group.bench_function("from text files", |b| {
        let forget = || {
            std::fs::remove_file(retrain::bottleneck::get_packed_path(&scripts, "fake")).unwrap()
        };
        b.iter_batched(forget, |()| run(&scripts, true), BatchSize::PerIteration);
    });
}

fn events(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    // About the size of a training step's merged summary.
    let summary = vec![7u8; 6000];
    let mut writer = EventsWriter::create(dir.path()).unwrap();
    let mut group = c.benchmark_group("events");
    group
        .throughput(Throughput::Bytes(summary.len() as u64))
        .measurement_time(Duration::from_secs(1));
    group.bench_function("one summary", |b| {
        b.iter_batched(
            || summary.clone(),
            |s| writer.add_summary(s, 1).unwrap(),
            BatchSize::SmallInput,
        );
    });
}

fn decoding(c: &mut Criterion) {
    let _ = models();
    let jpeg = photograph();
    for architecture in ["miniature", "mobilenet_1.0_224", "inception_v3"] {
        let spec = create_model_info(architecture).unwrap().pixels;
        let decoder = Decoder::new(&spec);
        c.bench_function(&format!("decoding 256 pixels and resizing to {}", spec.width), |b| {
            b.iter_batched(
                || jpeg.clone(),
                |jpeg| decoder.decode(jpeg).unwrap(),
                BatchSize::SmallInput,
            );
        });
    }
}

fn network(c: &mut Criterion) {
    let backbone = miniature();
    let probe = Decoder::new(&backbone.pixels).decode(photograph()).unwrap();
    let network = BatchNetwork::new(&backbone, &probe).unwrap();
    let mut group = c.benchmark_group("miniature on one thread");
    for batch in [1, 4, 16] {
        let mut pixels = Tensor::<f32>::new(&[&[batch], &probe.dims()[1..]].concat());
        pixels.chunks_mut(probe.len()).for_each(|image| image.copy_from_slice(&probe));
        group.throughput(Throughput::Elements(batch));
        group.bench_function(BenchmarkId::new("batch", batch), |b| {
            b.iter(|| network.run(&pixels).unwrap())
        });
    }
}

fn rewriting(c: &mut Criterion) {
    let info = create_model_info("inception_v3").unwrap();
    write_inception(&models().join(&info.model_file_name), 1);
    let inception = create_model_graph(&info, models()).unwrap();
    let mut group = c.benchmark_group("optimize and fuse");
    group.sample_size(10);
    for backbone in [miniature(), inception] {
        let frozen = backbone.frozen().unwrap();
        let (from, to) = (&backbone.input, &backbone.bottleneck);
        group.bench_function(&backbone.name, |b| {
            b.iter(|| fuse(&optimize(&frozen, from, to, &backbone.pixels), to));
        });
    }
}

/// A training step on a batch of 100, in a graph of the new layer alone with two classes.
fn training(c: &mut Criterion) {
    const BATCH: usize = 100;
    const CLASSES: usize = 2;
    let _ = models();
    let mut b = GraphBuilder::default();
    let bottleneck_tensor = b.op("Placeholder", "pretrained").type_attr("dtype", DT_FLOAT).finish();
    let mut graph = Graph::default();
    let mut summaries = Summaries::default();
    let spec = HeadSpec {
        scope: "final_training_ops",
        truth: Truth::OneHot,
        class_count: CLASSES,
        final_tensor_name: "final_result".into(),
        bottleneck_tensor,
        bottleneck_tensor_size: SIZE,
        quantize: None,
        seed: 1,
    };
    let ops = add_final_training_ops(&mut b, &mut summaries, &spec).unwrap();
    let loss = add_cross_entropy(&mut b, &mut summaries, &ops, &LossSpec::default());
    add_evaluation_step(&mut b, &mut summaries, &ops);
    let merged = summaries.merge_all(&mut b);
    graph.extend(&b.take_nodes()).unwrap();
    let descent = StepSpec::gradient_descent(0.01);
    let step = add_train_step(&mut b, &mut graph, &ops, &loss, descent, &merged).unwrap();
    let step = step.train_step;
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 }).unwrap();
    let initializers: Vec<_> =
        ops.all_variables().map(|v| graph.operation(&v.initializer).unwrap()).collect();
    session.run_targets(&initializers, "initializing").unwrap();
    let bottlenecks = Tensor::<f32>::new(&[BATCH as u64, SIZE as u64])
        .with_values(&bottleneck().repeat(BATCH))
        .unwrap();
    let mut truth = Tensor::<f32>::new(&[BATCH as u64, CLASSES as u64]);
    truth.chunks_mut(CLASSES).enumerate().for_each(|(i, row)| row[i % CLASSES] = 1.0);
    let feeds = [(&ops.bottleneck_input, &bottlenecks), (&ops.ground_truth_input, &truth)]
        .map(|(name, value)| (graph.output(name).unwrap(), value));
    let (step, merged) = (graph.operation(&step).unwrap(), graph.output(&merged).unwrap());
    let mut group = c.benchmark_group("training step of 100");
    for summarized in [true, false] {
        group.bench_function(
            if summarized { "with summaries" } else { "without fetching summaries" },
            |b| {
                b.iter(|| {
                    let mut args = SessionRunArgs::new();
                    feeds.iter().for_each(|(output, value)| {
                        args.add_feed(&output.operation, output.index, *value)
                    });
                    args.add_target(&step);
                    if summarized {
                        args.request_fetch(&merged.operation, merged.index);
                    }
                    session.run(&mut args, "a step").unwrap();
                });
            },
        );
    }
}

criterion_group! {
    name = pieces;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = split, text, cache, events, decoding, network, rewriting, training
}
criterion_main!(pieces);
