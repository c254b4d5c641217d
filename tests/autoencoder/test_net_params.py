"""skorch's own words, passed through to the net."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tests.instances import fast, fast_classifier

X = np.random.default_rng(0).normal(size=(60, 3))
DECAYED = {"optimizer": torch.optim.AdamW, "optimizer__weight_decay": 0.1}


def test_optimizers_and_their_parameters():
    plain = fast().fit(X)
    model = fast(net_params=DECAYED).fit(X)
    optimizer = model.net_.optimizer_
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.param_groups[0]["weight_decay"] == 0.1
    assert optimizer.param_groups[0]["lr"] == plain.net_.optimizer_.param_groups[0]["lr"]
    assert type(model.net_.optimizer_disc_) is torch.optim.Adam
    assert not np.array_equal(model.transform(X), plain.transform(X))
    same = fast(net_params={"optimizer": torch.optim.Adam}).fit(X)
    np.testing.assert_array_equal(same.transform(X), plain.transform(X))
    np.testing.assert_array_equal(clone(model).fit(X).transform(X), model.transform(X))


@pytest.mark.parametrize("name", ["optimizer", "optimizer_disc", "optimizer_gen"])
def test_an_optimizer_gets_none_of_adams_settings(name):
    words = {name: torch.optim.SGD, f"{name}__momentum": 0.5}
    table = pd.DataFrame({"a": list("xyz") * 20, "b": X[:, 0]})
    for rows in (X, table):
        model = fast(net_params=words).fit(rows)
        (group,) = getattr(model.net_, f"{name}_").param_groups
        assert group["momentum"] == 0.5
        assert np.isfinite(model.transform(rows)).all()


def test_settings_of_our_own_optimizers():
    model = fast(net_params={"optimizer_gen__betas": (0.8, 0.9)}).fit(X)
    assert model.net_.optimizer_gen_.param_groups[0]["betas"] == (0.8, 0.9)
    assert model.net_.optimizer_disc_.param_groups[0]["betas"] == (0.5, 0.999)


def test_searches_and_classifiers():
    search = GridSearchCV(fast(), {"net_params": [None, DECAYED]}, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(set(search.cv_results_["mean_test_score"])) == 2
    classifier = fast_classifier(estimator=fast(net_params=DECAYED)).fit(X, np.arange(60) % 2)
    assert type(classifier.net_.optimizer_) is torch.optim.AdamW


@pytest.mark.parametrize(
    "words, error, message",
    [
        ({"batch_size": 8}, ValueError, "'batch_size', which is set by batch_size"),
        ({"module__activation": "tanh"}, ValueError, "which is set by hidden_layer_sizes"),
        ({"optimizer__lr": 1e-3}, ValueError, "parameters lr and adversarial_weight"),
        ({"lr": 1e-3}, ValueError, "'lr', which is set by lr"),
        ({"iterator_train__shuffle": True}, ValueError, "set by batch_size"),
        ({"criterion": torch.nn.MSELoss}, ValueError, "needs as it is"),
        ({"optimiser": torch.optim.SGD}, ValueError, r"unexpected argument\(s\) optimiser"),
        ({1: 2}, TypeError, "text as keys, got 1"),
        ([("lr", 1)], ValueError, "net_params"),
        (
            {"optimizer": "adam"},
            TypeError,
            r"\['optimizer'\] must be a class of optimizers",
        ),
        ({"optimizer_gen": torch.optim.LBFGS}, ValueError, r"\['optimizer_gen'\] is LBFGS"),
    ],
)
def test_what_is_the_estimators_own(words, error, message):
    model = fast(net_params=words)
    before = dict(vars(model))
    with pytest.raises(error, match=message):
        model.fit(X)
    assert vars(model) == before


def test_a_fitted_net_keeps_its_optimizers():
    model = fast(net_params=DECAYED, warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"net_params changed from .*AdamW"):
        model.set_params(net_params=None).fit(X)
