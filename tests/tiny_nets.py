"""A net of a few weights, and rows with the columns `sign` and `value`."""

import numpy as np
import torch
from skorch.callbacks import Callback

from mtlearn import Classification, Regression, Tasks
from mtlearn.data import Samples, to_labels
from mtlearn.losses import MultiTaskLoss, sample_loss
from mtlearn.networks import MLP, HeadSpec, build_network
from mtlearn.tasks import fit_codec
from mtlearn.training import MultiTaskNet, Precision, Randomness

CPU = torch.device("cpu")
FLOAT16 = Precision("float16", torch.float32, torch.float16)
BFLOAT16 = Precision("bfloat16", torch.float32, torch.bfloat16)
FLOAT32 = Precision("float32", torch.float32)
FLOAT64 = Precision("float64", torch.float64)


def make_problem(n_samples=30, dtype=torch.float64):
    """Return rows of three numbers with labels, and the fitted tasks."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    y = np.column_stack([X[:, 0] > 0, X[:, 1]]).astype(float)
    codec = fit_codec(Tasks(sign=Classification(2), value=Regression()), y)
    labels = to_labels(codec.encode(y), dtype, CPU)
    return Samples(X, labels), codec.tasks


def make_net(tasks, precision=FLOAT64, **params):
    """Return an untrained net, always with the same weights."""
    defaults = {
        "module__backbone": MLP,
        "module__backbone_params": {"hidden": (4,)},
        "module__input_shape": (3,),
        "module__heads": (HeadSpec(2, hidden=()), HeadSpec(1, hidden=())),
        "optimizer": torch.optim.SGD,
        "lr": 0.1,
        "batch_size": 10,
        "criterion__losses": (sample_loss("cross_entropy"), sample_loss("mse")),
    }
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(0)
        return MultiTaskNet(
            build_network,
            MultiTaskLoss,
            tasks=tasks,
            precision=precision,
            criterion__task_weights=tasks.weights(),
            train_split=None,
            verbose=0,
            **{**defaults, **params},
        ).initialize()


def train(
    net, samples, *callbacks, valid=None, epochs=3, changes=None, aggregation=None
):
    """Train a net, with dropout drawn from the same seed."""
    net.batch_losses_ = []
    callbacks = (KeepBatchLosses(), *callbacks)
    net.set_aggregation(aggregation, seed=2)
    return net.train(
        (samples, valid),
        epochs=epochs,
        callbacks=callbacks,
        order_seed=0,
        randomness=Randomness(1, CPU),
        changes=changes,
    )


class KeepBatchLosses(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.batch_losses_.append(net.history[-1, "batches", :, "train_loss"])


def batch_losses(net):
    """Return the losses of the batches, a list for each epoch."""
    return net.batch_losses_
