//! Build script: compiles `proto/` to Rust, and makes sure that this machine has libtensorflow.
//!
//! It looks for libtensorflow in `TENSORFLOW_DIR`, on the loader path, in the system's library
//! directories, and in a TensorFlow that Python has installed. If none has it, pip fetches
//! TensorFlow's CPU wheel (pinned in src/tf/wheels.rs). The wheel is requested by platform,
//! so any version of Python will do. Libraries, or links to them, are kept in a per-user cache that
//! all checkouts share.
//!
//! With the feature `portable` it neither looks nor fetches: the program will find TensorFlow on
//! the machine that it runs on.

#[path = "src/fsio/cache_dir.rs"]
mod cache_dir;
#[path = "src/tf/installed.rs"]
mod installed;
#[path = "src/net/pythons.rs"]
mod pythons;
#[path = "src/tf/wheels.rs"]
mod wheels;

use cache_dir::cache_dir;
use installed::{Installed, Result, files_in, library_name, make_directory};
use pythons::{pip, python, pythons};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wheels::{MINOR_VERSIONS, WHEEL_PYTHON, Wheel};

/// Unpacks `libtensorflow_cc`, `libtensorflow_framework` and the libraries that the wheel bundles
/// for them (`*.libs/`) into one directory, where they find each other through `$ORIGIN`. Files
/// keep their dates, because cargo would build again if they were newer than the start of this
/// script.
const UNPACK: &str = "
import os, shutil, sys, time, zipfile
wheel, into = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for item in archive.infolist():
        directory, _, name = item.filename.rpartition('/')
        library = directory == 'tensorflow' and name.startswith('libtensorflow_')
        bundled = directory.endswith('.libs') and '/' not in directory
        windows = item.filename == 'tensorflow/python/_pywrap_tensorflow_internal.pyd'
        if not name or not (library or bundled or windows):
            continue
        path = os.path.join(into, name)
        with archive.open(item) as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
        seconds = time.mktime(item.date_time + (0, 0, -1))
        os.utime(path, (seconds, seconds))
";

