"""Plain values and arrays as one checked file: what files of estimators and checkpoints are."""
