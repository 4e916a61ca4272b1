//! A worker's share of the batches: each of its threads has one batch at a time computed there, and
//! checks the answer.

use super::super::batch::{Batch, Vectors};
use super::super::pipeline::Taken;
use super::abandon::{TICK, abandonable};
use super::crew::Run;
use super::graph::Sendable;
use super::link::Link;
use log::warn;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Instant;

/// One in so many calls is checked: an image of it is computed on this machine, too.
const CHECKED: u64 = 64;

impl<B: Batch> Run<'_, B> {
    /// One batch of those that a worker has at once, after the other.
    pub(super) fn lane(&self, link: &Arc<Link>, number: usize) {
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
                // A run that has ended did not wait for the answer.
                Err(_) if self.jobs.over() => self.jobs.give_back(batch),
                Err(reason) => {
                    link.drop_because(reason);
                    // With workers only, a batch that none can compute would go round for ever.
                    match self.crew.fleet.is_alone() {
                        true => self.crew.compute_here(self.jobs, batch),
                        false => self.jobs.give_back(batch),
                    }
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
                Err(reason) if link.broken().is_none() && !self.jobs.over() => {
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
