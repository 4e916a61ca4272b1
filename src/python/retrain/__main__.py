"""`python -m retrain`."""

from .program import run

if __name__ == "__main__":
    run("retrain")
