"""skorch's callbacks: what they see and do here is what they see and do in skorch."""

from __future__ import annotations

import pickle
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from skorch import NeuralNet
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    Initializer,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    NeptuneLogger,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
    WandbLogger,
)
from skorch.helper import predefined_split

from sklearn_aae import AdversarialAutoencoder
from tests.instances import fast, fast_classifier

HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_batch_begin",
    "on_grad_computed",
    "on_batch_end",
    "on_epoch_end",
    "on_train_end",
]

SETTINGS = {"max_epochs": 4, "batch_size": 40}


class AtEveryHook(Callback):
    """Calls ``act`` with the name of each hook."""

    def act(self, hook, training, net):
        raise NotImplementedError


def _hook(name):
    def hook(self, net, *args, training=None, **kwargs):
        self.act(name, training, net)

    return hook


for _name in HOOKS:
    setattr(AtEveryHook, _name, _hook(_name))


class Hooks(AtEveryHook):
    """Notes which hooks it saw."""

    def __init__(self):
        self.seen_, self.n_initialized_ = [], 0

    def initialize(self):
        self.n_initialized_ += 1
        return self

    def act(self, hook, training, net):
        self.seen_.append((hook, training))


class Locked:
    """As writers and trials are: not to be copied or pickled; any method notes its name."""

    def __init__(self):
        self.lock, self.calls = threading.Lock(), []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.calls.append((name, args, kwargs))

    def __getitem__(self, name):
        return self

    def __setitem__(self, name, value):
        self.calls.append((name, value))


class Board(Callback):
    """Writes a loss to a writer; named as Optuna names what its callback keeps."""

    def __init__(self, writer):
        self._writer = writer

    def on_epoch_end(self, net, **kwargs):
        self._writer.add(net.history[-1, "train_loss"])


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(160, 5)).astype(np.float32)


def plain_net(callbacks, **parameters):
    """Return skorch's own net of an autoencoder."""
    settings = {"max_epochs": 4, "batch_size": 40, "train_split": None, "verbose": 0, "lr": 1e-3}
    return NeuralNet(
        torch.nn.Linear,
        torch.nn.MSELoss,
        module__in_features=5,
        module__out_features=5,
        callbacks=callbacks,
        **{**settings, **parameters},
    )


def rows_seen(net, X, y=None):
    return float(len(X))


def reconstructions(net, X, y=None):
    assert net.predict(X).shape == (160, 5)
    return 1.0


#: What a run of MLflow says of itself.
RUN = SimpleNamespace(info=SimpleNamespace(run_id="0"))

