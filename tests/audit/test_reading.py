"""How the command reads CSV files: what is found out, what is said, what is refused."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.audit._reading import ReadingOptions
from sklearn_aae.audit._table import read_table

N = 24


def lines(row, n=N):
    return "".join(row(k) + "\n" for k in range(n))


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it as the command does."""

    def read(content, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, ReadingOptions(**options))

    return read


def cells_of(table, name):
    return table.frame[name].astype(object).where(table.frame[name].notna(), None).tolist()


# ------------------------------------------------------- separators and decimals


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", ["size{}kind\n", ""])
def test_separators_are_found(read, sep, header):
    table = read(header.format(sep) + lines(lambda k: f"{k}.25{sep}{'ab'[k % 2]}"))
    assert table.reading.sep == sep
    assert table.frame.shape == (N, 2)
    assert table.frame.iloc[:, 0].tolist() == [k + 0.25 for k in range(N)]
    assert bool(header) == table.reading.header


@pytest.mark.parametrize("sep", [";", "\t", "|"])
@pytest.mark.parametrize("header", ["preis{0}n{0}art\n", ""])
def test_decimal_commas_are_found_and_written(read, sep, header):
    text = header.format(sep) + lines(lambda k: f"{k},50{sep}{k}{sep}{'ab'[k % 2]}")
    table = read(text)
    assert (table.reading.sep, table.reading.decimal) == (sep, ",")
    assert table.frame.iloc[:, 0].tolist() == [k + 0.5 for k in range(N)]
    written = table.as_written(table.frame)
    assert written.iloc[:, 0].tolist() == [f"{k},50" for k in range(N)]


def test_two_columns_of_decimal_commas_are_not_three(read):
    table = read(lines(lambda k: f"{k},5;{k},25"))
    assert table.frame.to_numpy().tolist() == [[k + 0.5, k + 0.25] for k in range(N)]


def test_separators_within_text_are_text(read):
    table = read("id,tags\n" + lines(lambda k: f"{k},x|{k % 3}"))
    assert cells_of(table, "tags")[:2] == ["x|0", "x|1"]
    table = read("id;text\n" + lines(lambda k: f"{k};well, well, {k}"))
    assert cells_of(table, "text")[0] == "well, well, 0"
    table = read("id,name\n" + lines(lambda k: f'{k},"Doe; Jane\nor John"'))
    assert cells_of(table, "name")[0] == "Doe; Jane\nor John"


def test_what_is_said_comes_before_what_is_found(read):
    content = "a;b\n" + lines(lambda k: f"{k},5;{k}")
    assert list(read(content, sep=",", header=False).frame) == ["column 1", "column 2"]
    assert read(content, decimal=".").frame["a"].dtype == "str"
    assert read(content, sep="semicolon").frame["a"].tolist()[1] == 1.5
    one = "preis\n" + lines(lambda k: f"{k},5")
    with pytest.raises(ValueError, match=r"2 cells, the header 1.*--decimal ,"):
        read(one)
    assert read(one, decimal=",").frame["preis"].tolist()[:2] == [0.5, 1.5]


def test_thousands(read):
    table = read("a;b\n" + lines(lambda k: f"1.{k:03d},50;{k}"))
    assert table.frame["a"].tolist()[:2] == [1000.5, 1001.5]
    assert table.as_written(table.frame)["a"].tolist()[:2] == ["1.000,50", "1.001,50"]
    table = read("a,b\n" + lines(lambda k: f'"1,{k:03d}",{k}.5'))
    assert table.frame["a"].tolist()[:2] == [1000, 1001]
    assert "thousands" in " ".join(table.reading.notes)


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match="--sep must be one character"):
        ReadingOptions(sep="::")
    with pytest.raises(ValueError, match="--decimal must be a point or a comma"):
        ReadingOptions(decimal=";")
    with pytest.raises(ValueError, match="could not be told"):
        ReadingOptions(sep=",", decimal=",")


# ----------------------------------------------------------- lines that do not fit


def test_rows_that_end_in_a_separator_keep_their_columns(read):
    for header in ("age,sex\n", "age,sex,\n"):
        table = read(header + lines(lambda k: f"{k},{'mf'[k % 2]},"))
        assert list(table.frame) == ["age", "sex"]
        assert table.frame["age"].tolist() == list(range(N))
        assert "end in a separator" in table.reading.notes[0]


