//! A pipeline: jobs are read on one thread, processed on all cores, and finished on the calling
//! thread. Queues are bounded, so neither a slow disk nor slow processing makes memory grow.

use crate::error::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long to wait for a new job before checking on half-done ones, because jobs may arrive
/// slowly.
const PATIENCE: Duration = Duration::from_millis(20);

/// The pause between checks whether work can begin.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The steps of each job, in order. Jobs may finish in any order.
pub(crate) struct Steps<Load, First, Waits, Second, Ready> {
    /// On a thread of its own.
    pub(crate) load: Load,
    /// On all cores.
    pub(crate) first: First,
    /// Whether a half-done job must wait until `ready`. If not, it goes on at once.
    pub(crate) waits: Waits,
    /// On all cores.
    pub(crate) second: Second,
    /// Whether `second` would start without waiting. Until then, `first` processes further jobs, up
    /// to `backlog` of them.
    pub(crate) ready: Ready,
    /// See `ready`.
    pub(crate) backlog: usize,
}

/// State shared by all threads of a pipeline.
#[derive(Default)]
struct Status {
    /// Whether an error has ended the work.
    stopped: AtomicBool,
    /// Whether all jobs have been loaded.
    all_loaded: AtomicBool,
}

impl Status {
    fn going(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }
}

/// Takes all jobs through the steps; `finish` runs on the calling thread.
///
/// # Errors
/// The first error. It ends the run, and unfinished jobs are dropped.
pub(crate) fn run<J: Send, L: Send, M: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    steps: Steps<
        impl Fn(J) -> L + Send,
        impl Fn(L) -> M + Sync,
        impl Fn(&M) -> bool + Sync,
        impl Fn(M) -> Result<R> + Sync,
        impl Fn() -> bool + Sync,
    >,
    finish: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let Steps { load, first, waits, second, ready, backlog } = steps;
    let cores = crate::parallel::cores();
    let (send_loaded, loaded) = bounded(cores);
    let (send_waiting, waiting) = bounded(backlog);
    let (send_done, done) = bounded(2 * cores);
    let status = &Status::default();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut jobs = jobs.take_while(|_| status.going());
            let _ = jobs.try_for_each(|job| send_loaded.send(load(job)));
            status.all_loaded.store(true, Ordering::Relaxed);
        });
        for core in 0..cores {
            let worker = Worker {
                first: &first,
                waits: &waits,
                second: &second,
                ready: &ready,
                status,
                loaded: loaded.clone(),
                waiting: waiting.clone(),
                done: send_done.clone(),
            };
            let send_waiting = send_waiting.clone();
            // One core is left free for whatever makes `second` ready, so that less piles up
            // before it.
            let idles = core == 0 && cores > 1;
            scope.spawn(move || worker.work(send_waiting, idles));
        }
        drop((loaded, send_waiting, waiting, send_done));
        collect(&done, status, finish)
    })
}

/// Passes outcomes to `finish` until there are no more.
fn collect<R>(
    done: &Receiver<Result<R>>,
    status: &Status,
    mut finish: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    for outcome in done {
        // After an error, the queue is still drained so that no thread waits for room in it.
        if result.is_ok() {
            result = Result::and_then(outcome, &mut finish);
            status.stopped.store(result.is_err(), Ordering::Relaxed);
        }
    }
    result
}

/// One thread's share of the work.
struct Worker<'s, First, Waits, Second, Ready, L, M, R> {
    first: &'s First,
    waits: &'s Waits,
    second: &'s Second,
    ready: &'s Ready,
    status: &'s Status,
    loaded: Receiver<L>,
    waiting: Receiver<M>,
    done: Sender<Result<R>>,
}

impl<First, Waits, Second, Ready, L, M, R> Worker<'_, First, Waits, Second, Ready, L, M, R>
where
    First: Fn(L) -> M,
    Waits: Fn(&M) -> bool,
    Second: Fn(M) -> Result<R>,
    Ready: Fn() -> bool,
{
    fn work(&self, send_waiting: Sender<M>, idles_first: bool) {
        while idles_first && !(self.ready)() && self.may_become_ready() {
            std::thread::sleep(POLL_INTERVAL);
        }
        loop {
            let goes_on = match self.loaded.recv_timeout(PATIENCE) {
                Ok(job) => {
                    let half_done = (self.first)(job);
                    if (self.ready)() || !(self.waits)(&half_done) {
                        Some(half_done)
                    } else {
                        send_waiting.try_send(half_done).err().map(TrySendError::into_inner)
                    }
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let completed = goes_on.into_iter().all(|job| self.complete(job))
                && (!(self.ready)() || self.waiting.try_iter().all(|job| self.complete(job)));
            if !completed {
                return;
            }
        }
        // The queue of half-done jobs closes once every worker has dropped its sender.
        drop(send_waiting);
        self.waiting.iter().all(|job| self.complete(job));
    }

    fn may_become_ready(&self) -> bool {
        !self.status.all_loaded.load(Ordering::Relaxed) && self.status.going()
    }

    /// Does the second step and passes on its outcome; `false` once the work has ended.
    fn complete(&self, job: M) -> bool {
        self.status.going() && self.done.send((self.second)(job)).is_ok()
    }
}
