"""The report object, its figures and its verdicts, without a training."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

from sklearn_aae.exceptions import ConvergenceWarning, PriorMismatchWarning, TrainingWarning
from sklearn_aae.training import ReportLine, TrainingReport, warn_of
from sklearn_aae.training._figures import Figures, chance_gap, idle_columns, spread_of
from sklearn_aae.training._verdicts import CAUSES, Circumstances, judge, judge_call

LINE = ReportLine("prior <b>", 20.0, "times & more", "warn", "Do this.", "PriorMismatchWarning")
REPORT = TrainingReport((ReportLine("codes", 0.0, "are idle", "ok"), LINE), "30 held-out rows")

FINE = Circumstances(n_rows=200, batch_size=32, n_epochs=40, weight=0.3)


def figures(**changes):
    found = Figures("200 training rows", 200, 2)
    found.gap, found.outside, found.accuracy, found.logit_spread = 0.5, 0.01, 0.55, 0.2
    found.explained, found.explained_by_pca, found.n_varying = 0.7, 0.6, 5
    found.losses = [0.3] * 40
    for name, value in changes.items():
        assert hasattr(found, name)
        setattr(found, name, value)
    return found


def test_report_is_a_sequence_with_names():
    assert len(REPORT) == 2
    assert [line.name for line in REPORT] == ["codes", "prior <b>"]
    assert REPORT["codes"] is REPORT[0]
    assert REPORT.failed == [LINE]
    with pytest.raises(KeyError, match="there are"):
        REPORT["no such line"]


def test_report_is_plain_data():
    assert pickle.loads(pickle.dumps(REPORT)) == REPORT
    assert hash(REPORT) == hash(REPORT)
    with pytest.raises(AttributeError):
        REPORT.basis = "other rows"


def test_text_says_figure_verdict_and_remedy():
    text = repr(REPORT).splitlines()
    assert text[0] == "Training report, on 30 held-out rows"
    assert text[2].split() == ["warn", "prior", "<b>", "20", "times", "&", "more"]
    assert text[3].strip() == "Do this."


def test_html_is_escaped():
    html = REPORT._repr_html_()
    assert "<b>" not in html
    assert "prior &lt;b&gt;" in html
    assert "times &amp; more" in html


def test_warning_is_one_line_of_its_class_at_the_caller():
    with pytest.warns(PriorMismatchWarning) as caught:
        warn_of(REPORT)
    assert str(caught[0].message) == "prior <b>: 20 times & more. Do this."
    assert caught[0].filename == __file__


def test_every_cause_is_a_convergence_warning():
    known = {warning.__name__ for warning in TrainingWarning.__subclasses__()}
    assert known == set(CAUSES)
    assert issubclass(TrainingWarning, ConvergenceWarning)


def test_gap_is_at_most_one_by_chance_and_large_elsewhere():
    rng = np.random.default_rng(0)
    draws, more = rng.normal(size=(2, 150, 2))
    gaps = [chance_gap(rng.normal(size=(150, 2)), draws, more, 0)[0] for _ in range(10)]
    assert np.mean(gaps) < 1
    gap, outside = chance_gap(rng.normal(4, 1, size=(150, 2)), draws, more, 0)
    assert gap > 12
    assert outside > 0.5
    assert chance_gap(rng.normal(size=(150, 2)), draws, more, 0)[1] < 0.1


def test_idle_columns_are_dead_or_repeat_others():
    a, b = np.random.default_rng(0).normal(size=(2, 100))
    codes = np.column_stack([a, 0 * a, -3 * a + 1, b])
    assert idle_columns(codes, np.ones(4)) == (1, 1)
    assert idle_columns(codes[:, [0, 3]], np.ones(2)) == (0, 0)


def test_spread_of_rows():
    a, b = np.random.default_rng(0).normal(size=(2, 100))
    rank, _, shares = spread_of(np.column_stack([a, 2 * a, b]))
    assert rank == 2
    assert shares.sum() == pytest.approx(1)
    assert spread_of(np.ones((5, 3)))[0] == 0


def test_nothing_fails_where_all_is_well():
    report = judge(figures(), FINE)
    assert {line.verdict for line in report} == {"ok"}
    assert report.basis == "200 training rows"


@pytest.mark.parametrize(
    "changes, circumstances, warning",
    [
        ({"gap": 30.0}, {}, "PriorMismatchWarning"),
        ({"gap": 30.0, "accuracy": 0.4}, {}, "DiscriminatorStalledWarning"),
        ({"logit_spread": 1e-6}, {}, "DiscriminatorStalledWarning"),
        ({"explained": 0.1}, {"weight": 20.0}, "AdversaryTooStrongWarning"),
        ({"explained": -40.0}, {}, "DivergenceWarning"),
        ({"explained": 0.0}, {}, "ReconstructionWarning"),
        ({"n_dead": 1}, {}, "CollapsedCodesWarning"),
        ({"n_repeated": 1}, {}, "CollapsedCodesWarning"),
        ({"losses": np.linspace(1, 0.3, 40)}, {}, "TooFewEpochsWarning"),
        ({"constant": True}, {}, "ConstantTableWarning"),
        ({}, {"normed": True, "batch_size": 4}, "BatchNormWarning"),
        ({}, {"failed_epoch": 3}, "NonFiniteLossWarning"),
        # Only the cause is warned of.
        ({"explained": -40.0, "gap": 30.0, "n_dead": 2}, {}, "DivergenceWarning"),
        ({"n_dead": 2, "gap": 30.0, "explained": 0.0}, {}, "CollapsedCodesWarning"),
    ],
)
def test_each_failure_has_its_warning(changes, circumstances, warning):
    how = Circumstances(**{**vars(FINE), **circumstances})
    failed = judge(figures(**changes), how).failed
    assert [line.warning for line in failed] == [warning]
    assert failed[0].remedy


@pytest.mark.parametrize(
    "changes, circumstances",
    [
        ({"gap": 30.0}, {"given_epochs": True}),
        ({"gap": 30.0}, {"weight": 0.0}),
        ({"gap": 30.0}, {"frozen": ("encoder",)}),
        ({"gap": 30.0}, {"interrupted": True}),
        ({"gap": 30.0}, {"heads": True}),
        ({"losses": np.linspace(1, 0.3, 40)}, {"given_epochs": True}),
        ({"losses": np.linspace(1, 0.3, 40)}, {"stopped": True}),
        ({"explained": 0.3, "explained_by_pca": 0.6}, {}),
        ({"n_dead": 1, "n_varying": 1}, {}),
        ({"n_dead": 2}, {"frozen": ("encoder",)}),
        ({"gap": 5.0}, {}),
        ({"gap": 30.0, "explained": -9.0, "constant": True}, {"n_rows": 10}),
    ],
)
def test_what_was_asked_for_is_no_failure(changes, circumstances):
    report = judge(figures(**changes), Circumstances(**{**vars(FINE), **circumstances}))
    assert not report.failed
    assert any(line.verdict == "note" for line in report)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of(report)


def test_what_was_asked_for_has_a_line():
    how = Circumstances(200, 32, 7, given_epochs=True, frozen=("encoder",))
    names = [line.name for line in judge(figures(), how)]
    assert names[:3] == ["max_epochs", "adversary", "encoder"]
    assert judge_call(FINE)[0].name == "partial_fit"
