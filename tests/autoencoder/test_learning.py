"""It learns: reconstruction, codes on the prior, and every network moving."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sklearn_aae import AdversarialAutoencoder
from sklearn_aae._utils._random import make_generator
from sklearn_aae.metrics import c2st
from sklearn_aae.outputs import Gaussian
from sklearn_aae.posteriors import Deterministic
from tests.instances import fast


def held_out(name, seed):
    """Return standardised training and test rows and labels, 30 % held out by class."""
    X, y = {"digits": load_digits, "cancer": load_breast_cancer}[name](return_X_y=True)
    if name == "digits":
        X = X[:, X.std(axis=0) > 0.3]
    A, B, y_A, y_B = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    scaler = StandardScaler().fit(A)
    return scaler.transform(A), scaler.transform(B), y_A, y_B


def figures(name, n_components, seed, init="pca"):
    """Return reconstruction error over PCA's, C2ST of codes, and two accuracies."""
    A, B, y_A, y_B = held_out(name, seed)
    pca = PCA(n_components, random_state=0).fit(A)
    model = AdversarialAutoencoder(n_components, init=init, random_state=seed).fit(A)
    error = ((B - model.reconstruct(B)) ** 2).mean()
    linear = ((B - pca.inverse_transform(pca.transform(B))) ** 2).mean()
    codes = model.transform(B)
    draws = model.prior_.sample(len(codes), n_components, make_generator(seed + 99)).numpy()
    accuracy = [
        LogisticRegression(max_iter=1000).fit(m.transform(A), y_A).score(m.transform(B), y_B)
        for m in (model, pca)
    ]
    return error / linear, c2st(codes, draws, random_state=seed), *accuracy


@pytest.mark.slow
@pytest.mark.parametrize("init, match", [("random", (0.60, 0.58)), ("pca", (0.70, 0.65))])
def test_the_figures_that_the_defaults_are_held_to(init, match):
    # Codes that start at principal components are trained for less long, few of them with a
    # weaker adversary, and are worth more to a linear classifier.
    digits = np.mean([figures("digits", 8, seed, init) for seed in range(5)], axis=0)
    assert digits[0] <= 0.50
    assert digits[1] <= match[0]
    if init == "pca":
        assert digits[2] >= digits[3]
    cancer = np.mean([figures("cancer", 4, seed, init) for seed in range(5)], axis=0)
    assert cancer[0] <= 0.85
    assert cancer[1] <= match[1]


def test_defaults_on_breast_cancer():
    # Two seeds of the five above, so with a margin for the spread between seeds.
    ratio, match, *_ = np.mean([figures("cancer", 4, seed) for seed in (0, 1)], axis=0)
    assert ratio < 0.95
    assert match < 0.63


@pytest.mark.slow
@pytest.mark.parametrize("init, most", [("random", 0.66), ("pca", 0.78)])
def test_defaults_on_digits(init, most):
    ratio, match, accuracy, linear = figures("digits", 8, 0, init)
    assert ratio < 0.5
    assert match < most
    assert accuracy > linear - 0.05


def check_that_codes_match(X, prior, posterior):
    """Without phases 2 and 3 a classifier tells codes from draws; with them hardly."""
    settings = {"prior": prior, "posterior": posterior, "max_epochs": 60, "random_state": 0}
    areas = {}
    for weight in (0.0, 0.5):
        model = AdversarialAutoencoder(2, adversarial_weight=weight, **settings).fit(X)
        draws = model.prior_.sample(len(X), 2, make_generator(7)).numpy()
        areas[weight] = c2st(model.transform(X), draws, random_state=0)
    assert areas[0.0] > 0.8
    assert areas[0.5] < 0.7


def test_the_adversary_brings_codes_to_the_prior(digits):
    # Codes without noise and every prior: tests/priors/test_match.py.
    check_that_codes_match(digits[0][:600], "gaussian", "gaussian")


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["gaussian", "uniform"])
@pytest.mark.parametrize("posterior", ["deterministic", "gaussian"])
def test_the_adversary_brings_codes_of_all_digits_to_the_prior(digits, prior, posterior):
    check_that_codes_match(digits[0], prior, posterior)


def test_the_adversarial_weight_matters(digits):
    X = digits[0][:600]
    codes = [
        fast(adversarial_weight=weight, max_epochs=10).fit_transform(X) for weight in (0.1, 1.0)
    ]
    assert np.abs(codes[0] - codes[1]).max() > 0.1


def test_every_network_moves_in_every_epoch(cancer):
    states = []

    class Watch(Callback):
        def on_train_begin(self, net, **kwargs):
            self.on_epoch_end(net)

        def on_epoch_end(self, net, **kwargs):
            named = net.module_.named_parameters()
            states.append({name: value.detach().clone() for name, value in named})

    fast(max_epochs=6, callbacks=[Watch]).fit(cancer[0])
    assert len(states) == 7
    for before, after in pairwise(states):
        for part in ("encoder", "decoder", "discriminator"):
            weights = [name for name in before if name.startswith(part)]
            assert weights
            for name in weights:
                assert not torch.equal(before[name], after[name]), name


def test_without_an_adversary_the_discriminator_rests(cancer):
    one, two = (fast(adversarial_weight=0, max_epochs=epochs).fit(cancer[0]) for epochs in (1, 5))
    for name, value in one.discriminator_.state_dict().items():
        assert torch.equal(value, two.discriminator_.state_dict()[name])
    assert set(one.history_) == {"reconstruction_loss"}


