"""Retrains an image classifier on your own photographs: programs in Rust, installed by pip.

`python -m retrain` is the program `retrain`, `python -m retrain.label_image` is `label_image`. There
is nothing here to import.
"""