def test_longer_rows_are_refused_and_shorter_ones_said(read):
    rows = lines(lambda k: f"{k},x")
    with pytest.raises(ValueError, match=r"line 26 has 3 cells, the header 2.*--sep"):
        read("a,b\n" + rows + "1,2,3\n")
    table = read("a,b,c\n" + lines(lambda k: f"{k},x,1") + "7,y\n")
    assert cells_of(table, "c")[-2:] == [1, None]
    assert "line 26" in table.reading.notes[0]


def test_a_header_that_repeats_a_name_is_refused(read):
    with pytest.raises(ValueError, match=r"repeats the name 'a'.*rename"):
        read("a,b,a\n" + lines(lambda k: f"{k},x,{k}"))


def test_names_of_rows_without_a_name_have_to_differ(read):
    table = read("n,x\n" + lines(lambda k: f"r{k},{k},1.5"))
    assert table.frame.index.tolist()[:2] == ["r0", "r1"]
    assert "names of rows" in table.reading.notes[0]
    with pytest.raises(ValueError, match="3 cells, the header 2"):
        read("n,x\n" + lines(lambda k: f"{'ab'[k % 2]},{k},1.5"))


@pytest.mark.parametrize(
    "before, said",
    [
        ("# made by a, b\n# and c\n", "2 lines before the header"),
        ("Sales report\n\n", "'Sales report'"),
        ("sep=,\n", "names the separator"),
        ("% a comment\n", "'% a comment'"),
    ],
)
def test_lines_before_the_header_are_skipped_and_said(read, before, said):
    table = read(before + "a,b,c\n" + lines(lambda k: f"{k},x,2"))
    assert list(table.frame) == ["a", "b", "c"]
    assert table.frame["a"].tolist() == list(range(N))
    assert len(table.reading.notes) == 1
    assert said in table.reading.notes[0]


def test_the_separator_that_a_line_names_is_taken(read):
    table = read("sep=|\na;b|c\n" + lines(lambda k: f"{k}|x;y"))
    assert list(table.frame) == ["a;b", "c"]


def test_a_header_may_be_marked(read):
    table = read("#a,b\n" + lines(lambda k: f"{k},x"))
    assert list(table.frame) == ["a", "b"]
    assert len(table.frame) == N
    assert "'#a'" in table.reading.notes[0]


def test_comments_and_headers_between_rows_are_skipped_and_said(read):
    rows = lines(lambda k: f"{k},x,1")
    table = read("a,b,c\n1,x,1\n# a pause\n" + rows + "a,b,c\n" + rows)
    assert table.frame["a"].tolist() == [1, *range(N), *range(N)]
    assert "line 3" in table.reading.notes[0]
    assert "repeats the header" in table.reading.notes[1]


@pytest.mark.parametrize("units", ["s,kg,", "[s],[kg],[-]", "s,m/s^2,name", ",°C,"])
def test_units_are_no_row(read, units):
    table = read(f"t,m,n\n{units}\n" + lines(lambda k: f"{k},{k}.5,{'xy'[k % 2]}"))
    assert table.frame["m"].tolist() == [k + 0.5 for k in range(N)]
    assert "units" in table.reading.notes[0]


def test_formats_of_dates_are_units(read):
    table = read(
        "day;hour;n\ndd.mm.yyyy;HH:MM;€\n" + lines(lambda k: f"{k + 1:02}.01.2024;{k};{k},5")
    )
    assert "units" in table.reading.notes[0]
    assert str(table.frame["day"].dtype).startswith("datetime64")
    assert table.frame["n"].tolist()[0] == 0.5


def test_a_first_row_without_numbers_is_no_units(read):
    table = read("age,sex\nunknown,m\n" + lines(lambda k: f"{k},{'mf'[k % 2]}"))
    assert len(table.frame) == N + 1
    assert "'unknown'" in table.reading.remarks[0]


def test_quotes_that_do_not_match_are_refused(read):
    with pytest.raises(ValueError, match="Is a quote missing"):
        read('a,b\n1,"x\n' + lines(lambda k: f"{k},x"))


def test_blanks_after_separators_are_no_part_of_cells(read):
    table = read(lines(lambda k: f"{k}, State-gov, {'?' if k % 2 else k}"))
    assert set(table.frame["column 2"]) == {"State-gov"}
    assert cells_of(table, "column 3")[:2] == [0, None]
    table = read("a,b\n" + lines(lambda k: f'{k}, "x, y"'))
    assert set(table.frame["b"]) == {"x, y"}


# ---------------------------------------------------------------------- headers


