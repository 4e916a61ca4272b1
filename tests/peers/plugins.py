"""Reads a logdir as TensorBoard's plugins do.

Request: {"logdir": path, "scores": {run: [[score of class 0, is of class 0], ...]}, "thresholds": count}. Answer:
- "values": {run: {tag: {"plugin", "display_name", "strings"}}}, with texts as strings;
- "pr_curves": {run: {tag: tensor as lists}}, and "expected": {run: TensorBoard's own summary of the scores};
- "hparams": what the hparams plugin lists: the names of "hparams" and "metrics" in the order of their columns, and the
  "sessions": [{"name", "hparams": {}, "metrics": {group/tag: value}}];
- "projector": {run: {"shape", "vectors", "metadata": rows with their head, "sprite": path, "side"}}.
"""
import argparse
import json
import sys

import numpy as np
from google.protobuf import json_format
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.compat.proto import tensor_pb2
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
from tensorboard.plugins.pr_curve import summary as pr_curve
from tensorboard.plugins.projector import projector_plugin
from tensorboard.util import tensor_util

request = json.load(sys.stdin)
logdir = request["logdir"]
multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(logdir)
multiplexer.Reload()
provider = data_provider.MultiplexerDataProvider(multiplexer, logdir)
tb = base_plugin.TBContext(
    data_provider=provider, logdir=logdir, multiplexer=multiplexer, flags=argparse.Namespace(logdir=logdir)
)
nobody = context.RequestContext()


def values(run):
    found = {}
    for tag in multiplexer.GetAccumulator(run).Tags()["tensors"]:
        metadata = multiplexer.SummaryMetadata(run, tag)
        tensor = multiplexer.Tensors(run, tag)[-1].tensor_proto
        found[tag] = {"plugin": metadata.plugin_data.plugin_name, "display_name": metadata.display_name}
        if metadata.plugin_data.plugin_name == "text":
            found[tag]["strings"] = [text.decode() for text in tensor.string_val]
    return found


def curves(run):
    tags = [tag for tag in multiplexer.GetAccumulator(run).Tags()["tensors"] if tag.endswith("/pr_curves")]
    last = {tag: multiplexer.Tensors(run, tag)[-1].tensor_proto for tag in tags}
    return {tag: tensor_util.make_ndarray(proto).tolist() for tag, proto in last.items()}


def expected(scored):
    scores = np.array([score for score, _ in scored], np.float32)
    truth = np.array([bool(is_of_class) for _, is_of_class in scored])
    proto = pr_curve.pb("class", truth, scores, num_thresholds=request["thresholds"])
    tensor = tensor_pb2.TensorProto.FromString(proto.value[0].tensor.SerializeToString())
    return tensor_util.make_ndarray(tensor).tolist()


def sessions():
    backend = backend_context.Context(tb)
    experiment = get_experiment.Handler(nobody, backend, "", api_pb2.GetExperimentRequest()).run()
    columns = [api_pb2.ColParams(metric=metric.name) for metric in experiment.metric_infos]
    columns += [api_pb2.ColParams(hparam=hparam.name) for hparam in experiment.hparam_infos]
    everything = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=[api_pb2.STATUS_SUCCESS],
        include_metrics=True,
        aggregation_type=api_pb2.AGGREGATION_AVG,
        col_params=columns,
    )
    groups = list_session_groups.Handler(nobody, backend, "", everything).run().session_groups
    return {
        "hparams": [hparam.name for hparam in experiment.hparam_infos],
        "metrics": [f"{m.name.group}/{m.name.tag}" for m in experiment.metric_infos],
        "sessions": [
            {
                "name": session.name,
                "hparams": {name: json_format.MessageToDict(value) for name, value in group.hparams.items()},
                "metrics": {f"{m.name.group}/{m.name.tag}": m.value for m in session.metric_values},
            }
            for group in groups
            for session in group.sessions
        ],
    }


def projector():
    plugin = projector_plugin.ProjectorPlugin(tb)
    plugin._update_configs()
    found = {}
    for run, config in plugin._configs.items():
        (embedding,) = config.embeddings

        def resolved(path):
            # Refuses what lies outside of the directory.
            return projector_plugin._rel_to_abs_asset_path(path, plugin.config_fpaths[run])

        vectors = projector_plugin._read_tensor_tsv_file(resolved(embedding.tensor_path))
        with open(resolved(embedding.metadata_path)) as file:
            metadata = [line.rstrip("\n").split("\t") for line in file]
        found[run] = {
            "shape": list(embedding.tensor_shape),
            "vectors": vectors.tolist(),
            "metadata": metadata,
            "sprite": resolved(embedding.sprite.image_path),
            "side": list(embedding.sprite.single_image_dim),
        }
    return found


runs = sorted(multiplexer.Runs())
print(
    json.dumps(
        {
            "values": {run: values(run) for run in runs},
            "pr_curves": {run: curves(run) for run in runs},
            "expected": {run: expected(scored) for run, scored in request.get("scores", {}).items()},
            "hparams": sessions(),
            "projector": projector(),
        }
    )
)
