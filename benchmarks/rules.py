"""Which rules of real tables are found, whether they hold elsewhere, and what they detect.

``--data DIR`` names a folder with tables as ``.csv`` files.  Rules that are known of some of these
have to be found, or to follow from those that are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks._common import Benchmark, Row
from benchmarks._timing import timed
from sklearn_aae import AAEOutlierDetector
from sklearn_aae.rules import Determines, Order, Rule, Sum, find_rules

#: What is known of tables: a rule that is found, or what it follows from.
KNOWN: dict[str, list[tuple[str, ...]]] = {
    "equation_citations": [
        ("cites = selfcites + othercites",),
        ("equations = mainequations + appequations",),
        ("selfcites <= cites", "cites = selfcites + othercites"),
        ("mainequations <= equations", "equations = mainequations + appequations"),
    ],
    "college": [
        ("Accept <= Apps",),
        ("Enroll <= Accept",),
        ("Top10perc <= Top25perc",),
        ("College is unique",),
    ],
    "doctor_visits": [
        ("age determines agegrp",),
        ("educ1 + educ2 + educ3 = 1",),
        ("age1 + age2 + age3 = 1",),
        *((f"educ determines educ{k}",) for k in (1, 2, 3)),
        *((f"agegrp determines age{k}",) for k in (1, 2, 3)),
    ],
    "channing": [("age = ageentry + time",), ("obs is a running number",)],
}
#: The share of the rows that is left out, and the least share of these that keeps a rule.
LEFT_OUT, LEAST_KEPT = 0.2, 0.97
#: Rows that are made to break a rule, of the rows left out.
MOST_BROKEN = 300


def main() -> None:
    benchmark = Benchmark("rules", __doc__, seeds=20)
    benchmark.add_data("every .csv below it", required=True)
    args = benchmark.parse()
    tables = {path.stem: pd.read_csv(path) for path in sorted(Path(args.data).rglob("*.csv"))}
    benchmark.report(
        {
            "found": [row for name, table in tables.items() for row in found(name, table)],
            "splits": [splits(name, table, benchmark.seeds) for name, table in tables.items()],
            "planted": [
                row
                for name, table in tables.items()
                for row in planted(name, table, seed=0, short=args.quick)
            ],
        },
        left_out=f"{LEFT_OUT:.0%} of the rows",
    )


def found(name: str, table: pd.DataFrame) -> Iterator[Row]:
    """Yield what is known of a table, and whether it is found."""
    rules, seconds = timed(find_rules, table)
    texts = {str(rule) for rule in rules}
    facts = {"table": name, "rows": len(table), "columns": table.shape[1]}
    for ways in KNOWN.get(name, []):
        how = "yes" if ways[0] in texts else "follows" if {*ways[1:]} & texts else "no"
        yield facts | {"rule": ways[0], "found": how, "seconds": f"{seconds:.2f}"}
    if name not in KNOWN:
        yield facts | {"rule": f"{len(rules)} rules", "found": "", "seconds": f"{seconds:.2f}"}


def splits(name: str, table: pd.DataFrame, seeds: range) -> Row:
    """Return how well rules hold in rows left out."""
    kept, counts = [], []
    for seed in seeds:
        train, test = split(table, seed)
        shares = find_rules(train, random_state=seed).check(test).share
        counts.append(len(shares))
        kept += [1 - share for share in shares.values()]
    return {
        "table": name,
        "rules": f"{np.mean(counts):.1f}",
        "kept by, worst": f"{min(kept, default=1):.3f}",
        "kept by, mean": f"{np.mean(kept) if kept else 1:.4f}",
        "target": f"at least {LEAST_KEPT}",
        "met": "yes" if min(kept, default=1) >= LEAST_KEPT else "no",
    }


def split(table: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows in two parts."""
    order = np.random.default_rng(seed).permutation(len(table))
    n = int(LEFT_OUT * len(table))
    return table.iloc[np.sort(order[n:])], table.iloc[np.sort(order[:n])]


def planted(name: str, table: pd.DataFrame, seed: int, *, short: bool) -> Iterator[Row]:
    """Yield how rows that break one of the rules are told from others, with rules and without."""
    train, test = split(table, seed)
    options = {"random_state": seed, "max_epochs": 2} if short else {"random_state": seed}
    detectors = {
        rules: AAEOutlierDetector(rules=rules, **options).fit(train) for rules in ("auto", None)
    }
    detector = detectors["auto"]
    flagged = (detector.predict(test) == -1).mean()
    for rule in detector.rules_:
        odd = broken_rows(rule, test, seed)
        if odd is None:
            continue
        truth = np.repeat([0, 1], [len(test), len(odd)])
        areas = {
            rules: roc_auc_score(truth, -own.score_samples(pd.concat([test, odd])))
            for rules, own in detectors.items()
        }
        first = [reasons[0].column in rule.columns for reasons in detector.explain(odd, top=1)]
        yield {
            "table": name,
            "rule": str(rule),
            "AUC": f"{areas['auto']:.3f}",
            "AUC without rules": f"{areas[None]:.3f}",
            "column of the rule first": f"{np.mean(first):.2f}",
            "usual rows flagged": f"{flagged:.3f}",
        }


def broken_rows(rule: Rule, test: pd.DataFrame, seed: int) -> pd.DataFrame | None:
    """Return rows that break a rule in its last column; None if there are no such rows."""
    rng = np.random.default_rng(seed)
    odd = test[:MOST_BROKEN].copy()
    if isinstance(rule, Order):
        gap: Any = (odd[rule.high] - odd[rule.low]).quantile(0.9)
        odd[rule.high] = (odd[rule.low] - gap).astype(odd[rule.high].dtype, errors="ignore")
    elif isinstance(rule, (Determines, Sum)):
        column = rule.determined if isinstance(rule, Determines) else rule.total
        if column is None:
            return None
        odd[column] = rng.permutation(odd[column].to_numpy())
    else:
        return None
    odd = odd[rule.broken(odd)]
    return odd if len(odd) else None


if __name__ == "__main__":
    main()
