r"""The phases that a head of categories adds to the three.

A classifier learns categories from labelled rows, a clusterer from what a category ought to
be: the same for a row and for rows near it, and of the size that the prior says.  Both are
phases like the others, with an optimizer of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from sklearn_aae.categories._batches import LabelledBatches
from sklearn_aae.categories._networks import TwoHeadedBuilder, TwoHeadedModule
from sklearn_aae.networks import ModuleBuilder
from sklearn_aae.training._adversarial_loss import AdversarialLoss
from sklearn_aae.training._phases import Phase, StepState

#: Length of adversarial steps as a share of the spread of rows: of numbers, and of levels
#: where the first layer has put them.
STEP, READ_STEP = 0.3, 0.6
#: First step of the search for a direction, as a share of the whole step's length.
PROBE = 0.1

TINY = 1e-9


@dataclass(frozen=True)
class Heads:
    """What a head of categories adds to a model.

    Attributes
    ----------
    sizes : tuple of float
        Shares of rows that categories should have, one for each.
    phases : tuple of Phase
        Phases after the three.
    rate : float, default=1.0
        Learning rate of their optimizers as a multiple of the model's.
    head_distance : float or None, default=None
        If given, the decoder reads :math:`W y + z`, where the rows of :math:`W` are kept so
        far apart.
    """

    sizes: tuple[float, ...]
    phases: tuple[Phase, ...]
    rate: float = 1.0
    head_distance: float | None = None

    train_batches = LabelledBatches

    @property
    def n_categories(self) -> int:
        """Width of the head."""
        return len(self.sizes)

    def extend(self, builder: ModuleBuilder) -> TwoHeadedBuilder:
        """Return a recipe for the networks of a model with this head."""
        return TwoHeadedBuilder(**vars(builder), sizes=self.sizes, head_distance=self.head_distance)

    def rates(self, lr: float) -> dict[str, float]:
        """Return the learning rates of the phases' optimizers, given the model's."""
        return {phase.optimizer: lr * self.rate for phase in self.phases}


@dataclass(frozen=True)
class CategoryLoss:
    r"""Cross-entropy of labelled rows, and inconsistency of all.

    A category should be the same at a neighbour of a row and within a step in the direction
    that changes it most, as batches have neighbours, directions or both; it should be
    certain, and categories be of the module's sizes.

    Parameters
    ----------
    consistency_weight : float
        Weight of inconsistency beside the cross-entropy; 0 leaves it out.
    balance : float
        Weight of the sizes within it.
    """

    consistency_weight: float
    balance: float

    def __call__(
        self, module: TwoHeadedModule, criterion: AdversarialLoss, state: StepState
    ) -> torch.Tensor:
        """Return the loss; without labelled rows, that of inconsistency alone."""
        batch = state.batch
        losses = []
        if batch.labelled_x is not None:
            assert batch.classes is not None
            losses.append(functional.cross_entropy(module.logits(batch.labelled_x), batch.classes))
        if self.consistency_weight:
            losses.append(self.consistency_weight * self._inconsistency(module, state))
        if not losses:  # a batch without labels has nothing to say
            return 0.0 * module.logits(batch.x).sum()
        return torch.stack(losses).sum()

    def _inconsistency(self, module: TwoHeadedModule, state: StepState) -> torch.Tensor:
        batch = state.batch
        rows = [batch.x] if batch.neighbors is None else [batch.x, batch.neighbors]
        log_p = functional.log_softmax(module.logits(torch.cat(rows)), dim=1)
        losses = [self.balance * imbalance(log_p, module.sizes)]
        if batch.neighbors is None:
            losses.append(uncertainty(log_p))
        else:  # which agree only if they are certain
            losses.append(neighbor_inconsistency(*log_p.chunk(2)))
        if batch.direction is not None:
            own = log_p[: len(batch.x)].detach()
            losses.append(adversarial_inconsistency(module, batch.x, batch.direction, own))
        return torch.stack(losses).sum()


def neighbor_inconsistency(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`-\log \langle p, q \rangle`, the mean over rows and their neighbours.

    The least, 0, where both are certain of the same category.

    Parameters
    ----------
    log_p, log_q : Tensor of shape (n, n_categories)
        Log probabilities of rows and of a neighbour each.

    References
    ----------
    .. [1] W. Van Gansbeke, S. Vandenhende, S. Georgoulis, M. Proesmans, L. Van Gool, "SCAN:
       Learning to Classify Images without Labels", ECCV 2020.
    """
    return -torch.logsumexp(log_p + log_q, dim=1).mean()


