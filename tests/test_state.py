"""Silence, errors and state: what a call may leave behind, and what it may not."""

from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sklearn_aae.exceptions import ConvergenceWarning, NonFiniteLossError, UnsupportedColumnsError
from sklearn_aae.outputs import Autoregressive, Independent
from sklearn_aae.posteriors import Channel
from tests.instances import fast


class AtEpoch(Callback):
    """Do something at the end of an epoch."""

    def __init__(self, epoch, action):
        self.epoch = epoch
        self.action = action

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            self.action(net)


def interrupt(net):
    signal.raise_signal(signal.SIGINT)


def fail(net):
    raise RuntimeError("the disk is full")


def poison(net):
    with torch.no_grad():
        net.module_.encoder[0].weight.fill_(float("nan"))


def weights(model):
    return {name: value.clone() for name, value in model.net_.module_.state_dict().items()}


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_nothing_is_printed(capfd, cancer):
    X = cancer[0]
    model = fast(early_stopping=True).fit(X)
    model.partial_fit(X)
    model.inverse_transform(model.transform(X))
    model.sample(3)
    model.score(X)
    assert capfd.readouterr() == ("", "")


def test_verbose_prints_a_line_per_epoch(capfd, cancer):
    fast(verbose=1, max_epochs=4).fit(cancer[0])
    out, err = capfd.readouterr()
    assert len([line for line in out.splitlines() if line.strip()[:1].isdigit()]) == 4
    assert err == ""


def unchanged(X):
    return X


def with_a_missing_cell(X):
    return np.where(X[0, 0] == X, np.nan, X)


#: partial_fit keeps networks and output of its first call, so these are no faults later.
AT_FIRST = [("fit", False), ("fit", True), ("partial_fit", False)]
FULL = AT_FIRST[:2]
PARTIAL = [("partial_fit", True)]

#: name -> (what is done to the table, parameters, in which calls it is a fault)
BAD_CALLS = {
    "missing cell": (with_a_missing_cell, {"handle_missing": "error"}, AT_FIRST),
    "missing cell later": (with_a_missing_cell, {"handle_missing": "error"}, PARTIAL),
    "other width": (lambda X: X[:, :7], {}, PARTIAL),
    "one row": (lambda X: X[:1], {}, AT_FIRST),
    "unknown prior": (unchanged, {"prior": "petals"}, AT_FIRST),
    "layer of no width": (unchanged, {"hidden_layer_sizes": (0,)}, AT_FIRST),
    "not for bernoulli": (unchanged, {"output": "bernoulli"}, AT_FIRST),
    "bad parameter": (unchanged, {"lr": -1.0}, AT_FIRST),
    "too few to stop early": (lambda X: X[:50], {"early_stopping": True}, FULL),
    "fails in epoch 1": (unchanged, {"callbacks": [AtEpoch(1, fail)]}, AT_FIRST),
    "fails in epoch 2": (unchanged, {"callbacks": [AtEpoch(2, fail)]}, FULL),
    "fails in epoch 4": (unchanged, {"callbacks": [AtEpoch(4, fail)]}, PARTIAL),
    "interrupted in epoch 1": (unchanged, {"callbacks": [AtEpoch(1, interrupt)]}, AT_FIRST),
    "diverges in epoch 1": (unchanged, {"callbacks": [AtEpoch(1, poison)]}, AT_FIRST),
}


@pytest.mark.parametrize(
    "bad, method, fitted",
    [(name, *call) for name, (_, _, calls) in BAD_CALLS.items() for call in calls],
)
def test_a_failed_call_leaves_the_estimator_as_it_was(cancer, bad, method, fitted):
    X = cancer[0]
    spoil, parameters, _ = BAD_CALLS[bad]
    model = fast(scaling="minmax")
    if fitted:
        model.fit(X)
        before_weights = weights(model)
    model.set_params(**parameters)
    before = dict(model.__dict__)
    with pytest.raises((ValueError, RuntimeError, KeyboardInterrupt)):
        getattr(model, method)(spoil(X))
    assert model.__dict__ == before
    if fitted:
        assert_same_weights(weights(model), before_weights)
        assert np.isfinite(model.transform(X)).all()


def test_an_estimator_can_be_refitted_after_a_failed_fit(cancer):
    X = cancer[0]
    model = fast(handle_missing="error")
    with pytest.raises(ValueError, match="NaN"):
        model.fit(with_a_missing_cell(X)[:, :12])
    np.testing.assert_array_equal(model.fit(X).transform(X), fast().fit_transform(X))


