"""The ensemble: densities, three phases, members of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import t

from sklearn_aae.detection.ensemble import (
    AutoregressiveEnsemble,
    Ensemble,
    EnsemblePlan,
    EnsembleSettings,
    EnsembleTrainer,
    choose_columns,
    log_mixture,
    member_rows,
)
from sklearn_aae.detection.ensemble._densities import MIN_SCALE, Densities
from sklearn_aae.detection.ensemble._members import code_widths
from sklearn_aae.exceptions import NonFiniteLossError
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._phases import PHASES, mean_of_cells

D = 6


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, D)) + 0.2 * rng.normal(size=(200, D))
    return torch.from_numpy(((X - X.mean(0)) / X.std(0)).astype(np.float32))


def trainer(table, seed=0, n_members=3, ensemble=Ensemble, n_densities=2, **plan):
    settings = EnsembleSettings(
        n_members=n_members, hidden_layer_sizes=(16,), n_densities=n_densities
    )
    ensemble = ensemble(settings, choose_columns(n_members, D, 400, 0), seed)
    rows = member_rows(n_members, len(table), 0.5, seed)
    return EnsembleTrainer(ensemble, table, rows, EnsemblePlan(**{"n_steps": 20, **plan}), seed)


def state(ensemble):
    return {name: p.detach().clone() for name, p in ensemble.named_parameters()}


def densities(generator):
    shape = (2, 3, 2, 4)
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(3)
    ]


def test_gradients_of_densities_are_right():
    generator = torch.Generator().manual_seed(0)
    parameters = densities(generator)
    x = 3 * torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *p: Densities(*p).log_density(x), parameters)


def test_log_density_is_scipys():
    generator = torch.Generator().manual_seed(1)
    logits, centre, log_scale = (p.detach() for p in densities(generator))
    x = 3 * torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    mixture = Densities(logits, centre, log_scale)
    scale = (log_scale.exp() + MIN_SCALE).numpy()
    parts = t.pdf(x.unsqueeze(2).numpy(), 4, centre.numpy(), scale)
    expected = np.log((logits.softmax(2).numpy() * parts).sum(axis=2))
    np.testing.assert_allclose(mixture.log_density(x), expected, rtol=1e-10)


def test_densities_of_codes_far_out_stay_finite():
    """Decoders extrapolate to any number."""
    zeros = torch.zeros(1, 1, 2, 3, dtype=torch.float64)
    for log_scale in (-2e3, 2e3):
        mixture = Densities(zeros, zeros + 1e6, zeros + log_scale)
        assert torch.isfinite(mixture.log_density(torch.ones(1, 1, 3))).all()


def test_mixtures_on_a_grid_have_the_same_density():
    generator = torch.Generator().manual_seed(2)
    mixture = Densities(*(p.detach() for p in densities(generator)))
    of_one_row = [p[0, 0].T for p in (mixture.log_weight, mixture.centre, mixture.scale)]
    for point in torch.linspace(-10, 10, 7, dtype=torch.float64):
        found = log_mixture(*of_one_row, point.view(1))[:, 0]
        expected = mixture.log_density(point.expand(2, 3, 4))[0, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_density_integrates_to_one(table):
    run = trainer(table)
    run.run(20)
    ensemble = run.finish()
    mixture = ensemble.decode(ensemble.encode(table[:1].expand(3, -1, -1)))
    of_cells = [p[0, 0].T for p in (mixture.log_weight, mixture.centre, mixture.scale)]
    grid = torch.linspace(-60, 60, 24_001)
    mass = log_mixture(*of_cells, grid).exp().sum(dim=1) * (grid[1] - grid[0])
    np.testing.assert_allclose(mass, 1, atol=2e-3)


def test_an_interval_is_that_of_the_members_that_see_the_column():
    """One Student-t density in each of two members; the second sees other columns."""
    centre = torch.tensor([[[[1.0, 2.0]]], [[[7.0, 8.0]]]], dtype=torch.float64)
    mixture = Densities(torch.zeros_like(centre), centre, torch.zeros_like(centre))
    found = mixture.interval(torch.tensor([[1], [0]]), torch.tensor([[1.0], [0.0]]).double())
    expected = [2.0, *t.ppf([0.05, 0.95], 4, 2.0, 1 + MIN_SCALE)]
    np.testing.assert_allclose(found[:, 0], expected, atol=0.06)


def test_untrained_members_are_principal_components(table):
    run = trainer(table)
    run.freeze_codes()
    ensemble = run.ensemble
    for member, rows in enumerate(run.rows):
        part = table[rows]
        k = int(ensemble.code_mask[member].sum())
        codes = ensemble.raw_code(part.expand(3, -1, -1))[member, :, :k]
        np.testing.assert_allclose(codes.detach().std(dim=0, correction=0), 1, atol=0.1)
        _, _, vectors = torch.linalg.svd(part - part.mean(0), full_matrices=False)
        projected = (part - part.mean(0)) @ vectors[:k].T @ vectors[:k] + part.mean(0)
        z = ensemble.encode(part.expand(3, -1, -1))
        mean = ensemble.decode(z).mean()[member].detach()
        assert (mean - projected).square().mean() < 0.02


def test_every_member_moves_in_every_part(table):
    run = trainer(table)
    before = state(run.ensemble)
    run.run(20)
    for name, parameter in run.ensemble.named_parameters():
        moved = (parameter.detach() - before[name]).flatten(1).abs().amax(dim=1)
        # Codes are centred: the last bias has no effect and no gradient.
        assert (moved > 0).all() == (parameter is not run.ensemble.encoder.last.bias), name


def test_each_phase_has_an_optimizer_and_moves_its_own_parts(table):
    run = trainer(table)
    assert len({id(o) for o in run.optimizers.values()}) == 3
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
    assert moved["reconstruction"] == encoder | {"decoder", "path_out", "centre"}
    assert moved["discriminator"] == {"discriminator"}
    assert moved["generator"] == encoder
    # Two of them move the encoder, each with moments of its own.
    moments = {m.data_ptr() for o in run.optimizers.values() for m in o.moments}
    assert len(moments) == 6


def codes_of(e, x, noise):
    """Return codes of a batch, by its statistics and with noise, for autograd."""
    raw = e.raw_code(x)
    scale = (raw.var(dim=1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return (e.shrinkage * (raw - raw.mean(dim=1, keepdim=True)) / scale + 0.3 * noise) * e.code_mask


def losses_of(e, x, noise, plan, weights):
    """Yield the losses of the model's three phases on each member's rows, for autograd.

    Rows without a weight are left out, with the prior draws beside them.
    """
    in_noise, code_noise, code_noise_2, prior = noise
    criterion, members = AdversarialLoss(), range(len(x))
    nll = e.nll(codes_of(e, x + plan.input_noise * in_noise, code_noise), x)
    used = weights(nll.detach().mean(dim=2)) > 0
    yield sum(mean_of_cells(nll[m][used[m]]) for m in members)
    codes = codes_of(e, x, code_noise_2)
    real, fake = e.discriminator(prior * e.code_mask), e.discriminator(codes.detach())
    pairs = [(real[m][used[m]], fake[m][used[m]]) for m in members]
    yield sum(criterion.discriminator(torch.cat(pair), len(pair[0])) for pair in pairs)
    logits = e.discriminator(codes)
    yield sum(criterion.generator(logits[m][used[m]]) for m in members)


@pytest.mark.parametrize("trim", [0.0, 0.25])
@pytest.mark.parametrize("n_densities", [1, 2, 3])
@pytest.mark.parametrize("ensemble", [Ensemble, AutoregressiveEnsemble])
def test_phases_are_those_of_the_model(table, ensemble, n_densities, trim, monkeypatch):
    """Names, losses, gradients by hand and steps, by autograd and torch's Adam."""
    run, again = (
        trainer(table, ensemble=ensemble, n_densities=n_densities, n_members=2) for _ in range(2)
    )
    for each in run, again:
        each.step, each.trim = 10, trim
    e, plan = again.ensemble, again.plan
    parts = {
        "reconstruction": (again.autoencoder, plan.lr, 0.9),
        "discriminator": (again.discriminator, plan.lr, 0.5),
        "generator": (again.encoder, plan.lr * plan.adversarial_weight, 0.5),
    }
    assert list(parts) == list(run.optimizers) == [phase.name for phase in PHASES]
    adams = [torch.optim.Adam(p, lr=lr, betas=(beta, 0.999)) for p, lr, beta in parts.values()]
    seen, update = [], run._update

    def noting(name):
        seen.append((name, [grad.clone() for grad in run.flat.grads]))
        update(name)

    monkeypatch.setattr(run, "_update", noting)
    run.run(13)
    x, noise, noted = again._batches(3), again._noise(3), iter(seen)
    for step in range(3):
        written = losses_of(e, x[step], noise[step], plan, again._weights)
        for i, (name, (parameters, lr, _)) in enumerate(parts.items()):
            loss = next(written)
            np.testing.assert_allclose(run.losses[step][i], loss.detach() / 2, rtol=1e-3)
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            phase, grads = next(noted)
            assert phase == name
            by_hand = dict(zip(again.flat.parameters, grads, strict=True))
            for parameter, gradient in zip(parameters, gradients, strict=True):
                torch.testing.assert_close(by_hand[parameter], gradient, rtol=1e-3, atol=1e-5)
                parameter.grad = gradient
            e.encoder.last.bias.grad = torch.zeros_like(e.encoder.last.bias)
            adams[i].param_groups[0]["lr"] = lr * again._rate()
            adams[i].step()
        again.step += 1
    for ours, theirs in zip(run.flat.parameters, again.flat.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_trained_ensemble_holds_no_views(table):
    run = trainer(table)
    run.run(2)
    for parameter in run.finish().parameters():
        assert parameter.untyped_storage().nbytes() == 4 * parameter.numel()


def test_the_discriminator_learns_and_the_encoder_answers():
    """Codes in two lumps: told from the prior at once, unless the encoder spreads them."""
    rng = np.random.default_rng(0)
    side = rng.choice([-1.0, 1.0], size=(400, 1))
    X = torch.from_numpy((side + 0.05 * rng.normal(size=(400, 2))).astype(np.float32))
    gap = {}
    for weight in (1e-9, 1.0):
        settings = EnsembleSettings(n_members=2, hidden_layer_sizes=(16,), channel_noise=0.05)
        ensemble = Ensemble(settings, choose_columns(2, 2, 400, 0), 0)
        plan = EnsemblePlan(n_steps=300, adversarial_weight=weight)
        run = EnsembleTrainer(ensemble, X, member_rows(2, 400, 0.5, 0), plan, 0)
        run.run(300)
        run.finish()
        codes = ensemble.encode(X.expand(2, -1, -1))
        prior = torch.randn(codes.shape, generator=torch.Generator().manual_seed(0))
        logits = [ensemble.discriminator(z).mean() for z in (prior * ensemble.code_mask, codes)]
        gap[weight] = float(logits[0] - logits[1])
    assert gap[1e-9] > 0.3
    assert gap[1.0] < 0.7 * gap[1e-9]


def test_without_the_adversary_the_discriminator_stays(table):
    run = trainer(table, adversarial_weight=0.0)
    before = state(run.ensemble)
    run.run(20)
    after = state(run.ensemble)
    same = {name for name in before if (before[name] == after[name]).all()}
    still = {name for name in before if name.startswith("discriminator")}
    assert same == still | {"encoder.layers.1.bias"}
    assert run.losses[0].shape == (1,)


def test_the_same_seed_gives_the_same_weights(table):
    runs = [trainer(table, seed=s) for s in (0, 0, 1)]
    for run in runs:
        run.run(20)
    first, second, other = (state(run.finish()) for run in runs)
    assert all((first[name] == second[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_members_differ(table):
    run = trainer(table)
    run.run(20)
    weight = run.ensemble.encoder.last.weight
    assert not torch.equal(weight[0], weight[1])
    assert not np.array_equal(run.rows[0], run.rows[1])


def test_the_worst_rows_of_a_batch_have_no_weight(table):
    run = trainer(table)
    run.trim = 0.25
    nll = torch.arange(64.0).repeat(3, 1)
    run.step = run.plan.n_steps  # the share rises over the first half
    weights = run._weights(nll)
    assert (weights[:, :48] > 0).all()
    assert (weights[:, 48:] == 0).all()
    np.testing.assert_allclose(weights.sum(dim=1), 1, rtol=1e-6)
    run.step = 0
    np.testing.assert_allclose(run._weights(nll), 1 / 64)


def test_rows_that_are_left_out_are_not_drawn_any_more(table):
    run = trainer(table)
    inliers = np.arange(200) % 2 == 0
    run.keep(inliers)
    assert all(inliers[rows].all() for rows in run.rows)
    # So many may be anomalies, and some will have been missed.
    assert run.trim == 0.5


def test_a_loss_that_is_not_finite_is_an_error(table):
    run = trainer(table, lr=1e6)
    with pytest.raises(NonFiniteLossError, match="lower lr"):
        run.run(20)


@pytest.mark.parametrize("columns, expected", [(1, 1), (2, 1), (3, 2), (9, 8), (50, 8)])
def test_codes_are_narrower_than_the_table(columns, expected):
    widths = code_widths(8, 8, columns)
    assert widths == sorted(widths)
    assert max(widths) == expected


def test_members_of_a_wide_table_share_out_its_columns():
    columns = choose_columns(8, 1000, 400, 0)
    assert columns.shape == (8, 400)
    assert all(len(set(hand)) == 400 for hand in columns.tolist())
    counts = np.bincount(columns.ravel(), minlength=1000)
    assert counts.min() >= 2
