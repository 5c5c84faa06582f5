"""A skorch net that may weigh the losses of its tasks anew in each step."""

from typing import Any

from mtlearn.losses import Balancing
from mtlearn.training._balancing import Balance
from mtlearn.training._own_numbers import OwnNumbers
from mtlearn.training._tally import Tally


class Balanced(OwnNumbers):
    """A skorch net with a balance of losses, or none."""

    tasks: Any
    tallies_: dict[bool, Tally]

    def set_balancing(
        self, value: Balancing | None, seed: int, *, keep_state: bool
    ) -> None:
        """Balance the losses of the tasks from the next step on.

        Parameters
        ----------
        value : Balancing or None
            How; None weighs them as the criterion says.
        seed : int
            Of what is drawn.
        keep_state : bool
            Whether the state of the present balance is kept, if it is of the same.
        """
        before, weights = self.balance_, self.criterion_.task_weights
        if value is None:
            self.balance_ = None
        elif keep_state and before is not None and before.goes_on_as(value):
            before.use(weights)
        else:
            self.balance_ = Balance(value, self.tasks, weights, seed)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin new means of the weights.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_begin(net, **kwargs)
        if self.balance_ is not None:
            self.balance_.begin_epoch()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note the weights of the losses, before the callbacks see the epoch.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_end(net, **kwargs)
        if self.balance_ is not None:
            found = self.balance_.end_epoch(self.tallies_[True])
            for name, weight in found.items():
                self.history.record(name, weight)
