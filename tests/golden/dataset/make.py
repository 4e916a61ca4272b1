"""Writes splits.json beside this file: the sets of made-up photographs by the formula of the
script's create_image_lists, which hashes the path as typed up to `_nohash_`. Also writes
newlines.json: the percentages of paths that contain newlines."""
import hashlib
import itertools
import json
import os
import re

MOST = 2**27 - 1
IMAGE_DIR = "photos"
CLASSES = {
    "Globular_Cluster": ["m%d.jpg" % i for i in range(40)] + ["core_nohash_%d.jpg" % i for i in range(6)],
    "open-cluster": ["n%d.jpeg" % i for i in range(30)] + ["B.JPG", "a.JPG", "C.JPEG", "z.jpg", ".hidden.jpg"],
    "\u00e9t\u00e9 2": ["\u00fc \u00f1 %d.jpg" % i for i in range(25)],
}
IGNORED = ["notes.txt", "photo.png", "photo.Jpg", "jpg", "photo.jpg.part"]


def percentage(path):
    name = re.sub(r"_nohash_.*$", "", path)
    return (int(hashlib.sha1(name.encode("utf-8")).hexdigest(), 16) % (MOST + 1)) * (100.0 / MOST)


# Found by search: paths with the smallest and the largest possible hash, 0 % and 100 %.
EDGES = ["photos/21991373.jpg", "photos/7775641.jpg"]


def category(p, testing, validation):
    return "validation" if p < validation else "testing" if p < testing + validation else "training"


def split(testing, validation):
    result = []
    for name in sorted(CLASSES, key=lambda n: n.encode("utf-8")):
        sets = {"training": [], "testing": [], "validation": []}
        for extension in ["jpg", "jpeg", "JPG", "JPEG"]:
            files = [f for f in CLASSES[name] if f.rsplit(".", 1)[-1] == extension]
            for file in sorted(files, key=lambda f: f.encode("utf-8")):
                p = percentage("/".join([IMAGE_DIR, name, file]))
                sets[category(p, testing, validation)].append(file)
        result.append({"dir": name, "label": re.sub(r"[^a-z0-9]+", " ", name.lower()), "sets": sets})
    return result


paths = ["/".join([IMAGE_DIR, c, f]) for c in sorted(CLASSES) for f in CLASSES[c]]
# Pieces that decide where the pattern matches: `.` stops at a newline, and `$` also matches before
# a final one.
pieces = ["_nohash_", "\n", "x"]
newlines = ["photos/" + "".join(p) for n in range(1, 5) for p in itertools.product(pieces, repeat=n)]
names = ["Globular_Cluster", "open-cluster", "A&B  c", "\u00e9t\u00e9", "NGC 104", "__x__", "roses", "\u0130I", "\u2126 Cen"]
edges = [
    {"path": path, "testing": t, "validation": v, "set": category(percentage(path), t, v)}
    for path in EDGES
    for t, v in [(0, 0), (100, 0), (0, 100), (1, 0), (0, 1), (50, 50)]
]
golden = {
    "edges": edges,
    "image_dir": IMAGE_DIR,
    "ignored": IGNORED,
    "percentages": {p: percentage(p) for p in paths},
    "label_names": {n: re.sub(r"[^a-z0-9]+", " ", n.lower()) for n in names},
    "splits": [
        {"testing": t, "validation": v, "classes": split(t, v)} for t, v in [(10, 10), (25, 15), (0, 100), (10, 0)]
    ],
}
for name, content in [("splits", golden), ("newlines", {p: percentage(p) for p in newlines})]:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".json"), "w") as out:
        json.dump(content, out, indent=1, sort_keys=True)
        out.write("\n")
