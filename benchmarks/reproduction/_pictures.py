"""Pictures of what the models of the claims benchmark draw, as plain grey PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reproduction._judge import FITTED, fitted_normal, standard_normal
from benchmarks.reproduction._models import AE
from benchmarks.reproduction._tables import Data

N_COLUMNS, N_SAMPLE_ROWS, N_LINES = 12, 4, 3
#: Pixels of a picture for one of an image, by height of the image.
WIDTH = 480


def draw_pictures(out: Path, name: str, model: Any, data: Data) -> None:
    """Write samples, and lines between held-out rows, of a model and what stands beside it."""
    prior = standard_normal(data.schedule.n_components, 0)
    write(out, data, name, [model.inverse_transform(prior(N_COLUMNS * N_SAMPLE_ROWS))])
    if not model.encodes:
        return
    write(out, data, f"{name}_lines", [lines(model, data)])
    if name == AE:
        draw = fitted_normal(model.transform(data.train), 0)
        rows = model.inverse_transform(draw(N_COLUMNS * N_SAMPLE_ROWS))
        write(out, data, f"{name}{FITTED}", [rows])
    real = data.test[: N_COLUMNS * N_SAMPLE_ROWS]
    write(out, data, "held-out", [real])


def lines(model: Any, data: Data) -> np.ndarray:
    """Return images along lines between codes, with the rows themselves at both ends."""
    first, second = data.test[:N_LINES], data.test[N_LINES : 2 * N_LINES]
    a, b = model.transform(first), model.transform(second)
    shares = np.linspace(0, 1, N_COLUMNS - 2, dtype=a.dtype)
    codes = (
        a[:, np.newaxis] * (1 - shares[:, np.newaxis]) + b[:, np.newaxis] * shares[:, np.newaxis]
    )
    decoded = model.inverse_transform(codes.reshape(-1, a.shape[1]))
    decoded = decoded.reshape(N_LINES, len(shares), -1)
    return np.concatenate([first[:, np.newaxis], decoded, second[:, np.newaxis]], axis=1).reshape(
        N_LINES * N_COLUMNS, -1
    )


def write(out: Path, data: Data, title: str, parts: list[np.ndarray]) -> None:
    """Write images side by side as ``claims_DATA_TITLE.png``, dark on light."""
    from matplotlib import image

    assert data.image is not None
    height, width = data.image
    rows = np.concatenate(parts).reshape(-1, N_COLUMNS, height, width)
    gap = max(1, width // 14)
    tiles = np.pad(rows, ((0, 0), (0, 0), (0, gap), (0, gap)))
    sheet = 1 - tiles.transpose(0, 2, 1, 3).reshape(len(rows) * (height + gap), -1)
    factor = max(1, WIDTH // sheet.shape[1])
    sheet = sheet[:-gap, :-gap].repeat(factor, axis=0).repeat(factor, axis=1)
    words = title.replace(",", "").replace(" ", "_").lower()
    out.mkdir(parents=True, exist_ok=True)
    image.imsave(out / f"claims_{data.name}_{words}.png", sheet, cmap="gray", vmin=0, vmax=1)
