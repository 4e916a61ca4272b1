//! Shares the batches of a pipeline out among workers: whoever has room takes the next one. A batch
//! that a worker fails to compute goes back to the others, and the worker is tried again later.

use super::super::batch::Batch;
use super::super::engine::Inference;
use super::super::pipeline::{Helpers, Jobs, Taken};
use super::abandon::{TICK, abandonable};
use super::link::Link;
use super::{Fleet, MOST_IN_FLIGHT, Plan};
use crate::error::Error;
use crate::text::counted;
use crate::tf::Machine;
use log::{info, warn};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, sleep};
use std::time::{Duration, Instant};

/// How often the list of workers is read again.
const REREAD: Duration = Duration::from_secs(2);

/// The pauses before a worker is tried again double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A worker that has answered so many calls since it joined is tried again soon.
const PROVEN: u64 = 16;

/// How long the end of a run waits for a worker to free its session.
const CLOSING: Duration = Duration::from_secs(2);

/// The workers of one run.
pub(in crate::inference) struct Crew<'f> {
    pub(in crate::inference) inference: &'f Inference,
    pub(in crate::inference) fleet: &'f Fleet,
}

/// What the threads of a run share.
pub(super) struct Run<'r, B: Batch> {
    pub(super) crew: &'r Crew<'r>,
    pub(super) jobs: &'r Jobs<'r, B, B::Done>,
    pub(super) plan: Arc<Plan>,
    listed: Mutex<BTreeSet<String>>,
    /// How many workers compute.
    serving: AtomicUsize,
}

impl<B: Batch> Helpers<B, B::Done> for Crew<'_> {
    fn cores_work(&self) -> bool {
        !self.fleet.is_alone()
    }

    fn queue(&self) -> usize {
        2 * self.fleet.count()
    }

    fn help(&self, jobs: &Jobs<'_, B, B::Done>) {
        match self.plan(jobs) {
            Some(Ok(plan)) => {
                let run = Run {
                    crew: self,
                    jobs,
                    plan,
                    listed: Mutex::default(),
                    serving: AtomicUsize::new(0),
                };
                thread::scope(|scope| run.tend_all(scope));
            }
            Some(Err(_)) if self.fleet.is_alone() => self.work_here(jobs),
            Some(Err(_)) | None => {}
        }
    }
}

impl Crew<'_> {
    /// Waits for the plan; `None` if the work is over first.
    fn plan<L, R>(&self, jobs: &Jobs<'_, L, R>) -> Option<Result<Arc<Plan>, String>> {
        loop {
            if let Some(plan) = self.fleet.plan.get() {
                if let Err(reason) = plan {
                    warn!(target: "retrain", "no worker can be used: {reason}");
                }
                return Some(plan.clone());
            }
            if let Some(Err(reason)) = self.inference.prepared() {
                return Some(Err(reason.to_owned()));
            }
            if jobs.over() {
                return None;
            }
            sleep(TICK);
        }
    }

    /// Works off the jobs on this thread, which reports what is wrong with them.
    fn work_here<B: Batch>(&self, jobs: &Jobs<'_, B, B::Done>) {
        loop {
            match jobs.take() {
                Taken::Job(batch) => self.compute_here(jobs, batch),
                Taken::NoneYet => {}
                Taken::NoMore => return,
            }
        }
    }

    /// Computes a batch on this thread.
    pub(super) fn compute_here<B: Batch>(&self, jobs: &Jobs<'_, B, B::Done>, batch: B) {
        jobs.settle();
        let images = batch.images().into_iter();
        let decoded = images.map(|i| self.inference.decode(i.to_vec())).collect();
        let vectors = self.inference.run(decoded);
        jobs.finish(batch.finish(vectors));
    }
}

