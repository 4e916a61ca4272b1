//! Early stopping: training ends once the layer has not become better on the validation photographs
//! for some evaluations, and the best layer is kept.

use crate::error::Result;
use crate::tf::NamedTensor;
use serde_json::{Value, json};

/// The best layer's variables bear this before their names in the state.
const BEST: &str = "best/";

/// Watches the loss on the validation photographs.
#[derive(Debug, Default)]
pub(super) struct EarlyStopping {
    /// After how many evaluations without a better one it is over; `None` never.
    patience: Option<u64>,
    best: Option<Best>,
    /// Evaluations since the best.
    waited: u64,
}

#[derive(Debug)]
struct Best {
    loss: f64,
    step: u64,
    layer: Vec<NamedTensor>,
}

impl EarlyStopping {
    pub(super) fn new(patience: Option<u64>) -> Self {
        Self { patience, ..Self::default() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.patience.is_some()
    }

    /// Whether training is over.
    pub(super) fn is_over(&self) -> bool {
        self.patience.is_some_and(|patience| self.waited >= patience)
    }

    /// Takes note of the loss after a step. Returns whether training is over.
    pub(super) fn consider(
        &mut self,
        loss: f64,
        step: u64,
        layer: impl FnOnce() -> Result<Vec<NamedTensor>>,
    ) -> Result<bool> {
        if self.best.as_ref().is_none_or(|best| loss < best.loss) {
            self.best = Some(Best { loss, step, layer: layer()? });
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        Ok(self.is_over())
    }

    /// The best layer so far.
    pub(super) fn best(&self) -> Option<&[NamedTensor]> {
        self.best.as_ref().map(|best| &best.layer[..])
    }

    /// The step of the best layer.
    pub(super) fn best_step(&self) -> u64 {
        self.best.as_ref().map_or(0, |best| best.step)
    }

    /// What a resumed run must know, beside [`Self::variables`].
    pub(super) fn state(&self) -> Value {
        let best = self.best.as_ref();
        best.map_or(
            Value::Null,
            |best| json!({ "loss": best.loss, "step": best.step, "waited": self.waited }),
        )
    }

    /// The best layer's variables, named for the state.
    pub(super) fn variables(&self) -> Vec<NamedTensor> {
        let layer = self.best().unwrap_or_default();
        layer.iter().map(|(name, value)| (format!("{BEST}{name}"), value.clone())).collect()
    }

    /// Goes on from what [`Self::state`] and [`Self::variables`] returned.
    pub(super) fn resume(&mut self, state: &Value, variables: &[NamedTensor]) {
        let number = |key: &str| state[key].as_u64();
        let (Some(loss), Some(step), Some(waited)) =
            (state["loss"].as_f64(), number("step"), number("waited"))
        else {
            return;
        };
        let own =
            |(name, value): &NamedTensor| Some((name.strip_prefix(BEST)?.into(), value.clone()));
        let layer = variables.iter().filter_map(own).collect();
        (self.best, self.waited) = (Some(Best { loss, step, layer }), waited);
    }
}
