"""Tables that are read in batches are audited and scored as those in memory."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sklearn_aae
from sklearn_aae.__main__ import main
from sklearn_aae.audit import _batched
from sklearn_aae.audit._batched import BatchedTable, is_batched
from sklearn_aae.audit._reading import ReadingOptions
from sklearn_aae.audit._table import read_table
from sklearn_aae.autoencoder import _streamed
from sklearn_aae.encoding._datasets import open_stream

QUICK = ["--epochs", "1", "--quiet"]
IN_BATCHES = [*QUICK, "--stream-above", "0"]
N_ROWS, ODD = 900, 640


def made(n=N_ROWS):
    rng = np.random.default_rng(0)
    price = rng.gamma(3, 4, n).round(2)
    price[min(ODD, n - 1)] = 9_000.0
    return pd.DataFrame(
        {
            "price": price,
            "items": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "shop": rng.choice(["x", "y", "z"], n),
            "zip": pd.Categorical(np.char.zfill(rng.integers(0, 30, n).astype(str), 5)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
            "late": rng.random(n) < 0.3,
        }
    ).assign(items=lambda frame: frame["items"].mask(np.arange(n) % 50 == 7))


@pytest.fixture(scope="module")
def small():
    """Let tables of more than 600 rows be too large for memory, and batches have 250."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_batched, "SAMPLED_ROWS", 600)
        patch.setattr(_streamed, "SAMPLED_ROWS", 600)
        patch.setattr(_batched, "BATCH_ROWS", 250)
        yield