impl<'r, B: Batch> Run<'r, B> {
    /// Has a thread for each worker that is listed, until the work is over.
    fn tend_all<'s>(&'s self, scope: &'s Scope<'s, '_>) {
        let workers = &self.crew.fleet.workers;
        let mut known: BTreeSet<String> = BTreeSet::new();
        let (mut served, mut unread) = (Instant::now(), false);
        let mut was_serving = false;
        while !self.jobs.over() {
            match workers.addresses() {
                Ok(addresses) => {
                    // Listed first, because a worker that is not listed is left alone.
                    self.listed().clone_from(&addresses);
                    for address in addresses.difference(&known) {
                        let address = address.clone();
                        scope.spawn(move || self.tend(&address, scope));
                    }
                    known.extend(addresses);
                    unread = false;
                }
                Err(e) if !unread => {
                    warn!(target: "retrain", "{e}; the workers stay as they were");
                    unread = true;
                }
                Err(_) => {}
            }
            let until = Instant::now() + REREAD;
            while Instant::now() < until && !self.jobs.over() {
                sleep(TICK);
                let serving = self.serving.load(Ordering::SeqCst) > 0;
                if serving {
                    served = Instant::now();
                } else if was_serving {
                    self.say_none_left();
                }
                was_serving = serving;
                if let Some(why) = self.why_over(served) {
                    self.jobs.finish(Err(why));
                    return;
                }
            }
        }
    }

    /// Why a run that only workers compute ends now; `served` is when one last did.
    fn why_over(&self, served: Instant) -> Option<Error> {
        let workers = &self.crew.fleet.workers;
        if !workers.only || self.serving.load(Ordering::SeqCst) > 0 {
            return None;
        }
        if workers.cancel.is_cancelled() {
            let kept = "what was computed is cached; run the same command to continue".into();
            return Some(Error::Cancelled { kept });
        }
        (served.elapsed() > workers.give_up).then(|| {
            let message = format!(
                "no worker has answered for {} s; start one and run the same command again, or \
                 leave out `workers_only`",
                workers.give_up.as_secs()
            );
            Error::tensorflow("calling workers", message)
        })
    }

    fn say_none_left(&self) {
        if self.jobs.over() {
            return;
        }
        let workers = &self.crew.fleet.workers;
        match workers.only {
            true => warn!(
                target: "retrain",
                "no worker is left; waiting up to {} s for one",
                workers.give_up.as_secs()
            ),
            false => warn!(target: "retrain", "no worker is left; this machine goes on alone"),
        }
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_listed(&self, address: &str) -> bool {
        self.listed().contains(address)
    }

    /// Whether a worker is still needed.
    pub(super) fn wants(&self, address: &str) -> bool {
        !self.jobs.over() && self.is_listed(address)
    }

    /// Joins a worker again and again, while it is listed.
    fn tend<'s>(&'s self, address: &str, scope: &'s Scope<'s, '_>) {
        let mut pause = FIRST_PAUSE;
        let mut said = String::new();
        let mut images = 0;
        while !self.jobs.over() {
            // It may be listed again.
            if !self.is_listed(address) {
                sleep(TICK);
                continue;
            }
            let (plan, to) = (Arc::clone(&self.plan), address.to_owned());
            let joined = abandonable(move || Link::join(&plan, &to), || !self.wants(address));
            match joined {
                // It is not needed any more.
                None => {}
                Some(Ok(link)) => {
                    said.clear();
                    let link = Arc::new(link);
                    self.work_with(&link, scope);
                    images += link.images();
                    if link.calls() >= PROVEN {
                        pause = FIRST_PAUSE;
                    }
                    self.leave(link);
                }
                Some(Err(reason)) if reason != said => {
                    warn!(
                        target: "retrain",
                        "worker {address} cannot be used: {reason}; it is tried again"
                    );
                    said = reason;
                }
                Some(Err(_)) => {}
            }
            let until = Instant::now() + pause;
            while self.wants(address) && Instant::now() < until {
                sleep(TICK);
            }
            pause = (2 * pause).min(LAST_PAUSE);
        }
        if images > 0 {
            let images = counted(images, "image");
            info!(target: "retrain", "worker {address} has computed {images}");
        }
    }

    /// Uses a worker that has joined as long as it can be used.
    fn work_with<'s>(&'s self, link: &Arc<Link>, scope: &'s Scope<'s, '_>) {
        self.say_joined(link);
        self.serve(link, scope);
        if let Some(reason) = link.broken() {
            warn!(target: "retrain", "worker {} is dropped: {reason}", link.address);
        }
    }

    fn say_joined(&self, link: &Link) {
        let here = Machine::this();
        let machine = match &link.machine {
            Some(machine) if *machine == here => format!("{machine}, as here"),
            Some(machine) => format!("{machine}, here {here}"),
            None => "it does not say which TensorFlow it is".into(),
        };
        let equal = match link.off {
            None => "its answers are this machine's to the last bit".to_owned(),
            Some(off) => format!(
                "its answers differ from this machine's in the last bits (by {off:.1e}), so \
                 those depend on which machine computes which image"
            ),
        };
        info!(target: "retrain", "worker {} has joined ({machine}): {equal}", link.address);
    }

    /// Gives a worker batches until it is dropped or not needed any more.
    fn serve<'s>(&'s self, link: &Arc<Link>, scope: &'s Scope<'s, '_>) {
        self.serving.fetch_add(1, Ordering::SeqCst);
        let mut lanes = Vec::new();
        while self.wants(&link.address) && link.broken().is_none() {
            if lanes.len() < link.window().size().min(MOST_IN_FLIGHT) {
                let (number, link) = (lanes.len(), Arc::clone(link));
                lanes.push(scope.spawn(move || self.lane(&link, number)));
            } else {
                sleep(TICK);
            }
        }
        for lane in lanes {
            lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        self.serving.fetch_sub(1, Ordering::SeqCst);
    }

    /// Ends a session without waiting long for its worker.
    fn leave(&self, link: Arc<Link>) {
        let until = Instant::now() + if link.broken().is_none() { CLOSING } else { TICK };
        abandonable(move || drop(link), || Instant::now() > until);
    }
}
