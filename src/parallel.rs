//! Work spread over all cores.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many threads can run at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// `f` of 0 to `n` − 1, in order, computed on all cores. A panic of `f` is passed on.
pub(crate) fn map<T: Send + Sync>(n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let results: Vec<OnceLock<T>> = (0..n).map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = results.get(i) else { return };
            let _ = result.set(f(i));
        }
    };
    thread::scope(|scope| {
        for _ in 1..cores().min(n) {
            scope.spawn(work);
        }
        work();
    });
    // Each index was taken once, and a thread that panicked has ended the scope.
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}
