"""Output heads as nodes of a graph of ONNX: means of cells, and their losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_aae.outputs import Head
from sklearn_aae.outputs._bernoulli import BernoulliHead
from sklearn_aae.outputs._flagged_head import FlaggedHead
from sklearn_aae.outputs._gaussian import LearnedHead, UnitHead
from sklearn_aae.outputs._level_head import BLOCK, LevelHead
from sklearn_aae.serving._onnx_graph import FLOAT, SINGLE, Value
from sklearn_aae.serving._onnx_networks import as_array, digit_table


def softplus(x: Value) -> Value:
    """Return log(1 + exp(x))."""
    return x.at_least(0.0) + ((-x.abs()).exp() + 1.0).log()


def _cross_entropy(logits: Value, x: Value) -> Value:
    return logits.at_least(0.0) - logits * x + ((-logits.abs()).exp() + 1.0).log()


def _unit_mean(head: UnitHead, params: Value) -> Value:
    return params * as_array(head.varying) if head.any_constant else params


def _unit_losses(head: UnitHead, params: Value, x: Value) -> Value:
    away = _unit_mean(head, params) - x
    return away * away


def _learned_losses(head: LearnedHead, params: Value, x: Value) -> Value:
    log_scale = as_array(head.log_scale())
    standardised = (_unit_mean(head, params) - x) * np.exp(-log_scale)
    result: Value = standardised * standardised * 0.5 + (log_scale + 0.5 * math.log(2 * math.pi))
    return result


def _flagged_losses(head: FlaggedHead, params: Value, x: Value) -> Value:
    n, n_flags = head.n_features, head.n_flags
    losses = cell_losses(head.numbers, params.slice(0, n), x.slice(0, n))
    logits = params.slice(n, n + n_flags) + as_array(head.odds)
    missing = x.slice(n, n + n_flags)
    # Flags where their columns are.
    place = np.eye(n)[head.columns.cpu().numpy()]
    kept = x.graph.where((missing @ place) > 0.0, 0.0, losses)
    result: Value = kept + _cross_entropy(logits, missing) @ place
    return result


def _level_losses(head: LevelHead, context: Value, digits: Value) -> Value:
    """Return losses of columns; 0 for those of unknown cells."""
    graph, layout = context.graph, head.layout
    known = digits.swap(1, 0)  # (n_digits, n)
    h = _first_layer(head, context.to(SINGLE), known).relu()
    h = (h @ _single(head.weight_2) + _single(head.bias_2)).relu()
    weight = as_array(head.weight_3) + as_array(head.rank_3) @ as_array(head.basis)
    logits = h @ weight.astype(SINGLE)
    bias = as_array(head.bias_3 + head.padding)
    logits = logits + (_shifts(head, digits, bias) if bool(head.shifts.any()) else bias)
    # Both over the last axis, of the values of a digit.
    logs = graph.op("LogSoftmax", logits, axis=2)
    place = known.at_least(0).wider(2)
    losses = -graph.op("GatherElements", logs, place, axis=2).narrower(2)
    result: Value = graph.where(known < 0, 0.0, losses).swap(1, 0).to(FLOAT)
    if layout.n_digits == layout.n_columns:
        return result
    by_column: Value = result @ np.eye(layout.n_columns)[layout.column_of_digit]
    return by_column


def _first_layer(head: LevelHead, context: Value, known: Value) -> Value:
    """Return what digits see of the code and of digits before them, (n_digits, n, width)."""
    graph, bias = context.graph, _single(head.bias_1)
    n_digits, _, width = bias.shape
    if head.vectors is None or n_digits == 1:
        return context.wider(0) + bias
    table, first = digit_table(head.vectors)
    # A digit's bias comes with what is seen of the digit before it.
    sizes = np.diff(np.append(first, len(table)))
    table[: first[-1]] += np.repeat(np.diff(bias[:, 0], axis=0), sizes[:-1], axis=0)
    seen = graph.gather(table, known.slice(0, n_digits - 1, 0) + (first[:-1, None] + 1))
    rows = graph.concat([(context + bias[0]).wider(0), seen], axis=0)
    if n_digits > BLOCK:
        return graph.op("CumSum", rows, graph.constant(0, np.int64))
    before = graph.constant(np.tri(n_digits), SINGLE)
    return (before @ rows.reshape(n_digits, -1)).reshape(n_digits, -1, width)


def _single(tensor: torch.Tensor) -> np.ndarray:
    return as_array(tensor).astype(SINGLE)


def _shifts(head: LevelHead, digits: Value, bias: np.ndarray) -> Value:
    """Return what is added to logits (n_digits, n, most), given the earlier digits of a column."""
    rows, sizes = head.shift_rows, head.layout.digit_sizes
    starts = np.cumsum([0, *rows.n_prefixes])[:-1]
    table = np.zeros((sum(rows.n_prefixes), int(sizes.max())))
    # What each digit counts for in the number that those before a digit make.
    weights = np.zeros((len(sizes), len(sizes)))
    for d, (start, n) in enumerate(zip(starts, rows.n_prefixes, strict=True)):
        table[start : start + n] = bias[d]
        table[start : start + n, : sizes[d]] += as_array(rows.of(head.shifts, d))
        j, made = d, 1
        while made < n:
            j -= 1
            weights[j, d] = made
            made *= int(sizes[j])
    prefixes = (digits.at_least(0).to(FLOAT) @ weights).to(np.int64) + starts
    return digits.graph.gather(table.astype(SINGLE), prefixes.swap(1, 0))


LOSSES: dict[type[Head], Callable[[Any, Value, Value], Value]] = {
    UnitHead: _unit_losses,
    LearnedHead: _learned_losses,
    BernoulliHead: lambda head, params, x: _cross_entropy(params, x),
    FlaggedHead: _flagged_losses,
    LevelHead: _level_losses,
}


def cell_losses(head: Head, params: Value, x: Value) -> Value:
    """Return what each cell of rows costs, (n, n_columns), given the decoder's output."""
    if type(head) not in LOSSES:
        raise _unknown(head)
    return LOSSES[type(head)](head, params, x)


def mean_of_numbers(head: Head, params: Value) -> Value:
    """Return the expected numbers of rows, without flags of missing ones."""
    if isinstance(head, FlaggedHead):
        return mean_of_numbers(head.numbers, params.slice(0, head.n_features))
    if isinstance(head, UnitHead):
        return _unit_mean(head, params)
    if type(head) is BernoulliHead:
        return params.sigmoid()
    raise _unknown(head)


def _unknown(head: Head) -> ValueError:
    return ValueError(
        f"the output head {type(head).__name__} cannot be exported to ONNX: it is none of the "
        "package's own."
    )
