"""Log an estimator itself to MLflow, by skops and without a pickle, and load it from there."""

import mlflow
import skops.io

from sklearn_aae import load

detector = load("detector.aae")
# Here they are of this package and numpy: who loads another's model should read them first.
types = skops.io.get_untrusted_types(data=skops.io.dumps(detector))
with mlflow.start_run():
    logged = mlflow.sklearn.log_model(
        detector, name="detector", serialization_format="skops", skops_trusted_types=types
    )

again = mlflow.sklearn.load_model(logged.model_uri)
print(again.offset_ == detector.offset_)
