//! Compares the extraction of bottlenecks with the processor's limit. The number of multiply-adds
//! in all convolutions, divided by the processor's peak rate, is a lower bound on the time that
//! direct convolution takes. (Winograd's and Fourier's algorithms need fewer multiplications, but
//! oneDNN does not use them by default.)
//!
//! `cargo bench --bench fma` measures Inception v3 (with random weights) and `miniature`;
//! `cargo bench --bench fma -- --models=DIR mobilenet_0.25_224` measures other models, whose
//! archives are copied from DIR. Each network runs with several batch sizes in turn, on as many
//! threads as there are cores, as in `retrain`. On Linux, processor time divided by the number of
//! cores is also printed: the time it would take on an otherwise idle machine.

#[path = "../tests/it/inception_replica/mod.rs"]
mod inception_replica;

#[path = "../tests/it/loading.rs"]
#[allow(clippy::expect_used)]
mod loading;

use inception_replica::write_inception;
use loading::load_tensorflow;
use retrain::inference::{BatchNetwork, Decoder};
use retrain::model::{Backbone, Source, create_model_graph, create_model_info};
use retrain::proto::InputRef;
use retrain::tf::{Graph, Tensor};
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PHOTOGRAPH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tf_files/test_photos/open cluster/o00061.jpg");
const BATCHES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const ROUNDS: usize = 5;
/// How long one batch size is measured in one round.
const WINDOW: Duration = Duration::from_millis(1500);

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` also starts benchmarks, but without this flag.
    if !std::env::args().any(|a| a == "--bench") {
        return Ok(());
    }
    let given: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let models = given.iter().find_map(|a| a.strip_prefix("--models="));
    let named: Vec<&str> =
        given.iter().map(String::as_str).filter(|a| !a.starts_with('-')).collect();
    let architectures = if named.is_empty() { vec!["inception_v3", "miniature"] } else { named };

    load_tensorflow();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let one = peak(1);
    let all = peak(cores);
    println!(
        "single-precision fused multiply-adds by {}: {:.1} G/s on one core, {:.1} G/s on {cores}",
        LANES.name(),
        one / 1e9,
        all / 1e9
    );
    let scratch = tempfile::tempdir()?;
    for architecture in architectures {
        let info = create_model_info(architecture)?;
        match (&info.source, models) {
            (Source::Archive(_, name), Some(models)) => {
                std::fs::copy(Path::new(models).join(name), scratch.path().join(name))?;
            }
            _ if architecture == "inception_v3" => {
                write_inception(&scratch.path().join(&info.model_file_name), 1)
            }
            _ => {}
        }
        measure(&create_model_graph(&info, scratch.path())?, all, cores)?;
    }
    Ok(())
}

/// Prints the lower bound and the measured times of one network.
fn measure(backbone: &Backbone, peak: f64, cores: usize) -> Result<(), Box<dyn Error>> {
    let count = multiply_adds(backbone)?;
    let bound = count / peak * 1e3;
    println!(
        "{}: {:.3} G multiply-adds per image, at least {bound:.2} ms on {cores} cores",
        backbone.name,
        count / 1e9
    );
    let probe = Decoder::new(&backbone.pixels).decode(std::fs::read(PHOTOGRAPH)?)?;
    let network = BatchNetwork::new(backbone, &probe)?;
    let mut times = BATCHES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (batch, times) in BATCHES.iter().zip(&mut times) {
            times.push(time(&network, &probe, *batch, cores));
        }
    }
    for (batch, times) in BATCHES.iter().zip(times) {
        let [(median, least), (busy, _)] = [0, 1].map(|which| {
            let mut times: Vec<f64> = times.iter().map(|pair| pair[which]).collect();
            times.sort_by(f64::total_cmp);
            (times[ROUNDS / 2], times[0])
        });
        println!(
            "    batch {batch:2}: {median:6.2} ms per image (least {least:.2}), processor time \
             {busy:.2}; {:.0} % of the peak",
            100.0 * bound / median
        );
    }
    Ok(())
}

/// Milliseconds per image with batches of that size on all cores at once: wall time, and processor
/// time divided by the number of cores.
fn time(network: &BatchNetwork, probe: &Tensor<f32>, batch: usize, cores: usize) -> [f64; 2] {
    let mut pixels = Tensor::new(&[&[batch as u64], &probe.dims()[1..]].concat());
    pixels.chunks_mut(probe.len()).for_each(|image| image.copy_from_slice(probe));
    let run = || network.run(&pixels).map(drop);
    let (start, busy) = (Instant::now(), processor_seconds());
    let work = || {
        let mut images = 0;
        while start.elapsed() < WINDOW && run().is_ok() {
            images += batch;
        }
        (images as f64, start.elapsed().as_secs_f64())
    };
    let done: Vec<(f64, f64)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or((f64::NAN, f64::NAN))).collect()
    });
    // Rates of threads are added, because threads do not finish at the same time.
    let rate: f64 = done.iter().map(|(images, seconds)| images / seconds).sum();
    let images: f64 = done.iter().map(|(images, _)| images).sum();
    [1e3 / rate, 1e3 * (processor_seconds() - busy) / images / cores as f64]
}

/// User and system time of this process so far; NaN if the system does not report it.
fn processor_seconds() -> f64 {
    // Linux counts in hundredths of a second. User and system time are fields 12 and 13 after the
    // program's name in brackets.
    let ticks = || -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    ticks().map_or(f64::NAN, |t| t / 100.0)
}

/// The multiply-adds of all convolutions before the bottleneck, for one image.
fn multiply_adds(backbone: &Backbone) -> Result<f64, Box<dyn Error>> {
    let frozen = backbone.frozen()?;
    let graph = Graph::import(&frozen)?;
    let mut sum = 0.0;
    for node in &frozen.node {
        // The numbers in the output times the number of products that each sums.
        let summed = match node.op.as_str() {
            "Conv2D" => 3,
            "DepthwiseConv2dNative" => 2,
            _ => continue,
        };
        let shape =
            |tensor: &str| graph.shape(tensor).ok_or_else(|| format!("{tensor} has no shape"));
        let (output, kernel) = (shape(&node.name)?, shape(InputRef::parse(&node.input[1]).node)?);
        if output[1..].iter().chain(&kernel).any(|&d| d < 0) {
            return Err(format!("the shape of {} is not known", node.name).into());
        }
        let product = |dims: &[i64]| dims.iter().map(|&d| d as f64).product::<f64>();
        sum += product(&output[1..]) * product(&kernel[..summed]);
    }
    Ok(sum)
}

/// Multiply-adds per second on that many threads, the best of several tries.
fn peak(threads: usize) -> f64 {
    const STEPS: usize = 20_000_000;
    let lanes = *LANES;
    let try_once = || {
        let start = Instant::now();
        thread::scope(|scope| {
            (0..threads).for_each(|_| drop(scope.spawn(move || lanes.spin(STEPS))))
        });
        (threads * STEPS * lanes.per_step()) as f64 / start.elapsed().as_secs_f64()
    };
    (0..7).map(|_| try_once()).fold(0.0, f64::max)
}

static LANES: std::sync::LazyLock<Lanes> = std::sync::LazyLock::new(Lanes::best);

/// The widest multiply-adds the processor has.
#[derive(Clone, Copy)]
enum Lanes {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

/// The number of independent sums: more than units times latency, and few enough for the registers.
const SUMS: usize = 12;

impl Lanes {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Plain
    }

    fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2",
            Self::Plain => "whatever the compiler makes of it",
        }
    }

    fn per_step(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16 * SUMS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8 * SUMS,
            Self::Plain => 4 * SUMS,
        }
    }

    #[allow(unsafe_code)]
    fn spin(self, steps: usize) {
        match self {
            // SAFETY: `best` has checked that the processor has these instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(steps) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(steps) },
            Self::Plain => plain(steps),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(steps: usize) {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (factor, term) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(1e-3)));
    let mut sums = [_mm512_set1_ps(black_box(1.0)); SUMS];
    for _ in 0..steps {
        sums.iter_mut().for_each(|s| *s = _mm512_fmadd_ps(*s, factor, term));
    }
    black_box(sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(steps: usize) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (factor, term) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(1e-3)));
    let mut sums = [_mm256_set1_ps(black_box(1.0)); SUMS];
    for _ in 0..steps {
        sums.iter_mut().for_each(|s| *s = _mm256_fmadd_ps(*s, factor, term));
    }
    black_box(sums);
}

fn plain(steps: usize) {
    let (factor, term) = (black_box(0.999f32), black_box(1e-3f32));
    let mut sums = [[black_box(1.0f32); 4]; SUMS];
    for _ in 0..steps {
        sums.as_flattened_mut().iter_mut().for_each(|s| *s = s.mul_add(factor, term));
    }
    black_box(sums);
}
