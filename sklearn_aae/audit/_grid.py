"""The rows of a CSV file as texts: separators, headers and lines that are no rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from dataclasses import dataclass

from sklearn_aae.audit._reading import Reading, ReadingOptions
from sklearn_aae.encoding._cell_kinds import (
    MISSING_WORDS,
    is_typed,
    is_typed_column,
    known_cells,
)

#: Looked at to find the separator.
SAMPLE_CHARACTERS, SAMPLE_ROWS = 200_000, 500
CANDIDATES = ",;\t|"
#: Rows that the first one is compared with, to see whether it holds names.
HEADER_ROWS = 5000
#: Cells that hold a candidate and say nothing for it.
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]*[.,]?[0-9]+")
COMMENT_MARKS = ("#", "%", "//")
UNITS = re.compile(
    r"[\[(<].*[\])>]|[^\d\s]{1,6}|[^\d\s]{1,3}[\^*/·]?\S{0,6}|(?i:[dmyhs]{1,4}[./: -]?){2,6}",
    re.DOTALL,
)
#: The name that pandas gives the nameless column of row names when it writes it again.
NAMELESS = ("", "Unnamed: 0")


@dataclass
class Grid:
    """The cells of a file.

    Attributes
    ----------
    names : list of str
        Names of the columns.
    columns : list of list of str
        Their cells.
    row_names : list of str or None
        Of rows, if they have any.
    """

    names: list[str]
    columns: list[list[str]]
    row_names: list[str] | None = None


Row = tuple[int, list[str]]


def read_grid(text: str, options: ReadingOptions, reading: Reading) -> Grid:
    """Return the cells of a file; ``reading`` learns how they were found.

    Raises
    ------
    ValueError
        If rows do not fit the header, or the header repeats a name.
    """
    text, said = _sep_line(text, reading)
    reading.sep = sep = options.sep or said or find_separator(text, options.decimal)
    rows = _all_rows(text, sep, reading)
    if not rows:
        raise ValueError("the file is empty: it has neither a header nor rows")
    width = _usual_width(rows)
    rows = _without_preamble(rows, width, reading)
    has_header = find_header(rows) if options.header is None else options.header
    reading.header = has_header
    if not has_header:
        if options.header is None:
            reading.notes.append(
                "the first line looks like data: the file is read without a header, and columns "
                "are called 'column 1', ...; --header says that it has one"
            )
        names = [f"column {j + 1}" for j in range(width)]
        return Grid(names, _columns(_squared(rows, names, reading), width))
    header, rows = rows[0][1], rows[1:]
    rows = _without_other_lines(header, rows, reading)
    header, rows, named = _fitted(header, rows, width, reading)
    columns = _columns(_squared(rows, header, reading), len(header))
    return _named(header, columns, named, reading)


# ----------------------------------------------------------------- separators


def _sep_line(text: str, reading: Reading) -> tuple[str, str | None]:
    """Return the text after a first line sep=..., and the separator that it names."""
    found = re.match(r'"?sep=(.)"?\r?(?:\n|$)', text.lstrip("\ufeff"), re.IGNORECASE)
    if not found:
        return text, None
    reading.notes.append(
        f"the first line, {found[0].strip()!r}, names the separator and no columns"
    )
    return text.lstrip("\ufeff")[found.end() :], found[1]


def find_separator(text: str, decimal: str | None = None) -> str:
    """Return the separator that makes rows of one width with the cleanest cells.

    A comma that is the decimal sign is none.
    """
    sample = text[:SAMPLE_CHARACTERS]
    if len(text) > SAMPLE_CHARACTERS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, found = 0.0, ""
    for sep in CANDIDATES.replace("," if decimal == "," else "", ""):
        rows = _parsed(sample, sep, strict=False)[:SAMPLE_ROWS]
        score = _score(rows, sep)
        if score > best + 1e-9:
            best, found = score, sep
    if not found and _is_aligned(sample):
        return " "
    return found or (";" if decimal == "," else ",")


def _score(rows: list[Row], sep: str) -> float:
    width = _usual_width(rows)
    if width < 2:
        return 0
    usual = [row for _, row in rows if len(row) == width]
    others = re.compile("[" + CANDIDATES.replace(sep, "") + "]")
    cells = [cell for row in usual for cell in row]
    clean = sum(not others.search(c) or bool(PLAIN_NUMBER.fullmatch(c.strip())) for c in cells)
    first = next((len(row) for _, row in rows if not _is_comment(row)), 0)
    fits = 1.0 if first == width else 0.8 if first == width - 1 else 0.5
    near = sum(abs(len(row) - width) <= 1 for _, row in rows)
    # A trailing separator, or a cell too many, still speaks for it.
    share = (3 * len(usual) + near) / (4 * len(rows))
    # Between equals, more columns.
    return share * clean / len(cells) * fits + 1e-6 * width


def _is_aligned(sample: str) -> bool:
    """Return whether lines are numbers with blanks between, as many in each line."""
    rows = [line.split() for line in sample.splitlines() if line.strip()][:SAMPLE_ROWS]
    if len(rows) < 2:
        return False
    width = len(rows[-1])
    body = rows[1:]
    typed = sum(is_typed(cell) for row in body for cell in row)
    same = all(len(row) == width for row in body)
    return width >= 3 and same and typed > sum(map(len, body)) / 2


def _parsed(text: str, sep: str, *, strict: bool, skip: bool = False) -> list[Row]:
    """Return the rows that are not blank with the numbers of their lines.

    ``skip`` leaves out blanks after separators, ``strict`` refuses quotes that do not match.
    """
    if sep == " ":
        text = "\n".join(re.sub(r"[ \t]+", " ", line.strip()) for line in text.splitlines())
    # newline="": line ends within quotes stay as they are.
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=sep, strict=strict, skipinitialspace=skip
    )
    rows: list[Row] = []
    try:
        for row in reader:
            if len(row) > 1 or (row and (row[0].strip() or not rows or len(rows[-1][1]) == 1)):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        if not strict:
            return rows
        raise ValueError(
            f"line {reader.line_num}: {error}. Is a quote missing, or is the separator {sep!r} "
            "wrong (--sep)?"
        ) from error
    return rows


def _all_rows(text: str, sep: str, reading: Reading) -> list[Row]:
    """Return the rows of a file, without blanks after separators if these are no part of cells."""
    rows = _parsed(text, sep, strict=True)
    quoted = re.compile(r' +"')
    skip = sep != " " and any(quoted.match(cell) for _, row in rows for cell in row[1:])
    if skip:
        rows = _parsed(text, sep, strict=True, skip=True)
    if skip or _is_padded(rows):
        rows = [(line, [cell.strip(" ") for cell in row]) for line, row in rows]
        reading.remarks.append("blanks around cells are left out")
    return rows


def _is_padded(rows: list[Row]) -> bool:
    """Return whether all cells but the first of a row begin with a blank."""
    later = [cell for _, row in rows[:SAMPLE_ROWS] for cell in row[1:] if cell]
    return bool(later) and all(cell.startswith(" ") for cell in later)


def _usual_width(rows: list[Row]) -> int:
    counts = Counter(len(row) for _, row in rows)
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


# --------------------------------------------------- lines that are no rows


def _is_comment(row: list[str]) -> bool:
    return row[0].lstrip().startswith(COMMENT_MARKS)


def _without_preamble(rows: list[Row], width: int, reading: Reading) -> list[Row]:
    """Return rows from the header on: without titles and comments before it."""
    start = 0
    while start < len(rows) - 1 and _is_comment(rows[start][1]):
        start += 1
    if start and _is_header_in_comment([row for _, row in rows[start - 1 :]], width):
        start -= 1
        line, row = rows[start]
        bare = row[0].lstrip().lstrip("#%/").lstrip()
        reading.notes.append(f"line {line}, {row[0]!r}, is read as the header, without its mark")
        rows = [*rows[:start], (line, [bare, *row[1:]]), *rows[start + 1 :]]
    while start < len(rows) - 1 and width > 1 and len(rows[start][1]) < width:
        row, following = rows[start][1], rows[start + 1][1]
        # One name less than cells: rows have names.
        if len(row) == width - 1 and len(following) == width and not _is_title(row, following):
            break
        # All later rows have an empty cell more.
        start += 1
    if start:
        lines = f"line {rows[0][0]}" if start == 1 else f"{start} lines before the header"
        shown = " ".join(cell for _, row in rows[:start] for cell in row)
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        reading.notes.append(f"{lines} skipped as no part of the table: {shown!r}")
    return rows[start:]


def _is_header_in_comment(rows: list[list[str]], width: int) -> bool:
    """Return whether the first of the rows, a comment, holds the names of the columns."""
    if len(rows[0]) != width or len(rows) < 2:
        return False
    return width > 1 and not find_header([(i, row) for i, row in enumerate(rows[1:])])


def _is_title(row: list[str], following: list[str]) -> bool:
    """Return whether a line is a title above a header, and not a header of named rows."""
    return len(row) == 1 and not any(map(is_typed, map(str.strip, following)))


def _without_other_lines(header: list[str], rows: list[Row], reading: Reading) -> list[Row]:
    """Return rows without comments, repeated headers and a line of units."""
    kept = []
    for line, row in rows:
        if row == header:
            reading.notes.append(f"line {line} repeats the header, and is skipped")
        elif len(row) < len(header) and _is_comment(row):
            reading.notes.append(f"line {line} is skipped as a comment: {row[0]!r}")
        else:
            kept.append((line, row))
    if len(kept) > 2 and _are_units(kept[0][1], [row for _, row in kept[1:]]):
        line, row = kept.pop(0)
        reading.notes.append(f"line {line} is taken for units, and skipped: {' '.join(row)!r}")
    return kept


def _are_units(first: list[str], rest: list[list[str]]) -> bool:
    """Return whether a line has words like units in columns of otherwise numbers or dates."""
    if any(is_typed(cell.strip()) for cell in first):
        return False
    words = 0
    for j, cell in enumerate(first):
        below = [row[j] for row in rest if j < len(row)]
        if list(known_cells([cell])) and is_typed_column(below):
            if not UNITS.fullmatch(cell.strip()):
                return False
            words += 1
        elif cell.strip() and cell in below:
            return False
    return words > 0


# ------------------------------------------------------------------- headers


def find_header(rows: list[Row]) -> bool:
    """Return whether the first row holds names, and not cells like those below it."""
    first, rest = rows[0][1], [row for _, row in rows[1:]]
    # Files that were put together have their header in the middle, too.
    rest = ([row for row in rest if row != first] or rest)[:HEADER_ROWS]
    if not rest:
        return True
    bare = [cell.strip() for cell in first]
    if bare[0] in NAMELESS and all(bare[1:]) and len(bare) > 1 and len(set(bare)) == len(bare):
        return True
    below = [[row[j] for row in rest if j < len(row)] for j in range(len(first))]
    typed = [is_typed_column(column) for column in below]
    names = cells = 0
    for cell, is_of_type in zip(bare, typed, strict=True):
        if is_of_type and cell and cell not in MISSING_WORDS:
            cells += is_typed(cell)
            names += not is_typed(cell)
    if names and names >= cells:
        return True
    texts = [j for j, is_of_type in enumerate(typed) if not is_of_type and bare[j]]
    again = [bare[j] in set(map(str.strip, below[j])) for j in texts]
    if cells:
        # Years or numbers may be names; text that comes again below is none.
        if any(again):
            return False
        return _are_number_names(bare, rest) or (
            bool(texts) and cells == 1 and _repeats(below, texts)
        )
    # Nothing but text: a name is seldom a cell, too.
    return sum(again) <= len(again) / 2


def _are_number_names(first: list[str], rest: list[list[str]]) -> bool:
    """Return whether the numbers of a line count up, as years do, and those of the next do not."""

    def counts_up(row: list[str]) -> bool:
        numbers = [int(cell) for cell in map(str.strip, row) if re.fullmatch(r"[0-9]{1,4}", cell)]
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        return len(steps) == 1 and min(steps) > 0 and (len(numbers) > 2 or steps == {1})

    return counts_up(first) and not all(map(counts_up, rest[:20]))


def _repeats(below: list[list[str]], texts: list[int]) -> bool:
    return all(len(set(below[j])) <= len(below[j]) / 2 for j in texts)


def _fitted(
    header: list[str], rows: list[Row], width: int, reading: Reading
) -> tuple[list[str], list[Row], bool]:
    """Return header and rows of one width, and whether a first cell names each row."""
    n_names = len(header)
    if n_names > 1 and not header[-1].strip() and _ends_empty(rows, n_names):
        reading.notes.append("lines end in a separator: the empty last column is left out")
        return header[:-1], _cut(rows, n_names), False
    if not rows or width != n_names + 1:
        return header, rows, False
    if _ends_empty(rows, width):
        reading.notes.append(
            "rows end in a separator that the header does not have: their empty last cells "
            "are left out"
        )
        return header, _cut(rows, width), False
    names = [row[0] for _, row in rows if len(row) == width]
    if len(names) < len(rows) or len(set(names)) < len(names) or not all(names):
        return header, rows, False
    # Of one column of decimal commas, the part before the comma is no name.
    if n_names == 1 and all(PLAIN_NUMBER.fullmatch(cell) for _, row in rows for cell in row):
        return header, rows, False
    reading.notes.append(
        "rows have one cell more than the header: their first cells are taken for names of rows"
    )
    return ["", *header], rows, True


def _ends_empty(rows: list[Row], width: int) -> bool:
    return all(not row[width - 1].strip() for _, row in rows if len(row) >= width)


def _cut(rows: list[Row], width: int) -> list[Row]:
    """Return rows without the last cell where they have so many."""
    return [(line, row[:-1] if len(row) == width else row) for line, row in rows]


def _squared(rows: list[Row], header: list[str], reading: Reading) -> list[list[str]]:
    """Return rows as wide as the header: none may be longer, shorter ones are filled."""
    width = len(header)
    short = []
    for line, row in rows:
        if len(row) > width:
            if not any(cell.strip() for cell in row[width:]):
                continue
            raise ValueError(
                f"line {line} has {len(row)} cells, the header {width}. Is the separator "
                f"{reading.sep!r} right (--sep), and are cells quoted that hold it? Is a comma the "
                "decimal sign (--decimal ,)?"
            )
        if len(row) < width:
            short.append(line)
    if short:
        reading.notes.append(
            f"{len(short)} {'row has' if len(short) == 1 else 'rows have'} fewer cells than the "
            f"header, the first in line {short[0]}: the rest of these rows is missing"
        )
    return [(row + [""] * (width - len(row)))[:width] for _, row in rows]


def _columns(rows: list[list[str]], width: int) -> list[list[str]]:
    return (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
    )


def _named(header: list[str], columns: list[list[str]], named: bool, reading: Reading) -> Grid:
    """Return the grid of columns with names that tell them apart."""
    header = [name.strip() if name.strip() in NAMELESS else name for name in header]
    row_names = None
    if named or (header[0] in NAMELESS and len(columns) > 0):
        header, row_names, columns = header[1:], columns[0], columns[1:]
    twice = [name for name, count in Counter(header).items() if count > 1 and name.strip()]
    if twice:
        raise ValueError(
            f"the header repeats the name {twice[0]!r}; rename one of these columns or drop it "
            "(or is there no header? Then --no-header)"
        )
    names = list(header)
    for j, name in enumerate(header):
        if not name.strip():
            names[j] = f"Unnamed: {j + (row_names is not None)}"
            reading.notes.append(f"column {j + 1} has no name, and is called {names[j]!r}")
    return Grid(names, columns, row_names)
