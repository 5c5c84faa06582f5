"""The skorch net that owns the network and the weighted loss."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from skorch.callbacks import Callback
from torch import nn

from mtlearn._utils._short import short
from mtlearn.data import Samples
from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import cast_module, filling, structure, trained_spec
from mtlearn.tasks import Tasks
from mtlearn.training._changes import Changes
from mtlearn.training._learned import copied, load_weights_of, parts_of, weights_of
from mtlearn.training._modes import own_modes
from mtlearn.training._own_optimizer import OwnOptimizer
from mtlearn.training._penalties import Penalties
from mtlearn.training._precision import Precision
from mtlearn.training._processes import current_processes
from mtlearn.training._randomness import Randomness
from mtlearn.training._scaling import loss_scaler
from mtlearn.training._statistics import RecentInputs, refresh_if_stale
from mtlearn.training._step_sums import StepSums


class MultiTaskNet(OwnOptimizer):
    """A skorch net for a module with several outputs.

    It adds to `OwnOptimizer` how the network is made, moved, trained and pickled.

    Parameters
    ----------
    module, criterion : callable
        Make the network, which returns a tuple of outputs, and the loss.
    tasks : Tasks
        Fitted tasks.
    precision : Precision
        What the network computes in.
    accumulate : int, default=1
        How many times `batch_size` rows go through the network before a step.
    compile_options : dict or None, default=None
        Arguments of `torch.nn.Module.compile`; None does not compile the network.
    backbone_lr, layer_decay : float or None, default=None
        See `Rates`.
    **kwargs : object
        Arguments of `skorch.NeuralNet`.

    References
    ----------
    .. [1] M. Tietz, T. J. Fan, D. Nouri, B. Bossan, "skorch: A scikit-learn
       compatible neural network library that wraps PyTorch", 2017.

    Examples
    --------
    An estimator makes its net; users reach it as ``estimator.net_``.

    >>> from skorch import NeuralNet
    >>> from mtlearn.training import MultiTaskNet
    >>> issubclass(MultiTaskNet, NeuralNet)
    True
    """

    def __init__(
        self,
        module: Any,
        criterion: Any,
        *,
        tasks: Tasks,
        precision: Precision,
        accumulate: int = 1,
        compile_options: dict[str, Any] | None = None,
        backbone_lr: float | None = None,
        layer_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tasks = tasks
        self.precision = precision
        self.accumulate = accumulate
        self.compile_options = compile_options
        self.backbone_lr = backbone_lr
        self.layer_decay = layer_decay
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
        arguments = self.get_params_for("module") | {"dtype": self.precision.dtype}
        with torch.device("cpu"):  # whatever torch's default device is
            self.module_ = self.initialized_instance(self.module, arguments)
        if self.compile_options is not None:
            _compile(self.module_, self.compile_options)
        # The network that predicts, with a description of the weights it was made of.
        self.inference_: tuple[Any, Any] | None = None
        self.recent_: RecentInputs | None = None
        self.scaler_ = loss_scaler(self.precision, self.device)
        self.randomness_ = Randomness(0, torch.device(self.device))
        self.generator_ = torch.Generator()
        self.changes_ = Changes()
        self.penalties_ = Penalties()
        self.change_generator_ = torch.Generator()
        self.aggregation_ = None
        self.aggregation_generator_ = torch.Generator()
        self.step_sums_ = None
        self.balance_ = None
        self.processes_ = None
        return self

    def initialize_criterion(self) -> Self:
        """Make the loss, with copies of what the losses of the tasks learn.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        arguments = self.get_params_for("criterion")
        losses = [
            copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
            for loss in arguments["losses"]
        ]
        made = self.initialized_instance(
            self.criterion, arguments | {"losses": tuple(losses)}
        )
        self.criterion_ = cast_module(made, self.precision.dtype)
        return self

    def train(
        self,
        data: tuple[Samples, Samples | None],
        *,
        epochs: int,
        callbacks: Sequence[Callback],
        order_seed: int,
        randomness: Randomness,
        changes: Changes | None = None,
        change_seed: int = 0,
        penalties: Penalties | None = None,
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
        randomness : Randomness
            What else is drawn comes from it.
        changes : Changes or None, default=None
            What happens to training batches.
        change_seed : int, default=0
            Seed of what they draw.
        penalties : Penalties or None, default=None
            What is added to the loss of a step.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        self.randomness_ = randomness
        self.processes_ = current_processes()
        self.order_seed_ = order_seed
        self.generator_.manual_seed(order_seed)
        self.changes_ = Changes() if changes is None else changes
        self.change_generator_.manual_seed(change_seed)
        self.penalties_ = Penalties() if penalties is None else penalties
        self.inference_ = None  # its memory is free while others are needed
        united = [self.changes_.united * task.unites for task in self.tasks]
        self.step_sums_ = StepSums(data[0], united)
        self.callbacks = list(callbacks)
        self.initialize_callbacks()
        self.initialize_history()
        try:
            self.find_penalised()
            return self.partial_fit(data, epochs=epochs)
        finally:
            self._set_training(False)
            for _, callback in self.callbacks_:
                if hasattr(callback, "close_bar"):  # also on an error
                    callback.close_bar()
            # They know the training data, which a fitted net must not keep alive.
            self.changes_, self.step_sums_ = Changes(), None
            self.aggregation_ = None
            self.penalties_ = Penalties()
            self.processes_ = None
            self.recent_ = None
            self.callbacks = []
            self.initialize_callbacks()

    def refresh_statistics(self) -> None:
        """Bring the statistics of batch norms up to date with the weights."""
        refresh_if_stale(self)

    def move(self, device: str, precision: Precision) -> bool:
        """Move the network where it is to compute.

        Parameters
        ----------
        device : str
            A torch device.
        precision : Precision
            What it is to compute in.

        Returns
        -------
        bool
            Whether its weights were elsewhere, or of another type.
        """
        before = str(self.device), self.precision.dtype
        if before[0] == device and self.precision == precision:
            return False
        self.device: str = device
        self.precision = precision
        for _, part in parts_of(self):
            cast_module(part, precision.dtype, device)
        self.scaler_ = loss_scaler(precision, device)
        self.inference_ = None
        return before != (device, precision.dtype)

    def settle_precision(self) -> None:
        """Compute in float32 if the network would be wrong in less, where it is now."""
        precision = self.precision.for_network(self.module_, self.module__input_shape)
        self.move(str(self.device), precision)

    def set_compile(self, options: dict[str, Any] | None) -> None:
        """Compile the network from its next pass on, or no longer.

        Parameters
        ----------
        options : dict or None
            Arguments of `torch.nn.Module.compile`; None does not compile.
        """
        if options != self.compile_options:
            self.compile_options = options
            self.module_._compiled_call_impl = None  # torch has no undo of compile
            if options is not None:
                _compile(self.module_, options)

    @contextmanager
    def unchanged_on_error(self) -> Iterator[None]:
        """Give settings, weights and optimiser back as they were if training fails.

        A net that is new needs no copies: nobody has it yet.
        """
        settings = self._settings()
        device, precision = str(self.device), self.precision
        optimizer = self.optimizer_
        weights = copied(weights_of(self))
        steps = copied(optimizer.state_dict())
        scale = self.scaler_.state_dict()
        frozen = self.module_.frozen_names is not None
        task_weights = self.criterion_.task_weights
        balance = self.balance_
        balanced = {} if balance is None else balance.state.state_dict()
        try:
            yield
        except BaseException:
            self.move(device, precision)
            self.module_.freeze_backbone(frozen)
            self.set_compile(settings["compile_options"])
            # Not setattr and delattr, by which skorch keeps lists of what it made.
            for name in self._settings().keys() - settings.keys():
                del self.__dict__[name]
            self.__dict__.update(settings, optimizer_=optimizer)
            load_weights_of(self, weights)
            self.criterion_.task_weights = task_weights
            self.balance_ = balance
            if balance is not None:
                balance.use(task_weights)
                balance.state.load_state_dict(balanced)
            optimizer.load_state_dict(steps)
            # A new one: the step that failed may have left the old one half-way.
            self.scaler_ = loss_scaler(precision, device)
            self.scaler_.load_state_dict(scale)
            raise

    def _settings(self) -> dict[str, Any]:
        """Give the parameters, as skorch tells them from what is fitted."""
        return {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_") and not name.endswith("_")
        }

    def __getstate__(self) -> dict[str, Any]:
        """Keep how the network is made and its weights; no optimiser, no callbacks."""
        arguments = self._settings()
        for name in ("callbacks", "device"):
            del arguments[name]
        arguments["module__backbone_params"] = structure(
            self.module__backbone, self.module__backbone_params, self.module_.backbone
        )
        arguments["module__heads"] = tuple(map(trained_spec, self.module__heads))
        weights = {
            name: value.detach().cpu().numpy()
            for name, value in weights_of(self).items()
        }
        return {"arguments": arguments, "weights": weights}

    @own_modes()
    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the network anew, on the CPU, and give it its weights."""
        device = torch.device("cpu")
        type(self).__init__(self, **state["arguments"], device=str(device))
        # There may be no compiler here; more training compiles again.
        self.compile_options = None
        self.precision = self.precision.on(device)
        with filling():
            self.initialize()
            kept = state["weights"].items()
            load_weights_of(self, {k: torch.from_numpy(v.copy()) for k, v in kept})
            self._set_training(False)
            self.settle_precision()


def _compile(module: nn.Module, options: dict[str, Any]) -> None:
    """Compile in place, so that the class and the names of the weights stay."""
    try:
        module.compile(**options)
    except Exception as error:
        raise InvalidParameterError(
            f"The 'compile' parameter must be True, False or a dict of arguments of "
            f"torch.compile. Got {short(options)} instead, of which torch says: {error}"
        ) from error
