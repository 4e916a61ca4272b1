"""Decodes JPEGs with TensorFlow's defaults and writes the pixels as PNGs.

Request: {"images": [paths], "into": [paths]}. Answer: {}.
"""
import json
import os
import sys

import tensorflow as tf

request = json.load(sys.stdin)
for source, target in zip(request["images"], request["into"]):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    tf.io.write_file(target, tf.io.encode_png(tf.io.decode_jpeg(tf.io.read_file(source), channels=3)))
print("{}")