def test_the_game_starts_undecided_and_stays_alive(digits):
    model = AdversarialAutoencoder(2, max_epochs=40, random_state=0).fit(digits[0])
    game = np.asarray(model.history_["discriminator_loss"][10:])
    # log 2 if it cannot tell codes from draws; near 0 if it always can.
    assert (game > 0.4).all()
    assert (game < 0.75).all()


def test_loss_falls(digits):
    loss = AdversarialAutoencoder(8, max_epochs=30, random_state=0).fit(digits[0]).loss_curve_
    assert loss[-1] < 0.4 * loss[0]


def test_scores_vary_and_find_what_does_not_belong(cancer):
    X = cancer[0]
    A, B = X[:400], X[400:]
    model = AdversarialAutoencoder(4, max_epochs=40, random_state=0).fit(A)
    scores = model.score_samples(B)
    assert scores.std() > 0.1 * abs(scores.mean())
    assert len(np.unique(scores)) == len(B)
    shuffled = np.random.default_rng(0).permuted(B, axis=0)
    assert np.median(model.score_samples(shuffled)) < np.quantile(scores, 0.1)


def test_contributions_add_up_and_name_the_broken_column(cancer):
    X = cancer[0]
    model = AdversarialAutoencoder(4, max_epochs=40, random_state=0).fit(X)
    np.testing.assert_allclose(model.score_contributions(X).sum(axis=1), -model.score_samples(X))
    rng = np.random.default_rng(0)
    rows = rng.choice(len(X), 100, replace=False)
    columns = rng.integers(0, 30, 100)
    broken = X[rows].copy()
    broken[np.arange(100), columns] += 8 * X.std(axis=0)[columns]
    found = model.score_contributions(broken).argmax(axis=1)
    assert (found == columns).mean() > 0.8


def test_the_score_is_minus_the_squared_error_of_scaled_columns(cancer):
    X = cancer[0]
    model = fast().fit(X)
    scale = StandardScaler().fit(X).scale_
    error = (((X - model.reconstruct(X)) / scale) ** 2).sum(axis=1)
    np.testing.assert_allclose(-model.score_samples(X), error, rtol=1e-6)
    assert model.score(X) == pytest.approx(-error.mean())


def test_samples_look_like_rows(cancer):
    X = np.log1p(cancer[0])
    model = AdversarialAutoencoder(6, max_epochs=100, random_state=0).fit(X)
    rows = model.sample(5000)
    spread = X.std(axis=0)
    assert (np.abs(rows.mean(axis=0) - X.mean(axis=0)) < 0.35 * spread).all()
    assert (np.abs(rows.std(axis=0) / spread - 1) < 0.35).all()
    real, drawn = (np.corrcoef(rows, rowvar=False) for rows in (X, rows))
    assert np.abs(real - drawn).mean() < 0.15


def test_noise_is_what_the_decoder_leaves_open(cancer):
    X = cancer[0]
    model = fast(max_epochs=20).fit(X)
    # Before columns get the distribution of the rows, which sample gives them.
    codes = model.prior_.sample(4000, 2, make_generator(1)).numpy()
    quiet = model.inverse_transform(codes)
    noisy = model._decode(codes, codes.dtype, make_generator(2))
    residual = np.sqrt(((X - model.reconstruct(X)) ** 2).mean(axis=0))
    np.testing.assert_allclose((noisy - quiet).std(axis=0), residual, rtol=0.1)


def test_bernoulli_draws_are_hard_and_means_are_not(digits):
    X = (digits[0] > 0.5).astype(float)
    model = AdversarialAutoencoder(8, output="bernoulli", max_epochs=30, random_state=0).fit(X)
    assert set(np.unique(model.sample(100))) == {0.0, 1.0}
    means = model.reconstruct(X)
    assert ((means > 0) & (means < 1)).all()
    assert ((means > 0.5) == X).mean() > 0.85
    contributions = model.score_contributions(X)
    expected = -(X * np.log(means) + (1 - X) * np.log1p(-means))
    np.testing.assert_allclose(contributions, expected, rtol=1e-6, atol=1e-9)


def test_learned_variance_scores_in_nats(cancer):
    X = cancer[0]
    model = AdversarialAutoencoder(
        4,
        output=Gaussian("learned"),
        posterior=Deterministic(input_noise=0),  # which would count as noise of the decoder
        max_epochs=60,
        random_state=0,
    ).fit(X)
    scale = model.net_.module_.head.noise.numpy()
    residual = np.sqrt((((X - model.reconstruct(X)) / X.std(axis=0)) ** 2).mean(axis=0))
    assert scale.std() > 0.05
    assert np.median(np.abs(scale / residual - 1)) < 0.1
    assert np.corrcoef(np.log(scale), np.log(residual))[0, 1] > 0.95
    # In nats: minus the log density of the scaled columns.
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    mean = (model.reconstruct(X) - X.mean(axis=0)) / X.std(axis=0)
    expected = stats.norm(mean, scale).logpdf(z).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "scaling",
    ["quantile", None, *(pytest.param(s, marks=pytest.mark.slow) for s in ("standard", "minmax"))],
)
def test_every_scale_reconstructs(cancer, scaling):
    X = StandardScaler().fit_transform(cancer[0])
    model = AdversarialAutoencoder(6, scaling=scaling, max_epochs=60, random_state=0).fit(X)
    explained = 1 - ((X - model.reconstruct(X)) ** 2).sum() / (X**2).sum()
    assert explained > 0.75
