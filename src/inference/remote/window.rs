//! How many batches a worker has at once: as many as it answers without letting them wait long,
//! which hides the network's delay and keeps its cores busy.

use super::MOST_IN_FLIGHT;
use std::time::Duration;

/// The shortest time after which a call counts as lost: a busy machine may stall for seconds.
const SHORTEST_LIMIT: Duration = Duration::from_secs(5);

/// A call that takes so many times the usual time counts as lost.
const PATIENCE: f64 = 20.0;

/// Batches wait long if a call takes so many times the shortest time.
const LONG: f64 = 3.0;

/// The times of a worker's calls.
#[derive(Debug)]
pub(super) struct Window {
    /// How many batches it may have at once.
    size: usize,
    /// The shortest call in seconds; slowly forgotten, because conditions change.
    shortest: f64,
    /// The usual call in seconds.
    usual: f64,
    /// Quick calls since the window last grew.
    quick: usize,
}

impl Window {
    /// `first` is the time of the first call.
    pub(super) fn new(first: Duration) -> Self {
        let seconds = first.as_secs_f64();
        Self { size: 2, shortest: seconds, usual: seconds, quick: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// How long to wait for a call, and after how long it is late.
    pub(super) fn patience(&self) -> (Duration, Duration) {
        let limit = SHORTEST_LIMIT.max(Duration::from_secs_f64(PATIENCE * self.usual));
        (limit, Duration::from_secs_f64(0.25 + LONG * self.usual))
    }

    /// Takes note of a call's time.
    pub(super) fn record(&mut self, call: Duration) {
        let seconds = call.as_secs_f64();
        self.usual += (seconds - self.usual) / 8.0;
        self.shortest = seconds.min(self.shortest * 1.01);
        if seconds > LONG * self.shortest {
            self.size = self.size.saturating_sub(1).max(1);
            self.quick = 0;
            return;
        }
        self.quick += 1;
        if self.quick >= self.size {
            self.quick = 0;
            self.size = (self.size + 1).min(MOST_IN_FLIGHT);
        }
    }
}
