"""Fitted estimators where rows are: streams of more than memory holds, and other runtimes."""

from sklearn_aae.serving._onnx import export_onnx
from sklearn_aae.serving._stream import stream

__all__ = ["export_onnx", "stream"]
