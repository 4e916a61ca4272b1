//! What decides the last bits of results besides the graph: TensorFlow's version and the vector
//! instructions of the processor. TensorFlow's protocol does not tell a client either, so our
//! workers put both into their job's name, which is part of the names of a server's devices.

use super::library;
use std::fmt;

const PREFIX: &str = "retrain_worker_TF_";
const CPU: &str = "_CPU_";

/// A TensorFlow on a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// TensorFlow's version.
    version: String,
    /// The processor's family and its vector instructions.
    features: Vec<String>,
}

impl Machine {
    /// This process's. TensorFlow must be loaded.
    #[must_use]
    pub fn this() -> Self {
        Self { version: words(&library::version()).join("."), features: features() }
    }

    /// The name of a job that says so.
    #[must_use]
    pub fn job(&self) -> String {
        let version = words(&self.version).join("_");
        format!("{PREFIX}{version}{CPU}{}", self.features.join("_"))
    }

    /// What the name of a server's device says; `None` unless the server is one of ours.
    #[must_use]
    pub fn of_device(name: &str) -> Option<Self> {
        let job = name.strip_prefix("/job:")?.split('/').next()?;
        let (version, features) = job.strip_prefix(PREFIX)?.split_once(CPU)?;
        Some(Self { version: words(version).join("."), features: words(features) })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TensorFlow {} on {}", self.version, self.features.join("+"))
    }
}

/// The runs of letters and digits in a text.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<String> {
    found([
        ("x86", true),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ])
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<String> {
    use std::arch::is_aarch64_feature_detected;
    found([
        ("aarch64", true),
        ("dotprod", is_aarch64_feature_detected!("dotprod")),
        ("fp16", is_aarch64_feature_detected!("fp16")),
        ("i8mm", is_aarch64_feature_detected!("i8mm")),
        ("bf16", is_aarch64_feature_detected!("bf16")),
        ("sve", is_aarch64_feature_detected!("sve")),
    ])
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn found<const N: usize>(features: [(&str, bool); N]) -> Vec<String> {
    let found = features.into_iter().filter(|(_, found)| *found);
    found.map(|(name, _)| name.to_owned()).collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<String> {
    words(std::env::consts::ARCH)
}
