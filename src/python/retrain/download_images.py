"""`python -m retrain.download_images`."""

from .program import run

if __name__ == "__main__":
    run("download_images")
