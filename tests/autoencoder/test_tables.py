"""The model on tables of mixed types: what comes back, what repeats, what is learned."""

from __future__ import annotations

import copy
import pickle
import random

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sklearn_aae.metrics import code_information, prior_gap
from sklearn_aae.outputs import Autoregressive, Gaussian, Independent
from sklearn_aae.posteriors import Channel
from tests.mixed_tables import WEIGHTS, animals, learned, quick

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def table():
    return animals()


@pytest.fixture(scope="module")
def model(table):
    return quick().fit(table)


@pytest.fixture(scope="module")
def good(table):
    """A model that has learned the table."""
    return learned().fit(table)


# ---------------------------------------------------------------- containers


def test_auto_means_an_autoregressive_output_and_a_channel(table):
    fitted = quick(output="auto", max_epochs=1).fit(table).net_.module_
    assert fitted.head.has_parents
    assert isinstance(fitted.posterior, Channel)


@pytest.mark.parametrize(
    "columns, levels",
    [
        (["weight"], False),
        (["weight", "legs"], False),
        (["weight", "age"], False),  # missing cells
        (["weight", "animal"], True),
        (["tame", "weight"], True),
        (["born"], True),
    ],
)
def test_auto_reads_levels_only_if_a_column_needs_it(table, columns, levels):
    fitted = quick(output="auto", max_epochs=1).fit(table[columns])
    assert hasattr(fitted.net_.module_.head, "layout") == levels


def test_categorical_features_ask_for_levels(table):
    numbers = table[["weight", "legs"]]
    fitted = quick(output="auto", max_epochs=1, categorical_features=["legs"]).fit(numbers)
    assert [span.kind for span in fitted.net_.module_.head.layout.spans] == ["number", "category"]


@pytest.mark.parametrize("method", ["sample", "reconstruct", "inverse_transform"])
def test_rows_come_back_as_they_came(table, model, method):
    if method == "sample":
        rows = model.sample(40)
        assert rows.index.equals(pd.RangeIndex(40))
    elif method == "reconstruct":
        rows = model.reconstruct(table[10:50])
        assert rows.index.equals(table.index[10:50])
    else:
        rows = model.inverse_transform(model.transform(table)[:40])
        pd.testing.assert_frame_equal(rows, model.reconstruct(table[:40]).reset_index(drop=True))
    assert type(rows) is pd.DataFrame
    assert list(rows.columns) == list(table.columns)
    pd.testing.assert_series_equal(rows.dtypes, table.dtypes)
    assert rows["animal"].isin(list(WEIGHTS)).all()
    assert rows["size"].cat.categories.equals(table["size"].cat.categories)
    assert rows["size"].cat.ordered
    assert rows["legs"].isin([3, 4]).all()
    assert (rows["same"] == 7).all()
    assert rows["empty"].isna().all()
    assert rows["weight"].between(table["weight"].min(), table["weight"].max()).all()
    assert rows["born"].between(table["born"].min(), table["born"].max()).all()
    whole = ["animal", "weight", "legs", "tame", "size", "born", "same"]
    assert rows[whole].notna().all(axis=None)


@pytest.mark.parametrize("output", ["autoregressive", "independent"])
def test_present_cells_are_reconstructed_although_every_level_is_rarer_than_missing(output):
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(300, 3)).round(2), columns=list("abc"))
    numbers = numbers.mask(rng.random(numbers.shape) < 0.15)
    numbers["word"] = np.where(rng.random(300) < 0.1, None, "w" + numbers.index.astype(str).str[:2])
    model = quick(output=output, max_epochs=3).fit(numbers)
    for rows in (model.reconstruct(numbers), model.sample(300, noise=False)):
        assert rows.isna().mean(axis=None) < 0.05
        assert (rows["a"].quantile([0.05, 0.95]).abs() < 1.5).all()  # medians, not draws


def test_samples_have_missing_cells_where_the_table_has(good):
    rows = good.sample(1000)
    assert 0.03 < rows["age"].isna().mean() < 0.25
    assert 0.1 < rows["note"].isna().mean() < 0.35


