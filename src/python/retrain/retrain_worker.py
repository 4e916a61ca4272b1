"""`python -m retrain.retrain_worker`."""

from .program import run

if __name__ == "__main__":
    run("retrain_worker")
