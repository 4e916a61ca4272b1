//! Shares the batches of a pipeline out among workers: whoever has room takes the next one. A batch
//! that a worker fails to compute goes back to the others, and the worker is tried again later.

use super::super::batches::{Batch, Vectors};
use super::super::engine::Inference;
use super::super::pipeline::{Helpers, Jobs, Taken};
use super::graph::Sendable;
use super::link::Link;
use super::{Fleet, MOST_IN_FLIGHT, Plan};
use crate::error::{Error, Result};
use crate::text::counted;
use crate::tf::Machine;
use crossbeam_channel::{RecvTimeoutError, bounded};
use log::{info, warn};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, sleep};
use std::time::{Duration, Instant};

/// How often waiting threads look around.
const TICK: Duration = Duration::from_millis(20);

/// How often the list of workers is read again.
const REREAD: Duration = Duration::from_secs(2);

/// The pauses before a worker is tried again double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A worker that has answered so many calls since it joined is tried again soon.
const PROVEN: u64 = 16;

/// One in so many calls is checked: an image of it is computed on this machine, too.
const CHECKED: u64 = 64;

/// How long the end of a run waits for a worker to free its session.
const CLOSING: Duration = Duration::from_secs(2);

/// The workers of one run.
pub(in crate::inference) struct Crew<'f> {
    pub(in crate::inference) inference: &'f Inference,
    pub(in crate::inference) fleet: &'f Fleet,
}