def test_codes_and_scores(table, model):
    Z = model.transform(table)
    assert (Z.shape, Z.dtype) == ((300, 3), np.float32)
    assert np.isfinite(Z).all()
    contributions = model.score_contributions(table)
    assert (contributions.shape, contributions.dtype) == ((300, 10), np.float64)
    scores = model.score_samples(table)
    np.testing.assert_allclose(-contributions.sum(axis=1), scores, rtol=1e-9)
    assert model.score(table) == pytest.approx(scores.mean())
    # A likelihood of levels: minus its logarithm is not negative, and a sure cell has none.
    assert (contributions >= 0).all()
    np.testing.assert_allclose(contributions[:, 8:], 0, atol=1e-9)
    one = np.concatenate([model.score_samples(table[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(one, scores[:5], rtol=1e-9)
    assert list(model.set_output(transform="pandas").transform(table).index) == list(table.index)
    model.set_output(transform="default")


def test_polars_frames_in_polars_frames_out(table):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "animal": table["animal"].tolist(),
            "weight": table["weight"].tolist(),
            "tame": table["tame"].tolist(),
            "size": pl.Series(table["size"].tolist(), dtype=pl.Enum(["small", "middle", "large"])),
            "day": pl.Series(table["born"].tolist()).cast(pl.Date),
            "note": [None if cell != cell else cell for cell in table["note"]],
            "legs": pl.Series(table["legs"].tolist(), dtype=pl.Int8),
        }
    )
    model = quick().fit(frame)
    for rows in (model.sample(20), model.reconstruct(frame)):
        assert type(rows) is pl.DataFrame
        assert rows.schema == frame.schema
    assert model.score_samples(frame).shape == (300,)


def test_arrays_of_objects_in_arrays_of_objects_out(table):
    X = table[["animal", "weight", "tame", "note"]].to_numpy(dtype=object)
    model = quick(rules=None).fit(X)
    for rows in (model.sample(50), model.reconstruct(X)):
        assert type(rows) is np.ndarray
        assert rows.dtype == object
        assert set(rows[:, 0]) <= set(WEIGHTS)
        assert all(isinstance(cell, float) for cell in rows[:, 1])
        assert {type(cell) for cell in rows[:, 2]} <= {bool, np.bool_}
    assert not hasattr(model, "feature_names_in_")
    named = quick(rules=None).fit(table[["animal", "weight", "tame", "note"]])
    np.testing.assert_array_equal(model.transform(X), named.transform(table.iloc[:, [0, 1, 3, 7]]))


def test_arrays_of_numbers_with_missing_cells():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[::7, 1] = np.nan
    model = quick(output="auto").fit(X)
    rows = model.sample(200)
    assert rows.dtype == np.float64
    assert np.isnan(rows).any(axis=0).tolist() == [False, True, False]
    assert np.isfinite(model.score_samples(X)).all()


def test_the_table_is_not_changed(table):
    before = table.copy(deep=True)
    model = quick(max_epochs=1).fit(table)
    model.reconstruct(table)
    model.impute(table, n_draws=2)
    pd.testing.assert_frame_equal(table, before)


# ------------------------------------------------------------------- repeating


def everything(model, table):
    weights = [value.numpy().copy() for value in model.net_.module_.state_dict().values()]
    frames = [
        model.reconstruct(table),
        model.sample(30),
        model.sample(30, random_state=5),
        model.sample(30, conditions={"animal": "cat"}),
        model.impute(table[:40], n_draws=5),
        model.impute(table[:40], method="draw", n_draws=5),
    ]
    return [*weights, model.transform(table), model.score_contributions(table)], frames


def assert_same(first, second):
    for a, b in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(first[1], second[1], strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)


def global_state():
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tobytes(), rest, torch.get_rng_state().numpy().tobytes()


def test_same_seed_same_bits_and_global_generators_rest(table, model):
    first = everything(model, table)
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    before = global_state()
    again = everything(clone(model).fit(table), table)
    assert global_state() == before
    assert_same(first, again)
    other = clone(model).set_params(random_state=1).fit(table)
    assert not np.array_equal(other.transform(table), model.transform(table))


def test_pickles_are_equal_and_go_on_equally(table, model):
    other = pickle.loads(pickle.dumps(model))
    assert_same(everything(other, table), everything(model, table))
    first, second = copy.deepcopy(model), other
    assert_same(
        everything(first.partial_fit(table), table), everything(second.partial_fit(table), table)
    )


def test_a_pickle_holds_no_rows(table):
    # Levels are kept, and there are no more of them than in half of the rows.
    frame = table[["animal", "tame", "legs"]]
    sizes = [len(pickle.dumps(quick(max_epochs=1).fit(part))) for part in (frame[:150], frame)]
    assert sizes[1] < sizes[0] + 300


# -------------------------------------------------------------- going on, schema


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda t: t.assign(weight="heavy"), TypeError, "Column 'weight' is of kind 'category'"),
        (lambda t: t.assign(tame=1.5), TypeError, "Column 'tame' is of kind 'number'"),
        (lambda t: t.assign(weight=np.inf), ValueError, "Column 'weight' has infinite cells"),
        (lambda t: t.drop(columns="age"), ValueError, "(?s)feature names.*age"),
        (lambda t: t.rename(columns={"age": "years"}), ValueError, "(?s)feature names.*years"),
        (lambda t: t.assign(more=1), ValueError, "(?s)feature names.*more"),
    ],
)
@pytest.mark.parametrize("call", ["fit", "partial_fit", "transform", "score_samples"])
def test_tables_of_another_schema_are_refused(table, model, change, error, message, call):
    other = copy.deepcopy(model).set_params(warm_start=True)
    before = other.transform(table)
    with pytest.raises(error, match=message):
        getattr(other, call)(change(table))
    np.testing.assert_array_equal(other.transform(table), before)


