"""Rows that come and go in streams, where they do not fit into memory."""

from sklearn_aae.serving._stream import stream

__all__ = ["stream"]
