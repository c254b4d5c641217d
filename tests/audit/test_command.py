"""``python -m sklearn_aae``: files, input formats, errors, silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.__main__ import main
from sklearn_aae.audit._table import read_table
from sklearn_aae.encoding._date_notations import DateNotation

QUICK = ["--epochs", "1", "--quiet"]
FILES = [
    "codes.csv",
    "model.aae",
    "report.html",
    "report.png",
    "rules.json",
    "run.json",
    "scores.csv",
    "synthetic.csv",
]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60))
    frame = {"a": a, "b": b, "a + b": a + b, "count": rng.integers(0, 9, 60), "flag": a > 0}
    return pd.DataFrame(frame, index=[f"id-{i}" for i in range(60)])


@pytest.fixture
def no_picture(monkeypatch):
    """Write an empty page: drawing takes most of a run's time."""
    from matplotlib.figure import Figure

    monkeypatch.setattr("sklearn_aae.audit._output.draw_report", lambda data: Figure((1, 1)))


@pytest.fixture(scope="module")
def audited(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    table.to_csv(folder / "table.csv")
    options = ["--epochs", "2", "--seed", "3", "--samples", "25", "--quiet"]
    assert main([str(folder / "table.csv"), "--out", str(folder / "out"), *options]) == 0
    return folder / "out"


def test_files(audited):
    assert sorted(path.name for path in audited.iterdir()) == FILES
    assert (audited / "report.png").read_bytes().startswith(b"\x89PNG")


def test_scores_are_those_of_the_detector(audited, table):
    detector = AAEOutlierDetector(max_epochs=2, random_state=3).fit(table)
    written = pd.read_csv(audited / "scores.csv", index_col="row")
    assert list(written.index) == list(table.index)
    np.testing.assert_allclose(written["score"], detector.score_samples(table), rtol=1e-7)
    crossed = clone(detector).set_params(calibration="cross").fit(table)
    np.testing.assert_allclose(written["p_value"], crossed.training_p_values_, rtol=1e-7)
    np.testing.assert_array_equal(written["flag"], crossed.training_p_values_ <= 0.05)
    parts = pd.DataFrame(detector.score_contributions(table), table.index, table.columns)
    parts = parts.clip(lower=0)
    shares = parts.div(parts.sum(axis=1), axis=0)
    # The largest part is no reason where the row has there what was expected.
    for row, reasons in zip(written.index, detector.explain(table), strict=True):
        for k, reason in enumerate(reasons, start=1):
            assert written.loc[row, f"column_{k}"] == reason.column
            assert written.loc[row, f"share_{k}"] == pytest.approx(reason.share, rel=1e-8)
            assert reason.share == pytest.approx(shares.loc[row, reason.column], rel=1e-8)
    assert (written["column_1"] == shares.idxmax(axis=1)).mean() > 0.7


def test_codes_are_those_of_the_estimator(audited, table):
    model = AdversarialAutoencoder(3, max_epochs=2, random_state=3).fit(table)
    written = pd.read_csv(audited / "codes.csv", index_col="row")
    assert list(written) == ["component_0", "component_1", "component_2"]
    np.testing.assert_allclose(written, model.transform(table), rtol=1e-6, atol=1e-7)


def test_synthetic_rows_have_the_kinds_of_the_table(audited, table):
    written = pd.read_csv(audited / "synthetic.csv")
    assert written.shape == (25, 5)
    assert list(written) == list(table)
    assert list(written.dtypes) == list(table.dtypes)


def test_parquet_gives_what_csv_gives(audited, table, tmp_path, no_picture):
    table.to_parquet(tmp_path / "table.parquet")
    options = ["--epochs", "2", "--seed", "3", "--samples", "25", "--quiet"]
    assert main([str(tmp_path / "table.parquet"), "--out", str(tmp_path), *options]) == 0
    for name in ("scores.csv", "codes.csv", "synthetic.csv"):
        ours, theirs = (pd.read_csv(folder / name) for folder in (tmp_path, audited))
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5)


