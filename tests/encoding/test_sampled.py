"""Samples of Datasets: uniform, the same for a seed, and with what is rare."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.base import clone

from sklearn_aae import TableEncoder
from sklearn_aae.encoding import _counts, _sampled, _table_encoder
from sklearn_aae.encoding._datasets import Stream, open_stream
from sklearn_aae.encoding._roundness import Roundness
from sklearn_aae.encoding._sampled import sample_rows
from sklearn_aae.exceptions import UnsupportedColumnsError
from tests.mixed_tables import sale
from tests.threads import together


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve thousand rows in two files, with cells that a sample of few rows lacks."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    n = 12_000
    start = datetime.datetime(2020, 1, 1)
    city = rng.choice(["Rome", "Oslo"], n).astype(object)
    city[7_777] = "Bern"
    price = rng.normal(size=n).round(3)
    price[[11, 9_999]] = -70.5, 80.25
    grade = rng.integers(1, 6, n).astype(float)
    grade[6_000] = np.nan
    table = pa.table(
        {
            "row": np.arange(n),
            "city": city,
            "price": price,
            "grade": pa.array(grade, from_pandas=True),
            "day": [start + datetime.timedelta(days=int(i)) for i in rng.integers(0, 400, n)],
            "paid": pa.array(rng.random(n) < 0.5, mask=np.arange(n) == 4_321),
        }
    )
    pq.write_table(table[:5_000], folder / "a.parquet", row_group_size=700)
    pq.write_table(table[5_000:], folder / "b.parquet", row_group_size=700)
    return folder


def sampled(source, size, seed=0, **options):
    with open_stream(source) as stream:
        return sample_rows(stream, size, seed, **options)


def test_all_rows_come_back_in_order_if_they_are_few(folder):
    sample = sampled(ds.dataset(folder), 12_000, with_rare=True)
    assert sample.n_rows == 12_000
    assert sample.X.equals(ds.dataset(folder).to_table())


def test_a_sample_is_uniform_over_all_files(folder):
    counts = np.zeros(12)
    for seed in range(20):
        rows = sampled(ds.dataset(folder), 600, seed).X["row"].to_numpy()
        assert len(np.unique(rows)) == len(rows) == 600
        assert (np.diff(rows) > 0).all()
        counts += np.bincount(rows // 1000, minlength=12)
    # 20 * 600 rows over 12 equal parts: 1,000 in each, with a standard deviation of 30.
    assert (abs(counts - 1000) < 130).all()


def test_a_seed_repeats_whatever_the_batches(folder):
    first = sampled(ds.dataset(folder), 500, 3).X
    assert first.equals(sampled(ds.dataset(folder), 500, 3).X)
    assert not first.equals(sampled(ds.dataset(folder), 500, 4).X)
    lazy = sampled(pl.scan_parquet(folder / "*.parquet"), 500, 3).X
    assert isinstance(lazy, pl.DataFrame)
    assert lazy["row"].to_list() == first["row"].to_pylist()


def test_rare_cells_are_in_a_sample(folder):
    plain = sampled(ds.dataset(folder), 100, 0).X
    sample = sampled(ds.dataset(folder), 100, 0, with_rare=True).X
    assert sample[:100].equals(plain)
    assert set(sample["city"].to_pylist()) == {"Rome", "Oslo", "Bern"}
    price = sample["price"].to_numpy()
    assert price.min() == -70.5
    assert price.max() == 80.25
    assert sample["grade"].null_count == 1
    assert sample["paid"].null_count == 1
    assert len(sample["day"].unique()) == 400
    # Each value once: 400 days and few rows beside.
    assert len(sample) < 100 + 400 + 20


@pytest.mark.parametrize("n_readers", [1, 2, 3, 20])
@pytest.mark.parametrize("size", [100, 12_000])
def test_readers_that_share_row_groups_draw_the_sample_of_one(folder, n_readers, size):
    whole = sampled(ds.dataset(folder), size, 3, with_rare=True, counted=True)
    n_read = []

    def read(ranks):
        with open_stream(ds.dataset(folder)) as stream:
            _, tables = stream.part(*ranks.place)
            n_read.append(sum(map(len, tables)))
            return sample_rows(stream, size, 3, with_rare=True, counted=True, ranks=ranks)

    samples = together(n_readers, read)
    for sample in samples:
        assert sample.n_rows == whole.n_rows
        assert sample.n_uniform == size
        assert sample.X.equals(whole.X)
    for name in ("city", "grade") if size < whole.n_rows else ():
        own, known = (each.columns(name, None).value_counts(sort=True) for each in (sample, whole))
        assert own.rows() == known.rows()
    assert sum(n_read) == 12_000
    # There are 19 row groups; of more readers some have none.
    assert max(n_read) <= 12_000 / n_readers + 700


def test_what_one_reader_cannot_read_is_refused_by_all(folder, monkeypatch):
    read = Stream._batches_of

    def torn(self, fragment, n_rows):
        if fragment.path.endswith("b.parquet"):
            raise ValueError("File 'b.parquet' cannot be read")
        return read(self, fragment, n_rows)

    monkeypatch.setattr(Stream, "_batches_of", torn)

    def refused(ranks):
        with open_stream(ds.dataset(folder)) as stream:
            try:
                sample_rows(stream, 100, 0, ranks=ranks)
            except ValueError as error:
                return str(error)

    assert together(3, refused) == 3 * ["File 'b.parquet' cannot be read"]


def test_an_encoder_learns_the_levels_of_the_whole_table(folder, monkeypatch):
    table = ds.dataset(folder).to_table().drop_columns(["row", "price"])
    in_memory = TableEncoder().fit(table)
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 4_100)
    streamed = TableEncoder().fit(ds.dataset(table))
    names = ("name", "kind", "n_levels", "missing", "decimals", "step", "low", "high", "digits")
    for own, known in zip(streamed.layout_.spans, in_memory.layout_.spans, strict=True):
        for name in names:
            np.testing.assert_array_equal(getattr(own, name), getattr(known, name))
        if own.name != "day":  # of which each value is there once more
            np.testing.assert_allclose(own.shares, known.shares, atol=0.03)
    np.testing.assert_array_equal(streamed._to_levels(table), in_memory._to_levels(table))
    levels = streamed._to_levels(table)
    assert streamed._from_levels(levels, None).equals(in_memory._from_levels(levels, None))
    monkeypatch.setattr(_counts, "MOST_CELLS", 10_000)
    with pytest.raises(ValueError, match="min_frequency=5 is a number of rows"):
        TableEncoder(min_frequency=5).fit(ds.dataset(table))


def test_quantiles_of_a_column_are_those_of_all_rows(folder, monkeypatch):
    table = ds.dataset(folder).to_table().select(["price"])
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 6_000)
    encoder = TableEncoder(max_levels=20).fit(ds.dataset(table))
    shares = np.bincount(encoder._to_levels(table)[:, 0]) / len(table)
    assert len(shares) == encoder.layout_.spans[0].n_levels == 20
    assert (abs(shares - 0.05) < 0.01).all()


def test_frames_of_fit_come_back(folder):
    dataset = ds.dataset(folder)
    assert isinstance(sampled(dataset, 5).X, pa.Table)
    encoder = TableEncoder().fit(pl.scan_parquet(folder / "*.parquet"))
    rows = dataset.to_table()[:5]
    back = encoder.inverse_transform(encoder.transform(pl.from_arrow(rows)))
    assert isinstance(back, pl.DataFrame)
    assert isinstance(rows.to_pandas(), pd.DataFrame)


def test_a_dataset_without_rows():
    with pytest.raises(ValueError, match="no rows"):
        TableEncoder().fit(ds.dataset(pa.table({"a": pa.array([], pa.int64())})))


def test_columns_of_any_type_are_sampled(monkeypatch):
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 40)
    n = 100
    waits = pa.array(np.arange(n) % 7, pa.duration("s"))
    codes = pa.array([decimal.Decimal(i % 9) / 100 for i in range(n)], pa.decimal128(8, 2))
    places = pa.array([f"p{i % 5}" for i in range(n)])
    times = pa.array([datetime.datetime(2024, 1, 1 + i % 8) for i in range(n)])
    table = pa.table(
        {
            "wait": waits,
            "code": codes,
            "half": pa.array((np.arange(n) % 6).astype(np.float16)),
            "place": places.cast(pa.string_view()),
            "coded": places.dictionary_encode(),
            "at": times.cast(pa.timestamp("us", "Europe/Berlin")),
            "none": pa.nulls(n),
            "hour": pa.array([datetime.time(i % 10) for i in range(n)]),
            "two": pa.array([b"ab", b"cd", b"cd", b"ef"] * 25, pa.binary(2)),
            "short": pa.array([i % 3 for i in range(n)], pa.decimal256(20, 2)),
            "level": pa.array(np.arange(n) % 5).dictionary_encode(),
        }
    )
    encoder = TableEncoder().fit(ds.dataset(table))
    assert [span.n_levels for span in encoder.layout_.spans] == [7, 9, 6, 5, 5, 8, 1, 10, 3, 3, 5]
    batches = list(encoder.transform(ds.dataset(table)))
    assert sum(batch.num_rows for batch in batches) == n


def test_columns_that_cannot_be_read_are_named(folder):
    for cells in ([[1]] * 3, [{"x": 1}] * 3):
        table = pa.table({"a": [1, 2, 3], "deep": pa.array(cells)})
        with pytest.raises(UnsupportedColumnsError, match="column 'deep' is of type"):
            TableEncoder().fit(ds.dataset(table))
    others = [
        pa.array([(1, 2, 3)] * 3, pa.month_day_nano_interval()),
        pa.array([b"0" * 16] * 3, pa.uuid()),
        pa.array([1, 2, 3], pa.decimal256(60, 2)),
    ]
    for cells in others:
        table = pa.table({"a": [1, 2, 3], "odd": cells})
        for rows in (ds.dataset(table), table):
            with pytest.raises(UnsupportedColumnsError, match="olumn 'odd' is of type"):
                TableEncoder().fit(rows)
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueError, match="Two columns are called 'a'"):
        TableEncoder().fit(ds.dataset(twice))


def test_lazy_frames_that_cannot_be_evaluated():
    frame = pl.DataFrame({"a": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"LazyFrame cannot be evaluated: .*'?nix"):
        TableEncoder().fit(frame.lazy().select("nix"))
    with pytest.raises(
        UnsupportedColumnsError, match="Column 'a' of the LazyFrame is of type Int1"
    ):
        TableEncoder().fit(frame.lazy().cast(pl.Int128))
    deep = frame.lazy().with_columns(pl.concat_list("a").alias("deep"))
    with pytest.raises(UnsupportedColumnsError, match="The LazyFrame: column 'deep'"):
        TableEncoder().fit(deep)


def test_labels_of_an_enum_are_counted(monkeypatch):
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 40)
    kinds = pl.Series("kind", [*["low"] * 60, None, *["high"] * 39], dtype=pl.Enum(["low", "high"]))
    frame = pl.DataFrame([kinds])
    streamed, in_memory = (TableEncoder().fit(rows) for rows in (frame.lazy(), frame))
    own, known = (encoder.layout_.spans[0] for encoder in (streamed, in_memory))
    np.testing.assert_array_equal(own.shares, known.shares)
    assert own.ordered == known.ordered
    back = streamed.inverse_transform(streamed.transform(frame))
    assert back.equals(frame)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_infinite_cells_are_named_wherever_they_are(tmp_path, dtype):
    values = np.arange(300).astype(dtype)
    pq.write_table(pa.table({"a": values}), tmp_path / "a.parquet")
    values[7] = np.inf
    pq.write_table(pa.table({"a": values}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet': column 'a' has infinite cells"):
        sampled(ds.dataset(tmp_path), 5)


def test_missing_cells_that_are_refused_have_no_row(monkeypatch):
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 40)
    rows = ds.dataset(pa.table({"a": [*range(99), None]}))
    with pytest.raises(ValueError, match=r"'a' has missing cells \(NaN or the like\)\. Set"):
        TableEncoder(handle_missing="error").fit(rows)


def test_files_without_rows_change_nothing(folder, tmp_path):
    table = ds.dataset(folder).to_table()
    pq.write_table(table[:0], tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet")
    assert sampled(ds.dataset(tmp_path), 500).X.equals(sampled(ds.dataset(folder), 500).X)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="is a folder without"):
        sampled(tmp_path / "none", 5)


def facts(encoder):
    names = ("n_levels", "decimals", "step", "repeats", "resolution", "missing")
    return [[getattr(span, name) for name in names] for span in encoder.layout_.spans]


def test_counted_columns_have_the_levels_of_all_rows(monkeypatch):
    table = sale()
    in_memory = TableEncoder().fit(table)
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 500)
    for rows in (ds.dataset(table), pl.from_arrow(table).lazy()):
        streamed = TableEncoder().fit(rows)
        assert facts(streamed) == facts(in_memory)
        for own, known in zip(streamed.layout_.spans, in_memory.layout_.spans, strict=True):
            np.testing.assert_array_equal(own.low, known.low)
            np.testing.assert_array_equal(own.shares, known.shares)
    # Numbers of rows are known, too.
    by_rows = TableEncoder(min_frequency=3, handle_unknown="infrequent_if_exist")
    own, known = (clone(by_rows).fit(rows) for rows in (ds.dataset(table), table))
    np.testing.assert_array_equal(own._to_levels(table), known._to_levels(table))


def test_more_rows_than_stand_for_a_column_keep_their_shares(monkeypatch):
    table = sale()
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 500)
    monkeypatch.setattr(_counts, "MOST_CELLS", 600)
    streamed, in_memory = (TableEncoder().fit(rows) for rows in (ds.dataset(table), table))
    city, known = (encoder.layout_.spans[3] for encoder in (streamed, in_memory))
    assert city.n_levels == 3
    np.testing.assert_allclose(city.shares, known.shares, atol=0.003)


def test_columns_of_too_many_values_are_as_round_as_all_rows(monkeypatch):
    table = sale()
    in_memory = TableEncoder().fit(table)
    monkeypatch.setattr(_table_encoder, "SAMPLED_ROWS", 500)
    monkeypatch.setattr(_counts, "MOST_DISTINCT", 50)
    monkeypatch.setattr(_sampled, "MOST_OTHERS", 50)
    streamed = TableEncoder().fit(ds.dataset(table))
    for own, known in zip(facts(streamed), facts(in_memory), strict=True):
        assert own[1:3] + own[4:5] == known[1:3] + known[4:5]
    spike = streamed._to_levels(pa.table({**sale().slice(0, 1).to_pydict(), "amount": [9.9]}))[0, 0]
    assert streamed.layout_.spans[0].shares[spike] == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_numbers_that_are_less_round_are_found(dtype):
    roundness = Roundness()
    values = np.array([0, 20, 40, 60, 20], dtype=dtype)
    first = roundness.first_less_round(values)
    assert first == [0, 1]
    assert roundness.step == 20
    assert roundness.first_less_round(values) == []
    values[3] = 70
    assert roundness.first_less_round(values) == [3]
    assert (roundness.decimals, roundness.step) == (0, 10)
    if dtype != np.int64:
        values[2] = 0.25
        assert set(roundness.first_less_round(values)) == {2}
        assert (roundness.decimals, roundness.step) == (2, 25)
        values[1] = 1 / 3
        assert set(roundness.first_less_round(values)) == {1}
        assert roundness.decimals == (None if dtype == np.float64 else 8)
