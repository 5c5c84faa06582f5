"""How the skorch net makes its optimiser, and changes it."""

from collections.abc import Callable, Iterable
from typing import Any, Self

import torch
from torch import nn

from mtlearn.exceptions import InvalidParameterError
from mtlearn.networks import is_filling
from mtlearn.training._fingerprint import same_value
from mtlearn.training._joining import give_momentum
from mtlearn.training._penalised import PenalisedLoop
from mtlearn.training._rates import Rates
from mtlearn.training._scaling import loss_scaler


class OwnOptimizer(PenalisedLoop):
    """A skorch net whose optimiser is made late, and may be another one later."""

    lr: float
    backbone_lr: float | None
    layer_decay: float | None

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
            As in skorch, with the groups of weights that have rates of their own.
        """
        _, arguments = super().get_params_for_optimizer(prefix, [])
        learnable = [weight for _, weight in named_parameters]
        groups = self.rates.groups(self.module_, learnable)
        return (
            [{"params": weights, "lr": rate} for rate, weights in groups],
        ), arguments

    @property
    def rates(self) -> Rates:
        """Which learning rate each weight has."""
        return Rates(self.lr, self.backbone_lr, self.layer_decay)

    def group_rates(self) -> list[float]:
        """Give the learning rate of each group of weights, before any schedule.

        Returns
        -------
        list of float
            That of the heads last; only one where all have the same.
        """
        return [rate for rate, _ in self._groups()]

    def _groups(self) -> list[tuple[float, list[nn.Parameter]]]:
        learnable = [weight for _, weight in self.get_all_learnable_params()]
        return self.rates.groups(self.module_, learnable)

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer_" and "module_" in vars(self):
            super().initialize_optimizer()
            return vars(self)[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def set_optimizer(
        self,
        cls: Callable[..., Any],
        arguments: dict[str, Any],
        rates: Rates,
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
        rates : Rates
            Which learning rate each weight has.
        keep_state : bool
            Whether the state of the present optimiser is kept, if it is the same.
        """
        before = {k: v for k, v in vars(self).items() if k.startswith("optimizer__")}
        today = {f"optimizer__{key}": value for key, value in arguments.items()}
        same = cls is self.optimizer and same_value(before, today)
        same = same and rates.parameter == self.rates.parameter
        self._keep_rates(rates)
        if not (keep_state and same):
            for name in before:
                delattr(self, name)
            for name, value in {"optimizer": cls, **today}.items():
                setattr(self, name, value)
            self.forget_optimizer()
        _end_cycle(self.optimizer_)
        give_momentum(self.optimizer_)  # what was frozen may join
        self.set_rates(rates)

    def forget_optimizer(self) -> None:
        """Give the optimiser no state, as it has none in a pickled net."""
        self.initialize_optimizer()
        self.scaler_ = loss_scaler(self.precision, self.device)

    def set_rates(self, rates: Rates) -> None:
        """Set the learning rate of each group of weights.

        Parameters
        ----------
        rates : Rates
            Which learning rate each weight has, told apart as before.

        Raises
        ------
        InvalidParameterError
            If weights have rates of their own, and the optimiser other groups.
        """
        self._keep_rates(rates)
        made = self.optimizer_.param_groups
        if rates.parameter is None:  # also where an optimiser makes groups of its own
            for group in made:
                group["lr"] = rates.heads
            return
        groups = self._groups()
        if [_ids(each["params"]) for each in made] != [
            _ids(each) for _, each in groups
        ]:
            raise InvalidParameterError(
                f"The {rates.parameter!r} parameter must be None where the optimizer "
                f"makes groups of its own, as {type(self.optimizer_).__name__} does."
            )
        for group, (rate, _) in zip(made, groups, strict=True):
            group["lr"] = rate

    def _keep_rates(self, rates: Rates) -> None:
        self.lr = rates.heads
        self.backbone_lr = rates.backbone
        self.layer_decay = rates.layer_decay


def _end_cycle(optimizer: Any) -> None:
    """Give groups the momentum that they had before a cycle moved it."""
    for group in optimizer.param_groups:
        if "max_momentum" in group:
            for name in {"betas", "momentum"} & optimizer.defaults.keys():
                group[name] = optimizer.defaults[name]


def _ids(weights: Iterable[nn.Parameter]) -> list[int]:
    return [id(weight) for weight in weights]
