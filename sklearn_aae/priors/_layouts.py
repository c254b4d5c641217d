"""Where the modes of a mixture stand when nobody says: petals and grids."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from scipy.linalg import helmert
from scipy.spatial.distance import pdist

#: Steps in which directions push each other apart, and the first of them.
N_STEPS, FIRST_STEP = 200, 0.2
#: Neighbouring round modes are as many standard deviations apart.
SEPARATION = 6.0
#: The paper's petals: distance of the centres, and deviations along and across.
PETAL_RADIUS, PETAL_SCALE = 1.4, (0.5, 0.05)


class Layout(NamedTuple):
    """Means, and standard deviations along and across the direction of each mean."""

    means: np.ndarray
    along: float
    across: float

    def covariances(self) -> np.ndarray:
        """Return the covariance of each mode."""
        k = self.means.shape[1]
        norms = np.linalg.norm(self.means, axis=1, keepdims=True)
        unit = np.divide(self.means, norms, out=np.zeros_like(self.means), where=norms > 0)
        outer = unit[:, :, np.newaxis] * unit[:, np.newaxis, :]
        result: np.ndarray = self.across**2 * np.eye(k) + (self.along**2 - self.across**2) * outer
        return result


def petals(n_modes: int, k: int, radius: float | None, scale: tuple[float, float] | None) -> Layout:
    """Return modes on a circle, or spread over a sphere, that point outwards."""
    unit = directions(n_modes, k)
    if k == 2:
        radius = PETAL_RADIUS if radius is None else radius
        if scale is None:
            along, across = PETAL_SCALE
            scale = along * radius / PETAL_RADIUS, across * radius / PETAL_RADIUS
    else:
        # Round modes, and a radius that gives a component unit variance on average.
        share = _least_distance(unit) / SEPARATION
        radius = np.sqrt(k / (1 + k * share**2)) if radius is None else radius
        scale = (radius * share, radius * share) if scale is None else scale
    return Layout(radius * unit, *scale)


def grid(n_modes: int, k: int, radius: float | None, scale: tuple[float, float] | None) -> Layout:
    """Return modes on a regular grid with the same number of them along every axis."""
    side = round(n_modes ** (1 / k))
    if side**k != n_modes:
        raise ValueError(
            f"Mixture prior: a grid in {k} components has a {_ordinal(k)} power of modes, such as "
            f"{max(side, 2) ** k}; got n_modes={n_modes}."
        )
    if side == 1:
        return Layout(np.zeros((1, k)), *(scale or (1.0, 1.0)))
    share = 2 / (side - 1) / SEPARATION
    if radius is None:  # unit variance in every component
        radius = ((side + 1) / (3 * (side - 1)) + share**2) ** -0.5
    axis = np.linspace(-radius, radius, side)
    means = np.stack(np.meshgrid(*[axis] * k, indexing="ij"), axis=-1).reshape(-1, k)
    return Layout(means, *(scale or (radius * share, radius * share)))


def _ordinal(k: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(k, f"{k}th")


@functools.lru_cache(maxsize=32)
def directions(n_modes: int, k: int) -> np.ndarray:
    """Return unit vectors far from each other, read-only; the same ones at every call.

    On a circle at equal angles; in more dimensions the corners of a simplex if there
    are enough dimensions for it, else what charges on a sphere come to.
    """
    if k == 2:
        angle = 2 * np.pi * np.arange(n_modes) / n_modes
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    elif n_modes == 1:
        unit = np.eye(1, k)
    elif n_modes <= k + 1:
        corners = helmert(n_modes).T
        unit = np.pad(corners, ((0, 0), (0, k - corners.shape[1])))
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    else:
        unit = _repel(n_modes, k)
    unit.flags.writeable = False
    return unit


def _repel(n_modes: int, k: int) -> np.ndarray:
    unit = np.random.default_rng(0).normal(size=(n_modes, k))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    for step in range(N_STEPS):
        # No matrix products: threads of a BLAS library would show in the last digits.
        squared = 2 - 2 * np.einsum("ik,jk->ij", unit, unit)
        np.fill_diagonal(squared, np.inf)
        pull = np.maximum(squared, 1e-6) ** -1.5
        force = unit * pull.sum(axis=1, keepdims=True) - np.einsum("ij,jk->ik", pull, unit)
        force -= unit * (force * unit).sum(axis=1, keepdims=True)
        length = np.linalg.norm(force, axis=1).max()
        unit += FIRST_STEP * (1 - step / N_STEPS) * force / max(length, 1e-12)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return unit


def _least_distance(unit: np.ndarray) -> float:
    return float(pdist(unit).min()) if len(unit) > 1 else 1.0
