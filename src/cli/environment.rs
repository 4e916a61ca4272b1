//! The environment variables that libtensorflow and its bindings read. They can only be told by
//! these, so the programs set them, before anything else runs.

use crate::tf;
use log::LevelFilter;
use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// Points the bindings at the libtensorflow that is on this machine, turns oneDNN on, and lets
/// TensorFlow print its own messages at the level DEBUG only. What the user has set of the last two
/// is left as it is. The programs' functions call this while the process has one thread.
pub(super) fn prepare(verbosity: LevelFilter) {
    if verbosity < LevelFilter::Debug {
        set_default("TF_CPP_MIN_LOG_LEVEL", "3".as_ref());
    }
    // By itself TensorFlow uses oneDNN only on newer processors. On one with AVX2 alone it takes
    // less than half the time for a MobileNet (0.28 s of the network instead of 0.64 for 138
    // photographs), and has the fused depthwise ops.
    if cfg!(target_arch = "x86_64") {
        set_default("TF_ENABLE_ONEDNN_OPTS", "1".as_ref());
    }
    // The bindings look here first, so that they load what was found and nothing else.
    if let Some(directory) = tf::find_library().as_deref().and_then(Path::parent) {
        set("TENSORFLOW_DIR", directory.as_os_str());
    }
}

fn set_default(name: &str, value: &OsStr) {
    if env::var_os(name).is_none() {
        set(name, value);
    }
}

#[allow(unsafe_code)]
fn set(name: &str, value: &OsStr) {
    // SAFETY: only `prepare` calls this, at the start of a program's main function, when no other
    // thread exists that could read the environment.
    unsafe { env::set_var(name, value) }
}
