"""The bridge to scikit-learn's callback protocol."""

from collections.abc import Callable
from typing import Any


class EpochContext:
    """Tells scikit-learn's callbacks of a fit and of each of its epochs.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.
    epochs : int
        Epochs at most.
    X, y, sample_weight : object
        Training data, as passed on to the callbacks.
    """

    def __init__(
        self, estimator: Any, epochs: int, X: Any, y: Any, sample_weight: Any
    ) -> None:
        self.estimator = estimator
        self.context = estimator._init_callback_context(max_subtasks=epochs)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.is_in_epoch = False

    def begin(self, fitted: Callable[[], dict[str, Any]]) -> None:
        """Begin the fit.

        Parameters
        ----------
        fitted : callable
            Gives the attributes that an estimator would have if training ended now.
        """
        self.fitted = fitted
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def begin_epoch(self) -> None:
        """Begin an epoch."""
        self.epoch = self.context.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        self.is_in_epoch = True

    def end_epoch(self) -> bool:
        """End an epoch, and tell whether a callback asks to stop."""
        self.is_in_epoch = False
        return self.epoch.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.fitted,
            **self.data,
        )

    def end(self) -> None:
        """End the fit, and an epoch in which training has diverged."""
        if self.is_in_epoch:
            self.end_epoch()
        self.context.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes={}, **self.data
        )
