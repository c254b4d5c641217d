"""What a fit says of itself: each fault by its own warning, and none of them by default."""

from __future__ import annotations

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)
from torch import nn

import sklearn_aae
from sklearn_aae import (
    AAEClassifier,
    AAEClusterer,
    AAEImputer,
    AAEOutlierDetector,
    AdversarialAutoencoder,
)
from sklearn_aae.exceptions import (
    AdversaryTooStrongWarning,
    BatchNormWarning,
    CollapsedCodesWarning,
    ConstantTableWarning,
    DiscriminatorStalledWarning,
    DivergenceWarning,
    NonFiniteLossError,
    NonFiniteLossWarning,
    TooFewEpochsWarning,
)
from tests.failing import Fails, failing

TABLES = (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_linnerud,
    load_wine,
)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 3)) @ rng.normal(size=(3, 8)) + 0.3 * rng.normal(size=(150, 8))


def small(**changes):
    parameters = {
        "hidden_layer_sizes": 32,
        "discriminator_layer_sizes": 32,
        "random_state": 0,
    }
    return AdversarialAutoencoder(**{**parameters, **changes})


def has_finite_weights(model):
    return all(torch.isfinite(p).all() for p in model.net_.module_.parameters())


def fails_with(warning, model, X):
    """Return the model, fitted, which warned of this and of nothing else."""
    with pytest.warns() as caught:
        model.fit(X)
    assert [each.category for each in caught] == [warning]
    assert "\n" not in str(caught[0].message)
    assert caught[0].filename == __file__
    (line,) = model.training_report_.failed
    assert line.warning == warning.__name__
    assert str(caught[0].message).endswith(line.remedy)
    assert has_finite_weights(model)
    return model


