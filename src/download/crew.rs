//! The threads that download. What they bring is stored by the thread that reads it from here.

use super::failure::Failure;
use super::photograph::Photograph;
use super::schedule::{Schedule, Turn};
use super::transfer::Transfer;
use crate::CancelToken;
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use url::Url;

/// How often a waiting run looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// An address that was settled.
pub(super) struct Finished {
    /// Its index.
    pub(super) task: usize,
    pub(super) tries: u32,
    pub(super) outcome: std::result::Result<Photograph, Failure>,
}

/// The threads, which end when this is dropped.
pub(super) struct Crew {
    pub(super) schedule: Arc<Schedule>,
    transfer: Arc<Transfer>,
    finished: Receiver<Finished>,
    cancel: CancelToken,
}

impl Crew {
    /// Starts `parallel` threads for `addresses`.
    pub(super) fn start(
        addresses: Vec<Url>,
        schedule: Schedule,
        transfer: Transfer,
        parallel: usize,
    ) -> Result<Self> {
        let cancel = transfer.cancel.clone();
        let (schedule, transfer) = (Arc::new(schedule), Arc::new(transfer));
        let threads = parallel.min(addresses.len());
        let addresses = Arc::new(addresses);
        // No thread goes on to the next photograph before its last one is being stored.
        let (sender, finished) = sync_channel(0);
        for _ in 0..threads {
            let worker = Worker {
                addresses: Arc::clone(&addresses),
                schedule: Arc::clone(&schedule),
                transfer: Arc::clone(&transfer),
                finished: sender.clone(),
            };
            let spawned =
                thread::Builder::new().name("download".into()).spawn(move || worker.run());
            spawned.map_err(Error::io("starting", Path::new("a thread")))?;
        }
        Ok(Self { schedule, transfer, finished, cancel })
    }

    /// The next address that was settled. `None` at the end, and when the run was stopped.
    pub(super) fn next(&self) -> Option<Finished> {
        while !self.cancel.is_cancelled() {
            match self.finished.recv_timeout(LOOK) {
                Ok(finished) => return Some(finished),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        None
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.schedule.abandon();
        self.transfer.client.shut_down();
    }
}

struct Worker {
    addresses: Arc<Vec<Url>>,
    schedule: Arc<Schedule>,
    transfer: Arc<Transfer>,
    finished: SyncSender<Finished>,
}

impl Worker {
    fn run(self) {
        while let Some(turn) = self.schedule.next() {
            let outcome = match &turn.not_tried {
                Some(why) => Err(why.clone()),
                None => self.transfer.fetch(&self.addresses[turn.task]),
            };
            if self.schedule.settle(&turn, outcome.as_ref().err()) && !self.bring(&turn, outcome) {
                return;
            }
        }
    }

    /// `false` if nobody wants it any more.
    fn bring(&self, turn: &Turn, outcome: std::result::Result<Photograph, Failure>) -> bool {
        self.finished.send(Finished { task: turn.task, tries: turn.tries, outcome }).is_ok()
    }
}
