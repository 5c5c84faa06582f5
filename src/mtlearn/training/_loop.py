"""How the skorch net steps through batches."""

from collections.abc import Iterator
from typing import Any, Self

import torch
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from mtlearn.data import Batches, Labels, Samples, batch_slices
from mtlearn.losses import Inputs
from mtlearn.networks import needs_batch
from mtlearn.tasks import Tasks
from mtlearn.training._accumulation import in_pieces, step_in_pieces
from mtlearn.training._balanced import Balanced
from mtlearn.training._counting import count
from mtlearn.training._inference import prediction_batch
from mtlearn.training._precision import Precision
from mtlearn.training._scaling import scaled_step
from mtlearn.training._statistics import RecentInputs
from mtlearn.training._step_sums import StepSums
from mtlearn.training._tally import Tally


class StopTraining(Exception):
    """Raised by a callback to end training after an epoch."""


class BatchLoop(Balanced):
    """A skorch net for batches of several targets, in some precision.

    It overrides how rows become batches, and how outputs and labels become a loss;
    the loop over epochs and batches is skorch's.
    """

    tasks: Tasks
    precision: Precision
    accumulate: int
    generator_: torch.Generator
    scaler_: Any
    change_generator_: torch.Generator
    step_sums_: StepSums | None
    recent_: RecentInputs | None
    # Whether a step keeps the features, with their graph, for what looks at them.
    keeps_features_: bool = False
    # Whether a frozen backbone is going to train in later epochs of this training.
    thaws_: bool = False

    @property
    def fewest_rows(self) -> int:
        """Rows that a pass of training needs, from the first epoch to the last."""
        return 2 if needs_batch(self.module_, thaws=self.thaws_) else 1

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, *, epochs: int = 1
    ) -> Self:
        """Run the training loop; unlike skorch's, let Ctrl-C through.

        Parameters
        ----------
        X : tuple of (Samples, Samples or None)
            Training and validation rows.
        y, classes : None
            Not used.
        epochs : int, default=1
            Epochs at most.

        Returns
        -------
        MultiTaskNet
            This net.
        """
        self.stopping_ = False
        self.look_for_draws()
        try:
            self.notify("on_train_begin", X=X, y=y)
            # A checkpoint may have brought some epochs back.
            self.fit_loop(X, y, epochs=epochs - len(self.history))
        except StopTraining:
            pass
        self.notify("on_train_end", X=X, y=y)
        return self

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call a method of all callbacks, also where one of them ends training.

        skorch's EarlyStopping ends it by a KeyboardInterrupt, as Ctrl-C does, and
        callbacks after it would not see the epoch.

        Parameters
        ----------
        method_name : str
            Such as ``"on_epoch_end"``.
        **cb_kwargs : object
            Passed on to the callbacks.

        Raises
        ------
        StopTraining
            After the epoch that training ends with.
        """
        if method_name != "on_epoch_end":
            super().notify(method_name, **cb_kwargs)
            return
        with self.own_numbers(self.watches_callbacks_):
            self.on_epoch_end(self, **cb_kwargs)
            for _, callback in self.callbacks_:
                try:
                    callback.on_epoch_end(self, **cb_kwargs)
                except KeyboardInterrupt:
                    if not _has_stopped(callback):
                        raise
                    self.stopping_ = True
        if self.stopping_:
            raise StopTraining

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin new sums, and forget the batches of the epoch before.

        Parameters
        ----------
        net : MultiTaskNet
            This net.
        **kwargs : object
            Passed on to skorch.
        """
        super().on_epoch_begin(net, **kwargs)
        # Before the callbacks, which may freeze a part of the network.
        self._set_training(True)
        # A row of history for every batch of a long training would fill gigabytes.
        if len(self.history) > 1:
            self.history[-2, "batches"].clear()
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
            size = prediction_batch(dataset, self.device)
            return Batches(dataset, size, self.precision.dtype, device=self.device)
        return Batches(
            dataset,
            self.batch_size * self.accumulate,
            self.precision.dtype,
            self.generator_,
            self.fewest_rows,
            self.device,
        )

    def infer(self, x: Tensor, **fit_params: Any) -> tuple[Tensor, ...]:
        """Run the network in its precision.

        Parameters
        ----------
        x : Tensor of shape (n_samples, ...)
            A batch.
        **fit_params : object
            Not used.

        Returns
        -------
        tuple of Tensor of shape (n_samples, n_outputs)
            Outputs of the tasks, not of the shorter type of autocast.
        """
        with self.precision.context(self.device):
            outputs = self.module_(x)
        return self._of_precision(outputs)

    def _infer_with_features(self, x: Tensor) -> tuple[tuple[Tensor, ...], Any]:
        """Run the network in its precision, and give the features beside its outputs.

        By one call, also where it is compiled.
        """
        with self.precision.context(self.device):
            outputs, features = self.module_(x, with_features=True)
        return self._of_precision(outputs), features

    def _of_precision(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # Several batches' wait to be counted, and what a CUDA graph has returned is
        # written over by its next run. Torch's other compiled networks do not say.
        kept = self.is_compiled_
        return tuple(output.to(self.precision.dtype, copy=kept) for output in outputs)

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
            ``loss`` and ``y_pred``.
        """
        # Once a step: an optimiser may compute the loss of a batch several times, of
        # which the first one, with the weights as they were, is the step's.
        x, labels = batch
        self.note_inputs(x)
        batch = self.changed(x, labels, self.change_generator_)
        if self.balance_ is not None:
            self.balance_.begin_step(self)
        if self.scaler_.is_enabled():
            step = scaled_step(self, batch)
        else:
            step = super().train_step(batch, **fit_params)
        counted = step.pop("counted")
        if self.balance_ is not None:
            self.balance_.end_step(self, batch, counted[0])
        self.tallies_[True].add(*counted)
        for name in ("features", "of_members"):  # whose graph need not outlive the step
            step.pop(name, None)
        return step

    def note_inputs(self, x: Tensor) -> None:
        """Keep the inputs of a step, where statistics are computed on them later."""
        if self.recent_ is not None:
            self.recent_.add(x)

    def passes_of(self, n_rows: int) -> Iterator[slice]:
        """Give which rows of a batch go through the network at a time, one by one."""
        if self.accumulate == 1 or n_rows <= self.batch_size:
            yield slice(0, n_rows)
        else:
            yield from batch_slices(n_rows, self.batch_size, self.fewest_rows)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch and its gradients.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss`` and ``y_pred``.
        """
        return self.step_through(batch)

    def _gradients_of(self, batch: Any) -> dict[str, Any]:
        if not in_pieces(self, batch):
            return self.backward_step(batch)
        if self.balance_ is not None:
            self.balance_.weigh_whole(self, batch)
        return step_in_pieces(self, batch)

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.
        **fit_params : object
            Not used.

        Returns
        -------
        dict
            ``loss`` and ``y_pred``.
        """
        with torch.no_grad(), self.own_pass():
            step = self.forward_step(batch, training=False)
        self.tallies_[False].add(*step.pop("counted"))
        return step

    def forward_step(
        self, batch: Any, training: bool, divisors: Tensor | None = None
    ) -> dict[str, Any]:
        """Compute outputs and the loss.

        Parameters
        ----------
        batch : tuple of (Tensor, Labels)
            Rows.
        training : bool
            Whether these are training rows.
        divisors : Tensor of shape (n_tasks,), default=None
            What the losses are divided by, if not by what the rows say.

        Returns
        -------
        dict
            ``loss``, ``y_pred`` and ``counted``, which a tally adds up; of training
            rows with `keeps_features_` also ``features``, as the network's `features`
            returns them, and of a network of members ``of_members``, its own outputs.
        """
        # A callback may have predicted. Going through all layers at every step, as
        # skorch does, takes longer than a small network.
        if self.module_.training != training:
            self._set_training(training)
        x, labels = batch
        kept = {}
        if training and self.keeps_features_:
            outputs, kept["features"] = self._infer_with_features(x)
        else:
            outputs = self.infer(x)
        if labels.inputs is None:
            labels = labels._replace(inputs=Inputs(x, x))
        counted = count(self, outputs, labels, training, divisors)
        if training and self.module_.n_members is not None:
            # What gradients go back from; a row of a sample is what others expect.
            kept["of_members"] = outputs
            outputs = self.module_.joined([each.detach() for each in outputs])
        return {"loss": counted[0].total, "y_pred": outputs, "counted": counted, **kept}

    def get_loss(
        self, y_pred: Any, y_true: Labels, X: Any = None, training: bool = False
    ) -> Tensor:
        """Compute the weighted loss.

        Parameters
        ----------
        y_pred : tuple of Tensor of shape (n_samples, n_outputs)
            Outputs of the network.
        y_true : Labels
            Labels and weights; of twice as many rows where the batch is mixed.
        X : Tensor, default=None
            The batch, which tasks without labels learn from.
        training : bool, default=False
            Whether these are training rows.

        Returns
        -------
        Tensor
            The total loss, a scalar.
        """
        if y_true.inputs is None and X is not None:
            y_true = y_true._replace(inputs=Inputs(X, X))
        return count(self, y_pred, y_true, training)[0].total


def _has_stopped(callback: Callback) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience
