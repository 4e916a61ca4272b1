"""Resolves a module's handle with tensorflow_hub (0.12, the last for TensorFlow 1.15), as
hub.Module does.

Request: {"handle": address, "cache": directory for TFHUB_CACHE_DIR}. Answer: {"dir": the module's
directory, "signatures": their names, "beside": the names in the cache directory}.
"""
import json
import os
import sys

request = json.load(sys.stdin)
os.environ["TFHUB_CACHE_DIR"] = request["cache"]
for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
    os.environ.pop(name, None)

import tensorflow_hub as hub

path = hub.resolve(request["handle"])
spec = hub.load_module_spec(request["handle"])
answer = {"dir": path, "signatures": spec.get_signature_names(), "beside": sorted(os.listdir(request["cache"]))}
print(json.dumps(answer))
