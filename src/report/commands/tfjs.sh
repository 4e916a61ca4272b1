tensorflowjs_converter --input_format=tf_frozen_model --output_node_names=@OUTPUT@ \
    @GRAPH@ @STEM@_tfjs
# TensorFlow.js frees what a PlaceholderWithDefault passes on before it is read.
perl -pi -e 's/"PlaceholderWithDefault"/"Identity"/' @STEM@_tfjs/model.json
