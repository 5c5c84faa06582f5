"""Steps whose loss has penalties across tasks."""

from typing import Any

from mtlearn.training._aggregating import AggregatingLoop
from mtlearn.training._penalties import Penalties


class PenalisedLoop(AggregatingLoop):
    """A skorch net that adds penalties to the loss of each step of training.

    They are computed outside of autocast, once a step however many passes it has, and
    are no part of the losses in the history: they have a column of their own.
    """

    penalties_: Penalties
    module_: Any

    def find_penalised(self) -> None:
        """Find the weights that penalties are about."""
        self.penalties_.find(self.module_.heads, self.tasks)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin a mean of the penalties over the steps of the epoch.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_begin(net, **kwargs)
        self.find_penalised()  # a callback may have changed the network
        self.penalties_.begin()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record this mean, before callbacks see the epoch.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_end(net, **kwargs)
        if self.penalties_:
            self.history.record("train_penalty", self.penalties_.mean())

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take one step of the optimiser.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss``, without penalties, and ``y_pred``.
        """
        step = super().train_step(batch, **fit_params)
        if "penalty" in step:
            self.penalties_.add(step.pop("penalty"))
            step["loss"] = step.pop("loss_of_labels")
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch and its gradients, with those of penalties.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss``, by which an optimiser may choose its step, and ``y_pred``.
        """
        step = super().train_step_single(batch, **fit_params)
        if not self.penalties_:
            return step
        with self.own_numbers(self.watches_):
            penalty = self.penalties_.total()
            if penalty.requires_grad:  # else every one of these heads is frozen
                self.scaler_.scale(penalty).backward()
        loss, penalty = step["loss"].detach(), penalty.detach()
        return {
            **step,
            "loss": loss + penalty,
            "loss_of_labels": loss,
            "penalty": penalty,
        }
