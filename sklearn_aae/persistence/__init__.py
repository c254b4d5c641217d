"""Files: a fitted estimator as data, without pickle."""

from sklearn_aae.persistence._saving import load, save

__all__ = ["load", "save"]
