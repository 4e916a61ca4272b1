"""Runs a frozen graph on pixels in TensorFlow, in TensorFlow Lite and, where this Python has it, in
OpenCV.

Request: {"graph": path, "input": node, "pixels": [numbers], "size": side}. Answer: {"tensorflow":
[scores], "lite": [scores], "opencv": [scores] or null}.
"""
import json
import sys

import numpy as np
import tensorflow as tf

request = json.load(sys.stdin)
size, node = request["size"], request["input"]
pixels = np.array(request["pixels"], dtype=np.float32).reshape(1, size, size, 3)

graph_def = tf.compat.v1.GraphDef()
with open(request["graph"], "rb") as file:
    graph_def.ParseFromString(file.read())
with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
    tf.import_graph_def(graph_def, name="")
    frozen = session.run("final_result:0", {node + ":0": pixels})

converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(request["graph"], [node], ["final_result"])
lite = tf.lite.Interpreter(model_content=converter.convert())
lite.allocate_tensors()
lite.set_tensor(lite.get_input_details()[0]["index"], pixels)
lite.invoke()
scores = lite.get_tensor(lite.get_output_details()[0]["index"])

try:
    import cv2

    net = cv2.dnn.readNetFromTensorflow(request["graph"])
    net.setInput(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    opencv = net.forward()[0].tolist()
except ImportError:
    opencv = None
print(json.dumps({"tensorflow": frozen[0].tolist(), "lite": scores[0].tolist(), "opencv": opencv}))
