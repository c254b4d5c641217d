"""Equal rows have equal scores, whatever rows they come with; nothing overflows."""

import numpy as np
import pytest
import torch

from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae._utils._blocks import block_size
from sklearn_aae.detection._overflow import finite


def check_rows_score_alike_anywhere(detector, n_columns, kinds):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(3, n_columns))
    others = rng.normal(size=(451, n_columns))
    places = [0, 3, 12, 189, 190, 191, 192, 255, 450]
    for kind in kinds:
        for row in rows:
            batch = others.copy()
            batch[places] = row
            alone = detector.score_samples(row[None], kind)
            np.testing.assert_array_equal(detector.score_samples(batch, kind)[places], alone[0])


@pytest.mark.parametrize("n_columns", [1, 3, 4, 9])
def test_a_score_does_not_depend_on_the_batch(n_columns):
    X = np.random.default_rng(0).normal(size=(300, n_columns))
    detector = AAEOutlierDetector("autoregressive", random_state=0, max_epochs=2).fit(X)
    check_rows_score_alike_anywhere(detector, n_columns, detector._scores)


@pytest.mark.parametrize("n_columns", [4, 5])
def test_a_given_models_score_does_not_depend_on_the_batch(n_columns):
    X = np.random.default_rng(0).normal(size=(150, n_columns))
    model = AdversarialAutoencoder(max_epochs=1, n_components=3, random_state=0)
    detector = AAEOutlierDetector(estimator=model, random_state=0).fit(X)
    check_rows_score_alike_anywhere(detector, n_columns, detector._scores)


def test_rows_of_one_block_need_no_threads():
    """So many rows that threads share blocks, and so few cells that one block holds them all."""
    X = np.random.default_rng(0).normal(size=(4500, 1))
    detector = AAEOutlierDetector(n_estimators=1, random_state=0, max_epochs=1).fit(X[:200])
    scores = detector.score_samples(X)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        np.testing.assert_array_equal(detector.score_samples(X), scores)
    finally:
        torch.set_num_threads(threads)


def test_equal_rows_are_flagged_alike_and_have_one_p_value():
    X = np.random.default_rng(3).integers(0, 2, size=(600, 4)).astype(float)
    detector = AAEOutlierDetector(contamination=0.2, random_state=3, max_epochs=5).fit(X)
    rows, group = np.unique(X, axis=0, return_inverse=True)
    for found in (detector.score_samples, detector.predict, detector.p_values):
        alone = np.concatenate([found(row[None]) for row in rows])
        np.testing.assert_array_equal(found(X), alone[group.ravel()])


def test_contributions_do_not_depend_on_the_batch():
    X = np.random.default_rng(0).normal(size=(300, 5))
    detector = AAEOutlierDetector(random_state=0, max_epochs=2).fit(X)
    np.testing.assert_array_equal(
        detector.score_contributions(X)[191:195],
        np.concatenate([detector.score_contributions(X[i : i + 1]) for i in range(191, 195)]),
    )


def test_sizes_of_blocks_are_multiples_of_each_other():
    assert [block_size(most) for most in (1, 24, 47, 48, 100, 192, 10_000)] == [
        24, 24, 24, 48, 96, 192, 6144,
    ]  # fmt: skip


def test_batches_are_no_larger_than_the_rows_there_are():
    X = np.random.default_rng(0).normal(size=(300, 3))
    scores = [
        AAEOutlierDetector(batch_size=size, max_epochs=2, random_state=0).fit(X).score_samples(X)
        for size in (136, 4096)
    ]
    np.testing.assert_array_equal(*scores)


def test_what_overflows_is_the_most_anomalous_of_all():
    found = finite(np.array([np.nan, np.inf, 1e9, -np.inf]))
    assert np.isfinite(found).all()
    assert found[0] == found[1] > found[2] > found[3]