def test_summary_and_silence(table, tmp_path, capfd, no_picture):
    table.to_csv(tmp_path / "table.csv", index=False)
    arguments = [str(tmp_path / "table.csv"), "--out", str(tmp_path / "out"), "--epochs", "1"]
    assert main([*arguments, "--components", "2"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("read as CSV, separator comma, decimal point, UTF-8, missing: none; ")
    assert "\ntable: 60 rows x 5 columns\n2 components fitted in " in out
    assert out.count("expected") == 15
    assert all(str(tmp_path / "out" / name) in out for name in FILES)
    assert main([*arguments, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------- mixed tables


@pytest.fixture(scope="module")
def mixed():
    """Return a table of every kind of column, as a CSV file and its reader give it."""
    rng = np.random.default_rng(1)
    n = 80
    days = pd.Timestamp("2019-12-25") + pd.to_timedelta(rng.integers(0, 30, n), "D")
    times = days + pd.to_timedelta(rng.integers(0, 86_400, n), "s")
    frame = pd.DataFrame(
        {
            "height": rng.normal(size=n),
            "rooms": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "size": rng.integers(0, 7, n),
            "town": rng.choice(["Bonn", "Köln, a $ city"], n),
            "note": [f"free text {i}" for i in range(n)],
            "sold": pd.array(rng.random(n) > 0.4, dtype="boolean"),
            "new": rng.random(n) > 0.6,
            "day": days.astype(str),
            "time": times.strftime("%Y-%m-%d %H:%M:%S"),
            "clock": times.strftime("%Y-%m-%dT%H:%MZ"),
            "zip": rng.integers(20_200_101, 20_200_131, n),
            "almost": ["2020-02-30", *days[1:].astype(str)],
            "empty": np.full(n, np.nan),
        }
    )
    for place, name in enumerate(["height", "rooms", "town", "sold", "day", "time"]):
        frame.loc[place::7, name] = None
    return frame


@pytest.fixture(scope="module")
def audited_mixed(mixed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    mixed.to_csv(folder / "table.csv", index=False)
    options = ["--epochs", "2", "--seed", "3", "--samples", "60", "--quiet"]
    assert main([str(folder / "table.csv"), "--out", str(folder / "out"), *options]) == 0
    return folder / "out"


def test_mixed_table_writes_all_files(audited_mixed):
    assert sorted(path.name for path in audited_mixed.iterdir()) == FILES
    assert (audited_mixed / "report.png").read_bytes().startswith(b"\x89PNG")


def test_mixed_synthetic_rows_are_written_as_the_table(audited_mixed, mixed):
    written = pd.read_csv(audited_mixed / "synthetic.csv", dtype=str)
    assert written.shape == (60, mixed.shape[1])
    assert list(written) == list(mixed)
    forms = {
        "rooms": r"\d",
        "size": r"\d",
        "sold": "True|False",
        "new": "True|False",
        "day": r"\d{4}-\d\d-\d\d",
        "time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
        "clock": r"\d{4}-\d\d-\d\dT\d\d:\d\dZ",
        "zip": r"202001\d\d",
    }
    for name, form in forms.items():
        cells = written[name].dropna()
        assert len(cells) > 10, name
        assert cells.str.fullmatch(form).all(), name
    assert not set(written["note"]) & set(mixed["note"])  # unique in the table
    assert written["note"].str.fullmatch(r"free text \d+").all()
    for name in ("town", "almost"):
        assert set(written[name].dropna()) <= set(mixed[name])
    assert written["empty"].isna().all()
    assert written[["size", "note", "new", "clock", "zip"]].notna().all(axis=None)
    assert written[["height", "rooms", "town", "sold", "day"]].isna().any(axis=None)
    # Dates are an axis to the model: it may draw days that no row has, but none far away.
    assert written["day"].dropna().between("2019-12-20", "2020-01-31").all()


def test_mixed_scores_name_cells_and_what_was_expected(audited_mixed, mixed):
    written = pd.read_csv(audited_mixed / "scores.csv", index_col="row", dtype=str)
    parts = [f"{name}_{k}" for k in (1, 2, 3) for name in ("column", "share", "value", "expected")]
    assert list(written) == ["score", "p_value", "flag", *parts]
    for k in (1, 2, 3):
        columns, cells = written[f"column_{k}"], written[f"value_{k}"]
        for name, rows in cells.groupby(columns):
            if name == "height":
                found, true = rows.astype(float), mixed.loc[rows.index.astype(int), name]
                np.testing.assert_allclose(found, true, rtol=1e-8)
            else:
                true = mixed.loc[rows.index.astype(int), name].astype(object)
                assert rows.fillna("").tolist() == true.where(true.notna(), "").map(str).tolist()
        dates = written.loc[columns == "day", f"expected_{k}"].dropna()
        assert dates.str.fullmatch(r"\d{4}-\d\d-\d\d").all()


def test_mixed_scores_are_those_of_the_detector(mixed, tmp_path, no_picture):
    mixed.to_csv(tmp_path / "table.csv", index=False)
    # A column of cells that no two rows share would hide the others.
    frame = read_table(tmp_path / "table.csv").frame.drop(columns="note")
    detector = AAEOutlierDetector(max_epochs=1, random_state=0).fit(frame)
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), *QUICK]) == 0
    written = pd.read_csv(tmp_path / "scores.csv")
    np.testing.assert_allclose(written["score"], detector.score_samples(frame), rtol=1e-7)
    assert not (written[["column_1", "column_2", "column_3"]] == "note").any(axis=None)


def test_types_of_mixed_csv_columns(mixed, tmp_path):
    mixed.to_csv(tmp_path / "table.csv", index=False)
    table = read_table(tmp_path / "table.csv")
    types = table.frame.dtypes.astype(str)
    assert types["rooms"] == "Int64"
    assert types["size"] == types["zip"] == "int64"
    assert types["sold"] == "boolean"
    assert types["new"] == "bool"
    assert types["height"] == types["empty"] == "float64"
    dates = [j for j, form in table.forms.items() if isinstance(form, DateNotation)]
    assert sorted(dates) == [mixed.columns.get_loc(n) for n in ("day", "time", "clock")]
    assert not table.is_numeric
    again = table.as_written(table.frame)
    for name in ("day", "time", "clock"):
        pd.testing.assert_series_equal(again[name], mixed[name], check_dtype=False)


def test_decimals_and_booleans_are_written_as_they_were(tmp_path, no_picture):
    rng = np.random.default_rng(0)
    n = 60
    frame = pd.DataFrame(
        {
            "price": [f"{value:.2f}" for value in rng.integers(0, 40, n) / 4],
            "weight": [str(value) for value in rng.integers(0, 40, n) / 10],
            "mass": [f"{value:g}" for value in rng.integers(0, 40, n) / 10],
            "open": rng.choice(["true", "false"], n),
            "NEW": rng.choice(["TRUE", "FALSE"], n),
        }
    )
    frame.loc[::5, ["price", "open"]] = None
    frame.to_csv(tmp_path / "table.csv")
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), *QUICK]) == 0
    written = pd.read_csv(tmp_path / "synthetic.csv", dtype=str)
    forms = {
        "price": r"\d+\.\d\d",
        "weight": r"\d+\.\d",
        "mass": r"\d+(\.\d)?",
        "open": "true|false",
        "NEW": "TRUE|FALSE",
    }
    for name, form in forms.items():
        assert written[name].dropna().str.fullmatch(form).all(), name
        assert written[name].notna().sum() > 20, name
    table = read_table(tmp_path / "table.csv")
    again = table.as_written(table.frame)
    unchanged = ["price", "weight", "open", "NEW"]
    assert again[unchanged].equals(pd.read_csv(tmp_path / "table.csv", dtype=str)[unchanged])
    scores = pd.read_csv(tmp_path / "scores.csv", dtype=str)
    cells = scores["value_1"][scores["column_1"] == "NEW"]
    assert set(cells) <= {"TRUE", "FALSE"}