def test_warm_start_and_partial_fit_go_on(table, model):
    other = copy.deepcopy(model).set_params(warm_start=True).fit(table)
    assert (model.n_iter_, other.n_iter_) == (4, 8)
    assert other.partial_fit(table[:50]).n_iter_ == 9
    assert not np.array_equal(other.transform(table), model.transform(table))
    assert other.score(table) > model.score(table)
    fresh = quick().partial_fit(table).partial_fit(table)
    assert fresh.n_iter_ == 2
    assert fresh.sample(3).shape == (3, 10)


@pytest.mark.parametrize(
    "change", [{"output": Independent()}, {"categorical_features": ["legs"]}, {"n_components": 2}]
)
def test_warm_start_with_other_parameters_is_refused(table, model, change):
    other = copy.deepcopy(model).set_params(warm_start=True, **change)
    with pytest.raises(ValueError, match=f"{next(iter(change))} changed from"):
        other.fit(table)


@pytest.mark.parametrize("output", ["gaussian", "bernoulli", Gaussian("learned")])
def test_an_output_over_numbers_refuses_the_table(table, output):
    with pytest.raises(ValueError, match="'animal'"):
        quick(output=output).fit(table)


def test_one_row_is_too_few(table):
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        quick().fit(table[:1])
    assert quick().fit(table[:2]).sample(5).shape == (5, 10)


def test_early_stopping(table):
    fitted = quick(early_stopping=True, validation_fraction=0.2, max_epochs=3).fit(table)
    assert len(fitted.history_["valid_loss"]) == fitted.n_iter_


# -------------------------------------------------------------------- workflows


def test_pipeline_with_a_classifier(table):
    X, y = table.drop(columns="tame"), table["tame"]
    pipeline = make_pipeline(learned(max_epochs=15), LogisticRegression()).fit(X[:200], y[:200])
    assert pipeline.score(X[200:], y[200:]) > 0.85  # the larger class has 0.8


def test_grid_search_over_the_output(table):
    search = GridSearchCV(
        quick(max_epochs=2), {"output__hidden_size": [4, 32]}, cv=2, error_score="raise"
    ).fit(table)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] > scores[0]
    best = search.best_estimator_
    assert best.output.hidden_size == 32
    assert best.net_.module_.head.bias_1.shape[-1] == 32


@pytest.mark.parametrize("output", ["independent", "autoregressive"])
def test_outputs_by_name(table, output):
    fitted = quick(output=output, max_epochs=1).fit(table[:100])
    assert fitted.net_.module_.head.has_parents == (output == "autoregressive")
    assert fitted.sample(5).shape == (5, 10)


def test_networks_of_the_users_own(table):
    fitted = quick(encoder=torch.nn.Linear, decoder=torch.nn.Linear, max_epochs=1).fit(table)
    sizes = fitted.net_.module_.head.layout.digit_sizes
    assert [p.shape[1] for p in fitted.encoder_.parameters() if p.ndim == 2] == [sizes.sum()]
    assert np.isfinite(fitted.score_samples(table)).all()


# --------------------------------------------------------------------- learning


def parts(model):
    module = model.net_.module_
    names = ("encoder", "decoder", "head", "discriminator")
    return {name: copy.deepcopy(getattr(module, name)) for name in names}


