//! Takes batches of photographs from their files' bytes to what is made of their vectors, on this
//! machine and, if the engine has a fleet, on others.

use super::batch::{Batch, Vectors};
use super::engine::{Decoded, Inference};
use super::extract::Extractor;
use super::pipeline::{self, Helpers, Steps};
use super::remote::{Crew, Fleet};
use crate::error::Result;

/// What decodes photographs and runs a network.
pub(crate) trait Engine: Sync {
    fn backlog(&self) -> usize;
    fn is_ready(&self) -> bool;
    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded;
    fn extract(&self, images: Decoded) -> Result<Vectors>;
    fn fleet(&self) -> Option<(&Inference, &Fleet)>;
}

impl<E: Extractor + ?Sized> Engine for E {
    fn backlog(&self) -> usize {
        Extractor::backlog(self)
    }

    fn is_ready(&self) -> bool {
        Extractor::is_ready(self)
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        Extractor::decode(self, images)
    }

    fn extract(&self, images: Decoded) -> Result<Vectors> {
        Extractor::extract(self, images)
    }

    fn fleet(&self) -> Option<(&Inference, &Fleet)> {
        let inference = self.inference()?;
        Some((inference, inference.fleet()?))
    }
}

impl Engine for Inference {
    fn backlog(&self) -> usize {
        self.backlog()
    }

    fn is_ready(&self) -> bool {
        self.is_ready()
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        images.into_iter().map(|image| self.decode(image)).collect()
    }

    fn extract(&self, images: Decoded) -> Result<Vectors> {
        self.run(images)
    }

    fn fleet(&self) -> Option<(&Inference, &Fleet)> {
        Some((self, self.fleet()?))
    }
}

/// Takes all `jobs` through `load`, which makes batches of them, and the engine; `finish` gets what
/// has become of each, in any order.
///
/// # Errors
/// The first error. It ends the run, and unfinished jobs are dropped.
pub(crate) fn run<J: Send, B: Batch>(
    engine: &(impl Engine + ?Sized),
    jobs: impl Iterator<Item = J> + Send,
    load: impl Fn(J) -> B + Send,
    finish: impl FnMut(B::Done) -> Result<()>,
) -> Result<()> {
    let steps = Steps {
        load,
        first: |mut batch: B| {
            let images = batch.take_images();
            let decoded = batch.decoded(engine.decode(images));
            (batch, decoded)
        },
        waits: |(_, decoded): &(B, Decoded)| decoded.iter().any(Result::is_ok),
        second: |(batch, decoded): (B, Decoded)| batch.finish(engine.extract(decoded)),
        ready: || engine.is_ready(),
        backlog: engine.backlog(),
    };
    let crew = engine.fleet().map(|(inference, fleet)| Crew { inference, fleet });
    let helpers = crew.as_ref().map(|crew| crew as &dyn Helpers<B, B::Done>);
    pipeline::run(jobs, steps, helpers, finish)
}