def test_a_failed_warm_start_leaves_the_estimator_as_it_was(cancer):
    X = cancer[0]
    model = fast(warm_start=True).fit(X)
    before, before_weights = dict(model.__dict__), weights(model)
    model.set_params(callbacks=[AtEpoch(5, fail)])
    before["callbacks"] = model.callbacks
    with pytest.raises(RuntimeError, match="disk"):
        model.fit(X)
    assert model.__dict__ == before
    assert_same_weights(weights(model), before_weights)


@pytest.mark.parametrize("action", [interrupt, poison])
def test_a_later_partial_fit_goes_back_to_the_epoch_before(cancer, action):
    X = cancer[0]
    model = fast().fit(X)
    before_weights = weights(model)
    model.set_params(callbacks=[AtEpoch(4, action)])
    if action is interrupt:
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X)
    else:
        with pytest.warns(ConvergenceWarning):
            model.partial_fit(X)
    assert model.n_iter_ == 3
    assert model.interrupted_ == (action is interrupt)
    assert_same_weights(weights(model), before_weights)


def test_an_interrupt_keeps_the_last_finished_epoch(cancer):
    X = cancer[0]
    model = fast(max_epochs=9, callbacks=[AtEpoch(4, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.interrupted_
    assert model.n_iter_ == 3
    assert len(model.loss_curve_) == 3
    assert np.isfinite(model.transform(X)).all()


def test_the_kept_epoch_is_the_right_one(cancer):
    # A schedule depends on max_epochs, so the reference trains as many and stops
    # at the end of epoch 3, where skorch's own signal is honoured.
    X = cancer[0]
    kept = {}

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            kept[len(net.history)] = copy.deepcopy(net.module_.state_dict())

    fast(max_epochs=9, callbacks=[Keep]).fit(X)
    model = fast(max_epochs=9, callbacks=[AtEpoch(4, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    got = weights(model)
    for name in got:
        if not name.startswith("head."):
            assert torch.equal(got[name], kept[3][name]), name


def test_an_uninterrupted_fit_says_so(cancer):
    assert fast().fit(cancer[0]).interrupted_ is False


def test_divergence_after_an_epoch_restores_it_with_a_warning(cancer):
    X = cancer[0]
    model = fast(max_epochs=9, callbacks=[AtEpoch(4, poison)])
    with pytest.warns(
        ConvergenceWarning, match=r"NaN or infinite in epoch 4; the weights of\s+epoch 3"
    ):
        model.fit(X)
    assert model.n_iter_ == 3
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.loss_curve_).all()


def test_divergence_in_the_first_epoch_is_an_error(cancer):
    with pytest.raises(NonFiniteLossError, match="lower lr"):
        fast(callbacks=[AtEpoch(1, poison)]).fit(cancer[0])


def test_an_absurd_learning_rate_ends_in_a_typed_way(cancer):
    model = fast(lr=1e30, max_epochs=4)
    with pytest.raises(NonFiniteLossError):
        model.fit(cancer[0])
    assert not hasattr(model, "net_")


@pytest.mark.parametrize(
    "method, arguments",
    [
        ("transform", ([[0.0] * 30],)),
        ("inverse_transform", ([[0.0] * 2],)),
        ("reconstruct", ([[0.0] * 30],)),
        ("sample", ()),
        ("score_samples", ([[0.0] * 30],)),
        ("score_contributions", ([[0.0] * 30],)),
        ("score", ([[0.0] * 30],)),
    ],
)
def test_methods_of_an_unfitted_model_say_so(method, arguments):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(fast(), method)(*arguments)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_components": 0}, "n_components"),
        ({"adversarial_weight": -1}, "adversarial_weight"),
        ({"activation": "step"}, "activation"),
        ({"scaling": "log"}, "scaling"),
        ({"supervision": "both"}, "supervision"),
        ({"posterior": "uniform"}, "posterior='uniform' is not known"),
        ({"output": "categorical"}, "output='categorical' is not known"),
        ({"output": Autoregressive(hidden_size=0)}, "hidden_size must be"),
        ({"output": Independent(hidden_size="wide")}, "hidden_size must be"),
        ({"output": Autoregressive(masking=0.6)}, "masking must be between 0 and 0.5"),
        ({"output": Autoregressive(code_only=1.5)}, "code_only must be between 0 and 1"),
        ({"output": Autoregressive(dropout=1.0)}, "dropout must be between 0 and 0.99"),
        ({"output": Autoregressive(parent_dropout=-0.1)}, "parent_dropout must be between"),
        ({"posterior": Channel(noise=1.0)}, "noise must be above 0 and below 1"),
        ({"categorical_features": ["a"]}, "'a' is neither a label nor a position"),
        ({"categorical_features": [True]}, "a mask of 1 entries for 30 columns"),
        ({"categorical_features": [0], "output": "gaussian"}, "needs an output over categories"),
        ({"lr": "fast"}, "lr"),
        ({"device": "abacus"}, "abacus"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"lr": 0.0}, "lr"),
        ({"hidden_layer_sizes": (8, -1)}, "hidden_layer_sizes must be positive"),
    ],
)
def test_bad_parameters_are_named(cancer, parameters, message):
    with pytest.raises(ValueError, match=message):
        fast(**parameters).fit(cancer[0])


def test_labels_are_refused_where_they_would_be_ignored(cancer):
    X, y = cancer
    model = fast().fit(X, y)
    for call in (
        lambda: model.sample(2, y=[0, 1]),
        lambda: model.reconstruct(X, y),
        lambda: model.inverse_transform(model.transform(X), y),
    ):
        with pytest.raises(ValueError, match="supervision=None"):
            call()
    assert model.score(X, y) == model.score(X)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5])
