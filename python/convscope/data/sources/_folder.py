"""A folder of sounds, one item for each file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convscope.data._batch import SUFFIXES
from convscope.data._files import existing_folder, visible_files
from convscope.data.sources._item import Item, LeftOut, Setting, describe, sound_or_reason


@dataclass(frozen=True, slots=True)
class Folder:
    r"""The sound files below a folder, in natural order, as `load_folder` finds them.

    Attributes
    ----------
    path : path
        The folder.
    label : "folder", regular expression or None
        "folder": the file's folder relative to `path`, such as "ask" or "deep/ask", "" for files in `path`
        itself. A regular expression with one group: what the group matches when searched in the file's name;
        a file whose name does not match is left out. None: no labels.
    pattern : str
        Glob relative to the folder that narrows the choice.

    Raises
    ------
    ValueError
        For a regular expression that is none, or has not exactly one group.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from convscope.data import write_sound
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("7_jackson_0.wav", "noise.wav"):
    ...         write_sound(f"{folder}/{name}", np.ones(100), 8000)
    ...     seven, noise = Folder(folder, label=r"^(\d)_").items()
    >>> seven.label, noise.reason
    ('7', "the name does not match '^(\\\\d)_'")
    """

    path: Path | str
    label: str | None = "folder"
    pattern: str = "**/*"

    def __post_init__(self) -> None:
        if self.label in ("folder", None):
            return
        try:
            groups = re.compile(str(self.label)).groups
        except re.error as error:
            raise ValueError(f"Folder: expected a regular expression, got {self.label!r}: {error}") from error
        if groups != 1:
            raise ValueError(
                f"Folder: expected a regular expression with one group, {self.label!r} has {groups}"
            )

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield one item for each file, named by its path relative to the folder.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            If there is no such folder.
        """
        root = existing_folder(self.path, "Folder")
        for path in visible_files(root, suffixes=SUFFIXES, pattern=self.pattern):
            name = path.as_posix()
            label = self._label(path)
            if label is None:
                yield LeftOut(name, f"the name does not match {self.label!r}")
                continue
            sound = sound_or_reason(root / path)
            yield LeftOut(name, sound) if isinstance(sound, str) else Item(name, sound, label)

    def describe(self) -> dict[str, Setting]:
        """Return the settings."""
        return describe(self)

    def _label(self, path: Path) -> str | None:
        if self.label is None:
            return ""
        if self.label == "folder":
            return "" if path.parent == Path() else path.parent.as_posix()
        found = re.search(self.label, path.name)
        # A group may take no part in a match: "(a)|b" on "b".
        return found[1] if found else None
