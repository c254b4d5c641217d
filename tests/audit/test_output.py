"""What the command writes, what it leaves alone, and what leaves it when something fails."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.__main__ import main
from sklearn_aae.audit._table import read_table
from sklearn_aae.rules import Order, Rules
from tests.rules.tables import trips

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
N = 40


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """Write an empty page: drawing takes most of a run's time."""
    from matplotlib.figure import Figure

    monkeypatch.setattr("sklearn_aae.audit._output.draw_report", lambda data: Figure((1, 1)))


@pytest.fixture(scope="module")
def european():
    """Return rows as a spreadsheet in Europe writes them."""
    rng = np.random.default_rng(0)
    amounts = [f"{x:.2f}".replace(".", ",") for x in rng.uniform(1e9, 9e10, N)]
    days = [f"{d:02d}.05.2021" for d in rng.integers(1, 29, N)]
    codes = [f"{k:04d}" for k in rng.integers(0, 30, N)]
    sizes = [f"{x:.1f}".replace(".", ",") if x > 0 else "NA" for x in rng.normal(1, 1, N)]
    ids = [f"0{k}" for k in range(N)]
    return pd.DataFrame(
        {"betrag": amounts, "tag": days, "plz": codes, "größe": sizes, "nr": ids}, dtype=str
    )


@pytest.fixture(scope="module")
def written(european, tmp_path_factory):
    folder = tmp_path_factory.mktemp("european")
    path = folder / "table.csv"
    european.to_csv(path, sep=";", index=False, encoding="utf-8-sig")
    with pytest.MonkeyPatch.context() as patch:
        from matplotlib.figure import Figure

        patch.setattr("sklearn_aae.audit._output.draw_report", lambda data: Figure((1, 1)))
        arguments = [str(path), "--out", str(folder / "out"), "--id", "nr", "--sort", *QUICK]
        assert main(arguments) == 0
    return folder / "out"


def test_synthetic_rows_are_written_as_the_file(written, european):
    rows = pd.read_csv(written / "synthetic.csv", sep=";", dtype=str, keep_default_na=False)
    assert list(rows) == ["betrag", "tag", "plz", "größe"]
    assert rows["betrag"].str.fullmatch(r"\d{10,11},\d\d").all()
    assert rows["tag"].str.fullmatch(r"\d\d\.05\.2021").all()
    assert set(rows["plz"]) <= set(european["plz"])
    assert rows["größe"].str.fullmatch(r"\d,\d|NA").all()


def test_cells_that_explain_are_those_of_the_file(written, european):
    scores = pd.read_csv(written / "scores.csv", dtype=str, keep_default_na=False, index_col="row")
    for k in (1, 2, 3):
        for row, column, cell in zip(
            scores.index, scores[f"column_{k}"], scores[f"value_{k}"], strict=True
        ):
            assert cell == european.loc[int(row), column]
        assert not (scores[f"column_{k}"] == "nr").any()
        amounts = scores.loc[scores[f"column_{k}"] == "betrag", f"expected_{k}"]
        assert amounts.str.fullmatch(r"\d+,\d\d").all()


def test_ids_go_to_scores_and_codes_and_the_oddest_rows_first(written, european):
    scores, codes = (
        pd.read_csv(written / name, dtype={"nr": str}) for name in ("scores.csv", "codes.csv")
    )
    for rows in (scores, codes):
        assert list(rows)[:2] == ["row", "nr"]
        assert rows["nr"].tolist() == european["nr"].iloc[rows["row"]].tolist()
    assert scores["score"].is_monotonic_increasing
    assert codes["row"].tolist() == list(range(N))


def test_ids_of_parquet_and_unknown_ids(tmp_path, capfd):
    frame = pd.DataFrame({"x": np.arange(N) % 7, "id": [f"a{k}" for k in range(N)]})
    frame.to_parquet(tmp_path / "table.parquet")
    arguments = [str(tmp_path / "table.parquet"), "--out", str(tmp_path / "out"), *QUICK]
    assert main([*arguments, "--id", "id"]) == 0
    assert pd.read_csv(tmp_path / "out" / "scores.csv")["id"].tolist() == frame["id"].tolist()
    assert list(pd.read_csv(tmp_path / "out" / "synthetic.csv")) == ["x"]
    capfd.readouterr()
    assert main([*arguments, "--id", "name"]) == 2
    err = capfd.readouterr().err
    assert "there is no such column; there are 'x', 'id'" in err
    assert err.count("\n") == 1


