"""Writes a TF-Hub module of the time before resource variables, with VariableV2, and runs it on
images.

Such a module is a SavedModel whose graph has no tag, and tfhub_module.pb with the format's number;
the shape of the input gives the image size. Needs TensorFlow 1.15.

Request: {"dir": where to write the module, "images": [paths of JPEG or PNG files]}.
Answer: {"ops": the ops of its variables, "features": [[..] for each image]}.
"""
import json
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.logging.set_verbosity(tf.logging.ERROR)
request = json.load(sys.stdin)
SIDE = 16
with tf.Graph().as_default() as graph:
    images = tf.placeholder(tf.float32, [None, SIDE, SIDE, 3])
    with tf.variable_scope("net", use_resource=False):
        weights = tf.get_variable("weights", [3, 3, 3, 8], initializer=tf.random_normal_initializer(seed=1))
        biases = tf.get_variable("biases", [8], initializer=tf.random_normal_initializer(seed=2))
        # An integer variable, such as the global_step that many modules have.
        tf.get_variable("steps", [], tf.int64, initializer=tf.constant_initializer(7))
        layer = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, weights, strides=[1, 2, 2, 1], padding="SAME"), biases))
        features = tf.reduce_mean(layer, [1, 2])
    data = tf.placeholder(tf.string)
    decoded = tf.image.convert_image_dtype(tf.image.decode_jpeg(data, channels=3), tf.float32)
    pixels = tf.image.resize_bilinear(tf.expand_dims(decoded, 0), [SIDE, SIDE])
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        answers = []
        for image in request["images"]:
            value = session.run(pixels, {data: open(image, "rb").read()})
            answers.append(session.run(features, {images: value})[0].tolist())
        signature = tf.saved_model.signature_def_utils.build_signature_def(
            inputs={"images": tf.saved_model.utils.build_tensor_info(images)},
            outputs={"default": tf.saved_model.utils.build_tensor_info(features)},
        )
        builder = tf.saved_model.builder.SavedModelBuilder(request["dir"])
        builder.add_meta_graph_and_variables(session, [], {"default": signature}, saver=saver)
        builder.save()
with open(os.path.join(request["dir"], "tfhub_module.pb"), "wb") as file:
    file.write(b"\x08\x03")
variables = sorted({n.op for n in graph.as_graph_def().node if "Var" in n.op})
print(json.dumps({"ops": variables, "features": answers}))
