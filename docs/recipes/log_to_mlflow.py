"""Log a graph with what it was fitted with to MLflow, and load it from there."""

import mlflow
import onnx
import onnxruntime

from sklearn_aae import load

detector = load("detector.aae")
with mlflow.start_run():
    mlflow.log_params({"alpha": detector.alpha, "contamination": detector.contamination})
    mlflow.log_artifact("detector.aae")  # the estimator itself, for fits that go on
    logged = mlflow.onnx.log_model(onnx.load("detector.onnx"), name="detector")

graph = mlflow.onnx.load_model(logged.model_uri)
session = onnxruntime.InferenceSession(graph.SerializeToString())
print([output.name for output in session.get_outputs()])
