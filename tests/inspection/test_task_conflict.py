"""Cosines between tasks: constructed conflicts, training, and the picture."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from mtlearn import (
    Classification,
    Head,
    Partial,
    Regression,
    SeedEnsemble,
    Tasks,
    TemperatureScaled,
)
from mtlearn.exceptions import (
    InvalidParameterError,
    NetworkError,
    ParameterTypeError,
)
from mtlearn.inspection import TaskConflictDisplay
from mtlearn.networks import MLP
from mtlearn.training import TaskGradients
from tiny_problems import (
    assert_same_bits,
    image_estimator,
    make_images,
    make_table,
    table_estimator,
)

PLAIN = Head(hidden=())


def regressions(*names):
    return Tasks(**{name: Regression(head=PLAIN) for name in names})


def fitted(n_samples=60, **params):
    X, y = make_table(n_samples)
    return table_estimator(**params).fit(X, y), X, y


class Linear(nn.Linear):
    """A backbone without anything but weights."""

    def __init__(self, in_features):
        super().__init__(in_features, 2, bias=False)


def with_heads(targets, heads):
    """Fit linear tasks and give the network other heads, and a backbone of zeros."""
    X = make_table(len(targets))[0]
    tasks = regressions(*[f"task{i}" for i in range(targets.shape[1])])
    estimator = table_estimator(tasks, backbone=Linear, max_epochs=1).fit(X, targets)
    with torch.no_grad():
        nn.init.zeros_(estimator.net_.module_.backbone.weight)
        for head, weights in zip(estimator.net_.module_.heads, heads, strict=True):
            head[-1].weight[:] = torch.tensor(weights)
            nn.init.zeros_(head[-1].bias)
    return TaskConflictDisplay.from_estimator(estimator, X, targets, random_state=0)


@pytest.mark.parametrize(
    ("sign", "heads", "cosine"),
    [
        (1, [[1.0, 2.0], [1.0, 2.0]], 1.0),
        (-1, [[1.0, 2.0], [1.0, 2.0]], -1.0),
        (-1, [[1.0, 2.0], [-1.0, -2.0]], 1.0),
        (1, [[1.0, 0.0], [0.0, 3.0]], 0.0),
        (1, [[1.0, 2.0], [2.0, 1.0]], 0.8),
    ],
    ids=["equal", "opposite", "opposite and mirrored", "orthogonal", "by hand"],
)
def test_constructed_tasks(sign, heads, cosine):
    # With outputs of zero the gradient is -2 E[y x] times the head: an outer product,
    # so the cosine is that of the heads times that of the targets.
    target = make_table(50)[1][:, 1]
    targets = np.column_stack([target, sign * target])
    display = with_heads(targets, heads)
    (pair,) = display.conflicts()
    assert pair.cosine == pytest.approx(cosine, abs=1e-12)
    assert pair.part_cosine == pytest.approx(cosine, abs=1e-12)
    assert pair.std_error == pytest.approx(0, abs=1e-12)
    assert np.diag(display.cosines()) == pytest.approx(1)
    ratio = np.divide(*np.linalg.norm(heads, axis=1))
    assert np.divide(*display.norms().values()) == pytest.approx(ratio)


def test_the_lowest_cosine_comes_first():
    target = make_table(50)[1][:, 1]
    heads = [[1.0, 0.0], [1.0, 1.0], [-1.0, 0.1]]
    display = with_heads(np.column_stack([target] * 3), heads)
    pairs = display.conflicts()
    assert [(pair.task, pair.other) for pair in pairs] == [
        ("task0", "task2"),
        ("task1", "task2"),
        ("task0", "task1"),
    ]
    assert [pair.negative_layers for pair in pairs] == [1.0, 1.0, 0.0]
    assert display.conflicts(1) == pairs[:1]
    assert display.layers == ("backbone",)
    np.testing.assert_array_equal(display.cosines("backbone"), display.cosines())


def test_the_frame_has_each_pair_in_each_layer():
    estimator, X, y = fitted(backbone=Partial(MLP, hidden=(8, 5)))
    display = TaskConflictDisplay.from_estimator(estimator, X, y, random_state=0)
    frame = display.frame()
    assert frame["layer"].tolist() == ["all layers", "layers.0", "layers.2"]
    assert set(frame["epoch"]) == {4}
    assert (frame["task"] + frame["other"] == "kindsize").all()
    found = [display.cosines(layer)[0, 1] for layer in (None, *display.layers)]
    np.testing.assert_array_equal(frame["cosine"], found)
    (gradients,) = display.gradients.values()
    parts = gradients.part_cosines()[:, :, 0, 1]
    np.testing.assert_allclose(frame["part_cosine"], parts.mean(axis=0))
    errors = parts.std(axis=0, ddof=1) / np.sqrt(8)
    np.testing.assert_allclose(frame["std_error"], errors)
    (pair,) = display.conflicts()
    assert pair.std_error == frame["std_error"][0]
    assert pair.negative_layers == (frame["cosine"][1:] < 0).mean()


def test_a_sample_of_the_rows():
    estimator, X, y = fitted()
    weight = np.linspace(0, 1, 60)
    for given in (None, weight):
        few, same, other = (
            TaskConflictDisplay.from_estimator(
                estimator, X, y, sample_weight=given, max_samples=20, random_state=seed
            ).cosines()
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(few, same)
        assert few[0, 1] != other[0, 1]
    weighted = np.repeat(X, 2, axis=0)[:90], np.repeat(y, 2, axis=0)[:90]
    counts = np.where(np.arange(60) < 45, 2, 0)
    repeated = TaskConflictDisplay.from_estimator(estimator, *weighted).cosines()
    found = TaskConflictDisplay.from_estimator(estimator, X, y, sample_weight=counts)
    np.testing.assert_allclose(found.cosines(), repeated)


def test_missing_labels():
    estimator, X, y = fitted()
    y[:, 0] = np.nan
    display = TaskConflictDisplay.from_estimator(estimator, X, y)
    (pair,) = display.conflicts()
    figures = pair.cosine, pair.part_cosine, pair.std_error, pair.negative_layers
    assert np.isnan(figures).all()
    assert display.norms()["kind"] == 0
    display.plot().figure_.canvas.draw()


def test_behind_a_pipeline_and_a_search():
    X, y = make_table(60)
    y = pd.DataFrame({"kind": np.array(["a", "b", "c"])[y[:, 0].astype(int)]}).assign(
        size=y[:, 1]
    )
    tasks = Tasks(kind=Classification(["a", "b", "c"]), size=Regression())
    pipeline = make_pipeline(StandardScaler(), table_estimator(tasks))
    name = pipeline.steps[-1][0]
    search = GridSearchCV(pipeline, {f"{name}__lr": [0.01]}, cv=2).fit(X, y)
    inner = search.best_estimator_[-1]
    expected = TaskConflictDisplay.from_estimator(
        inner, search.best_estimator_[0].transform(X), y, random_state=0
    ).cosines()
    for each in (search, search.best_estimator_):
        found = TaskConflictDisplay.from_estimator(each, X, y, random_state=0)
        np.testing.assert_array_equal(found.cosines(), expected)
        trained = TaskConflictDisplay.from_training(each, X, y, random_state=0)
        assert_same_bits(trained.estimator_[-1], inner)
        assert trained.estimator_[-1].callbacks is None


# What a fit does not decide: its time, and what a callback draws.
IGNORED = {"seconds": 0.0, "drawn": 0.0}


class Other(Callback):
    """Draws from torch's generator, as user code may."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("drawn", torch.rand(1).item())


@pytest.mark.parametrize(
    "make",
    [
        lambda: (image_estimator(callbacks=[Other()], early_stopping=True), "images"),
        lambda: (image_estimator(averaging="ema", sampler="balanced"), "images"),
        lambda: (table_estimator(lr_schedule="plateau", batch_size=7), "table"),
    ],
    ids=["callbacks", "averaging", "schedule"],
)
def test_recording_leaves_the_training_as_it_is(make):
    estimator, kind = make()
    X, y = make_images(40) if kind == "images" else make_table()
    display = TaskConflictDisplay.from_training(estimator, X, y, random_state=0)
    assert not hasattr(estimator, "net_")
    params = estimator.get_params()["callbacks"], estimator.get_params()["averaging"]
    plain = estimator.fit(X, y)
    assert_same_bits(display.estimator_, plain)
    for one, other in zip(display.estimator_.history_, plain.history_, strict=True):
        assert one.keys() == other.keys()
        assert {**one, **IGNORED} == {**other, **IGNORED}
    assert params == (plain.callbacks, plain.averaging)
    assert len(display.estimator_.callbacks or []) == len(plain.callbacks or [])


def test_epochs_and_their_last_one():
    X, y = make_table()
    estimator = table_estimator(max_epochs=5)
    display = TaskConflictDisplay.from_training(estimator, X, y, every=2)
    assert display.epochs == (2, 4)
    assert display.frame().groupby("epoch").size().to_dict() == {2: 2, 4: 2}
    np.testing.assert_array_equal(display.cosines(), display.cosines(epoch=4))
    # All rows, and the weights after the last epoch: no other numbers than those.
    display = TaskConflictDisplay.from_training(estimator, X, y)
    fitted = TaskConflictDisplay.from_estimator(display.estimator_, X, y)
    np.testing.assert_allclose(display.cosines(epoch=5), fitted.cosines())
    assert display.norms() == pytest.approx(fitted.norms())


