"""Other packages with the layers of a workload, for the speed benchmark.

Each function trains for the workload's epochs and returns the number of steps.  The
packages are imported inside: a benchmark runs with those that are there.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile

import numpy as np
import torch

from benchmarks._loops import Workload


def skorch_autoencoder(work: Workload, X: np.ndarray) -> int:
    """Train a plain autoencoder with skorch's defaults, but without its validation split."""
    from skorch import NeuralNet
    from torch import nn

    net = NeuralNet(
        lambda: nn.Sequential(work.encoder(), work.decoder()),
        nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=work.epochs,
        batch_size=work.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.fit((X - X.mean(axis=0)) / X.std(axis=0), X)
    return work.epochs * work.steps_per_epoch


def pyod_autoencoder(work: Workload, X: np.ndarray) -> int:
    """Train PyOD's detector, a plain autoencoder; its fit also scores the rows."""
    from pyod.models.auto_encoder import AutoEncoder

    AutoEncoder(
        hidden_neuron_list=[*work.hidden, work.n_components],
        batch_norm=False,
        dropout_rate=0,
        epoch_num=work.epochs,
        batch_size=work.batch_size,
        device="cpu",
        random_state=0,
        verbose=0,
    ).fit(X)
    # Its loader drops a last batch that is not full.
    return work.epochs * (work.n_samples // work.batch_size)


def pythae_aae(work: Workload, X: np.ndarray) -> int:
    """Train pythae's adversarial autoencoder: two optimizers, Gaussian posterior."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import Adversarial_AE, Adversarial_AE_Config
    from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig

    rows = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0))
    config = Adversarial_AE_Config(
        input_dim=(work.n_features,), latent_dim=work.n_components, reconstruction_loss="mse"
    )
    networks = _pythae_networks(work)
    with tempfile.TemporaryDirectory() as folder, _silence():
        AdversarialTrainer(
            model=Adversarial_AE(config, *networks),
            train_dataset=BaseDataset(rows, torch.zeros(len(rows))),
            training_config=AdversarialTrainerConfig(
                output_dir=folder,
                num_epochs=work.epochs,
                per_device_train_batch_size=work.batch_size,
                no_cuda=True,
            ),
        ).train()
    return work.epochs * work.steps_per_epoch


def _pythae_networks(work: Workload) -> tuple:
    """Return encoder, decoder and discriminator as pythae wants them."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
    from torch import nn

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            *body, last = work.encoder()
            self.body = nn.Sequential(*body)
            self.mean = last
            self.log_variance = nn.Linear(last.in_features, last.out_features)

        def forward(self, x: torch.Tensor) -> ModelOutput:
            h = self.body(x)
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = work.decoder()

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.body(z))

    class Discriminator(BaseDiscriminator):
        def __init__(self) -> None:
            super().__init__()
            self.body = work.discriminator()

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(embedding=self.body(z).sigmoid())

    return Encoder(), Decoder(), Discriminator()


@contextlib.contextmanager
def _silence():
    """Swallow progress bars and log lines, whose cost stays in the time."""
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
