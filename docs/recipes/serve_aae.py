"""A service that says why, too: ``uvicorn serve_aae:app``."""

import pandas as pd
from fastapi import FastAPI

from sklearn_aae import load

detector = load("detector.aae")
types = {"amount": "float64", "country": "str", "day": "datetime64[us]"}
app = FastAPI()


@app.post("/score")
def score(row: dict):
    X = pd.DataFrame([row], columns=list(types)).astype(types)
    (p_value,) = detector.p_values(X)
    (reasons,) = detector.explain(X, top=1)
    return {
        "p_value": float(p_value),
        "outlier": bool(detector.predict(X)[0] < 0),
        "reason": str(reasons[0].column) if reasons else None,
    }
