"""Recomputes every figure of a report's page from the tables beside it, with scikit-learn and SciPy.

Request: {"page": path, "csv": path, "json": path, "bottlenecks": {path of photograph: text file}}.
Answer: {"figures": how many were compared, "lines": how many curves, "differences": [figures that differ],
"unknown": [figures that are not recomputed], "missing": [figures that the page should have]}.
"""
import csv
import html.parser
import json
import sys

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest
from sklearn.metrics import (average_precision_score, confusion_matrix, precision_recall_curve,
                             precision_recall_fscore_support)


class Page(html.parser.HTMLParser):
    """Collects figures by name, the curves by section and class, and the bars of the diagrams."""

    def __init__(self):
        super().__init__()
        self.figures, self.lines, self.bars, self.section = {}, [], [], None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "section":
            self.section = attrs["id"]
        if tag == "data":
            value = float(attrs["value"])
            assert self.figures.setdefault(attrs["data-figure"], value) == value, attrs
        if tag == "polyline" and self.section == "ranking":
            points = [[float(x) for x in p.split(",")] for p in attrs["points"].split()]
            self.lines.append((attrs["class"], np.array(points)))
        if tag == "rect" and self.section == "calibration":
            self.bars.append((float(attrs["x"]), float(attrs["height"])))


def interval(expected, name, right, total):
    if total:
        wilson = binomtest(int(right), int(total)).proportion_ci(0.95, method="wilson")
        expected[name + "/low"], expected[name + "/high"] = wilson.low, wilson.high


def view(expected, key, truth, scores):
    """The figures of predictions; returns the curves of each class."""
    k, n = scores.shape[1], len(truth)
    predicted = scores.argmax(1)
    expected[f"{key}/total"], expected[f"{key}/right"] = n, (truth == predicted).sum()
    if n == 0:
        return []
    expected[f"{key}/accuracy"] = (truth == predicted).mean()
    interval(expected, f"{key}/accuracy", (truth == predicted).sum(), n)
    counts = confusion_matrix(truth, predicted, labels=range(k))
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            expected[f"{key}/confusion/{i}/{j}"] = count
    by_class = precision_recall_fscore_support(truth, predicted, labels=range(k), zero_division=np.nan)
    curves, precisions = [], []
    for c, (precision, recall, f1, support) in enumerate(zip(*by_class)):
        name = f"{key}/class/{c}"
        expected[f"{name}/support"] = support
        for figure, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            if not np.isnan(value):
                expected[f"{name}/{figure}"] = value
        interval(expected, f"{name}/precision", counts[c, c], counts[:, c].sum())
        interval(expected, f"{name}/recall", counts[c, c], support)
        if support:
            ap = average_precision_score(truth == c, scores[:, c])
            expected[f"{name}/ap"] = ap
            precisions.append(ap)
            curves.append((key, staircase(truth == c, scores[:, c])))
    expected[f"{key}/map"] = np.mean(precisions)
    return curves


def staircase(truth, scores):
    precision, recall, _ = precision_recall_curve(truth, scores)
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    points, before = [], 0.0
    for p, r in zip(precision, recall):
        if r > before:
            points += [(before, p), (r, p)]
            before = r
    return np.array(points)


def calibration(expected, ece, key, truth, scores):
    best, right = scores.max(1), scores.argmax(1) == truth
    bins = np.minimum((best * 10).astype(int), 9)
    total, bars = 0.0, []
    for b in np.unique(bins):
        of_bin = bins == b
        expected[f"{key}/bin/{b}/count"] = of_bin.sum()
        expected[f"{key}/bin/{b}/confidence"] = best[of_bin].mean()
        expected[f"{key}/bin/{b}/accuracy"] = right[of_bin].mean()
        total += of_bin.mean() * abs(right[of_bin].mean() - best[of_bin].mean())
        bars.append((b / 10, right[of_bin].mean()))
    expected[ece] = total
    return bars


def logits(scores):
    return np.log(np.maximum(scores, 1e-30))


def tempered(scores, temperature):
    powers = np.exp((logits(scores) - logits(scores).max(1, keepdims=True)) / temperature)
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32).astype(float)


