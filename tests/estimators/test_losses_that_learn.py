"""A loss with weights or buffers of its own is trained, kept, moved and undone."""

import copy
import functools
import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn import Classification, Partial, Regression, Tasks, load, save
from mtlearn.exceptions import DivergenceError, InvalidParameterError
from mtlearn.training import task_gradients
from tiny_problems import labelled_rows, make_table, table_estimator


class Uncertain(nn.Module):
    """The squared error with a variance that is learned."""

    def __init__(self, start=0.0):
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(start))

    def forward(self, output, target):
        error = (output - target) ** 2
        return error * torch.exp(-self.log_variance) + self.log_variance

    def compute(self, output, target):
        return self(output, target)


class Holder:
    """Calls a module that is one of its attributes."""

    def __init__(self, inner):
        self.inner = [inner]

    def __call__(self, output, target):
        return self.inner[0](output, target)


def by_module(module, output, target):
    return module(output, target)


def estimator_of(loss, **params):
    defaults = {"lr": 0.01, "max_epochs": 1, "batch_size": 100}
    defaults["optimizer"] = torch.optim.SGD
    return table_estimator(Tasks(size=Regression(loss=loss)), **{**defaults, **params})


def clone_of(estimator):
    """Return a copy without the optimiser's state, as a file has none."""
    return pickle.loads(pickle.dumps(estimator))


def learned(estimator):
    (value,) = estimator.net_.criterion_.parameters()
    return value.item()


@pytest.fixture
def problem():
    X, y = make_table()
    return X, y[:, 1]


class Recorder(Callback):
    """Keeps the variance of each epoch, and fails in one."""

    crashes = None

    def on_train_begin(self, net, **kwargs):
        self.seen_ = []

    def on_epoch_end(self, net, **kwargs):
        (value,) = net.criterion_.parameters()
        self.seen_.append(value.item())

    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == Recorder.crashes:
            raise RuntimeError("crash")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda module: module,
        lambda module: module.compute,
        Holder,
        lambda module: functools.partial(by_module, module),
        lambda module: Partial(Holder(module)),
    ],
    ids=["module", "method", "object", "partial", "Partial"],
)
def test_a_step_by_hand(problem, wrap):
    loss = wrap(Uncertain())
    estimator = estimator_of(loss).fit(*problem)
    # d/ds of mean(e * exp(-s) + s) at s = 0, where the loss is mean(e).
    error = estimator.history_[0]["train_loss"]
    assert learned(estimator) == pytest.approx(-0.01 * (1 - error), rel=1e-12)


def test_the_object_of_the_user_stays_as_it_is(problem):
    loss = Uncertain(0.5)
    estimator = estimator_of(loss, max_epochs=5).fit(*problem)
    assert loss.log_variance.item() == 0.5
    assert loss.log_variance.dtype == torch.float32
    assert loss.training
    assert estimator.tasks_["size"].loss.log_variance.item() == 0.5
    assert learned(estimator) != 0.5


def weighted(output, target):
    factors = torch.tensor([1.0, 2.0, 5.0], dtype=output.dtype)
    return factors[target] * nn.functional.cross_entropy(
        output, target, reduction="none"
    )


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_buffers_have_the_type_of_the_network(precision):
    X, y = make_table()
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0]), reduction="none")
    one, other = (
        table_estimator(
            Tasks(kind=Classification(3, loss=each)), precision=precision
        ).fit(X, y[:, 0])
        for each in (loss, weighted)
    )
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert loss.weight.dtype == torch.float32


def test_it_follows_to_another_type(problem):
    estimator = estimator_of(Uncertain(), warm_start=True).fit(*problem)
    estimator.set_params(precision="float32").fit(*problem)
    (value,) = estimator.net_.criterion_.parameters()
    assert value.dtype == torch.float32


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_it_is_undone_where_training_fails(problem, method, monkeypatch):
    estimator = estimator_of(Uncertain(), warm_start=True, callbacks=[Recorder()])
    before = learned(estimator.fit(*problem))
    monkeypatch.setattr(Recorder, "crashes", 1)
    with pytest.raises(RuntimeError, match="crash"):
        getattr(estimator, method)(*problem)
    assert learned(estimator) == before


def test_the_best_epoch_has_the_best_loss_too(problem):
    X, y = problem
    recorder = Recorder()
    estimator = estimator_of(
        Uncertain(), max_epochs=40, lr=0.2, callbacks=[recorder]
    ).fit(X[:20], y[:20], X_val=X[20:], y_val=y[20:])
    assert estimator.best_epoch_ < 40
    assert learned(estimator) == recorder.seen_[estimator.best_epoch_ - 1]


