"""Which rules of tables are found, whether they hold elsewhere, what they detect, and in draws.

``--data DIR`` names a folder with tables as ``.csv`` files; two are made besides: taxi rides and
orders of a shop.  Rules that are known of some of these have to be found, or to follow from those
that are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from benchmarks._common import Benchmark, Row
from benchmarks._timing import timed
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder
from sklearn_aae.metrics import synthetic_report
from sklearn_aae.rules import Bounds, Determines, Order, Rule, Rules, Sum, find_rules
from sklearn_aae.rules._reexpression import Lookup, Reexpression
from sklearn_aae.rules._table import RuleTable

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
    "taxis": [
        ("pickup <= dropoff", "pickup < dropoff"),
        ("pickup_zone determines pickup_borough",),
        ("dropoff_zone determines dropoff_borough",),
        ("total - fare - tip - tolls is one of 6 amounts",),
    ],
    "orders": [
        ("ordered <= shipped", "shipped - ordered is one of 15 amounts"),
        ("product determines category",),
        ("amount = net + tax",),
    ],
}
#: The parts of this benchmark.
PARTS = ("found", "splits", "planted", "alarms", "drawn")
#: The share of the rows that is left out, and the least share of these that keeps a rule.
LEFT_OUT, LEAST_KEPT = 0.2, 0.97
#: Rows that are made to break a rule, of the rows left out.
MOST_BROKEN = 300
#: Rows of the table that is made, and rows that are drawn.
N_MADE, N_DRAWN = 3000, 10_000
#: How much further from held-out rows than these from training rows a derived quantity may be.
MOST_APART = 0.03


def main() -> None:
    benchmark = Benchmark("rules", __doc__, seeds=20)
    benchmark.add_data("every .csv below it", required=True)
    benchmark.add("--parts", nargs="+", default=list(PARTS), choices=PARTS, help="what to measure")
    benchmark.add("--tables", nargs="+", help="names of tables (default: all)")
    args = benchmark.parse()
    tables = {path.stem: pd.read_csv(path) for path in sorted(Path(args.data).rglob("*.csv"))}
    tables |= {"taxis": taxis(N_MADE, seed=0), "orders": orders(N_MADE, seed=0)}
    tables = {name: table for name, table in tables.items() if name in (args.tables or tables)}
    options: dict[str, Any] = {"max_epochs": 2} if args.quick else {}
    measure: dict[str, Callable[[str, pd.DataFrame], Iterable[Row]]] = {
        "found": found,
        "splits": lambda name, table: [splits(name, table, benchmark.seeds)],
        "planted": lambda name, table: planted(name, table, {"random_state": 0} | options),
        "alarms": lambda name, table: [alarms(name, table, benchmark.seeds, options)],
        "drawn": lambda name, table: drawn(name, table, {"random_state": 0} | options),
    }
    benchmark.report(
        {
            part: [row for name, table in tables.items() for row in measure[part](name, table)]
            for part in args.parts
        },
        left_out=f"{LEFT_OUT:.0%} of the rows",
    )


def taxis(n_rows: int, seed: int) -> pd.DataFrame:
    """Return taxi rides that are made up: they end after they start, zones have boroughs."""
    rng = np.random.default_rng(seed)
    pickup = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 31 * 86_400, n_rows), "s")
    miles = np.round(rng.gamma(1.3, 2.2, n_rows) + 0.1, 2)
    seconds = (60 + miles * rng.gamma(6, 50, n_rows)).astype(int)
    share = rng.dirichlet(np.full(120, 0.4))
    start, end = (rng.choice(120, n_rows, p=share) for _ in range(2))
    end = np.where(rng.random(n_rows) < 0.3, start, end)
    boroughs = np.array(["Manhattan"] * 70 + ["Brooklyn"] * 25 + ["Queens"] * 20 + ["Bronx"] * 5)
    zones = np.array([f"{boroughs[z]} {z:03}" for z in range(120)])
    fare = np.round(2.5 + 2.5 * miles * rng.lognormal(0, 0.1, n_rows), 1)
    credit = rng.random(n_rows) < 0.7
    tip = np.where(credit, np.round(fare * rng.choice([0, 0.15, 0.2, 0.25], n_rows), 2), 0)
    tolls = np.where(rng.random(n_rows) < 0.06, 5.76, 0.0)
    extra = rng.choice([0.3, 0.8, 1.3, 2.8, 3.3, 3.8], n_rows, p=[0.05, 0.3, 0.15, 0.2, 0.2, 0.1])
    return pd.DataFrame(
        {
            "pickup": pickup,
            "dropoff": pickup + pd.to_timedelta(seconds, "s"),
            "passengers": rng.choice([1, 2, 3, 5, 6], n_rows, p=[0.7, 0.15, 0.05, 0.06, 0.04]),
            "distance": miles,
            "fare": fare,
            "tip": tip,
            "tolls": tolls,
            "total": np.round(fare + tip + tolls + extra, 2),
            "payment": np.where(credit, "credit card", "cash"),
            "pickup_zone": zones[start],
            "dropoff_zone": zones[end],
            "pickup_borough": boroughs[start],
            "dropoff_borough": boroughs[end],
        }
    )


def orders(n_rows: int, seed: int) -> pd.DataFrame:
    """Return orders of a shop: shipped after they came in, with tax, products have categories."""
    rng = np.random.default_rng(seed)
    ordered = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, n_rows), "D")
    product = rng.choice(40, n_rows, p=rng.dirichlet(np.ones(40)))
    net = np.round(rng.lognormal(3.5, 0.8, n_rows), 2)
    tax = np.round(net * rng.choice([0, 0.07, 0.19], n_rows, p=[0.1, 0.3, 0.6]), 2)
    return pd.DataFrame(
        {
            "ordered": ordered,
            "shipped": ordered + pd.to_timedelta(rng.geometric(0.3, n_rows) - 1, "D"),
            "product": np.array([f"article {k:02}" for k in range(40)])[product],
            "category": np.array(["tools", "garden", "books", "toys", "music"])[product % 5],
            "pieces": rng.geometric(0.5, n_rows),
            "net": net,
            "tax": tax,
            "amount": np.round(net + tax, 2),
            "country": rng.choice(["AT", "CH", "DE"], n_rows, p=[0.15, 0.15, 0.7]),
        }
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


def planted(name: str, table: pd.DataFrame, options: dict[str, Any]) -> Iterator[Row]:
    """Yield how rows that break one of the rules are told from others, with rules and without."""
    seed = options["random_state"]
    train, test = split(table, seed)
    detectors = {
        rules: AAEOutlierDetector(rules=rules, **options).fit(train) for rules in ("auto", None)
    }
    detector = detectors["auto"]
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
        }


def alarms(name: str, table: pd.DataFrame, seeds: range, options: dict[str, Any]) -> Row:
    """Return the share of usual rows that is flagged, over splits."""
    flagged, detector = [], AAEOutlierDetector(**options)
    for seed in seeds:
        train, test = split(table, seed)
        detector.set_params(random_state=seed).fit(train)
        flagged.append((detector.predict(test) == -1).mean())
    error = np.std(flagged, ddof=1) / np.sqrt(len(flagged)) if len(flagged) > 1 else 0.0
    return {
        "table": name,
        "usual rows flagged": f"{np.mean(flagged):.3f} ± {error:.3f}",
        "of one split": f"{min(flagged):.3f} to {max(flagged):.3f}",
        "alpha": detector.alpha,
        "held out": detector.n_held_out_,
    }


def drawn(name: str, table: pd.DataFrame, options: dict[str, Any]) -> Iterator[Row]:
    """Yield how drawn rows keep the rules, with rules and without, and how near real they are."""
    seed = options["random_state"]
    train, test = split(table, seed)
    rules = Rules(rule for rule in find_rules(train) if rule.by_row and not rule.breaks)
    rules = Rules(rule for rule in rules if not isinstance(rule, Bounds))
    words = Reexpression(rules, RuleTable(train))
    for choice in (None, "auto"):
        model = AdversarialAutoencoder(rules=choice, **options)
        rows = model.fit(train).sample(N_DRAWN, random_state=seed)
        report = synthetic_report(train, rows[: len(test)], test, random_state=seed)
        apart = _derived_apart(words, train, rows, test)
        yield {
            "table": name,
            "rules": str(choice),
            "exact rules": len(rules),
            "drawn rows that break one": f"{rules.broken(rows).any(axis=1).mean():.4f}",
            "derived quantities, furthest": f"{max(apart, default=0):.3f}",
            "target": f"at most {MOST_APART}",
            "C2ST": f"{report.c2st.score:.3f}",
            "column shapes": f"{report.column_shapes.score:.3f}",
            "pair trends": f"{report.pair_trends.score:.3f}",
        }


def _derived_apart(
    words: Reexpression, train: pd.DataFrame, rows: pd.DataFrame, test: pd.DataFrame
) -> list[float]:
    """Return how far off each difference, offset and residual is, beyond what held-out rows are.

    The largest distance of two distribution functions, from training rows.
    """
    apart = []
    for step in words.steps:
        if isinstance(step, Lookup):
            continue
        said = [step.express(RuleTable(part)) for part in (train, rows, test)]
        real, made, held = (values[~np.isnan(values)] for values in said)
        apart.append(ks_2samp(real, made).statistic - ks_2samp(real, held).statistic)
    return apart


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
