"""The mixture that learns: its updates, and its state through training."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from skorch.callbacks import Callback

from sklearn_aae._utils._random import make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.priors import LearnedMixture
from tests.instances import fast

STATE = ("fitted", "weights", "means", "factors", "location", "spread")


def clusters(n=3000, seed=0):
    """Return codes of three clusters with different shapes, far from the unit scale."""
    rng = np.random.default_rng(seed)
    sizes = rng.multinomial(n, [0.5, 0.3, 0.2])
    shapes = [np.diag([1.0, 9.0]), [[4.0, 3.0], [3.0, 4.0]], np.eye(2)]
    means = [[0.0, 0.0], [30.0, 10.0], [-10.0, 40.0]]
    parts = [
        rng.multivariate_normal(mean, shape, size)
        for mean, shape, size in zip(means, shapes, sizes, strict=True)
    ]
    return torch.from_numpy(rng.permutation(np.concatenate(parts)))


def learned(codes, n_modes=3, last=True, n_updates=1, **parameters):
    prior = LearnedMixture(n_modes, **parameters).build(codes.shape[1])
    for _ in range(n_updates):
        prior.update(codes, make_generator(0), last=last)
    return prior


def moments(prior, k=2):
    weights, means, factors = (part.numpy() for part in prior._modes(k))
    mean = weights @ means
    return mean, weights @ ((factors**2).sum(axis=2) + (means - mean) ** 2)


# --------------------------------------------------------------------------- updates


def test_before_the_first_update_it_is_standard_normal():
    z = torch.randn(50, 2, generator=make_generator(0)).double()
    expected = stats.multivariate_normal([0, 0]).logpdf(z.numpy())
    for prior in (LearnedMixture(4), LearnedMixture(4).build(2)):
        np.testing.assert_allclose(prior.log_prob(z), expected)


def test_the_last_update_finds_the_clusters():
    codes, new = clusters(), clusters(seed=1)
    prior = learned(codes, min_scale=0.01)
    reference = GaussianMixture(3, random_state=0).fit(codes.numpy())
    ours = float(prior.log_prob(new).mean())
    assert ours == pytest.approx(reference.score(new.numpy()), abs=0.02)
    np.testing.assert_allclose(sorted(prior.weights), [0.2, 0.3, 0.5], atol=0.03)
    mean, variance = moments(prior)
    np.testing.assert_allclose(mean, codes.mean(dim=0))
    np.testing.assert_allclose(variance, codes.var(dim=0))


@pytest.mark.parametrize("n_updates", [1, 5])
def test_while_it_trains_its_mean_is_0_and_its_variance_1(n_updates):
    mean, variance = moments(learned(clusters(), last=False, n_updates=n_updates))
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(variance, 1)


def test_after_the_last_update_it_can_go_on():
    codes = clusters()
    straight = learned(codes, last=False, n_updates=2)
    resumed = learned(codes, last=False)
    resumed.update(codes, make_generator(0), last=True)
    resumed.update(codes, make_generator(0))
    np.testing.assert_allclose(moments(resumed)[1], 1)
    torch.testing.assert_close(resumed.means, straight.means, rtol=0.05, atol=0.05)


def test_updates_follow_codes_that_move():
    prior, codes = learned(clusters(), last=False), clusters()
    for _ in range(20):  # a quarter turn
        codes = codes @ torch.tensor([[0.9969, 0.0785], [-0.0785, 0.9969]]).double()
        prior.update(codes, make_generator(0))
    fresh = learned(codes, last=False, n_updates=10)
    scaled = (codes - codes.mean(dim=0)) / codes.std(dim=0)
    assert prior.log_prob(scaled).mean() == pytest.approx(
        float(fresh.log_prob(scaled).mean()), abs=0.1
    )


def test_the_last_update_gives_up_what_is_stuck():
    codes = clusters()
    prior = learned(codes, last=False)
    mirrored = codes * torch.tensor([-1.0, 1.0]).double()
    prior.update(mirrored, make_generator(0), last=True)
    fresh = learned(mirrored)
    assert float(prior.log_prob(mirrored).mean()) == pytest.approx(
        float(fresh.log_prob(mirrored).mean()), abs=0.01
    )


def test_few_codes_and_constant_ones_leave_a_density():
    for codes in (
        clusters(3),
        clusters(2).repeat(5, 1),
        torch.zeros(40, 2, dtype=torch.float64),
        torch.tensor([[1.0, 2.0], [1.0, 3.0]]).double(),
    ):
        prior = learned(codes, n_modes=5)
        assert torch.isfinite(prior.sample(100, 2, make_generator(0))).all()
        assert torch.isfinite(prior.log_prob(codes)).all()


def test_no_mode_gets_narrower_than_it_may():
    codes = torch.cat([torch.zeros(500, 2), torch.ones(500, 2)]).double()
    wide, narrow = learned(codes, min_scale=0.3), learned(codes, min_scale=0.01)
    assert (
        wide.factors.diagonal(dim1=1, dim2=2).min() > narrow.factors.diagonal(dim1=1, dim2=2).min()
    )


# ------------------------------------------------------------------------- training


@pytest.fixture(name="fitted", scope="module")
def fitted_model(cancer):
    return fast(prior="learned", max_epochs=5).fit(cancer[0])


def test_the_argument_stays_as_it_was(cancer):
    prior = LearnedMixture(3)
    model = fast(prior=prior).fit(cancer[0])
    assert model.prior_ is not prior
    assert not prior._buffers
    assert model.prior_.fitted
    assert not model.get_params()["prior"]._buffers
    assert repr(model.prior) == "LearnedMixture(n_modes=3)"


def test_a_fitted_model_draws_where_its_codes_are(fitted, cancer):
    codes = fitted.transform(cancer[0])
    mean, variance = moments(fitted.prior_)
    np.testing.assert_allclose(mean, codes.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(variance, codes.var(axis=0, ddof=1), rtol=1e-4)


def test_the_prior_is_in_the_state_of_the_net(fitted):
    state = fitted.net_.module_.state_dict()
    assert {f"prior.{name}" for name in STATE} <= set(state)
    fresh = copy.deepcopy(fitted.net_).initialize()
    assert not fresh.module_.prior.fitted
    fresh.module_.load_state_dict(state)
    assert torch.equal(fresh.module_.prior.means, fitted.prior_.means)


def test_it_is_shown_codes_before_every_epoch_but_the_first(cancer):
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            prior = net.module_.prior
            seen.append((bool(prior.fitted), prior.means.clone()))

    model = fast(prior="learned", max_epochs=4, callbacks=[Watch]).fit(cancer[0])
    assert [fitted for fitted, _ in seen] == [False, True, True, True]
    assert not any(torch.equal(a[1], b[1]) for a, b in pairwise(seen))
    assert not torch.equal(seen[-1][1], model.prior_.means)


def test_copies_draw_the_same(fitted, cancer):
    for other in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(fitted.sample(5), other.sample(5))
    assert not hasattr(clone(fitted), "prior_")


def test_fits_repeat_whatever_the_number_of_threads(cancer):
    samples = []
    for n_threads in (1, 2):
        with torch_threads(n_threads):
            samples.append(fast(prior="learned", max_epochs=4).fit(cancer[0]).sample(20))
    np.testing.assert_array_equal(*samples)


def test_early_stopping_ends_with_a_prior_for_the_weights_that_it_puts_back(cancer):
    X = cancer[0]
    settings = {"early_stopping": True, "n_iter_no_change": 3, "max_epochs": 80, "lr": 0.02}
    model = fast(prior="learned", **settings).fit(X)
    figures = np.array(model.history_["validation_figure"])
    assert np.isfinite(model.history_["prior_gap"]).all()
    assert figures.argmin() < len(figures) - 1
    # Of the training rows, nine in ten.
    codes = model.transform(X)
    np.testing.assert_allclose(moments(model.prior_)[0], codes.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(moments(model.prior_)[1], codes.var(axis=0), rtol=0.15)


def test_warm_start_and_partial_fit_go_on_with_it(cancer):
    X = cancer[0]
    model = fast(prior="learned", warm_start=True).fit(X)
    means = model.prior_.means.clone()
    model.fit(X)
    assert not torch.equal(means, model.prior_.means)
    parts = fast(prior="learned")
    for _ in range(4):
        parts.partial_fit(X)
    assert parts.prior_.fitted
    codes = parts.transform(X)
    np.testing.assert_allclose(moments(parts.prior_)[1], codes.var(axis=0, ddof=1), rtol=1e-4)


def test_many_calls_of_partial_fit_do_not_run_away(cancer):
    model = fast(prior="learned", adversarial_weight=1.0, lr=3e-3)
    for _ in range(30):
        model.partial_fit(cancer[0])
    spread = model.transform(cancer[0]).std(axis=0)
    assert ((spread > 0.6) & (spread < 1.6)).all()


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
def test_it_sees_codes_as_they_are_drawn(cancer, posterior):
    model = fast(prior="learned", posterior=posterior, max_epochs=2).fit(cancer[0])
    codes = model.transform(cancer[0])
    assert (moments(model.prior_)[1] > codes.var(axis=0)).all()