/// What the threads of a run share.
struct Run<'r, B: Batch> {
    crew: &'r Crew<'r>,
    jobs: &'r Jobs<'r, B, B::Done>,
    plan: Arc<Plan>,
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
        let vectors = |batch: &B| {
            let images = batch.images().into_iter();
            self.inference.run(images.map(|i| self.inference.decode(i.to_vec())).collect())
        };
        loop {
            match jobs.take() {
                Taken::Job(batch) => {
                    jobs.settle();
                    let vectors = vectors(&batch);
                    jobs.finish(batch.finish(vectors));
                }
                Taken::NoneYet => {}
                Taken::NoMore => return,
            }
        }
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
                    for address in addresses.difference(&known) {
                        let address = address.clone();
                        scope.spawn(move || self.tend(&address, scope));
                    }
                    known.clone_from(&addresses);
                    *self.listed() = addresses;
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
                if workers.only && served.elapsed() > workers.give_up {
                    let seconds = workers.give_up.as_secs();
                    let message = format!("no worker has answered for {seconds} s");
                    self.jobs.finish(Err(Error::usage("workers", message)));
                    return;
                }
            }
        }
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
    fn wants(&self, address: &str) -> bool {
        !self.jobs.over() && self.is_listed(address)
    }

    /// Joins a worker again and again, while it is listed.
    fn tend<'s>(&'s self, address: &str, scope: &'s Scope<'s, '_>) {
        let mut pause = FIRST_PAUSE;
        let mut said = String::new();
        let mut images = 0;
        while self.wants(address) {
            let (plan, to) = (Arc::clone(&self.plan), address.to_owned());
            let joined = abandonable(move || Link::join(&plan, &to), || !self.wants(address));
            match joined {
                None => break,
                Some(Ok(link)) => {
                    said.clear();
                    let link = Arc::new(link);
                    self.say_joined(&link);
                    let calls = self.serve(&link, scope);
                    images += link.images();
                    if calls >= PROVEN {
                        pause = FIRST_PAUSE;
                    }
                    if let Some(reason) = link.broken() {
                        warn!(target: "retrain", "worker {address} is dropped: {reason}");
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

    /// Gives a worker batches until it is dropped or not needed any more. Returns how many calls it
    /// has answered.
    fn serve<'s>(&'s self, link: &Arc<Link>, scope: &'s Scope<'s, '_>) -> u64 {
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
        link.calls()
    }

    /// Ends a session without waiting long for its worker.
    fn leave(&self, link: Arc<Link>) {
        let until = Instant::now() + if link.broken().is_none() { CLOSING } else { TICK };
        abandonable(move || drop(link), || Instant::now() > until);
    }

    /// One batch of those that a worker has at once, after the other.
    fn lane(&self, link: &Arc<Link>, number: usize) {
        while self.wants(&link.address) && link.broken().is_none() {
            if number >= link.window().size() {
                sleep(TICK);
                continue;
            }
            let Taken::Job(batch) = self.jobs.take() else { continue };
            match self.vectors(link, &batch.images()) {
                Ok(vectors) => {
                    self.jobs.settle();
                    link.count_images(vectors.len());
                    self.jobs.finish(batch.finish(Ok(vectors)));
                }
                Err(reason) => {
                    link.drop_because(reason);
                    self.jobs.give_back(batch);
                }
            }
        }
    }

    /// The vectors of a batch, computed by a worker.
    ///
    /// # Errors
    /// Why the worker is to be dropped.
    fn vectors(&self, link: &Arc<Link>, images: &[&[u8]]) -> Result<Vectors, String> {
        let undecoded = |image: &&[u8]| self.crew.inference.undecoded(image.to_vec());
        let sendable: Vec<_> =
            images.iter().map(|image| undecoded(image).map(Sendable::new)).collect();
        let mut vectors: Vectors = Vec::new();
        let mut good = Vec::new();
        for (i, sendable) in sendable.into_iter().enumerate() {
            vectors.push(sendable.as_ref().map(|_| Vec::new()).map_err(Clone::clone));
            good.extend(sendable.ok().map(|sendable| (i, sendable)));
        }
        for few in good.chunks(self.plan.slots) {
            let few: Vec<_> = few.iter().map(|(i, s)| (*i, s.clone())).collect();
            self.few_vectors(link, images, few, &mut vectors)?;
        }
        Ok(vectors)
    }

    /// Fills in the vectors of as many images as a call takes.
    fn few_vectors(
        &self,
        link: &Arc<Link>,
        images: &[&[u8]],
        mut few: Vec<(usize, Sendable)>,
        vectors: &mut Vectors,
    ) -> Result<(), String> {
        let answer = loop {
            match self.call(link, few.iter().map(|(_, image)| image.clone()).collect()) {
                Ok(answer) => break answer,
                Err(reason) if link.broken().is_none() => {
                    // Perhaps an image cannot be decoded, which is not the worker's fault.
                    let before = few.len();
                    few.retain(|(i, _)| {
                        let decoded = self.crew.inference.decode(images[*i].to_vec());
                        vectors[*i] = decoded.map(|_| Vec::new());
                        vectors[*i].is_ok()
                    });
                    if few.is_empty() {
                        return Ok(());
                    }
                    if few.len() == before {
                        return Err(reason);
                    }
                }
                Err(reason) => return Err(reason),
            }
        };
        let checked = link.count_call() % CHECKED == CHECKED - 1;
        let size = self.plan.known.len();
        for (n, ((i, _), vector)) in few.iter().zip(answer.chunks(size.max(1))).enumerate() {
            let finite = vector.iter().all(|value| value.is_finite());
            if !finite || (checked && n == 0) {
                self.check(link, images[*i], vector)?;
            }
            vectors[*i] = Ok(vector.to_vec());
        }
        Ok(())
    }

    /// Computes an image on this machine, too.
    fn check(&self, link: &Link, image: &[u8], vector: &[f32]) -> Result<(), String> {
        let known = self.crew.inference.alone(image.to_vec()).map_err(|e| e.to_string())??;
        if known.iter().any(|value| !value.is_finite()) {
            return Ok(());
        }
        if link.compare(vector, &known)? {
            warn!(
                target: "retrain",
                "worker {}: its answers are this machine's within 1e-4, but no longer to the \
                 last bit",
                link.address
            );
        }
        Ok(())
    }

    /// Calls a worker on a thread of its own, which is abandoned if the worker has gone.
    fn call(&self, link: &Arc<Link>, images: Vec<Sendable>) -> Result<Vec<f32>, String> {
        let (limit, late) = link.window().patience();
        let start = Instant::now();
        let mut ask = start + late;
        let connection = Arc::clone(&link.connection);
        let answer = abandonable(
            move || connection.call(&images, limit),
            || {
                if link.broken().is_none() && Instant::now() > ask && link.has_gone() {
                    link.drop_because("nothing listens there any more".into());
                }
                ask = if Instant::now() > ask { Instant::now() + late } else { ask };
                link.broken().is_some() || self.jobs.over()
            },
        );
        let answer = answer.unwrap_or_else(|| Err("it is not waited for".into()))?;
        link.window().record(start.elapsed());
        Ok(answer)
    }
}

/// Runs `f` on a thread of its own, which is left alone once `enough` says so: a call to a machine
/// that has gone may take long to end. `None` if that was so.
fn abandonable<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
    mut enough: impl FnMut() -> bool,
) -> Option<T> {
    let (send, receive) = bounded(1);
    thread::spawn(move || send.send(f()));
    loop {
        match receive.recv_timeout(TICK) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Timeout) if enough() => return None,
            Err(RecvTimeoutError::Timeout) => {}
            // The call has panicked.
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}
