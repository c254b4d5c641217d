"""What the benchmark of generation compares, as data: a row for each contender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks._ctgan import Synthesizer
from benchmarks._generators import Copy, GaussianCopula, IndependentColumns, ShallowMixture
from benchmarks._peer_tables import Autoregressive, Forest
from sklearn_aae import AdversarialAutoencoder, outputs, posteriors

#: Width of the code, for all tables.
N_COMPONENTS = 8


@dataclass(frozen=True)
class Contender:
    """A row of the benchmark."""

    #: What it is called in the tables.
    label: str
    #: Returns the unfitted model for a seed; ``short=True`` asks for a fit that only shows that it
    #: runs.
    build: Callable[..., Any]
    #: What has to be installed for it, beside what the benchmarks need anyway.
    package: str = ""


def aae(label: str, **settings: Any) -> Contender:
    """Return a row of the model with its defaults but for some settings."""

    def build(seed: int, short: bool = False) -> AdversarialAutoencoder:
        epochs = {"max_epochs": 2} if short else {}
        return AdversarialAutoencoder(N_COMPONENTS, random_state=seed, **settings, **epochs)

    return Contender(label, build)


def ctgan(label: str, kind: str, **settings: Any) -> Contender:
    """Return a row of a model of the package ``ctgan``."""

    def build(seed: int, short: bool = False) -> Synthesizer:
        return Synthesizer(kind, seed, **settings | ({"epochs": 1} if short else {}))

    return Contender(label, build, "ctgan")


def argn(label: str, **settings: Any) -> Contender:
    """Return a row of TabularARGN of ``mostlyai-engine``."""

    def build(seed: int, short: bool = False) -> Autoregressive:
        return Autoregressive(seed, **settings | ({"max_epochs": 1} if short else {}))

    return Contender(label, build, "mostlyai")


def arf(seed: int, short: bool = False) -> Forest:
    """Return the adversarial random forest of ``arfpy``."""
    return Forest(seed, **({"num_trees": 3, "max_iters": 1} if short else {}))


AAE = "aae"
CONTENDERS: dict[str, Contender] = {
    "copy": Contender("copy of training rows", lambda seed, short=False: Copy()),
    "independent": Contender("independent columns", lambda seed, short=False: IndependentColumns()),
    "copula": Contender("Gaussian copula", lambda seed, short=False: GaussianCopula(seed)),
    "mixture": Contender(
        "shallow mixture", lambda seed, short=False: ShallowMixture(random_state=seed)
    ),
    AAE: aae("AdversarialAutoencoder"),
    "aae-no-adversary": aae("… adversarial_weight=0", adversarial_weight=0),
    "aae-independent": aae('… output="independent"', output="independent"),
    "aae-code-only-0": aae(
        "… Autoregressive(code_only=0)", output=outputs.Autoregressive(code_only=0)
    ),
    "aae-noise-0.3": aae("… Channel(noise=0.3)", posterior=posteriors.Channel(noise=0.3)),
    "aae-noise-0.8": aae("… Channel(noise=0.8)", posterior=posteriors.Channel(noise=0.8)),
}
#: Contenders that take long and are measured on request only, by the name that asks for them.
PEERS: dict[str, dict[str, Contender]] = {
    "ctgan": {
        "ctgan": ctgan("CTGAN", "CTGAN"),
        # No settings tuned for quality were found; wider and with the critic's five steps of
        # the paper on Wasserstein GANs.
        "ctgan-wide": ctgan(
            "CTGAN, wider",
            "CTGAN",
            generator_dim=(512, 512),
            discriminator_dim=(512, 512),
            discriminator_steps=5,
        ),
    },
    "tvae": {
        "tvae": ctgan("TVAE", "TVAE"),
        # As tuned for Adult by Kotelnikov et al. 2023 (TabDDPM), but for the learning rate,
        # which the class does not offer, and the number of steps, of which they took 30,000.
        "tvae-tuned": ctgan(
            "TVAE, tuned",
            "TVAE",
            embedding_dim=512,
            compress_dims=(256, 512),
            decompress_dims=(256, 512),
            loss_factor=1.17,
            batch_size=4096,
            epochs=1000,
        ),
    },
    "argn": {
        # Values that few rows have are hidden as shipped, which is a promise of privacy.
        "argn": argn("TabularARGN"),
        "argn-all-values": argn("TabularARGN, value_protection=False", value_protection=False),
    },
    "arf": {"arf": Contender("adversarial random forest", arf, "arfpy")},
}
EVERY = CONTENDERS | {key: row for rows in PEERS.values() for key, row in rows.items()}
