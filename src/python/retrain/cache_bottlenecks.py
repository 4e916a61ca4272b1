"""`python -m retrain.cache_bottlenecks`."""

from .program import run

if __name__ == "__main__":
    run("cache_bottlenecks")