def test_files_without_a_header_are_recognised(read):
    table = read(lines(lambda k: f"A20{k % 2},{k % 5},{'xyz'[k % 3]}"))
    assert list(table.frame) == ["column 1", "column 2", "column 3"]
    assert table.frame["column 1"].tolist()[:3] == ["A200", "A201", "A200"]
    assert "without a header" in table.reading.notes[0]
    assert not read(lines(lambda k: f"{'pe'[k % 2]},{'xbs'[k % 3]},n")).reading.header
    assert not read(lines(lambda k: f"{k / 7:.3f},{k % 3}")).reading.header
    assert not read("1,2\n3,4\n").reading.header


@pytest.mark.parametrize(
    "header, row",
    [
        ("name,town", lambda k: f"n{k},t{k % 3}"),
        ("country,2019,2020,2021", lambda k: f"c{k},{3 * k},{k % 7},{k + 5}"),
        (",0,1,2", lambda k: f"{k},{3 * k},{k % 7},{k + 5}"),
        ("0,1,2", lambda k: f"{3 * k}.5,{k % 7},{k + 5}"),
        ("yes,no", lambda k: f"{k},maybe"),
    ],
)
def test_headers_are_headers(read, header, row):
    table = read(header + "\n" + lines(row))
    assert table.reading.header
    assert len(table.frame) == N
    assert list(table.frame) == [name for name in header.split(",") if name]


def test_whether_there_is_a_header_can_be_said(read):
    rows = lines(lambda k: f"{k + 10},{k % 3}")
    assert list(read("3,4\n" + rows, header=True).frame) == ["3", "4"]
    table = read("a,b\n" + rows, header=False)
    assert table.frame["column 1"].tolist()[0] == "a"
    assert table.reading.notes == []


# ---------------------------------------------------------------- missing cells


