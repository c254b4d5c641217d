"""Losses of the adversarial phases; reconstruction losses belong to the outputs."""

from sklearn_aae.losses._adversarial import AdversarialLoss

__all__ = ["AdversarialLoss"]
