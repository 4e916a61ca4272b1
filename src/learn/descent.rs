//! Gradient descent on batches, as the training graph does it: the same batches are drawn the same
//! way, and the steps are the same. The weights begin at zero, where the graph's are random with a
//! standard deviation of 0.001.

use super::{Features, Logistic};
use crate::dataset::Sampler;

/// How to descend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descent<'a> {
    pub(super) features: &'a Features,
    pub(super) truth: &'a [usize],
    /// The weight of each class in the loss.
    pub(super) class_weights: &'a [f64],
    pub(super) label_smoothing: f64,
    /// Photographs in a step; `None` for all.
    pub(super) batch_size: Option<usize>,
    pub(super) steps: u64,
    pub(super) learning_rate: f64,
    pub(super) weight_decay: f64,
    pub(super) rule: Rule,
    pub(super) seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// W ← W − η(g + λW)
    Plain,
    /// AdamW.
    Adam,
}

const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Trains the classifier.
pub(super) fn descend(d: Descent<'_>) -> Logistic {
    let (width, k) = (d.features.width, d.class_weights.len());
    let mut members = vec![Vec::new(); k];
    d.truth.iter().enumerate().for_each(|(i, &class)| members[class].push(i));
    let mut sampler = Sampler::new(d.seed);
    let all: Vec<usize> = (0..d.truth.len()).collect();
    let mut rows = Vec::new();
    let mut model = vec![0.0; (width + 1) * k];
    let mut gradient = vec![0.0; model.len()];
    let mut moments = [vec![0.0; model.len()], vec![0.0; model.len()]];
    let mut powers = [1.0, 1.0];
    for _ in 0..d.steps {
        match d.batch_size {
            Some(size) => sampler.draw(&members, size, &mut rows),
            None => rows.clone_from(&all),
        }
        gradient_of(&d, &rows, &model, &mut gradient);
        let (w, g) = (&mut model[..], &gradient[..]);
        match d.rule {
            Rule::Plain => {
                let decay = |i: usize| if i < width * k { d.weight_decay } else { 0.0 };
                for (i, (w, g)) in w.iter_mut().zip(g).enumerate() {
                    *w -= d.learning_rate * (g + decay(i) * *w);
                }
            }
            Rule::Adam => {
                powers.iter_mut().zip(BETAS).for_each(|(power, beta)| *power *= beta);
                let rate = d.learning_rate * (1.0 - powers[1]).sqrt() / (1.0 - powers[0]);
                let [m, v] = &mut moments;
                for (i, (w, g)) in w.iter_mut().zip(g).enumerate() {
                    if i < width * k {
                        *w -= d.learning_rate * d.weight_decay * *w;
                    }
                    m[i] = BETAS[0] * m[i] + (1.0 - BETAS[0]) * g;
                    v[i] = BETAS[1] * v[i] + (1.0 - BETAS[1]) * g * g;
                    *w -= rate * m[i] / (v[i].sqrt() + EPSILON);
                }
            }
        }
    }
    let biases = model.split_off(width * k);
    Logistic { weights: model, biases }
}

/// The gradient of the batch's mean loss: weights, then biases.
fn gradient_of(d: &Descent<'_>, rows: &[usize], model: &[f64], gradient: &mut [f64]) {
    let (width, k) = (d.features.width, d.class_weights.len());
    let batch = d.features.select(rows);
    let (w, b) = model.split_at(width * k);
    let mut errors = vec![0.0; rows.len() * k];
    batch.times(w, k, &mut errors);
    gradient.fill(0.0);
    let (of_weights, of_biases) = gradient.split_at_mut(width * k);
    let spread = d.label_smoothing / k as f64;
    for (&i, row) in rows.iter().zip(errors.chunks_mut(k)) {
        let class = d.truth[i];
        row.iter_mut().zip(b).for_each(|(l, b)| *l += b);
        super::logistic::softmax(row);
        row.iter_mut().for_each(|p| *p -= spread);
        row[class] -= 1.0 - d.label_smoothing;
        let share = d.class_weights[class] / rows.len() as f64;
        row.iter_mut().zip(of_biases.iter_mut()).for_each(|(e, b)| {
            *e *= share;
            *b += *e;
        });
    }
    batch.transposed_times(&errors, k, of_weights);
}
