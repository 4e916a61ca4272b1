//! Fuzz target: the state file of a resumed run, with arbitrary content.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::state::State;
use crate::proto;

/// A state that can be read can be written, and reads back the same.
pub fn state(data: &[u8]) {
    crate::fuzzing::in_temporary_dir(|dir| {
        let path = &dir.join("retrain.state");
        std::fs::write(path, data).unwrap();
        let first = match State::load(path) {
            Ok(state) => state.unwrap(),
            Err(error) => return crate::fuzzing::assert_readable(&error),
        };
        first.save(path).unwrap();
        let second = State::load(path).unwrap().unwrap();
        let rest = |s: &State| (s.step, s.seed, s.drawn, s.conditions.clone());
        assert_eq!(rest(&first), rest(&second));
        // As bytes, because NaN is not equal to itself.
        let variables = |s: &State| -> Vec<_> {
            let serialized = |(name, value): &(String, _)| {
                (name.clone(), proto::serialize::<proto::TensorProto>(value).unwrap())
            };
            s.variables.iter().map(serialized).collect()
        };
        assert_eq!(variables(&first), variables(&second));
        assert!(first.check(&first.conditions, path).is_ok());
    });
}
