"""Reads an events directory with TensorBoard's own accumulator.

Request: {"dir": path}. Answer: scalars {tag: [[step, value]]}, histograms {tag: [[step, count, sum
of buckets]]}, the names of the nodes of the graph and of the meta graph, and its collections.
"""
import json
import sys

from tensorboard.backend.event_processing import event_accumulator

directory = json.load(sys.stdin)["dir"]
everything = {name: 0 for name in event_accumulator.DEFAULT_SIZE_GUIDANCE}
events = event_accumulator.EventAccumulator(directory, size_guidance=everything)
events.Reload()
tags = events.Tags()


def nodes(graph_def):
    return [n.name for n in graph_def.node]


answer = {
    "scalars": {t: [[e.step, e.value] for e in events.Scalars(t)] for t in tags["scalars"]},
    "histograms": {
        t: [[e.step, e.histogram_value.num, sum(e.histogram_value.bucket)] for e in events.Histograms(t)]
        for t in tags["histograms"]
    },
    "graph": nodes(events.Graph()) if tags["graph"] else None,
    "meta_graph": None,
}
if tags["meta_graph"]:
    from tensorflow.core.protobuf import meta_graph_pb2

    meta_graph = meta_graph_pb2.MetaGraphDef()
    meta_graph.ParseFromString(events._meta_graph)
    answer["meta_graph"] = nodes(meta_graph.graph_def)
    answer["collections"] = sorted(meta_graph.collection_def)
print(json.dumps(answer))
