"""What every part may use: private imports, roll-back on error, seeds, registries, threads."""
