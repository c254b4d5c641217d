"""Small and odd tables: what scikit-learn users will throw at the estimator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_aae.exceptions import ConstantTableWarning
from tests.instances import fast, fast_classifier


def table(n_rows, n_columns, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


@pytest.mark.parametrize("batch_size", ["auto", 1, 4, 64])
@pytest.mark.parametrize("n_rows", [2, 3, 5, 17, 33, 64])
def test_few_rows(n_rows, batch_size):
    X = table(n_rows, 4)
    model = fast(batch_size=batch_size).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert model.sample(3).shape == (3, 4)
    assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.parametrize("n_rows", [2, 3, 5, 9, 65, 129])
def test_batch_norm_never_meets_one_row(n_rows):
    def network(n_in, n_out):
        return torch.nn.Sequential(torch.nn.BatchNorm1d(n_in), torch.nn.Linear(n_in, n_out))

    X = table(n_rows, 4)
    model = fast(encoder=network, decoder=network, batch_size=4).fit(X)
    assert np.isfinite(model.transform(X)).all()


def test_one_row_says_what_it_says_in_a_batch(cancer):
    X = cancer[0]
    model = fast().fit(X)
    for method in ("transform", "score_samples", "score_contributions", "reconstruct"):
        whole = getattr(model, method)(X)
        one = np.concatenate([getattr(model, method)(X[i : i + 1]) for i in range(20)])
        np.testing.assert_allclose(one, whole[:20], rtol=1e-10, err_msg=method)


def test_constant_columns_come_back_exactly(cancer):
    X = cancer[0].copy()
    X[:, [0, 5]] = [3.7, -1e9]
    for scaling in ("standard", "minmax", "quantile"):
        model = fast(scaling=scaling).fit(X)
        for rows in (model.reconstruct(X), model.sample(50)):
            np.testing.assert_array_equal(rows[:, 0], 3.7)
            np.testing.assert_array_equal(rows[:, 5], -1e9)
        assert np.isfinite(model.score_samples(X)).all()
        # Another value in such a column is news.
        odd = X[:5].copy()
        odd[:, 0] += 1
        assert (model.score_contributions(odd)[:, 0] > model.score_contributions(X[:5])[:, 0]).all()


def test_all_columns_constant():
    X = np.full((20, 3), 2.5)
    with pytest.warns(ConstantTableWarning):
        model = fast().fit(X)
    np.testing.assert_array_equal(model.reconstruct(X), X)


@pytest.mark.parametrize("shape", [(50, 1), (40, 2000)])
def test_one_column_and_many(shape):
    X = table(*shape)
    model = fast().fit(X)
    assert model.transform(X).shape == (shape[0], 2)
    assert model.reconstruct(X).shape == shape


def test_more_components_than_columns(cancer):
    model = fast(n_components=50).fit(cancer[0])
    assert model.transform(cancer[0]).shape == (569, 50)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.uint8])
def test_dtypes(dtype):
    X = np.random.default_rng(0).integers(0, 2, size=(60, 5)).astype(dtype)
    model = fast().fit(X)
    expected = np.float32 if dtype == np.float32 else np.float64
    assert model.transform(X).dtype == expected
    assert model.reconstruct(X).dtype == expected
    assert model.score_samples(X).dtype == np.float64
    reference = fast().fit(X.astype(expected))
    np.testing.assert_array_equal(model.transform(X), reference.transform(X.astype(expected)))


@pytest.mark.parametrize("layout", ["read-only", "memory-mapped", "fortran", "strided", "list"])
def test_layouts_give_the_same_codes(cancer, tmp_path, layout):
    X = np.ascontiguousarray(cancer[0][:200])
    expected = fast().fit_transform(X)
    if layout == "read-only":
        other = X.copy()
        other.flags.writeable = False
    elif layout == "memory-mapped":
        np.save(tmp_path / "x.npy", X)
        other = np.load(tmp_path / "x.npy", mmap_mode="r")
    elif layout == "fortran":
        other = np.asfortranarray(X)
    elif layout == "strided":
        other = np.repeat(X, 2, axis=0)[::2]
    else:
        other = X.tolist()
    np.testing.assert_array_equal(fast().fit_transform(other), expected)


def test_the_table_is_not_changed(cancer):
    X = cancer[0].copy()
    for scaling in ("standard", "minmax", "quantile", None):
        fast(scaling=scaling).fit(X).score_samples(X)
    np.testing.assert_array_equal(X, cancer[0])


def test_duplicated_rows():
    X = np.repeat(table(3, 4), 30, axis=0)
    model = fast(max_epochs=5).fit(X)
    np.testing.assert_allclose(model.transform(X[:30]), model.transform(X[:1]).repeat(30, 0))


def test_codes_may_be_read_only(cancer):
    model = fast().fit(cancer[0])
    Z = model.transform(cancer[0])
    expected = model.inverse_transform(Z)
    Z.flags.writeable = False
    np.testing.assert_array_equal(model.inverse_transform(Z), expected)


def test_dates_keep_their_resolution():
    # float32 resolves seconds since 1970 to two minutes; the scale is applied before.
    seconds = 1.7e9 + np.arange(300.0) % 60
    X = np.column_stack([seconds, seconds % 7])
    model = fast(n_components=2, max_epochs=300, hidden_layer_sizes=(64,), lr=3e-3).fit(X)
    residual = np.abs(model.reconstruct(X)[:, 0] - seconds)
    assert np.median(residual) < 5


def test_extreme_values_do_not_break_training():
    X = np.random.default_rng(0).standard_cauchy(size=(500, 5)) * 1e6
    for scaling in ("standard", "quantile"):
        model = fast(scaling=scaling, max_epochs=20).fit(X)
        assert np.isfinite(model.transform(X)).all()
        assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.parametrize("output", ["auto", "gaussian"])
@pytest.mark.parametrize(
    "bad, error, message",
    [
        ([[1.0, np.inf]] * 5, ValueError, r"infinity[\s\S]*cells: 1"),
        (np.ones((5, 2), complex), ValueError, "Complex data not supported"),
        (sparse.csr_matrix(np.ones((5, 2))), TypeError, "Sparse data was passed"),
        (np.ones((0, 2)), ValueError, r"0 sample\(s\)"),
        (np.ones((5, 0)), ValueError, r"0 feature\(s\)"),
        (np.ones(5), ValueError, "Expected 2D array"),
        (np.ones((1, 3)), ValueError, "minimum of 2 is required"),
        (np.array([[1.0, {}]] * 5, dtype=object), TypeError, "must be a string.* number"),
        (None, ValueError, "Expected 2D array"),
    ],
)
def test_bad_tables_get_scikit_learns_errors(bad, error, message, output):
    with pytest.raises(error, match=message):
        fast(output=output).fit(bad)


@pytest.mark.parametrize(
    "bad, message",
    [
        ([[1.0, np.nan]] * 5, r"Column 1 holds no number.*output='auto'"),
        (np.array([["a", "b"]] * 5, dtype=object), "could not convert string"),
    ],
)
def test_an_output_over_numbers_wants_numbers(bad, message):
    with pytest.raises(ValueError, match=message):
        fast(output="gaussian").fit(bad)


def test_another_width_is_refused(cancer):
    model = fast().fit(cancer[0])
    for method in ("transform", "score_samples", "reconstruct", "partial_fit"):
        with pytest.raises(ValueError, match=r"29 features, but .* is expecting 30"):
            getattr(model, method)(cancer[0][:, :29])


def test_reordered_and_renamed_columns_are_refused(cancer):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(cancer[0]).add_prefix("c")
    model = fast().fit(frame)
    for other in (frame[frame.columns[::-1]], frame.rename(columns={"c3": "x"})):
        with pytest.raises(ValueError, match="feature names should match"):
            model.transform(other)


def test_duplicated_column_names_are_refused(cancer):
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="named alike: 'a'"):
        fast().fit(pd.DataFrame(cancer[0][:, :2], columns=["a", "a"]))


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_frames_in_frames_out(cancer, backend):
    lib = pytest.importorskip(backend)
    names = [f"column {i}" for i in range(30)]
    frame = (
        lib.DataFrame(cancer[0], columns=names)
        if backend == "pandas"
        else lib.DataFrame(cancer[0], schema=names)
    )
    model = fast().fit(frame)
    for rows in (
        model.sample(7),
        model.reconstruct(frame),
        model.inverse_transform(np.ones((4, 2))),
    ):
        assert type(rows) is lib.DataFrame
        assert list(rows.columns) == names
    assert list(model.feature_names_in_) == names


def test_pandas_index_and_odd_labels_are_kept(cancer):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(cancer[0], index=[f"row {i}" for i in range(569)])
    rows = fast().fit(frame).reconstruct(frame[10:20])
    assert rows.index.equals(frame.index[10:20])
    assert rows.columns.equals(frame.columns)


def test_nullable_pandas_columns_of_numbers(cancer):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(cancer[0]).add_prefix("c")
    expected = fast().fit_transform(frame)
    np.testing.assert_array_equal(expected, fast().fit_transform(frame.convert_dtypes()))


def test_a_bernoulli_output_checks_its_range_at_every_entry():
    X = np.random.default_rng(0).random((60, 3))
    model = fast(output="bernoulli", scaling=None, warm_start=True).fit(X)
    codes = model.transform(X)
    wrong = X.copy()
    wrong[7, 2] = 2.5
    calls = ("transform", "score_samples", "score_contributions", "reconstruct", "score", "impute")
    for name in (*calls, "partial_fit", "fit"):
        with pytest.raises(ValueError, match=r"column 2 spans \[.*, 2.5\], first in row 7"):
            getattr(model, name)(wrong)
    classifier = fast_classifier(estimator=fast(output="bernoulli", scaling=None))
    classifier.fit(X, np.arange(60) % 2)
    with pytest.raises(ValueError, match=r"column 2 spans"):
        classifier.predict(wrong)
    np.testing.assert_array_equal(model.transform(X), codes)
