"""The recipes and tasks of ``recipes.toml``: settings that are tried, and figures to reach."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

NATS, ERROR, ONE_TO_ONE = "nats", "error [%]", "error, one to one [%]"
#: The optimizers whose learning rates a recipe gives, the last for both phases of categories.
OPTIMIZERS = ("optimizer", "optimizer_disc", "optimizer_gen", "optimizer_class", "optimizer_heads")


@dataclass(frozen=True)
class Recipe:
    """Settings of a model and of its training; about says where they come from."""

    about: str
    # Hidden layers.
    widths: tuple[int, ...]
    discriminator_widths: tuple[int, ...]
    # Width of the code, or of the style beside categories.
    n_components: int
    epochs: int
    # Learning rates of Adam by optimizer; those of phases that a model lacks are not used.
    rates: tuple[tuple[str, float], ...]
    # After each hidden layer of all networks; the adversary sees codes with it.
    dropout: float = 0.0
    activation: str = "relu"
    # Standard deviation of the Gaussian prior, and what those of a Gaussian posterior multiply.
    prior_scale: float = 1.0
    posterior: str = "deterministic"
    posterior_scale: float = 1.0
    # In standard deviations of each column; whether it falls with the rates.
    input_noise: float = 0.0
    noise_fades: bool = False
    # Products of bfloat16 where the device is made for it, in less than half the time.
    half_precision: bool = False
    batch_size: int = 100
    # Factors of the rates by the share of training that is done, straight lines between.
    fall: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 1.0))
    # Share of the epochs, the last, whose weights are averaged in the end.
    averaged: float = 0.0
    # As in AAEClusterer.
    consistency: str = "neighbors"
    consistency_weight: float = 0.0
    n_neighbors: int = 10
    init: str = "random"
    head_distance: float | None = None

    def narrowed(self, width: int | None = None, epochs: int | None = None) -> Recipe:
        """Return the recipe with all hidden layers of one width, or with other epochs."""
        changed: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
        if width is not None:
            for name in ("widths", "discriminator_widths"):
                changed[name] = (width,) * len(getattr(self, name))
        return replace(self, **changed)


@dataclass(frozen=True)
class Task:
    """A cell of a table: what is measured, what counts as reached, and what is tried."""

    # Names in RECIPES; the first is the one that --stage final takes.
    recipes: tuple[str, ...]
    # The figure that the paper gives, and whether higher is better.
    figure: str = ERROR
    higher: bool = False
    # What the paper reached, as it is quoted; empty if it has no such figure.
    paper: str = ""
    floor: float | None = None
    floor_of: str = ""
    goal: float | None = None
    stretch: float | None = None
    # Labelled rows (None for all), clusters.
    n_labels: int | None = None
    n_clusters: int | None = None

    @property
    def draws_rows(self) -> bool:
        """Whether rows are drawn and judged, not told apart."""
        return self.figure == NATS

    def reached(self, value: float) -> str:
        """Return the highest of the bounds that a figure reaches."""
        best = "below the floor" if self.floor is not None else ""
        for name in ("floor", "goal", "stretch"):
            bound = getattr(self, name)
            if bound is not None and (value >= bound if self.higher else value <= bound):
                best = name
        return best


def _read(path: Path) -> tuple[dict[str, Recipe], dict[str, dict[str, Task]]]:
    """Return recipes by name, and tasks by table and name."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))

    def settings(name: str) -> dict[str, Any]:
        own = dict(data["recipes"][name])
        return settings(own.pop("like")) | own if "like" in own else own

    def recipe(settings: dict[str, Any]) -> Recipe:
        if "fall" in settings:
            settings["fall"] = data["falls"][settings["fall"]]
        first, disc, gen, categories = [*settings["rates"], 0.0][:4]
        rates = zip(OPTIMIZERS, (first, disc, gen, categories, categories), strict=True)
        return Recipe(**{name: _frozen(v) for name, v in (settings | {"rates": [*rates]}).items()})

    recipes = {name: recipe(settings(name)) for name in data["recipes"]}
    tables = {
        table: {name: Task(**{k: _frozen(v) for k, v in task.items()}) for name, task in of.items()}
        for table, of in data["tables"].items()
    }
    return recipes, tables


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


RECIPES, TABLES = _read(Path(__file__).with_name("recipes.toml"))


def all_tasks() -> Iterator[tuple[str, str, Task]]:
    """Yield (table, name, task)."""
    for table, tasks in TABLES.items():
        for name, task in tasks.items():
            yield table, name, task


def settings_id(recipe: Recipe, **more: object) -> str:
    """Return a short name of settings; any change of one gives another."""
    settings = {name: value for name, value in asdict(recipe).items() if name != "about"}
    # Runs from before there was another setting keep their name.
    for name, only in (("init", "random"), ("averaged", 0.0), ("noise_fades", False)):
        if settings[name] == only:
            del settings[name]
    text = json.dumps(settings | more, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]
