"""The report on a detector's training: its members' codes, its likelihood, its scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from sklearn_aae._utils._random import DetectorStream, ReportStream, derive_seed, make_generator
from sklearn_aae._utils._threads import torch_threads
from sklearn_aae.detection._calibration import RowPlan
from sklearn_aae.detection._evidence import gather_columns
from sklearn_aae.detection._settings import plan_of
from sklearn_aae.detection.ensemble import Ensemble
from sklearn_aae.training._figures import Figures, chance_gap, idle_columns, tells_apart
from sklearn_aae.training._report import NOTE, OK, WARN, ReportLine, TrainingReport
from sklearn_aae.training._verdicts import (
    AUTO_WEIGHT,
    LEAST_ROWS_IN_TIME,
    WORSE,
    Circumstances,
    asked,
    constant_table,
    make_report,
)

if TYPE_CHECKING:
    from sklearn_aae.detection._outlier import AAEOutlierDetector

#: Rows that codes are looked at of, by each member.
MAX_ROWS = 128
#: Codes are off the prior beyond so many times the 99 % null value, as members' mean; fits by
#: default stay below 2.
GAP = 6.0
#: What the last fifth of the steps may still win, in nats per cell; fits by default stay below a
#: third of it.
STILL_WON = 0.25
#: Members that end by so many nats per cell worse than they started diverged (defaults end better;
#: rates too high by a thousand lose 5 and more).
LOST = -2.0


def report_on(
    detector: AAEOutlierDetector, rows: np.ndarray, plan: RowPlan, seed: int
) -> TrainingReport:
    """Return the report on a detector that was fitted to a table's rows."""
    n_rows = len(plan.training)
    # The ensemble's are not read where a model is given.
    given = detector.estimator_ is not None
    n_steps = len(detector.history_.get("reconstruction_loss", ()))
    stopped = not given and n_steps < plan_of(detector, n_rows).n_steps
    how = Circumstances(
        n_rows=n_rows,
        batch_size=max(2, min(detector.batch_size, n_rows)),
        n_epochs=0 if detector.max_epochs == "auto" else int(detector.max_epochs),
        given_epochs=detector.max_epochs != "auto" and not given,
        weight=detector.adversarial_weight,
        stopped=stopped,
    )
    networks = detector._model.networks
    constant = not np.ptp(detector._model.sample, axis=0).any()
    if isinstance(networks, Ensemble):
        index = plan.calibrating if len(plan.calibrating) else plan.training
        seed = derive_seed(seed, DetectorStream.REPORT)
        chosen = np.random.default_rng(derive_seed(seed, ReportStream.ROWS)).permutation(index)
        chosen = chosen[:MAX_ROWS]
        kind = "held-out" if len(plan.calibrating) else "training"
        basis = f"{len(chosen)} {kind} rows"
        lines = list(asked(how))
        if constant:
            lines.append(constant_table(how))
        else:
            scaled = detector._reader.transform(rows[chosen])
            found = measure_members(networks, scaled, seed)
            lines += [*_of_members(found, how), *_of_losses(detector, how)]
    else:
        inner = getattr(detector.estimator_, "training_report_", TrainingReport(()))
        # What failed there was warned of there.
        lines = [
            replace(line, verdict=NOTE, warning="") if line.warning else line for line in inner
        ]
        basis = inner.basis
    return make_report([*lines, *_of_scores(detector, how, constant)], basis)


@torch.no_grad()
def measure_members(networks: Ensemble, scaled: np.ndarray, seed: int) -> Figures:
    """Return means over members of what their codes of rows on their scale are like."""
    mask, generator = networks.code_mask, make_generator(seed, networks.code_mask.device)
    found = Figures("", len(scaled), int(mask.sum()))
    gaps, outside, accuracies = [], [], []
    with torch_threads(1):
        x = gather_columns(torch.from_numpy(scaled).to(mask), networks.columns)
        modes = networks.encode(x)
        noise, *draws = torch.randn(
            (3, *modes.shape), generator=generator, device=mask.device
        ).unbind()
        codes = torch.add(modes, noise, alpha=networks.settings.channel_noise) * mask
        real, fake = (networks.discriminator(z).double() for z in (draws[0] * mask, codes))
        for i, used in enumerate(mask[:, 0] > 0):
            own, prior, more, mode = (
                part[i][:, used].cpu().double().numpy() for part in (codes, *draws, modes)
            )
            gap, share = chance_gap(own, prior, more, derive_seed(seed, i))
            n_dead, n_repeated = idle_columns(mode, np.ones(mode.shape[1]))
            found.n_dead += n_dead
            found.n_repeated += n_repeated
            gaps.append(gap)
            outside.append(share)
            accuracies.append(tells_apart(real[i].flatten(), fake[i].flatten()))
    found.gap, found.outside = float(np.mean(gaps)), float(np.mean(outside))
    found.accuracy = float(np.mean(accuracies))
    return found