fn main() {
    for file in ["build.rs", "proto", "src/fsio/cache_dir.rs", "src/net/pythons.rs"] {
        println!("cargo:rerun-if-changed={file}");
    }
    for file in ["installed", "wheels"] {
        println!("cargo:rerun-if-changed=src/tf/{file}.rs");
    }
    for name in [
        "TENSORFLOW_DIR",
        "RETRAIN_CACHE_DIR",
        "XDG_CACHE_HOME",
        "HOME",
        "LOCALAPPDATA",
        "DOCS_RS",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "VIRTUAL_ENV",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if let Err(error) = compile_protos() {
        fail(&format!("compiling proto/: {error}"));
    }
    let caches = match provide_libtensorflow() {
        Ok(caches) => caches,
        Err(error) => fail(&format!(
            "libtensorflow: {error}\nEither install Python's pip and build again, or set \
             TENSORFLOW_DIR to a directory that holds libtensorflow (a copy of or link to the \
             libtensorflow_cc of a TensorFlow 2 wheel will do)."
        )),
    };
    println!("cargo:rustc-env=RETRAIN_TENSORFLOW_CACHES={}", caches.display());
    // For the tests of this script.
    if let Ok(script) = env::current_exe() {
        println!("cargo:rustc-env=RETRAIN_BUILD_SCRIPT={}", script.display());
    }
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(1)
}

fn compile_protos() -> Result<()> {
    let compiled = protobuf_codegen::Codegen::new()
        .pure()
        .include("proto")
        .inputs(
            ["graph", "event", "meta_graph", "object_graph", "cluster", "config", "hub", "plugins"]
                .map(|name| format!("proto/{name}.proto")),
        )
        .cargo_out_dir("proto")
        .run();
    compiled.map_err(|error| format!("{error:#}"))
}

/// Finds or fetches libtensorflow. Returns the cache's directories, whether or not they are in use,
/// as a search path for the program; none for a program that other machines will run.
fn provide_libtensorflow() -> Result<PathBuf> {
    if env::var_os("CARGO_FEATURE_PORTABLE").is_some() {
        return Ok(PathBuf::new());
    }
    let target = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
    let (os, arch) = (target("CARGO_CFG_TARGET_OS")?, target("CARGO_CFG_TARGET_ARCH")?);
    let library = library_name(&os);
    let wheel = Wheel::of(&os, &arch);
    let root = cache_dir().ok_or("neither RETRAIN_CACHE_DIR nor HOME is set")?;
    let unpacked = root.join(match wheel {
        Some(wheel) => wheel.directory(),
        None => format!("tensorflow-{os}-{arch}"),
    });
    if env::var_os("DOCS_RS").is_some() || is_where_bindings_look(library) {
        return Ok(unpacked);
    }
    let mut directories = vec![unpacked];
    if let Some(installed) = installed_by_python(&arch)
        && let Some(links) = installed.link_into(&root, library)?
    {
        directories.insert(0, links);
    } else if !directories[0].join(library).is_file() {
        let wheel =
            wheel.ok_or_else(|| format!("no TensorFlow wheel is known for {os} on {arch}"))?;
        fetch(wheel, &directories[0], library)?;
    }
    println!("cargo:rerun-if-changed={}", directories[0].join(library).display());
    if os == "windows" && is_cross_build() {
        // Where the program runs, these directories are not.
        return Ok(PathBuf::new());
    }
    let path = env::join_paths(directories).map_err(|error| error.to_string())?;
    Ok(path.into())
}

/// Whether libtensorflow is where the environment says or in a system's library directory.
fn is_where_bindings_look(library: &str) -> bool {
    let paths = |name| {
        env::var_os(name).map(|v| env::split_paths(&v).collect::<Vec<_>>()).unwrap_or_default()
    };
    let mut directories = paths("TENSORFLOW_DIR");
    // This machine's libraries are of no use to another, and neither are its Python's.
    if !is_cross_build() {
        directories.extend(paths(if cfg!(windows) { "PATH" } else { "LD_LIBRARY_PATH" }));
        let system = ["/usr/local/lib", "/usr/local/lib/libtensorflow", "/usr/lib"];
        directories.extend(system.map(PathBuf::from));
    }
    directories.iter().any(|dir| dir.join(library).is_file())
}

fn is_cross_build() -> bool {
    env::var_os("HOST") != env::var_os("TARGET")
}

/// The TensorFlow of the first Python that has a usable one, by version and processor.
fn installed_by_python(arch: &str) -> Option<Installed> {
    if is_cross_build() {
        return None;
    }
    let installed = |python: &PathBuf| Installed::of_python(python, arch);
    let usable = |one: &Installed| one.minor_version().is_some_and(|v| MINOR_VERSIONS.contains(&v));
    pythons().iter().filter_map(installed).find(usable)
}

/// Downloads the wheel with pip, which verifies its checksum, and unpacks its libraries into
/// `directory`, with the first Python that can.
fn fetch(wheel: &Wheel, directory: &Path, library: &str) -> Result<()> {
    let name = format!("{}=={}", wheel.distribution, wheel.version);
    announce(&format!(
        "fetching TensorFlow {} ({} MB, once) into {}",
        wheel.version,
        wheel.megabytes,
        directory.display()
    ));
    let mut complaints = String::new();
    for path in pythons() {
        let made = make_directory(directory, library, |scratch| {
            let file = pip_download(&path, wheel, &name, &scratch.join("download"))?;
            run(python(&path, UNPACK).arg(&file).arg(scratch))?;
            fs::remove_dir_all(scratch.join("download")).map_err(|error| error.to_string())
        });
        match made {
            Ok(()) => return Ok(()),
            Err(error) => complaints += &format!("{}: {error}\n", path.display()),
        }
    }
    Err(format!("cannot fetch {name} with pip:\n{complaints}"))
}

fn pip_download(python: &Path, wheel: &Wheel, name: &str, into: &Path) -> Result<PathBuf> {
    let requirements = into.join("requirements.txt");
    let pinned = format!("{name} --hash=sha256:{}\n", wheel.sha256);
    fs::create_dir_all(into)
        .and_then(|()| fs::write(&requirements, pinned))
        .map_err(|error| format!("{}: {error}", into.display()))?;
    let mut pip = pip(python);
    pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--no-cache-dir", "--only-binary=:all:", "--implementation", "cp"]);
    pip.args(["--python-version", WHEEL_PYTHON]);
    for platform in wheel.platforms {
        pip.args(["--platform", platform]);
    }
    pip.arg("--dest").arg(into).arg("--require-hashes").arg("--requirement").arg(&requirements);
    run(&mut pip)?;
    let wheel = files_in(into)?.into_iter().find(|f| f.extension() == Some(OsStr::new("whl")));
    wheel.ok_or_else(|| "pip downloaded no wheel".into())
}

/// Runs a command to its end. If it fails, the error is what it wrote to standard error.
fn run(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Shows a line on the terminal directly, because cargo holds back what build scripts print and
/// would repeat a warning at every build. Without a terminal, the line only goes to the script's
/// output.
fn announce(message: &str) {
    let terminal = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };
    // Overwrite the line on which cargo shows its progress.
    let line = format!("\r\x1b[K{message}\n");
    let shown = OpenOptions::new().write(true).open(terminal);
    if shown.and_then(|mut terminal| terminal.write_all(line.as_bytes())).is_err() {
        eprintln!("{message}");
    }
}
