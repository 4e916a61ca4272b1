cargo new classify
cargo add --manifest-path=classify/Cargo.toml tract-onnx@0.23
cargo add --manifest-path=classify/Cargo.toml image@0.25 --no-default-features --features jpeg,png
