"""Distances to stored references."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from sklearn_aae.detection._references import References, subsample_knn_distance


@pytest.fixture
def pairs():
    generator = torch.Generator().manual_seed(0)
    x, expected = torch.randn(2, 3, 50, 4, generator=generator).unbind(0)
    return x, expected


@pytest.mark.parametrize("k", [1, 5])
def test_distances_are_those_of_a_plain_search(pairs, k):
    x, expected = pairs
    references = References(x, expected, k)
    rows = x[:, :10].double() + 0.3
    means = expected[:, :10].double()
    found = references.neighbours(rows, means)
    for member in range(3):
        stored = torch.cat([x[member], expected[member]], 1).double().numpy()
        asked = torch.cat([rows[member], means[member]], 1).numpy()
        distance = NearestNeighbors(n_neighbors=k).fit(stored).kneighbors(asked)[0]
        np.testing.assert_allclose(found.distance[member], distance.mean(axis=1), rtol=1e-10)
    np.testing.assert_allclose(found.cells.sum(axis=2), 1)


@pytest.mark.parametrize("n_references, k", [(3, 5), (127, 10), (131, 5), (131, 10), (402, 1)])
@pytest.mark.parametrize("n_rows", [24, 48, 50])
def test_the_nearest_are_found_whatever_the_number_of_references(n_references, k, n_rows):
    rng = np.random.default_rng(0)
    x, rows = rng.normal(size=(2, n_references, 3)), rng.normal(size=(2, n_rows, 3))
    references = References(torch.from_numpy(x).float(), torch.from_numpy(-x).float(), k)
    found = references.neighbours(torch.from_numpy(rows), torch.from_numpy(-rows)).distance
    k = min(k, n_references - 1)
    for member in range(2):
        search = NearestNeighbors(n_neighbors=k).fit(x[member].astype(np.float32))
        distance = np.sqrt(2) * search.kneighbors(rows[member])[0].mean(axis=1)
        np.testing.assert_allclose(found[member], distance, rtol=1e-6)


def test_distances_to_means_of_the_nearest(pairs):
    x, expected = pairs
    references = References(x, expected, 3, of_means=True)
    rows = x[:, :5].double() + 0.3
    rows[0, 0, 0] = 40.0
    means = expected[:, :5].double()
    found = references.neighbours(rows, means)
    # From 4 on cells grow by the logarithm.
    compared = rows.numpy().copy()
    compared[0, 0, 0] = 4 * (1 + np.log(40 / 4))
    for member in range(3):
        stored = np.concatenate([x[member], expected[member]], axis=1).astype(np.float64)
        asked = np.concatenate([compared[member], means[member]], axis=1)
        near = NearestNeighbors(n_neighbors=3).fit(stored).kneighbors(asked)[1]
        parts = [
            np.linalg.norm(asked - stored[near[:, :j]].mean(axis=1), axis=1) for j in (1, 2, 3)
        ]
        np.testing.assert_allclose(found.distance[member], np.mean(parts, axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.cells.sum(axis=2), 1)
    assert found.cells[0, 0].argmax() == 0
    # A training row is not compared with itself, wherever it is.
    itself = References(rows.float(), means.float(), 3, of_means=True).neighbours(rows, means)
    assert (itself.distance > 0.1).all()


@pytest.mark.parametrize("of_means", [False, True])
def test_equal_rows_are_at_distance_zero_whatever_the_last_bits_of_reconstructions(of_means):
    x = torch.ones(2, 30, 3)
    references = References(x, 0.3 * x, 4, of_means)
    found = references.neighbours(x[:, :5].double(), (0.3 + 1e-9) * x[:, :5].double())
    assert not found.distance.any()
    assert not found.cells.any()


def test_one_reference_at_distance_zero_is_skipped(pairs):
    x, expected = pairs
    references = References(x, expected, 1)
    itself = references.neighbours(x.double(), expected.double())
    assert (itself.distance > 0).all()
    # A second copy is a neighbour like any other.
    twice = References(torch.cat([x, x], 1), torch.cat([expected, expected], 1), 1)
    assert (twice.neighbours(x.double(), expected.double()).distance == 0).all()


def test_the_share_of_a_column_is_its_part_of_the_distance():
    x = torch.zeros(1, 2, 3)
    x[0, 1] = 100.0
    row = torch.tensor([[[3.0, 0.0, 4.0]]], dtype=torch.float64)
    found = References(x, torch.zeros(1, 2, 3), 1).neighbours(row, torch.zeros_like(row))
    np.testing.assert_allclose(found.distance, 5)
    np.testing.assert_allclose(found.cells[0, 0], [9 / 25, 0, 16 / 25])


def test_residuals_are_those_of_the_references(pairs):
    x, expected = pairs
    found = References(x, expected, 1).residuals()
    squares = np.square((x - expected).numpy())
    np.testing.assert_allclose(found, np.sqrt(squares.mean(axis=(0, 1))), rtol=1e-5)


def test_outlying_rows_have_the_largest_distance_to_a_subsample(pairs):
    x, expected = (part.clone() for part in pairs)
    x[:, 7] += 20
    chosen = torch.arange(30).repeat(3, 1)
    distance = subsample_knn_distance(x, expected, chosen, 5)
    assert distance.argmax() == 7
    assert np.isfinite(distance).all()
