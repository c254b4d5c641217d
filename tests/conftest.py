"""Shared fixtures, and the guard that no test changes torch's global settings."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits


@pytest.fixture(autouse=True)
def torch_settings_unchanged():
    """Fail a test that leaves another default dtype, thread count or grad mode behind."""
    before = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()
    yield
    assert (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()) == before


@pytest.fixture(scope="session")
def cancer():
    """Breast cancer: 569 rows of 30 columns on very different scales."""
    return load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="session")
def digits():
    """Digits: the pixels that vary, on a scale of 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return X[:, X.std(axis=0) > 0.3] / 16, y


@pytest.fixture(scope="session")
def all_digits():
    """Digits: all 64 pixels, on a scale of 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y
