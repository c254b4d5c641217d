"""What ``scores.csv`` says of rows: p-values, flags, and what was expected of cells."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.__main__ import main
from sklearn_aae.audit._rows import audit_rows, fit_detector
from sklearn_aae.audit._table import AuditTable, read_table
from sklearn_aae.encoding import read_matrices
from sklearn_aae.exceptions import ConstantTableWarning
from sklearn_aae.inspection._unusual import LEAST_SHARE, N_ROWS


def journal(n_rows=240, seed=0):
    """Return entries whose amounts depend on the account, the way a CSV file has them."""
    rng = np.random.default_rng(seed)
    account = rng.choice(["rent", "food", "fees"], n_rows)
    size = np.select([account == "rent", account == "food"], [800.0, 20.0], 5.0)
    frame = pd.DataFrame(
        {
            "entry": [f"JE-{i:05d}" for i in range(n_rows)],
            "account": account,
            "amount": [f"{x:.2f}" for x in size * np.exp(0.1 * rng.normal(size=n_rows))],
            "day": (pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 30, n_rows), "D"))
            .strftime("%Y-%m-%d")
            .to_numpy(),
            "items": rng.integers(1, 4, n_rows),
            "paid": rng.choice(["true", "false"], n_rows),
        }
    )
    frame.loc[::3, "paid"] = None
    return frame


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Return the journal with one wrong amount, what was written of it, and what was said."""
    folder = tmp_path_factory.mktemp("journal")
    frame = journal()
    frame.loc[7, ["account", "amount"]] = ["rent", "4.00"]
    frame.to_csv(folder / "journal.csv", index=False)
    assert main([str(folder / "journal.csv"), "--out", str(folder), "--alpha", "0.1"]) == 0
    return frame, pd.read_csv(folder / "scores.csv", index_col="row", dtype={"paid": str})


def test_the_wrong_amount_is_found_and_what_was_expected_is_written_as_an_amount(audited):
    _, scores = audited
    assert 7 in scores["score"].nsmallest(3).index
    worst = scores.loc[7]
    assert worst["flag"]
    assert {worst["column_1"], worst["column_2"]} == {"amount", "account"}
    k = 1 if worst["column_1"] == "amount" else 2
    assert worst[f"value_{k}"] == "4.00"
    # The rent, to the cent.
    assert 600 < float(worst[f"expected_{k}"]) < 1_000
    assert worst[f"expected_{k}"] == f"{float(worst[f'expected_{k}']):.2f}"


def test_cells_are_those_of_the_file(audited):
    frame, scores = audited
    for k in (1, 2, 3):
        for row, column, cell in zip(
            scores.index, scores[f"column_{k}"], scores[f"value_{k}"], strict=True
        ):
            own = frame.loc[row, column]
            assert (pd.isna(own) and pd.isna(cell)) or str(own) == str(cell), (row, column)
        days = scores.loc[scores[f"column_{k}"] == "day", f"expected_{k}"]
        assert days.str.fullmatch(r"2024-0[234]-\d\d").all()
        paid = scores.loc[scores[f"column_{k}"] == "paid", f"expected_{k}"].dropna()
        assert set(paid) <= {"true", "false"}


def test_p_values_are_ranks_among_all_rows(audited):
    _, scores = audited
    n = len(scores)
    ranks = np.rint(scores["p_value"] * n)
    np.testing.assert_allclose(scores["p_value"], ranks / n, atol=1e-6)
    # Without ties each rank occurs once, so that a tenth of the rows is flagged.
    assert len(set(ranks)) > 0.9 * n
    np.testing.assert_array_equal(scores["flag"], scores["p_value"] <= 0.1)
    # Other networks judge the rows, and agree in the main.
    assert scores["p_value"].corr(scores["score"], method="spearman") > 0.6


def test_identifiers_explain_nothing(audited):
    _, scores = audited
    assert not (scores[["column_1", "column_2", "column_3"]] == "entry").any(axis=None)


def test_a_table_of_nothing_but_identifiers(tmp_path):
    journal()[["entry"]].to_csv(tmp_path / "table.csv", index=False)
    arguments = [str(tmp_path / "table.csv"), "--out", str(tmp_path), "--epochs", "1", "--quiet"]
    with pytest.warns(ConstantTableWarning):
        assert main(arguments) == 0
    assert set(pd.read_csv(tmp_path / "scores.csv")["column_1"]) == {"entry"}


