"""Score a file that may be larger than memory."""

import sklearn_aae

detector = sklearn_aae.load("detector.aae")
n_rows = sklearn_aae.stream(detector.p_values, "rows.parquet", "p_values.parquet")
print(f"{n_rows} rows scored")
