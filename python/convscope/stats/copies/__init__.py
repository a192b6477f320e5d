"""Copies within a series: reduplication."""

from ._copies import Copies, find_copies

__all__ = ["Copies", "find_copies"]
