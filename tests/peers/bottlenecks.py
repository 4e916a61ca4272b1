"""Reads bottleneck files as retrain.py does, and formats their numbers again as numpy does.

Request: {"files": [paths]}. Answer: {"texts": [text for each file]}.
"""
import json
import sys

import numpy as np

texts = []
for path in json.load(sys.stdin)["files"]:
    with open(path, "r") as bottleneck_file:
        bottleneck_string = bottleneck_file.read()
    bottleneck_values = [float(x) for x in bottleneck_string.split(",")]
    texts.append(",".join(str(x) for x in np.array(bottleneck_values, dtype=np.float32)))
print(json.dumps({"texts": texts}))
