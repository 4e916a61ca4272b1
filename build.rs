//! Build script: compiles `proto/` to Rust, and makes sure that this machine has libtensorflow.
//!
//! It looks for libtensorflow in `TENSORFLOW_DIR`, on the loader path, in the system's library
//! directories, and in a TensorFlow that Python has installed. If none has it, pip fetches
//! TensorFlow's CPU wheel (version and checksum pinned below). The wheel is requested by platform,
//! so any version of Python will do. Libraries, or links to them, are kept in a per-user cache that
//! all checkouts share.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheel for a platform, with the checksum that pip verifies. 2.16 is the last TensorFlow for
/// Intel Macs, and the last whose start-up messages can be turned off (README, "Which TensorFlow").
struct Wheel {
    os: &'static str,
    arch: &'static str,
    distribution: &'static str,
    version: &'static str,
    platforms: &'static [&'static str],
    megabytes: u32,
    sha256: &'static str,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        distribution: "tensorflow-cpu",
        version: "2.16.2",
        platforms: &["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
        megabytes: 214,
        sha256: "c855cb6bf05d32dd5928086b03a5f6b4189b63c22b95e017703cbee4291023ca",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
        megabytes: 219,
        sha256: "8728b12bc86941d90d0a927c40d4b21f8820964a80439a7c45f850eb37d57067",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_12_0_arm64"],
        megabytes: 227,
        sha256: "2c8a0e79395639b762e62002db99b2f6cc608f744312c9940899c1128f325331",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        distribution: "tensorflow",
        version: "2.16.2",
        platforms: &["macosx_10_15_x86_64"],
        megabytes: 260,
        sha256: "ec06570d57bfa0e2be804405e3cdc2960e94887e7619ffb6bc053e9775b695aa",
    },
];

/// The Python version of the wheel to fetch. Its libraries are the same for all versions.
const WHEEL_PYTHON: &str = "3.11";

/// The minor versions of TensorFlow 2 that can be used if Python has one: their wheels have the
/// libraries and functions needed here.
const MINOR_VERSIONS: RangeInclusive<u32> = 13..=21;

/// Prints where TensorFlow is installed, without importing it, which would take seconds.
const ASK_PYTHON: &str = "
import importlib.metadata, importlib.util, platform
for name in 'tensorflow', 'tensorflow-cpu':
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    location = importlib.util.find_spec('tensorflow').submodule_search_locations[0]
    print(platform.machine(), version, location, sep='\\n')
    break
";

/// Unpacks `libtensorflow_cc`, `libtensorflow_framework` and the libraries that the wheel bundles
/// for them (`*.libs/`) into one directory, where they find each other through `$ORIGIN`. Files
/// keep their dates, because cargo would build again if they were newer than the start of this
/// script.
const UNPACK: &str = "
import os, shutil, sys, time, zipfile
wheel, into = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for item in archive.infolist():
        directory, _, name = item.filename.partition('/')
        library = directory == 'tensorflow' and name.startswith('libtensorflow_')
        if not name or '/' in name or not (library or directory.endswith('.libs')):
            continue
        path = os.path.join(into, name)
        with archive.open(item) as source, open(path, 'wb') as target:
            shutil.copyfileobj(source, target, 1 << 20)
        seconds = time.mktime(item.date_time + (0, 0, -1))
        os.utime(path, (seconds, seconds))
";

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
    protobuf_codegen::Codegen::new()
        .pure()
        .include("proto")
        .inputs(
            ["graph", "event", "meta_graph", "object_graph", "cluster", "config", "hub", "plugins"]
                .map(|name| format!("proto/{name}.proto")),
        )
        .cargo_out_dir("proto")
        .run()?;
    Ok(())
}

/// Finds or fetches libtensorflow. Returns the cache's directories, whether or not they are in use,
/// as a search path for the program.
fn provide_libtensorflow() -> Result<PathBuf> {
    let (os, arch) = (env::var("CARGO_CFG_TARGET_OS")?, env::var("CARGO_CFG_TARGET_ARCH")?);
    let library = if os == "macos" { "libtensorflow.dylib" } else { "libtensorflow.so" };
    let wheel = WHEELS.iter().find(|w| w.os == os && w.arch == arch);
    let root = cache_root()?;
    let unpacked = root.join(match wheel {
        Some(wheel) => format!("tensorflow-{}-{os}-{arch}", wheel.version),
        None => format!("tensorflow-{os}-{arch}"),
    });
    if env::var_os("DOCS_RS").is_some() || is_where_bindings_look(library) {
        return Ok(unpacked);
    }
    let mut directories = vec![unpacked];
    if let Some(installed) = installed_by_python(&arch)
        && let Some(links) = link_installed(&installed, &root, library)?
    {
        directories.insert(0, links);
    } else if !directories[0].join(library).is_file() {
        let wheel =
            wheel.ok_or_else(|| format!("no TensorFlow wheel is known for {os} on {arch}"))?;
        fetch(wheel, &directories[0], library)?;
    }
    println!("cargo:rerun-if-changed={}", directories[0].join(library).display());
    Ok(env::join_paths(directories)?.into())
}

/// Whether libtensorflow is where the environment says or in a system's library directory.
fn is_where_bindings_look(library: &str) -> bool {
    let named = ["TENSORFLOW_DIR", "LD_LIBRARY_PATH"].into_iter().filter_map(env::var_os);
    let named: Vec<PathBuf> =
        named.flat_map(|path| env::split_paths(&path).collect::<Vec<_>>()).collect();
    let system = ["/usr/local/lib", "/usr/local/lib/libtensorflow", "/usr/lib"];
    let mut directories = named.into_iter().chain(system.map(PathBuf::from));
    directories.any(|dir| dir.join(library).is_file())
}

