"""Rows that are kept in terms of Python and come back as they came."""

from __future__ import annotations

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl

from sklearn_aae.encoding import KeptRows

DATES = ["2020-01-01", None, "2021-06-01"]


def test_frames_of_pandas_come_back():
    frame = pd.DataFrame(
        {
            "int": [1, 2, 3],
            "float": [1.5, None, 2],
            "text": ["x", None, "y"],
            "category": pd.Categorical(["u", "v", None]),
            "date": pd.to_datetime(DATES),
            "clock": pd.to_datetime(DATES).tz_localize("Europe/Berlin"),
            "Int64": pd.array([2**60 + 1, None, 3], dtype="Int64"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "uint8": np.array([1, 2, 255], dtype="uint8"),
            "duration": pd.to_timedelta([1, 2, None], unit="D"),
        }
    )
    kept = pickle.loads(pickle.dumps(KeptRows.of(frame)))
    pd.testing.assert_frame_equal(kept.build(), frame)


def test_frames_of_polars_come_back():
    frame = pl.DataFrame(
        {
            "int": [1, 2, None],
            "text": ["x", None, "y"],
            "day": [datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)],
            "time": [datetime.datetime(2020, 1, 1, 5), None, datetime.datetime(2021, 1, 1)],
            "category": pl.Series(["u", "v", None], dtype=pl.Categorical),
            "enum": pl.Series(["u", "v", None], dtype=pl.Enum(["v", "u"])),
        }
    )
    back = KeptRows.of(frame).build()
    assert back.schema == frame.schema
    assert back.equals(frame)


def test_arrays_come_back():
    rows = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(KeptRows.of(rows).build(), rows)
