"""The networks and the module that holds them."""

from sklearn_aae.networks._builder import ModuleBuilder
from sklearn_aae.networks._conditioning import Classes, Conditioning
from sklearn_aae.networks._mlp import ACTIVATIONS, mlp
from sklearn_aae.networks._module import AAEModule, build_network

__all__ = [
    "ACTIVATIONS",
    "AAEModule",
    "Classes",
    "Conditioning",
    "ModuleBuilder",
    "build_network",
    "mlp",
]
