//! Discrete events, and what is shared evenly: a core by its tasks, a link by what is being sent.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something at a moment. The earlier is the greater, as the heaps want it; at one moment, whatever
/// was entered first.
#[derive(Debug)]
struct At<T> {
    moment: f64,
    number: u64,
    what: T,
}

impl<T> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for At<T> {}

impl<T> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let moments = self.moment.total_cmp(&other.moment);
        moments.then(self.number.cmp(&other.number)).reverse()
    }
}

#[derive(Debug)]
enum Event<T> {
    Due(T),
    /// A resource has finished a task, unless its tasks have changed since.
    Finished {
        resource: usize,
        version: u64,
    },
}

#[derive(Debug)]
struct Resource<T> {
    /// The seconds that a task present all the time would have got.
    given: f64,
    /// When that was brought up to date.
    updated: f64,
    /// By how much must have been given for each to be finished.
    tasks: BinaryHeap<At<T>>,
    version: u64,
}

/// The time and the resources. `T` is what happens when something is over.
#[derive(Debug)]
pub(crate) struct Resources<T> {
    now: f64,
    resources: Vec<Resource<T>>,
    events: BinaryHeap<At<Event<T>>>,
    entered: u64,
}

impl<T> Resources<T> {
    pub(crate) fn new(count: usize) -> Self {
        let resource =
            |_| Resource { given: 0.0, updated: 0.0, tasks: BinaryHeap::new(), version: 0 };
        let resources = (0..count).map(resource).collect();
        Self { now: 0.0, resources, events: BinaryHeap::new(), entered: 0 }
    }

    pub(crate) fn now(&self) -> f64 {
        self.now
    }

    /// Whichever of `several` has the fewest tasks.
    pub(crate) fn least_used(&self, several: &[usize]) -> usize {
        let tasks = |&&resource: &&usize| self.resources[resource].tasks.len();
        several.iter().min_by_key(tasks).copied().unwrap_or_default()
    }

    /// Lets `then` happen after a while.
    pub(crate) fn after(&mut self, seconds: f64, then: T) {
        self.enter(self.now + seconds, Event::Due(then));
    }

    /// Lets `then` happen when a resource has done so many seconds of work on it.
    pub(crate) fn work(&mut self, resource: usize, seconds: f64, then: T) {
        self.entered += 1;
        let (now, number) = (self.now, self.entered);
        let used = &mut self.resources[resource];
        used.update(now);
        used.tasks.push(At { moment: used.given + seconds, number, what: then });
        self.expect(resource);
    }

    /// What happens next.
    pub(crate) fn next(&mut self) -> Option<T> {
        loop {
            let At { moment, what, .. } = self.events.pop()?;
            match what {
                Event::Due(then) => {
                    self.now = moment;
                    return Some(then);
                }
                Event::Finished { resource, version } => {
                    let used = &mut self.resources[resource];
                    if used.version != version {
                        continue;
                    }
                    self.now = moment;
                    used.update(moment);
                    let finished = used.tasks.pop();
                    self.expect(resource);
                    return finished.map(|task| task.what);
                }
            }
        }
    }

    fn enter(&mut self, moment: f64, what: Event<T>) {
        self.entered += 1;
        self.events.push(At { moment, number: self.entered, what });
    }

    /// Enters when a resource will have finished its next task.
    fn expect(&mut self, resource: usize) {
        let used = &mut self.resources[resource];
        used.version += 1;
        let Some(first) = used.tasks.peek() else { return };
        let left = (first.moment - used.given).max(0.0) * used.tasks.len() as f64;
        let event = Event::Finished { resource, version: used.version };
        self.enter(self.now + left, event);
    }
}

impl<T> Resource<T> {
    fn update(&mut self, now: f64) {
        if !self.tasks.is_empty() {
            self.given += (now - self.updated) / self.tasks.len() as f64;
        }
        self.updated = now;
    }
}
