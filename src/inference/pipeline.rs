//! Work on all cores, with reading before it and writing after it, each on threads of their own.
//! Queues are bounded: neither a slow disk nor a slow network makes memory grow.

use crate::error::Result;
use crossbeam_channel::{RecvTimeoutError, Sender, TrySendError, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long to wait for a job before looking whether half-done ones can go on: jobs may come
/// slowly.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often to look whether work can begin.
const GLANCE: Duration = Duration::from_millis(1);

/// What happens to each job, in this order; jobs finish in any.
pub(crate) struct Steps<Load, First, Second, Ready> {
    /// On a thread of its own.
    pub(crate) load: Load,
    /// On all cores.
    pub(crate) first: First,
    /// On all cores.
    pub(crate) second: Second,
    /// Whether `second` would begin at once. Until then `first` goes on with further jobs, up to
    /// `backlog` of them.
    pub(crate) ready: Ready,
    /// See `ready`.
    pub(crate) backlog: usize,
}

/// Takes all jobs through the steps; `finish` runs on this thread. The first error ends it; what is
/// under way then is dropped.
pub(crate) fn run<J: Send, L: Send, M: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    steps: Steps<
        impl Fn(J) -> L + Send,
        impl Fn(L) -> M + Sync,
        impl Fn(M) -> Result<R> + Sync,
        impl Fn() -> bool + Sync,
    >,
    mut finish: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let Steps { load, first, second, ready, backlog } = steps;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (send_loaded, loaded) = bounded(cores);
    let (send_waiting, waiting) = bounded(backlog);
    let (send_done, done) = bounded(2 * cores);
    let (stopped, all_loaded) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (stopped, all_loaded) = (&stopped, &all_loaded);
        let going = || !stopped.load(Ordering::Relaxed);
        scope.spawn(move || {
            let _ = jobs.take_while(|_| going()).try_for_each(|job| send_loaded.send(load(job)));
            all_loaded.store(true, Ordering::Relaxed);
        });
        for worker in 0..cores {
            let (loaded, send_waiting, waiting) =
                (loaded.clone(), send_waiting.clone(), waiting.clone());
            let (first, second, ready) = (&first, &second, &ready);
            let complete = completer(second, going, send_done.clone());
            scope.spawn(move || {
                // One core is left to what makes `second` ready: the sooner that ends, the less
                // piles up before it.
                while worker == 0
                    && cores > 1
                    && !ready()
                    && !all_loaded.load(Ordering::Relaxed)
                    && going()
                {
                    std::thread::sleep(GLANCE);
                }
                loop {
                    let overflow = match loaded.recv_timeout(PATIENCE) {
                        Ok(job) if ready() => Some(first(job)),
                        Ok(job) => {
                            send_waiting.try_send(first(job)).err().map(TrySendError::into_inner)
                        }
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => break,
                    };
                    if !overflow.into_iter().all(&complete)
                        || ready() && !waiting.try_iter().all(&complete)
                    {
                        return;
                    }
                }
                drop(send_waiting);
                waiting.into_iter().all(complete);
            });
        }
        drop((loaded, send_waiting, waiting, send_done));
        let mut result = Ok(());
        for outcome in done {
            // After an error the queue is emptied, so that nobody waits for room in it.
            if result.is_ok() {
                result = Result::and_then(outcome, &mut finish);
                stopped.store(result.is_err(), Ordering::Relaxed);
            }
        }
        result
    })
}

/// Does the second step and passes its outcome on; `false` once that makes no sense any more.
fn completer<M, R>(
    second: impl Fn(M) -> Result<R>,
    going: impl Fn() -> bool,
    done: Sender<Result<R>>,
) -> impl Fn(M) -> bool {
    move |job| going() && done.send(second(job)).is_ok()
}
