"""From a place to the source that reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from convscope.data._batch import SUFFIXES
from convscope.data._files import visible_files
from convscope.data.sources._folder import Folder
from convscope.data.sources._item import Source
from convscope.data.sources._librispeech import LibriSpeech
from convscope.data.sources._manifest import Manifest
from convscope.data.sources._synthetic import SyntheticWords
from convscope.data.sources._timit import Timit


def open_source(where: str | Path, **options: Any) -> Source:
    """Choose a source by what lies at a place.

    =====================================  ================
    what is found                          source
    =====================================  ================
    the string "words"                     `SyntheticWords`
    a file that ends in .csv               `Manifest`
    a folder with .WRD files in it         `Timit`
    or else with .TextGrid files           `LibriSpeech`
    or else with sounds                    `Folder`
    =====================================  ================

    Parameters
    ----------
    where : str or path
        A file or folder, or "words"; a folder of that name is "./words" or a path object.
    **options
        Settings of the source.

    Returns
    -------
    Source
        Nothing of it is read yet.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    ValueError
        If a file is no CSV file, or a folder holds none of these.
    TypeError
        For a setting that the source does not have.

    Examples
    --------
    >>> open_source("words", tokens_per_word=3).describe()["kind"]
    'SyntheticWords'
    """
    if where == "words":
        return _made(SyntheticWords, where, options)
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(
            f"open_source: expected a folder, a CSV file or 'words', there is nothing at {path}"
        )
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise ValueError(f"open_source: expected a folder or a file that ends in .csv, got {path}")
        return _made(Manifest, path, options, path)
    kinds: dict[str, Callable[..., Source]] = {".wrd": Timit, ".textgrid": LibriSpeech}
    kinds.update(dict.fromkeys(SUFFIXES, Folder))
    found = {name.suffix.lower() for name in visible_files(path, suffixes=kinds)}
    if "alignments" in options:  # its TextGrids lie elsewhere
        found.add(".textgrid")
    for suffix, kind in kinds.items():
        if suffix in found:
            return _made(kind, path, options, path)
    raise ValueError(
        f"open_source: expected files that end in .WRD, .TextGrid, {', '.join(SUFFIXES)} in {path}, found none"
    )


def _made(
    kind: Callable[..., Source], where: str | Path, options: dict[str, Any], *arguments: Path
) -> Source:
    try:
        return kind(*arguments, **options)
    except TypeError as error:
        raise TypeError(
            f"open_source: {where} is read by {getattr(kind, '__name__', kind)}: {error}"
        ) from error