@pytest.mark.parametrize(
    "cells",
    [
        ["2020-01-31", "31st of January"],
        ["2020-01-31T10:00Z", "2020-01-31T10:00+01:00"],
        ["2020-01", "2020-02"],
        ["2020-01-31", "2020-02-30"],
        ["x 2020-01-31", "x 2020-02-01"],
    ],
)
def test_text_that_is_not_all_dates_stays_text(cells, tmp_path):
    pd.DataFrame({"cells": cells, "years": [2019, 2020]}).to_csv(tmp_path / "a.csv", index=False)
    table = read_table(tmp_path / "a.csv")
    assert table.forms == {}
    assert table.frame["cells"].tolist() == cells
    assert table.frame["years"].dtype == np.int64


@pytest.mark.parametrize(
    "cells",
    [
        ["2020-01-31", None, "9999-12-31"],
        ["2020-01-31 10:20", "1850-01-01 00:00", None],
        ["2020-01-31T10:20:30.123456789Z", "2020-01-31T10:20:30.000000001Z"],
        ["2020-01-31T10:20:30.5+0100", None],
    ],
)
def test_dates_are_written_as_they_were(cells, tmp_path):
    pd.DataFrame({"cells": cells, "n": 1}).to_csv(tmp_path / "a.csv", index=False)
    table = read_table(tmp_path / "a.csv")
    assert pd.api.types.is_datetime64_dtype(table.frame["cells"])
    written = table.as_written(table.frame)["cells"].astype(object)
    assert written.where(written.notna(), None).tolist() == cells


