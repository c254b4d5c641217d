"""The autoregressive ensemble: who sees whom, densities, three phases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sklearn_aae.detection.ensemble import (
    AutoregressiveEnsemble,
    EnsemblePlan,
    EnsembleSettings,
    EnsembleTrainer,
    _autoregressive,
    choose_columns,
    member_rows,
)

M = 3


def rows(d, n=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)) @ rng.normal(size=(2, d)) + 0.3 * rng.normal(size=(n, d))
    return torch.from_numpy(((X - X.mean(0)) / X.std(0)).astype(np.float32))


def trainer(X, seed=0, **plan):
    settings = EnsembleSettings(n_members=M, hidden_layer_sizes=(16,))
    ensemble = AutoregressiveEnsemble(settings, choose_columns(M, X.shape[1], 400, 0), seed)
    own = member_rows(M, len(X), 0.5, seed)
    return EnsembleTrainer(ensemble, X, own, EnsemblePlan(**{"n_steps": 20, **plan}), seed)


def nats(ensemble, x):
    with torch.no_grad():
        return float(ensemble.nll(ensemble.encode(x), x).sum(dim=2).mean())


def state(ensemble):
    return {name: p.detach().clone() for name, p in ensemble.named_parameters()}


WIDTHS = {"narrow": 6, "wide": 70}


@pytest.fixture(scope="module", params=WIDTHS)
def trained(request):
    X = rows(WIDTHS[request.param])
    run = trainer(X)
    run.run(20)
    return run.finish().in_float64(), X.double().expand(M, -1, -1)


def test_a_column_is_given_the_columns_before_it_in_its_block(trained):
    """Moving one cell moves its own term, and later ones of its block; no earlier one."""
    ensemble, x = trained
    d = x.shape[2]
    n_blocks = 1 if d <= 64 else 2
    block = torch.arange(d) // -(-d // n_blocks)
    z = ensemble.encode(x)
    before = ensemble.nll(z, x)
    for j in range(0, d, max(1, d // 6)):
        moved = x.clone()
        moved[:, :, j] += 0.7
        changed = (ensemble.nll(z, moved) != before).any(dim=1)
        for member in range(M):
            position = ensemble.position[member]
            later = (block[position] == block[position[j]]) & (position > position[j])
            later[j] = True
            torch.testing.assert_close(changed[member], later)


def test_every_column_depends_on_the_code(trained):
    ensemble, x = trained
    z = ensemble.encode(x)
    moved = ensemble.nll(z + 0.5 * ensemble.code_mask, x)
    assert (moved != ensemble.nll(z, x)).any(dim=1).all()


def test_members_have_orders_of_their_own(trained):
    ensemble, x = trained
    orders = ensemble.order.tolist()
    assert all(sorted(order) == list(range(x.shape[2])) for order in orders)
    assert len({tuple(order) for order in orders}) == M


@pytest.mark.parametrize(
    "trained",
    ["narrow", pytest.param("wide", marks=pytest.mark.slow)],
    indirect=True,
)
def test_a_density_integrates_to_one(trained):
    """Over the values of one cell, of its own term: the others are given or come later."""
    ensemble, x = trained
    grid = torch.linspace(-200, 200, 20_001, dtype=torch.float64)
    row = x[:, :1].expand(-1, len(grid), -1).clone()
    z = ensemble.encode(x[:, :1]).expand(-1, len(grid), -1)
    row[:, :, 3] = grid
    mass = (-ensemble.nll(z, row)[:, :, 3]).exp().sum(dim=1) * (grid[1] - grid[0])
    np.testing.assert_allclose(mass, 1, atol=5e-3)


def test_chunks_change_nothing(trained, monkeypatch):
    ensemble, x = trained
    z = ensemble.encode(x)
    whole = ensemble.nll(z, x)
    monkeypatch.setattr(_autoregressive, "CHUNK", 7 * M * x.shape[2] * _autoregressive.HIDDEN)
    with torch.no_grad():
        np.testing.assert_allclose(ensemble.nll(z, x), whole, rtol=1e-10, atol=1e-12)


def test_each_phase_has_an_optimizer_and_moves_its_own_parts():
    run = trainer(rows(6))
    moved = {}
    for name, optimizer in run.optimizers.items():
        step = optimizer.step

        def watched(*rates, step=step, name=name):
            before = state(run.ensemble)
            step(*rates)
            after = state(run.ensemble)
            moved[name] = {n.partition(".")[0] for n in before if (before[n] != after[n]).any()}

        optimizer.step = watched
    run.run(1)
    encoder = {"encoder", "path_in"}
    decoder = {"of_code", "of_cells", "bias", "head", "head_bias"}
    assert moved["reconstruction"] == encoder | decoder
    assert moved["discriminator"] == {"discriminator"}
    assert moved["generator"] == encoder
    moments = {m.data_ptr() for o in run.optimizers.values() for m in o.moments}
    assert len(moments) == 6


def test_the_same_seed_gives_the_same_weights():
    runs = [trainer(rows(6), seed=s) for s in (0, 0, 1)]
    for run in runs:
        run.run(20)
    first, second, other = (state(run.finish()) for run in runs)
    assert all((first[name] == second[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_it_learns_a_dependence_that_no_linear_code_holds():
    """A column that is the square of another: far likelier than by itself."""
    rng = np.random.default_rng(0)
    a = rng.uniform(-1.7, 1.7, size=400)
    X = np.stack([a, a**2], axis=1)
    X = torch.from_numpy(((X - X.mean(0)) / X.std(0)).astype(np.float32))
    run = trainer(X, n_steps=300)
    run.freeze_codes()
    untrained = run.ensemble.in_float64()
    x = X.double().expand(M, -1, -1)
    before = nats(untrained, x)
    run.run(300)
    ensemble = run.finish().in_float64()
    after = nats(ensemble, x)
    broken = torch.stack([X[:, 0], X[:, 1].flip(0)], 1).double().expand(M, -1, -1)
    assert after < before - 0.7
    assert nats(ensemble, broken) > after + 1
