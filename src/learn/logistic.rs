//! Logistic regression with an L2 penalty, trained to convergence by L-BFGS:
//!
//! minimise C · Σᵢ sᵢ · cross-entropy(softmax(xᵢW + b), yᵢ) + ½‖W‖²
//!
//! with a weight sᵢ per photograph, and yᵢ one-hot, or smoothed: (1 − ε)·one-hot + ε/classes. The
//! biases b are not penalised. C and the loss are those of
//! scikit-learn's `LogisticRegression`; for two classes that has a single weight vector w, whose
//! penalty ½‖w‖² is twice that of the softmax with weights ±w/2.

use super::features::{times, transposed_times};
use super::{FeatureRows, Features};
use argmin::core::{CostFunction, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use std::cell::RefCell;

/// What to fit.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// The photographs.
    pub features: &'a dyn FeatureRows,
    /// The class of each.
    pub truth: &'a [usize],
    /// The weight of each; empty for 1 each.
    pub sample_weights: &'a [f64],
    /// How many classes there are.
    pub classes: usize,
    /// The inverse of the penalty's strength, scikit-learn's `C`.
    pub c: f64,
    /// When training ends.
    pub precision: Precision,
    /// ε, the share of each photograph's label that is spread over all classes; 0 for none.
    pub label_smoothing: f64,
}

/// When training ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// At the minimum.
    Full,
    /// Near it: enough to compare penalties.
    Low,
}

/// A trained classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// `[features, classes]`, row by row.
    pub weights: Vec<f64>,
    /// One per class.
    pub biases: Vec<f64>,
}

/// Rows that are multiplied at once. A multiple of 256: then the products add up as if all rows
/// were multiplied at once, because `matrixmultiply` adds 256 rows at a time.
const CHUNK: usize = 256;
/// Steps remembered.
const MEMORY: usize = 10;

impl Precision {
    /// The length of the gradient of the mean loss at which training ends, and the most
    /// iterations.
    fn limits(self) -> (f64, u64) {
        match self {
            Self::Full => (1e-6, 300),
            Self::Low => (1e-3, 50),
        }
    }
}

impl Logistic {
    /// Trains the classifier.
    #[must_use]
    pub fn fit(objective: Objective<'_>) -> Self {
        let (d, k) = (objective.features.width(), objective.classes);
        let evaluated = Evaluated { cost: f64::INFINITY, ..Evaluated::default() };
        let best = RefCell::new(evaluated.clone());
        let problem = Problem { objective, last: RefCell::new(evaluated), best };
        let start = vec![0.0; (d + 1) * k];
        problem.evaluate(&start);
        let search = MoreThuenteLineSearch::new();
        let (flat, most) = objective.precision.limits();
        let solver = LBFGS::new(search, MEMORY).with_tolerance_grad(flat);
        if let Ok(solver) = solver {
            // A line search fails where rounding hides the descent, which is at the minimum. Either
            // way the best point that was tried is the result.
            let run = Executor::new(&problem, solver)
                .configure(|state| state.param(start).max_iters(most))
                .run();
            drop(run);
        }
        let mut weights = problem.best.into_inner().at;
        let biases = weights.split_off(d * k);
        Self { weights, biases }
    }

    /// The softmax for each row of `features`, [rows, classes].
    #[must_use]
    pub fn predict(&self, features: &Features) -> Vec<Vec<f32>> {
        let k = self.biases.len();
        let mut logits = vec![0.0; features.len() * k];
        features.times(&self.weights, k, &mut logits);
        let row = |row: &mut [f64]| {
            row.iter_mut().zip(&self.biases).for_each(|(l, b)| *l += b);
            softmax(row);
            row.iter().map(|&p| p as f32).collect()
        };
        logits.chunks_mut(k).map(row).collect()
    }
}

/// Replaces logits by their softmax, and returns the logarithm of its denominator.
pub(crate) fn softmax(logits: &mut [f64]) -> f64 {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = (*logit - highest).exp();
        sum += *logit;
    }
    logits.iter_mut().for_each(|p| *p /= sum);
    highest + sum.ln()
}

/// The value and the gradient at a point.
#[derive(Debug, Clone, Default)]
struct Evaluated {
    at: Vec<f64>,
    cost: f64,
    gradient: Vec<f64>,
}

struct Problem<'a> {
    objective: Objective<'a>,
    /// The solver asks for value and gradient one after the other; they are computed together.
    last: RefCell<Evaluated>,
    best: RefCell<Evaluated>,
}

impl Problem<'_> {
    fn evaluate(&self, at: &[f64]) {
        if self.last.borrow().at == at {
            return;
        }
        let Objective { features, sample_weights, classes: k, c, .. } = self.objective;
        let (d, n) = (features.width(), features.count());
        let weight = |i: usize| sample_weights.get(i).copied().unwrap_or(1.0);
        let total: f64 = (0..n).map(weight).sum();
        let penalty = if k == 2 { 2.0 } else { 1.0 } / (c * total);
        let (w, b) = at.split_at(d * k);
        let mut cost = 0.5 * penalty * w.iter().map(|w| w * w).sum::<f64>();
        let mut gradient: Vec<f64> = w.iter().map(|w| penalty * w).collect();
        let mut of_biases = vec![0.0; k];
        let (mut room, mut rows) = (Vec::new(), Vec::new());
        for first in (0..n).step_by(CHUNK) {
            let range = first..n.min(first + CHUNK);
            let dims = [range.len(), d, k];
            let x = features.rows(range, &mut room);
            rows.resize(dims[0] * k, 0.0);
            times(x, dims, w, &mut rows);
            for (i, row) in rows.chunks_mut(k).enumerate() {
                row.iter_mut().zip(b).for_each(|(l, b)| *l += b);
                cost += self.residuals(first + i, weight(first + i) / total, row);
                row.iter().zip(&mut of_biases).for_each(|(r, b)| *b += r);
            }
            transposed_times(x, dims, &rows, &mut gradient);
        }
        gradient.extend(of_biases);
        let evaluated = Evaluated { at: at.to_vec(), cost, gradient };
        if cost < self.best.borrow().cost {
            self.best.replace(evaluated.clone());
        }
        self.last.replace(evaluated);
    }

    /// Replaces the logits of photograph `i`, which counts as much as `share` of all, by the
    /// gradient of its loss. Returns the loss.
    fn residuals(&self, i: usize, share: f64, row: &mut [f64]) -> f64 {
        let Objective { truth, classes, label_smoothing, .. } = self.objective;
        let spread = label_smoothing / classes as f64;
        let all: f64 = row.iter().sum();
        let labelled = (1.0 - label_smoothing) * row[truth[i]] + spread * all;
        let loss = share * (softmax(row) - labelled);
        row.iter_mut().for_each(|p| *p -= spread);
        row[truth[i]] -= 1.0 - label_smoothing;
        row.iter_mut().for_each(|r| *r *= share);
        loss
    }
}

impl CostFunction for &Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        self.evaluate(at);
        Ok(self.last.borrow().cost)
    }
}

impl Gradient for &Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, at: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        self.evaluate(at);
        Ok(self.last.borrow().gradient.clone())
    }
}
