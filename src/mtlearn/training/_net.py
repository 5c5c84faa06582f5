"""The skorch net that owns the network and the weighted loss."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from mtlearn.networks import needs_batch
from mtlearn.tasks import Tasks
from mtlearn.training._batches import Batches, Labels, Samples
from mtlearn.training._seeding import isolated
from mtlearn.training._tally import Tally

# Rows a batch when there is no gradient to keep.
_PREDICTION_BATCH = 256


class StopTraining(Exception):
    """Raised by a callback to end training after an epoch."""


class MultiTaskNet(NeuralNet):
    """A skorch net for a module with several outputs.

    It overrides how rows become batches, how outputs and labels become a loss, and
    what is pickled; the training loop is skorch's.

    Parameters
    ----------
    module, criterion : callable
        Make the network, which returns a tuple of outputs, and the loss.
    tasks : Tasks
        Fitted tasks.
    dtype : torch.dtype, default=torch.float32
        Type that the network computes in.
    **kwargs : object
        Arguments of `skorch.NeuralNet`.

    References
    ----------
    .. [1] M. Tietz, T. J. Fan, D. Nouri, B. Bossan, "skorch: A scikit-learn
       compatible neural network library that wraps PyTorch", 2017.

    Examples
    --------
    An estimator makes its net; users reach it as ``estimator.net_``.

    >>> from mtlearn.training import MultiTaskNet
    >>> MultiTaskNet.__mro__[1].__name__
    'NeuralNet'
    """

    def __init__(
        self,
        module: Any,
        criterion: Any,
        *,
        tasks: Tasks,
        dtype: torch.dtype = torch.float32,
        **kwargs: Any,
    ) -> None:
        self.tasks = tasks
        self.dtype = dtype
        super().__init__(module, criterion, **kwargs)

    @property
    def _default_callbacks(self) -> list:
        return []

    def initialize_module(self) -> Self:
        """Make the network, and the generator of the order of its rows.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        arguments = {**self.get_params_for("module"), "dtype": self.dtype}
        self.module_ = self.initialized_instance(self.module, arguments)
        self.generator_ = torch.Generator()
        return self

    def train(
        self,
        data: tuple[Samples, Samples | None],
        *,
        epochs: int,
        callbacks: Sequence[Callback],
        order_seed: int,
    ) -> Self:
        """Train for some epochs with callbacks of this run.

        Parameters
        ----------
        data : tuple of (Samples, Samples or None)
            Training and validation rows.
        epochs : int
            Epochs at most.
        callbacks : sequence of skorch callbacks
            Notified in this order.
        order_seed : int
            Seed of the order of the rows.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        self.generator_.manual_seed(order_seed)
        self.callbacks = list(callbacks)
        self.initialize_callbacks()
        self.initialize_history()
        try:
            return self.partial_fit(data, epochs=epochs)
        finally:
            self.module_.eval()
            for _, callback in self.callbacks_:
                if hasattr(callback, "close_bar"):  # also on an error
                    callback.close_bar()
            # They know the training data, which a fitted net must not keep alive.
            self.callbacks = []
            self.initialize_callbacks()

    def move(self, device: str, dtype: torch.dtype) -> bool:
        """Move the network where it is to compute.

        Parameters
        ----------
        device : str
            A torch device.
        dtype : torch.dtype
            Type that the network computes in.

        Returns
        -------
        bool
            Whether it was elsewhere.
        """
        moved = (str(self.device), self.dtype) != (device, dtype)
        self.device: str = device
        self.dtype = dtype
        self.module_.to(device, dtype)
        return moved

    def set_optimizer(
        self,
        cls: Callable[..., Any],
        arguments: dict[str, Any],
        lr: float,
        *,
        keep_state: bool,
    ) -> None:
        """Go on with another learning rate, or another optimiser.

        Parameters
        ----------
        cls : class
            A torch optimiser.
        arguments : dict
            Its arguments but the learning rate.
        lr : float
            Learning rate.
        keep_state : bool
            Whether the state of the present optimiser is kept, if it is the same.
        """
        before = {k: v for k, v in vars(self).items() if k.startswith("optimizer__")}
        today = {f"optimizer__{key}": value for key, value in arguments.items()}
        if not (keep_state and cls is self.optimizer and repr(before) == repr(today)):
            for name in before:
                delattr(self, name)
            for name, value in {"optimizer": cls, **today}.items():
                setattr(self, name, value)
            self.initialize_optimizer()
        self.lr = lr
        for group in self.optimizer_.param_groups:
            group["lr"] = lr

    @contextmanager
    def unchanged_on_error(self) -> Iterator[None]:
        """Give weights and optimiser back as they were if training fails."""
        parts = (self.module_, self.optimizer_)
        before = [copy.deepcopy(part.state_dict()) for part in parts]
        try:
            yield
        except BaseException:
            for part, state in zip(parts, before, strict=True):
                part.load_state_dict(state)
            raise

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any
    ) -> Self:
        """Run the training loop; unlike skorch's, let Ctrl-C through.

        Parameters
        ----------
        X : tuple of (Samples, Samples or None)
            Training and validation rows.
        y, classes : None
            Not used.
        **fit_params : object
            ``epochs``.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, **fit_params)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            # skorch's EarlyStopping ends training by the same exception.
            if not any(_has_stopped(callback) for _, callback in self.callbacks_):
                raise
        self.notify("on_train_end", X=X, y=y)
        return self

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin new sums.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_begin(net, **kwargs)
        weights = self.criterion_.task_weights
        self.tallies_ = {
            training: Tally(self.tasks, weights) for training in (True, False)
        }

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Return rows as they are iterated over.

        Parameters
        ----------
        X : Samples or ndarray
            Rows.
        y : None
            Not used.

        Returns
        -------
        Samples
            X, in a record.
        """
        return X if isinstance(X, Samples) else Samples(X)

    def get_split_datasets(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Return training and validation rows, which were split before.

        Parameters
        ----------
        X : tuple of (Samples, Samples or None)
            Both.
        y : None
            Not used.
        **fit_params : object
            Not used.

        Returns
        -------
        tuple of (Samples, Samples or None)
            X.
        """
        return X

    def get_iterator(self, dataset: Samples, training: bool = False) -> Batches:
        """Index batches from whole arrays, in a new order every epoch of training.

        Parameters
        ----------
        dataset : Samples
            Rows.
        training : bool, default=False
            Whether to shuffle.

        Returns
        -------
        Batches
            An iterable of inputs and labels.
        """
        if not training:
            size = max(self.batch_size, _PREDICTION_BATCH)
            return Batches(dataset, size, self.dtype)
        at_least = 2 if needs_batch(self.module_) else 1
        return Batches(dataset, self.batch_size, self.dtype, self.generator_, at_least)

    def get_loss(
        self, y_pred: Any, y_true: Labels, X: Any = None, training: bool = False
    ) -> Tensor:
        """Compute the weighted loss, and add the batch to the epoch's sums.

        Parameters
        ----------
        y_pred : tuple of Tensor of shape (n_samples, n_outputs)
            Outputs of the network.
        y_true : Labels
            Labels and weights.
        X : object
            Not used.
        training : bool, default=False
            Whether these are training rows.

        Returns
        -------
        Tensor
            The total loss, a scalar.
        """
        outputs = tuple(
            task.link(output) for task, output in zip(self.tasks, y_pred, strict=True)
        )
        parts = self.criterion_(outputs, y_true.values, y_true.weights)
        self.tallies_[training].add(parts, outputs, y_true)
        return parts.total

    def activations(self, samples: Samples) -> Iterator[tuple[Tensor, ...]]:
        """Compute probabilities and values, batch by batch.

        Parameters
        ----------
        samples : Samples
            Rows.

        Yields
        ------
        tuple of Tensor of shape (n_batch, n_outputs)
            In task order, on the CPU.
        """
        for outputs in self.forward_iter(samples):
            yield tuple(
                task.activate(output)
                for task, output in zip(self.tasks, outputs, strict=True)
            )

    def features(self, samples: Samples) -> Iterator[Tensor]:
        """Compute the shared features, batch by batch.

        Parameters
        ----------
        samples : Samples
            Rows.

        Yields
        ------
        Tensor of shape (n_batch, n_features)
            On the CPU.
        """
        self.module_.eval()
        for x, _ in self.get_iterator(samples):
            with torch.inference_mode():
                yield self.module_.features(x.to(self.device)).cpu()

    def __getstate__(self) -> dict[str, Any]:
        """Keep how the network is made and its weights; no optimiser, no callbacks."""
        arguments = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_")
            and not name.endswith("_")
            and name not in ("callbacks", "device")
        }
        weights = {
            name: value.detach().cpu().numpy()
            for name, value in self.module_.state_dict().items()
        }
        return {"arguments": arguments, "weights": weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the network anew, on the CPU, and give it its weights."""
        type(self).__init__(self, **state["arguments"], device="cpu")
        with isolated(0, torch.device("cpu")):
            self.initialize()
        weights = {
            name: torch.from_numpy(value.copy())
            for name, value in state["weights"].items()
        }
        self.module_.load_state_dict(weights)
        self.module_.eval()


def _has_stopped(callback: Callback) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience
