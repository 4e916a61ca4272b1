"""`python -m retrain.simulate_clusters`."""

from .program import run

if __name__ == "__main__":
    run("simulate_clusters")
