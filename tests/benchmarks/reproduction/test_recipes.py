"""The recipes of the paper's tables, and the commands that run them."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from benchmarks._common import RESULTS
from benchmarks._runs import Runs
from benchmarks.reproduction import paper
from benchmarks.reproduction._recipes import RECIPES, TABLES, all_tasks, settings_id


def test_tasks_name_recipes_and_all_recipes_are_tried():
    assert {name for *_, task in all_tasks() for name in task.recipes} == set(RECIPES)
    assert RECIPES["parzen-plain"] == replace(
        RECIPES["parzen-dropout"], about=RECIPES["parzen-plain"].about, dropout=0.0
    )
    assert RECIPES["semi-wide"].rates[-2:] == (("optimizer_class", 1e-3), ("optimizer_heads", 1e-3))


def test_full_runs_that_are_kept_are_of_recipes_as_they_stand():
    runs, book = Runs(RESULTS, "paper", paper.KEYS), paper.opened(RESULTS)
    done = [row for row in runs.rows() if row["stage"] == paper.FINAL]
    assert done
    for row in done:
        settings = settings_id(RECIPES[row["recipe"]], rows=int(row["rows"]))
        assert row["settings"] == settings
        assert book.count(**{name: row[name] for name in ("table", "task", "seed", "settings")})


@pytest.mark.parametrize("table", [*TABLES, "results", "cost"])
def test_every_table_is_a_command(table):
    top, by_name = paper.build_parser()
    args = top.parse_args([table, "--quick", "--data", "there"])
    assert args.table == table
    assert by_name[table].prefix == f"paper_{table}"
    if table in TABLES:
        assert (args.stage, args.save_every) == (paper.TUNE, 1)
        with pytest.raises(SystemExit):
            top.parse_args([table, "--recipe", "unknown"])


def test_any_setting_changes_the_name_of_settings():
    recipe = RECIPES["semi-paper"]
    others = {settings_id(recipe), settings_id(recipe, rows=1)}
    changed = [field for field in fields(recipe) if field.name != "about"]
    others |= {settings_id(replace(recipe, **{field.name: "?"})) for field in changed}
    assert len(others) == 2 + len(changed)
    assert settings_id(replace(recipe, about="?")) == settings_id(recipe)


def test_bounds_count_in_their_direction():
    nats, error = TABLES["parzen"]["10,000 samples"], TABLES["semi"]["100 labels"]
    assert [nats.reached(value) for value in (300, 325, 345, 350)] == [
        "below the floor", "floor", "goal", "stretch",
    ]  # fmt: skip
    assert [error.reached(value) for value in (4, 3, 1.9, 1)] == [
        "below the floor", "floor", "goal", "stretch",
    ]  # fmt: skip
