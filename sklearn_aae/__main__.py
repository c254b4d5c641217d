"""Audit a table: ``python -m sklearn_aae [TABLE] [--out DIR]``."""

from __future__ import annotations

import sys

from sklearn_aae.audit._command import main

if __name__ == "__main__":
    sys.exit(main())
