"""Trains with the graph in an events file: imports the meta graph, initializes the variables of its
collections, and runs its train op from Python.

Request: {"events": path of the events file, "bottlenecks": [[…]], "truth": [[…]], "steps": n}.
Answer: {"version": …, "cross_entropy": [before each step]}.
"""
import json
import sys

import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
meta_graph = tf.MetaGraphDef()
for event in tf.train.summary_iterator(request["events"]):
    if event.WhichOneof("what") == "meta_graph_def":
        meta_graph.ParseFromString(event.meta_graph_def)
with tf.Graph().as_default() as graph:
    tf.train.import_meta_graph(meta_graph)
    variables = tf.trainable_variables()
    assert len(variables) == 2, variables
    train_op = tf.get_collection("train_op")
    merged = tf.summary.merge_all()
    feed = {}
    for op in graph.get_operations():
        if op.name.endswith("/BottleneckInputPlaceholder"):
            feed[op.outputs[0]] = request["bottlenecks"]
        elif op.name.endswith("/GroundTruthInput"):
            feed[op.outputs[0]] = request["truth"]
    loss = graph.get_tensor_by_name("cross_entropy/total/Mean:0")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = []
        for _ in range(request["steps"]):
            losses.append(float(session.run(loss, feed)))
            session.run([merged, train_op], feed)
print(json.dumps({"version": tf.__version__, "cross_entropy": losses}))
