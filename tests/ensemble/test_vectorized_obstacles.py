"""What cannot be trained together is named, or trained apart."""

import numpy as np
import pytest
import torch
from members_together import (
    SEEDS,
    X,
    Y,
    assert_equal_members,
    both,
    estimator,
    weights_of,
)
from skorch.callbacks import Callback
from torch import nn

from mtlearn import (
    Classification,
    MultiTaskImageEstimator,
    Partial,
    Reconstruction,
    Regression,
    SeedEnsemble,
    Tasks,
)
from mtlearn.augmentation import Augmentation
from mtlearn.exceptions import (
    InvalidParameterError,
    ParameterTypeError,
)
from mtlearn.losses import TraceNorm
from mtlearn.networks import ResNet, TabM


class Other(nn.Module):
    """A layer that nobody knows."""

    def __init__(self, in_features):
        super().__init__()
        self.layer = nn.Linear(in_features, 4)
        self.n_features = 4

    def forward(self, x):
        return torch.tanh(self.layer(x))


class Looks(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


OBSTACLES = {
    "accumulate": (2, "several passes"),
    "aggregation": ("pcgrad", "weighs the gradients"),
    "backbone": (Other, "has Other, not known here"),
    "callbacks": ([Looks()], "Looks looks at each batch"),
    "compile": ({"backend": "eager"}, "compiled network"),
    "loss_weights": ("dwa", "found anew"),
    "optimizer": (torch.optim.RMSprop, "RMSprop is none of Adam"),
    "penalty": (TraceNorm(0.1), "weights of each"),
    "precision": ("bfloat16", "rounds otherwise"),
    "mixing": ("mixup", "changes the batches"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_stands_in_the_way_is_named_or_left_apart(name, passes):
    value, reason = OBSTACLES[name]
    template = estimator(max_epochs=2).set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"{name!r} parameter.*{reason}"):
        SeedEnsemble(template, seeds=SEEDS, vectorized=True).fit(X, Y)
    if name in ("callbacks", "optimizer", "mixing"):
        apart, joined = both(template, vectorized="auto")
        for a, b in zip(apart.estimators_, joined.estimators_, strict=True):
            for key, weight in weights_of(a).items():
                assert torch.equal(weights_of(b)[key], weight)
    assert passes == []


class Adds(Callback):
    """Puts a layer, or a hook, into the network after an epoch."""

    def __init__(self, what):
        self.what = what

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) > 1:
            return
        if self.what == "layer":
            net.module_.backbone.layers.append(nn.Tanh())
        else:
            net.module_.backbone.register_forward_hook(lambda *args: args[-1] / 2)


@pytest.mark.parametrize("what", ["layer", "hook"])
def test_what_a_callback_puts_into_the_network_is_seen(what, passes):
    template = estimator(callbacks=[Adds(what)])
    with pytest.raises(InvalidParameterError, match="not known here"):
        SeedEnsemble(template, seeds=SEEDS, vectorized=True).fit(X, Y)
    apart, joined = both(template, vectorized="auto")
    assert passes == [3, 3]  # the first epoch of two fits
    assert_equal_members(apart, joined)


def test_weights_that_a_callback_replaces_stay_as_they_are(passes):
    class Replaces(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 1:
                net.module_.heads[0][-1].weight = nn.Parameter(
                    torch.ones(1, 6).double()
                )

    apart, joined = both(estimator(callbacks=[Replaces()]))
    assert passes == [3]
    assert_equal_members(apart, joined)


def test_a_network_of_members_stands_in_the_way():
    template = estimator(backbone=Partial(TabM, n_members=2, hidden=(4,)))
    with pytest.raises(InvalidParameterError, match="one of many members itself"):
        SeedEnsemble(template, vectorized=True).fit(X, Y)


def test_augmentation_and_tasks_without_labels_stand_in_the_way():
    images = np.zeros((12, 8, 8, 1))
    given = {"backbone": Partial(ResNet, widths=(4,), n_blocks=1, n_features=6)}
    template = MultiTaskImageEstimator(
        Tasks(kind=Classification(3)),
        augmentation=Augmentation(),
        precision="float32",
        **given,
    )
    with pytest.raises(InvalidParameterError, match="'augmentation' parameter"):
        SeedEnsemble(template, vectorized=True).fit(images, np.arange(12) % 3)
    template = estimator(tasks=Tasks(size=Regression(), again=Reconstruction()))
    with pytest.raises(InvalidParameterError, match="'again' learns from X"):
        SeedEnsemble(template, vectorized=True).fit(X, np.nan_to_num(Y[:, 0]))


@pytest.mark.parametrize(
    ("value", "error"),
    [("yes", InvalidParameterError), (1, ParameterTypeError)],
)
def test_other_values_are_refused(value, error):
    with pytest.raises(error, match="'vectorized' parameter of SeedEnsemble must be"):
        SeedEnsemble(estimator(), vectorized=value).fit(X, Y)