def test_default_fit_reports_and_warns_of_nothing(table):
    model = small().fit(table)
    report = model.training_report_
    assert not report.failed
    assert report.basis == "150 training rows"
    names = ["prior match", "outside the prior", "codes", "reconstruction", "discriminator"]
    assert {*names, "principal components", "last epochs"} == {line.name for line in report}
    back = model.reconstruct(table)
    rest = ((table - back) / table.std(axis=0)) ** 2
    assert report["reconstruction"].figure == pytest.approx(1 - rest.mean(), abs=0.02)
    centred = (table - table.mean(axis=0)) / table.std(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    share = values[:2].sum() / values.sum()
    assert report["principal components"].figure == pytest.approx(share, abs=1e-3)


def test_held_out_rows_are_reported_on_if_there_are_some(table):
    model = small(early_stopping=True, validation_fraction=0.2, max_epochs=3).fit(table)
    assert model.training_report_.basis == "30 held-out rows"


def test_rates_times_1000(table):
    fails_with(DivergenceWarning, small(lr=1.0), table)


def test_adversary_too_strong(table):
    model = fails_with(AdversaryTooStrongWarning, small(adversarial_weight=300.0), table)
    assert "adversarial_weight, which is 300." in model.training_report_.failed[0].remedy


class Blind(nn.Module):
    """A discriminator whose gradients are zero."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.layer(x) * 0


def test_discriminator_that_stops_learning(table):
    fails_with(DiscriminatorStalledWarning, small(discriminator=Blind), table)


def with_batch_norm(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, n_out))


def test_batch_norm_with_tiny_batches(table):
    model = small(discriminator=with_batch_norm, batch_size=2, max_epochs=2)
    fails_with(BatchNormWarning, model, table[:60])
    small(discriminator=with_batch_norm, batch_size=32, max_epochs=2).fit(table)


class Repeats(nn.Module):
    """An encoder whose columns are all the same."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.layer, self.n_out = nn.Linear(n_in, 1), n_out

    def forward(self, x):
        return self.layer(x).repeat(1, self.n_out)


class Vanishes(nn.Linear):
    """An encoder that gives next to nothing."""

    def forward(self, x):
        return super().forward(x) * 1e-4


@pytest.mark.parametrize("encoder", [Repeats, Vanishes])
def test_codes_that_collapse(table, encoder):
    fails_with(CollapsedCodesWarning, small(encoder=encoder, max_epochs=40), table)


def test_constant_table():
    fails_with(ConstantTableWarning, small(max_epochs=2), np.full((40, 3), 2.5))
    frame = pd.DataFrame({"a": ["x"] * 40, "b": [1.5] * 40})
    fails_with(ConstantTableWarning, small(max_epochs=2), frame)


def test_default_epochs_too_few_for_the_table():
    t = np.random.default_rng(0).uniform(size=(600, 1))
    waves = np.sin(2 * np.pi * t * np.arange(1, 40))
    fails_with(TooFewEpochsWarning, AdversarialAutoencoder(random_state=0), waves)


def test_default_epochs_too_few_for_the_rate(table):
    slow = {"init": "random", "lr": 3e-4, "batch_size": 75}
    model = fails_with(TooFewEpochsWarning, small(**slow), table)
    remedy = model.training_report_.failed[0].remedy
    assert remedy == f"Set max_epochs={2 * model.n_iter_} or more."
    # An epoch number that was asked for is no failure.
    asked = small(**slow, max_epochs=model.n_iter_).fit(table)
    assert asked.training_report_["last epochs"].verdict == "note"
    assert asked.training_report_["max_epochs"].figure == model.n_iter_


@pytest.mark.parametrize("role", ["encoder", "decoder", "discriminator"])
def test_nan_from_an_own_module_is_named(table, role):
    model = small(max_epochs=9, batch_size=50, **{role: failing(20)})
    fails_with(NonFiniteLossWarning, model, table)
    line = model.training_report_["losses"]
    assert f"in {role} (Fails)" in line.meaning
    assert f"the weights of epoch {model.n_iter_} were put back" in line.meaning


@pytest.mark.parametrize("role", ["encoder", "decoder", "discriminator"])
def test_nan_from_an_own_module_in_the_first_epoch_names_it(table, role):
    model = small(max_epochs=9, **{role: failing(1)})
    with pytest.raises(NonFiniteLossError, match=re.escape(f"first epoch, in {role} (Fails):")):
        model.fit(table)
    assert not hasattr(model, "net_")


def test_nan_that_comes_once_names_the_only_network_that_it_can_be_from(table):
    class Once(Fails):
        def forward(self, x):
            self.n_left -= self.training
            return nn.Linear.forward(self, x) * (torch.nan if self.n_left == 0 else 1)

    model = small(max_epochs=9, batch_size=50, decoder=lambda n, m: Once(n, m, 8))
    fails_with(NonFiniteLossWarning, model, table)
    assert "perhaps in decoder (Once)" in model.training_report_["losses"].meaning


def test_what_was_asked_for_is_a_line_and_no_warning(table):
    frozen = nn.Linear(8, 2).requires_grad_(False)
    model = small(encoder=frozen, adversarial_weight=0, max_epochs=2).fit(table)
    notes = [line.name for line in model.training_report_ if line.verdict == "note"]
    assert notes[:3] == ["max_epochs", "adversary", "encoder"]
    assert not model.training_report_.failed


def test_partial_fit_says_so_and_measures_nothing(table):
    model = small().fit(table).partial_fit(table)
    report = model.training_report_
    assert [line.name for line in report] == ["partial_fit"]
    assert report["partial_fit"].figure == 1
    assert model.fit(table).training_report_["prior match"].verdict == "ok"


def test_a_warning_that_is_an_error_leaves_no_trace():
    model = small(max_epochs=2).fit(np.random.default_rng(0).normal(size=(40, 3)))
    before = dict(vars(model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConstantTableWarning):
            model.fit(np.ones((40, 3)))
    assert vars(model) == before


def test_report_survives_files_and_pickles(table, tmp_path):
    model = small(max_epochs=2).fit(table)
    report = model.training_report_
    assert pickle.loads(pickle.dumps(model)).training_report_ == report
    sklearn_aae.save(model, tmp_path / "model.aae")
    assert sklearn_aae.load(tmp_path / "model.aae").training_report_ == report


def test_classifier_clusterer_and_imputer_have_their_models_report(table):
    y = (table[:, 0] > 0).astype(int)
    classifier = AAEClassifier(max_epochs=2, random_state=0).fit(table, y)
    assert classifier.training_report_ is classifier.estimator_.training_report_
    assert classifier.training_report_["max_epochs"].figure == 2
    clusterer = AAEClusterer(2, max_epochs=2, random_state=0).fit(table)
    assert clusterer.training_report_.basis == "150 training rows"
    imputer = AAEImputer(small(max_epochs=2)).fit(table)
    assert imputer.training_report_["max_epochs"].figure == 2


def test_categories_are_reported_on(table):
    frame = pd.DataFrame({"a": np.where(table[:, 0] > 0, "x", "y"), "b": table[:, 1].round(1)})
    frame["c"] = frame["a"]
    report = small(max_epochs=30).fit(frame).training_report_
    # The third column says what the first does.
    assert 0 < report["reconstruction"].figure < 1
    assert not report.failed


def test_no_draw_of_the_report_shows_in_the_model(table):
    first, again = (small(max_epochs=2).fit(table) for _ in range(2))
    assert first.training_report_ == again.training_report_
    np.testing.assert_array_equal(first.sample(3, random_state=0), again.sample(3, random_state=0))


@pytest.mark.parametrize("load", [load_iris, load_linnerud, load_wine])
def test_no_false_alarm(load):
    # Warnings are errors in the tests.
    assert not AdversarialAutoencoder(random_state=1).fit(load().data).training_report_.failed


@pytest.mark.slow
@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("seed", range(20))
def test_no_false_alarm_in_20_seeds(load, seed):
    X, y = load(return_X_y=True)
    AdversarialAutoencoder(random_state=seed).fit(X)
    AAEImputer(random_state=seed).fit(X)
    AAEClusterer(3, random_state=seed).fit(X)
    # A level of 0.1 can be met by the fewest rows that calibrate.
    AAEOutlierDetector(alpha=0.1, random_state=seed).fit(X)
    if load not in (load_diabetes, load_linnerud):
        AAEClassifier(random_state=seed).fit(X, y)
