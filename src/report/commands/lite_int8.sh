python - @GRAPH@ @STEM@_int8.tflite <<'END'
import json, random, sys
import tensorflow as tf

@PIXELS_TENSORFLOW@
def representative():
    # 100 of the photographs that the new layer learned from.
    photographs = json.load(open(graph + '.json'))['split']['training']
    decodable = ('.jpg', '.jpeg', '.png', '.gif', '.bmp')
    photographs = [path for path in photographs if path.lower().endswith(decodable)]
    for path in random.Random(1).sample(photographs, min(100, len(photographs))):
        yield [pixels(path)]

graph, model = sys.argv[1:]
converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
    graph, [@INPUT_NODE@], [@OUTPUT_NODE@], {@INPUT_NODE@: [1, @HEIGHT@, @WIDTH@, 3]})
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = representative
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.uint8
open(model, 'wb').write(converter.convert())
END
