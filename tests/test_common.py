"""scikit-learn's checks of every public estimator: one variant each every day, the others slow."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

from tests.instances import everyday, further, with_defaults

#: Checks that scikit-learn runs on its own estimators only.
FURTHER_CHECKS = [check_param_validation, check_dataframe_column_names_consistency]
CHECKS_OF_TRANSFORMERS = [
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
]


# Checks fit a detector on fewer rows than its level needs.
FEW_ROWS = "ignore:The level alpha:UserWarning"


@pytest.mark.filterwarnings(FEW_ROWS)
@parametrize_with_checks(everyday())
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings(FEW_ROWS)
@parametrize_with_checks([*further(), *with_defaults()])
def test_scikit_learn_checks_of_further_variants(estimator, check):
    check(estimator)


def briefly(estimator):
    """Train for two epochs: the further checks look at names, containers and messages."""
    return estimator.set_params(max_epochs=2) if hasattr(estimator, "max_epochs") else estimator


VARIANTS = [
    pytest.param(briefly(estimator), id=str(estimator), marks=marks)
    for estimators, marks in ((everyday(), ()), (further(), pytest.mark.slow))
    for estimator in estimators
]


# The checks themselves hand arrays to what they fitted on frames.
@pytest.mark.filterwarnings("ignore:X (has|does not have) .*feature names:UserWarning")
@pytest.mark.parametrize("check", FURTHER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", VARIANTS)
def test_further_checks(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have) .*feature names:UserWarning")
@pytest.mark.parametrize("check", CHECKS_OF_TRANSFORMERS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", [v for v in VARIANTS if hasattr(v.values[0], "transform")])
def test_further_checks_of_transformers(estimator, check):
    check(type(estimator).__name__, estimator)
