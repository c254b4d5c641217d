"""``score`` and ``inspect``: next month's file, by the model of an audit."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import sklearn_aae
from sklearn_aae.__main__ import main
from sklearn_aae.audit._plan import ReadingPlan
from sklearn_aae.audit._reading import Reading
from sklearn_aae.audit._table import read_table

QUICK = ["--epochs", "1", "--quiet"]


def european(n=150, seed=0):
    """Return lines of a file with semicolons, decimal commas, local dates, codes and booleans."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, n), "D")
    rows = zip(
        rng.choice(["cash", "card", "12"], n),
        rng.gamma(3, 400, n),
        days,
        rng.integers(0, 9999, n),
        rng.random(n) > 0.5,
        rng.integers(1, 5, n),
        strict=True,
    )
    lines = ["paid;amount;day;zip;ok;items"]
    for paid, amount, day, code, ok, items in rows:
        euros = f"{amount:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        lines.append(f"{paid};{euros};{day:%d.%m.%Y};{code:05d};{str(ok).lower()};{items}")
    return lines


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("month")
    (folder / "may.csv").write_text("\n".join(european()))
    assert main(["audit", str(folder / "may.csv"), "--out", str(folder / "out"), *QUICK]) == 0
    return folder


def score(audited, tmp_path, lines, *options):
    """Return what scoring lines gives: exit status and scores, if there are any."""
    path = tmp_path / "june.csv"
    path.write_text("\n".join(lines))
    out = tmp_path / "out"
    model = str(audited / "out" / "model.aae")
    status = main(["score", model, str(path), "--out", str(out), "--quiet", *options])
    written = out / "scores.csv"
    return status, pd.read_csv(written, index_col="row") if written.exists() else None


def test_the_audited_file_gets_the_scores_that_it_had(audited, tmp_path):
    status, scores = score(audited, tmp_path, european())
    assert status == 0
    earlier = pd.read_csv(audited / "out" / "scores.csv", index_col="row")
    # As new rows they have other p-values.
    judged = ["p_value", "flag"]
    pd.testing.assert_frame_equal(scores.drop(columns=judged), earlier.drop(columns=judged))
    assert scores["p_value"].corr(earlier["p_value"], method="spearman") > 0.6


def test_one_row_is_read_as_its_column_was(audited, tmp_path):
    # By itself: no number has a decimal comma, the date is in doubt, text and code are numbers.
    lines = ["paid;amount;day;zip;ok;items", "12;1.200;04.05.2024;12345;true;3"]
    status, scores = score(audited, tmp_path, lines)
    assert status == 0
    bundle = sklearn_aae.load(audited / "out" / "model.aae")
    plan = ReadingPlan.from_data(bundle["reading"])
    frame = read_table(tmp_path / "june.csv", plan=plan).frame
    assert frame["amount"].tolist() == [1200]
    assert frame["day"].tolist() == [pd.Timestamp(2024, 5, 4)]
    assert frame["paid"].tolist() == ["12"]
    assert frame["zip"].tolist() == ["12345"]
    assert frame["zip"].dtype == "category"
    detector = bundle["detector"]
    judged = frame.iloc[:, list(plan.judged)]
    np.testing.assert_allclose(scores["score"], detector.score_samples(judged), rtol=1e-7)
    assert (scores["flag"] == (detector.score_samples(judged) < detector.offset_)).all()


def test_columns_in_another_order_are_the_same_columns(audited, tmp_path):
    lines = [";".join(reversed(line.split(";"))) for line in european()]
    status, scores = score(audited, tmp_path, lines)
    assert status == 0
    earlier = pd.read_csv(audited / "out" / "scores.csv", index_col="row")
    np.testing.assert_array_equal(scores["score"], earlier["score"])


@pytest.mark.parametrize(
    "change, parts",
    [
        (lambda line: line.replace("amount", "sum"), ["lacks 'amount'", "has 'sum' besides"]),
        (lambda line: line.rpartition(";")[0], ["lacks 'items'"]),
        (lambda line: line + ";7" if line[0] != "p" else line + ";more", ["has 'more' besides"]),
        (lambda line: re.sub(";3$", ";three", line), ["'items'", "'number'", "'three'"]),
        (lambda line: line.replace("true", "yes"), ["'ok'", "'boolean'", "'yes'"]),
        (lambda line: line.replace("04.2024", "31.2024"), ["'day'", "'datetime'"]),
    ],
)
def test_other_columns_and_kinds_are_refused_by_name(audited, tmp_path, capfd, change, parts):
    status, scores = score(audited, tmp_path, [change(line) for line in european()])
    assert status == 2
    assert scores is None
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert all(part in line for part in parts), line


