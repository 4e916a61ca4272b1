//! One step of Adam, for any variables:
//!
//! - m ← β₁m + (1 − β₁)g
//! - v ← β₂v + (1 − β₂)g²
//! - W ← W − η √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)
//!
//! With weight decay λ it is AdamW: before that, W ← W − ηλW. TensorFlow's ApplyAdam does the
//! arithmetic; m, v and the powers of β are variables, with the names of its AdamOptimizer.

use super::variable::{VariableNames, add_variable};
use crate::tf::GraphBuilder;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// A variable to train.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Its nodes.
    pub names: VariableNames,
    /// Its shape.
    pub dims: Vec<i64>,
    /// The gradient of the loss with respect to it.
    pub gradient: String,
    /// The scalar tensor η: a constant, or a placeholder that each step feeds.
    pub learning_rate: String,
    /// λ; 0 for plain Adam.
    pub weight_decay: f32,
}

/// The names of Adam's nodes.
#[derive(Debug, Clone)]
pub struct AdamStep {
    /// The node to run for a step.
    pub train_step: String,
    /// Adam's own variables. They must be initialized, and a resumed run needs their values.
    pub variables: Vec<VariableNames>,
}

/// Adds the step. It waits for `before`, and no variable changes until all gradients are computed:
/// a gradient may read the weights of other variables.
pub fn add_adam(b: &mut GraphBuilder, trained: &[Trained], before: &[&str]) -> AdamStep {
    let mut variables = Vec::new();
    let power = |b: &mut GraphBuilder, name: &str, beta: f32| {
        let initial = b.float(&format!("{name}/initial_value"), beta);
        add_variable(b, name, &[], initial)
    };
    let powers = [power(b, "beta1_power", BETA_1), power(b, "beta2_power", BETA_2)];
    let slots: Vec<[VariableNames; 2]> = trained.iter().map(|t| add_slots(b, t)).collect();
    let train_step = b.name_scope_named("Adam", |b, scope| {
        let betas = [b.float("beta1", BETA_1), b.float("beta2", BETA_2)];
        let epsilon = b.float("epsilon", EPSILON);
        let gradients = trained.iter().map(|t| node_of(&t.gradient));
        let awaited = gradients.chain(before.iter().copied().map(node_of));
        let awaited: Vec<String> = awaited.map(|node| format!("^{node}")).collect();
        let gate = format!("^{}", b.op("NoOp", "gradients").inputs(awaited).finish());
        let mut updates = Vec::new();
        for (t, [m, v]) in trained.iter().zip(&slots) {
            let variable = &t.names.variable;
            let gate = add_decay(b, t, &gate).map_or(gate.clone(), |decay| format!("^{decay}"));
            let update = b.op("ApplyAdam", &format!("update_{variable}/ApplyAdam"));
            let update = update.inputs([variable, &m.variable, &v.variable]);
            let update = update.inputs(powers.iter().map(|p| p.snapshot.as_str()));
            let update = update.input(&t.learning_rate).inputs(&betas).input(&epsilon);
            let update = update.input(&t.gradient).input(gate).float_type();
            let update = update.bool_attr("use_locking", false).bool_attr("use_nesterov", false);
            updates.push(format!("^{}", update.colocate_with(variable).finish()));
        }
        let mut done = Vec::new();
        for (power, beta) in powers.iter().zip(&betas) {
            let next = b.op("Mul", "mul").inputs([&power.snapshot, beta]);
            let next = next.inputs(&updates).float_type().finish();
            let assign = b.op("Assign", "Assign").inputs([&power.variable, &next]).float_type();
            let assign = assign.bool_attr("use_locking", false).bool_attr("validate_shape", true);
            done.push(format!("^{}", assign.colocate_with(&power.variable).finish()));
        }
        b.op_named("NoOp", scope.to_owned()).inputs(updates).inputs(done).finish()
    });
    variables.extend(powers);
    variables.extend(slots.into_iter().flatten());
    AdamStep { train_step, variables }
}

/// The variables m and v, initially 0.
fn add_slots(b: &mut GraphBuilder, trained: &Trained) -> [VariableNames; 2] {
    ["Adam", "Adam_1"].map(|slot| {
        let name = format!("{}/{slot}", trained.names.variable);
        let zeros = b.zeros(&format!("{name}/Initializer/zeros"), &trained.dims);
        add_variable(b, &name, &trained.dims, zeros)
    })
}

/// W ← W − ηλW, if there is a λ.
fn add_decay(b: &mut GraphBuilder, trained: &Trained, gate: &str) -> Option<String> {
    if trained.weight_decay == 0.0 {
        return None;
    }
    let variable = &trained.names.variable;
    Some(b.name_scope(&format!("decay_{variable}"), |b| {
        let decay = b.float("weight_decay", trained.weight_decay);
        let rate = b.op("Mul", "mul").inputs([&trained.learning_rate, &decay]).float_type();
        let rate = rate.finish();
        let update = b.op("ApplyGradientDescent", "ApplyGradientDescent");
        let update = update.inputs([variable, &rate, &trained.names.snapshot]).input(gate);
        update.float_type().bool_attr("use_locking", false).colocate_with(variable).finish()
    }))
}

fn node_of(tensor: &str) -> &str {
    crate::proto::InputRef::parse(tensor).node
}
