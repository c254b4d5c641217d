"""``python -m sklearn_aae``: files, input formats, errors, silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae.__main__ import main

FILES = ["codes.csv", "report.png", "scores.csv", "synthetic.csv"]


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

    monkeypatch.setattr("sklearn_aae.__main__.draw_report", lambda data: Figure((1, 1)))


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


def test_scores_are_those_of_the_estimator(audited, table):
    model = AdversarialAutoencoder(3, max_epochs=2, random_state=3).fit(table)
    written = pd.read_csv(audited / "scores.csv", index_col="row")
    assert list(written.index) == list(table.index)
    np.testing.assert_allclose(written["score"], model.score_samples(table), rtol=1e-8)
    parts = pd.DataFrame(model.score_contributions(table), table.index, table.columns)
    shares = parts.div(parts.sum(axis=1), axis=0)
    assert (written["column_1"] == shares.idxmax(axis=1)).all()
    np.testing.assert_allclose(written["share_1"], shares.max(axis=1), rtol=1e-8)
    assert (written["share_1"] >= written["share_2"]).all()
    assert (written["share_2"] >= written["share_3"]).all()


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
    assert out.startswith("table: 60 rows x 5 columns\n2 components fitted in ")
    assert out.count("expected") == 15
    assert all(str(tmp_path / "out" / name) in out for name in FILES)
    assert main([*arguments, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_bundled_table(tmp_path, no_picture):
    assert main(["--out", str(tmp_path), "--epochs", "1", "--quiet"]) == 0
    assert pd.read_csv(tmp_path / "synthetic.csv").shape == (569, 30)


def text(frame):
    return frame.assign(name="x", town=["y"] * len(frame))


def holes(frame):
    return frame.assign(a=frame["a"].where(frame["a"] > 0), c=np.inf)


@pytest.mark.parametrize(
    "spoil, parts",
    [
        (text, ["do not hold numbers: 'name', 'town'"]),
        (holes, ["missing or infinite cells: 'a', 'c'"]),
        (lambda frame: frame.assign(day=pd.Timestamp("2020-01-01")), ["'day'"]),
        (lambda frame: frame[:1], ["1 rows", "at least 2"]),
        (lambda frame: frame[[]], ["no columns"]),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_unusable_tables_give_one_line(table, tmp_path, capfd, spoil, parts, kind):
    path = tmp_path / f"table.{kind}"
    getattr(spoil(table), f"to_{kind}")(path)
    check_error(main([str(path), "--out", str(tmp_path / "out")]), capfd, [str(path), *parts])
    assert not (tmp_path / "out").exists()


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