def test_missing_cells_and_empty_columns_are_read(audited, tmp_path):
    lines = ["paid;amount;day;zip;ok;items", "cash;NA;;;;", "card;;NA;;?;"]
    status, scores = score(audited, tmp_path, lines)
    assert status == 0
    assert np.isfinite(scores["score"]).all()


def test_scores_that_are_there_stay_unless_they_may_go(audited, tmp_path, capfd):
    assert score(audited, tmp_path, european(20))[0] == 0
    assert score(audited, tmp_path, european(30))[0] == 2
    assert "--force" in capfd.readouterr().err
    status, scores = score(audited, tmp_path, european(30), "--force")
    assert (status, len(scores)) == (0, 30)


def test_parquet_is_scored_by_the_model_of_a_csv_file(audited, tmp_path):
    frame = read_table(audited / "may.csv").frame
    frame.to_parquet(tmp_path / "june.parquet")
    model, out = str(audited / "out" / "model.aae"), tmp_path / "out"
    arguments = ["score", model, str(tmp_path / "june.parquet"), "--out", str(out), "--quiet"]
    assert main(arguments) == 0
    scores = pd.read_csv(out / "scores.csv")
    earlier = pd.read_csv(audited / "out" / "scores.csv")
    np.testing.assert_array_equal(scores["score"], earlier["score"])
    frame.assign(items="many").to_parquet(tmp_path / "june.parquet")
    assert main([*arguments, "--force"]) == 2


def test_a_table_may_be_called_as_a_command(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score").write_text("\n".join(european(20)))
    with pytest.raises(SystemExit):
        main(["score"])
    assert "MODEL" in capfd.readouterr().err
    monkeypatch.setattr("sklearn_aae.__main__.fit_model", None)
    assert main(["./score", "--out", "out", *QUICK]) == 2  # it came as far as the fit
    assert "NoneType" in capfd.readouterr().err


def test_the_bundle_is_a_dictionary_of_model_detector_and_reading(audited):
    bundle = sklearn_aae.load(audited / "out" / "model.aae")
    assert sorted(bundle) == ["detector", "model", "reading"]
    plan = bundle["reading"]
    assert plan["options"]["sep"] == ";"
    kinds = {column["name"]: column["kind"] for column in plan["columns"]}
    assert kinds == {
        **{"paid": "category", "amount": "number", "day": "datetime", "zip": "code"},
        **{"ok": "boolean", "items": "number"},
    }


def test_inspect_prints_what_is_there_and_builds_nothing(audited, capsys, monkeypatch):
    monkeypatch.setattr("sklearn_aae.archive._graph.Reader.read", None)
    assert main(["inspect", str(audited / "out" / "model.aae")]) == 0
    out = capsys.readouterr().out
    assert "format 2, written by sklearn_aae" in out
    assert "model: AdversarialAutoencoder, detector: AAEOutlierDetector, reading: dict" in out
    assert "max_epochs = 1" in out
    assert "'card', 'cash'" in out
    assert "model.net_.module_." in out


def test_files_that_are_no_models_give_one_line(audited, tmp_path, capfd):
    sklearn_aae.save(sklearn_aae.TableEncoder(), tmp_path / "encoder.aae")
    for model in (audited / "may.csv", tmp_path / "encoder.aae", tmp_path / "nothing.aae"):
        assert main(["score", str(model), str(audited / "may.csv")]) == 2
        assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert main(["inspect", str(audited / "may.csv")]) == 2


def test_a_plan_of_something_else_is_refused():
    for data in ({}, {"options": {"sep": ";"}, "columns": [{"kind": 3}], "judged": []}, [1]):
        with pytest.raises(ValueError, match="reading plan"):
            ReadingPlan.from_data(data)
    assert Reading("CSV").options.sep is None
