"""Labels photographs with a frozen graph as label_image.py does, in this Python's TensorFlow.

Request: {"graph": path, "size": pixels, "images": [paths]}; optionally "input" (the node to feed),
"mean" and "std", which default to label_image's, and "also" (another node to fetch). Answer:
{"version": …, "scores": [[…] for each image], "also": the other node's values in the same form}.
"""
import json
import sys

import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
with tf.Graph().as_default() as reader:
    data = tf.placeholder(tf.string)
    decoded = tf.image.decode_jpeg(data, channels=3, name="jpeg_reader")
    batch = tf.expand_dims(tf.cast(decoded, tf.float32), 0)
    resized = tf.image.resize_bilinear(batch, [request["size"], request["size"]])
    pixels = tf.divide(tf.subtract(resized, [request.get("mean", 128)]), [request.get("std", 128)])
    with tf.Session() as session:
        inputs = [session.run(pixels, {data: open(image, "rb").read()}) for image in request["images"]]

graph_def = tf.GraphDef()
with open(request["graph"], "rb") as file:
    graph_def.ParseFromString(file.read())
with tf.Graph().as_default() as graph:
    tf.import_graph_def(graph_def)
    source = graph.get_tensor_by_name("import/%s:0" % request.get("input", "input"))
    result = graph.get_tensor_by_name("import/final_result:0")
    also = graph.get_tensor_by_name("import/%s:0" % request.get("also", "final_result"))
    with tf.Session() as session:
        answers = [[y[0].tolist() for y in session.run([result, also], {source: x})] for x in inputs]
scores, also = zip(*answers)
print(json.dumps({"version": tf.__version__, "scores": scores, "also": also}))
