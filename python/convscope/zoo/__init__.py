"""Trained networks that come with the package."""

from ._load import load, log, names, recipe, words

__all__ = ["load", "log", "names", "recipe", "words"]
