"""aggregation= through an estimator: with all else, and the same bits again."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from noisy_estimators import NOISY
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn
from torch.utils.checkpoint import checkpoint

from mtlearn import (
    Classification,
    MultiLabel,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
    load,
    save,
)
from mtlearn.exceptions import InvalidParameterError, NetworkError
from mtlearn.losses import CAGrad, FairGrad, PCGrad
from mtlearn.networks import CGC
from mtlearn.training import EMA
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    same_bits,
    table_estimator,
    weights_of,
)

NAMES = ["pcgrad", "upgrad", "mgda", "cagrad", "imtl_g", "aligned", "nash", "fairgrad"]
NAN = np.nan


def ones(gramian):
    return torch.ones(len(gramian))


class Ones(nn.Module):
    """The same as a module, as those of torchjd are, which draws in vain."""

    def forward(self, gramian):
        torch.rand(1)
        return gramian.new_ones(len(gramian))


def table(holes=True):
    X, y = make_table()
    if holes:
        y[np.random.default_rng(1).random(y.shape) < 0.4] = NAN
        y[:8, 1] = NAN  # in no label of a batch, unless they are shuffled
    return X, y


def assert_near(one, other, **tolerance):
    for name, value in weights_of(one).items():
        found = weights_of(other)[name]
        np.testing.assert_allclose(found, value, err_msg=name, **tolerance)


SETTINGS = {
    "plain": {},
    "few rows": {"batch_size": 3},
    "sgd": {"optimizer": "sgd", "lr": 0.01, "weight_decay": 0.1},
    "clipped": {"clip_grad_norm": 0.05, "optimizer": "sgd"},
    "accumulated": {"accumulate": 3, "mixing": "mixup"},
    "thawed": {"freeze_epochs": 2},
    "weights": {"loss_weights": [0.3, 2.0]},
    "one task": {"loss_weights": [0.0, 2.0]},
    "ema": {"averaging": EMA(0.9), "lr_schedule": "one_cycle"},
    "layers": {"layer_decay": 0.5, "backbone_lr": 0.01},
    # Whose graph is that of the compiler's, too, and compiled anew for several passes.
    "traced": {"compile": {"backend": "aot_eager"}, "max_epochs": 1},
    "experts": {"backbone": Partial(CGC, trunk="mlp", hidden=(4,))},
}


@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
def test_with_weights_of_one_a_fit_is_that_without(params):
    X, y = table()
    params = {"batch_size": 8, "max_epochs": 3, **params}
    plain = table_estimator(**params).fit(X, y)
    combined = table_estimator(**params, aggregation=ones).fit(X, y)
    assert_near(plain, combined, rtol=1e-9, atol=1e-12)
    for row, expected in zip(combined.history_, plain.history_, strict=True):
        assert row.keys() == expected.keys()
        assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-9)


def test_so_of_images_with_labels_and_pictures():
    X, y = make_images(24)
    several = np.column_stack([y[:, 0], y[:, 0] > 0, y[:, 1]])
    tasks = Tasks(
        tags=MultiLabel(columns=[0, 1]), light=Regression(), picture=Reconstruction()
    )
    params = {"precision": "float64", "optimizer": "sgd", "lr": 0.01}
    plain = image_estimator(tasks, **params).fit(X, several)
    combined = image_estimator(tasks, **params, aggregation=ones).fit(X, several)
    assert_near(plain, combined, rtol=1e-9, atol=1e-12)
    assert len(image_estimator(tasks, aggregation="mgda").fit(X, several).history_) == 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_step_in_short_numbers(precision):
    X, y = make_images(24)
    params = {"precision": precision, "optimizer": "sgd", "lr": 1e-3, "max_epochs": 1}
    plain = image_estimator(**params).fit(X, y)
    combined = image_estimator(**params, aggregation=ones).fit(X, y)
    assert_near(plain, combined, rtol=2e-2, atol=1e-3)


class Crash(Callback):
    """Fails in an epoch, if the test says so."""

    armed = False

    def on_batch_end(self, net, training=False, **kwargs):
        if Crash.armed and len(net.history) == 3:
            raise RuntimeError("crash")


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_that_was_interrupted_has_the_same_bits(name, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    y = rng.normal(size=(40, 4))  # of noise, so that gradients conflict
    y[rng.random(y.shape) < 0.2] = NAN
    tasks = Tasks.from_mapping({f"y{i}": Regression() for i in range(4)})
    made = partial(table_estimator, tasks, batch_size=20, aggregation=name)
    expected = made().fit(X, y)
    estimator = made(checkpoint_dir=tmp_path, callbacks=[Crash()])
    with monkeypatch.context() as patch:
        patch.setattr(Crash, "armed", True)
        with pytest.raises(RuntimeError, match="crash"):
            estimator.fit(X, y)
    assert_same_bits(estimator.fit(X, y), expected)
    if name == "pcgrad":
        # Its order is drawn: without a generator it is another one.
        in_order = made(aggregation=lambda gramian: PCGrad()(gramian)).fit(X, y)
        assert not same_bits(in_order, expected)


class Again(nn.Module):
    """Computes its activations, and what it drops of them, again in each pass back."""

    def __init__(self, in_features):
        super().__init__()
        layers = nn.Linear(in_features, 6), nn.Dropout(0.5), nn.Tanh()
        self.layers = nn.Sequential(*layers)
        self.n_features = 6

    def forward(self, x):
        return checkpoint(self.layers, x, use_reentrant=False)


DRAWING = {
    **{name: NOISY[name] for name in ("dropout", "backbone", "loss")},
    "again": lambda: table_estimator(backbone=Again, batch_size=10),
}


@pytest.mark.parametrize("make", DRAWING.values(), ids=DRAWING)
def test_networks_that_draw(make):
    X, y = make_table()
    before = torch.get_rng_state()
    plain = make().fit(X, y)
    combined = make().set_params(aggregation=ones).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)
    assert_near(plain, combined, rtol=1e-9, atol=1e-12)


def test_modules_are_callables_too(tmp_path):
    X, y = make_table()
    before = torch.get_rng_state()
    params = {"aggregation": Ones(), "batch_size": 8}
    estimator = table_estimator(**params, checkpoint_dir=tmp_path).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)
    plain = table_estimator(batch_size=8).fit(X, y)
    assert_near(plain, estimator, rtol=1e-9, atol=1e-12)
    pickle.loads(pickle.dumps(clone(estimator))).fit(X, y)


def test_parts_of_a_fit():
    X, y = make_table()
    estimator = table_estimator(aggregation="pcgrad")
    for _ in range(2):
        estimator.partial_fit(X, y)
    again = table_estimator(aggregation=PCGrad())
    for _ in range(2):
        again.partial_fit(X, y)
    assert_same_bits(estimator, again)
    assert estimator.net_.aggregation_ is None


def test_going_on_with_another_one():
    X, y = make_table()
    estimator = table_estimator(warm_start=True).fit(X, y)
    estimator.set_params(aggregation=CAGrad()).fit(X, y)
    estimator.set_params(aggregation__c=0.2).fit(X, y)
    assert estimator.n_iter_ == 12


def test_searches_and_ensembles():
    X, y = make_table()
    estimator = table_estimator(aggregation=FairGrad(), max_epochs=1)
    grid = {"aggregation__alpha": [1.0, 2.0], "aggregation": [FairGrad()]}
    search = GridSearchCV(estimator, grid, cv=2).fit(X, y)
    assert search.best_params_["aggregation__alpha"] in (1.0, 2.0)
    ensemble = SeedEnsemble(estimator, n_members=2, random_state=0).fit(X, y)
    one, other = ensemble.estimators_
    assert not same_bits(one, other)
    with pytest.raises(InvalidParameterError, match="Pass a CAGrad"):
        table_estimator(aggregation="cagrad").set_params(aggregation__c=0.1)


@pytest.mark.parametrize("aggregation", [*NAMES, CAGrad(c=0.2)], ids=str)
def test_files_and_pickles(aggregation, tmp_path):
    X, y = make_table()
    estimator = table_estimator(aggregation=aggregation, max_epochs=1).fit(X, y)
    save(estimator, tmp_path / "file")
    for loaded in (
        load(tmp_path / "file"),
        pickle.loads(pickle.dumps(estimator)),
        clone(estimator).fit(X, y),
    ):
        assert repr(loaded.aggregation) == repr(estimator.aggregation)
        np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
        loaded.partial_fit(X, y)


def test_a_callable_is_in_files_as_others_are(tmp_path):
    X, y = make_table()
    estimator = table_estimator(aggregation=ones, max_epochs=1).fit(X, y)
    save(estimator, tmp_path / "file")
    assert load(tmp_path / "file", custom_objects={"ones": ones}).aggregation is ones
    estimator.aggregation = nn.Identity()
    with pytest.raises(InvalidParameterError, match="aggregation cannot be saved"):
        save(estimator, tmp_path / "other")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeze_backbone": True}, "'aggregation' .* None with a frozen backbone"),
        ({"optimizer": torch.optim.LBFGS}, "'aggregation' .* must be None with LBFGS"),
        ({"optimizer": Partial(torch.optim.LBFGS)}, "MultiTaskEstimator .* LBFGS"),
        ({"loss_weights": "famo"}, "None where 'loss_weights' balances the losses"),
        ({"aggregation": CAGrad(2.0)}, "the CAGrad of MultiTaskEstimator"),
        ({"aggregation": "sum"}, "'aggregation' parameter of MultiTaskEstimator"),
        ({"aggregation": lambda gramian: 1.0}, r"in shape \(2,\)\. Got 1.0"),
    ],
)
def test_what_it_does_not_go_with(params, message):
    X, y = make_table()
    with pytest.raises(InvalidParameterError, match=message):
        table_estimator(**{"aggregation": "mgda", **params}).fit(X, y)


class Nothing(nn.Module):
    """Hands its input on."""

    def __init__(self, in_features):
        super().__init__()
        self.n_features = in_features

    def forward(self, x):
        return x


def test_a_backbone_without_weights():
    X, y = make_table()
    message = "Nothing has no weights that the tasks share, and aggregation='?MGDA"
    with pytest.raises(NetworkError, match=message):
        table_estimator(backbone=Nothing, aggregation="mgda").fit(X, y)


def test_one_task_has_a_plain_fit():
    X, y = make_table()
    tasks = Tasks(kind=Classification(3))
    plain = table_estimator(tasks).fit(X, y[:, 0])
    assert_same_bits(table_estimator(tasks, aggregation="nash").fit(X, y[:, 0]), plain)
