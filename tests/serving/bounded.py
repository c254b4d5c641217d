"""What a process of its own does with more rows than memory: fit, score and draw."""

import resource
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import sklearn_aae
from sklearn_aae.autoencoder import _streamed

N_COLUMNS, PART = 10, 100_000


def write(folder, n_rows):
    """Write files of columns of numbers."""
    for start in range(0, n_rows, PART):
        rng = np.random.default_rng(start)
        hidden = rng.normal(size=(min(PART, n_rows - start), 2))
        rows = hidden @ np.random.default_rng(0).normal(size=(2, N_COLUMNS))
        rows += 0.1 * rng.normal(size=rows.shape)
        columns = {f"x{j}": column for j, column in enumerate(rows.T)}
        pq.write_table(pa.table(columns), folder / f"{start:09}.parquet")


def peak():
    """Return the peak of resident memory in bytes; of Linux."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(folder, n_rows):
    """Print by how much the peak of memory grows after imports."""
    few = np.random.default_rng(0).normal(size=(300, N_COLUMNS))  # loads what libraries load late
    sklearn_aae.AdversarialAutoencoder(max_epochs=1, random_state=0).fit(few).sample(9)
    sklearn_aae.AAEOutlierDetector(max_epochs=1, random_state=0).fit(few)
    before = peak()
    rows = ds.dataset(folder / "rows")
    # Rows from all files, a twelfth of all: a whole pass takes no more memory, but minutes.
    _streamed.MOST_SEEN = 2**20
    model = sklearn_aae.AdversarialAutoencoder(batch_size=256, random_state=0).fit(rows)
    sklearn_aae.stream(model.transform, rows, folder / "codes.parquet")
    sklearn_aae.stream(model.sample, n_rows, folder / "drawn.parquet")
    detector = sklearn_aae.AAEOutlierDetector(max_epochs=5, random_state=0).fit(rows)
    sklearn_aae.stream(detector.p_values, rows, folder / "p_values.parquet")
    sys.stdout.write(str(peak() - before))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
