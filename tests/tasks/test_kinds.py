"""What every kind of task must answer. A new kind joins `SAMPLES` and passes."""

import importlib
import inspect
import pickle
import pkgutil

import numpy as np
import pytest
import torch
from sklearn.base import clone

import mtlearn.tasks
from mtlearn.exceptions import ParameterTypeError
from mtlearn.losses import sample_loss
from mtlearn.tasks import (
    Classification,
    Count,
    Head,
    MultiLabel,
    Ordinal,
    Reconstruction,
    Regression,
    Task,
    Tasks,
    fit_codec,
    read_targets,
)

# A task and labels of each kind, as `fit` takes them: numbers as real ones.
SAMPLES = {
    "classification": (Classification(), np.array(["b", "a", "c", "b", "a", "b"])),
    "count": (Count(), np.array([0.0, 3.0, 1.0, 0.0, 7.0, 2.0])),
    "multi-label": (
        MultiLabel(),
        np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]),
    ),
    "ordinal": (
        Ordinal(["b", "a", "c"]),
        np.array(["b", "a", "c", "b", "a", "b"], dtype=object),
    ),
    "regression": (Regression(), np.array([0.5, -1.0, 2.0, 3.5, 0.0, 7.0])),
}


def subclasses(cls):
    """Return all kinds that the package defines, however deep; families are none."""
    found = set()
    for child in cls.__subclasses__():
        if child.__module__.startswith("mtlearn.") and "kind" in vars(child):
            found.add(child)
        found |= subclasses(child)
    return found


def kinds():
    """Return every kind of the room, also one that it forgets to import."""
    for module in pkgutil.iter_modules(mtlearn.tasks.__path__):
        importlib.import_module(f"mtlearn.tasks.{module.name}")
    return sorted(subclasses(Task), key=lambda kind: kind.__name__)


KINDS = kinds()
HOOKS = sorted(Task.__abstractmethods__)
# Of those without labels, what they are asked is in files of their own.
LABELLED = [kind for kind in KINDS if kind is not Reconstruction]
by_kind = pytest.mark.parametrize("kind", LABELLED, ids=lambda kind: kind.__name__)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def fitted(kind):
    """Return a fitted task of a kind, its labels and an ideal raw output."""
    task, labels = SAMPLES[kind.kind]
    task = clone(task).fit(labels, np.ones(labels.shape), "a")
    encoded = task.encode(labels, np.arange(len(labels)), "a")
    if task.has_classes:
        return task, labels, 50.0 * torch.eye(task.n_outputs)[encoded].double()
    if task.kind == "count":  # logarithms, less that of the mean
        least = np.maximum(labels, 1e-13)
        return task, labels, torch.tensor(np.log(least / labels.mean()))[:, None]
    if labels.ndim == 2:  # scores of what is there or not
        return task, labels, 50.0 * torch.tensor(2 * labels - 1)
    return task, labels, torch.tensor(encoded)[:, None]


def test_there_is_a_sample_of_every_kind():
    assert {kind.kind for kind in LABELLED} == set(SAMPLES)
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


def test_every_kind_is_public():
    assert {kind.__name__ for kind in KINDS} <= set(mtlearn.tasks.__all__)


@every_kind
def test_no_hook_is_missing(kind):
    assert not inspect.isabstract(kind)
    assert isinstance(kind.kind, str)
    assert isinstance(kind.metric, str)
    missing = [hook for hook in HOOKS if getattr(kind, hook) is getattr(Task, hook)]
    assert missing == []


@every_kind
def test_hooks_keep_the_signature_of_the_base(kind):
    for name, method in inspect.getmembers(Task, inspect.isfunction):
        if name.startswith("_") or name not in vars(Task):
            continue
        base = list(inspect.signature(method).parameters)
        assert list(inspect.signature(getattr(kind, name)).parameters) == base, name


@by_kind
def test_every_kind_has_the_common_parameters(kind):
    parameters = inspect.signature(kind).parameters

    assert {"weight", "head", kind.columns_parameter} <= set(parameters)
    keyword_only = parameters["weight"].kind is inspect.Parameter.KEYWORD_ONLY
    assert keyword_only
    kind().validate("a")


@by_kind
def test_parameters_are_stored_and_cloned(kind):
    task = kind(weight=3.0, head=Head(hidden=(2,)), **{kind.columns_parameter: [1]})
    before = task.get_params()

    twin = clone(task).set_params(head__dropout=0.0, weight=1.0)

    assert task.get_params() == before
    assert (twin.head.dropout, twin.weight) == (0.0, 1.0)
    assert getattr(twin, kind.columns_parameter) == [1]
    assert vars(kind()).keys() == kind().get_params(deep=False).keys()