#: For every callback of skorch what makes one, in a folder; all of them train on the same rows.
CALLBACKS = {
    "Callback": lambda _: Callback(),
    "BatchScoring": lambda _: BatchScoring(rows_seen, on_train=True, name="rows"),
    "Checkpoint": lambda to: Checkpoint(dirname=to, monitor="train_loss_best", load_best=True),
    "EarlyStopping": lambda _: EarlyStopping(monitor="train_loss", patience=1, threshold=0.9),
    "EpochScoring": lambda _: EpochScoring(rows_seen, on_train=True, name="rows"),
    "EpochScoring without a cache": lambda _: EpochScoring(
        reconstructions, on_train=True, name="rows", use_caching=False
    ),
    "EpochScoring by name": lambda _: EpochScoring("r2", lower_is_better=False, on_train=True),
    "Freezer": lambda _: Freezer("decoder.0*"),
    "GradientNormClipping": lambda _: GradientNormClipping(1.0),
    "Initializer": lambda _: Initializer("*.0.weight", fn=lambda p: p.data.mul_(0.5)),
    "LRScheduler": lambda _: LRScheduler("StepLR", step_size=1),
    "LRScheduler by batch": lambda _: LRScheduler("StepLR", step_size=1, step_every="batch"),
    "LoadInitState": lambda to: LoadInitState(Checkpoint(dirname=to)),
    "MlflowLogger": lambda _: MlflowLogger(RUN, Locked(), create_artifact=False),
    "NeptuneLogger": lambda _: NeptuneLogger(
        Locked(), log_on_batch_end=True, close_after_train=False
    ),
    "ParamMapper": lambda _: ParamMapper("decoder.0*", fn=lambda p: None),
    "PassthroughScoring": lambda _: PassthroughScoring("train_loss", on_train=True),
    "PrintLog": lambda _: PrintLog(sink=lambda line: None),
    "ProgressBar": lambda _: ProgressBar(detect_notebook=False),
    "SacredLogger": lambda _: SacredLogger(Locked(), log_on_batch_end=True),
    "TensorBoard": lambda _: TensorBoard(Locked()),
    "TrainEndCheckpoint": lambda to: TrainEndCheckpoint(dirname=to),
    "Unfreezer": lambda _: Unfreezer("decoder.0*", at=2),
    "WandbLogger": lambda _: WandbLogger(Locked(), save_model=False),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_hooks_and_history_are_those_of_a_skorch_net(X, name, tmp_path, capsys, monkeypatch):
    # Neptune's own type for files.
    monkeypatch.setattr(NeptuneLogger, "_model_summary_file", staticmethod(str))
    make, here, there = CALLBACKS[name], Hooks(), Hooks()
    model = fast(adversarial_weight=0, callbacks=[make(str(tmp_path / "a")), here], **SETTINGS)
    model.fit(X)
    net = plain_net([make(str(tmp_path / "b")), there]).fit(X, X)
    assert here.seen_ == there.seen_
    assert here.n_initialized_ == there.n_initialized_ == 1
    assert len(model.net_.history) == len(net.history)
    for ours, theirs in zip(model.net_.history, net.history, strict=True):
        assert set(ours) >= set(theirs)
    capsys.readouterr()


def test_hooks_are_those_of_a_skorch_net_with_validation_rows(X):
    class Rows(Hooks):
        def on_epoch_begin(self, net, dataset_train, dataset_valid, **kwargs):
            super().on_epoch_begin(net, **kwargs)
            self.n_valid_ = len(dataset_valid)

    here, there = Rows(), Rows()
    settings = {"max_epochs": 2, "batch_size": 32}
    table = np.tile(X, (2, 1))
    fast(adversarial_weight=0, callbacks=[here], early_stopping=True, **settings).fit(table)
    train, held_out = table[here.n_valid_ :], table[: here.n_valid_]
    valid = plain_net(None).initialize().get_dataset(held_out, held_out)
    plain_net([there], train_split=predefined_split(valid), **settings).fit(train, train)
    assert ("on_batch_end", False) in here.seen_
    assert here.seen_ == there.seen_


def test_instances_are_used_as_they_are_and_go_on_in_later_calls(X):
    hooks, writer = Hooks(), Locked()
    model = fast(callbacks=[("hooks", hooks), Board(writer)], warm_start=True).fit(X)
    assert dict(model.net_.callbacks_)["hooks"] is hooks
    assert len(writer.calls) == 3
    model.fit(X).partial_fit(X)
    assert len(writer.calls) == 7
    assert hooks.n_initialized_ == 1
    model.set_params(warm_start=False).fit(X)
    assert hooks.n_initialized_ == 2


@pytest.mark.parametrize("estimator", [fast, fast_classifier])
def test_classes_and_functions_make_a_callback_in_every_new_fit(X, estimator):
    writers = []

    def board():
        writers.append(Locked())
        return Board(writers[-1])

    y = X[:, 0] > 0
    model = clone(estimator(max_epochs=3, callbacks=[Hooks, ("board", board)]))
    model.fit(X, y)
    first = dict(model.net_.callbacks_)
    assert type(first["Hooks"]) is Hooks
    assert [len(writer.calls) for writer in writers] == [3]
    model.partial_fit(X, y)
    assert dict(model.net_.callbacks_)["Hooks"] is first["Hooks"]
    assert [len(writer.calls) for writer in writers] == [4]
    model.fit(X, y)
    assert dict(model.net_.callbacks_)["Hooks"] is not first["Hooks"]
    assert [len(writer.calls) for writer in writers] == [4, 3]


def test_a_model_inside_a_classifier_may_hold_what_cannot_be_copied(X):
    board = Board(Locked())
    classifier = fast_classifier(estimator=fast(callbacks=[board]), max_epochs=2)
    assert classifier.fit(X, X[:, 0] > 0).n_iter_ == 2


def make_board():
    return Board(Locked())


@pytest.mark.slow
def test_searches_in_two_processes_make_callbacks_there(X):
    model = fast(callbacks=[make_board, Hooks])
    search = GridSearchCV(model, {"lr": [1e-3, 1e-2]}, cv=2, n_jobs=2, error_score="raise")
    assert len(search.fit(X).cv_results_["params"]) == 2
    models = cross_validate(
        fast(callbacks=[Hooks]), X, cv=2, n_jobs=2, return_estimator=True, error_score="raise"
    )["estimator"]
    assert all(dict(each.net_.callbacks_)["Hooks"].seen_ for each in models)


def test_passthrough_scoring_leaves_losses_as_they_are(X):
    names = ["train_loss", "train_discriminator_loss", "train_generator_loss"]
    scorings = [PassthroughScoring(name, on_train=True) for name in names]
    scorings.append(PassthroughScoring("valid_loss"))
    settings = {"early_stopping": True, "max_epochs": 4, "batch_size": 50}
    table = np.tile(X, (2, 1))
    plain, passed = fast(**settings).fit(table), fast(callbacks=scorings, **settings).fit(table)
    for name, values in plain.history_.items():
        np.testing.assert_allclose(passed.history_[name], values, rtol=1e-12)
    best = np.array(passed.net_.history[:, "train_generator_loss_best"])
    figures = np.array(plain.history_["generator_loss"])
    np.testing.assert_array_equal(best, figures <= np.minimum.accumulate(figures))


def test_losses_of_all_batches_can_be_read_when_an_epoch_ends(X):
    class Mean(Callback):
        def on_epoch_end(self, net, **kwargs):
            rows = net.history[-1, "batches", :, ["train_loss", "train_batch_size"]]
            losses, sizes = zip(*rows, strict=True)
            net.history.record("mean", float(np.average(losses, weights=sizes)))

    model = fast(callbacks=[Mean], batch_size=50).fit(X)
    np.testing.assert_allclose(model.net_.history[:, "mean"], model.loss_curve_)
    assert not any(epoch["batches"] for epoch in model.net_.history)


def test_a_net_that_trains_can_be_pickled(X, tmp_path):
    checkpoint = Checkpoint(dirname=str(tmp_path), monitor=None, f_pickle="net.pkl")
    model = fast(callbacks=[lambda: checkpoint]).fit(X)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    assert len(net.history) == 3
    assert [name for name, _ in net.callbacks_] == ["epoch_timer", "Checkpoint"]
    dataset = net.get_dataset(model._read(X))
    np.testing.assert_allclose(net.encode_rows(dataset), model.transform(X), rtol=1e-4, atol=1e-5)
    assert len(net.partial_fit(dataset).history) == 6


def test_train_end_checkpoint_saves_what_training_ends_with(X, tmp_path):
    checkpoint = TrainEndCheckpoint(
        dirname=str(tmp_path), f_optimizer_disc="disc.pt", f_optimizer_gen="gen.pt"
    )
    table = np.tile(X, (2, 1))
    settings = {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 30, "lr": 0.05}
    model = fast(callbacks=[checkpoint], **settings).fit(table)
    # Early stopping has put the best epoch back before.
    assert model.n_iter_ < 30
    saved = torch.load(tmp_path / "train_end_params.pt")
    kept = model.net_.module_.state_dict()
    assert all(torch.equal(saved[k], kept[k]) for k in saved if not k.startswith("head."))
    for name in ("optimizer", "disc", "gen"):
        assert torch.load(tmp_path / f"train_end_{name}.pt")["state"]
    assert len((tmp_path / "train_end_history.json").read_text()) > 100


@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_a_checkpoint_loads_at_the_end_stays(X, tmp_path, early_stopping):
    kept = {}

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            kept[len(net.history)] = pickle.loads(pickle.dumps(net.module_.state_dict()))

    def second(net):
        return len(net.history) == 2

    checkpoint = Checkpoint(dirname=str(tmp_path), monitor=second, load_best=True)
    model = fast(
        callbacks=[checkpoint, Keep], early_stopping=early_stopping, max_epochs=6, lr=1e-2
    ).fit(np.tile(X, (2, 1)))
    # The checkpoint loads its history, too.
    assert model.n_iter_ == 2 < len(kept)
    final = model.net_.module_.state_dict()
    assert all(torch.equal(final[k], kept[2][k]) for k in final if not k.startswith("head."))


def test_a_checkpoint_may_load_an_epoch_of_an_earlier_call(X, tmp_path):
    checkpoint = Checkpoint(
        dirname=str(tmp_path),
        f_params="{last_epoch[epoch]}.pt",
        f_history=None,
        monitor=lambda net: len(net.history) == 2,
        load_best=True,
    )
    model = fast(callbacks=[checkpoint], warm_start=True).fit(X).fit(X)
    assert model.n_iter_ == 6
    saved, final = torch.load(tmp_path / "2.pt"), model.net_.module_.state_dict()
    assert all(torch.equal(final[k], saved[k]) for k in final if not k.startswith("head."))


def test_a_user_callback_sees_the_epoch_that_ends_training(X):
    hooks = Hooks()
    model = fast(
        callbacks=[hooks], early_stopping=True, n_iter_no_change=1, max_epochs=40, lr=0.05
    ).fit(np.tile(X, (2, 1)))
    assert model.n_iter_ < 40
    ends = [hook for hook, _ in hooks.seen_ if hook == "on_epoch_end"]
    assert len(ends) == model.n_iter_


class Stop(AtEveryHook):
    """Raises ``KeyboardInterrupt`` the first time that a hook comes in an epoch."""

    def __init__(self, hook, epoch):
        self.hook = hook
        self.epoch = epoch

    def act(self, hook, training, net):
        if hook == self.hook and len(net.history) == self.epoch:
            self.interrupt()

    def interrupt(self):
        raise KeyboardInterrupt


class PressesCtrlC(Stop):
    """Sleeps, and somebody presses Ctrl-C."""

    def interrupt(self):
        main = threading.main_thread().ident
        timer = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.start()
        time.sleep(20)


#: How many epochs are kept of a training that a hook of its third epoch ends.
KEPT = {"on_epoch_begin": 2, "on_batch_begin": 2, "on_grad_computed": 2, "on_batch_end": 2}
KEPT |= {"on_epoch_end": 3}


@pytest.mark.parametrize("hook", KEPT)
def test_a_callback_ends_training_in_good_order(X, hook):
    weights = {}

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            weights[len(net.history)] = pickle.loads(pickle.dumps(net.module_.state_dict()))

    hooks = Hooks()
    model = fast(callbacks=[Keep, Stop(hook, 3), hooks], **SETTINGS).fit(X)
    assert model.n_iter_ == len(model.loss_curve_) == KEPT[hook]
    assert not model.interrupted_
    final = model.net_.module_.state_dict()
    expected = weights[KEPT[hook]]
    assert all(torch.equal(final[k], expected[k]) for k in final if not k.startswith("head."))
    assert hooks.seen_[-1] == ("on_train_end", None)


def test_a_search_goes_on_when_a_callback_ends_a_training(X):
    model = fast(callbacks=[Stop("on_epoch_end", 2)], max_epochs=9)
    search = GridSearchCV(model, {"lr": [1e-3, 1e-2]}, cv=2, error_score="raise").fit(X)
    assert search.best_estimator_.n_iter_ == 2


def test_of_an_only_epoch_what_there_is_is_kept(X):
    model = fast(callbacks=[Stop("on_batch_end", 1)], batch_size=40).fit(X)
    assert model.n_iter_ == 1
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.transform(X)).all()
    with pytest.raises(ValueError, match="a callback ended training before its first step"):
        fast(callbacks=[Stop("on_epoch_begin", 1)]).fit(X)