/// The Pythons to try: first that of an active virtual environment.
fn pythons() -> Vec<PathBuf> {
    let active = env::var_os("VIRTUAL_ENV").map(|dir| PathBuf::from(dir).join("bin/python"));
    active.into_iter().chain(["python3", "python"].map(PathBuf::from)).collect()
}

/// A TensorFlow in Python's site-packages.
struct Installed {
    version: String,
    /// The directory `site-packages/tensorflow`.
    package: PathBuf,
}

/// The TensorFlow of the first Python that has a usable one, by version and processor.
fn installed_by_python(arch: &str) -> Option<Installed> {
    // This machine's Python does not have libraries for another.
    if env::var_os("HOST") != env::var_os("TARGET") {
        return None;
    }
    pythons().iter().find_map(|python| {
        let output = Command::new(python).args(["-c", ASK_PYTHON]).output().ok()?;
        let answer = String::from_utf8(output.stdout).ok()?;
        let mut lines = answer.lines();
        let (machine, version, package) = (lines.next()?, lines.next()?, lines.next()?);
        let machine = if machine == "arm64" { "aarch64" } else { machine };
        let minor = version.strip_prefix("2.")?.split('.').next()?.parse().ok()?;
        (machine == arch && MINOR_VERSIONS.contains(&minor))
            .then(|| Installed { version: version.to_owned(), package: package.into() })
    })
}

/// Makes a directory in the cache with links to an installed TensorFlow's libraries and those
/// bundled with them; `None` if there are none. Each installation and version has its own
/// directory.
fn link_installed(installed: &Installed, root: &Path, library: &str) -> Result<Option<PathBuf>> {
    let mut place = DefaultHasher::new();
    installed.package.hash(&mut place);
    let name = format!("tensorflow-site-{}-{:016x}", installed.version, place.finish());
    let directory = root.join(name);
    if directory.join(library).is_file() {
        return Ok(Some(directory));
    }
    let mut files = files_in(&installed.package)?;
    files.retain(|f| name_of(f).starts_with("libtensorflow_"));
    if !files.iter().any(|f| name_of(f).starts_with("libtensorflow_cc")) {
        return Ok(None);
    }
    let packages = installed.package.parent().unwrap_or(Path::new("/"));
    for entry in fs::read_dir(packages)? {
        let bundled = entry?.path();
        if name_of(&bundled).starts_with("tensorflow") && name_of(&bundled).ends_with(".libs") {
            files.extend(files_in(&bundled)?);
        }
    }
    let _ = fs::remove_dir_all(&directory);
    make_directory(&directory, library, |scratch| {
        files.iter().try_for_each(|file| link_into(scratch, file))
    })?;
    Ok(Some(directory))
}

/// The per-user cache: `RETRAIN_CACHE_DIR`, or else the platform's directory for caches.
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
    for python in pythons() {
        let made = make_directory(directory, library, |scratch| {
            let file = pip_download(&python, wheel, &name, &scratch.join("download"))?;
            let mut unpack = Command::new(&python);
            run(unpack.args(["-c", UNPACK]).arg(&file).arg(scratch))?;
            Ok(fs::remove_dir_all(scratch.join("download"))?)
        });
        match made {
            Ok(()) => return Ok(()),
            Err(error) => complaints += &format!("{}: {error}\n", python.display()),
        }
    }
    Err(format!("cannot fetch {name} with pip:\n{complaints}").into())
}

fn pip_download(python: &Path, wheel: &Wheel, name: &str, into: &Path) -> Result<PathBuf> {
    fs::create_dir_all(into)?;
    let requirements = into.join("requirements.txt");
    fs::write(&requirements, format!("{name} --hash=sha256:{}\n", wheel.sha256))?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
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
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
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

/// Fills a scratch directory with `fill`, adds libtensorflow_cc under the name that the bindings
/// look for, and renames it to `directory`, so that `directory` is always complete.
fn make_directory(
    directory: &Path,
    library: &str,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let scratch = directory.with_file_name(format!(".tensorflow-{}", std::process::id()));
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch)?;
    let outcome = fill(&scratch).and_then(|()| {
        let mut files = files_in(&scratch)?.into_iter();
        let main = files.find(|f| name_of(f).starts_with("libtensorflow_cc"));
        let main = main.ok_or("the wheel holds no libtensorflow_cc")?;
        link(name_of(&main).as_ref(), &scratch.join(library))?;
        // A directory without the library is useless and would block the renaming.
        if !directory.join(library).is_file() {
            let _ = fs::remove_dir_all(directory);
        }
        // If another build was faster, its directory is used.
        match fs::rename(&scratch, directory) {
            Err(_) if directory.join(library).is_file() => Ok(()),
            other => Ok(other?),
        }
    });
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

/// The paths of the files in a directory.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    Ok(entries.filter_map(|e| Some(e.ok()?.path())).filter(|path| path.is_file()).collect())
}

/// The last component of a path; empty if it is not UTF-8.
fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// Links `file` into `directory` under its own name.
fn link_into(directory: &Path, file: &Path) -> Result<()> {
    link(file, &directory.join(file.file_name().ok_or("no file name")?))
}

#[cfg(unix)]
fn link(target: &Path, link: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(target, link)?)
}

#[cfg(not(unix))]
fn link(target: &Path, link: &Path) -> Result<()> {
    let source = link.parent().ok_or("no directory")?.join(target);
    Ok(fs::copy(source, link).map(drop)?)
}
