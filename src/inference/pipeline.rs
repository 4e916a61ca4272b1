//! A pipeline: jobs are read on one thread, processed on all cores, and finished on the calling
//! thread. Queues are bounded, so neither a slow disk nor slow processing makes memory grow.

use crate::error::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded, unbounded};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// Those who do both steps of a job in their own way, such as on other machines.
pub(crate) trait Helpers<L, R>: Sync {
    /// Whether this machine's cores work, too.
    fn cores_work(&self) -> bool;

    /// How many loaded jobs may wait, besides one for each core.
    fn queue(&self) -> usize;

    /// Works until there are no more jobs. Called once, on a thread of its own.
    fn help(&self, jobs: &Jobs<'_, L, R>);
}

/// State shared by all threads of a pipeline.
#[derive(Default)]
struct Status {
    /// Whether an error has ended the work.
    stopped: AtomicBool,
    /// Whether all jobs have been loaded.
    all_loaded: AtomicBool,
    /// How many jobs have been loaded that may still be given back.
    unsettled: AtomicUsize,
}

impl Status {
    fn going(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    fn all_settled(&self) -> bool {
        self.all_loaded.load(Ordering::SeqCst) && self.unsettled.load(Ordering::SeqCst) == 0
    }
}

/// The loaded jobs.
pub(crate) struct Jobs<'s, L, R> {
    status: &'s Status,
    loaded: Receiver<L>,
    give_back: Sender<L>,
    given_back: Receiver<L>,
    done: Sender<Result<R>>,
}

/// The answer to a request for a job.
pub(crate) enum Taken<L> {
    Job(L),
    /// There is none at the moment.
    NoneYet,
    /// There will be no more.
    NoMore,
}

impl<L, R> Clone for Jobs<'_, L, R> {
    fn clone(&self) -> Self {
        Self {
            status: self.status,
            loaded: self.loaded.clone(),
            give_back: self.give_back.clone(),
            given_back: self.given_back.clone(),
            done: self.done.clone(),
        }
    }
}

impl<L, R> Jobs<'_, L, R> {
    /// Takes a job, to be settled or given back. Waits a little for one.
    pub(crate) fn take(&self) -> Taken<L> {
        if self.over() {
            return Taken::NoMore;
        }
        if let Ok(job) = self.given_back.try_recv() {
            return Taken::Job(job);
        }
        match self.loaded.recv_timeout(PATIENCE) {
            Ok(job) => Taken::Job(job),
            Err(RecvTimeoutError::Timeout) => Taken::NoneYet,
            Err(RecvTimeoutError::Disconnected) if self.over() => Taken::NoMore,
            // A job that somebody else has taken may still be given back.
            Err(RecvTimeoutError::Disconnected) => {
                self.given_back.recv_timeout(PATIENCE).map_or(Taken::NoneYet, Taken::Job)
            }
        }
    }

    /// Promises that a job will not be given back.
    pub(crate) fn settle(&self) {
        self.status.unsettled.fetch_sub(1, Ordering::SeqCst);
    }

    /// Leaves a job to others.
    pub(crate) fn give_back(&self, job: L) {
        // The receiver lives as long as this.
        let _ = self.give_back.send(job);
    }

    /// Passes on a job's outcome.
    pub(crate) fn finish(&self, outcome: Result<R>) {
        // This fails once nobody waits for outcomes any more.
        let _ = self.done.send(outcome);
    }

    /// Whether nobody may take further jobs.
    pub(crate) fn over(&self) -> bool {
        !self.status.going() || self.status.all_settled()
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
    helpers: Option<&dyn Helpers<L, R>>,
    finish: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let Steps { load, first, waits, second, ready, backlog } = steps;
    let cores = crate::parallel::cores();
    let queue = helpers.map_or(0, Helpers::queue);
    let (send_loaded, loaded) = bounded(cores + queue);
    let (give_back, given_back) = unbounded();
    let (send_waiting, waiting) = bounded(backlog);
    let (send_done, done) = bounded(2 * cores + queue);
    let status = &Status::default();
    let all = Jobs { status, loaded, give_back, given_back, done: send_done };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut jobs = jobs.take_while(|_| status.going());
            let _ = jobs.try_for_each(|job| {
                status.unsettled.fetch_add(1, Ordering::SeqCst);
                send_loaded.send(load(job))
            });
            status.all_loaded.store(true, Ordering::SeqCst);
        });
        if let Some(helpers) = helpers {
            let all = all.clone();
            scope.spawn(move || helpers.help(&all));
        }
        for core in 0..if helpers.is_none_or(Helpers::cores_work) { cores } else { 0 } {
            let worker = Worker {
                first: &first,
                waits: &waits,
                second: &second,
                ready: &ready,
                status,
                jobs: all.clone(),
                waiting: waiting.clone(),
            };
            let send_waiting = send_waiting.clone();
            // One core is left free for whatever makes `second` ready, so that less piles up
            // before it.
            let idles = core == 0 && cores > 1;
            scope.spawn(move || worker.work(send_waiting, idles));
        }
        drop((all, send_waiting, waiting));
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
    jobs: Jobs<'s, L, R>,
    waiting: Receiver<M>,
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
            let goes_on = match self.jobs.take() {
                Taken::Job(job) => {
                    self.jobs.settle();
                    let half_done = (self.first)(job);
                    if (self.ready)() || !(self.waits)(&half_done) {
                        Some(half_done)
                    } else {
                        send_waiting.try_send(half_done).err().map(TrySendError::into_inner)
                    }
                }
                Taken::NoneYet => None,
                Taken::NoMore => break,
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
        self.status.going() && self.jobs.done.send((self.second)(job)).is_ok()
    }
}
