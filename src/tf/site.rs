//! The TensorFlow in the site-packages of the Python environment that a program was installed into.

use super::installed::Installed;
use std::fs;
use std::path::{Path, PathBuf};

/// The packages that bring TensorFlow's libraries, as pip spells their names in directories.
const DISTRIBUTIONS: [&str; 5] =
    ["tensorflow", "tensorflow_cpu", "tensorflow_intel", "tensorflow_macos", "tensorflow_cpu_aws"];

/// Which of an environment's directories for packages comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    holds_retrain: bool,
    python: (u32, u32),
}

/// The TensorFlows beside `program`, whose links are resolved. If the environment has several
/// Pythons, the one that has the package `retrain` comes first, then the newest.
pub(super) fn installed_beside(program: &Path) -> Vec<Installed> {
    let Some(prefix) = program.parent().and_then(Path::parent) else { return Vec::new() };
    let sites = site_packages(prefix).into_iter();
    let mut found: Vec<_> = sites.filter_map(|(python, site)| in_site(python, &site)).collect();
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.into_iter().map(|(_, installed)| installed).collect()
}

/// The directories for packages below `prefix` that there may be, with their Python's version.
#[cfg(not(windows))]
fn site_packages(prefix: &Path) -> Vec<((u32, u32), PathBuf)> {
    // `pip install --target` puts packages beside `bin`.
    let mut sites = vec![((3, 0), prefix.to_owned())];
    // A virtual environment's `lib64` is a link to its `lib`.
    let libs = ["lib", "lib64"].map(|lib| prefix.join(lib));
    for lib in libs.iter().filter(|lib| !lib.is_symlink()) {
        let Ok(entries) = fs::read_dir(lib) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(version) = name.to_str().and_then(python_version) else { continue };
            let packages = ["site-packages", "dist-packages"];
            sites.extend(packages.map(|packages| (version, entry.path().join(packages))));
        }
    }
    sites
}

/// A virtual environment's, a user's own, and that of `pip install --target`.
#[cfg(windows)]
fn site_packages(prefix: &Path) -> Vec<((u32, u32), PathBuf)> {
    ["Lib/site-packages", "site-packages", ""].map(|site| ((3, 0), prefix.join(site))).to_vec()
}

/// The version in the name of Python's directory: `python3.13`, `python3.13t`, Debian's `python3`.
#[cfg(not(windows))]
fn python_version(name: &str) -> Option<(u32, u32)> {
    let version = name.strip_prefix("python3")?.trim_end_matches('t');
    match version.strip_prefix('.') {
        Some(minor) => Some((3, minor.parse().ok()?)),
        None => version.is_empty().then_some((3, 0)),
    }
}

/// The TensorFlow in a directory for packages.
fn in_site(python: (u32, u32), site: &Path) -> Option<(Rank, Installed)> {
    let package = site.join("tensorflow");
    let (mut holds_retrain, mut version) = (false, None);
    for entry in fs::read_dir(site).ok()?.flatten() {
        let name = entry.file_name();
        let metadata = name.to_str().and_then(|name| name.strip_suffix(".dist-info"));
        match metadata.and_then(|metadata| metadata.split_once('-')) {
            Some(("retrain", _)) => holds_retrain = true,
            Some((name, number)) if DISTRIBUTIONS.contains(&name) => {
                version = Some(number.to_owned());
            }
            _ => {}
        }
    }
    let installed = Installed { version: version?, package };
    installed.package.is_dir().then_some((Rank { holds_retrain, python }, installed))
}
