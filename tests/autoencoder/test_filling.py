"""Models of numbers that are trained on hidden cells, for the imputer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_aae import AAEImputer, AdversarialAutoencoder, load, save
from sklearn_aae.autoencoder._filling import HidingBatches, HoledDataset
from sklearn_aae.autoencoder._normal import Normal
from sklearn_aae.outputs import Gaussian
from sklearn_aae.posteriors import Deterministic
from sklearn_aae.training import TableDataset
from tests.instances import fast

rng = np.random.default_rng(1)
ANGLE = rng.uniform(0, 2 * np.pi, 300)
#: The first two bend; the last two are as one.
X = np.c_[np.cos(ANGLE), np.cos(2 * ANGLE), np.sin(ANGLE), np.sin(ANGLE) * 3]
X += rng.normal(size=X.shape) * 0.05
GONE = rng.random(X.shape) < 0.15
HOLED = np.where(GONE, np.nan, X)


def error(filled, columns):
    away = ((filled - X) / X.std(axis=0))[:, columns]
    return np.sqrt((away[GONE[:, columns]] ** 2).mean())


#: Learns the curve in a second.
QUICK = {"hidden_layer_sizes": (32,), "discriminator_layer_sizes": (8,), "max_epochs": 60}


def test_networks_add_what_bends_to_what_is_linear():
    model = AdversarialAutoencoder(4, **QUICK, lr=1e-2, batch_size=64)
    imputer = AAEImputer(model, random_state=0).fit(HOLED)
    linear = imputer.estimator_._extension.normal.expect(HOLED, GONE)
    assert error(imputer.transform(HOLED), [1]) < 0.8 * error(linear, [1])


def test_without_a_model_there_is_a_component_for_each_column_of_numbers():
    assert AAEImputer(random_state=0).fit(HOLED[:20]).estimator_.n_components == 4


def test_what_the_networks_spoil_is_not_taken_over():
    model = AdversarialAutoencoder(1, init="random", hidden_layer_sizes=4, max_epochs=1)
    imputer = AAEImputer(model, random_state=0).fit(HOLED)
    linear = imputer.estimator_._extension.normal.expect(HOLED, GONE)
    assert error(imputer.transform(HOLED), [0, 1, 2, 3]) < 1.02 * error(linear, [0, 1, 2, 3])


def test_draws_have_the_spread_of_the_true_cells():
    model = AdversarialAutoencoder(4, **QUICK)
    imputer = AAEImputer(model, random_state=0, method="draw").fit(HOLED)
    drawn = imputer.transform(HOLED)
    ratio = [drawn[GONE[:, j], j].var() / X[GONE[:, j], j].var() for j in range(4)]
    assert np.median(ratio) == pytest.approx(1, abs=0.3)
    # The last two are as one, in draws of both, too.
    both = np.where([False, False, True, True], np.nan, X)
    drawn = imputer.transform(both)
    assert np.corrcoef(drawn[:, 2], drawn[:, 3])[0, 1] > 0.9


def test_hidden_cells_are_read_as_the_normal_has_them_and_alone_count():
    normal = Normal.fit(HOLED)
    filled = normal.expect(HOLED, GONE)
    model = fast(posterior=Deterministic(input_noise=0)).fit(filled)
    dataset = TableDataset(filled, scaler=model._reader.scale)
    holed = HoledDataset(dataset, normal, GONE)
    module, cpu = model.net_.module_, torch.device("cpu")
    epochs = HidingBatches(holed, 64, module, 0, cpu)
    hidden = []
    for epochs.epoch in (0, 1):
        batches = [batch for batch, _ in epochs]
        hidden.append(torch.cat([batch.weights for batch in batches]) > 0)
        for batch in batches:
            chosen = batch.weights > 0
            same = batch.corrupted == batch.x
            assert same[~chosen].float().mean() > 0.75
            assert not same[chosen].any()
            assert batch.weights[chosen].unique().numel() == 1
    # A missing cell tells nothing.
    assert hidden[0].float().mean() == pytest.approx(0.15 * (1 - GONE.mean()), abs=0.03)
    assert not (hidden[0] == hidden[1]).all()
    plain = HidingBatches(dataset, 64, module, 0, cpu)
    assert all(batch.weights is None for batch, _ in plain)


@pytest.mark.parametrize(
    "parameters",
    [
        {"output": Gaussian(variance="learned")},
        {"scaling": "quantile"},
        {"scaling": None, "posterior": "gaussian"},
        {"early_stopping": True, "prior": "learned"},
        {"adversarial_weight": 0, "init": "random"},
        {"output": "bernoulli"},
    ],
)
def test_every_model_of_numbers_fills(parameters):
    table = HOLED
    if parameters.get("output") == "bernoulli":  # which has a start of its own
        table = (HOLED + 4) / 8
    imputer = AAEImputer(fast(**parameters), random_state=0).fit(table)
    filled = imputer.transform(table)
    np.testing.assert_array_equal(filled[~GONE], table[~GONE])
    assert np.isfinite(filled).all()
    model = imputer.estimator_
    np.testing.assert_array_equal(model.impute(table), filled)
    assert np.isfinite(model.score_samples(table)).all()
    assert np.isfinite(model.partial_fit(table).transform(table)).all()


def test_columns_of_one_value_come_back_exactly():
    table = pd.DataFrame({"a": X[:, 0], "one": 0.1, "few": X[:, 3]}).mask(GONE[:, :3])
    filled = AAEImputer(fast(), random_state=0).fit(table).transform(table)
    assert (filled["one"] == 0.1).all()


def test_a_file_holds_what_fills(tmp_path):
    imputer = AAEImputer(fast(), method="draw", random_state=0).fit(HOLED)
    save(imputer, tmp_path / "imputer.aae")
    back = load(tmp_path / "imputer.aae")
    np.testing.assert_array_equal(back.transform(HOLED), imputer.transform(HOLED))
