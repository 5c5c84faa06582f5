"""monitor= and min_delta=: what stops a training and which epoch is the best."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import f1_score, mean_absolute_error
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, LoadInitState
from torch.optim.lr_scheduler import ReduceLROnPlateau

from mtlearn import Classification, Partial, SeedEnsemble, load, save
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.training import SWA, TaskMetric
from tiny_problems import assert_same_bits, same_bits, table_estimator


def noisy(n_samples=80):
    """Little to learn and much to overfit: figures differ in their best epoch."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n_samples, 4))
    kind = np.digitize(X[:, 0] + 1.5 * rng.normal(size=n_samples), [-0.8, 0.8])
    size = 0.5 * X[:, 1] + rng.normal(size=n_samples)
    return X, np.column_stack([kind, size])


X, Y = noisy()
DATA = X[:40], Y[:40]
VALID = {"X_val": X[40:], "y_val": Y[40:]}
F1 = TaskMetric(f1_score, "kind", average="macro")
MAE = TaskMetric(mean_absolute_error, "size")
FALLING = ("loss", "kind_loss", "size_loss", "size_mean_absolute_error")
RISING = ("score", "kind_accuracy", "size_r2", "kind_f1")


def estimator(**params):
    defaults = {"max_epochs": 25, "callbacks": [F1, MAE], "lr": 0.05}
    return table_estimator(**{**defaults, **params})


def figures(fitted, name, side="valid"):
    return np.array([row[f"{side}_{name}"] for row in fitted.history_])


def best_of(values, name, min_delta=0.0):
    """The best epoch from 1, and the epochs since, by a loop of its own."""
    sign = 1 if name in FALLING else -1
    best, epoch = np.inf, 0
    for position, value in enumerate(sign * np.asarray(values), start=1):
        if value < best - min_delta:
            best, epoch = value, position
    return epoch


@pytest.mark.parametrize("params", [{"early_stopping": True}, {}])
def test_a_figure_that_no_epoch_has_is_warned_of(params):
    one = {"X_val": X[40:41], "y_val": Y[40:41]}  # of which there is no R²
    fitted = estimator(monitor="size_r2", **params)
    with pytest.warns(UserWarning, match="'valid_size_r2' is no finite number") as seen:
        fitted.fit(*DATA, **one)
    assert [warning.filename for warning in seen] == [__file__]
    assert fitted.best_epoch_ == fitted.n_iter_
    # In one epoch there is nothing to choose from; nor in rows that none follows.
    fitted.set_params(max_epochs=1).fit(*DATA, **one)
    fitted.set_params(monitor="train_size_r2").partial_fit(X[:1], Y[:1])


@pytest.mark.parametrize("name", [*FALLING, *RISING])
def test_the_best_epoch_is_that_of_the_figure(name):
    fitted = estimator(monitor=name).fit(*DATA, **VALID)
    assert fitted.n_iter_ == 25
    assert fitted.best_epoch_ == best_of(figures(fitted, name), name)
    short = estimator(max_epochs=fitted.best_epoch_, callbacks=None).fit(*DATA)
    assert_same_bits(fitted, short)


def test_the_figures_differ_in_their_best_epochs():
    fitted = estimator().fit(*DATA, **VALID)
    names = (*FALLING, *RISING)
    assert len({best_of(figures(fitted, name), name) for name in names}) > 4


@pytest.mark.parametrize("name", ["size_loss", "kind_f1"])
def test_early_stopping_follows_the_figure(name):
    stops = {"early_stopping": True, "n_iter_no_change": 4, "max_epochs": 300}
    fitted = estimator(monitor=f"valid_{name}", **stops).fit(*DATA, **VALID)
    assert fitted.n_iter_ < 300
    assert fitted.best_epoch_ == best_of(figures(fitted, name), name)
    assert fitted.n_iter_ == fitted.best_epoch_ + 4


@pytest.mark.parametrize("name", ["loss", "kind_accuracy"])
@pytest.mark.parametrize("min_delta", [0.02, 10.0])
def test_min_delta_counts_for_patience_and_for_the_best_epoch(name, min_delta):
    stops = {"early_stopping": True, "n_iter_no_change": 6, "max_epochs": 300}
    fitted = estimator(monitor=name, min_delta=min_delta, **stops).fit(*DATA, **VALID)
    expected = best_of(figures(fitted, name), name, min_delta)
    assert fitted.best_epoch_ == expected
    assert fitted.n_iter_ == expected + 6
    if min_delta == 10.0:
        assert expected == 1
    assert_same_bits(fitted, estimator(max_epochs=expected).fit(*DATA))


def test_a_figure_of_training_rows_holds_none_out():
    stops = {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 300}
    fitted = estimator(monitor="train_loss", lr=0.5, callbacks=None, **stops)
    fitted.fit(*DATA)
    assert "valid_loss" not in fitted.history_[0]
    losses = figures(fitted, "loss", "train")
    assert fitted.best_epoch_ == np.argmin(losses) + 1 == fitted.n_iter_ - 2
    short = estimator(max_epochs=fitted.best_epoch_, lr=0.5).fit(*DATA)
    assert_same_bits(fitted, short)


