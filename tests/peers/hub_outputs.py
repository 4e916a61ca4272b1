"""Reads what a run with --tfhub_module writes: the checkpoint and the SavedModel, in every way that
this TensorFlow can.

Request: {"checkpoint": prefix, "golden": prefix or null, "saved_model": directory, "value": a
number, "size": pixels}. Answer: {"variables": n, "like_golden": whether the golden checkpoint has
the same variables, or null, "latest": path, "predictions": [[..], ..]}: the scores of an image with
all pixels `value`, one row for each way of loading the SavedModel, and the checkpoint by its meta
graph.
"""
import json
import os
import sys
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
variables = tf.train.list_variables(request["checkpoint"])
golden = request["golden"] and tf.train.list_variables(request["golden"]) == variables
image = np.full((2, request["size"], request["size"], 3), request["value"], np.float32)
predictions = []
with tf.Session(graph=tf.Graph()) as session:
    signature = tf.saved_model.loader.load(session, ["serve"], request["saved_model"]).signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict", signature
    feed = {signature.inputs["image"].name: image}
    predictions.append(session.run(signature.outputs["prediction"].name, feed)[1].tolist())
if not tf.__version__.startswith("1."):
    import tensorflow as tf2

    serve = tf2.saved_model.load(request["saved_model"]).signatures["serving_default"]
    predictions.append(serve(image=tf2.constant(image))["prediction"].numpy()[1].tolist())
# The checkpoint's own graph, imported from .meta, and then frozen from it.
with tf.Graph().as_default(), tf.Session() as session:
    tf.train.import_meta_graph(request["checkpoint"] + ".meta").restore(session, request["checkpoint"])
    predictions.append(session.run("final_result:0", {"Placeholder:0": image})[1].tolist())
from tensorflow.python.tools import freeze_graph

with tempfile.TemporaryDirectory() as directory:
    frozen = os.path.join(directory, "frozen.pb")
    freeze_graph.freeze_graph("", "", True, request["checkpoint"], "final_result", "", "", frozen, True, "",
                              input_meta_graph=request["checkpoint"] + ".meta")
    graph_def = tf.GraphDef()
    with open(frozen, "rb") as file:
        graph_def.ParseFromString(file.read())
with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name="")
    predictions.append(session.run("final_result:0", {"Placeholder:0": image})[1].tolist())
latest = tf.train.latest_checkpoint(os.path.dirname(request["checkpoint"]))
print(json.dumps({"variables": len(variables), "like_golden": golden, "latest": latest, "predictions": predictions}))
