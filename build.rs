//! Build script: (a) compiles `proto/` to Rust; (b) makes sure that libtensorflow is on this
//! machine.
//!
//! libtensorflow is looked for in `TENSORFLOW_DIR`, then on the loader path. Where it is in
//! neither, the CPU wheel of TensorFlow is fetched with pip (version and checksum pinned below) and
//! its two shared libraries are kept in a per-user cache that all checkouts share. pip is only the
//! downloader: the wheel is asked for by platform, so the Python on this machine may be of any
//! version.

use sha2::{Digest, Sha256};
use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One wheel per platform, with the sum that pip's download must have. 2.16 is the last TensorFlow
/// for Intel Macs, and the last that keeps its start-up messages to itself when told to (README,
/// "Which TensorFlow").
struct Wheel {
    os: &'static str,
    arch: &'static str,
    distribution: &'static str,
    version: &'static str,
    platforms: &'static [&'static str],
    sha256: &'static str,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        distribution: "tensorflow-cpu",
        version: "2.16.2",
        platforms: &["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
        sha256: "c855cb6bf05d32dd5928086b03a5f6b4189b63c22b95e017703cbee4291023ca",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
        sha256: "8728b12bc86941d90d0a927c40d4b21f8820964a80439a7c45f850eb37d57067",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_12_0_arm64"],
        sha256: "2c8a0e79395639b762e62002db99b2f6cc608f744312c9940899c1128f325331",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_10_15_x86_64"],
        sha256: "ec06570d57bfa0e2be804405e3cdc2960e94887e7619ffb6bc053e9775b695aa",
    },
];

/// The Python whose wheel is fetched: the libraries in it are the same for all.
const WHEEL_PYTHON: &str = "3.11";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    for name in [
        "TENSORFLOW_DIR",
        "RETRAIN_CACHE_DIR",
        "XDG_CACHE_HOME",
        "HOME",
        "DOCS_RS",
        "LD_LIBRARY_PATH",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if let Err(error) = compile_protos() {
        fail(&format!("compiling proto/: {error}"));
    }
    let cache = match provide_libtensorflow() {
        Ok(cache) => cache,
        Err(error) => fail(&format!(
            "libtensorflow: {error}\nEither install Python's pip and run again, or set TENSORFLOW_DIR to a directory \
             that holds libtensorflow (a copy or link of libtensorflow_cc of a TensorFlow 2 wheel serves)."
        )),
    };
    println!("cargo:rustc-env=RETRAIN_TENSORFLOW_CACHES={}", cache.display());
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(1)
}

fn compile_protos() -> Result<()> {
    protobuf_codegen::Codegen::new()
        .pure()
        .include("proto")
        .inputs(
            ["graph", "event", "meta_graph", "config", "hub"]
                .map(|name| format!("proto/{name}.proto")),
        )
        .cargo_out_dir("proto")
        .run()?;
    Ok(())
}

/// Finds libtensorflow or brings it. Returns the cache directory, in use or not, for the program to
/// look in.
fn provide_libtensorflow() -> Result<PathBuf> {
    let (os, arch) = (env::var("CARGO_CFG_TARGET_OS")?, env::var("CARGO_CFG_TARGET_ARCH")?);
    let library = if os == "macos" { "libtensorflow.dylib" } else { "libtensorflow.so" };
    let wheel = WHEELS.iter().find(|w| w.os == os && w.arch == arch);
    let name = match wheel {
        Some(wheel) => format!("tensorflow-{}-{os}-{arch}", wheel.version),
        None => format!("tensorflow-{os}-{arch}"),
    };
    let cache = cache_root()?.join(name);
    println!("cargo:rerun-if-changed={}", cache.join(library).display());
    let elsewhere = env::var_os("TENSORFLOW_DIR").into_iter().chain(env::var_os("LD_LIBRARY_PATH"));
    let elsewhere: Vec<PathBuf> =
        elsewhere.flat_map(|p| env::split_paths(&p).collect::<Vec<_>>()).collect();
    let elsewhere =
        elsewhere.into_iter().chain([PathBuf::from("/usr/local/lib"), PathBuf::from("/usr/lib")]);
    let found = elsewhere.chain([cache.clone()]).any(|dir| dir.join(library).is_file());
    if found || env::var_os("DOCS_RS").is_some() {
        return Ok(cache);
    }
    let wheel = wheel.ok_or_else(|| format!("no TensorFlow wheel is known for {os} on {arch}"))?;
    bring(wheel, &cache, library)?;
    Ok(cache)
}