@every_kind
def test_a_task_without_an_abstract_hook_cannot_be_made(kind):
    for hook in HOOKS:
        lacking = type("Lacking", (kind,), {hook: inspect.getattr_static(Task, hook)})
        with pytest.raises(TypeError, match=hook):
            lacking()


@by_kind
def test_fit_returns_the_task_and_changes_no_parameter(kind):
    task, labels = SAMPLES[kind.kind]
    task = clone(task)
    before = task.get_params()

    assert task.fit(labels, np.ones(labels.shape), "a") is task

    assert task.get_params() == before
    learned = [name for name in vars(task) if name not in before]
    assert learned
    assert all(name.endswith("_") for name in learned)


@by_kind
def test_labels_to_outputs_and_back(kind):
    task, labels, output = fitted(kind)

    activated = task.activate(output)

    assert activated.shape == (len(labels), task.n_outputs)
    decoded = task.decode(activated.numpy())
    assert decoded.shape == labels.shape
    if labels.dtype.kind == "f":
        np.testing.assert_allclose(decoded, labels, atol=1e-12)
    else:
        np.testing.assert_array_equal(decoded, labels)
    assert task.score(labels, decoded, np.ones(labels.shape)) == pytest.approx(1.0)


@by_kind
def test_labels_are_encoded_and_restored(kind):
    task, labels, _ = fitted(kind)

    restored = task.restore(task.encode(labels, np.arange(len(labels)), "a"))

    assert restored.dtype == labels.dtype
    if labels.dtype.kind == "f":
        np.testing.assert_allclose(restored, labels, rtol=1e-14, atol=1e-14)
    else:
        np.testing.assert_array_equal(restored, labels)


@by_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_statistics_of_a_perfect_output_give_the_best_metric(kind, dtype):
    task, labels, output = fitted(kind)
    target = torch.tensor(task.encode(labels, np.arange(len(labels)), "a"))

    linked = task.link(output.to(dtype))
    statistics = task.statistics(linked, target, torch.ones(labels.shape, dtype=dtype))

    assert statistics.dtype == torch.float64
    assert task.metric_from(statistics.numpy()) == pytest.approx(1.0)


@by_kind
def test_the_loss_is_one_value_a_sample_and_has_a_gradient(kind):
    task, labels, output = fitted(kind)
    target = torch.tensor(task.encode(labels, np.arange(len(labels)), "a"))
    loss, options = task.loss_spec()
    raw = torch.zeros_like(output, requires_grad=True)

    values = sample_loss(loss, **options)(task.link(raw), target)

    assert values.shape == labels.shape
    values.sum().backward()
    assert torch.isfinite(raw.grad).all()
    assert values.sum() > sample_loss(loss, **options)(task.link(output), target).sum()


@by_kind
def test_the_weight_of_a_label_is_none_or_one_each(kind):
    task, labels, _ = fitted(kind)

    factors = task.label_weight(task.encode(labels, np.arange(len(labels)), "a"))

    assert factors is None or factors.shape == labels.shape


@by_kind
def test_the_baseline_is_a_label_that_can_be_scored(kind):
    task, labels, _ = fitted(kind)
    constant = np.full(labels.shape, task.baseline(), dtype=labels.dtype)

    score = task.score(labels, constant, np.ones(labels.shape))

    assert 0.0 <= score + 1e-12 < 1.0


@by_kind
def test_the_codec_knows_every_kind(kind):
    task, labels = SAMPLES[kind.kind]

    codec = fit_codec(Tasks(a=task), labels)
    columns = read_targets(labels, Tasks(a=task))
    twin = pickle.loads(pickle.dumps(codec))

    assert columns[0].kind == kind.kind
    assert not [name for name in vars(task) if name.endswith("_")]
    encoded, again = codec.encode(labels), twin.encode(labels)
    np.testing.assert_array_equal(encoded.values[0], again.values[0])
    assert encoded.weights[0].tolist() == np.ones(labels.shape).tolist()


@by_kind
@pytest.mark.parametrize(
    ("head", "message"),
    [
        (Head(hidden=64), r"'hidden' .* the Head of .*'a'\) .* sequence of widths"),
        (Head(batch_norm="yes"), r"'batch_norm' .* the Head of .* True or False"),
    ],
)
def test_validation_reaches_the_head(kind, head, message):
    with pytest.raises(ParameterTypeError, match=message):
        kind(head=head).validate("a")
