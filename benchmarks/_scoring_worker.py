"""A process that fits a detector and scores stored rows when told to, of any version.

``python -P _scoring_worker.py TRAINING.npy ROWS.npy``: each line of the input is answered by the
seconds of scoring, by the clock and by the processor.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from sklearn_aae import AAEOutlierDetector


def main(training: str, rows: str) -> None:
    detector = AAEOutlierDetector(random_state=0).fit(np.load(training))
    X = np.load(rows)
    for _ in sys.stdin:
        start, busy = time.perf_counter(), time.process_time()
        detector.score_samples(X)
        print(time.perf_counter() - start, time.process_time() - busy, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
