cat > classify/src/main.rs <<'END'
@MAIN@END
cargo run --release --manifest-path=classify/Cargo.toml -- @STEM@.onnx @LABELS@ @PHOTOGRAPH@
