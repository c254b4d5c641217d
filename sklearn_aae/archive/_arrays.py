"""How arrays, tensors and their types become data: numbers as they are, in safetensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_aae.archive._graph import Kind, Node, Reader, Writer
from sklearn_aae.archive._plain import of_type
from sklearn_aae.exceptions import DamagedFileError

Keep = Callable[[Any], None]

#: What safetensors knows by the names that numpy has for it.
PLAIN = {
    np.dtype(name)
    for name in ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
}

#: Types of tensors.
TENSORS = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.complex64, torch.complex128),
    )
}
#: Those that numpy has not, and are written as whole numbers of 16 bits.
BITS = {torch.bfloat16: "bfloat16"}


def _is_ordinary(dtype: np.dtype) -> bool:
    return dtype.fields is None and dtype.kind in "biufcmMSU" and dtype.itemsize <= 2**20


# ----------------------------------------------------------------------------- arrays


def _order_of(strides: tuple[int, ...]) -> list[int]:
    """Return the axes from the outermost to the innermost in memory."""
    return sorted(range(len(strides)), key=lambda axis: -strides[axis])


def _write_array(writer: Writer, array: np.ndarray) -> dict[str, Node]:
    """Write an array with the order of its axes in memory, on which last bits may depend."""
    node: dict[str, Node] = {}
    if not array.flags.writeable:
        node["frozen"] = True
    if array.dtype == object:
        items = writer.several("cells", array.ravel().tolist())
        return {**node, "shape": list(array.shape), "items": items}
    if array.dtype.kind == "T":
        items = writer.several("cells", array.ravel().astype(object))
        return {
            **node,
            "shape": list(array.shape),
            "items": items,
            "dtype": writer.write(array.dtype),
        }
    if not _is_ordinary(array.dtype):
        raise writer.refusal(array)
    order = _order_of(array.strides)
    turned = array.transpose(order)
    if order != list(range(array.ndim)) and turned.flags.c_contiguous:
        node["order"] = order
        array = turned
    array = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray adds an axis
    if array.dtype not in PLAIN:
        node |= {"dtype": array.dtype.str, "shape": list(array.shape)}
        array = array.reshape(-1).view(np.uint8) if array.nbytes else np.empty(0, np.uint8)
    return {**node, "at": writer.add(array)}


def _read_array(reader: Reader, node: dict[str, Node], keep: Keep) -> np.ndarray:
    array = _read_cells(reader, node, keep) if "items" in node else _read_numbers(reader, node)
    if node.get("frozen"):
        array.flags.writeable = False
    return array


def _read_cells(reader: Reader, node: dict[str, Node], keep: Keep) -> np.ndarray:
    items, shape = node["items"], tuple(map(int, node["shape"]))
    if math.prod(shape) != len(items):
        raise DamagedFileError(f"the file has {len(items)} cells for an array of shape {shape}.")
    array = np.empty(len(items), dtype=object)
    if "dtype" not in node:
        keep(array)
    for i, item in enumerate(items):
        array[i] = reader.read(item)
    if "dtype" in node:
        array = array.astype(reader.read(node["dtype"]))
    return array.reshape(shape)


def _read_numbers(reader: Reader, node: dict[str, Node]) -> np.ndarray:
    # A copy of its own: the file's bytes need not lie where processors like numbers to be.
    array = np.array(reader.array(node["at"]))
    if "dtype" in node:
        dtype = read_dtype(node["dtype"])
        array = array.view(dtype) if array.size else np.empty(0, dtype)
        array = array.reshape([int(size) for size in node["shape"]])
    if "order" in node:
        array = array.transpose(np.argsort([int(axis) for axis in node["order"]]))
    return array


# ---------------------------------------------------------------------------- tensors


def _write_tensor(writer: Writer, value: torch.Tensor) -> dict[str, Node]:
    if value.layout != torch.strided or value.is_quantized or value.device.type == "meta":
        raise writer.refusal(value)
    node: dict[str, Node] = {}
    if isinstance(value, torch.nn.Parameter):
        node["parameter"] = True
    if value.requires_grad:
        node["grad"] = True
    if value.device.type != "cpu":
        node["device"] = value.device.type
    plain = value.detach().cpu()
    if value.dtype in BITS:
        node["bits"] = BITS[value.dtype]
        plain = plain.view(torch.int16)
    return {**node, **_write_array(writer, plain.numpy())}


def _read_tensor(reader: Reader, node: dict[str, Node], keep: Keep) -> torch.Tensor:
    source = torch.from_numpy(_read_numbers(reader, node))
    # torch's own memory is aligned, and products depend on that in their last bits.
    value = torch.empty_like(source).copy_(source)
    if "bits" in node:
        value = value.view(TENSORS[node["bits"]])
    if node.get("device") == "cuda" and torch.cuda.is_available():
        value = value.cuda()
    if node.get("parameter"):
        return torch.nn.Parameter(value, requires_grad=bool(node.get("grad")))
    return value.requires_grad_() if node.get("grad") else value


def _is_tensor(value: Any) -> bool:
    return type(value) in (torch.Tensor, torch.nn.Parameter)


# ------------------------------------------------------------------------------ types


def read_dtype(text: str) -> np.dtype:
    """Return an ordinary type of numpy by its short name."""
    dtype = np.dtype(str(text)) if len(str(text)) < 32 and "," not in str(text) else None
    if dtype is None or not _is_ordinary(dtype):
        raise DamagedFileError(f"the file names {text!r}, which is no type of an array.")
    return dtype


def _write_dtype(writer: Writer, value: np.dtype) -> dict[str, Node]:
    if value.kind == "O":
        return {"name": "object"}
    if value.kind == "T":
        return {"name": "text", "na": writer.write(getattr(value, "na_object", ""))}
    if not _is_ordinary(value):
        raise writer.refusal(value)
    return {"name": value.str}


def _read_dtype(reader: Reader, node: dict[str, Node], keep: Keep) -> np.dtype:
    if node["name"] == "object":
        return np.dtype(object)
    if node["name"] == "text":
        na = reader.read(node["na"])
        return np.dtypes.StringDType() if na == "" else np.dtypes.StringDType(na_object=na)
    return read_dtype(node["name"])


def _write_scalar(writer: Writer, value: np.generic) -> dict[str, Node]:
    if value.dtype.kind in "biuU" or (
        isinstance(value, np.float64 | np.float32) and np.isfinite(value)
    ):
        return {"dtype": value.dtype.str, "value": value.item()}
    return {"of": writer.write(np.asarray(value))}


def _read_scalar(reader: Reader, node: dict[str, Node], keep: Keep) -> np.generic:
    if "of" in node:
        result: np.generic = reader.read(node["of"])[()]
        return result
    result = read_dtype(node["dtype"]).type(node["value"])
    return result


def _torch_dtype(text: str) -> torch.dtype:
    if text not in TENSORS:
        raise DamagedFileError(f"the file names {text!r}, which is no type of a tensor.")
    return TENSORS[text]


def _device(text: str) -> torch.device:
    device = torch.device(text)
    return (
        torch.device("cpu") if device.type == "cuda" and not torch.cuda.is_available() else device
    )


KINDS = (
    Kind("array", of_type(np.ndarray, np.memmap), _write_array, _read_array),
    Kind("tensor", _is_tensor, _write_tensor, _read_tensor),
    Kind("number", lambda value: isinstance(value, np.generic), _write_scalar, _read_scalar),
    Kind("dtype", lambda value: isinstance(value, np.dtype), _write_dtype, _read_dtype),
    Kind(
        "tensor dtype",
        of_type(torch.dtype),
        lambda writer, value: {"name": str(value).removeprefix("torch.")},
        lambda reader, node, keep: _torch_dtype(node["name"]),
    ),
    Kind(
        "device",
        of_type(torch.device),
        lambda writer, value: {"name": str(value)},
        lambda reader, node, keep: _device(node["name"]),
    ),
)