/// The per-user cache: `RETRAIN_CACHE_DIR`, else the platform's place for caches.
fn cache_root() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("RETRAIN_CACHE_DIR") {
        return Ok(std::path::absolute(dir)?);
    }
    if let Some(dir) = env::var_os("XDG_CACHE_HOME").filter(|d| Path::new(d).is_absolute()) {
        return Ok(PathBuf::from(dir).join("retrain"));
    }
    let home =
        PathBuf::from(env::var_os("HOME").ok_or("neither RETRAIN_CACHE_DIR nor HOME is set")?);
    Ok(home
        .join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" })
        .join("retrain"))
}

/// Downloads the wheel, checks its sum, and unpacks its shared libraries into `cache` by one
/// rename.
fn bring(wheel: &Wheel, cache: &Path, library: &str) -> Result<()> {
    let root = cache.parent().ok_or("the cache directory has no parent")?;
    let scratch = root.join(format!(".tensorflow-{}", std::process::id()));
    let _ = fs::remove_dir_all(&scratch);
    let unpacked = scratch.join("lib");
    fs::create_dir_all(&unpacked)?;
    let outcome = pip_download(wheel, &scratch).and_then(|file| {
        check_sum(&file, wheel.sha256)?;
        unpack_libraries(&file, &unpacked, library)?;
        // Another checkout may have been quicker: then theirs serves.
        match fs::rename(&unpacked, cache) {
            Err(_) if cache.join(library).is_file() => Ok(()),
            other => Ok(other?),
        }
    });
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

/// Asks each Python there may be, until one has a pip that brings the wheel.
fn pip_download(wheel: &Wheel, dir: &Path) -> Result<PathBuf> {
    let mut complaints = String::new();
    for python in ["python3", "python"] {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args([
            "--only-binary=:all:",
            "--python-version",
            WHEEL_PYTHON,
            "--implementation",
            "cp",
        ]);
        for platform in wheel.platforms {
            pip.args(["--platform", platform]);
        }
        pip.arg("--dest").arg(dir).arg(format!("{}=={}", wheel.distribution, wheel.version));
        match pip.output() {
            Ok(output) if output.status.success() => {
                let files = fs::read_dir(dir)?.filter_map(|e| Some(e.ok()?.path()));
                let wheel = files.into_iter().find(|p| p.extension().is_some_and(|e| e == "whl"));
                return wheel.ok_or_else(|| "pip downloaded no wheel".into());
            }
            Ok(output) => {
                complaints +=
                    &format!("{python} -m pip: {}\n", String::from_utf8_lossy(&output.stderr))
            }
            Err(error) => complaints += &format!("{python}: {error}\n"),
        }
    }
    Err(format!("cannot download {} {} with pip:\n{complaints}", wheel.distribution, wheel.version)
        .into())
}

fn check_sum(file: &Path, expected: &str) -> Result<()> {
    let sum: String = Sha256::digest(fs::read(file)?).iter().map(|b| format!("{b:02x}")).collect();
    if sum == expected {
        return Ok(());
    }
    Err(format!("{} has the sha256 {sum}, not {expected} as pinned in build.rs", file.display())
        .into())
}

/// Keeps `libtensorflow_cc`, `libtensorflow_framework` and what the wheel bundles for them
/// (`*.libs/`), in one directory: each finds the other through its own `$ORIGIN`. Adds the name
/// that the loader looks for.
fn unpack_libraries(wheel: &Path, into: &Path, library: &str) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let mut main_library = None;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some((dir, name)) =
            entry.name().split_once('/').map(|(d, n)| (d.to_owned(), n.to_owned()))
        else {
            continue;
        };
        let wanted =
            (dir == "tensorflow" && name.starts_with("libtensorflow_")) || dir.ends_with(".libs");
        if !wanted || name.is_empty() || name.contains('/') {
            continue;
        }
        io::copy(&mut entry, &mut File::create(into.join(&name))?)?;
        if name.starts_with("libtensorflow_cc") {
            main_library = Some(name);
        }
    }
    let main_library = main_library.ok_or("the wheel holds no libtensorflow_cc")?;
    link(&main_library, &into.join(library))
}

#[cfg(unix)]
fn link(target: &str, link: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(target, link)?)
}

#[cfg(not(unix))]
fn link(target: &str, link: &Path) -> Result<()> {
    let source = link.parent().ok_or("no directory")?.join(target);
    Ok(fs::copy(source, link).map(drop)?)
}
