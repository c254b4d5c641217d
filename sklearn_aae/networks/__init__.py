"""The networks and the module that holds them."""

from sklearn_aae.networks._builder import ModuleBuilder
from sklearn_aae.networks._components import (
    Components,
    leading_components,
    principal_components,
    some_rows,
    with_signs,
)
from sklearn_aae.networks._conditioning import Classes, Conditioning
from sklearn_aae.networks._mlp import ACTIVATIONS, SkipMLP, mlp
from sklearn_aae.networks._module import AAEModule, build_network
from sklearn_aae.networks._start import prior_moments

__all__ = [
    "ACTIVATIONS",
    "AAEModule",
    "Classes",
    "Components",
    "Conditioning",
    "ModuleBuilder",
    "SkipMLP",
    "build_network",
    "leading_components",
    "mlp",
    "principal_components",
    "prior_moments",
    "some_rows",
    "with_signs",
]
