"""Records the distortion nodes that the original scripts make in TensorFlow 1.15.

    python make_distortions.py poets path/to/retrain.py      # tensorflow-for-poets-2
    python make_distortions.py hub path/to/retrain.py        # tensorflow/hub, examples/image_retraining

Takes add_jpeg_decoding and add_input_distortions out of the script, calls them in the order of its
main, and writes distortions_<generation>_<case>.json for each case below: the arguments, and [name,
op, inputs, attributes] for each node that add_input_distortions made, in order. Attributes are in
text form, without `seed` and `seed2` (the script leaves them 0, which means a random seed).
"""
import ast
import json
import os
import sys

import tensorflow as tf
from tensorflow.python.framework import tensor_shape

CASES = {  # flip_left_right, random_crop, random_scale, random_brightness
    "all": (True, 10, 20, 30),
    "flip": (True, 0, 0, 0),
    "unflipped": (False, 33, 7, 29),
}
SIZE, DEPTH, MEAN, STD = 224, 3, 127.5, 127.5


class Hub:
    """Stands in for tensorflow_hub: what the hub script asks of a module."""

    @staticmethod
    def get_expected_image_size(spec):
        return [SIZE, SIZE]

    @staticmethod
    def get_num_image_channels(spec):
        return DEPTH


def functions(path):
    tree = ast.parse(open(path).read())
    wanted = ("add_jpeg_decoding", "add_input_distortions")
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    names = {"tf": tf, "hub": Hub, "tensor_shape": tensor_shape}
    exec(compile(tree, path, "exec"), names)
    return [names[w] for w in wanted]


def attributes(node):
    skipped = ("seed", "seed2", "_class", "_output_shapes")
    if node.op == "Const":
        value = tf.make_ndarray(node.attr["value"].tensor)
        plain = value.tolist()
        return {"dtype": str(value.dtype), "value": plain.decode() if isinstance(plain, bytes) else plain}
    return {k: " ".join(str(v).split()) for k, v in sorted(node.attr.items()) if k not in skipped}


def main(generation, path):
    add_jpeg_decoding, add_input_distortions = functions(path)
    spec = (SIZE, SIZE, DEPTH, MEAN, STD) if generation == "poets" else (None,)
    for case, flags in CASES.items():
        with tf.Graph().as_default() as graph:
            add_jpeg_decoding(*spec)
            before = len(graph.as_graph_def().node)
            data, result = add_input_distortions(*flags, *spec)
            nodes = list(graph.as_graph_def().node)[before:]
        rows = [[n.name, n.op, list(n.input), attributes(n)] for n in nodes]
        out = {
            "flags": dict(zip(("flip_left_right", "random_crop", "random_scale", "random_brightness"), flags)),
            "data": data.op.name,
            "result": result.op.name,
        }
        lines = ",\n  ".join(json.dumps(r) for r in rows)
        head = json.dumps(out)[1:-1]
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "distortions_%s_%s.json" % (generation, case)), "w") as f:
            f.write("{%s, \"nodes\": [\n  %s\n]}\n" % (head, lines))


main(*sys.argv[1:])
