"""The page of an audit in HTML: one file that asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.inspection import _page_columns as columns
from sklearn_aae.inspection._page_data import MAX_COLUMNS, PageData, clip, plural
from sklearn_aae.inspection._page_map import map_of
from sklearn_aae.inspection._page_rows import alarms, least_level, row_table, sentences

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE, STYLE, SCRIPT = "report.html.jinja", "report.css", "report.js"
MAX_BYTES = 1_990_000
#: What a script element may not hold as it is, and how JSON writes it otherwise.
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render_page(data: PageData) -> str:
    """Return the page as HTML, with as many rows as its size allows."""
    html = _render(data)
    while len(html.encode()) > MAX_BYTES and data.most_rows > 1:
        # Cells of signs that HTML and JSON write in six letters each.
        n_rows, n_points = data.most_rows // 2, data.most_points // 2
        data = replace(data, most_rows=n_rows, most_points=n_points)
        html = _render(data)
    return html


def _render(data: PageData) -> str:
    jinja2 = import_extra("jinja2", "plot")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    markup = import_extra("markupsafe", "plot").Markup
    style, script = (
        (TEMPLATES / name).read_text(encoding="utf-8").strip() for name in (STYLE, SCRIPT)
    )
    result: str = environment.get_template(TEMPLATE).render(
        **_context(data, markup),
        style=markup(style),
        script=markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return result


def as_json(value: Any) -> str:
    """Return a value as JSON that no cell can end the script element of."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign, escape in ESCAPES.items():
        text = text.replace(sign, escape)
    return text


def _hash(text: str) -> str:
    """Return what a content security policy knows a script or style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _context(data: PageData, markup: Any) -> dict[str, Any]:
    """Return what the template's names stand for."""
    n_rows, n_columns = data.rows.shape
    n_missing = sum(int((data.rows[:, j] != data.rows[:, j]).sum()) for j in range(n_columns))
    found, levels = map_of(data), alarms(data)
    report = data.synthetic_report
    if report is not None and not data.cells:
        report = replace(report, rules=type(report.rules)())  # their constants are cells
    return {
        "title": clip(data.title),
        "size": f"{plural(n_rows, 'row')} × {plural(n_columns, 'column')}",
        "missing": f"{100 * n_missing / data.rows.size:.3g} %",
        "run": data.run,
        "notes": data.notes,
        "cells": data.cells,
        "files": data.files,
        "sentences": sentences(data),
        "columns": columns.describe_columns(data),
        "n_columns": n_columns,
        "max_columns": MAX_COLUMNS,
        "rules": None if data.rules is None else [_rule(rule, data) for rule in data.rules],
        "n_counted": _n_counted(data),
        "rows": row_table(data),
        "n_rows": n_rows,
        "alpha": data.alpha,
        "least": least_level(data),
        "alarms": levels,
        "at_alpha": [found["level"] for found in levels].index(data.alpha) if levels else 0,
        "n_flagged": int(data.flagged.sum()),
        "map": found,
        "n_points": 0 if found is None else len(found["names"]),
        "seed": data.seed,
        "pairs": columns.pair_maps(data),
        "synthetic": data.synthetic is not None,
        "report": None if report is None else markup(report._repr_html_()),
        "training": data.training,
        "data": markup(as_json({"alarms": levels, "alpha": data.alpha, "map": found})),
    }


def _n_counted(data: PageData) -> int:
    """Return in how many rows rules are counted: of large tables they are found in some."""
    counts = [rule.support + rule.breaks for rule in data.rules or () if rule.breaks is not None]
    return max(counts, default=0)


def _rule(rule: Any, data: PageData) -> dict[str, str]:
    """Return a rule as text; without its constants, which are cells, if there are to be none."""
    names = " and ".join(f"“{clip(name, 32)}”" for name in rule.columns)
    text = clip(rule, 160) if data.cells else f"{type(rule).__name__} of {names}"
    counted = rule.support is not None and rule.breaks is not None
    return {
        "text": text,
        "kept": f"{rule.support:,}" if counted else "",
        "broken": f"{rule.breaks:,}" if counted else "",
    }
