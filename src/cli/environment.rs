//! Sets the environment variables that libtensorflow and its bindings read, because they offer no
//! other way to configure these things. The programs do so before anything else runs.

use crate::tf;
use log::LevelFilter;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Where libtensorflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Library {
    /// Where it is looked for, or nowhere.
    Usual,
    /// Nowhere else than among what `--fetch` has brought.
    Brought,
}

/// A proxy that gRPC does not use. On Windows an empty variable is as none to it.
const NO_PROXY: &str = if cfg!(windows) { "none:" } else { "" };

/// Points the bindings at this machine's libtensorflow, else at the one `brought`, turns oneDNN on,
/// silences TensorFlow's own messages unless `verbosity` is at least DEBUG, and keeps gRPC from
/// using the web's proxy. If the user has set any but the first, that setting stays. Must be called
/// while the process has only one thread.
pub(super) fn prepare(verbosity: LevelFilter, brought: Option<PathBuf>) -> Library {
    if verbosity < LevelFilter::Debug {
        set_default("TF_CPP_MIN_LOG_LEVEL", "3".as_ref());
    }
    // By default TensorFlow uses oneDNN only on newer processors. On a processor with nothing newer
    // than AVX2, oneDNN runs a MobileNet in less than half the time (0.28 s instead of 0.64 s for
    // 138 photographs), and has the fused depthwise ops.
    if cfg!(target_arch = "x86_64") {
        set_default("TF_ENABLE_ONEDNN_OPTS", "1".as_ref());
    }
    // Workers are in the user's own network, or behind a tunnel: unless a proxy is named for gRPC,
    // it must not go through the one that is meant for the web. gRPC logs that it cannot use the
    // empty name, so this is left alone where there is no such proxy.
    if ["https_proxy", "http_proxy"].iter().any(|name| env::var_os(name).is_some()) {
        set_default("grpc_proxy", NO_PROXY.as_ref());
    }
    // The bindings look here first, so they load the library found here and no other.
    let usual = tf::find_library();
    let found =
        if usual.is_none() && brought.is_some() { Library::Brought } else { Library::Usual };
    if let Some(directory) = usual.or(brought).as_deref().and_then(Path::parent) {
        set("TENSORFLOW_DIR", directory.as_os_str());
    }
    found
}

fn set_default(name: &str, value: &OsStr) {
    if env::var_os(name).is_none() {
        set(name, value);
    }
}

#[allow(unsafe_code)]
fn set(name: &str, value: &OsStr) {
    // SAFETY: only `prepare` calls this, at the start of a program's main function, when there is
    // no other thread that could read the environment.
    unsafe { env::set_var(name, value) }
    #[cfg(windows)]
    set_for_c(name, value);
}

/// TensorFlow reads the copy of the environment that Windows' C runtime keeps. It is made when the
/// runtime is loaded, which may have happened before: then it has to be changed, too.
#[cfg(windows)]
#[allow(unsafe_code)]
fn set_for_c(name: &str, value: &OsStr) {
    use libloading::os::windows::Library;
    use std::os::windows::ffi::OsStrExt;
    type Putenv = unsafe extern "C" fn(*const u16, *const u16) -> i32;
    let wide = |text: &OsStr| text.encode_wide().chain([0]).collect::<Vec<u16>>();
    let (name, value) = (wide(name.as_ref()), wide(value));
    // SAFETY: the runtime is part of Windows, and this is its function's type; both texts end in 0,
    // and live until it returns. As above, there is no other thread.
    unsafe {
        let Ok(runtime) = Library::new("ucrtbase.dll") else { return };
        if let Ok(putenv) = runtime.get::<Putenv>(b"_wputenv_s\0") {
            putenv(name.as_ptr(), value.as_ptr());
        }
        let _ = runtime.into_raw();
    }
}