def _of_members(found: Figures, how: Circumstances) -> Iterator[ReportLine]:
    """Yield what members' codes are like."""
    if how.weight:
        meaning = "of codes and prior draws are told apart; half at best"
        yield ReportLine("discriminator", found.accuracy, meaning, OK)
    meaning = "times the distance to the prior that chance explains (99 %)"
    if found.gap <= GAP:
        yield ReportLine("prior match", found.gap, meaning, OK)
    elif not how.weight or not how.in_time:
        yield ReportLine("prior match", found.gap, meaning, NOTE)
    else:
        remedy = "Raise adversarial_weight or max_epochs."
        yield ReportLine("prior match", found.gap, meaning, WARN, remedy, "PriorMismatchWarning")
    meaning = "of rows have codes where the prior has few draws"
    yield ReportLine("outside the prior", found.outside, meaning, OK)
    n_idle = found.n_dead + found.n_repeated
    meaning = f"of {found.n_components} columns of codes of all members are idle"
    if found.n_dead == found.n_components and how.enough_rows:
        remedy = "Lower lr or adversarial_weight."
        yield ReportLine("codes", n_idle, meaning, WARN, remedy, "CollapsedCodesWarning")
    else:
        yield ReportLine("codes", n_idle, meaning, NOTE if n_idle else OK)


def _of_losses(detector: AAEOutlierDetector, how: Circumstances) -> Iterator[ReportLine]:
    """Yield what densities given codes say of cells, and how losses went."""
    losses = detector.history_["reconstruction_loss"].astype(np.float64)
    width = max(1, len(losses) // 10)
    last = losses[-width:].mean()
    won = losses[0] - last
    if how.weight > AUTO_WEIGHT and won < 0:
        yield ReportLine(
            "principal components",
            won,
            "nats per cell were won over the components that members started at: the adversary is "
            "too strong",
            WARN,
            f"Lower adversarial_weight, which is {how.weight:.3g}.",
            "AdversaryTooStrongWarning",
        )
    else:
        meaning = "nats per cell were won over the components that members started at"
        yield ReportLine("principal components", won, meaning, OK if won > 0 else NOTE)
    scores = detector._calibration.scores
    if "likelihood" in scores and len(scores["likelihood"]):
        saved = np.median(scores["likelihood"] - scores["marginal"]) / detector._model.n_features
        meaning = "nats per cell are saved by codes, against columns by themselves (median)"
        # Codes that save nothing are no fault where columns have nothing to do with each other.
        if saved > WORSE or won > LOST or how.n_rows < LEAST_ROWS_IN_TIME:
            yield ReportLine("reconstruction", saved, meaning, OK if saved > 0 else NOTE)
        else:
            yield ReportLine(
                "reconstruction", saved, meaning, WARN, "Lower lr.", "DivergenceWarning"
            )
    if len(losses) < 3 * width or width < 2:
        return
    still = losses[-3 * width : -2 * width].mean() - last
    meaning = "nats per cell were won over the last fifth of the steps"
    if still <= STILL_WON:
        yield ReportLine("last steps", still, meaning, OK)
    elif how.in_time and how.n_rows >= LEAST_ROWS_IN_TIME:
        remedy = "Set max_epochs so that there are more steps than 300."
        yield ReportLine("last steps", still, meaning, WARN, remedy, "TooFewEpochsWarning")
    else:
        yield ReportLine("last steps", still, meaning, NOTE, "Raise max_epochs to win more.")


def _of_scores(
    detector: AAEOutlierDetector, how: Circumstances, constant: bool
) -> Iterator[ReportLine]:
    """Yield whether scores differ."""
    scores = detector._training_scores
    spread = float(scores.std())
    meaning = f"is the standard deviation of training rows' scores ({detector.kind})"
    if spread > 1e-9 * (1 + abs(scores).max()):
        yield ReportLine("scores", spread, meaning, OK)
    # Rows that keep all rules have no other score, and all rows of a constant table have one.
    elif constant or detector.kind == "rules" or not how.enough_rows:
        yield ReportLine("scores", spread, meaning, NOTE)
    else:
        remedy = "Take another kind, or pass rows that differ."
        yield ReportLine("scores", spread, meaning, WARN, remedy, "ConstantScoresWarning")