def test_rows_with_names_but_no_name_for_these(tmp_path):
    (tmp_path / "a.csv").write_text("n,flag,x\nA,1,true,1.50\nB,,false,2.25\nC,3,,3.00\n")
    table = read_table(tmp_path / "a.csv")
    assert list(table.frame.index.astype(object)) == ["A", "B", "C"]
    assert list(table.frame["n"].astype(object))[::2] == [1, 3]
    again = table.as_written(table.frame)
    assert again["x"].tolist() == ["1.50", "2.25", "3.00"]
    assert again["flag"].tolist()[:2] == ["true", "false"]


def test_identifiers_are_mentioned(mixed, tmp_path, capsys, no_picture):
    frame = mixed[["note", "height", "town"]]
    frame.to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv").is_identifier() == [True, False, False]
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), *QUICK[:2]]) == 0
    assert "'note' may be an identifier" in capsys.readouterr().out


def test_titles_have_no_endings(table, tmp_path):
    for name in ("people.csv", "people.csv.gz", "people.parquet"):
        write = table.to_parquet if name.endswith("parquet") else table.to_csv
        write(tmp_path / name)
        assert read_table(tmp_path / name).title == "people"


def test_parquet_keeps_its_types(mixed, tmp_path, no_picture):
    frame = mixed.assign(
        day=pd.to_datetime(mixed["day"]),
        town=mixed["town"].astype("category"),
        small=np.arange(len(mixed), dtype=np.int8)[::-1],
        text_day="2020-01-01",
    )
    frame.to_parquet(tmp_path / "table.parquet")
    arguments = [str(tmp_path / "table.parquet"), "--out", str(tmp_path), "--samples", "40"]
    assert main([*arguments, *QUICK]) == 0
    written = pd.read_csv(tmp_path / "synthetic.csv", dtype=str)
    assert list(written) == list(frame)
    assert written["day"].dropna().str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert written["rooms"].dropna().str.fullmatch(r"\d").all()
    assert set(written["town"].dropna()) <= set(frame["town"].dropna())
    assert set(written["text_day"]) == {"2020-01-01"}
    assert written["small"].astype(int).between(0, len(frame) - 1).all()


def test_mixed_summary_and_silence(mixed, tmp_path, capfd, no_picture):
    mixed.to_csv(tmp_path / "table.csv", index=False)
    arguments = [str(tmp_path / "table.csv"), "--out", str(tmp_path / "out"), "--epochs", "1"]
    assert main(arguments) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "nats per row and leaves" in out
    assert "variance" not in out
    assert out.count(" expected") == 15
    assert main([*arguments, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_dates_may_name_the_rows(table, tmp_path, no_picture):
    days = pd.date_range("2020-01-01", periods=len(table)).astype(str)
    table.set_index(days).to_csv(tmp_path / "table.csv")
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), *QUICK]) == 0
    assert list(pd.read_csv(tmp_path / "scores.csv")["row"]) == list(days)