def best_temperature(truth, scores):
    def loss(t):
        scaled = logits(scores) / np.exp(t)
        sums = np.log(np.exp(scaled - scaled.max(1, keepdims=True)).sum(1)) + scaled.max(1)
        return (sums - scaled[np.arange(len(truth)), truth]).sum() + t * t / 2
    return np.exp(minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded", options={"xatol": 1e-9}).x)


def label_errors(truth, scores):
    """Confident learning, as its authors' paper has it."""
    thresholds = np.array([scores[truth == c, c].mean() if (truth == c).any() else np.inf
                           for c in range(scores.shape[1])])
    seen = np.where(scores >= thresholds, scores, -1)
    best = seen.argmax(1)
    own = scores[np.arange(len(truth)), truth]
    return int(((seen.max(1) >= 0) & (scores[np.arange(len(truth)), best] > own)).sum())


def near_duplicates(expected, paths, sets, files):
    x = np.array([[float(v) for v in open(files[p]).read().split(",")] for p in paths])
    x -= x.mean(0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    _, group = connected_components(np.triu(x @ x.T >= 0.9, 1))
    groups = [sets[group == g] for g in np.unique(group) if (group == g).sum() > 1]
    expected["near_duplicates/groups"] = len(groups)
    expected["near_duplicates/across"] = sum(len(set(g)) > 1 for g in groups)


request = json.load(sys.stdin)
page = Page()
page.feed(open(request["page"], encoding="utf-8").read())
with open(request["csv"], encoding="utf-8", newline="") as file:
    header, *rows = csv.reader(file)
labels = header[4:]
assert header[:4] == ["path", "set", "truth", "prediction"], header
paths, sets = [row[0] for row in rows], np.array([row[1] for row in rows])
truth = np.array([labels.index(row[2]) for row in rows])
scores = np.array([[np.float32(s) for s in row[4:]] for row in rows]).astype(float)
assert all(labels[c] == row[3] for c, row in zip(scores.argmax(1), rows))

table = json.load(open(request["json"], encoding="utf-8"))["photographs"]
assert [(p["path"], p["set"], p["truth"], p["prediction"]) for p in table] == [tuple(row[:4]) for row in rows]
assert (np.array([p["scores"] for p in table], dtype=np.float32).astype(float) == scores).all()
tested = (sets == "testing") & np.array(["copy_of" not in p for p in table])
validated = sets == "validation"

expected = {"validation/accuracy": (scores[validated].argmax(1) == truth[validated]).mean()}
curves = {"test": view(expected, "test", truth[tested], scores[tested])}
cross_validated = np.array([p["cross_validated"] for p in table], dtype=np.float32).astype(float)
curves["cross_validated"] = view(expected, "cross_validated", truth, cross_validated)
expected["label_errors"] = label_errors(truth, cross_validated)
near_duplicates(expected, paths, sets, request["bottlenecks"])
bars = calibration(expected, "test/ece", "test", truth[tested], scores[tested])
temperature = page.figures["temperature"]
bars += calibration(expected, "test/ece_tempered", "test_tempered", truth[tested],
                    tempered(scores[tested], temperature))
expected["temperature"] = best_temperature(truth[validated], scores[validated])

differences = [f"{name}: {page.figures[name]}, not {value}" for name, value in expected.items()
               if name in page.figures and not abs(page.figures[name] - value)
               <= (1e-4 if name == "temperature" else 1e-6)]
lines = [line for i in range(len(labels)) for key in curves for line in curves[key][i:i + 1]]
for (key, points), (drawn_key, drawn) in zip(lines, page.lines, strict=True):
    if key != drawn_key or points.shape != drawn.shape or abs(points - drawn).max() > 1e-6:
        differences.append(f"a curve of {key}")
if not np.allclose(bars, page.bars, atol=1e-6):
    differences.append(f"bars: {page.bars}, not {bars}")
print(json.dumps({
    "figures": len(expected), "lines": len(lines), "differences": differences,
    "copies": int(sum("copy_of" in p for p in table)),
    "unknown": sorted(set(page.figures) - set(expected)), "missing": sorted(set(expected) - set(page.figures)),
}))