class Rates(Callback):
    """Counts, by a loop of its own, when a plateau must halve the rate."""

    def on_train_begin(self, net, **kwargs):
        self.rates, self.rate, self.best, self.bad = [], 0.05, np.inf, 0

    def on_epoch_end(self, net, **kwargs):
        value = -net.history[-1, "valid_kind_accuracy"]
        self.bad = 0 if value < self.best else self.bad + 1
        self.best = min(self.best, value)
        if self.bad > 2:
            self.rate, self.bad = self.rate / 2, 0
        self.rates.append(self.rate)


@pytest.mark.parametrize("given", [{}, {"mode": "max"}])
def test_a_plateau_follows_the_figure(given):
    rates = Rates()
    fitted = estimator(
        lr_schedule=Partial(ReduceLROnPlateau, factor=0.5, patience=2, **given),
        monitor="kind_accuracy",
        callbacks=[rates],
    ).fit(*DATA, **VALID)
    # A row has the rate that its epoch was trained with.
    np.testing.assert_allclose(
        [row["lr"] for row in fitted.history_][1:], rates.rates[:-1]
    )
    assert rates.rate < 0.05


def test_a_plateau_of_the_other_direction():
    schedule = Partial(ReduceLROnPlateau, mode="min")
    message = "'mode' of ReduceLROnPlateau must be 'max' where the monitor is 'valid_sc"
    with pytest.raises(InvalidParameterError, match=message):
        estimator(lr_schedule=schedule, monitor="score").fit(*DATA, **VALID)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_unknown_figures_are_an_error_before_training(method):
    fitted = estimator(monitor="kind_r2")
    with pytest.raises(InvalidParameterError, match=r"'kind_accuracy'.*Got 'kind_r2'"):
        getattr(fitted, method)(*DATA)
    assert not hasattr(fitted, "net_")


def test_a_figure_of_a_task_without_validation_labels():
    holes = Y[40:].copy()
    holes[:, 1] = np.nan
    message = r"No validation row has a label of 'size', of which 'valid_size_r2' is ma"
    with pytest.raises(InvalidDataError, match=message):
        estimator(monitor="size_r2").fit(*DATA, X_val=X[40:], y_val=holes)
    # What is not followed may lack labels.
    fitted = estimator(monitor="kind_f1", callbacks=[F1])
    fitted.fit(*DATA, X_val=X[40:], y_val=holes)
    assert fitted.best_epoch_ == best_of(figures(fitted, "kind_f1"), "kind_f1")
    with pytest.warns(UserWarning, match="label of 'size': 'valid_score', and"):
        estimator(monitor="score").fit(*DATA, X_val=X[40:], y_val=holes)


def test_validation_labels_of_classes_that_weigh_nothing():
    weights = {0: 1.0, 1: 0.0, 2: 1.0}
    kind = Y[:, 0] == 1
    tasks = Classification(3, class_weight=weights)
    fitted = table_estimator(tasks, early_stopping=True)
    with pytest.raises(InvalidDataError, match="No validation row has a label of 'tas"):
        fitted.fit(X, Y[:, 0], X_val=X[kind], y_val=Y[kind, 0])
    # Its accuracy is plain, and can be followed.
    fitted.set_params(monitor="task_0_accuracy")
    fitted.fit(X, Y[:, 0], X_val=X[kind], y_val=Y[kind, 0])


def test_an_undefined_figure_is_never_the_best():
    fitted = estimator(monitor="size_r2", early_stopping=True, n_iter_no_change=3)
    constant = np.column_stack([Y[40:, 0], np.full(40, 0.5)])
    with pytest.warns(UserWarning, match="'valid_size_r2' is no finite number"):
        fitted.fit(*DATA, X_val=X[40:], y_val=constant)
    assert np.isnan(figures(fitted, "size_r2")).all()
    assert fitted.best_epoch_ == fitted.n_iter_ == 3
    assert_same_bits(fitted, estimator(max_epochs=3).fit(*DATA))


@pytest.mark.parametrize("averaging", ["ema", SWA(start=0.6)])
def test_averages(averaging):
    fitted = estimator(monitor="score", averaging=averaging).fit(*DATA, **VALID)
    if averaging == "ema":
        assert fitted.best_epoch_ == best_of(figures(fitted, "score"), "score")
        kept = fitted.score(X[40:], Y[40:])
        assert kept == pytest.approx(figures(fitted, "score").max())
    else:
        assert fitted.best_epoch_ == 25


def test_more_training_follows_the_figure_of_its_own_epochs():
    fitted = estimator(monitor="score", warm_start=True, max_epochs=6)
    fitted.fit(*DATA, **VALID).set_params(monitor="size_loss").fit(*DATA, **VALID)
    second = figures(fitted, "size_loss")[6:]
    assert fitted.best_epoch_ == 6 + best_of(second, "size_loss")


