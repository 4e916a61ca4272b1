//! Uniform random numbers in a graph.

use crate::proto::DataType::{DT_FLOAT, DT_INT32};
use crate::tf::GraphBuilder;

/// Hands out the two seeds of each random op. They are never both 0, which would make TensorFlow
/// choose a seed itself.
pub(super) struct Seeds {
    seed: u64,
    made: i64,
}

impl Seeds {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, made: 0 }
    }

    pub(super) fn next(&mut self) -> [i64; 2] {
        self.made += 1;
        [self.seed.cast_signed(), self.made]
    }
}

/// `tf.random_uniform` of a scalar: the result, and the op that draws from [0, 1).
pub(super) fn random_uniform(
    b: &mut GraphBuilder,
    seeds: &mut Seeds,
    min: f32,
    max: f32,
) -> (String, String) {
    let [seed, seed2] = seeds.next();
    b.name_scope_named("random_uniform", |b, scope| {
        let shape = b.ints("shape", &[]);
        let (min, max) = (b.float("min", min), b.float("max", max));
        let draw = b.op("RandomUniform", "RandomUniform").input(shape).type_attr("T", DT_INT32);
        let draw = draw
            .type_attr("dtype", DT_FLOAT)
            .int_attr("seed", seed)
            .int_attr("seed2", seed2)
            .finish();
        let range = b.op("Sub", "sub").inputs([&max, &min]).float_type().finish();
        let scaled = b.op("Mul", "mul").inputs([&draw, &range]).float_type().finish();
        (b.op_named("Add", scope.to_owned()).inputs([scaled, min]).float_type().finish(), draw)
    })
}
