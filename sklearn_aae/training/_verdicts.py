"""Figures of a training judged: which failed, why, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sklearn_aae.training._figures import Figures
from sklearn_aae.training._report import NOTE, OK, WARN, ReportLine, TrainingReport

#: Fewer rows say too little, and fewer steps have not had the time.
LEAST_ROWS, LEAST_STEPS = 20, 100
#: Codes are off the prior beyond so many times the 99 % null value, which is said from FAR on:
#: fits by default have up to 3, and 6 on one table with heavy tails.
GAP, FAR = 3.0, 12.0
#: A discriminator that tells no more of codes apart that are off the prior learns nothing, and
#: neither does one whose logits hardly differ.
BLIND, LEAST_SPREAD = 0.55, 1e-3
#: Rows that a batch norm needs in a step of the discriminator: as many codes as draws.
NORMED_ROWS = 32
#: Largest weight of the adversary that "auto" takes; a heavier one is too strong where less than
#: this share of what components explain is left, or codes are off the prior.
AUTO_WEIGHT, LEFT = 1.0, 0.8
#: A discriminator that tells so many apart has won.
WON = 0.95
#: The last fifth of the epochs may still win this share of the variance, or this share of what is
#: explained in the end (fits by default of real tables: up to 0.04); with how many epochs and rows
#: that is said.
STILL_WON, WON_ANEW, LEAST_EPOCHS, LEAST_ROWS_IN_TIME = 0.02, 0.07, 10, 50
#: What is explained less than this is worse than column means, and not by chance; after few steps,
#: what is less than the second.
WORSE, FAR_WORSE = -0.5, -100.0
#: The same for levels, after enough steps: entropies of tables that hardly vary are small.
WORSE_OF_LEVELS = -5.0
#: A reconstruction that explains no more than this, where components explain this more.
NOTHING, MORE = 0.02, 0.1
#: Nats per cell, as an epoch's mean, that no start costs: levels that are all as likely cost at
#: most 6, and two digits of them twice that.
BLOWN_UP = 30.0

NAN = math.nan


@dataclass(frozen=True)
class Circumstances:
    """What the user asked for, and how the training went.

    Attributes
    ----------
    n_rows, batch_size, n_epochs : int
        Rows, rows in a step and passes over the rows.
    given_epochs : bool, default=False
        Whether the user said how many epochs.
    weight : float, default=0.0
        Learning rate of the adversary's third phase as a multiple of that of the first; 0 for
        none.
    frozen : sequence of str
        Networks that are not trained.
    normed : bool
        Whether the discriminator has a batch norm.
    interrupted, stopped : bool
        Whether the user, or a callback, ended the training.
    failed_epoch : int
        The epoch that a loss which was not finite ended; 0 for none.
    culprit : str
        "in" which of the user's own networks it arose, if that is known.
    steady_codes : bool
        Whether all components of a code should vary.
    heads : bool
        Whether categories are learned, for which the prior is a help.
    """

    n_rows: int
    batch_size: int
    n_epochs: int
    given_epochs: bool = False
    weight: float = 0.0
    frozen: Sequence[str] = ()
    normed: bool = False
    interrupted: bool = False
    stopped: bool = False
    failed_epoch: int = 0
    culprit: str = ""
    steady_codes: bool = True
    heads: bool = False

    @property
    def n_steps(self) -> int:
        """Steps of the call."""
        return self.n_epochs * math.ceil(self.n_rows / self.batch_size)

    @property
    def enough_rows(self) -> bool:
        """Whether anything can be said."""
        return self.n_rows >= LEAST_ROWS

    @property
    def enough(self) -> bool:
        """Whether there were rows and steps to come to something."""
        return self.enough_rows and self.n_steps >= LEAST_STEPS

    @property
    def in_time(self) -> bool:
        """Whether how long it took was left to the estimator."""
        return self.enough_rows and not (self.given_epochs or self.interrupted or self.stopped)


#: What fails, causes first: only the first that does is warned of, and what may follow from it is
#: a note.
CAUSES = (
    "NonFiniteLossWarning",
    "ConstantTableWarning",
    "DivergenceWarning",
    "BatchNormWarning",
    "AdversaryTooStrongWarning",
    "CollapsedCodesWarning",
    "DiscriminatorStalledWarning",
    "ReconstructionWarning",
    "PriorMismatchWarning",
    "TooFewEpochsWarning",
    "ConstantScoresWarning",
)


def judge(found: Figures, how: Circumstances) -> TrainingReport:
    """Return the report on a fit."""
    lines = [*asked(how), *course(found, how)]
    if found.constant:
        lines.append(constant_table(how))
    else:
        lines += [*_game(found, how), *_codes(found, how), *_rows(found, how)]
    return make_report(lines, found.basis)


def judge_call(how: Circumstances) -> TrainingReport:
    """Return the report on a call of ``partial_fit``, which looks at no rows."""
    line = ReportLine(
        "partial_fit",
        how.n_epochs,
        "epochs, at constant rates; nothing was measured, which would take as long as a short call",
        NOTE,
        "call fit for the figures.",
    )
    return make_report([line, *asked(how), *course(None, how)], "no rows")


def make_report(lines: list[ReportLine], basis: str) -> TrainingReport:
    """Return a report in which only the first cause is a failure."""
    failed = [CAUSES.index(line.warning) for line in lines if line.warning]
    return TrainingReport(
        tuple(
            replace(line, verdict=NOTE, warning="")
            if line.warning and CAUSES.index(line.warning) > min(failed)
            else line
            for line in lines
        ),
        basis,
    )


def asked(how: Circumstances) -> Iterator[ReportLine]:
    """Yield what the user asked for."""
    if how.interrupted:
        yield ReportLine("interrupted", how.n_epochs, "epochs until Ctrl-C", NOTE)
    elif how.given_epochs:
        yield ReportLine("max_epochs", how.n_epochs, "epochs, as was asked for", NOTE)
    if not how.weight:
        yield ReportLine("adversary", NAN, "off, as was asked for", NOTE)
    for part in how.frozen:
        yield ReportLine(part, NAN, "frozen, as was asked for", NOTE)


def course(found: Figures | None, how: Circumstances) -> Iterator[ReportLine]:
    """Yield how losses went."""
    if how.failed_epoch:
        where = f", {how.culprit}" if how.culprit else ""
        yield ReportLine(
            "losses",
            NAN,
            f"a loss became NaN or infinite in epoch {how.failed_epoch}{where}; the weights of "
            f"epoch {how.failed_epoch - 1} were put back",
            WARN,
            "Lower lr, or use scaling='quantile' if the table has extreme values."
            if not how.culprit
            else "Look at what that network returns, or lower lr.",
            "NonFiniteLossWarning",
        )
        return
    if found is None or len(found.losses) < LEAST_EPOCHS or found.constant:
        return
    won = still_won(found)
    name, meaning = "last epochs", "of the variance was won over the last fifth of the epochs"
    if not falls(found):
        yield ReportLine(name, won, meaning, OK)
    elif not how.in_time or how.n_rows < LEAST_ROWS_IN_TIME:
        yield ReportLine(name, won, meaning, NOTE, "Raise max_epochs to win more.")
    else:
        remedy = f"Set max_epochs={2 * how.n_epochs} or more."
        yield ReportLine(name, won, meaning, WARN, remedy, "TooFewEpochsWarning")


def still_won(found: Figures) -> float:
    """Return which share of the variance the last fifth of the epochs explained anew."""
    losses = np.asarray(found.losses, dtype=np.float64)
    if len(losses) < LEAST_EPOCHS or not found.explained < 1:
        return 0.0
    width = len(losses) // 10
    before, last = losses[-3 * width : -2 * width].mean(), losses[-width:].mean()
    # The loss of column means is that of the end over what the end leaves.
    return float((before - last) / last * (1 - found.explained)) if last > 0 else 0.0


def falls(found: Figures) -> bool:
    """Return whether losses still fell much at the end."""
    return still_won(found) > max(STILL_WON, WON_ANEW * found.explained)


def constant_table(how: Circumstances) -> ReportLine:
    """Return the line on a table whose rows are all the same."""
    return ReportLine(
        "table",
        NAN,
        "all rows are the same, so that there was nothing to learn",
        WARN if how.enough_rows else NOTE,
        "Pass rows that differ.",
        "ConstantTableWarning" if how.enough_rows else "",
    )


def _game(found: Figures, how: Circumstances) -> Iterator[ReportLine]:
    """Yield how codes and discriminator do."""
    if how.weight:
        yield _discriminator(found, how)
    yield _match(found, how)
    meaning = "of rows have codes where the prior has few draws"
    yield ReportLine("outside the prior", found.outside, meaning, OK)


def _discriminator(found: Figures, how: Circumstances) -> ReportLine:
    name, meaning = "discriminator", "of codes and prior draws are told apart; half at best"
    blind = found.logit_spread < LEAST_SPREAD or (
        not found.gap <= GAP
        and found.accuracy < BLIND
        and how.weight <= AUTO_WEIGHT
        and not how.heads  # whose codes follow more than the prior
        and not falls(found)  # else it may just be slow, as all is
    )
    if how.normed and 2 * how.batch_size < NORMED_ROWS and how.enough_rows:
        return ReportLine(
            name,
            2 * how.batch_size,
            "rows in a step are too few for its batch norm, which makes another network of it",
            WARN,
            f"Set batch_size={NORMED_ROWS // 2} or more, or take a LayerNorm.",
            "BatchNormWarning",
        )
    if blind and how.enough and name not in how.frozen:
        return ReportLine(
            name,
            found.accuracy,
            f"{meaning}, but it has stopped learning",
            WARN,
            "Check the discriminator and its optimizer, or lower lr.",
            "DiscriminatorStalledWarning",
        )
    return ReportLine(name, found.accuracy, meaning, OK)


def _match(found: Figures, how: Circumstances) -> ReportLine:
    name, meaning = "prior match", "times the distance to the prior that chance explains (99 %)"
    if found.gap <= GAP:
        return ReportLine(name, found.gap, meaning, OK)
    trained = how.weight and not {"encoder", "discriminator"} & set(how.frozen)
    far = not found.gap <= FAR or found.accuracy > WON
    remedy = "Draw rows with sample(density=...)."
    if how.heads or not trained or not how.in_time or not far:
        return ReportLine(name, found.gap, meaning, NOTE, remedy)
    remedy = "Raise adversarial_weight or max_epochs, or draw rows with sample(density=...)."
    return ReportLine(name, found.gap, meaning, WARN, remedy, "PriorMismatchWarning")


def _codes(found: Figures, how: Circumstances) -> Iterator[ReportLine]:
    """Yield whether columns of codes are idle."""
    n_idle = found.n_dead + found.n_repeated
    meaning = f"of {found.n_components} columns of codes hardly vary or repeat others"
    possible = min(found.n_components, found.n_varying) if how.steady_codes else 1
    if not n_idle:
        yield ReportLine("codes", 0, meaning, OK)
    elif (
        found.n_components - n_idle >= possible
        or not how.enough
        or "encoder" in how.frozen
        or how.heads
    ):
        yield ReportLine("codes", n_idle, meaning, NOTE, "Lower n_components.")
    else:
        remedy = "Check the encoder, or lower adversarial_weight or n_components."
        yield ReportLine("codes", n_idle, meaning, WARN, remedy, "CollapsedCodesWarning")


def _rows(found: Figures, how: Circumstances) -> Iterator[ReportLine]:
    """Yield how rows are given back."""
    share, other = found.explained, found.explained_by_pca
    meaning = "of how rows differ from column means is explained by codes"
    verdict, remedy, warning = OK if share > 0 else NOTE, "", ""
    # What is on its way up from a start far below has not diverged.
    rises = len(found.losses) < 2 or not found.losses[-1] < found.losses[0]
    worst = WORSE if how.enough else FAR_WORSE if rises else -math.inf
    if math.isnan(other):
        worst = WORSE_OF_LEVELS if how.enough else -math.inf
        # What came back from there has forgotten all but how many rows have each level.
        if share < NOTHING and max(found.losses, default=0.0) > BLOWN_UP:
            worst = math.inf
    pushed = share < LEFT * other or not found.gap <= GAP
    if how.enough and how.weight > AUTO_WEIGHT and pushed:
        meaning += ": the adversary is too strong"
        verdict, warning = WARN, "AdversaryTooStrongWarning"
        remedy = f"Lower adversarial_weight, which is {how.weight:.3g}."
    elif how.enough_rows and not math.isnan(share) and share < worst:
        meaning += ", which is far worse than nothing" if share < WORSE else ", which is nothing"
        meaning += ": training diverged"
        verdict, remedy, warning = WARN, "Lower lr.", "DivergenceWarning"
    elif how.in_time and share < NOTHING and other - share > MORE:
        meaning += ", which is next to nothing"
        verdict, warning = WARN, "ReconstructionWarning"
        remedy = "Raise max_epochs, change lr, or lower adversarial_weight."
    yield ReportLine("reconstruction", share, meaning, verdict, remedy, warning)
    if not math.isnan(other):
        meaning = "of it is explained by as many principal components of these rows"
        behind = share < other - 0.01
        remedy = "Follow the prior less (adversarial_weight) or train longer." if behind else ""
        yield ReportLine("principal components", other, meaning, NOTE if behind else OK, remedy)
