python - @GRAPH@ @STEM@_tfjs_uint8 <<'END'
import sys
from tensorflowjs.converters.tf_saved_model_conversion_v2 import convert_tf_frozen_model

graph, model = sys.argv[1:]
convert_tf_frozen_model(graph, '@OUTPUT_NAME@', model, {'uint8': '*'})
# TensorFlow.js frees what a PlaceholderWithDefault passes on before it is read.
text = open(model + '/model.json').read().replace('"PlaceholderWithDefault"', '"Identity"')
open(model + '/model.json', 'w').write(text)
END
