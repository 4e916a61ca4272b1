//! The client's threads: one reads, those of the workers send and take answers, one keeps.

use super::super::BATCH;
use super::super::window::Window;
use super::{Batch, Pipeline, Step, Until};
use rand::seq::SliceRandom;

impl Pipeline<'_> {
    /// The batches that are loaded go to the threads that wait.
    pub(super) fn share_out(&mut self) {
        loop {
            self.load();
            if self.loaded.is_empty() {
                break;
            }
            let Some(worker) = self.idle.pop_front() else { break };
            let w = &mut self.workers[worker];
            w.idle -= 1;
            if w.in_flight >= w.window.as_ref().map_or(0, Window::size) {
                continue;
            }
            w.in_flight += 1;
            let Some(batch) = self.loaded.pop_front() else { break };
            let taken = self.resources.now();
            let seconds = BATCH as f64 * self.setup.network.client.send;
            self.client_work(seconds, Step::Sent(Batch { worker, taken, ..batch }));
        }
    }

    /// What has been read is loaded, if there is room.
    fn load(&mut self) {
        if self.loaded.len() < self.queue + self.setup.client_cores.len()
            && let Some(batch) = self.read.take()
        {
            self.loaded.push_back(batch);
            self.read_on();
        }
    }

    /// The reader begins a batch, if there is another.
    pub(super) fn read_on(&mut self) {
        if let Until::Images(images) = self.setup.until
            && self.begun * BATCH >= images
        {
            return;
        }
        self.begun += 1;
        let bytes = (0..BATCH).map(|_| self.draw_size()).sum();
        let batch = Batch { bytes, worker: 0, taken: f64::NAN };
        self.client_work(BATCH as f64 * self.setup.network.client.read, Step::Read(batch));
    }

    /// The size of the next photograph. All sizes come once before one comes again, so that short
    /// simulations have the right mean.
    fn draw_size(&mut self) -> f64 {
        if self.sizes.is_empty() {
            self.sizes.extend_from_slice(self.setup.photograph_bytes);
            self.sizes.shuffle(&mut self.random);
        }
        self.sizes.pop().unwrap_or_default()
    }

    /// A worker's thread passes on what it has, and goes on once there is room.
    pub(super) fn finish(&mut self, worker: usize) {
        self.answers.push_back(worker);
        if self.answers.len() <= self.most_answers() {
            self.release(worker);
        }
        self.keep();
    }

    fn most_answers(&self) -> usize {
        self.queue + 2 * self.setup.client_cores.len()
    }

    fn release(&mut self, worker: usize) {
        self.workers[worker].in_flight -= 1;
        self.open(worker);
    }

    /// The next answer is written down.
    pub(super) fn keep(&mut self) {
        if self.keeping || self.answers.pop_front().is_none() {
            return;
        }
        self.keeping = true;
        let seconds = BATCH as f64 * self.setup.network.keep(self.setup.text);
        self.client_work(seconds, Step::Kept);
        if let Some(&worker) = self.answers.get(self.most_answers() - 1) {
            self.release(worker);
        }
    }

    pub(super) fn kept(&mut self) {
        self.keeping = false;
        self.kept += 1;
        if self.workers.iter().all(|worker| worker.window.is_some()) {
            self.steady.push(self.resources.now());
        }
        self.keep();
    }
}
