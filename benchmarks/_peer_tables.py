"""TabularARGN of ``mostlyai-engine`` and the adversarial random forest of ``arfpy``.

Both are open source and measured where they are installed; no extra of this package installs
them.  What each of them refuses, or returns otherwise than it came, is put right here, as
someone who uses it would.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._ctgan import Filled
from benchmarks._frames import as_floats, from_floats, is_number


class Autoregressive:
    """TabularARGN, which takes missing cells and dates as they are."""

    def __init__(self, random_state: int, **settings: Any) -> None:
        self.random_state, self.settings = random_state, settings

    def fit(self, frame: pd.DataFrame) -> Autoregressive:
        from mostlyai.engine import TabularARGN

        self.frame = frame
        self.model = TabularARGN(random_state=self.random_state, device="cpu", **self.settings)
        self.model.fit(self._plain(frame))
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        from mostlyai.engine import set_random_state

        set_random_state(random_state)
        drawn = self.model.sample(n_samples=n_samples)
        columns: dict[str, Any] = {}
        for name, column in self.frame.items():
            if is_number(column) and column.dtype.kind != "M":
                values = drawn[name].to_numpy(np.float64, na_value=np.nan)
                columns[name] = from_floats(values, column)
            elif column.dtype.kind == "M":
                columns[name] = from_floats(as_floats(pd.to_datetime(drawn[name])), column)
            else:
                # What it hides as rare is no level of the column: it comes back missing.
                words = {str(level): level for level in column.dropna().unique()}
                columns[name] = drawn[name].map(words).astype(column.dtype)
        return pd.DataFrame(columns)

    def _plain(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return categories and booleans as text, which it models as categories."""
        plain = {
            name: column
            if is_number(column)
            else column.astype(object).where(column.isna(), column.astype(str))
            for name, column in frame.items()
        }
        return pd.DataFrame(plain)


class Forest:
    """The adversarial random forest, which takes neither missing cells nor dates."""

    def __init__(self, random_state: int, **settings: Any) -> None:
        self.random_state, self.settings = random_state, settings

    def fit(self, frame: pd.DataFrame) -> Forest:
        from arfpy import arf

        self.filled = Filled(frame)
        filled = self.filled.fill()
        for name in self.filled.discrete:
            filled[name] = filled[name].astype(object)
        # It looks columns up by position, which pandas 3 only takes where labels are positions.
        self.names = list(filled)
        filled.columns = range(filled.shape[1])
        # It prints whatever verbose says.
        with contextlib.redirect_stdout(io.StringIO()), _numpy_of_its_time():
            self.model = arf.arf(
                x=filled, verbose=False, random_state=self.random_state, **self.settings
            )
            self.model.forde()
        return self

    def sample(self, n_samples: int, random_state: int) -> pd.DataFrame:
        # It draws from numpy's global generator.
        state = np.random.get_state()
        np.random.seed(random_state)
        try:
            with _numpy_of_its_time():
                drawn = self.model.forge(n=n_samples)
        finally:
            np.random.set_state(state)
        drawn.columns = self.names
        return self.filled.unfill(drawn)


@contextlib.contextmanager
def _numpy_of_its_time() -> Iterator[None]:
    """Lend numpy the names that arfpy 0.1.1 calls and numpy 2.4 no longer has.

    As shipped, it fails in ``fit`` there.
    """
    missing = {"in1d": np.isin}
    lent = {name: function for name, function in missing.items() if not hasattr(np, name)}
    for name, function in lent.items():
        setattr(np, name, function)
    try:
        yield
    finally:
        for name in lent:
            delattr(np, name)
