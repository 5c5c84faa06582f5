"""Modules of the user's as heads, from fit to every file."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from mtlearn import (
    Classification,
    Count,
    Head,
    Ordinal,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.exceptions import (
    InvalidParameterError,
    NetworkError,
    ParameterTypeError,
)
from own_heads import Own, own_estimator, own_tasks
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
    weights_of,
)


def test_predictions_are_those_of_the_modules():
    X, y = make_table()
    estimator = own_estimator().fit(X, y)
    kind, size = (head.module for head in estimator.net_.module_.heads)
    assert kind.layers[0].out_features == 6
    assert size.layers[0].out_features == 5
    features = torch.from_numpy(estimator.embed(X))
    with torch.no_grad():
        proba = kind(features).softmax(dim=1).numpy()
        values = size(features)[:, 0].numpy()
    np.testing.assert_allclose(estimator.predict_proba(X)[0], proba, rtol=1e-12)
    task = estimator.tasks_["size"]
    expected = values * y[:, 1].std() + y[:, 1].mean()
    np.testing.assert_allclose(estimator.predict(X)[:, 1], expected, rtol=1e-12)
    assert task.n_outputs == 1


def test_it_learns():
    X, y = make_table(200)
    estimator = own_estimator(max_epochs=300).fit(X, y)
    assert estimator.score(X, y) > 0.95


@pytest.mark.parametrize(
    "task",
    [Classification(3), Ordinal(3), Count(), Count(loss="negative_binomial")],
    ids=["classification", "ordinal", "poisson", "negative_binomial"],
)
def test_every_kind_takes_one(task):
    X, y = make_table()
    tasks = Tasks(kind=task.set_params(head=Partial(Own, width=7)))
    estimator = table_estimator(tasks, max_epochs=2).fit(X, y[:, 0])
    head = estimator.net_.module_.heads[0]
    assert head.module.layers[0].out_features == 7
    assert estimator.predict(X).shape == (40,)
    assert estimator.history_[-1]["train_loss"] != estimator.history_[0]["train_loss"]


def test_one_kind_for_all_columns_takes_one():
    X, y = make_table()
    estimator = table_estimator(Regression(head=Own)).fit(X, y)
    assert len(estimator.net_.module_.heads) == 2
    assert estimator.net_.module_.heads[1].module.layers[0].out_features == 5


class Picture(Regression):
    """A kind whose head makes a picture of four pixels, of which their sum is left."""

    @property
    def score_shape(self):
        return 1, 2, 2

    def head_end(self):
        return Summed


class Summed(nn.Module):
    def forward(self, picture):
        return picture.sum(dim=(2, 3))


class Draws(nn.Linear):
    def __init__(self, in_features, output_shape):
        super().__init__(in_features, 4)
        self.output_shape = output_shape

    def forward(self, features):
        return super().forward(features).reshape(-1, *self.output_shape)


@pytest.mark.parametrize("head", [Draws, Head((3,))])
def test_a_task_says_what_its_head_makes(head):
    X, y = make_table()
    estimator = table_estimator(Tasks(size=Picture(head=head))).fit(X, y[:, 1])
    *_, last = estimator.net_.module_.heads.modules()
    assert isinstance(last, Summed)
    assert estimator.predict(X).shape == (40,)
    with pytest.raises(NetworkError, match=r"Own of .*\(n_samples, 1, 2, 2\)"):
        table_estimator(Tasks(size=Picture(head=Own))).fit(X, y[:, 1])


def test_images():
    class OfImages(nn.Linear):
        def __init__(self, in_features, out_features, in_channels, image_size):
            super().__init__(in_features, out_features)
            self.seen = in_channels, image_size

    X, y = make_images(n_channels=2)
    tasks = Tasks(kind=Classification(2, head=OfImages), size=Regression())
    estimator = image_estimator(tasks).fit(X, y)
    assert estimator.net_.module_.heads[0].module.seen == (2, (6, 6))


def test_parameters_are_searched_and_cloned():
    X, y = make_table(30)
    search = GridSearchCV(
        own_estimator(max_epochs=1), {"tasks__kind__head__width": [2, 3]}, cv=2
    ).fit(X, y)
    best = search.best_params_["tasks__kind__head__width"]
    heads = search.best_estimator_.net_.module_.heads
    assert heads[0].module.layers[0].out_features == best
    copy = clone(search.best_estimator_)
    assert copy.get_params()["tasks__kind__head__width"] == best
    assert copy.tasks["kind"].head is not search.best_estimator_.tasks["kind"].head


def test_what_the_user_changes_later_does_not_reach_a_network():
    widths = {"first": 4}

    class OfMapping(Own):
        def __init__(self, in_features, out_features, widths):
            super().__init__(in_features, out_features, widths["first"])

    X, y = make_table()
    tasks = own_tasks(Partial(OfMapping, widths=widths))
    estimator = table_estimator(tasks).fit(X, y)
    widths["first"] = 9
    estimator.tasks_["kind"].head.kwargs["widths"]["first"] = 9
    assert estimator.net_.module__heads[0].params == {"widths": {"first": 4}}


@pytest.mark.parametrize(
    ("head", "error", "message"),
    [
        (Own(3, 2), ParameterTypeError, r"'size'\) must be .* An object would be tr"),
        (dict, ParameterTypeError, r"'size'\) must be None, a Head, a subclass of tor"),
        (Partial(dict), ParameterTypeError, r"Got Partial\(dict\) instead\.$"),
        ("own", ParameterTypeError, r"Got 'own' instead\.$"),
        (
            Partial(Own, widht=3),
            InvalidParameterError,
            r"'head' .*Regression \(task 'size'\): Own has no argument 'widht'",
        ),
        (nn.Flatten, NetworkError, r"Flatten of task 'size' .*Got shape \(2, 8\)"),
    ],
)
def test_heads_that_are_none(head, error, message):
    with pytest.raises(error, match=message):
        table_estimator(own_tasks(size=head)).fit(*make_table())


def test_parameters_of_a_class_need_a_partial():
    estimator = table_estimator(own_tasks())
    message = r"'head__width' .*Give the task a head first: head=Head\(\) or head=P"
    with pytest.raises(InvalidParameterError, match=message):
        estimator.set_params(tasks__kind__head__width=3)


def test_a_frozen_backbone_and_heads_without_weights():
    X, y = make_table()
    tasks = Tasks(size=Regression(head=Sum))
    estimator = table_estimator(tasks, freeze_backbone=True)
    with pytest.raises(NetworkError, match="frozen and the heads have no weights"):
        estimator.fit(X, y[:, 1])
    estimator.set_params(freeze_backbone=False, warm_start=True).fit(X, y[:, 1])
    with pytest.raises(NetworkError, match="frozen and the heads have no weights"):
        estimator.set_params(freeze_backbone=True).fit(X, y[:, 1])


class Sum(nn.Module):
    def forward(self, features):
        return features.sum(dim=1, keepdim=True)


def test_the_same_seed_gives_the_same_bits_whoever_draws():
    X, y = make_table()
    tasks = own_tasks(Partial(Own, dropout=0.5), Partial(Own, dropout=0.5))
    found = []
    for _ in range(2):
        found.append(table_estimator(tasks, batch_size=10).fit(X, y))
        torch.rand(3)  # elsewhere in the program
    assert_same_bits(*found)
    state = torch.random.get_rng_state()
    table_estimator(tasks).fit(X, y)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_members_of_an_ensemble():
    X, y = make_table()
    ensemble = SeedEnsemble(own_estimator(), 2, random_state=0).fit(X, y)
    first, second = ensemble.estimators_
    name = "heads.0.module.layers.0.weight"
    assert not np.array_equal(weights_of(first)[name], weights_of(second)[name])
    expected = (first.predict_proba(X)[0] + second.predict_proba(X)[0]) / 2
    np.testing.assert_allclose(ensemble.predict_proba(X)[0], expected)


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})


def test_predictions_in_bfloat16_have_the_bits_of_float32():
    X, y = make_images()
    tasks = Tasks(kind=Classification(2, head=Own), size=Regression(head=Own))
    estimator = image_estimator(tasks, precision="bfloat16").fit(X, y)
    assert estimator.precision_ == "bfloat16"
    values = torch.from_numpy(estimator.predict(X)[:, 1].astype(np.float32))
    assert not torch.equal(values, values.bfloat16().float())
    head = estimator.net_.module_.heads[1].module
    features = torch.from_numpy(estimator.embed(X))
    scale, mean = y[:, 1].std(), y[:, 1].mean()
    with torch.no_grad():
        expected = head(features)[:, 0].numpy() * scale + mean
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-4)


class WritesIntoFloat32(nn.Linear):
    """Cannot mix types, and need not."""

    def forward(self, features):
        output = torch.zeros(len(features), self.out_features)
        output[torch.arange(len(features))] = super().forward(features)
        return output


class CannotRound(nn.Linear):
    def forward(self, features):
        if torch.equal(features, features.bfloat16().float()) and features.any():
            raise TypeError("no rounded features")
        return super().forward(features)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("head", "precision"),
    [(WritesIntoFloat32, "bfloat16"), (CannotRound, "float32")],
)
def test_auto_means_what_a_head_can_do(head, precision):
    X, y = make_images()
    tasks = Tasks(kind=Classification(2, head=head), size=Regression())
    estimator = image_estimator(tasks).fit(X, y)
    assert estimator.precision_ == precision


def test_a_precision_by_name_that_a_head_cannot_do():
    X, y = make_images()
    tasks = Tasks(kind=Classification(2, head=CannotRound), size=Regression())
    with pytest.raises(NetworkError, match="no rounded features"):
        image_estimator(tasks, precision="bfloat16").fit(X, y)


def test_other_precisions_go_to_the_weights():
    X, y = make_table()
    estimator = own_estimator(precision="float32").fit(X, y)
    assert weights_of(estimator)["heads.1.module.layers.0.weight"].dtype == np.float32
    estimator = own_estimator(precision="float64").fit(X, y)
    assert weights_of(estimator)["heads.1.module.layers.0.weight"].dtype == np.float64


def test_a_compiled_network():
    X, y = make_table()
    params = {"backend": "eager"}
    estimator = own_estimator(compile=params).fit(X, y)
    plain = own_estimator().fit(X, y)
    np.testing.assert_allclose(estimator.predict(X), plain.predict(X), rtol=1e-6)
