//! Dropout and other noise, node by node as TF 1, Keras and their exporters write it.

use super::small_net::Net;
use retrain::proto::DataType::{DT_BOOL, DT_FLOAT, DT_INT32, DT_INT64};
use retrain::proto::{self, TensorProto};

/// Where a dropout's rate comes from.
#[derive(Clone, Copy)]
pub(crate) enum Rate {
    Constant(f32),
    /// 1 − `keep_prob`, a placeholder with that default.
    KeepProb(f32),
}

/// The forms of dropout.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dropout {
    /// TF 1.0 to 1.12: ⌊keep_prob + u⌋.
    Floor,
    /// TF 1.13 to 2.3: u ≥ rate, as a factor.
    Cast,
    /// TF 2.4 and later: u ≥ rate, as a choice.
    Select,
    /// Keras 3: as `Select`, from a seed.
    Stateless,
}

pub(crate) const DROPOUTS: [Dropout; 4] =
    [Dropout::Floor, Dropout::Cast, Dropout::Select, Dropout::Stateless];

impl Net {
    /// Drops out what was computed so far; the outcome is `{name}/out`.
    pub(crate) fn dropout(mut self, name: &str, form: Dropout, rate: Rate) -> Self {
        let one = self.b.float(&format!("{name}/one"), 1.0);
        let (rate, keep) = match rate {
            Rate::Constant(rate) => {
                let rate = self.b.float(&format!("{name}/rate"), rate);
                let keep = self.scoped(name, "keep", "Sub", &[&one, &rate]);
                (rate, keep)
            }
            Rate::KeepProb(default) => {
                let keep = self.placeholder_with_default("keep_prob", scalar(default));
                (self.scoped(name, "rate", "Sub", &[&one, &keep]), keep)
            }
        };
        let x = self.x.clone();
        let u = self.uniform(name, form);
        let scaled = self.scoped(name, "scaled", "RealDiv", &[&x, &keep]);
        if matches!(form, Dropout::Floor) {
            let sum = self.scoped(name, "sum", "Add", &[&keep, &u]);
            let mask = self.scoped(name, "mask", "Floor", &[&sum]);
            self.x = self.scoped(name, "out", "Mul", &[&scaled, &mask]);
            return self;
        }
        let mask = self.scoped(name, "mask", "GreaterEqual", &[&u, &rate]);
        self.x = if matches!(form, Dropout::Cast) {
            let cast = self.b.op("Cast", &format!("{name}/cast")).input(mask);
            let cast = cast.type_attr("SrcT", DT_BOOL).type_attr("DstT", DT_FLOAT).finish();
            self.scoped(name, "out", "Mul", &[&scaled, &cast])
        } else {
            let zero = self.b.float(&format!("{name}/zero"), 0.0);
            self.scoped(name, "out", "SelectV2", &[&mask, &scaled, &zero])
        };
        self
    }

    /// Numbers from 0 to 1 in the shape of what was computed so far, as TF 1 brings them there.
    fn uniform(&mut self, name: &str, form: Dropout) -> String {
        let shape = self.shape_of(name);
        let random = format!("{name}/random");
        if matches!(form, Dropout::Stateless) {
            let seed = self.b.ints(&format!("{name}/seed"), &[3, 4]);
            let u = self.b.op("StatelessRandomUniform", &random).inputs([shape, seed]);
            let u = u.type_attr("dtype", DT_FLOAT).type_attr("Tseed", DT_INT32);
            return u.type_attr("T", DT_INT32).finish();
        }
        let u = self.b.op("RandomUniform", &random).input(shape).type_attr("dtype", DT_FLOAT);
        let u = u.type_attr("T", DT_INT32).finish();
        let [least, most] =
            [("min", 0.0), ("max", 1.0)].map(|(n, v)| self.b.float(&format!("{name}/{n}"), v));
        let width = self.scoped(name, "width", "Sub", &[&most, &least]);
        let scaled = self.scoped(name, "random_scaled", "Mul", &[&u, &width]);
        self.scoped(name, "random_shifted", "Add", &[&scaled, &least])
    }

