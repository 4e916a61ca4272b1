//! Loads libtensorflow into the process of the tests, or of a benchmark, as the programs do.

use retrain::tf;
use std::env;
use std::ffi::OsStr;
use std::sync::Once;

/// Sets what the programs set in the environment, and loads libtensorflow. To be called before
/// anything that uses it.
pub(crate) fn load_tensorflow() {
    prepare();
    tf::load().expect("libtensorflow can be loaded");
}

/// Sets what the programs set in the environment, for tests that leave the loading to the library.
pub(crate) fn prepare() {
    static ENVIRONMENT: Once = Once::new();
    ENVIRONMENT.call_once(|| {
        set_default("TF_CPP_MIN_LOG_LEVEL", "3".as_ref());
        set_default("TF_ENABLE_ONEDNN_OPTS", "1".as_ref());
        let library = tf::find_library().expect("libtensorflow is on this machine");
        set_default("TENSORFLOW_DIR", library.parent().expect("a directory").as_os_str());
    });
}

#[allow(unsafe_code)]
fn set_default(name: &str, value: &OsStr) {
    if env::var_os(name).is_none() {
        // SAFETY: the other threads are tests in Rust, whose reads of the environment the standard
        // library guards; TensorFlow, which reads it through C, is not loaded yet.
        unsafe { env::set_var(name, value) }
    }
}
