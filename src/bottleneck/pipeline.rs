//! Work on all cores, with reading before it and writing after it, each on threads of their own. Queues are bounded:
//! neither a slow disk nor a slow network makes memory grow.

use crate::error::Result;
use crossbeam_channel::bounded;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sends each job through `load` (one thread), `work` (as many as there are cores) and `finish` (this thread). Jobs
/// finish in any order. The first error ends it; what is under way then is dropped.
pub(super) fn run<J: Send, L: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    load: impl Fn(J) -> L + Send,
    work: impl Fn(L) -> Result<R> + Sync,
    mut finish: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (send_loaded, loaded) = bounded(cores);
    let (send_done, done) = bounded(2 * cores);
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopped = &stopped;
        scope.spawn(move || {
            for job in jobs {
                if stopped.load(Ordering::Relaxed) || send_loaded.send(load(job)).is_err() {
                    break;
                }
            }
        });
        for _ in 0..cores {
            let (loaded, send_done, work) = (loaded.clone(), send_done.clone(), &work);
            scope.spawn(move || {
                for job in loaded {
                    if stopped.load(Ordering::Relaxed) || send_done.send(work(job)).is_err() {
                        break;
                    }
                }
            });
        }
        drop((loaded, send_done));
        let mut result = Ok(());
        for outcome in done {
            // After an error the queue is emptied, so that nobody waits for room in it.
            if result.is_ok() {
                result = outcome.and_then(&mut finish);
                stopped.store(result.is_err(), Ordering::Relaxed);
            }
        }
        result
    })
}
