"""Labels photographs with the flags of TensorFlow's label_image.py, whose mean and std are whole
numbers.

Unlike the script it takes several photographs after --image, and prints for each a line with its
path, the best label and its score, separated by tabs.
"""
import argparse

import numpy as np
import tensorflow.compat.v1 as tf

parser = argparse.ArgumentParser()
for name in ["graph", "labels", "input_layer", "output_layer"]:
    parser.add_argument("--" + name)
for name in ["input_height", "input_width", "input_mean", "input_std"]:
    parser.add_argument("--" + name, type=int)
parser.add_argument("--image", nargs="+")
args = parser.parse_args()

DECODERS = {".png": tf.image.decode_png, ".bmp": tf.image.decode_bmp}


def pixels(path):
    decode = DECODERS.get(path[-4:], tf.image.decode_jpeg)
    with tf.Graph().as_default(), tf.Session() as session:
        image = tf.expand_dims(tf.cast(decode(tf.read_file(path), channels=3), tf.float32), 0)
        resized = tf.image.resize_bilinear(image, [args.input_height, args.input_width])
        return session.run(tf.divide(tf.subtract(resized, [args.input_mean]), [args.input_std]))


graph_def = tf.GraphDef()
with open(args.graph, "rb") as file:
    graph_def.ParseFromString(file.read())
labels = open(args.labels).read().splitlines()
with tf.Graph().as_default() as graph:
    tf.import_graph_def(graph_def)
source = graph.get_operation_by_name("import/" + args.input_layer).outputs[0]
result = graph.get_operation_by_name("import/" + args.output_layer).outputs[0]
with tf.Session(graph=graph) as session:
    for path in args.image:
        scores = np.squeeze(session.run(result, {source: pixels(path)}))
        print(path, labels[scores.argmax()], "%.5f" % scores.max(), sep="\t")
