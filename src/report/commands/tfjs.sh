tensorflowjs_converter --input_format=tf_frozen_model --output_node_names=@OUTPUT@ \
    @GRAPH@ @STEM@_tfjs