@pytest.fixture(scope="module")
def audited(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batches")
    made().to_parquet(folder / "rides.parquet", row_group_size=200)
    options = ["--out", str(folder / "out"), "--samples", "300", *IN_BATCHES]
    assert main([str(folder / "rides.parquet"), *options]) == 0
    return folder


def test_all_rows_are_scored_and_encoded_in_their_order(audited):
    bundle = sklearn_aae.load(audited / "out" / "model.aae")
    scores = pd.read_csv(audited / "out" / "scores.csv", index_col="row")
    assert scores.index.tolist() == list(range(N_ROWS))
    expected = bundle["detector"].score_samples(made())
    np.testing.assert_allclose(scores["score"], expected, rtol=1e-6, atol=1e-8)
    p_values = bundle["detector"].p_values(made())
    np.testing.assert_allclose(scores["p_value"], p_values, rtol=1e-6)
    assert (scores["flag"] == (p_values <= 0.05 + 1e-12)).all()
    assert scores.loc[ODD, "column_1"] == "price"
    assert float(scores.loc[ODD, "value_1"]) == 9_000
    codes = pd.read_csv(audited / "out" / "codes.csv", index_col="row")
    np.testing.assert_allclose(codes, bundle["model"].transform(made()), rtol=1e-5, atol=1e-6)


def test_what_is_written_beside_is_of_the_table(audited):
    out = audited / "out"
    synthetic = pd.read_csv(out / "synthetic.csv", dtype={"zip": str})
    assert list(synthetic) == list(made())
    assert len(synthetic) == 300
    assert not synthetic.duplicated().any()  # each batch has draws of its own
    assert set(synthetic["zip"]) <= set(made()["zip"])
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["table"]["n_rows"] == N_ROWS
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"of {N_ROWS} rows: the oddest ones" in page
    assert "9000" in page


def test_scores_of_batches_are_those_in_memory(audited, small, tmp_path):
    model = str(audited / "out" / "model.aae")
    for name, options in (("memory", QUICK[2:]), ("batches", IN_BATCHES[2:])):
        table, out = str(audited / "rides.parquet"), str(tmp_path / name)
        assert main(["score", model, table, "--out", out, *options]) == 0
    memory, batches = (
        pd.read_csv(tmp_path / name / "scores.csv") for name in ("memory", "batches")
    )
    pd.testing.assert_frame_equal(batches, memory, rtol=1e-6, check_dtype=False)


def test_text_files_are_read_in_batches_as_in_memory(small, tmp_path):
    table = made()
    lines = ["shop;price;day;zip"]
    for shop, price, day, code in zip(
        table["shop"], table["price"], table["day"], table["zip"], strict=True
    ):
        lines.append(f"{shop};{price:.2f};{day:%d.%m.%Y};{code}".replace(".", ",", 1))
    path = tmp_path / "rides.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    in_memory = read_table(path)
    table = BatchedTable.open(path, ReadingOptions()).sampled(0)
    assert table.n_rows == N_ROWS
    assert not table.is_whole
    parts = [part for _, _, part in table.batches()]
    assert [len(part.frame) for part in parts] == [250, 250, 250, 150]
    frame = pd.concat([part.frame for part in parts])
    pd.testing.assert_frame_equal(frame, in_memory.frame, check_categorical=False)
    assert [cell for part in parts for cell in part.cells[1]] == in_memory.cells[1]
    with open_stream(table.columns(np.array([1, 3]))) as stream:
        rows = stream.frame(next(stream.batches()))
    pd.testing.assert_frame_equal(rows, frame[["price", "zip"]][: len(rows)])


def test_a_folder_of_few_rows_is_read_into_memory(tmp_path):
    frame = made(120)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    (tmp_path / "parts").mkdir()
    pq.write_table(table[:70], tmp_path / "parts" / "a.parquet")
    pq.write_table(table[70:], tmp_path / "parts" / "b.parquet")
    read = BatchedTable.open(tmp_path / "parts", ReadingOptions(id="zip")).sampled(0)
    assert read.is_whole
    pd.testing.assert_frame_equal(read.part.frame, frame.drop(columns="zip"), check_dtype=False)
    assert read.part.id.tolist() == frame["zip"].tolist()


@pytest.mark.parametrize(
    "name, write, options",
    [
        ("a.parquet", lambda frame, path: frame.to_parquet(path), {"id": "shop"}),
        ("a.parquet", lambda frame, path: frame.set_index("day").to_parquet(path), {}),
        ("a.csv", lambda frame, path: frame.to_csv(path), {}),
        ("a.csv.gz", lambda frame, path: frame.to_csv(path, index=False), {"na": ("7",)}),
        ("a.csv", lambda frame, path: frame.to_csv(path, index=False, encoding="cp1252"), {}),
        ("a.csv", lambda frame, path: frame.to_csv(path, header=False), {"header": False}),
    ],
)
def test_names_of_rows_and_options_of_reading_hold_in_batches(
    small, tmp_path, name, write, options
):
    frame = made().assign(shop=lambda own: own["shop"].replace("x", "Müller\n& Söhne"))
    write(frame, tmp_path / name)
    in_memory = read_table(tmp_path / name, ReadingOptions(**options))
    table = BatchedTable.open(tmp_path / name, ReadingOptions(**options)).sampled(0)
    parts = [part for _, _, part in table.batches()]
    rows = pd.concat([part.frame for part in parts])
    pd.testing.assert_frame_equal(
        rows, in_memory.frame, check_categorical=False, check_index_type=False, check_names=False
    )
    if in_memory.id is not None:
        assert [cell for part in parts for cell in part.id] == in_memory.id.tolist()


def test_a_feather_file_is_read(tmp_path):
    made(120).to_feather(tmp_path / "rides.feather")
    read = read_table(tmp_path / "rides.feather")
    pd.testing.assert_frame_equal(read.frame, made(120), check_dtype=False)
    assert read.title == "rides"


def test_the_size_of_a_table_says_how_it_is_read(tmp_path):
    # One cell that repeats packs well: 100,000 rows take little on disk, and 0.8 MB in memory.
    pq.write_table(pa.table({"a": np.zeros(100_000)}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    assert is_batched(tmp_path / "a.parquet", 0.79)
    assert not is_batched(tmp_path / "a.parquet", 0.81)
    (tmp_path / "a.csv").write_text("a\n" * 1000)
    assert is_batched(tmp_path / "a.csv", 0.001)
    assert not is_batched(tmp_path / "a.csv", 1)
    assert is_batched(tmp_path, 1e9)


def refused(capfd, path, *options):
    """Return the one line that an audit in batches says before it leaves nothing behind."""
    out = path.parent / "refused"
    assert main([str(path), "--out", str(out), *IN_BATCHES, *options]) == 2
    assert not out.exists() or not list(out.iterdir())
    (line,) = capfd.readouterr().err.strip().splitlines()
    return line


def test_what_cannot_be_read_is_named(audited, small, tmp_path, capfd):
    table = pa.Table.from_pandas(made(), preserve_index=False)
    assert "leave out --sort" in refused(capfd, audited / "rides.parquet", "--sort")
    parts = tmp_path / "parts"
    parts.mkdir()
    pq.write_table(table, parts / "a.parquet")
    pq.write_table(table.drop_columns("shop"), parts / "b.parquet")
    assert "b.parquet' has no column 'shop'" in refused(capfd, parts)
    (parts / "b.parquet").write_bytes((parts / "a.parquet").read_bytes()[:-50])
    assert "b.parquet' cannot be read" in refused(capfd, parts)
    nested = table.append_column("list", pa.array([[1]] * len(table)))
    pq.write_table(nested, tmp_path / "nested.parquet")
    assert "'list'" in refused(capfd, tmp_path / "nested.parquet")
    infinite = table.set_column(0, "price", pa.array([1.0] * (N_ROWS - 1) + [np.inf]))
    pq.write_table(infinite, tmp_path / "infinite.parquet")
    error = refused(capfd, tmp_path / "infinite.parquet")
    assert "infinite.parquet': column 'price' has infinite cells" in error
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.csv").write_text("a,b\n" + "1,2\n" * 9)
    (texts / "b.csv").write_text("a,c\n" + "1,2\n" * 9)
    assert "b.csv has other columns than a.csv" in refused(capfd, texts)


def test_a_cell_of_another_kind_stops_the_scoring(audited, small, tmp_path, capfd):
    table = made()
    table["price"] = table["price"].astype(object)
    table.loc[700, "price"] = "free"
    table.astype({"price": str}).to_parquet(tmp_path / "other.parquet")
    model, out = str(audited / "out" / "model.aae"), tmp_path / "out"
    arguments = ["score", model, str(tmp_path / "other.parquet"), "--out", str(out)]
    assert main([*arguments, "--stream-above", "0"]) == 2
    assert not list(out.iterdir())
    error = capfd.readouterr().err
    assert "other.parquet" in error
    assert "'price' was of kind 'number'" in error
