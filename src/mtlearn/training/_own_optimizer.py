"""How the skorch net makes its optimiser, and changes it."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import torch

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import is_filling
from mtlearn.training._fingerprint import same_value
from mtlearn.training._joining import give_momentum
from mtlearn.training._loop import BatchLoop
from mtlearn.training._scaling import loss_scaler


class OwnOptimizer(BatchLoop):
    """A skorch net whose optimiser is made late, and may be another one later."""

    def initialize_optimizer(self) -> Self:
        """Make the optimiser; where a trained network is read, when it is asked for.

        Making one imports torch's compiler, which no prediction needs.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        if not is_filling():
            return super().initialize_optimizer()
        # So that skorch knows of it.
        self.optimizer_ = torch.optim.Optimizer.__new__(torch.optim.Optimizer)
        del self.__dict__["optimizer_"]
        return self

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> Any:
        """Give what an optimiser is made of.

        Parameters
        ----------
        prefix : str
            Its name.
        named_parameters : iterable of (str, Parameter)
            All that learns.

        Returns
        -------
        tuple of (tuple, dict)
            As in skorch. Weights of the backbone that tasks do not share are in the
            group of the heads.
        """
        shared = set(map(id, self.module_.shared_parameters().values()))
        named = []
        for name, weight in named_parameters:
            own = name.startswith("backbone.") and id(weight) not in shared
            named.append((f"own.{name}" if own else name, weight))
        return super().get_params_for_optimizer(prefix, named)

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer_" and "module_" in vars(self):
            super().initialize_optimizer()
            return vars(self)[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def set_optimizer(
        self,
        cls: Callable[..., Any],
        arguments: dict[str, Any],
        rates: Sequence[float],
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
        rates : sequence of float
            Learning rate of each group of weights; see `set_rates`.
        keep_state : bool
            Whether the state of the present optimiser is kept, if it is the same.
        """
        before = {k: v for k, v in vars(self).items() if k.startswith("optimizer__")}
        today = {f"optimizer__{key}": value for key, value in arguments.items()}
        if not (keep_state and cls is self.optimizer and same_value(before, today)):
            for name in before:
                delattr(self, name)
            for name, value in {"optimizer": cls, **today}.items():
                setattr(self, name, value)
            self.forget_optimizer()
        give_momentum(self.optimizer_)  # what was frozen may join
        self.set_rates(rates)

    def forget_optimizer(self) -> None:
        """Give the optimiser no state, as it has none in a pickled net."""
        self.initialize_optimizer()
        self.scaler_ = loss_scaler(self.precision, self.device)

    def set_rates(self, rates: Sequence[float]) -> None:
        """Set the learning rate of each group of weights.

        Parameters
        ----------
        rates : sequence of float
            Of the backbone, if that is a group of its own, and of all others.

        Raises
        ------
        InvalidParameterError
            If there are two rates, and not these two groups.
        """
        self.lr = rates[-1]
        groups = self.optimizer_.param_groups
        if len(rates) == 1:  # also where an optimiser makes groups of its own
            rates = [self.lr] * len(groups)
        if len(rates) != len(groups):
            raise InvalidParameterError(
                "The 'backbone_lr' parameter must be None where the backbone has no "
                f"weights, or the optimizer makes groups of its own. Got {rates[0]!r} "
                f"with {type(self.optimizer_).__name__} and {len(groups)} groups of "
                "weights instead."
            )
        for group, lr in zip(groups, rates, strict=True):
            group["lr"] = lr