@pytest.mark.parametrize("word", ["NA", "N/A", "#N/A", "NaN", "null", "NULL", "None", "?", "."])
def test_words_are_missing_beside_numbers_dates_and_booleans_only(read, word):
    pairs = [["1.5", "7", "2020-01-31", "true", "DE", "0012"], [word] * 6]
    table = read("x,n,d,b,country,code\n" + lines(lambda k: ",".join(pairs[k % 2])))
    for name in ("x", "n", "d", "b", "code"):
        assert table.frame[name].isna().sum() == N // 2, name
    assert table.frame["country"].tolist() == ["DE", word] * (N // 2)
    assert (table.frame["code"].dropna() == "0012").all()
    written = table.as_written(table.frame)
    assert written.iloc[1].tolist() == [word] * 6


def test_words_that_are_said_are_missing_everywhere(read):
    towns = ["DE", "unknown", "NA"]
    content = "n,t\n" + lines(lambda k: f"{'-9.0' if k % 3 else k},{towns[k % 3]}")
    table = read(content, na=("-9", "unknown"))
    assert cells_of(table, "n")[:3] == [0, None, None]
    assert cells_of(table, "t")[:3] == ["DE", None, "NA"]
    assert read("n\n1\nNA\n2\n3\n", na=()).frame["n"].tolist() == ["1", "NA", "2", "3"]


def test_a_word_that_turns_numbers_into_text_is_named(read):
    table = read("n,t\n" + lines(lambda k: f"{k if k % 7 else '-'},x"))
    assert table.frame["n"].dtype == "str"
    assert "--na '-'" in table.reading.remarks[0]


# ------------------------------------------------------------------------ kinds


def test_codes_with_leading_zeros_stay_text(read):
    table = read("zip,phone,x\n" + lines(lambda k: f"{k:05d},+49{k},0.5"))
    assert table.frame["zip"].tolist() == [f"{k:05d}" for k in range(N)]
    assert table.frame["phone"].tolist() == [f"+49{k}" for k in range(N)]
    assert table.frame["x"].dtype == np.float64


def test_whole_numbers_are_exact(read):
    table = read(
        "a,b,c,d\n" + lines(lambda k: f"{2**62 + k},{2**63 + k},{10**25 + k},") + "1,1,1,1\n"
    )
    for name, first in [("a", 2**62), ("b", 2**63), ("c", str(10**25))]:
        assert table.frame[name].tolist()[0] == first
    table = read("a,b\n" + lines(lambda k: f"{2**62 + k if k % 2 else 'NA'},x"))
    assert cells_of(table, "a")[:2] == [None, 2**62 + 1]


@pytest.mark.parametrize(
    "write, day",
    [
        (lambda d: f"{d:02d}.03.2020", "2020-03-20"),
        (lambda d: f"{d}/3/2020 9:05", "2020-03-20T09:05"),
        (lambda d: f"3-{d}-2020", "2020-03-20"),
        (lambda d: f"{d:02d}/03/2020, 19:05:07", "2020-03-20T19:05:07"),
        (lambda d: f"2020/03/{d:02d}", "2020-03-20"),
    ],
)
def test_dates_without_doubt_are_dates_and_written_as_they_were(read, write, day):
    cells = [write(d) for d in range(1, 29)] + [""]
    table = read("d;n\n" + "".join(f"{cell};1\n" for cell in cells))
    assert table.frame["d"].iloc[19] == pd.Timestamp(day)
    written = table.as_written(table.frame)["d"].astype(object)
    assert written.where(written.notna(), "").tolist() == cells


@pytest.mark.parametrize(
    "cells",
    [["01/02/2020", "03/04/2020"], ["31.01.2020", "01/31/2020"], ["31.02.2020", "01.02.2020"]],
)
def test_dates_in_doubt_are_text(read, cells):
    table = read("d,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert table.frame["d"].tolist() == cells
    assert "'d' is text" in table.reading.remarks[0]


@pytest.mark.parametrize(
    "cells",
    [
        ["46624667316.85", "1.00"],
        ["0.00000001", "-3", "12345678901234.5"],
        ["+1.5", "-2.5", "+0.5"],
        ["52.12345600", "13.40000000"],
        ["1e-05", "2.5e-07"],
        ["-0.5", "0.0", "10.25"],
    ],
)
def test_numbers_are_written_as_they_were(read, cells):
    table = read("x,t\n" + "".join(f"{cell},a\n" for cell in cells))
    assert table.frame["x"].tolist() == list(map(float, cells))
    written = table.as_written(table.frame)["x"].tolist()
    assert list(map(float, written)) == list(map(float, cells))
    assert all(("e" in text) == ("e" in cell) for text, cell in zip(written, cells, strict=True))


# --------------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
def test_encodings(read, encoding):
    table = read(("größe,stadt\n" + lines(lambda k: f"{k},Köln")).encode(encoding))
    assert list(table.frame) == ["größe", "stadt"]
    assert set(table.frame["stadt"]) == {"Köln"}
    assert bool(table.reading.notes) == (encoding == "latin-1")
    assert not table.reading.notes or "--encoding" in table.reading.notes[0]


def test_an_encoding_may_be_said(read):
    content = ("город,x\n" + lines(lambda k: f"Омск,{k}")).encode("cp1251")
    table = read(content, encoding="cp1251")
    assert set(table.frame["город"]) == {"Омск"}
    assert table.reading.notes == []
    with pytest.raises(ValueError, match="--encoding"):
        read(content, encoding="utf-8")
    with pytest.raises(ValueError, match="--encoding klingon"):
        read(content, encoding="klingon")


def test_packed_files_are_unpacked(read):
    content = ("a,b\n" + lines(lambda k: f"{k},x")).encode()
    assert read(gzip.compress(content), name="table.csv.gz").frame["a"].tolist() == list(range(N))
    with pytest.raises(ValueError, match="broken"):
        read(gzip.compress(content)[:-9], name="table.csv.gz")


@pytest.mark.parametrize(
    "name, content, what",
    [
        ("book.xlsx", b"PK\x03\x04" + bytes(range(128, 256)), "Excel"),
        ("book.csv", b"PK\x03\x04" + bytes(range(128, 256)), "workbook"),
        ("old.csv", b"\xd0\xcf\x11\xe0" + bytes(600), "Excel"),
        ("rows.json", b'{"a": [1, 2]}', "JSON"),
        ("rows.csv", b'[{"a": 1},\n {"a": 2}]', "JSON"),
        ("page.csv", b"<!DOCTYPE html>\n<p>", "HTML"),
    ],
)
def test_other_formats_are_refused_with_the_remedy(read, name, content, what):
    with pytest.raises(ValueError, match=rf"{what}.*CSV or Parquet"):
        read(content, name=name)


def test_parquet_is_known_by_its_first_bytes(read, tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", None]})
    frame.to_parquet(tmp_path / "table.parquet")
    table = read((tmp_path / "table.parquet").read_bytes(), name="table.csv")
    assert table.reading.format == "Parquet"
    assert table.frame["a"].tolist() == [1.5, 2.5]


def test_one_line_says_how_it_was_read(read):
    table = read(
        "a;b;c;d\n" + lines(lambda k: f"{k},5;{'NA' if k % 2 else k};x;2020-01-{k + 1:02d}")
    )
    assert table.reading.line(table.frame) == (
        "read as CSV, separator semicolon, decimal comma, UTF-8, missing: 'NA'; "
        "columns: 2 numbers, 1 category, 1 date"
    )
