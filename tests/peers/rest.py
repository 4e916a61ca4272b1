"""Answers requests to TensorFlow Serving's REST API from a SavedModel, without a server.

Request: {"saved_model": directory, "requests": [{"api": "predict" or "classify", "body": object}],
"images": [paths]}: files that are asked for in place of the first of each request.
Answer: {"version": …, "answers": for each way in which this TensorFlow loads a SavedModel, the body
of the response to each request, "assets": {tensor: text of the file}}.
"""
import base64
import json
import os
import sys

import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
directory = request["saved_model"]


def decoded(value):
    """What a JSON value is in a tensor."""
    if isinstance(value, dict):
        assert list(value) == ["b64"], value
        return base64.b64decode(value["b64"])
    return value


def example(features):
    """A serialized tf.Example of such features."""
    made = tf.train.Example()
    for name, value in features.items():
        value = decoded(value)
        if isinstance(value, str):
            value = value.encode()
        assert isinstance(value, bytes), features
        made.features.feature[name].bytes_list.value.append(value)
    return made.SerializeToString()


def columns(instances, names):
    """The inputs by name of a request's rows."""
    named = lambda row: isinstance(row, dict) and "b64" not in row
    rows = [row if named(row) else {only: row for only in [next(iter(names))]} for row in instances]
    assert all(set(row) == set(names) for row in rows), (rows, names)
    return {name: [decoded(row[name]) for row in rows] for name in names}


def plain(array):
    return [[x.decode() if isinstance(x, bytes) else float(x) for x in row] for row in array]


def filled(row, data):
    """The row with other data in its {"b64": ...}."""
    return {key: data if key == "b64" else filled(value, data) for key, value in row.items()}


def with_images(rows):
    """The first row for each of the images."""
    encoded = [base64.b64encode(open(path, "rb").read()).decode() for path in request["images"]]
    return [filled(rows[0], data) for data in encoded]


def answer(request, signatures, run):
    body = request["body"]
    for rows in {"instances", "examples"} & set(body):
        body[rows] = with_images(body[rows])
    signature = signatures[body.get("signature_name", "serving_default")]
    assert signature.method_name == "tensorflow/serving/" + request["api"], signature
    if request["api"] == "classify":
        context = body.get("context", {})
        examples = [example(dict(context, **features)) for features in body["examples"]]
        outputs = run(body["signature_name"], {"inputs": examples})
        pairs = zip(plain(outputs["classes"]), plain(outputs["scores"]))
        return {"results": [[list(pair) for pair in zip(*row)] for row in pairs]}
    outputs = run(body.get("signature_name", "serving_default"), columns(body["instances"], signature.inputs))
    outputs = {name: plain(array) for name, array in outputs.items()}
    if len(outputs) == 1:
        return {"predictions": next(iter(outputs.values()))}
    return {"predictions": [dict(zip(outputs, row)) for row in zip(*outputs.values())]}


answers = {}
with tf.Session(graph=tf.Graph()) as session:
    meta_graph = tf.saved_model.loader.load(session, ["serve"], directory)
    signatures = meta_graph.signature_def

    def run_session(key, inputs):
        feed = {signatures[key].inputs[name].name: value for name, value in inputs.items()}
        return session.run({k: v.name for k, v in signatures[key].outputs.items()}, feed)

    answers["session"] = [answer(r, signatures, run_session) for r in request["requests"]]
if not tf.__version__.startswith("1."):
    import tensorflow as tf2

    loaded = tf2.saved_model.load(directory)

    def run_function(key, inputs):
        inputs = {name: tf2.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in loaded.signatures[key](**inputs).items()}

    answers["function"] = [answer(r, signatures, run_function) for r in request["requests"]]
assets = {
    asset.tensor_info.name: open(os.path.join(directory, "assets", asset.filename)).read()
    for asset in meta_graph.asset_file_def
}
print(json.dumps({"version": tf.__version__, "answers": answers, "assets": assets}))
