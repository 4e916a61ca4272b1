//! Who is asked next: as many hosts at once as possible, none more often than the manners allow.
//! Addresses that failed come again later; a host that is down or wants to be left alone is given
//! up.

use super::config::Manners;
use super::failure::{Failure, Remedy};
use crate::CancelToken;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so many addresses of a host that could not be reached, the others are not tried.
const MOST_UNREACHABLE: u32 = 3;
/// No pause between tries is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a waiting thread looks whether the run was stopped.
const LOOK: Duration = Duration::from_millis(100);

/// What belongs to one address, by its index.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) host: String,
    pub(super) class: String,
}

/// An address whose turn it is.
pub(super) struct Turn {
    /// Its index.
    pub(super) task: usize,
    /// How often it was tried, this time included.
    pub(super) tries: u32,
    /// Why it is not to be tried.
    pub(super) not_tried: Option<Failure>,
}

/// Gives out the addresses of a run.
pub(super) struct Schedule {
    manners: Manners,
    cancel: CancelToken,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    tasks: Vec<Task>,
    tries: Vec<u32>,
    hosts: Vec<Host>,
    /// The host of each address.
    host_of: Vec<usize>,
    /// When the next turn of each host is, if it has one.
    calendar: BTreeSet<(Instant, usize)>,
    began: Instant,
    /// Addresses given out and not settled.
    active: usize,
    full: HashSet<String>,
    /// Why nothing more is given out.
    ended: Option<Failure>,
    abandoned: bool,
}

#[derive(Default)]
struct Host {
    /// Its addresses, by the time from which they may be tried.
    waiting: BTreeSet<(Instant, usize)>,
    active: usize,
    /// Its entry in the calendar.
    entry: Option<Instant>,
    not_before: Option<Instant>,
    unreachable: u32,
    given_up: Option<Failure>,
}

