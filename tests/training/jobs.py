"""What several processes do in the tests of distributed training: ``python -m ... NAME FOLDER``."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import torch
from skorch.callbacks import Callback
from torch import nn

from sklearn_aae import AAEClassifier, AdversarialAutoencoder
from sklearn_aae.autoencoder import _streamed
from sklearn_aae.encoding import _datasets
from sklearn_aae.training import _checkpoint, distributed


def numbers():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(300, 3))
    return places @ rng.normal(size=(3, 8)) + 0.3 * rng.normal(size=(300, 8))


def mixed():
    x, y, z = np.random.default_rng(1).normal(size=(3, 300))
    kind = np.where(x > 0, "left", np.where(y > 0, "middle", "right"))
    return pd.DataFrame({"size": x.round(1), "kind": kind, "weight": x + z, "big": y > 0.3})


TABLES = {"numbers": numbers, "mixed": mixed}


class StepLosses(Callback):
    """Keeps the losses of all phases of every step."""

    def on_train_begin(self, net, **kwargs):
        self.losses = []

    def on_batch_end(self, net, training=True, losses=None, **kwargs):
        if training:
            self.losses.append(losses.tolist())


def write_files(folder):
    """Write mixed rows to two files, of row groups that are no multiple of what is read at once."""
    rows = pa.Table.from_pandas(pd.concat([mixed()] * 3, ignore_index=True))
    rows = rows.append_column("day", pa.array(np.arange(len(rows)) // 7))
    for name, part in (("a", rows[:500]), ("b", rows[500:])):
        pq.write_table(part, folder / f"{name}.parquet", row_group_size=90)


def model(**settings):
    """Return a model whose three batches an epoch two processes do not share evenly."""
    given = {"batch_size": 101, "max_epochs": 17, "hidden_layer_sizes": (32,), "random_state": 0}
    return AdversarialAutoencoder(**{**given, "discriminator_layer_sizes": (16,), **settings})


def outcome(fitted):
    return [value.numpy() for value in fitted.net_.module_.state_dict().values()]


def trained(name, **settings):
    """Return the losses of 51 steps, and what the training ends with."""
    steps = StepLosses()
    table = TABLES[name]()
    fitted = model(callbacks=[steps], **settings).fit(table)
    assert ("Channel" in repr(fitted.net_.module_.posterior)) == (name == "mixed")
    return {
        "losses": np.array(steps.losses),
        "weights": outcome(fitted),
        "history": fitted.history_,
        "draws": np.asarray(fitted.sample(5, random_state=0)),
    }


def streamed(files, *, filtered=False):
    """Return the losses of a fit to files that are too large for memory, and the rows read."""
    steps, n_read = StepLosses(), []
    read = _datasets.Stream._batches_of

    def counted(self, fragment, n_rows):
        for table in read(self, fragment, n_rows):
            n_read.append(len(table))
            yield table

    dataset = ds.dataset(files)
    with (
        patch.object(_streamed, "SAMPLED_ROWS", 400),
        patch.object(_datasets.Stream, "_batch_rows", 64),
        patch.object(_datasets.Stream, "_batches_of", counted),
    ):
        fitted = model(callbacks=[steps], max_epochs=2).fit(
            dataset.filter(ds.field("size") > -9) if filtered else dataset
        )
    return {
        "losses": np.array(steps.losses),
        "weights": outcome(fitted),
        "history": fitted.history_,
        "draws": fitted.sample(5, random_state=0).to_pandas()["size"].to_numpy(),
        "read": sum(n_read),
    }


class BatchNormed(nn.Sequential):
    def __init__(self, n_in, n_out):
        super().__init__(nn.Linear(n_in, 4), nn.BatchNorm1d(4), nn.Linear(4, n_out))


def refusals(rank, files):
    """Return what is said of trainings that processes cannot share."""
    X = numbers()
    y = X[:, 0] > 0
    cases = {
        "seeds": (model(random_state=None), X),
        "rows": (model(), X if rank == 0 else X[::-1]),
        "files": (model(), ds.dataset(files if rank == 0 else files / "a.parquet")),
        "parameters": (model(max_epochs=1 + rank), X),
        "weights": (model(hidden_layer_sizes=(8, 8 + rank)), X),
        "rows of a batch": (model(batch_size=1), X),
        "batch norm": (model(encoder=BatchNormed), X),
        "classifier": (AAEClassifier(random_state=0, max_epochs=1), X, y),
    }
    said = {}
    for name, (estimator, *data) in cases.items():
        try:
            estimator.fit(*data)
        except ValueError as error:
            said[name] = str(error)
        assert not hasattr(estimator, "net_"), name
    return said


def compare(folder):
    """Train on both tables, alone beside a process group and together; then be refused."""
    torch.distributed.init_process_group("gloo")
    alone = trained("numbers", max_epochs=2)
    with distributed() as ranks:
        assert ranks.size == 2
        found = {name: trained(name) for name in TABLES}
        found["early"] = trained("numbers", early_stopping=True, max_epochs=3, prior="learned")
        found["files"] = streamed(folder / "files")
        found["filtered"] = streamed(folder / "files", filtered=True)
        said = refusals(ranks.rank, folder / "files")
    torch.distributed.destroy_process_group()
    return {**found, "alone": alone, "said": said}


def resume(folder):
    """Train, or go on training, with a checkpoint after every epoch."""
    _checkpoint.INTERVAL, _checkpoint.SHARE = 0, float("inf")
    with distributed(timeout=60):
        return outcome(model(checkpoint=folder / "jobs").fit(numbers()))


def die(folder):
    """Do the same, but one of the processes is killed after five epochs."""
    keep = _checkpoint.Checkpoint.keep
    kept = []

    def keep_and_die(self, *arguments, **options):
        keep(self, *arguments, **options)
        kept.append(None)
        if len(kept) == 5 and torch.distributed.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    _checkpoint.Checkpoint.keep = keep_and_die
    return resume(folder)


JOBS = {"compare": compare, "resume": resume, "die": die}

if __name__ == "__main__":
    job, folder = JOBS[sys.argv[1]], Path(sys.argv[2])
    answer = job(folder)
    (folder / f"{sys.argv[1]}{os.environ['RANK']}.pickle").write_bytes(pickle.dumps(answer))
