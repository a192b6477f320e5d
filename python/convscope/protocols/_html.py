"""A study as one page of HTML that needs no other file: figures are within it."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping
from numbers import Number
from typing import TYPE_CHECKING, Any

import matplotlib

from ._items import Answer, Finding, Item, LeftOut, Picture, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._study import Study

PAGE_DPI = 120  # of pictures that are pixels; their files have more

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1b1b1f; background: #fff; margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; border-top: 1px solid #c3c7cf; padding-top: 1.2rem; }
p { max-width: 46rem; }
.about, figcaption, caption, .note { color: #5f646d; font-size: .9rem; }
figure { margin: 1.4rem 0; overflow-x: auto; } figure img { max-width: 100%; height: auto; }
.wide { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .35rem; }
th, td { padding: .18rem .8rem .18rem 0; text-align: right; border-bottom: 1px solid #eceef1; white-space: nowrap; }
th { color: #5f646d; font-weight: 600; } .text { text-align: left; white-space: normal; max-width: 26rem; } td.text { min-width: 4.5rem; }
.yes { color: #1d7a46; font-weight: 600; } .no { color: #a13a1f; font-weight: 600; } .open { color: #5f646d; }
nav a { margin-right: 1.1rem; } a { color: #7a3e9d; } code { font-size: .86em; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: 12px; } .wide { overflow: visible; } table { font-size: .72rem; } th, td { padding-right: .4rem; } }
pre { background: #f4f5f7; padding: .8rem 1rem; overflow-x: auto; font-size: .82rem; }
"""
_CLASSES: Mapping[Answer, str] = {True: "yes", False: "no"}


def as_html(study: Study) -> str:
    """The page."""
    links = "".join(f'<a href="#s{i}">{_text(each.title)}</a>' for i, each in enumerate(study.sections))
    parts = [
        f"<h1>{_text(study.title)}</h1>",
        f'<p class="about">{_text(study.about)}</p>',
        f"<nav>{links}</nav>" if links else "",
        _findings(study.findings),
    ]
    for i, section in enumerate(study.sections):
        parts.append(f'<h2 id="s{i}">{_text(section.title)}</h2>')
        parts += [_item(item) for item in section.items]
    parts.append('<h2 id="methods">Methods</h2>')
    parts.append(f"<p>{_text(' '.join(study.methods))}</p>")
    rows = "".join(
        f'<tr><td class="text">{_text(name)}</td><td class="text"><code>{_text(value)}</code></td></tr>'
        for name, value in study.settings.items()
    )
    parts.append(f'<div class="wide"><table><caption>All parameters</caption>{rows}</table></div>')
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(study.title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def figure_bytes(figure: Figure, kind: str, *, dpi: float | str = "figure") -> bytes:
    """The same bytes for the same figure."""
    data = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "convscope"}):
        figure.savefig(data, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
    return data.getvalue()


def _findings(findings: list[Finding]) -> str:
    if not findings:
        return ""
    rows = []
    for each in findings:
        kind = _CLASSES.get(each.appears, "open")
        rows.append(
            f'<tr><td class="text">{_text(each.claim)}<br><span class="note">{_text(each.source)}</span></td>'
            f'<td class="text {kind}">{each.verdict}</td><td class="text">{_text(each.evidence)}</td></tr>'
        )
    head = '<tr><th class="text">finding</th><th class="text">here</th><th class="text">evidence</th></tr>'
    caption = "<caption>Findings of the papers in this network</caption>"
    return f'<div class="wide"><table>{caption}{head}{"".join(rows)}</table></div>'


def _item(item: Item) -> str:
    if isinstance(item, str):
        return f"<p>{_text(item)}</p>"
    if isinstance(item, LeftOut):
        return f'<p class="note">Left out: {_text(item.what)}. {_text(item.reason)}</p>'
    if isinstance(item, Picture):
        drawn, pixels = figure_bytes(item.figure, "svg"), figure_bytes(item.figure, "png", dpi=PAGE_DPI)
        data, kind = (
            (drawn, "svg+xml") if len(drawn) <= len(pixels) else (pixels, "png")
        )  # many lines are many bytes
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        return (
            f'<figure><img alt="{_text(item.caption)}" src="{source}"><figcaption>{_text(item.caption)} '
            f"(figures/{item.name}.svg)</figcaption></figure>"
        )
    return _table(item)


def _table(table: Table) -> str:
    frame = table.frame
    shown = (frame[list(table.shown)] if table.shown else frame).head(table.rows)
    is_text = [not any(isinstance(value, Number) for value in shown[column]) for column in shown.columns]
    kinds = [' class="text"' if each else "" for each in is_text]
    head = "".join(
        f"<th{kind}>{_text(column)}</th>" for column, kind in zip(shown.columns, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{kind}>{_text(_cell(str(column), value))}</td>"
            for column, kind, value in zip(shown.columns, kinds, row, strict=True)
        )
        + "</tr>"
        for row in shown.itertuples(index=False, name=None)
    )
    more = f"; the first {table.rows} of {len(frame)} rows" if len(frame) > table.rows else ""
    others = len(frame.columns) - len(shown.columns)
    more += f"; {others} more columns" if others else ""
    note = f"<caption>{_text(table.caption)} (tables/{table.name}.csv{more})</caption>"
    return f'<div class="wide"><table>{note}<tr>{head}</tr>{rows}</table></div>'


def _cell(column: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "\N{EN DASH}"
    if (column == "p" or column.startswith("p_") or column.endswith("_p")) and value < 1e-4:
        return "<0.0001"
    return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _text(value: Any) -> str:
    return html.escape(str(value))
