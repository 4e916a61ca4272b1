"""`python -m retrain.label_image`."""

from .program import run

if __name__ == "__main__":
    run("label_image")
