"""Fit, score and draw take memory that does not grow with the rows."""

import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from tests.serving import bounded

#: 960 MB in float64.
N_ROWS = 12_000_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory as Linux says it")
def test_memory_is_a_fifth_of_the_rows_at_most(tmp_path):
    (tmp_path / "rows").mkdir()
    bounded.write(tmp_path / "rows", N_ROWS)
    command = [sys.executable, "-m", "tests.serving.bounded", str(tmp_path), str(N_ROWS)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown <= 8 * bounded.N_COLUMNS * N_ROWS / 5
    for name in ("codes", "drawn", "p_values"):
        assert pq.read_metadata(tmp_path / f"{name}.parquet").num_rows == N_ROWS
    p_values = pq.read_table(tmp_path / "p_values.parquet")["p_value"].to_numpy()
    assert abs((p_values <= 0.05).mean() - 0.05) < 0.02
