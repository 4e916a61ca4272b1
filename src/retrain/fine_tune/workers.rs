//! Work on several threads: items that are prepared one ahead, and pieces that are computed side by
//! side.

use crate::error::{Error, Result};
use crate::parallel;
use crossbeam_channel::bounded;
use std::ops::Range;

/// Cores to each thread that prepares items. Preparing a photograph takes a few percent of the time
/// that the network takes for it.
const CORES_PER_THREAD: usize = 4;

/// What `f` makes of each piece, in order; computed on all cores.
///
/// # Errors
/// The error of the first piece that has one.
pub(super) fn map<P: Sync, R: Send + Sync>(
    pieces: &[P],
    f: impl Fn(&P) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    parallel::map(pieces.len(), |i| f(&pieces[i])).into_iter().collect()
}

/// Calls `each` with what `make` makes of every number of `range`, in order. The next ones are made
/// on other threads meanwhile.
///
/// # Errors
/// The first error of either ends the work.
pub(super) fn ahead<T: Send>(
    range: Range<u64>,
    make: impl Fn(u64) -> Result<T> + Sync,
    mut each: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let threads = (parallel::cores() / CORES_PER_THREAD).clamp(1, 8);
    let make = &make;
    std::thread::scope(|scope| {
        let mut queues = Vec::new();
        for thread in 0..threads {
            let (send, receive) = bounded(1);
            let numbers = range.clone().skip(thread).step_by(threads);
            // The queue closes when the work has ended with an error.
            scope.spawn(move || {
                let _ = numbers.into_iter().try_for_each(|n| send.send(make(n)));
            });
            queues.push(receive);
        }
        for (_, queue) in range.clone().zip(queues.iter().cycle()) {
            let lost = |_| Error::model("the photographs", "could not be prepared");
            each(queue.recv().map_err(lost)??)?;
        }
        Ok(())
    })
}
