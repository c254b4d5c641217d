"""The oddest rows of the page, how alarms change with the level, and three sentences."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from sklearn_aae.inspection._page_data import CellReason, PageData, clip, listed, plural

#: Levels of the slider, beside the one that was asked for.
LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
#: Rows that "the oddest" in a sentence means, where fewer or more are flagged.
LEAST_ODD, MOST_ODD = 10, 100


def row_table(data: PageData) -> list[dict[str, Any]]:
    """Return the lines of the table of the oddest rows."""
    lines: list[dict[str, Any]] = []
    if data.scores is None:
        return lines
    for row in data.oddest.tolist():
        reasons = data.reasons.get(row, [])
        line: dict[str, Any] = {
            "name": data.name_of(row),
            "row": row,
            "score": f"{-data.scores[row]:.4g}",
            "flagged": bool(data.flagged[row]),
            "reasons": [_shown(reason, data.cells) for reason in reasons],
            "sentence": _sentence(reasons, data.cells),
        }
        if data.p_values is not None:
            line |= {"p": float(data.p_values[row]), "p_text": f"{data.p_values[row]:.2g}"}
        lines.append(line)
    return lines


def _shown(reason: CellReason, cells: bool) -> CellReason:
    """Return a reason with texts that are short, and without cells if there are to be none."""
    if cells:
        column, value, expected, interval = map(clip, reason[:4])
        rule = clip(reason.rule, 160)
        return CellReason(column, value, expected, interval, reason.share, rule)
    return CellReason(clip(reason.column), "", "", "", reason.share, "")


def _sentence(reasons: list[CellReason], cells: bool) -> str:
    """Return why a row is odd."""
    if not reasons:
        return "No single cell stands out; the row is odd as a whole."
    first, *others = reasons
    name = f"“{clip(first.column, 32)}”"
    broken = next((reason for reason in reasons if reason.rule), None)
    if not cells:
        text = f"{name} is not what the rest of the row leads to expect"
        text += "; it breaks a rule" if broken else ""
    elif broken is not None:
        text = f"It breaks a rule: {clip(broken.rule, 120)}"
    else:
        text = f"{name} is {clip(first.value, 32)} where {clip(first.expected, 32)} was expected"
        text += f" (usual: {first.interval})" if first.interval else ""
    also = [reason.column for reason in others if reason.share >= 0.2]
    return text + (f"; {listed(also)} too." if also and broken is None else ".")


def alarms(data: PageData) -> list[dict[str, Any]]:
    """Return how many rows are flagged at each level, and how many chance would flag."""
    if data.p_values is None or data.alpha is None:
        return []
    n = len(data.p_values)
    return [
        {
            "level": level,
            "flagged": int((data.p_values <= level + 1e-12).sum()),
            "chance": round(level * n, 1),
        }
        for level in sorted({*LEVELS, data.alpha})
    ]


def least_level(data: PageData) -> float | None:
    """Return the least p-value that a row has."""
    return None if data.p_values is None else float(data.p_values.min())


# ------------------------------------------------------------------- three sentences


def sentences(data: PageData) -> list[str]:
    """Return what a reader who reads nothing else should know."""
    return [text for text in (_flags(data), _common(data), _use(data)) if text]


def _flags(data: PageData) -> str:
    n_rows = len(data.rows)
    if data.scores is None:
        return ""
    if data.p_values is None or data.alpha is None:
        return f"{plural(n_rows, 'row')} are ranked from the oddest to the most usual."
    n = int(data.flagged.sum())
    chance = data.alpha * n_rows
    by_chance = f"{chance:.1f}" if chance < 10 else f"{chance:,.0f}"
    more = (
        "more than the level alone explains"
        if n > chance + 2 * np.sqrt(chance * (1 - data.alpha))
        else "the number follows from the level and does not say how many rows are wrong"
    )
    return (
        f"{n:,} of {plural(n_rows, 'row')} are flagged because the level is {data.alpha:g}; "
        f"about {by_chance} would be flagged by chance in a table without anything odd: {more}."
    )


def _common(data: PageData) -> str:
    """Say what the oddest rows have in common."""
    n = int(np.clip(data.flagged.sum(), LEAST_ODD, MOST_ODD))
    odd = data.oddest[:n].tolist()
    found = [data.reasons[row] for row in odd if data.reasons.get(row)]
    if not found:
        return ""
    rules = sum(any(reason.rule for reason in reasons) for reasons in found)
    counts = Counter(reasons[0].column for reasons in found)
    shared = [(name, count) for name, count in counts.most_common(3) if count > 1]
    start = f"Of the {len(odd):,} oddest rows, "
    end = f"; {rules:,} of them {'breaks' if rules == 1 else 'break'} a rule" if rules else ""
    if not shared:
        return f"{start}each is odd in a column of its own{end}."
    verbs = (" are odd above all", *[""] * len(shared))
    parts = [
        f"{count:,}{verb} in “{clip(name, 32)}”"
        for (name, count), verb in zip(shared, verbs, strict=False)
    ]
    return f"{start}{', '.join(parts)}{end}."


def _use(data: PageData) -> str:
    """Say what synthetic rows are good for."""
    report = data.synthetic_report
    if data.synthetic is None:
        return ""
    if report is None:
        return (
            "Synthetic rows were not judged, which takes enough rows to hold some out: use them "
            "for tests of software alone."
        )
    shapes, real = report.column_shapes.score, report.held_out_shapes.score
    area = report.c2st.score
    like = "resemble" if shapes >= real - 0.05 else "only roughly resemble"
    told = (
        "a classifier can hardly tell rows from real ones"
        if area < 0.6
        else "a classifier tells many rows from real ones"
        if area < 0.8
        else "a classifier tells most rows from real ones"
    )
    use = (
        "good for demonstrations, tests and teaching, and for a first analysis"
        if area < 0.8
        else "good for demonstrations and tests of software, not for conclusions about the data"
    )
    copies = report.copy_share.details
    repeats = copies["synthetic"] > copies["held_out"] + 0.01
    end = "; some repeat real rows, so do not pass them on" if repeats else ""
    return f"Synthetic rows {like} the real ones column by column, and {told}: {use}{end}."
