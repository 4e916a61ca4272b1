//! Features brought to mean 0 and standard deviation 1.

use super::{FeatureRows, Features, Logistic};

/// x ← (x − mean) / deviation, feature by feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// The mean of each feature.
    pub mean: Vec<f64>,
    /// The standard deviation of each; 1 for a feature that is constant.
    pub deviation: Vec<f64>,
}

impl Scaling {
    /// The scaling of these photographs, scikit-learn's `StandardScaler`.
    #[must_use]
    pub fn of(features: &dyn FeatureRows) -> Self {
        let (n, width) = (features.count().max(1) as f64, features.width());
        let mut mean = vec![0.0; width];
        let mut square = vec![0.0; width];
        let mut room = Vec::new();
        for i in 0..features.count() {
            let row = features.rows(i..i + 1, &mut room);
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / n);
        }
        for i in 0..features.count() {
            let row = features.rows(i..i + 1, &mut room);
            let differences = row.iter().zip(&mean).map(|(x, m)| x - m);
            square.iter_mut().zip(differences).for_each(|(s, d)| *s += d * d / n);
        }
        let deviation = |variance: f64| if variance > 0.0 { variance.sqrt() } else { 1.0 };
        Self { mean, deviation: square.into_iter().map(deviation).collect() }
    }

    /// Scales one photograph's features.
    pub fn apply(&self, row: &mut [f32]) {
        let scales = self.mean.iter().zip(&self.deviation);
        row.iter_mut().zip(scales).for_each(|(x, (m, d))| *x = ((f64::from(*x) - m) / d) as f32);
    }

    /// The scaled features.
    #[must_use]
    pub fn scaled(&self, features: &Features) -> Features {
        features.map_columns(|column, x| (x - self.mean[column]) / self.deviation[column])
    }

    /// A classifier of plain features that gives what `model` gives for scaled ones:
    /// W ← W/deviation, b ← b − mean·W/deviation.
    #[must_use]
    pub fn fold(&self, model: &Logistic) -> Logistic {
        let classes = model.biases.len();
        let mut folded = model.clone();
        for (feature, row) in folded.weights.chunks_mut(classes).enumerate() {
            for (weight, bias) in row.iter_mut().zip(&mut folded.biases) {
                *weight /= self.deviation[feature];
                *bias -= self.mean[feature] * *weight;
            }
        }
        folded
    }
}
