//! Whether a network gives an image the same answer each time it is run.

use crate::error::Result;
use crate::model::RandomOp;
use crate::tf::Tensor;

/// How often a network that looks random is run again: dropout may spare everything that counts
/// more than once.
const TRIES: usize = 8;

/// Whether the answers of several runs on one image differ in any bit.
pub(super) fn varies(mut run: impl FnMut() -> Result<Tensor<f32>>) -> Result<bool> {
    let first = run()?;
    for _ in 0..TRIES {
        if !same_bits(&run()?, &first) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two answers are the same to the last bit.
pub(super) fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// Says that a network answers otherwise each time it is run, and why.
pub(super) fn varying_answers(random: Option<&RandomOp>) -> String {
    let what = random.map_or("something in it".into(), RandomOp::to_string);
    format!("gives another answer each time it is run: {what} is random")
}