def uncertainty(log_p: torch.Tensor) -> torch.Tensor:
    r"""Return the mean entropy of rows' categories, in nats.

    With the sizes of :func:`imbalance` it makes what IMSAT maximises, the information that
    categories have about rows.

    Parameters
    ----------
    log_p : Tensor of shape (n, n_categories)
        Log probabilities.

    References
    ----------
    .. [1] W. Hu, T. Miyato, S. Tokui, E. Matsumoto, M. Sugiyama, "Learning Discrete
       Representations via Information Maximizing Self-Augmented Training", ICML 2017.
    """
    return -(log_p.exp() * log_p).sum(dim=1).mean()


def imbalance(log_p: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`\mathrm{KL}(\bar p \,\|\, \pi)`, how far sizes are from those wanted.

    For equal sizes this is, but for a constant, minus the entropy of the mean, which SCAN
    and IMSAT maximise.

    Parameters
    ----------
    log_p : Tensor of shape (n, n_categories)
        Log probabilities of rows.
    prior : Tensor of shape (n_categories,)
        The sizes wanted, as shares.
    """
    mean = log_p.exp().mean(dim=0)
    return (mean * ((mean + TINY).log() - (prior + TINY).log())).sum()


def adversarial_inconsistency(
    module: TwoHeadedModule, x: torch.Tensor, direction: torch.Tensor, log_p: torch.Tensor
) -> torch.Tensor:
    r"""Return how much rows' categories change where a step changes them most.

    .. math:: \frac1n \sum_j \mathrm{KL}\big(p(\cdot|x_j) \,\|\, p(\cdot|x_j + r_j)\big)

    with :math:`r_j` in the direction of the gradient of that divergence near :math:`x_j`
    [1]_.  Its length is a share of the spread of the rows, the root of their variance summed
    over columns: 0.3 of it for numbers.  Rows of levels are moved where the first layer has
    put them [2]_, by 0.6 of the spread there, where rows fill less of the space.

    Parameters
    ----------
    module : TwoHeadedModule
        The networks.
    x : Tensor of shape (n, n_features)
        Rows on the network's scale.
    direction : Tensor of shape (n, n_embedding)
        Where the search for the direction begins.
    log_p : Tensor of shape (n, n_categories)
        Log probabilities of the rows, taken as they are.

    References
    ----------
    .. [1] T. Miyato, S. Maeda, M. Koyama, S. Ishii, "Virtual Adversarial Training: A
       Regularization Method for Supervised and Semi-Supervised Learning", IEEE TPAMI 41(8),
       2019.
    .. [2] T. Miyato, A. M. Dai, I. Goodfellow, "Adversarial Training Methods for
       Semi-Supervised Text Classification", ICLR 2017.
    """
    p, embedding = log_p.exp(), module.embed(x)
    share = STEP if module.reader is None else READ_STEP
    length = share * embedding.detach().var(dim=0, correction=0).sum().sqrt()

    def divergence(embedding: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        log_q = functional.log_softmax(module.logits_at(embedding + step, x), dim=1)
        return (p * (log_p - log_q)).sum(dim=1).mean()

    probe = (PROBE * length * functional.normalize(direction, dim=1)).requires_grad_()
    (gradient,) = torch.autograd.grad(divergence(embedding.detach(), probe), probe)
    # Columns that hold one value have no direction.
    gradient = gradient * (direction != 0)
    # Rescaled first: squares of gradients this small would be zero in float32.
    largest = gradient.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(embedding.dtype).tiny)
    return divergence(embedding, length * functional.normalize(gradient / largest, dim=1))


@dataclass(frozen=True)
class RepulsionLoss:
    """How much pairs of cluster heads lack to a distance; see :class:`ClusterHeads`."""

    threshold: float

    def __call__(
        self, module: TwoHeadedModule, criterion: AdversarialLoss, state: StepState
    ) -> torch.Tensor:
        """Return the sum over pairs."""
        return module.heads.repulsion(self.threshold)
