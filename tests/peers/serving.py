"""Reads the signature of a frozen network's SavedModel, and runs it on photographs.

Request: {"saved_model": directory, "graph": the frozen graph of the same run, "images": [paths],
"size": pixels, "mean", "std", "input": the frozen graph's input node}. Answer: {"inputs": {"image":
tensor}, "outputs": {"prediction": tensor}, "method": …, "served": [[…] for each image], "frozen":
the frozen graph's scores in the same form}.
"""
import json
import sys

import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
data = [open(image, "rb").read() for image in request["images"]]
with tf.Graph().as_default():
    encoded = tf.placeholder(tf.string)
    batch = tf.expand_dims(tf.cast(tf.image.decode_jpeg(encoded, channels=3), tf.float32), 0)
    resized = tf.image.resize_bilinear(batch, [request["size"], request["size"]])
    pixels = (resized - request["mean"]) * (1.0 / request["std"])
    with tf.Session() as session:
        inputs = [session.run(pixels, {encoded: image}) for image in data]
with tf.Session(graph=tf.Graph()) as session:
    signature = tf.saved_model.loader.load(session, ["serve"], request["saved_model"]).signature_def["serving_default"]
    image, prediction = signature.inputs["image"], signature.outputs["prediction"].name
    fed = data if image.dtype == tf.string.as_datatype_enum else inputs
    served = [session.run(prediction, {image.name: x})[0].tolist() for x in fed]
graph_def = tf.GraphDef()
with open(request["graph"], "rb") as file:
    graph_def.ParseFromString(file.read())
with tf.Graph().as_default() as graph, tf.Session() as session:
    tf.import_graph_def(graph_def, name="")
    frozen = [session.run("final_result:0", {request["input"] + ":0": x})[0].tolist() for x in inputs]
print(json.dumps({
    "inputs": {key: value.name for key, value in signature.inputs.items()},
    "outputs": {key: value.name for key, value in signature.outputs.items()},
    "method": signature.method_name, "served": served, "frozen": frozen,
}))