def test_every_network_moves(table):
    model = quick(max_epochs=1, warm_start=True).fit(table)
    before = parts(model)
    model.fit(table)
    for name, part in parts(model).items():
        for (key, old), new in zip(before[name].named_parameters(), part.parameters(), strict=True):
            assert not torch.equal(old, new), f"{name}.{key}"


def test_loss_falls_and_the_code_says_something(good):
    curve = good.loss_curve_
    assert curve[-1] < 0.8 * curve[0]
    assert code_information(good, animals(200, seed=1), random_state=0) > 0.3


def test_code_information_is_zero_if_the_decoder_ignores_the_code(table, model):
    deaf = copy.deepcopy(model)
    with torch.no_grad():
        list(deaf.decoder_.parameters())[-2].zero_()
    assert code_information(deaf, table, random_state=0) == pytest.approx(0, abs=1e-9)


def test_code_information_wants_two_rows(table, model):
    with pytest.raises(ValueError, match="1 is not enough"):
        code_information(model, table[:1])
    assert code_information(model, table, random_state=0) == code_information(
        model, table, random_state=0
    )


def test_the_adversary_brings_codes_to_the_prior(table):
    # Without the channel's norm it alone does.
    gaps = [
        prior_gap(
            learned(posterior="deterministic", adversarial_weight=weight, max_epochs=80).fit(table),
            table,
        )
        for weight in (0, 1.0)
    ]
    assert gaps[1] < 0.5 * gaps[0]


def test_codes_of_a_channel_have_variance_one(table, good):
    Z = good.transform(table)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(Z.std(axis=0), 1, atol=1e-3)


def test_samples_keep_what_depends_on_what(good):
    rows = good.sample(1000)
    for animal, weight in WEIGHTS.items():
        mine = rows["weight"][rows["animal"] == animal]
        assert len(mine) > 100
        # A level of 300 rows may reach across the gap between two animals.
        assert mine.between(0.7 * weight, 1.3 * weight).mean() > 0.85
        assert mine.median() == pytest.approx(weight, rel=0.1)
    assert (rows["tame"] == (rows["weight"] < 100)).mean() > 0.95
    shares = rows["animal"].value_counts(normalize=True)
    np.testing.assert_allclose(shares[list(WEIGHTS)], [0.5, 0.3, 0.2], atol=0.1)


def test_contributions_name_the_cell_that_is_wrong(table, good):
    odd = table[table["animal"] == "cat"][:30].assign(weight=500.0)
    usual = good.score_contributions(table)[:, 1]
    assert good.score_contributions(odd)[:, 1].min() > np.quantile(usual, 0.99)


def test_missing_cells_are_levels_of_their_own(good, table):
    rows = table[table["note"].notna()][:50]
    usual = good.score_contributions(rows)[:, 7]
    gone = good.score_contributions(rows.assign(note=None))[:, 7]
    assert gone.mean() > usual.mean() + 0.5


def test_lr_auto(table):
    assert quick(max_epochs=1).fit(table).net_.lr == pytest.approx(2e-3)
    assert quick(max_epochs=1, lr=0.01).fit(table).net_.lr == pytest.approx(0.01)
    numbers = np.random.default_rng(0).normal(size=(50, 3))
    assert quick(max_epochs=1, output="auto").fit(numbers).net_.lr == pytest.approx(1e-3)


def test_dropout_and_masking_are_of_training_only(table):
    # Both change what is learned, neither what a fitted model says about a row.
    for output in (Autoregressive(16), Autoregressive(16, masking=0, code_only=0, dropout=0)):
        model = quick(output=output).fit(table)
        np.testing.assert_array_equal(model.score_samples(table), model.score_samples(table))
        np.testing.assert_array_equal(model.transform(table), model.transform(table))


def test_rates_fall_to_zero_over_the_last_seven_tenths_of_the_steps(table):
    class Rates(Callback):
        def on_batch_begin(self, net, **kwargs):
            seen.append(net.optimizer_.param_groups[0]["lr"])

    seen = []
    model = quick(batch_size=30, max_epochs=2, lr=0.01, callbacks=[Rates()]).fit(table)
    # Ten steps an epoch; ours goes before the user's.
    expected = 0.01 * (1 - np.clip((np.arange(20) / 20 - 0.3) / 0.7, 0, None))
    np.testing.assert_allclose(seen, expected)
    assert model.net_.optimizer_.param_groups[0]["lr"] == 0.01
