"""`python -m scripts.label_image`, as the tutorials write it.

`scripts` has no `__init__.py`, so a `scripts` package of your own goes before it.
"""

import os
import runpy

if __name__ == "__main__":
    # Not imported: the tutorials have a `retrain.py` in the working directory.
    site = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    runpy.run_path(os.path.join(site, "retrain", "program.py"))["run"]("label_image")
