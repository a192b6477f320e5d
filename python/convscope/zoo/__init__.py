"""Trained networks that come with the package."""

from ._load import load, log, names, words

__all__ = ["load", "log", "names", "words"]
