"""A training that goes wrong is told by name, in every estimator and on tables of levels, too."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_aae import AAEClassifier, AAEClusterer, AAEImputer, AAEOutlierDetector
from sklearn_aae.exceptions import (
    AdversaryTooStrongWarning,
    CollapsedCodesWarning,
    ConstantTableWarning,
    DiscriminatorStalledWarning,
    DivergenceWarning,
    NonFiniteLossError,
    NonFiniteLossWarning,
    ReconstructionWarning,
)
from tests.failing import failing
from tests.hostile import fingerprint
from tests.instances import fast
from tests.mixed_tables import animals

MIXED = animals(80)
_RNG = np.random.default_rng(0)
NUMBERS = _RNG.normal(size=(80, 3)) @ _RNG.normal(size=(3, 6)) + 0.3 * _RNG.normal(size=(80, 6))
HOLED = np.where(_RNG.random(NUMBERS.shape) < 0.1, np.nan, NUMBERS)
Y = (NUMBERS[:, 0] > 0).astype(int)


class Blind(nn.Linear):
    """A discriminator whose gradients are zero."""

    def forward(self, x):
        return super().forward(x) * 0


class Repeats(nn.Linear):
    """An encoder whose columns are all the same."""

    def forward(self, x):
        return super().forward(x)[:, :1].repeat(1, self.out_features)


class Vanishes(nn.Linear):
    """An encoder that gives next to nothing."""

    def forward(self, x):
        return super().forward(x) * 1e-4


#: Hundred steps, from which on a report judges what takes time to learn.
STEPS = {"max_epochs": 34, "batch_size": 32}


def model(**given):
    return fast(**{**STEPS, **given})


def of_levels(output):
    return lambda **given: model(output=output, **given)


def classifier(lr="auto", **given):
    return AAEClassifier(
        estimator=fast(**given), hidden_layer_sizes=(16,), lr=lr, random_state=0, **STEPS
    )


def clusterer(lr="auto", **given):
    return AAEClusterer(
        3, estimator=fast(**given), hidden_layer_sizes=(16,), lr=lr, random_state=0, **STEPS
    )


def imputer(**given):
    return AAEImputer(model(**given), random_state=0)


def weights_of(estimator):
    if isinstance(estimator, AAEOutlierDetector) and estimator.estimator_ is None:
        return estimator._model.networks.parameters()
    fitted = estimator if hasattr(estimator, "net_") else estimator.estimator_
    return fitted.net_.module_.parameters()


def fails_with(warning, estimator, X, y=None):
    """Fit, and raise unless there is this warning alone, one line with a remedy; return it."""
    with pytest.warns() as caught:
        estimator.fit(X, y)
    assert [each.category for each in caught] == [warning]
    message = str(caught[0].message)
    assert "\n" not in message
    (line,) = estimator.training_report_.failed
    assert line.warning == warning.__name__
    assert line.remedy
    assert message.endswith(line.remedy)
    assert all(torch.isfinite(weights).all() for weights in weights_of(estimator))
    return message


KINDS = {
    "levels, autoregressive": (of_levels("autoregressive"), MIXED, None),
    "levels, independent": (of_levels("independent"), MIXED, None),
    "classifier": (classifier, NUMBERS, Y),
    "classifier of levels": (classifier, MIXED, Y),
    "clusterer": (clusterer, NUMBERS, None),
    "clusterer of levels": (clusterer, MIXED, None),
    "imputer": (imputer, HOLED, None),
    "imputer of levels": (imputer, MIXED, None),
}


#: What is called otherwise of an imputer.
MAX_EPOCHS = dict.fromkeys(("imputer", "imputer of levels"), "estimator__max_epochs")

#: What runs every day where training takes long enough to tell; nightly all do.
EVERY_DAY = ("levels, autoregressive", "classifier of levels", "clusterer", "imputer")
EACH = [pytest.param(k, marks=() if k in EVERY_DAY else pytest.mark.slow) for k in KINDS]


@pytest.mark.parametrize("kind", EACH)
def test_rates_times_1000(kind):
    make, X, y = KINDS[kind]
    assert "diverged" in fails_with(DivergenceWarning, make(lr=1.0), X, y)


@pytest.mark.parametrize("kind", EACH)
def test_a_discriminator_that_stops_learning(kind):
    make, X, y = KINDS[kind]
    fails_with(DiscriminatorStalledWarning, make(discriminator=Blind), X, y)


@pytest.mark.parametrize(
    "output, encoder",
    [
        ("autoregressive", Vanishes),
        ("independent", Repeats),
        pytest.param("autoregressive", Repeats, marks=pytest.mark.slow),
        pytest.param("independent", Vanishes, marks=pytest.mark.slow),
    ],
)
def test_codes_of_levels_that_collapse(output, encoder):
    fails_with(CollapsedCodesWarning, of_levels(output)(encoder=encoder), MIXED)


def test_codes_of_an_imputer_that_collapse():
    filled = AAEImputer(fast(encoder=Vanishes, max_epochs="auto"), random_state=0)
    fails_with(ReconstructionWarning, filled, HOLED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_table(kind):
    make, X, y = KINDS[kind]
    same = MIXED.iloc[[0] * 40] if X is MIXED else NUMBERS[[0] * 40]
    estimator = make().set_params(**{MAX_EPOCHS.get(kind, "max_epochs"): 2})
    fails_with(ConstantTableWarning, estimator, same, None if y is None else np.arange(40) % 2)


@pytest.mark.parametrize("kind", ["classifier", "clusterer", "imputer"])
def test_an_adversary_that_is_too_strong(kind):
    make, X, y = KINDS[kind]
    message = fails_with(AdversaryTooStrongWarning, make(adversarial_weight=300.0), X, y)
    assert "which is 300" in message


@pytest.mark.parametrize("kind", KINDS)
def test_nan_of_an_own_network_is_named(kind):
    make, X, y = KINDS[kind]
    estimator = make(discriminator=failing(30))
    assert "in discriminator (Fails)" in fails_with(NonFiniteLossWarning, estimator, X, y)


@pytest.mark.parametrize("kind", KINDS)
def test_nan_in_the_first_epoch_leaves_all_as_it_was(kind):
    make, X, y = KINDS[kind]
    estimator = make(discriminator=failing(2))
    before = fingerprint(estimator)
    with pytest.raises(
        NonFiniteLossError, match=re.escape("first epoch, in discriminator (Fails)")
    ):
        estimator.fit(X, y)
    assert fingerprint(estimator) == before


@pytest.mark.parametrize("X", [NUMBERS, MIXED], ids=["numbers", "levels"])
@pytest.mark.parametrize("lr", [15.0, 1e30])
def test_rates_of_a_detector_times_1000_leave_it_as_it_was(X, lr):
    good = AAEOutlierDetector(n_estimators=2, max_epochs=1, random_state=0).fit(X)
    before = fingerprint(good.set_params(lr=lr, max_epochs=30))
    with pytest.raises(NonFiniteLossError, match="lower lr"):
        good.fit(X)
    assert fingerprint(good) == before
    assert np.isfinite(good.score_samples(X)).all()


def test_a_detector_tells_what_the_model_that_it_is_given_told():
    detector = AAEOutlierDetector(estimator=model(lr=1.0), random_state=0)
    with pytest.warns(DivergenceWarning) as caught:
        detector.fit(NUMBERS)
    assert len(caught) == 1
    assert np.isfinite(detector.score_samples(NUMBERS)).all()


def test_a_detector_refuses_a_model_that_makes_nan():
    detector = AAEOutlierDetector(estimator=model(decoder=failing(30)), random_state=0)
    before = fingerprint(detector)
    with (
        pytest.warns(NonFiniteLossWarning, match=r"in decoder \(Fails\)"),
        pytest.raises(ValueError, match="estimator makes NaN or infinite cells of the rows"),
    ):
        detector.fit(NUMBERS)
    assert fingerprint(detector) == before