def test_averages_have_it(problem):
    recorder = Recorder()
    params = {"max_epochs": 4, "callbacks": [recorder]}
    mean = learned(estimator_of(Uncertain(), averaging="swa", **params).fit(*problem))
    # The last epochs from ceil(0.75 * 4) on.
    assert mean == pytest.approx(np.mean(recorder.seen_[2:]), rel=1e-12)
    estimator_of(Uncertain(), **params).fit(*problem)
    raw, average = recorder.seen_, recorder.seen_[0]
    averaged = learned(
        estimator_of(Uncertain(), averaging="ema", **params).fit(*problem)
    )
    for count, value in enumerate(raw[1:], 1):
        decay = (1 + count) / (10 + count)
        average = decay * average + (1 - decay) * value
    assert averaged == pytest.approx(average, rel=1e-12)


def test_a_checkpoint_has_it(problem, tmp_path, monkeypatch):
    params = {"max_epochs": 6, "callbacks": [Recorder()]}
    expected = learned(estimator_of(Uncertain(), **params).fit(*problem))
    estimator = estimator_of(Uncertain(), **params, checkpoint_dir=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "crashes", 4)
        with pytest.raises(RuntimeError, match="crash"):
            estimator.fit(*problem)
    assert learned(estimator.fit(*problem)) == expected


@pytest.mark.parametrize("copied", [copy.deepcopy, clone_of])
def test_a_copy_has_it(problem, copied):
    estimator = estimator_of(Uncertain(), max_epochs=3).fit(*problem)
    again = copied(estimator)
    assert learned(again) == learned(estimator)
    assert learned(again.partial_fit(*problem)) != learned(estimator)


def test_its_gradients_count_where_they_are_clipped(problem):
    estimator = estimator_of(Uncertain(), clip_grad_norm=1e-3, lr=1.0)
    before = copy.deepcopy(estimator).set_params(lr=1e-30).fit(*problem)
    after = estimator.fit(*problem)
    moved = [
        (one - other).square().sum()
        for net in zip(
            before.net_.get_all_learnable_params(),
            after.net_.get_all_learnable_params(),
            strict=True,
        )
        for one, other in [(net[0][1].detach(), net[1][1].detach())]
    ]
    assert len(moved) == 5
    assert float(torch.stack(moved).sum().sqrt()) == pytest.approx(1e-3, rel=1e-3)


class Bursting(Uncertain):
    """Its weight leaves the finite numbers, its values do not."""

    def forward(self, output, target):
        with torch.no_grad():
            self.log_variance.fill_(np.inf)
        return (output - target) ** 2


def test_divergence_names_it(problem):
    with pytest.raises(DivergenceError, match=r"'criterion\..*log_variance' are not"):
        estimator_of(Bursting()).fit(*problem)


class Modal(nn.Module):
    """Tells the modes in which it was called."""

    modes: ClassVar[list] = []

    def forward(self, output, target):
        Modal.modes.append(self.training)
        return (output - target) ** 2


def test_it_knows_training_from_validation(problem):
    X, y = problem
    Modal.modes.clear()
    estimator_of(Modal()).fit(X, y, X_val=X, y_val=y)
    assert Modal.modes == [True, False]


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 5.0]), reduction="none"),
        nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1),
        nn.MultiMarginLoss(p=2, margin=0.5, reduction="none"),
    ],
)
def test_a_file_has_losses_of_torch(loss, tmp_path):
    X, y = make_table()
    estimator = table_estimator(Tasks(kind=Classification(3, loss=loss)))
    save(estimator.fit(X, y[:, 0]), tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    same = again.tasks["kind"].loss
    assert repr(same) == repr(loss)
    for name, value in loss.state_dict().items():
        torch.testing.assert_close(same.state_dict()[name], value, rtol=0, atol=0)
    one, other = (each.partial_fit(X, y[:, 0]) for each in (again, clone_of(estimator)))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_file_has_no_other_losses(problem, tmp_path):
    estimator = estimator_of(Uncertain()).fit(*problem)
    with pytest.raises(InvalidParameterError, match=r"loss cannot be saved.*Uncertain"):
        save(estimator, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_gradients_of_tasks_leave_it_alone(problem):
    estimator = estimator_of(Uncertain())
    before = learned(estimator.fit(*problem))
    task_gradients(estimator.net_, labelled_rows(estimator, *problem))
    assert learned(estimator) == before
