"""A study: sections of text, tables and figures, findings with their evidence, and the settings of all of it.

What could not be done is in it, too, with the reason: a reader should not have to guess what is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._folders import whole_folder
from ._html import as_html, figure_bytes
from ._items import MOST_ROWS, Answer, DataFrame, Finding, Item, LeftOut, Picture, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT = "report.html"


@dataclass(slots=True)
class Section:
    """A part of a study, filled step by step."""

    title: str
    items: list[Item] = field(default_factory=list)

    def text(self, paragraph: str) -> None:
        """Add a paragraph."""
        self.items.append(paragraph)

    def table(
        self,
        name: str,
        caption: str,
        frame: DataFrame,
        *,
        shown: Iterable[str] = (),
        rows: int = MOST_ROWS,
    ) -> None:
        """Add a table, of which the page has the columns ``shown`` (all unless given) and so many rows; ValueError for a name that is none of a file's."""
        self.items.append(Table(_checked(name), caption, frame, tuple(shown), rows))

    def picture(self, name: str, caption: str, figure: Figure) -> None:
        """Add a figure; ValueError as for a table."""
        self.items.append(Picture(_checked(name), caption, figure))

    def left_out(self, what: str, reason: str) -> None:
        """Say what is not there."""
        self.items.append(LeftOut(what, reason))


@dataclass(slots=True)
class Study:
    """What a protocol makes.

    Attributes
    ----------
    title, about : str
        What was studied, and of which network.
    methods : list of str
        Sentences for a paper, with every parameter.
    settings : dict
        The parameters; JSON holds them.
    sections : list of Section
    findings : list of Finding
    """

    title: str
    about: str
    methods: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def section(self, title: str) -> Section:
        """A new one at the end."""
        self.sections.append(Section(title))
        return self.sections[-1]

    def finding(self, claim: str, source: str, appears: Answer, evidence: str) -> None:
        """Add one."""
        answer = appears if appears in (None, "undecided") else bool(appears)
        self.findings.append(Finding(claim, source, answer, evidence))

    @property
    def tables(self) -> dict[str, DataFrame]:
        """All tables by name."""
        return {item.name: item.frame for item in self._items() if isinstance(item, Table)}

    @property
    def pictures(self) -> dict[str, Figure]:
        """All figures by name."""
        return {item.name: item.figure for item in self._items() if isinstance(item, Picture)}

    @property
    def missing(self) -> tuple[LeftOut, ...]:
        """What was left out."""
        return tuple(item for item in self._items() if isinstance(item, LeftOut))

    def write(self, folder: str | Path, *, replace: bool = False) -> Path:
        """The report, its tables (CSV) and figures (SVG, PNG) and ``study.json``, whole or not at all.

        Returns
        -------
        Path
            Of ``report.html``, which needs no other file.

        Raises
        ------
        FileExistsError
            If the folder is there and ``replace`` is false.
        """
        place = Path(folder)
        with whole_folder(place, replace=replace) as made:
            for name in ("tables", "figures"):
                (made / name).mkdir()
            for name, frame in self.tables.items():
                frame.to_csv(made / "tables" / f"{name}.csv", index=False)
            for name, figure in self.pictures.items():
                for kind in ("svg", "png"):
                    (made / "figures" / f"{name}.{kind}").write_bytes(figure_bytes(figure, kind))
            (made / "study.json").write_text(json.dumps(self.to_dict(), indent=1) + "\n")
            (made / REPORT).write_text(as_html(self), encoding="utf-8")
        return place / REPORT

    def to_dict(self) -> Mapping[str, Any]:
        """Settings, methods and findings, as JSON holds them."""
        return {
            "title": self.title,
            "about": self.about,
            "settings": self.settings,
            "methods": self.methods,
            "findings": [
                {
                    "claim": each.claim,
                    "source": each.source,
                    "verdict": each.verdict,
                    "evidence": each.evidence,
                }
                for each in self.findings
            ],
            "left_out": [{"what": each.what, "reason": each.reason} for each in self.missing],
        }

    def _items(self) -> list[Item]:
        return [item for section in self.sections for item in section.items]


def _checked(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"name: expected letters, digits and _, got {name!r}")
    return name
