//! Gradient descent on batches, as the training graph does it: the same batches are drawn the same
//! way, and the steps are the same. The weights begin at zero, where the graph's are random with a
//! standard deviation of 0.001.

use super::{Features, Logistic};
use crate::dataset::{Sampler, WeightedMembers};

/// How to descend.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descent<'a> {
    pub(super) features: &'a Features,
    pub(super) truth: &'a [usize],
    /// How often each photograph is drawn, relative to others of its class; empty for alike.
    pub(super) weights: &'a [f64],
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
    if d.rule == Rule::Plain && d.truth.len() <= d.features.width.min(MOST_IN_DUAL) {
        return descend_in_dual(&d);
    }
    let (width, k) = (d.features.width, d.class_weights.len());
    let mut draws = Draws::new(&d, k);
    let all: Vec<usize> = (0..d.truth.len()).collect();
    let mut rows = Vec::new();
    let mut model = vec![0.0; (width + 1) * k];
    let mut gradient = vec![0.0; model.len()];
    let mut moments = [vec![0.0; model.len()], vec![0.0; model.len()]];
    let mut powers = [1.0, 1.0];
    for _ in 0..d.steps {
        match d.batch_size {
            Some(size) => draws.draw(size, &mut rows),
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

/// Draws batches as the training graph's are drawn.
struct Draws {
    sampler: Sampler,
    members: Vec<Vec<usize>>,
    weighted: Option<WeightedMembers>,
}

impl Draws {
    fn new(d: &Descent<'_>, classes: usize) -> Self {
        let mut members = vec![Vec::new(); classes];
        d.truth.iter().enumerate().for_each(|(i, &class)| members[class].push(i));
        let weighted =
            (!d.weights.is_empty()).then(|| WeightedMembers::new(&members, |i| d.weights[i]));
        Self { sampler: Sampler::new(d.seed), members, weighted }
    }

    fn draw(&mut self, size: usize, rows: &mut Vec<usize>) {
        match &self.weighted {
            Some(weighted) => self.sampler.draw_weighted(weighted, size, rows),
            None => self.sampler.draw(&self.members, size, rows),
        }
    }
}

/// Up to this many photographs their inner products are kept: 32 MB.
const MOST_IN_DUAL: usize = 2000;

/// The same steps, for fewer photographs than features. All that a step reads of the weights are
/// the logits Z = XW, and each step adds a combination of photographs to W = XᵀA. So it is enough
/// to update A, and Z by the inner products XXᵀ.
fn descend_in_dual(d: &Descent<'_>) -> Logistic {
    let (n, k) = (d.truth.len(), d.class_weights.len());
    let mut gram = vec![0.0; n * n];
    d.features.times_transposed(d.features, &mut gram);
    let gram = Features::square(n, gram);
    let mut draws = Draws::new(d, k);
    let mut rows: Vec<usize> = (0..n).collect();
    let (mut a, mut z, mut b) = (vec![0.0; n * k], vec![0.0; n * k], vec![0.0; k]);
    let (mut errors, mut change) = (vec![0.0; n * k], vec![0.0; n * k]);
    let mut scores = vec![0.0; k];
    for _ in 0..d.steps {
        if let Some(size) = d.batch_size {
            draws.draw(size, &mut rows);
        }
        errors.fill(0.0);
        let mut of_biases = vec![0.0; k];
        for &i in &rows {
            scores.copy_from_slice(&z[i * k..][..k]);
            scores.iter_mut().zip(&b).for_each(|(l, b)| *l += b);
            error(d, i, rows.len(), &mut scores);
            errors[i * k..][..k].iter_mut().zip(&scores).for_each(|(e, s)| *e += s);
            of_biases.iter_mut().zip(&scores).for_each(|(b, s)| *b += s);
        }
        gram.times(&errors, k, &mut change);
        let kept = 1.0 - d.learning_rate * d.weight_decay;
        let step = |values: &mut [f64], changes: &[f64], kept: f64| {
            let pairs = values.iter_mut().zip(changes);
            pairs.for_each(|(v, c)| *v = kept * *v - d.learning_rate * c);
        };
        step(&mut a, &errors, kept);
        step(&mut z, &change, kept);
        step(&mut b, &of_biases, 1.0);
    }
    let mut weights = vec![0.0; d.features.width * k];
    d.features.transposed_times(&a, k, &mut weights);
    Logistic { weights, biases: b }
}

/// Turns the logits of photograph `i`, one of `batch`, into the gradient of the mean loss with
/// respect to them.
fn error(d: &Descent<'_>, i: usize, batch: usize, logits: &mut [f64]) {
    let class = d.truth[i];
    let spread = d.label_smoothing / logits.len() as f64;
    super::logistic::softmax(logits);
    logits[class] -= 1.0 - d.label_smoothing;
    let share = d.class_weights[class] / batch as f64;
    logits.iter_mut().for_each(|e| *e = (*e - spread) * share);
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
    for (&i, row) in rows.iter().zip(errors.chunks_mut(k)) {
        row.iter_mut().zip(b).for_each(|(l, b)| *l += b);
        error(d, i, rows.len(), row);
        row.iter().zip(of_biases.iter_mut()).for_each(|(e, b)| *b += e);
    }
    batch.transposed_times(&errors, k, of_weights);
}