def test_sample_wants_a_positive_number(cancer, n_samples):
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        fast().fit(cancer[0]).sample(n_samples)


def test_codes_of_another_width_are_refused(cancer):
    with pytest.raises(ValueError, match="Z has 3 columns, but the code has 2"):
        fast().fit(cancer[0]).inverse_transform(np.zeros((4, 3)))


def test_text_columns_are_named():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": [1.0, 2.0], "name": ["a", "b"], "when": pd.to_datetime([0, 1])})
    with pytest.raises(UnsupportedColumnsError, match=r"'name' .* 'when'") as caught:
        fast(output="gaussian").fit(frame)
    assert caught.value.columns == ["name", "when"]
    assert pickle.loads(pickle.dumps(caught.value)).columns == ["name", "when"]


def test_columns_with_missing_cells_are_named(cancer):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(cancer[0]).add_prefix("c").astype(float)
    frame.loc[3, "c7"] = np.nan
    with pytest.raises(ValueError, match="missing or infinite cells: 'c7'"):
        fast(output="gaussian", handle_missing="error").fit(frame)
    frame.loc[3, "c7"] = np.inf
    with pytest.raises(ValueError, match=r"'c7' has infinite cells, the first in row 3"):
        fast().fit(frame)


@pytest.mark.parametrize("roundtrip", ["pickle", "joblib", "deepcopy"])
def test_round_trips_give_equal_outputs_and_train_on_equally(cancer, tmp_path, roundtrip):
    X = cancer[0]
    model = fast(warm_start=True).fit(X)
    if roundtrip == "pickle":
        other = pickle.loads(pickle.dumps(model))
    elif roundtrip == "joblib":
        joblib.dump(model, tmp_path / "model.joblib")
        other = joblib.load(tmp_path / "model.joblib")
    else:
        other = copy.deepcopy(model)
    np.testing.assert_array_equal(model.transform(X), other.transform(X))
    np.testing.assert_array_equal(model.sample(9), other.sample(9))
    np.testing.assert_array_equal(model.fit(X).transform(X), other.fit(X).transform(X))


def test_a_pickle_holds_no_rows(cancer):
    small, large = (fast().fit(rows) for rows in (cancer[0][:100], cancer[0]))
    # Quantiles of single columns are kept, up to 1,000 of each; ``saving`` says so.
    sizes = [len(pickle.dumps(m)) - len(pickle.dumps(m.net_.marginals_)) for m in (small, large)]
    assert sizes[1] < sizes[0] + 1000


def test_clone_is_unfitted_and_shares_nothing(cancer):
    model = fast(callbacks=[AtEpoch(99, fail)]).fit(cancer[0])
    other = clone(model)
    assert not hasattr(other, "net_")
    assert other.get_params()["max_epochs"] == model.max_epochs


def test_fitting_does_not_change_parameters(cancer):
    model = fast(encoder=torch.nn.Linear(30, 2), prior="uniform")
    before = {name: id(value) for name, value in model.get_params(deep=False).items()}
    untouched = copy.deepcopy(model.encoder.state_dict())
    model.fit(cancer[0])
    assert {name: id(value) for name, value in model.get_params(deep=False).items()} == before
    assert all(torch.equal(untouched[k], v) for k, v in model.encoder.state_dict().items())


def test_import_loads_no_optional_dependency():
    code = (
        "import sys, torch, sklearn, skorch; before = set(sys.modules); import sklearn_aae;"
        "print([m for m in ('matplotlib', 'pandas', 'polars', 'pyarrow', 'rich')"
        " if m in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