@pytest.mark.parametrize("missing", [False, True])
def test_numbers_are_modelled_as_numbers_whether_cells_are_missing(missing, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=40), "n": rng.integers(0, 9, 40)})
    if missing:
        frame.loc[::3, "n"] = None
    subtitles = []

    def draw(data):
        from matplotlib.figure import Figure

        subtitles.append(data.subtitle)
        return Figure((1, 1))

    monkeypatch.setattr("sklearn_aae.audit._output.draw_report", draw)
    frame.to_csv(tmp_path / "table.csv", index=False, float_format="%.9g")
    text = (tmp_path / "table.csv").read_text().replace(".0\n", "\n")
    (tmp_path / "table.csv").write_text(text)
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), *QUICK]) == 0
    assert "of the variance reconstructed" in subtitles[0]
    written = pd.read_csv(tmp_path / "synthetic.csv", dtype=str)["n"]
    assert written.isna().any() == missing
    assert written.dropna().str.fullmatch(r"-?\d+").all()


def test_bundled_table(tmp_path, no_picture):
    assert main(["--out", str(tmp_path), "--epochs", "1", "--quiet"]) == 0
    assert pd.read_csv(tmp_path / "synthetic.csv").shape == (569, 30)


def infinite(frame):
    return frame.assign(a=frame["a"].where(frame["a"] > 0), c=np.inf, name="x")


@pytest.mark.parametrize(
    "spoil, parts",
    [
        (infinite, ["infinite cells: 'c'", "Leave these cells empty"]),
        (lambda frame: frame[:1], ["1 rows", "at least 2"]),
        (lambda frame: frame[:1].assign(name="x"), ["1 rows", "at least 2"]),
        (lambda frame: frame[[]], ["no columns"]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unusable_tables_give_one_line(table, tmp_path, capfd, spoil, parts, kind):
    path = tmp_path / f"table.{kind}"
    getattr(spoil(table), f"to_{kind}")(path)
    check_error(main([str(path), "--out", str(tmp_path / "out")]), capfd, [str(path), *parts])
    assert not (tmp_path / "out").exists()


def test_columns_of_lists_give_one_line(table, tmp_path, capfd):
    path = tmp_path / "table.parquet"
    table.assign(path=[[1, 2]] * len(table)).to_parquet(path)
    check_error(main([str(path), "--out", str(tmp_path)]), capfd, [str(path), "'path'", "ndarray"])


def test_missing_empty_and_broken_files(tmp_path, capfd):
    check_error(main([str(tmp_path / "no.csv")]), capfd, ["no.csv: no such file"])
    for name in ("empty.csv", "empty.parquet"):
        (tmp_path / name).touch()
        check_error(main([str(tmp_path / name)]), capfd, [f"{name}: cannot be read"])


def test_folder_that_cannot_be_made(table, tmp_path, capfd):
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "out").touch()
    code = main([str(tmp_path / "table.csv"), "--out", str(tmp_path / "out")])
    check_error(code, capfd, ["out"])


@pytest.mark.parametrize(
    "module, extra", [("pyarrow", "table"), ("pandas", "table"), ("matplotlib", "plot")]
)
def test_missing_extra_gives_the_pip_line(table, tmp_path, capfd, monkeypatch, module, extra):
    table.to_parquet(tmp_path / "table.parquet")
    monkeypatch.setitem(__import__("sys").modules, module, None)
    code = main([str(tmp_path / "table.parquet"), "--out", str(tmp_path / "out")])
    check_error(code, capfd, [module, f'pip install "sklearn_aae[{extra}]"'])


def check_error(code, capfd, parts):
    out, err = capfd.readouterr()
    assert code == 2
    assert out == ""
    assert err.startswith("python -m sklearn_aae: error: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


@pytest.mark.parametrize("option", ["--components", "--samples", "--epochs"])
def test_counts_below_one_are_refused(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([option, "0"])
    assert "must be at least 1, got 0" in capsys.readouterr().err