    fn shape_of(&mut self, name: &str) -> String {
        let shape = self.b.op("Shape", &format!("{name}/shape")).input(&self.x).float_type();
        shape.type_attr("out_type", DT_INT32).finish()
    }

    /// A node of floats under the name of what it is part of.
    pub(crate) fn scoped(&mut self, scope: &str, name: &str, op: &str, inputs: &[&str]) -> String {
        self.b
            .op(op, &format!("{scope}/{name}"))
            .inputs(inputs.iter().copied())
            .float_type()
            .finish()
    }

    pub(crate) fn placeholder_with_default(&mut self, name: &str, value: TensorProto) -> String {
        let dtype = value.dtype.enum_value().unwrap();
        let default = self.b.tensor(&format!("{name}/input"), value);
        let node = self.b.op("PlaceholderWithDefault", name).input(default);
        node.type_attr("dtype", dtype).shape_attr("shape", &[]).finish()
    }

    /// Dropout in one branch of a conditional, what was computed so far in the other, and a
    /// placeholder that says which: `name`/merge.
    pub(crate) fn switched_dropout(mut self, name: &str, training: bool) -> Self {
        let is_training = TensorProto {
            dtype: DT_BOOL.into(),
            tensor_shape: Some(proto::shape(&[])).into(),
            bool_val: vec![training],
            ..TensorProto::default()
        };
        let training = self.placeholder_with_default("keras_learning_phase", is_training);
        let training = self.b.op("Identity", &format!("{name}/pred_id")).input(training);
        let training = training.type_attr("T", DT_BOOL).finish();
        let x = self.x.clone();
        let switch = self.scoped(name, "switch", "Switch", &[&x, &training]);
        let kept = self.scoped(name, "identity", "Identity", &[&switch]);
        self.x = format!("{switch}:1");
        let mut net = self.dropout(name, Dropout::Cast, Rate::Constant(0.5));
        let dropped = net.x.clone();
        let merge = net.b.op("Merge", &format!("{name}/merge")).inputs([kept, dropped]);
        net.x = merge.float_type().int_attr("N", 2).finish();
        net
    }

    /// Adds a number for each channel, drawn by that op.
    pub(crate) fn noise(mut self, name: &str, op: &str) -> Self {
        let shape = self.b.ints(&format!("{name}/shape"), &[self.channels as i32]);
        let alpha = self.b.float(&format!("{name}/alpha"), 1.0);
        let seed = self.b.ints(&format!("{name}/seed"), &[1, 2]);
        let random = format!("{name}/random");
        let drawn = match op {
            "RandomGamma" => {
                let random = self.b.op(op, &random).inputs([shape, alpha]).float_type();
                random.type_attr("S", DT_INT32).finish()
            }
            "Multinomial" => {
                let one = self.b.int(&format!("{name}/samples"), 1);
                let drawn = self.b.op(op, &random).inputs([self.x.clone(), one]).float_type();
                let drawn = drawn.type_attr("output_dtype", DT_INT64).finish();
                let cast = self.b.op("Cast", &format!("{name}/cast")).input(drawn);
                cast.type_attr("SrcT", DT_INT64).type_attr("DstT", DT_FLOAT).finish()
            }
            "StatelessRandomNormal" | "StatelessTruncatedNormal" => {
                let random = self.b.op(op, &random).inputs([shape, seed]);
                let random = random.type_attr("dtype", DT_FLOAT).type_attr("Tseed", DT_INT32);
                random.type_attr("T", DT_INT32).finish()
            }
            _ => {
                let random = self.b.op(op, &random).input(shape).type_attr("dtype", DT_FLOAT);
                random.type_attr("T", DT_INT32).finish()
            }
        };
        let x = self.x.clone();
        self.x = self.scoped(name, "out", "AddV2", &[&x, &drawn]);
        self
    }
}

fn scalar(value: f32) -> TensorProto {
    proto::float_tensor(&[], &[value])
}
