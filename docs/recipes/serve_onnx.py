"""A service without torch and without this package: ``uvicorn serve_onnx:app``."""

import json

import numpy as np
import onnxruntime
from fastapi import FastAPI

session = onnxruntime.InferenceSession("detector.onnx")
facts = session.get_modelmeta().custom_metadata_map
units = {column["name"]: column.get("unit") for column in json.loads(facts["columns"])}
app = FastAPI()


def as_input(given, cell):
    if given.type == "tensor(string)":
        return np.array([["" if cell is None else cell]], dtype=object)
    if given.type == "tensor(int64)":  # a date, as text of ISO 8601
        return np.array([[cell]], dtype=f"M8[{units[given.name]}]").view(np.int64)
    return np.array([[np.nan if cell is None else cell]], dtype=np.float64)


@app.post("/score")
def score(row: dict):
    feed = {given.name: as_input(given, row.get(given.name)) for given in session.get_inputs()}
    score, p_value, flag = (float(found[0]) for found in session.run(None, feed))
    return {"score": score, "p_value": p_value, "outlier": flag < 0}