def test_validation_rows_go_through_the_pipeline():
    X, y = make_table(60)
    X_train, y_train, X_val, y_val = X[:40] * 9, y[:40], X[40:] * 9, y[40:]
    last = table_estimator(early_stopping=True, max_epochs=3)
    pipeline = make_pipeline(StandardScaler(), last)
    display = TaskConflictDisplay.from_training(
        pipeline, X_train, y_train, X_val=X_val, y_val=y_val
    )
    scaler = StandardScaler().fit(X_train)
    plain = last.fit(
        scaler.transform(X_train), y_train, X_val=scaler.transform(X_val), y_val=y_val
    )
    found = display.estimator_[-1].history_
    assert [row["valid_loss"] for row in found] == [
        row["valid_loss"] for row in plain.history_
    ]
    assert_same_bits(display.estimator_[-1], plain)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"tasks": regressions("one")}, InvalidParameterError, "there is one only"),
        ({"freeze_backbone": True}, NetworkError, "The backbone is frozen"),
        ({"backbone": Partial(MLP, hidden=())}, NetworkError, "MLP has no weights"),
    ],
)
def test_nothing_to_compare(params, error, message):
    X, y = make_table()
    y = y[:, 1] if "tasks" in params else y
    with pytest.raises(error, match=message):
        TaskConflictDisplay.from_training(table_estimator(**params), X, y)
    estimator = table_estimator(**params).fit(X, y)
    with pytest.raises(error, match=message):
        TaskConflictDisplay.from_estimator(estimator, X, y)


def test_ensembles_and_other_estimators():
    X, y = make_table()
    ensemble = SeedEnsemble(table_estimator(), n_members=2).fit(X, y)
    scaled = TemperatureScaled(table_estimator()).fit(X, y)
    for estimator in (ensemble, scaled):
        name = type(estimator).__name__
        for method in ("from_estimator", "from_training"):
            with pytest.raises(ParameterTypeError, match=f"one network. Got {name}"):
                getattr(TaskConflictDisplay, method)(estimator, X, y)
    search = GridSearchCV(table_estimator(), {"lr": [0.1]})
    with pytest.raises(InvalidParameterError, match="search that is not fitted"):
        TaskConflictDisplay.from_training(search, X, y)
    with pytest.raises(ParameterTypeError, match="must be an estimator of mtlearn"):
        TaskConflictDisplay.from_training(StandardScaler(), X, y)


def test_bad_parameters():
    estimator, X, y = fitted()
    make = TaskConflictDisplay.from_training
    with pytest.raises(InvalidParameterError, match=r"'max_samples' .* not below 1"):
        TaskConflictDisplay.from_estimator(estimator, X, y, max_samples=0)
    with pytest.raises(InvalidParameterError, match=r"'every' .* not below 1"):
        make(estimator, X, y, every=0)
    with pytest.raises(InvalidParameterError, match=r"'every' .* is 9, and training"):
        make(estimator, X, y, every=9)
    display = TaskConflictDisplay.from_estimator(estimator, X, y)
    with pytest.raises(InvalidParameterError, match=r"'epoch' .* one of \[4\]"):
        display.plot(epoch=3)
    with pytest.raises(InvalidParameterError, match=r"'layer' .*'layers.0'\]"):
        display.cosines("layers.1")


