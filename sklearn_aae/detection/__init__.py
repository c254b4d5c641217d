"""What the detector is made of: fitting an ensemble, evidence, references, calibration."""
