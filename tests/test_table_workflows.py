"""Tables of mixed types in scikit-learn's tools, across containers, threads and seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import get_tags

from sklearn_aae.outputs import Autoregressive, Gaussian, Independent
from sklearn_aae.posteriors import Channel
from sklearn_aae.training import _inference
from tests.instances import fast
from tests.mixed_tables import animals, learned, quick

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def table():
    return animals()


@pytest.fixture(scope="module")
def model(table):
    return quick().fit(table)


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    "output, takes_any, preserved",
    [
        ("auto", True, ["float64", "float32"]),
        ("gaussian", False, ["float64", "float32"]),
        (Gaussian("learned"), False, ["float64", "float32"]),
        ("autoregressive", True, ["float32"]),
        (Independent(), True, ["float32"]),
        (Autoregressive, True, ["float32"]),
        ("no output", False, ["float64", "float32"]),
    ],
)
def test_tags_follow_the_output_and_what_becomes_of_missing_cells(output, takes_any, preserved):
    tags = get_tags(fast(output=output))
    assert tags.input_tags.allow_nan
    assert not get_tags(fast(output=output, handle_missing="error")).input_tags.allow_nan
    assert tags.input_tags.categorical == takes_any
    assert tags.input_tags.string == takes_any
    assert tags.transformer_tags.preserves_dtype == preserved


@pytest.mark.parametrize("categorical", ["from_dtype", [], [False] * 3, np.zeros(3, bool)])
def test_numbers_keep_their_path_if_no_column_is_a_category(categorical):
    X = np.random.default_rng(0).normal(size=(80, 3))
    expected = fast().fit(X)
    model = fast(categorical_features=categorical).fit(X)
    first, second = expected.net_.module_.state_dict(), model.net_.module_.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    framed = fast(categorical_features=categorical).fit(pd.DataFrame(X).add_prefix("c"))
    np.testing.assert_array_equal(framed.sample(5), expected.sample(5))


def test_booleans_are_levels():
    X = np.random.default_rng(0).random((60, 4)) < 0.5
    model = fast().fit(X)
    assert [span.kind for span in model.net_.module_.head.layout.spans] == ["boolean"] * 4
    for rows in (model.reconstruct(X), model.sample(9)):
        assert rows.dtype == bool
    assert model.transform(X).dtype == np.float32


def test_text_that_looks_like_numbers_is_text():
    X = np.array([["1", "2"], ["3", "2"]] * 10, dtype=object)
    rows = fast().fit(X).sample(20)
    assert set(rows[:, 0]) == {"1", "3"}
    assert set(rows[:, 1]) == {"2"}


def test_reordered_columns_are_refused(table, model):
    for method in ("transform", "score_contributions", "reconstruct", "impute", "partial_fit"):
        with pytest.raises(ValueError, match="must be in the same order"):
            getattr(clone_fitted(model), method)(table[table.columns[::-1]])


def clone_fitted(model):
    other = clone(model)
    other.__dict__.update(model.__dict__)
    return other


def test_columns_named_by_other_things_than_text(table):
    frame = table[["animal", "weight", "note"]].set_axis([3, ("a", 1), 4], axis=1)
    model = quick(max_epochs=1).fit(frame)
    assert list(model.sample(3).columns) == list(frame.columns)
    assert (model.sample(20, conditions={3: "dog"})[3] == "dog").all()
    with pytest.raises(ValueError, match="columns must be those of fit, in that order"):
        model.transform(frame.set_axis([3, ("b", 1), 4], axis=1))


# --------------------------------------------------------------- scikit-learn's tools


def test_feature_union_and_column_transformer(table):
    union = FeatureUnion(
        [("aae", quick(max_epochs=1)), ("one hot", OneHotEncoder(sparse_output=False))]
    )
    frame = table[["animal", "size"]]
    assert union.fit_transform(frame).shape == (300, 3 + 6)
    columns = ColumnTransformer(
        [("aae", quick(max_epochs=1), ["animal", "note", "age"])], remainder="drop"
    ).set_output(transform="pandas")
    codes = columns.fit_transform(table)
    assert list(codes) == [f"aae__adversarialautoencoder{i}" for i in range(3)]
    assert codes.index.equals(table.index)
    alone = quick(max_epochs=1).fit_transform(table[["animal", "note", "age"]])
    np.testing.assert_array_equal(codes, alone)


def test_grid_search_over_output_posterior_and_their_knobs(table):
    grid = [
        {"output": ["independent", "autoregressive"], "posterior": ["deterministic", "gaussian"]},
        {"posterior": [Channel()], "posterior__noise": [0.3, 0.9], "output__masking": [0.0, 0.5]},
    ]
    frame = table[["animal", "weight", "tame"]]
    search = GridSearchCV(quick(max_epochs=1), grid, cv=2, error_score="raise").fit(frame)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == 8


def test_clone_is_unfitted_and_has_the_same_parameters(model):
    other = clone(model)
    assert not hasattr(other, "net_")
    assert other.output is not model.output
    assert repr(other) == repr(model)


def test_networks_of_the_users_own_are_copied(table):
    X = table[["animal", "tame", "legs"]]
    sizes = quick(max_epochs=1).fit(X).net_.module_.head.layout.digit_sizes
    own = torch.nn.Sequential(torch.nn.Linear(int(sizes.sum()), 3))
    before = own[0].weight.clone()
    model = quick(
        max_epochs=1,
        encoder=own,
        decoder=lambda n_in, n_out: torch.nn.Sequential(torch.nn.Linear(n_in, n_out)),
        discriminator=torch.nn.Linear,
    ).fit(X)
    assert torch.equal(own[0].weight, before)
    assert model.sample(4).shape == (4, 3)
    np.testing.assert_allclose(model.transform(X).std(axis=0), 1, atol=1e-2)
    with pytest.raises(ValueError, match=f"encoder must take .* shape \\(n, {sizes.sum()}\\)"):
        quick(encoder=torch.nn.Linear(2, 3)).fit(X)


def test_parameters_own_their_storage(model):
    for parameter in model.net_.module_.parameters():
        assert parameter.untyped_storage().nbytes() == parameter.numel() * 4


# ------------------------------------------------------------------------- threads


@pytest.mark.parametrize("posterior", ["auto", "gaussian"])
def test_same_bits_with_one_and_two_torch_threads(table, monkeypatch, posterior):
    # As in tables of many rows and columns, whose forward passes use all threads.
    monkeypatch.setattr(_inference, "SMALL_WORK", 0)
    frame = table.drop(columns="note")
    gaps = frame.assign(weight=frame["weight"].where(frame["tame"]))
    results, threads = [], torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            model = quick(
                output=Autoregressive(hidden_size=128),
                hidden_layer_sizes=(256, 256),
                posterior=posterior,
                max_epochs=2,
            ).fit(frame)
            weights = [value.numpy() for value in model.net_.module_.state_dict().values()]
            frames = [
                model.sample(200),
                model.sample(50, conditions={"tame": True}),
                model.impute(gaps, method="draw", n_draws=4),
                model.reconstruct(frame),
            ]
            results.append((weights, model.score_samples(frame), frames))
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(results[0][1], results[1][1])
    for one, two in zip(results[0][2], results[1][2], strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


# ------------------------------------------------------------ cells across containers


@pytest.fixture(scope="module")
def pieces():
    return pd.DataFrame({"size": ["s", "l"] * 40, "pieces": [1, 9] * 40})


def test_other_containers_than_in_fit_are_filled(pieces):
    pl = pytest.importorskip("polars")
    holes = pieces.astype({"pieces": float})
    holes.loc[[0, 3], "pieces"] = np.nan
    holes.loc[5, "size"] = None
    in_pandas, in_polars = quick(max_epochs=1).fit(pieces), quick(max_epochs=1)
    in_polars.fit(pl.from_pandas(pieces))
    expected = in_pandas.impute(holes, n_draws=4)
    gone = holes.isna().to_numpy()
    assert (expected.to_numpy()[~gone] == pieces.to_numpy()[~gone]).all()
    assert expected.dtypes.equals(pieces.dtypes)
    pd.testing.assert_frame_equal(in_pandas.impute(pl.from_pandas(holes), n_draws=4), expected)
    filled = in_polars.impute(holes, n_draws=4)
    assert type(filled) is pl.DataFrame
    assert filled.schema == {"size": pl.String, "pieces": pl.Int64}
    assert filled.rows() == [tuple(row) for row in expected.itertuples(index=False)]
    for model in (in_pandas, in_polars):
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            rows = model.impute(holes.to_numpy(dtype=object), n_draws=4)
        assert type(rows) is type(model.sample())
        np.testing.assert_array_equal(np.asarray(rows), np.asarray(expected))


def test_an_index_with_duplicates_is_kept(pieces):
    holes = pieces.astype({"pieces": float}).set_axis([7, 8] * 40)
    holes.iloc[0, 1] = np.nan
    filled = quick(max_epochs=1).fit(pieces).impute(holes, n_draws=4)
    assert filled.index.equals(holes.index)
    assert filled["pieces"].tolist()[1:] == pieces["pieces"].tolist()[1:]


def test_arrays_of_whole_numbers_are_filled():
    X = np.random.default_rng(0).integers(0, 5, (100, 2))
    model = quick(max_epochs=1).fit(X)
    holes = X.astype(float)
    holes[::3, 1] = np.nan
    filled = model.impute(holes, n_draws=4)
    assert filled.dtype == X.dtype
    np.testing.assert_array_equal(filled[:, 0], X[:, 0])
    np.testing.assert_array_equal(
        np.delete(filled[:, 1], np.s_[::3]), np.delete(X[:, 1], np.s_[::3])
    )
    assert set(filled[::3, 1]) <= set(range(5))


# ------------------------------------------------------------------------- learning


def dependent(n, seed):
    """Return a table of correlated numbers, a pair that decides each other, and noise."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n))
    y = 0.9 * x + np.sqrt(1 - 0.9**2) * noise
    kind = np.where(x > 0.5, "high", np.where(x < -0.5, "low", "middle"))
    return pd.DataFrame(
        {
            "x": x.round(3),
            "y": y.round(3),
            "kind": kind,
            "number": np.array([{"low": 10, "middle": 20, "high": 35}[k] for k in kind]),
            "coin": rng.random(n) < 0.3,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_samples_have_the_dependences_of_the_table(seed):
    frame = dependent(600, seed)
    rows = learned(max_epochs=30, random_state=seed).fit(frame).sample(1500)
    correlation = stats.spearmanr(rows["x"], rows["y"]).statistic
    assert correlation == pytest.approx(stats.spearmanr(frame["x"], frame["y"]).statistic, abs=0.12)
    pairs = rows["kind"].map({"low": 10, "middle": 20, "high": 35})
    assert (pairs == rows["number"]).mean() > 0.95
    assert rows["coin"].mean() == pytest.approx(frame["coin"].mean(), abs=0.06)
    assert abs(np.corrcoef(rows["coin"], rows["x"])[0, 1]) < 0.2
    assert rows["x"].std() == pytest.approx(frame["x"].std(), rel=0.2)
    # No level is a favourite: the numbers are drawn, not their means.
    assert rows["x"].nunique() > 300


def test_filled_draws_keep_variance_and_shares(table):
    frame = dependent(600, 0)
    model = learned(max_epochs=30).fit(frame)
    rng = np.random.default_rng(1)
    for name in ("x", "kind"):
        gone = rng.random(600) < 0.5
        holes = frame.copy()
        holes.loc[gone, name] = np.nan if name == "x" else None
        drawn = model.impute(holes, method="draw")[name]
        assert drawn[~gone].equals(frame[name][~gone])
        if name == "x":
            assert drawn.var() == pytest.approx(frame["x"].var(), rel=0.1)
            assert np.corrcoef(drawn[gone], frame["y"][gone])[0, 1] > 0.7
        else:
            expected = frame["kind"].value_counts(normalize=True)
            found = drawn.value_counts(normalize=True)
            np.testing.assert_allclose(found[expected.index], expected, atol=0.05)
            assert (drawn[gone] == frame["kind"][gone]).mean() > 0.93


@pytest.mark.parametrize("posterior", ["channel", "gaussian"])
def test_the_adversary_acts_on_the_codes(table, posterior):
    with_it, without = (
        quick(posterior=posterior, adversarial_weight=weight).fit(table) for weight in (1.0, 0)
    )
    assert list(with_it.history_) == ["reconstruction_loss", "discriminator_loss", "generator_loss"]
    assert list(without.history_) == ["reconstruction_loss"]
    for column, other in zip(with_it.transform(table).T, without.transform(table).T, strict=True):
        assert np.abs(column - other).max() > 0.1


def test_codes_of_a_density_go_through_the_channel(table):
    """As codes of rows do in training: shrunk, and with noise."""
    model = quick(max_epochs=1, posterior=Channel(noise=0.6)).fit(table[["animal", "tame"]])
    fixed = type("Fixed", (), {"sample": lambda self, n: np.tile([2.0, 0.0, -1.0], (n, 1))})()
    seen = []
    hook = model.decoder_.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    model.sample(4000, density=fixed)
    hook.remove()
    codes = torch.cat(seen).numpy()
    np.testing.assert_allclose(codes.mean(axis=0), 0.8 * np.array([2, 0, -1]), atol=0.05)
    np.testing.assert_allclose(codes.std(axis=0), 0.6, rtol=0.06)


def test_the_decoder_gets_codes_where_it_expects_them(table):
    """``transform`` gives codes of variance 1; the decoder was trained on shrunk ones."""
    frame = table[["animal", "tame"]]
    model = quick(max_epochs=1, posterior=Channel(noise=0.6)).fit(frame)
    Z = model.transform(frame)

    def seen_by_decoder(method, *arguments):
        # float64 passes go through a copy of the decoder, so its input is noted there too.
        seen = []
        layer = type(model.decoder_[0])
        original = layer.forward

        def forward(self, z):
            if self.in_features == 3:
                seen.append(z.detach().double().numpy())
            return original(self, z)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(layer, "forward", forward)
            getattr(model, method)(*arguments)
        return np.concatenate(seen)[: len(frame)]

    for method, argument in [
        ("inverse_transform", Z),
        ("inverse_transform", Z.astype(float)),
        ("reconstruct", frame),
        ("score_samples", frame),
        ("score_contributions", frame),
    ]:
        codes = seen_by_decoder(method, argument)
        np.testing.assert_allclose(codes, 0.8 * Z, atol=1e-5, err_msg=method)
    # Draws of the prior have variance 1, as what leaves the channel.
    codes = seen_by_decoder("sample", 4000)
    np.testing.assert_allclose(codes.std(axis=0), 1, rtol=0.06)
