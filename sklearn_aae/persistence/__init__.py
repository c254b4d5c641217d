"""Files: a fitted estimator as data, without pickle."""

from sklearn_aae.persistence._describing import describe
from sklearn_aae.persistence._once import load_once
from sklearn_aae.persistence._saving import load, save

__all__ = ["describe", "load", "load_once", "save"]
