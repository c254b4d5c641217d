"""Whether a table is read as numbers or as levels: the output says, or the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_aae.autoencoder._forbidden import SeenTogether
from sklearn_aae.autoencoder._keeper import RuleKeeper
from sklearn_aae.autoencoder._pair_masks import find_pair_masks
from sklearn_aae.autoencoder._parameters import search_budget
from sklearn_aae.autoencoder._rules import RuledLevelsReader
from sklearn_aae.encoding import (
    Container,
    LevelsReader,
    NumbersReader,
    Reader,
    as_frame,
    is_mixed,
)
from sklearn_aae.encoding._counts import WholeColumns
from sklearn_aae.encoding._identifiers import Identifiers
from sklearn_aae.encoding._text_columns import TextForm
from sklearn_aae.outputs import OUTPUTS, as_output
from sklearn_aae.rules import Rules
from sklearn_aae.rules._options import FIND, check_rules, columns_in, rules_for, without_columns
from sklearn_aae.rules._table import RuleTable

MISSING_ADVICE = " Set handle_missing='unknown', or fill them first."


def open_table(
    estimator: Any, X: Any, model: Any, columns: WholeColumns | None = None
) -> tuple[Reader, np.ndarray, RuleKeeper | None]:
    """Return a reader of tables like this one, its rows, and the keeper of its rules, if any.

    By a model's parameters; ``columns`` are those of all rows, if these are a sample.

    What the estimator learns of the table (``n_features_in_`` and names) is set, and what is
    wrong with it is raised in the estimator's name.
    """
    options = {
        "strict": model.handle_unknown == "error",
        "refuse_missing": model.handle_missing == "error",
    }
    # Whoever else trains the model, as a classifier does, has no rows to draw.
    rules = model.rules if estimator is model else None
    check_rules(rules)
    chosen = model.categorical_features
    is_frame = as_frame(X) is not None
    may_search = rules is not None and (is_frame or not isinstance(rules, str) or rules == FIND)
    if not _wants_levels(X, model.output, chosen):
        refuse = options["refuse_missing"]
        numbers, rows = NumbersReader.open(
            estimator, X, refuse_missing=refuse, advice=MISSING_ADVICE
        )
        if not may_search:
            return numbers, rows, None
        table = RuleTable(X if is_frame else rows, forms={})
        return numbers, rows, RuleKeeper(_found(table, model, mixed=False), table, is_said=False)
    reader, rows = LevelsReader.open(estimator, X, chosen, columns=columns, **options)
    if not may_search:
        return reader, rows, None
    codecs = reader.encoder._codecs
    forms = {codec.span.name: codec.form for codec in codecs if isinstance(codec.form, TextForm)}
    table = RuleTable(X, forms=forms)
    found = _found(table, model, mixed=True)
    keeper = RuleKeeper(found, table, codecs, is_said=is_frame)
    steps = keeper.words.steps
    if steps and is_frame:
        if columns is not None:
            columns.drop(step.target for step in steps)
        reader, rows = RuledLevelsReader.open_with_rules(
            estimator, X, keeper, chosen, columns=columns, **options
        )
    if columns is None:  # a sample does not tell what never occurs
        keeper.together = SeenTogether(reader.encoder.layout_, rows)
    keeper.pairs = find_pair_masks(keeper.kept, steps, reader.encoder, is_said=is_frame)
    return reader, rows, keeper


def _found(table: RuleTable, model: Any, *, mixed: bool) -> Rules:
    """Return the rules that a model's parameter asks for."""
    budget = search_budget(model, table.n_rows, mixed=mixed)
    rules = FIND if isinstance(model.rules, str) else model.rules
    found = rules_for(rules, table, is_frame=True, random_state=0, budget=budget)
    return without_columns(found, model._identifiers.labels)


def find_identifiers(X: Any, model: Any) -> Identifiers:
    """Return the columns of a frame that are identifiers, but for those that a parameter names."""
    check_rules(model.rules)
    chosen = model.categorical_features
    named = set() if isinstance(chosen, str) else set(chosen)
    if named & {True, False} and all(isinstance(item, (bool, np.bool_)) for item in chosen):
        named = set(np.flatnonzero(chosen).tolist())
    names = Container.of(X).columns if as_frame(X) is not None else ()
    spared = {name for j, name in enumerate(names) if name in named or j in named}
    return Identifiers.of(X, model.identifiers, spared | columns_in(model.rules))


def reads_levels(output: Any) -> bool | None:
    """Return whether an output is over levels whatever the table; None if the table decides."""
    if isinstance(output, str):
        if output == "auto":
            return None
        output = OUTPUTS.get(output)
    return bool(getattr(output, "reads_levels", False))


def _wants_levels(X: Any, output: Any, categorical_features: Any) -> bool:
    chosen = _chooses(categorical_features)
    if not (isinstance(output, str) and output == "auto"):
        levels = as_output(output).reads_levels
        if chosen and not levels:
            raise ValueError(
                f"categorical_features={categorical_features!r} needs an output over "
                f"categories, and output={output!r} is over numbers; use output='auto'."
            )
        return levels
    return chosen or is_mixed(X, may_miss=True)


def _chooses(categorical_features: Any) -> bool:
    """Return whether there is a column that is said to be a category."""
    if isinstance(categorical_features, str):
        return False
    chosen = list(categorical_features)
    is_mask = all(isinstance(item, (bool, np.bool_)) for item in chosen)
    return any(chosen) if is_mask else bool(chosen)
