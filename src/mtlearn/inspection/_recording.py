"""What is recorded of a network while it trains."""

from typing import Any

from skorch.callbacks import Callback

from mtlearn.exceptions import InvalidParameterError
from mtlearn.inspection._clones import chosen_rows
from mtlearn.training import (
    TaskGradients,
    lookahead_affinity,
    shared_layers,
    take_samples,
    task_gradients,
)


class _Recorder(Callback):
    """Keeps some training rows as they are, and looks at the network with them.

    Parameters
    ----------
    owner : str
        Who records, for messages.
    max_samples : int
        Rows at most.
    seed : int
        Of which rows.
    """

    def __init__(self, owner: str, max_samples: int, seed: int) -> None:
        self.owner = owner
        self.max_samples = max_samples
        self.seed = seed

    def on_train_begin(self, net: Any, X: Any = None, **kwargs: Any) -> None:
        check_several(net.tasks.names, self.owner)
        shared_layers(net.module_)
        self.records_: dict[int, Any] = {}
        rows = chosen_rows(len(X[0]), self.max_samples, self.seed)
        self.sample_: Any = take_samples(X[0], rows)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        self.sample_ = None  # which holds the training data


class GradientRecorder(_Recorder):
    """Compares the tasks' gradients at the end of epochs.

    Parameters
    ----------
    owner : str
        Who records, for messages.
    max_samples : int
        Rows at most.
    seed : int
        Of which rows.
    every : int
        Epochs from one record to the next.
    n_parts : int
        Parts of the rows.
    """

    def __init__(
        self, owner: str, max_samples: int, seed: int, every: int, n_parts: int
    ) -> None:
        super().__init__(owner, max_samples, seed)
        self.every = every
        self.n_parts = n_parts

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        epoch = len(net.history)
        if epoch % self.every == 0:
            found: TaskGradients = task_gradients(net, self.sample_, self.n_parts)
            self.records_[epoch] = found


class AffinityRecorder(_Recorder):
    """Computes the tasks' affinities at the end of epochs.

    The step has the learning rates that the shared weights have then.
    """

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        rates = {
            weight: float(group["lr"])
            for group in net.optimizer_.param_groups
            for weight in group["params"]
        }
        shared = net.module_.shared_parameters()
        named = {name: rates[weight] for name, weight in shared.items()}
        found = lookahead_affinity(net, self.sample_, named)
        self.records_[len(net.history)] = found


def check_several(names: tuple[str, ...], owner: str) -> None:
    """Raise if there are no two tasks.

    Parameters
    ----------
    names : tuple of str
        The tasks.
    owner : str
        Who asks, for the message.
    """
    if len(names) < 2:
        raise InvalidParameterError(
            f"{owner} compares tasks with each other, and there is one only: "
            f"{list(names)}. Pass an estimator of two tasks or more."
        )