def test_the_picture_of_one_epoch():
    estimator, X, y = fitted(backbone=Partial(MLP, hidden=(8, 5), batch_norm=True))
    display = TaskConflictDisplay.from_estimator(estimator, X, y).plot()
    assert list(display.axes_) == ["cosines", "layers", "norms"]
    cosine = display.cosines()[0, 1]
    tasks = display.axes_["cosines"]
    assert [text.get_text() for text in tasks.texts] == [f"{cosine:.2f}"] * 2
    assert [each.get_text() for each in tasks.get_yticklabels()] == ["kind", "size"]
    layers = display.axes_["layers"]
    assert [each.get_text() for each in layers.get_yticklabels()] == ["kind, size"]
    shown = [each.get_text() for each in layers.get_xticklabels()]
    assert shown == ["layers.0", "layers.3"]  # without batch norm
    (image,) = layers.get_images()
    found = [display.cosines(layer)[0, 1] for layer in shown]
    np.testing.assert_allclose(image.get_array()[0], found)
    assert image.norm.vmin == -image.norm.vmax
    shares = [bar.get_width() for bar in display.axes_["norms"].patches]
    norms = np.array(list(display.norms().values()))
    np.testing.assert_allclose(shares, norms / norms.sum())


def test_a_picture_computes_the_cosines_of_an_epoch_a_few_times(monkeypatch):
    X = make_table(60)[0]
    counts = []
    for n_tasks, hidden in ((2, (4,)), (6, (4, 4, 4))):
        names = [f"target{i}" for i in range(n_tasks)]
        targets = X @ np.random.default_rng(0).normal(size=(4, n_tasks))
        estimator = table_estimator(
            regressions(*names), backbone=Partial(MLP, hidden=hidden)
        ).fit(X, targets)
        display = TaskConflictDisplay.from_estimator(estimator, X, targets)
        calls, compute = [], TaskGradients.cosines
        monkeypatch.setattr(
            TaskGradients,
            "cosines",
            lambda self, calls=calls, compute=compute: calls.append(1) or compute(self),
        )
        display.plot()
        monkeypatch.undo()
        counts.append(len(calls))
    assert counts[0] == counts[1]


def test_a_zero_has_no_sign():
    # Two heads at a right angle, one of them turned by a very small angle.
    target = make_table(50)[1][:, 1]
    display = with_heads(np.column_stack([target] * 2), [[1.0, 0.0], [-1e-4, 1.0]])
    assert -0.005 < display.cosines()[0, 1] < 0
    numbers = [text.get_text() for text in display.plot().axes_["cosines"].texts]
    assert numbers == ["0.00", "0.00"]


def test_the_picture_of_many_tasks_and_epochs():
    X = make_table(60)[0]
    names = [f"target{i}" for i in range(12)]
    y = X @ np.random.default_rng(0).normal(size=(4, 12))
    estimator = table_estimator(regressions(*names), max_epochs=2)
    display = TaskConflictDisplay.from_training(estimator, X, y).plot(epoch=1)
    assert list(display.axes_["cosines"].texts) == []
    labels = display.axes_["layers"].get_yticklabels()
    worst = [f"{pair.task}, {pair.other}" for pair in display.conflicts(12, epoch=1)]
    assert [each.get_text() for each in labels] == worst
    lines = display.axes_["epochs"].get_lines()[:-1]
    assert [line.get_label() for line in lines] == worst[:6]
    for line, pair in zip(lines, display.conflicts(6, epoch=1), strict=True):
        at = names.index(pair.task), names.index(pair.other)
        found = [display.cosines(epoch=epoch)[at] for epoch in (1, 2)]
        assert line.get_ydata() == pytest.approx(found)
    assert display.axes_["layers"].get_title() == "by layer, epoch 1"
    display.figure_.canvas.draw()
    legend = display.axes_["epochs"].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == worst[:6]
    below = display.axes_["epochs"].xaxis.label.get_window_extent().y0
    assert legend.get_window_extent().y1 < below  # hides no line
