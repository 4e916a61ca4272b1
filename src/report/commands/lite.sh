python - @GRAPH@ @STEM@.tflite <<'END'
import sys
import tensorflow as tf

graph, model = sys.argv[1:]
converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
    graph, [@INPUT_NODE@], [@OUTPUT_NODE@], {@INPUT_NODE@: [1, @HEIGHT@, @WIDTH@, 3]})
open(model, 'wb').write(converter.convert())
END
