"""scikit-learn's checks of every public estimator, with defaults and with fast settings."""

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

from tests.instances import with_defaults, with_fast_settings, with_slow_defaults

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


@parametrize_with_checks(with_fast_settings())
def test_scikit_learn_checks_with_fast_settings(estimator, check):
    check(estimator)


@parametrize_with_checks(with_defaults())
def test_scikit_learn_checks_with_defaults(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(with_slow_defaults())
def test_scikit_learn_checks_with_slow_defaults(estimator, check):
    check(estimator)


# The checks themselves hand arrays to what they fitted on frames.
@pytest.mark.filterwarnings("ignore:X (has|does not have) .*feature names:UserWarning")
@pytest.mark.parametrize("check", FURTHER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", with_fast_settings(), ids=str)
def test_further_checks(estimator, check):
    check(type(estimator).__name__, estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have) .*feature names:UserWarning")
@pytest.mark.parametrize("check", CHECKS_OF_TRANSFORMERS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "estimator", [e for e in with_fast_settings() if hasattr(e, "transform")], ids=str
)
def test_further_checks_of_transformers(estimator, check):
    check(type(estimator).__name__, estimator)
