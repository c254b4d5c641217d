"""One model as an ensemble: what it asks of the model's prior."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_aae.detection._single import SingleMember
from tests.instances import fast, fast_detector


def distances(X, prior):
    model = fast(prior=prior, max_epochs=1).fit(X)
    codes = model.transform(X)
    member = SingleMember(model.net_.module_, np.float64)
    return codes, member.mode_distances(torch.as_tensor(codes)[None]).numpy()[0]


def test_a_prior_without_modes_has_one_at_the_origin(cancer):
    codes, found = distances(cancer[0], "gaussian")
    np.testing.assert_allclose(found, np.linalg.norm(codes, axis=1))


def test_distances_are_to_the_nearest_of_the_modes(cancer):
    codes, found = distances(cancer[0], "mixture")
    angle = 2 * np.pi * np.arange(10) / 10
    centres = 1.4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    expected = np.linalg.norm(codes[:, None] - centres, axis=2).min(axis=1)
    np.testing.assert_allclose(found, expected, atol=0.03)


def ring(n_samples, generator):
    angle = 2 * torch.pi * torch.rand(n_samples, generator=generator)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def test_a_prior_that_is_drawn_from_only_has_no_latent_score(cancer):
    detector = fast_detector(estimator=fast(prior=ring), kind="latent")
    with pytest.raises(ValueError, match='kind="latent" needs a prior with a density'):
        detector.fit(cancer[0])
