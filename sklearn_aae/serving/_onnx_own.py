"""Networks of the user's in a graph of ONNX, as torch exports them."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from sklearn_aae._utils._compat import import_extra
from sklearn_aae.serving._onnx_graph import OPSETS, SINGLE, Value


def own_network(module: nn.Module, x: Value, width: int) -> Value:
    """Return what a network makes of rows (n, width), in float32 as torch has it."""
    exported = _export(module, width)
    graph = x.graph
    prefix = graph.new_name()
    part = import_extra("onnx.compose", "onnx").add_prefix_graph(exported.graph, f"{prefix} ")
    rows, found = part.input[0].name, part.output[0].name
    graph.nodes.append(graph.onnx.helper.make_node("Identity", [x.to(SINGLE).name], [rows]))
    graph.nodes.extend(part.node)
    graph.initializers |= {constant.name: constant for constant in part.initializer}
    return Value(graph, found, SINGLE).to(x.dtype)


def _export(module: nn.Module, width: int) -> Any:
    import_extra("onnxscript", "onnx")
    network = copy.deepcopy(module).float().cpu().eval()
    rows = torch.zeros(2, width)
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                network,
                (rows,),
                dynamo=True,
                dynamic_shapes=shapes,
                opset_version=OPSETS[""],
                verbose=False,
            )
        assert program is not None
        model = program.model_proto
    except torch.onnx.OnnxExporterError as error:
        # What went wrong stands in its causes, not in the advice around them.
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        first = next(iter(str(cause).splitlines()), "")
        raise _refusal(module, f"torch's exporter refuses it ({first})") from error
    foreign = sorted({own.domain for own in model.opset_import} - {"", "ai.onnx"})
    if foreign or model.functions:
        raise _refusal(module, f"it needs operators beyond ONNX's own ({', '.join(foreign)})")
    return model


def _refusal(module: nn.Module, why: str) -> ValueError:
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    return ValueError(
        f"the network {name} cannot be exported to ONNX: {why}. Build it of layers of torch.nn."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Let torch's exporter say nothing but errors: it tells of packages that nobody needs."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
