python -m tf2onnx.convert --graphdef @GRAPH@ --output @STEM@.onnx \
    --inputs '@INPUT_TENSOR@[1,@HEIGHT@,@WIDTH@,3]' --outputs @OUTPUT@:0 \
    --use_default @BOTTLENECK_INPUT@
