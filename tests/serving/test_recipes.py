"""The recipes of the user guide's page on serving run as they stand there."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AdversarialAutoencoder

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
ROW = {"amount": 1e7, "country": "XX", "day": "2026-02-01"}


def run(recipe):
    """Return what a recipe prints, in a process of its own: other libraries warn of themselves."""
    command = [sys.executable, "-W", "ignore", str(recipe)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def payments(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": rng.lognormal(3, 1, n),
            "country": rng.choice(["AT", "CH", "DE"], n),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, n), "D"),
        }
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a folder with the files that recipes ask for."""
    folder = tmp_path_factory.mktemp("recipes")
    detector = AAEOutlierDetector(max_epochs=3, random_state=0).fit(payments())
    sklearn_aae.save(detector, folder / "detector.aae")
    sklearn_aae.export_onnx(detector, folder / "detector.onnx")
    payments(50, seed=1).to_parquet(folder / "rows.parquet", index=False)
    return folder


def test_score_batches(fitted, monkeypatch, capsys):
    monkeypatch.chdir(fitted)
    runpy.run_path(str(RECIPES / "score_batches.py"))
    assert capsys.readouterr().out == "50 rows scored\n"
    found = pd.read_parquet("p_values.parquet").iloc[:, 0]
    expected = sklearn_aae.load("detector.aae").p_values(payments(50, seed=1))
    np.testing.assert_array_equal(found, expected)


def test_watch_drift(fitted, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "detector.aae").write_bytes((fitted / "detector.aae").read_bytes())
    payments(50, seed=1).to_parquet("rows.parquet", index=False)
    runpy.run_path(str(RECIPES / "watch_drift.py"))
    moved = payments(100, seed=2)
    moved["amount"] *= 1e4
    moved.to_parquet("rows.parquet", index=False)
    with pytest.raises(SystemExit, match=r"of 150, in columns \['amount'"):
        runpy.run_path(str(RECIPES / "watch_drift.py"))


@pytest.mark.slow
def test_export_encoder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    model = AdversarialAutoencoder(scaling=None, max_epochs=1, random_state=0).fit(X)
    sklearn_aae.save(model, "model.aae")
    run(RECIPES / "export_encoder.py")
    encoder = torch.export.load("encoder.pt2").module()
    codes = encoder(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(codes, model.transform(X), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["serve_onnx", "serve_aae"])
def test_services(recipe, fitted, monkeypatch):
    pytest.importorskip("fastapi", reason="the service needs FastAPI")
    pytest.importorskip("httpx", reason="FastAPI's test client needs httpx")
    from fastapi.testclient import TestClient

    monkeypatch.chdir(fitted)
    client = TestClient(runpy.run_path(str(RECIPES / f"{recipe}.py"))["app"])
    answer = client.post("/score", json=ROW).json()
    assert answer["outlier"]
    assert answer["p_value"] < 0.05
    usual = client.post("/score", json={"amount": 20.0, "country": None, "day": None}).json()
    assert usual["p_value"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, expected",
    [
        ("log_to_mlflow", "['score_samples', 'p_values', 'predict']"),
        ("log_with_skops", "True"),
    ],
)
def test_mlflow(recipe, expected, fitted, monkeypatch):
    pytest.importorskip("mlflow", reason="the recipe needs MLflow")
    pytest.importorskip("skops", reason="one recipe needs skops")
    monkeypatch.chdir(fitted)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (fitted / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    found = run(RECIPES / f"{recipe}.py")
    assert found.splitlines()[-1] == expected


def test_apps_are_short():
    for path in RECIPES.glob("serve_*.py"):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        assert len(lines) <= 25, path.name
