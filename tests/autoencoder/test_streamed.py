"""A model of rows that do not fit into memory is one of all of them."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae._utils._random import RowStream, derive_seed, draw_seed
from sklearn_aae.autoencoder import _streamed
from sklearn_aae.autoencoder._shared_rows import read_together
from sklearn_aae.autoencoder._streamed import StreamedDataset
from sklearn_aae.encoding import Scaler
from sklearn_aae.encoding._datasets import Stream, open_stream
from sklearn_aae.encoding._sampled import sample_rows
from sklearn_aae.training import TableDataset
from tests.mixed_tables import sale
from tests.threads import together


def rides(n, seed=0):
    """Rows whose kind changes with their position, as in files that are sorted."""
    rng = np.random.default_rng(seed)
    kind = np.sort(rng.integers(0, 3, n))
    length = rng.gamma(2.0, 1.0 + 3 * kind).round(1)
    fare = (3 + 2.5 * length + rng.normal(size=n)).round(2)
    return pa.table({"kind": np.array(["a", "b", "c"])[kind], "length": length, "fare": fare})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rides")
    table = rides(3_000)
    pq.write_table(table[:1_000], folder / "a.parquet", row_group_size=300)
    pq.write_table(table[1_000:], folder / "b.parquet", row_group_size=300)
    return folder


@pytest.fixture
def small(monkeypatch):
    """Let tables of more than 1,000 rows be too large for memory."""
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 1_000)


def test_few_rows_are_fitted_to_as_in_memory(folder):
    table = ds.dataset(folder).to_table()
    in_memory = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(table)
    streamed = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(ds.dataset(folder))
    np.testing.assert_array_equal(streamed.score_samples(table), in_memory.score_samples(table))
    assert streamed.sample(9, random_state=0).equals(in_memory.sample(9, random_state=0))


def test_a_model_of_many_rows_is_as_good_as_in_memory(folder, small):
    held_out = rides(1_000, seed=1)
    table = ds.dataset(folder).to_table()
    scores = []
    for rows in (table, ds.dataset(folder)):
        model = AdversarialAutoencoder(max_epochs=5, random_state=0).fit(rows)
        scores.append(model.score_samples(held_out).mean())
    assert model.n_iter_ == 15  # five passes, each of three buffers
    assert scores[1] > scores[0] - 0.03 * abs(scores[0])
    drawn = model.sample(600, random_state=0)
    shares = np.unique(drawn["kind"].to_numpy(zero_copy_only=False), return_counts=True)[1] / 600
    assert (abs(shares - 1 / 3) < 0.15).all()


def test_a_seed_repeats_a_model(folder, small):
    table = ds.dataset(folder).to_table()

    def codes(rows, seed):
        model = AdversarialAutoencoder(max_epochs=1, random_state=seed).fit(rows)
        return model.transform(table)

    first = codes(ds.dataset(folder), 0)
    np.testing.assert_array_equal(first, codes(ds.dataset(folder), 0))
    assert not np.array_equal(first, codes(ds.dataset(folder), 1))
    lazy = AdversarialAutoencoder(max_epochs=1, random_state=0)
    assert isinstance(lazy.fit(pl.scan_parquet(folder / "*.parquet")).sample(2), pl.DataFrame)


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    """Three thousand rows in three files; a sample of few lacks what is rare among them."""
    folder = tmp_path_factory.mktemp("sales")
    table = sale()
    for start in range(0, 3_000, 1_000):
        pq.write_table(table[start : start + 1_000], folder / f"{start}.parquet")
    return folder


def test_levels_are_those_of_fit_in_memory(sales, monkeypatch):
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 400)
    in_memory = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(sale())
    streamed = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(ds.dataset(sales))
    spans = (model._reader.encoder.layout_.spans for model in (streamed, in_memory))
    for own, known in zip(*spans, strict=True):
        for name in ("n_levels", "low", "high", "shares", "missing", "decimals", "step", "repeats"):
            np.testing.assert_array_equal(getattr(own, name), getattr(known, name), err_msg=name)
    levels = streamed._read(ds.dataset(sales).to_table())
    np.testing.assert_array_equal(levels, in_memory._read(sale()))
    # About 30 of 9.9 and one of "Bern": as often as in all rows.
    drawn = streamed.sample(1_500, random_state=0)
    assert (drawn["amount"].to_numpy() == 9.9).mean() < 0.06
    assert drawn["city"].to_pylist().count("Bern") < 15


def test_rules_say_columns_in_other_words(monkeypatch):
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 400)
    table = sale().select(["city"])
    names = pa.array(
        {"Rome": "IT", "Oslo": "NO", "Bern": "CH"}[c] for c in table["city"].to_pylist()
    )
    table = table.append_column("country", names)
    model = AdversarialAutoencoder(max_epochs=1, rules="find", random_state=0)
    model.fit(ds.dataset(table))
    assert any(set(rule.columns) == {"city", "country"} for rule in model.rules_)
    drawn = model.sample(300, random_state=0, conditions={"city": "Bern"})
    assert set(drawn["country"].to_pylist()) == {"CH"}


def test_rare_rows_do_not_tilt_the_scale(monkeypatch):
    monkeypatch.setattr(_streamed, "SAMPLED_ROWS", 500)
    X = np.random.default_rng(0).normal(size=(3_000, 3))
    X[7, 0], X[2_900, 0] = 99.0, -50.0
    X[11, 1] = np.nan
    X[:, 2] = 0.0
    X[2_000, 2] = 1.0
    rows = ds.dataset(pa.table(dict(zip("abc", X.T, strict=True))))
    with open_stream(rows) as stream:
        seed = derive_seed(draw_seed(0), RowStream.SAMPLE)
        sample = sample_rows(stream, 500, seed, with_rare=True)
    assert len(sample.X) > sample.n_uniform == 500
    uniform = sample.X[:500].to_pandas().to_numpy()
    model = AdversarialAutoencoder(max_epochs=1, random_state=0).fit(rows)
    scale = model._reader.scale
    np.testing.assert_allclose(scale.shift_, np.nanmean(uniform, axis=0))
    # What is rare is known all the same.
    assert scale.holed_.tolist() == [False, True, False]
    assert scale.constant_.tolist() == [False, False, False]
    np.testing.assert_array_equal(model.net_.marginals_.values[[0, -1], 0], [-50.0, 99.0])
    narrow = AdversarialAutoencoder(max_epochs=1, scaling="minmax", random_state=0).fit(rows)
    scaled = narrow._reader.scale.transform(np.array([[99.0, 0.0, 1.0], [-50.0, 0.0, 0.0]]))
    np.testing.assert_allclose(scaled[:, [0, 2]], [[1.0, 1.0], [-1.0, -1.0]], rtol=1e-6)


def test_auto_bounds_the_rows_that_training_sees(folder, small, monkeypatch):
    monkeypatch.setattr(_streamed, "MOST_SEEN", 2_000)
    assert AdversarialAutoencoder(random_state=0).fit(ds.dataset(folder)).n_iter_ == 2


def test_partial_fit_goes_through_all_rows_once(folder, small):
    model = AdversarialAutoencoder(random_state=0).partial_fit(ds.dataset(folder))
    assert model.n_iter_ == 3
    model.partial_fit(ds.dataset(folder))
    assert model.n_iter_ == 6


def test_labels_do_not_come_with_a_dataset(folder):
    model = AdversarialAutoencoder(supervision="prior", random_state=0)
    with pytest.raises(ValueError, match="a label for each row"):
        model.fit(ds.dataset(folder), [0, 1])
    assert not hasattr(model, "net_")


@pytest.mark.parametrize("share", [1.0, 0.4])
@pytest.mark.parametrize("n_readers", [2, 3, 12])
def test_readers_that_share_row_groups_yield_the_rows_of_one(folder, monkeypatch, n_readers, share):
    monkeypatch.setattr(Stream, "_batch_rows", 160)  # tables of 20 rows, of groups of 300 or less

    def cells(table):
        return table.select(["length", "fare"]).to_pandas().to_numpy()

    def read(ranks):
        n_read = []

        def counted(table):
            n_read.append(len(table))
            return cells(table)

        with open_stream(ds.dataset(folder)) as stream:
            tables = stream.shuffled(5, share, lambda place: place % ranks.size == ranks.rank)
            blocks = read_together(ranks, tables, counted, np.zeros((250, 2)))
            return np.concatenate(list(blocks)), sum(n_read)

    with open_stream(ds.dataset(folder)) as stream:
        alone = np.concatenate([cells(table) for table in stream.shuffled(5, share)])
    found = together(n_readers, read)
    for rows, _ in found:
        assert len(alone) - len(rows) < 250  # the last block was not full
        np.testing.assert_array_equal(rows, alone[: len(rows)])
    assert sum(n for _, n in found) == len(alone)


def test_epochs_take_the_rows_in_turn():
    rows = np.arange(10.0)[:, np.newaxis]
    sample = TableDataset(rows[:4], scaler=Scaler(None).fit(rows, 0))

    def parts():
        while True:
            yield from (rows[:3], rows[3:7], rows[7:])

    dataset = StreamedDataset(sample, parts)
    first, second, third = (dataset.of_epoch(epoch).X[:, 0].tolist() for epoch in range(3))
    assert first == [0, 1, 2, 3]
    assert second == [4, 5, 6, 7]
    assert third == [8, 9, 0, 1]
    assert dataset.of_epoch(1).X[:, 0].tolist() == second  # as a resumed fit asks
    assert dataset.of_epoch(2).X[:, 0].tolist() == third