impl Schedule {
    pub(super) fn new(tasks: Vec<Task>, manners: Manners, cancel: CancelToken) -> Self {
        let now = Instant::now();
        let mut indices: HashMap<&str, usize> = HashMap::new();
        let mut hosts: Vec<Host> = Vec::new();
        let mut host_of = Vec::with_capacity(tasks.len());
        for (task, Task { host, .. }) in tasks.iter().enumerate() {
            let index = *indices.entry(host).or_insert(hosts.len());
            if index == hosts.len() {
                hosts.push(Host::default());
            }
            hosts[index].waiting.insert((now, task));
            host_of.push(index);
        }
        let mut state = State {
            tries: vec![0; tasks.len()],
            tasks,
            hosts,
            host_of,
            calendar: BTreeSet::new(),
            began: now,
            active: 0,
            full: HashSet::new(),
            ended: None,
            abandoned: false,
        };
        (0..state.hosts.len()).for_each(|host| state.queue(host, manners.per_host));
        Self { manners, cancel, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next address. `None` if there is none left, or the run was stopped.
    pub(super) fn next(&self) -> Option<Turn> {
        let mut state = self.state();
        loop {
            if self.cancel.is_cancelled() || state.abandoned {
                return None;
            }
            let now = Instant::now();
            let wait = match state.calendar.first() {
                Some(&(at, host)) if at <= now => return state.give_out(host, now, &self.manners),
                Some((at, _)) => at.saturating_duration_since(now).min(LOOK),
                None if state.active == 0 => return None,
                None => LOOK,
            };
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says how a try ended. `true` if that was the last try of the address.
    pub(super) fn settle(&self, turn: &Turn, failure: Option<&Failure>) -> bool {
        let mut state = self.state();
        let host = state.host_of[turn.task];
        let again = failure.and_then(|failure| self.pause(failure, turn));
        let now = Instant::now();
        if let Some(pause) = again {
            state.hosts[host].waiting.insert((now + pause, turn.task));
        }
        match failure {
            Some(_) if turn.not_tried.is_some() => {}
            Some(failure) => self.judge(&mut state.hosts[host], failure, again, now),
            None => state.hosts[host].unreachable = 0,
        }
        state.hosts[host].active -= 1;
        state.active -= 1;
        state.queue(host, self.manners.per_host);
        drop(state);
        self.changed.notify_all();
        again.is_none()
    }

    /// How long to wait for the next try; `None` if there is none.
    fn pause(&self, failure: &Failure, turn: &Turn) -> Option<Duration> {
        if turn.tries >= self.manners.tries || turn.not_tried.is_some() {
            return None;
        }
        // Doubled with each try, and random, so that many do not come back at the same moment.
        let doubled = self.manners.retry_pause.saturating_mul(1 << (turn.tries - 1).min(16));
        let own = doubled.min(LONGEST_PAUSE).mul_f64(rand::random_range(0.5..1.0));
        match failure.remedy {
            Remedy::None | Remedy::Skip => None,
            Remedy::Retry | Remedy::Reconnect => Some(own),
            Remedy::RetryAfter(asked) if asked > self.manners.max_wait => None,
            Remedy::RetryAfter(asked) => Some(asked.max(own)),
        }
    }

    /// What a failure means for the host's other addresses.
    fn judge(&self, host: &mut Host, failure: &Failure, again: Option<Duration>, now: Instant) {
        match failure.remedy {
            Remedy::RetryAfter(asked) if asked > self.manners.max_wait => {
                let reason = format!(
                    "{}: the host asks to be left alone for {} s, longer than `max_wait`; run \
                     again later",
                    failure.reason,
                    asked.as_secs()
                );
                host.given_up = Some(Failure::last(failure.kind.clone(), reason));
            }
            Remedy::RetryAfter(asked) => {
                host.not_before = host.not_before.max(Some(now + asked));
            }
            Remedy::Reconnect if again.is_none() => {
                host.unreachable += 1;
                if host.unreachable >= MOST_UNREACHABLE {
                    let reason = format!(
                        "{}; not tried, because {MOST_UNREACHABLE} other addresses of this host \
                         failed like this",
                        failure.reason
                    );
                    host.given_up = Some(Failure::last(failure.kind.clone(), reason));
                }
            }
            Remedy::Reconnect => {}
            _ => host.unreachable = 0,
        }
    }

    /// Leaves out what is still to come of a class.
    pub(super) fn fill(&self, class: &str) {
        self.state().full.insert(class.to_owned());
    }

    /// Leaves out everything that is still to come.
    pub(super) fn end(&self, why: Failure) {
        let mut state = self.state();
        state.ended = Some(why);
        (0..state.hosts.len()).for_each(|host| state.queue(host, self.manners.per_host));
        drop(state);
        self.changed.notify_all();
    }

    /// Gives out nothing more.
    pub(super) fn abandon(&self) {
        self.state().abandoned = true;
        self.changed.notify_all();
    }
}

impl State {
    /// Enters the host's next turn in the calendar, if it has one.
    fn queue(&mut self, index: usize, per_host: usize) {
        let host = &mut self.hosts[index];
        if let Some(entry) = host.entry.take() {
            self.calendar.remove(&(entry, index));
        }
        let untried = self.ended.is_some() || host.given_up.is_some();
        let turn = host.turn(per_host);
        host.entry = if untried { turn.map(|_| self.began) } else { turn };
        if let Some(at) = host.entry {
            self.calendar.insert((at, index));
        }
    }

    /// Gives out the next address of a host.
    fn give_out(&mut self, index: usize, now: Instant, manners: &Manners) -> Option<Turn> {
        let host = &mut self.hosts[index];
        let (_, task) = host.waiting.pop_first()?;
        let full = || Failure::enough("max_per_class");
        let not_tried = match self.ended.as_ref().or(host.given_up.as_ref()) {
            Some(why) => Some(why.clone()),
            None => self.full.contains(&self.tasks[task].class).then(full),
        };
        host.active += 1;
        self.active += 1;
        if not_tried.is_none() {
            self.tries[task] += 1;
            host.not_before = host.not_before.max(Some(now + manners.delay));
        }
        let tries = self.tries[task];
        self.queue(index, manners.per_host);
        Some(Turn { task, tries, not_tried })
    }
}

impl Host {
    /// When its next address may be tried; `None` if there is none or its limit is reached.
    fn turn(&self, per_host: usize) -> Option<Instant> {
        let (ready, _) = *self.waiting.first()?;
        let at = self.not_before.map_or(ready, |not_before| ready.max(not_before));
        (self.active < per_host).then_some(at)
    }
}
