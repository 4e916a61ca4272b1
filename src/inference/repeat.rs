//! Tests whether a network gives an image the same output each time it runs.

use crate::error::Result;
use crate::model::RandomOp;
use crate::tf::Tensor;

/// How often a network that looks random is run again. More than once, because dropout may by
/// chance drop nothing that matters.
const TRIES: usize = 8;

/// Whether the outputs of several runs on one image differ in any bit.
pub(super) fn varies(mut run: impl FnMut() -> Result<Tensor<f32>>) -> Result<bool> {
    let first = run()?;
    for _ in 0..TRIES {
        if !same_bits(&run()?, &first) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two outputs are equal to the last bit.
pub(super) fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Says that a network's output differs each time it runs, and why.
pub(super) fn varying_answers(random: Option<&RandomOp>) -> String {
    let what = random.map_or("something in it".into(), RandomOp::to_string);
    format!("gives a different answer each time it runs: {what} is random")
}