def test_a_file_without_a_header_gives_one(tmp_path, capfd):
    (tmp_path / "a.csv").write_text("".join(f"A20{k % 2},{k % 5}\n" for k in range(N)))
    assert main([str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), *QUICK]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert "without a header" in err
    rows = pd.read_csv(tmp_path / "out" / "synthetic.csv", header=None)
    assert set(rows[0]) <= {"A200", "A201"}
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert set(scores["column_1"]) <= {"column 1", "column 2"}
    assert (
        main([str(tmp_path / "a.csv"), "--no-header", "--out", str(tmp_path / "out"), *QUICK]) == 0
    )
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------ what is there


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "table.csv"
    rows = "".join(f"{k % 9},{'ab'[k % 2]}\n" for k in range(N))
    path.write_text("n,t\n" + rows)
    return path


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("link", [False, True])
def test_the_table_is_never_overwritten(plain, tmp_path, capfd, name, force, link):
    folder = tmp_path / "out"
    folder.mkdir()
    own = folder / name
    if link:
        own.symlink_to(plain)
    else:
        plain.rename(own)
    path, content = (plain if link else own), own.read_bytes()
    assert main([str(path), "--out", str(folder), *QUICK, *force]) == 2
    err = capfd.readouterr().err
    assert "the table itself" in err
    assert "--out" in err
    assert own.read_bytes() == content
    assert [p.name for p in folder.iterdir()] == [name]


@pytest.mark.parametrize("name", FILES)
def test_files_of_others_stop_the_run(plain, tmp_path, capfd, name):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text("mine")
    (folder / "notes.txt").write_text("mine, too")
    arguments = [str(plain), "--out", str(folder), *QUICK]
    assert main(arguments) == 2
    err = capfd.readouterr().err
    assert name in err
    assert "--force" in err
    assert (folder / name).read_text() == "mine"
    assert main([*arguments, "--force"]) == 0
    assert (folder / "notes.txt").read_text() == "mine, too"
    assert sorted(p.name for p in folder.iterdir()) == sorted([*FILES, "notes.txt"])


def test_an_earlier_run_is_overwritten_until_somebody_changes_it(plain, tmp_path, capfd):
    arguments = [str(plain), "--out", str(tmp_path / "out"), *QUICK]
    assert main(arguments) == 0
    assert main(arguments) == 0
    scores = tmp_path / "out" / "scores.csv"
    scores.write_text(scores.read_text() + "seen by me\n")
    assert main(arguments) == 2
    assert "scores.csv" in capfd.readouterr().err
    assert scores.read_text().endswith("seen by me\n")
    (tmp_path / "out" / "synthetic.csv").unlink()
    assert main([*arguments, "--force"]) == 0


def test_a_failed_run_leaves_files_as_they_were(plain, tmp_path, capfd, monkeypatch):
    folder = tmp_path / "out"
    assert main([str(plain), "--out", str(folder), *QUICK]) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(data):
        raise RuntimeError("no\npaper")

    monkeypatch.setattr("sklearn_aae.audit._output.draw_report", fail)
    assert main([str(plain), "--out", str(folder), "--seed", "1", *QUICK]) == 2
    assert capfd.readouterr().err == "python -m sklearn_aae: error: RuntimeError: no paper\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


# ------------------------------------------------------------------------ Parquet


@pytest.fixture
def typed():
    rng = np.random.default_rng(0)
    cents = rng.integers(100, 10**6, N)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "day": [datetime.date(1960, 1, 1) + datetime.timedelta(int(k) * 99) for k in range(N)],
            "time": [datetime.time(int(k)) for k in rng.integers(0, 24, N)],
            "price": [Decimal(int(k)).scaleb(-2) for k in cents],
            "raw": [[b"a", b"\xff"][k] for k in rng.integers(0, 2, N)],
            "smokes": [[True, False, None][k] for k in rng.integers(0, 3, N)],
        }
    )


