"""Run every night, by cron or a workflow: fail, and so alert, once rows have drifted."""

import sys
from pathlib import Path

import joblib
import pandas as pd

from sklearn_aae import load

# A pickle: of this job alone, in a folder that nobody else writes to.
state = Path("monitor.joblib")
monitor = joblib.load(state) if state.exists() else load("detector.aae").drift_monitor(alpha=0.01)
drift = monitor.update(pd.read_parquet("rows.parquet"))
joblib.dump(monitor, state)
if drift.detected:
    sys.exit(f"drift since row {drift.first_row} of {drift.n_rows}, in columns {drift.columns}")
