"""Trained networks that come with the package."""

from ._load import corpus, load, log, names, recipe, words

__all__ = ["corpus", "load", "log", "names", "recipe", "words"]