@pytest.mark.parametrize(
    "names", [["day"], ["time"], ["price"], ["raw"], ["smokes"], ["day", "time", "price", "raw"]]
)
def test_types_of_parquet(typed, tmp_path, capfd, names):
    frame = typed[["x", *names]]
    frame.to_parquet(tmp_path / "table.parquet")
    assert read_table(tmp_path / "table.parquet").is_identifier() == [False] * len(frame.columns)
    assert main([str(tmp_path / "table.parquet"), "--out", str(tmp_path / "out"), *QUICK]) == 0
    assert capfd.readouterr() == ("", "")
    rows = pd.read_csv(tmp_path / "out" / "synthetic.csv", dtype=str)
    forms = {
        "x": r"-?\d+\.\d+",
        "day": r"\d{4}-\d\d-\d\d",
        "time": r"\d\d:00:00",
        "price": r"-?\d+\.\d\d",
        "raw": "61|ff",
        "smokes": "True|False",
    }
    for name in frame:
        assert rows[name].dropna().str.fullmatch(forms[name]).all(), name


def test_booleans_with_holes_beside_numbers(tmp_path, capfd):
    rows = "".join(f"{k}.5,{['true', 'false', ''][k % 3]}\n" for k in range(N))
    (tmp_path / "table.csv").write_text("x,smokes\n" + rows)
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path / "out"), *QUICK]) == 0
    assert capfd.readouterr() == ("", "")
    cells = pd.read_csv(tmp_path / "out" / "synthetic.csv", dtype=str)["smokes"].dropna()
    assert set(cells) <= {"true", "false"}


# ------------------------------------------------------------------------- errors


def test_errors_of_arguments_are_one_line(capfd):
    for arguments in (["--alpha", "2"], ["--components", "x"], ["a", "b"], ["--nothing"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("python -m sklearn_aae: error: ")
        assert err.count("\n") == 1


@pytest.mark.parametrize("error", [TypeError("no\nnumber"), MemoryError("all full")])
def test_whatever_is_raised_is_one_line(plain, tmp_path, capfd, monkeypatch, error):
    def fail(*arguments, **parameters):
        raise error

    monkeypatch.setattr("sklearn_aae.__main__.fit_model", fail)
    assert main([str(plain), "--out", str(tmp_path / "out"), *QUICK]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"python -m sklearn_aae: error: {type(error).__name__}: ")
    assert err.count("\n") == 1


def test_folders_and_options_of_reading_are_refused_in_one_line(plain, tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    for arguments, part in (
        ([str(tmp_path / "empty")], "a folder without"),
        ([str(plain), "--sep", "::"], "--sep must be one character"),
        ([str(plain), "--encoding", "klingon"], "klingon"),
    ):
        assert main([*arguments, "--out", str(tmp_path / "out"), *QUICK]) == 2
        err = capfd.readouterr().err
        assert part in err
        assert err.count("\n") == 1


def test_the_process_has_the_exit_status(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_aae", str(tmp_path / "no.csv")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_rules_are_found_written_and_taken(tmp_path, capsys):
    table, out = tmp_path / "trips.csv", tmp_path / "out"
    rows = trips(150).drop(columns=["returned", "refund"])
    rows.to_csv(table, index=False)
    assert main([str(table), "--out", str(out), *QUICK]) == 0
    rules = Rules.from_json((out / "rules.json").read_text(encoding="utf-8"))
    assert {"start <= end", "zone determines borough"} <= set(map(str, rules))
    given = tmp_path / "given.json"
    arguments = [str(table), "--out", str(out), "--force", *QUICK]
    for worst in (None, b"no rules", b"[]", b"\xff\x00", b""):
        if worst is not None:
            given.write_bytes(worst)
        assert main([*arguments, "--rules", str(given)]) == 2
        error = capsys.readouterr().err
        assert f"--rules {given}: " in error
        assert "Rules.to_json" in error
    given.write_text(Rules([Order("fare", "end")]).to_json(), encoding="utf-8")
    assert main([*arguments, "--rules", str(given)]) == 2
    assert "'fare <= end' needs two columns" in capsys.readouterr().err
    given.write_text(Rules([Order("trip", "fare")]).to_json(), encoding="utf-8")
    assert main([*arguments, "--rules", str(given)]) == 2
    assert "is broken by" in capsys.readouterr().err
    given.write_text(Rules([Order("start", "end")]).to_json(), encoding="utf-8-sig")
    assert main([*arguments, "--rules", str(given)]) == 0
    assert Rules.from_json((out / "rules.json").read_text()) == Rules([Order("start", "end")])
