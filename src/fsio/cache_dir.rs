//! The per-user cache. The build script includes this file, so it uses std alone.

use std::env;
use std::path::PathBuf;

/// `RETRAIN_CACHE_DIR`, else `retrain` in the platform's directory for caches; absolute. `None` if
/// the environment does not say where the user's home is.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let named = |name| env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    if let Some(dir) = named("RETRAIN_CACHE_DIR") {
        return std::path::absolute(dir).ok();
    }
    let caches = named(CACHES).filter(|dir| dir.is_absolute());
    let caches = caches.or_else(|| Some(named(HOME)?.join(HOME_CACHES)))?;
    Some(caches.join("retrain"))
}

const CACHES: &str = if cfg!(windows) { "LOCALAPPDATA" } else { "XDG_CACHE_HOME" };
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
const HOME_CACHES: &str = if cfg!(windows) {
    "AppData/Local"
} else if cfg!(target_os = "macos") {
    "Library/Caches"
} else {
    ".cache"
};