def test_a_training_that_was_interrupted_goes_on_with_the_same_best(tmp_path):
    class Crash(Callback):
        def on_epoch_end(self, net, **kwargs):
            if crashes and len(net.history) == 9:
                raise MemoryError

    params = {"monitor": "kind_f1", "early_stopping": True, "n_iter_no_change": 8}
    whole = estimator(**params).fit(*DATA, **VALID)
    interrupted = estimator(
        **params, checkpoint_dir=tmp_path, callbacks=[F1, MAE, Crash()]
    )
    crashes = True
    with pytest.raises(MemoryError):
        interrupted.fit(*DATA, **VALID)
    crashes = False
    interrupted.fit(*DATA, **VALID)
    assert_same_bits(whole, interrupted)
    assert whole.best_epoch_ == interrupted.best_epoch_
    assert whole.n_iter_ == interrupted.n_iter_


def test_files_searches_and_ensembles(tmp_path):
    fitted = estimator(monitor="score", min_delta=0.01, callbacks=None, max_epochs=3)
    fitted.fit(*DATA, **VALID)
    save(fitted, tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        assert (again.monitor, again.min_delta) == ("score", 0.01)
        assert again.best_epoch_ == fitted.best_epoch_
    last = estimator(early_stopping=True, max_epochs=3)
    search = GridSearchCV(last, {"monitor": ["loss", "kind_f1"]}, cv=2).fit(*DATA)
    assert search.best_params_["monitor"] in ("loss", "kind_f1")
    ensemble = SeedEnsemble(last.set_params(monitor="kind_f1"), 2, random_state=0)
    for member in ensemble.fit(*DATA).estimators_:
        assert member.best_epoch_ == best_of(figures(member, "kind_f1"), "kind_f1")


def loaded_best(tmp_path, kind):
    """A callback of skorch that loads the weights of the best F1."""
    if kind is EarlyStopping:
        return EarlyStopping(
            "valid_kind_f1", patience=50, lower_is_better=False, load_best=True,
            threshold_mode="abs", threshold=0,
        )  # fmt: skip
    return Checkpoint(
        monitor=lambda net: (
            np.argmax(net.history[:, "valid_kind_f1"]) == len(net.history) - 1
        ),
        dirname=str(tmp_path),
        load_best=True,
    )


@pytest.mark.parametrize("kind", [EarlyStopping, Checkpoint])
def test_the_best_epoch_is_the_one_that_a_callback_has_loaded(tmp_path, kind):
    plain = estimator().fit(*DATA, **VALID)
    callback = loaded_best(tmp_path, kind)
    fitted = estimator(callbacks=[F1, MAE, callback]).fit(*DATA, **VALID)
    expected = best_of(figures(plain, "kind_f1"), "kind_f1")
    assert fitted.best_epoch_ == expected != plain.best_epoch_
    assert_same_bits(fitted, estimator(max_epochs=expected).fit(*DATA))
    assert not same_bits(fitted, plain)


@pytest.mark.parametrize("kind", [EarlyStopping, Checkpoint])
def test_epochs_that_a_callback_has_brought_back_are_not_those_of_the_fit(
    tmp_path, kind
):
    state = Checkpoint(monitor=None, dirname=tmp_path / "state")
    estimator(max_epochs=3, callbacks=[F1, state]).fit(*DATA, **VALID)
    callbacks = [F1, MAE, LoadInitState(state), loaded_best(tmp_path / "best", kind)]
    fitted = estimator(callbacks=callbacks, random_state=1).fit(*DATA, **VALID)
    values = figures(fitted, "kind_f1")
    earlier = fitted.net_.history[:3, "valid_kind_f1"]
    assert len(values) == 22
    assert max(values[:-1]) > max(*earlier, values[-1])
    assert fitted.best_epoch_ == best_of(values, "kind_f1")


def test_the_best_epoch_may_be_one_before_the_fit(tmp_path):
    best = loaded_best(tmp_path, Checkpoint)
    before = estimator(callbacks=[F1, best]).fit(*DATA, **VALID)
    again = loaded_best(tmp_path, Checkpoint)
    n_epochs = len(before.net_.history)
    fitted = estimator(
        callbacks=[F1, LoadInitState(again), again], max_epochs=n_epochs + 3, lr=1e-9
    ).fit(*DATA, **VALID)
    assert_same_bits(fitted, before)
    assert fitted.best_epoch_ == 0


def test_a_callback_that_loads_nothing_leaves_the_best_epoch():
    stopping = EarlyStopping("train_loss", load_best=True, patience=50)
    params = {"monitor": "kind_loss", "max_epochs": 10}
    fitted = estimator(callbacks=[stopping], **params).fit(*DATA, **VALID)
    plain = estimator(**params).fit(*DATA, **VALID)
    # The training loss was lowest in the last epoch, of which nothing is loaded.
    assert np.argmin(figures(fitted, "loss", "train")) == 9
    assert fitted.best_epoch_ == plain.best_epoch_ < 10
    assert_same_bits(fitted, plain)
