"""
Watching for drift, week by week
================================

A detector is fitted once; are the rows of later weeks still like those that it knows?
"""

# %%
# A year of weeks
# ---------------
#
# Payments: an amount, a discount that depends on it, days until payment, and hour of
# the day. From week 30 on customers take eight days longer to pay.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_aae import AAEOutlierDetector

rng = np.random.default_rng(0)


def payments(n_rows, delay=0.0):
    amount = rng.lognormal(4, 1, size=n_rows)
    return pd.DataFrame(
        {
            "amount": amount,
            "discount": 0.02 * amount * rng.uniform(0.8, 1.2, size=n_rows),
            "days": rng.gamma(9, 2, size=n_rows) + delay,
            "hour": rng.normal(13, 2, size=n_rows),
        }
    )


detector = AAEOutlierDetector(random_state=0).fit(payments(1500))

# %%
# One look a week
# ---------------
#
# The monitor may be asked after every week, or after every row: the probability that it
# ever raises a false alarm is at most ``alpha`` over all weeks together. A test of each
# week at 5 % would raise two or three a year.

monitor = detector.drift_monitor(alpha=0.05)
n_weeks, n_rows, change = 52, 40, 30
for week in range(n_weeks):
    drift = monitor.update(payments(n_rows, delay=8.0 * (week >= change)))
week = drift.first_row // n_rows + 1
print(
    f"drift found in week {week}, {week - change} after it began, in {drift.columns}"
)

# %%
# What the monitor saw
# --------------------
#
# The evidence is the capital of somebody who bets against "no drift". It hardly moves as
# long as nothing changes, and multiplies once something has.

from sklearn_aae.inspection import DriftDisplay

display = DriftDisplay.from_monitor(monitor)
display.ax_.axvline(change * n_rows, color="C1", linestyle="--", linewidth=1)
display.ax_.set_title("dashed: the change", fontsize="medium")
plt.show()

# %%
# Each column has a capital of its own, on the right; with four of them a column is named where
# it has multiplied by 80.