def test_a_thread_knows_no_ctrl_c(X):
    models = []
    stop = Stop("on_epoch_end", 2)
    thread = threading.Thread(target=lambda: models.append(fast(callbacks=[stop]).fit(X)))
    thread.start()
    thread.join()
    assert models[0].n_iter_ == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals for threads")
@pytest.mark.parametrize("hook", [*KEPT, "on_train_end"])
def test_ctrl_c_while_a_callback_sleeps_is_raised_again(X, hook):
    before = signal.getsignal(signal.SIGINT)
    epoch = 4 if hook == "on_train_end" else 3
    model = fast(callbacks=[PressesCtrlC(hook, epoch)], **SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.n_iter_ == KEPT.get(hook, 4)
    assert model.interrupted_
    assert np.isfinite(model.transform(X)).all()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals for threads")
def test_ctrl_c_ends_a_search(X):
    model = fast(callbacks=[PressesCtrlC("on_epoch_end", 2)])
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(model, {"lr": [1e-3, 1e-2]}, cv=2).fit(X)


def noisy(n_in, n_out):
    return torch.nn.Sequential(
        torch.nn.Linear(n_in, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(8, n_out),
    )


@pytest.mark.parametrize("estimator", [AdversarialAutoencoder, fast_classifier])
def test_a_monitor_of_scikit_learn_sees_evaluation_mode(X, estimator):
    from sklearn.callback import ScoringMonitor

    seen = []

    def scorer(fitted, X, y=None):
        first, second = fitted.transform(X), fitted.transform(X)
        seen.append((fitted.net_.module_.training, np.array_equal(first, second)))
        return {"score": 0.0}

    if estimator is AdversarialAutoencoder:
        model = fast(encoder=noisy, callbacks=[Board(Locked())])
    else:
        model = fast_classifier(estimator=fast(encoder=noisy), max_epochs=3)
    model.set_callbacks(ScoringMonitor(scoring=scorer)).fit(X, X[:, 0] > 0)
    assert len(seen) >= 3
    assert set(seen) == {(False, True)}