def test_few_rows_have_p_values_too(tmp_path, capsys):
    frame = journal(30)[["account", "amount"]].assign(currency="EUR")
    frame.to_csv(tmp_path / "table.csv", index=False)
    arguments = [str(tmp_path / "table.csv"), "--out", str(tmp_path), "--epochs", "1"]
    assert main(arguments) == 0
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert scores["p_value"].between(0.033, 1).all()
    assert scores["flag"].sum() <= 2
    out = capsys.readouterr().out
    assert "p-value 0." in out
    # A column that explains nothing is not said to differ from what was expected.
    assert len(re.findall(r"[01]%  currency  EUR +as expected\n", out)) == 5


def test_long_texts_that_begin_alike_are_not_said_to_be_the_same(tmp_path, capsys):
    beginning = "the same beginning of two long notes, "
    notes = [beginning + "one"] * 58 + [beginning + "another"] * 2
    frame = pd.DataFrame({"note": notes, "kind": ["a", "b"] * 30})
    frame.to_csv(tmp_path / "table.csv", index=False)
    assert main([str(tmp_path / "table.csv"), "--out", str(tmp_path), "--epochs", "1"]) == 0
    shown = r"note +the same beginning of two lon…\s+expected the same beginning of two lon…\n"
    assert re.search(shown, capsys.readouterr().out)


@pytest.mark.parametrize("alpha", ["0", "1", "-0.1", "nan", "much"])
def test_levels_out_of_range(alpha, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--alpha", alpha])
    assert stopped.value.code == 2
    assert "--alpha" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["csv", "parquet", "numbers"])
def test_all_that_is_drawn_is_known(kind, tmp_path):
    """The most unusual rows' cells are expected to be something wherever they have a colour."""
    frame = journal()
    if kind == "numbers":
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.normal(size=(120, 20))).add_prefix("x")
        frame["count"], frame["yes"] = rng.integers(0, 4, 120), rng.random(120) > 0.5
        table = AuditTable(frame, kind)
    elif kind == "csv":
        frame.to_csv(tmp_path / "table.csv", index=False)
        table = read_table(tmp_path / "table.csv")
    else:
        typed = frame.assign(
            day=pd.to_datetime(frame["day"]).dt.date,
            amount=frame["amount"].astype("float32"),
            account=frame["account"].astype("category"),
            items=frame["items"].astype("int8"),
            paid=frame["paid"].map({"true": True, "false": False}).astype("boolean"),
            took=pd.to_timedelta(frame["items"], "h"),
        )
        typed.to_parquet(tmp_path / "table.parquet")
        table = read_table(tmp_path / "table.parquet")
    rows = audit_rows(fit_detector(table, max_epochs=2, random_state=0), table)
    worst = np.argsort(rows.scores, kind="stable")[:N_ROWS]
    parts = rows.contributions[worst]
    drawn = parts / parts.sum(axis=1, keepdims=True) >= LEAST_SHARE
    expected = read_matrices({"table": table.frame, "expected": rows.expected})["expected"][worst]
    # Where cells are missing, nothing may be what is expected.
    full = table.frame.notna().all().to_numpy()
    assert drawn[:, full].any()
    assert not np.isnan(expected[:, full][drawn[:, full]]).any()
    texts = table.texts(rows.expected, rows.order[:, 0])
    assert (texts[full[rows.order[:, 0]]] != "").all()
    parts = rows.contributions / rows.contributions.sum(axis=1)[:, None]
    np.testing.assert_allclose(rows.shares, np.take_along_axis(parts, rows.order, axis=1))
    # What is named first is the largest part, unless the row has there what was expected.
    cells = read_matrices({"table": table.frame, "expected": rows.expected})
    largest = parts.argmax(axis=1)
    own, expected = (cells[name][np.arange(len(parts)), largest] for name in ("table", "expected"))
    as_expected = (own == expected) | (np.isnan(own) & np.isnan(expected))
    np.testing.assert_array_equal(rows.order[:, 0] == largest, ~as_expected)
