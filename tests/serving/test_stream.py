"""Scores, codes and draws go from file to file in batches, as they would in memory."""

import datetime
import os
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.exceptions import NotFittedError

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder, TableEncoder


def mixed(n, seed=0):
    rng = np.random.default_rng(seed)
    days = [datetime.date(2020, 1, 1) + datetime.timedelta(int(i)) for i in rng.integers(0, 99, n)]
    return pa.table(
        {
            "price": rng.normal(size=n).round(2),
            "items": pa.array(rng.integers(0, 9, n), mask=rng.random(n) < 0.1),
            "shop": pa.array(rng.choice(["x", "y", "z"], n)).dictionary_encode(),
            "day": days,
            "late": rng.random(n) < 0.3,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of two files of several row groups each."""
    folder = tmp_path_factory.mktemp("rows")
    table = mixed(400)
    pq.write_table(table[:150], folder / "a.parquet", row_group_size=64)
    pq.write_table(table[150:], folder / "b.parquet", row_group_size=64)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    return ds.dataset(folder).to_table()


@pytest.fixture(scope="module")
def detector(table):
    return AAEOutlierDetector(max_epochs=2, random_state=0).fit(table)


@pytest.fixture(scope="module")
def model(table):
    return AdversarialAutoencoder(max_epochs=1, random_state=0).fit(table)


def values(batches):
    table = batches if isinstance(batches, pa.Table) else pa.Table.from_batches(batches)
    return np.column_stack([column.to_numpy() for column in table.columns])


@pytest.mark.parametrize(
    "estimator, name, columns",
    [
        ("model", "transform", ["adversarialautoencoder0", "adversarialautoencoder1"]),
        ("model", "score_samples", ["score"]),
        ("detector", "score_samples", ["score"]),
        ("detector", "p_values", ["p_value"]),
        ("detector", "predict", ["prediction"]),
        ("detector", "score_contributions", ["price", "items", "shop", "day", "late"]),
    ],
)
def test_batches_have_the_bits_of_the_whole_table(
    request, folder, table, tmp_path, estimator, name, columns
):
    method = getattr(request.getfixturevalue(estimator), name)
    expected = method(table).reshape(len(table), -1)
    np.testing.assert_array_equal(values(method(ds.dataset(folder))), expected)
    assert sklearn_aae.stream(method, folder, tmp_path / "out.parquet", batch_rows=50) == 400
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.column_names == columns
    np.testing.assert_array_equal(values(written), expected)


def test_lazy_frames_are_read_as_datasets_are(folder, table, detector, tmp_path):
    lazy = pl.scan_parquet(folder / "*.parquet")
    sklearn_aae.stream(detector.score_samples, lazy, tmp_path / "out.parquet")
    scores = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_array_equal(scores, detector.score_samples(table))
    few = values(detector.score_samples(lazy.filter(pl.col("late"))))[:, 0]
    late = table["late"].to_numpy(zero_copy_only=False)
    np.testing.assert_array_equal(few, detector.score_samples(table)[late])


def test_a_filter_of_a_dataset_is_kept(folder, table, detector):
    filtered = ds.dataset(folder).filter(ds.field("late"))
    late = table["late"].to_numpy(zero_copy_only=False)
    expected = detector.score_samples(table)[late]
    np.testing.assert_array_equal(values(detector.score_samples(filtered))[:, 0], expected)


def test_partitioned_folders(tmp_path, table):
    ds.write_dataset(
        table,
        tmp_path / "parts",
        format="parquet",
        partitioning=["late"],
        partitioning_flavor="hive",
    )
    dataset = ds.dataset(tmp_path / "parts", partitioning="hive")
    own = dataset.to_table()
    fitted = AAEOutlierDetector(max_epochs=1, random_state=0).fit(own)
    sklearn_aae.stream(fitted.score_samples, tmp_path / "parts", tmp_path / "out.parquet")
    scores = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_array_equal(scores, fitted.score_samples(own))


def test_a_csv_file(tmp_path, table):
    csv.write_csv(table.drop_columns("shop"), tmp_path / "rows.csv")
    dataset = ds.dataset(tmp_path / "rows.csv", format="csv")
    fitted = AAEOutlierDetector(max_epochs=1, random_state=0).fit(dataset)
    sklearn_aae.stream(fitted.score_samples, tmp_path / "rows.csv", tmp_path / "out.parquet")
    scores = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_array_equal(scores, fitted.score_samples(dataset.to_table()))


def test_an_estimator_of_arrays_reads_files(tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 3))
    pq.write_table(pa.table(dict(zip("abc", X.T, strict=True))), tmp_path / "rows.parquet")
    fitted = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(X)
    sklearn_aae.stream(fitted.transform, tmp_path / "rows.parquet", tmp_path / "codes.parquet")
    codes = values(pq.read_table(tmp_path / "codes.parquet"))
    np.testing.assert_array_equal(codes, fitted.transform(X))
    sklearn_aae.stream(fitted.sample, 5, tmp_path / "drawn.parquet")
    assert pq.read_schema(tmp_path / "drawn.parquet").names == ["x0", "x1", "x2"]


def test_arguments_are_bound_with_partial(folder, table, detector, tmp_path):
    method = partial(detector.score_samples, kind="marginal")
    sklearn_aae.stream(method, folder, tmp_path / "out.parquet")
    scores = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_array_equal(scores, detector.score_samples(table, kind="marginal"))


def test_samples_go_to_a_file(model, table, tmp_path):
    for name in ("one.parquet", "two.parquet"):
        n = sklearn_aae.stream(model.sample, 300, tmp_path / name, batch_rows=128, random_state=1)
        assert n == 300
    one, two = (pq.read_table(tmp_path / name) for name in ("one.parquet", "two.parquet"))
    assert one.equals(two)
    assert one.column_names == table.column_names
    assert one["day"].type == pa.date32()
    assert pa.types.is_dictionary(one["shop"].type)
    first, second = one[:128], one[128:256]
    assert not first.equals(second)  # each batch has draws of its own


def test_a_table_encoder_returns_batches(folder, table):
    encoder = TableEncoder().fit(table)
    np.testing.assert_array_equal(
        values(encoder.transform(ds.dataset(folder))), encoder.transform(table)
    )
    with pytest.raises(ValueError, match="set_output"):
        TableEncoder().set_output(transform="pandas").fit(table).transform(ds.dataset(folder))
    with pytest.raises(NotFittedError):
        TableEncoder().transform(ds.dataset(folder))


def test_files_that_disagree_are_named(tmp_path, table, detector):
    pq.write_table(table[:50], tmp_path / "a.parquet")
    pq.write_table(table[:50].drop_columns("shop"), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet' has no column 'shop'"):
        next(detector.score_samples(ds.dataset(tmp_path)))
    more = table[:50].append_column("more", table["late"][:50])
    pq.write_table(more, tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet' has a column 'more'"):
        next(detector.score_samples(ds.dataset(tmp_path)))
    text = table[:50].set_column(0, "price", table["price"][:50].cast(pa.string()))
    pq.write_table(text, tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet' has column 'price' as string"):
        next(detector.score_samples(ds.dataset(tmp_path)))


def test_a_file_that_is_cut_is_named(tmp_path, table, detector):
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet")
    dataset = ds.dataset(tmp_path)
    (tmp_path / "b.parquet").write_bytes((tmp_path / "b.parquet").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"b\.parquet' cannot be read"):
        list(detector.score_samples(dataset))


def test_a_file_that_is_damaged_is_named(tmp_path, table, detector):
    out = tmp_path / "out.parquet"
    file = tmp_path / "rows" / "a.parquet"
    file.parent.mkdir()
    pq.write_table(table, file, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(file.read_bytes())
    place = content.index(np.float64(table["price"][7].as_py()).tobytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.parquet' cannot be read"):
        sklearn_aae.stream(detector.score_samples, ds.dataset(file), out)
    assert not out.exists()


def test_other_columns_are_named_with_the_file(tmp_path, table, detector):
    pq.write_table(table.rename_columns(["a", "b", "c", "d", "e"]), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a\.parquet' has the columns \['a', 'b'"):
        list(detector.score_samples(ds.dataset(tmp_path)))


def test_rows_that_cannot_be_read_say_of_which_file(tmp_path, table, detector):
    pq.write_table(table, tmp_path / "a.parquet")
    infinite = pa.array([np.inf] * len(table))
    pq.write_table(table.set_column(0, "price", infinite), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="'price' has infinite cells") as caught:
        list(detector.score_samples(ds.dataset(tmp_path)))
    assert "b.parquet" in caught.value.__notes__[0]


def test_a_failure_leaves_what_was_there(tmp_path, table, detector):
    out = tmp_path / "scores.parquet"
    sklearn_aae.stream(detector.score_samples, ds.dataset(table), out)
    before = out.read_bytes()

    class Broken(AAEOutlierDetector):
        n_calls = 0

        def score_samples(self, X, kind=None):
            Broken.n_calls += 1
            if Broken.n_calls > 1:
                raise RuntimeError("in the second batch")
            return super().score_samples(X, kind)

    broken = Broken()
    broken.__dict__.update(detector.__dict__)
    with pytest.raises(RuntimeError, match="second batch"):
        sklearn_aae.stream(broken.score_samples, ds.dataset(table), out, batch_rows=100)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


def test_targets_and_sources_that_are_none(tmp_path, table, detector, model):
    rows = ds.dataset(table)
    with pytest.raises(FileNotFoundError, match=r"no folder .*none' to write 'out\.parquet' in"):
        sklearn_aae.stream(detector.score_samples, rows, tmp_path / "none" / "out.parquet")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        sklearn_aae.stream(detector.score_samples, rows, tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe' is a device or a pipe; name the file"):
        sklearn_aae.stream(detector.score_samples, rows, tmp_path / "pipe")
    (tmp_path / "pipe").unlink()
    with pytest.raises(FileNotFoundError, match="none"):
        sklearn_aae.stream(detector.score_samples, tmp_path / "none", tmp_path / "out.parquet")
    with pytest.raises(TypeError, match="streamed from a pyarrow Dataset"):
        sklearn_aae.stream(detector.score_samples, [[1.0]], tmp_path / "out.parquet")
    with pytest.raises(TypeError, match="method of a fitted estimator"):
        sklearn_aae.stream(len, rows, tmp_path / "out.parquet")
    with pytest.raises(NotFittedError):
        sklearn_aae.stream(AAEOutlierDetector().predict, rows, tmp_path / "out.parquet")
    with pytest.raises(ValueError, match="no rows"):
        sklearn_aae.stream(detector.predict, ds.dataset(table[:0]), tmp_path / "out.parquet")
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match="to_table"):
        detector.explain(rows)
