"""The report on a model's training: its rows, its circumstances, its warnings."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch

from sklearn_aae._utils._random import ModelStream, ReportStream, derive_seed, fenced
from sklearn_aae.autoencoder._run import Run
from sklearn_aae.training import AAENet, TableDataset
from sklearn_aae.training._figures import MAX_ROWS, Figures, measure_model
from sklearn_aae.training._report import TrainingReport
from sklearn_aae.training._verdicts import Circumstances, judge, judge_call

if TYPE_CHECKING:
    from sklearn_aae.autoencoder._base import BaseAAE

NETWORKS = ("encoder", "decoder", "discriminator")
BATCH_NORM = torch.nn.modules.batchnorm._BatchNorm


def report_on(
    model: BaseAAE, net: AAENet, train: TableDataset, valid: TableDataset | None, run: Run
) -> TrainingReport:
    """Return the report on a call's training; of ``partial_fit`` without a pass over rows."""
    circumstances = circumstances_of(model, net, len(train), run)
    if not run.in_full:
        return judge_call(circumstances)
    return judge(measure(model, net, train, valid), circumstances)


def measure(
    model: BaseAAE, net: AAENet, train: TableDataset, valid: TableDataset | None
) -> Figures:
    """Return the figures of a trained net, on held-out rows if there are some."""
    dataset = train if valid is None else valid
    seed = derive_seed(model._seed, ModelStream.REPORT)
    rng = np.random.default_rng(derive_seed(seed, ReportStream.ROWS))
    n = min(len(dataset), MAX_ROWS)
    rows = np.sort(rng.choice(len(dataset), n, replace=False))
    device = torch.device(net.device)
    foreign = any(part is not None for part in (model.encoder, model.decoder, model.discriminator))
    with torch.no_grad(), fenced(seed, net.device) if foreign else nullcontext():
        found = measure_model(
            net.module_,
            dataset.gather(rows).to(device),
            dataset.labels_of(rows, device),
            net.module.components,
            net.explained_ratio_,
            f"{n} {'held-out' if valid is not None else 'training'} rows",
            seed,
        )
    if found.constant and n < len(dataset):  # the others may differ
        every = dataset.gather(np.arange(len(dataset)))
        found.constant = bool((every == every[0]).all())
    found.losses = [epoch["train_loss"] for epoch in list(net.history)[-net.epochs_begun_ :]]
    return found


def circumstances_of(model: BaseAAE, net: AAENet, n_rows: int, run: Run) -> Circumstances:
    """Return what the user asked for, and how the call went."""
    module = net.module_
    trains = {
        name: any(weights.requires_grad for weights in getattr(module, name).parameters())
        for name in NETWORKS
    }
    rates = model._rates()
    return Circumstances(
        n_rows=n_rows,
        batch_size=min(run.batch_size, n_rows),
        n_epochs=net.epochs_begun_,
        given_epochs=model.max_epochs != "auto",
        weight=rates.get("optimizer_gen", 0.0) / rates["optimizer"],
        frozen=[name for name in NETWORKS if not trains[name]],
        normed=any(isinstance(layer, BATCH_NORM) for layer in module.discriminator.modules()),
        interrupted=bool(net.interrupted_),
        failed_epoch=len(net.history) + 1 if net.diverged_ else 0,
        stopped=net.epochs_begun_ < net.epochs_wanted_,
        culprit=net.culprit_,
        steady_codes=not module.prior.has_support_transform,
        heads=model._extension is not None,
    )
