"""Any metric of one task, epoch by epoch."""

import numbers
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import Tensor

from mtlearn._utils._short import short
from mtlearn._utils._validation import check_bool, check_choice
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.training._processes import current_processes

# How scikit-learn calls functions whose result is better small.
_BETTER_SMALL = ("_error", "_loss", "_deviance")
# Rows whose outputs are decoded together.
_AT_ONCE = 4096


class TaskMetric(Callback):
    """Record a metric of one task in the history, once an epoch.

    The metric is one of predicted labels or values, not of probabilities. It is
    computed from what the network gave for the epoch's own batches, and stands
    in the history as ``{on}_{task}_{name}``. Missing labels are left out, of several
    columns the rows that lack one; weights are not looked at; without any label it is
    NaN. Until an epoch ends, true and
    predicted labels of its rows are kept in the memory of the CPU, and the network's
    outputs of no more than some 4,096 rows where the network is.

    Parameters
    ----------
    metric : callable
        Takes true and predicted labels, as scikit-learn's metrics do, and returns a
        number.
    task : str
        Name of the task.
    name : str or None, default=None
        How to call it; None takes the name of the function without ``_score``.
    on : {"valid", "train"}, default="valid"
        Which rows. Without validation rows, ``"valid"`` records nothing. The outputs
        for training rows are those that the network learned from: with dropout and
        augmentation. Where images are mixed, they say little.
    greater_is_better : bool or None, default=None
        Whether a network is better where the metric is greater, for an estimator's
        `monitor`. None goes by the function's name, as in scikit-learn: those that end
        in ``_error``, ``_loss`` or ``_deviance`` are better small; those that end in
        ``_score``, and all others of scikit-learn, large. Another one can be followed
        only if this says so.
    **kwargs : object
        Further arguments of the metric.

    Raises
    ------
    InvalidParameterError, ParameterTypeError, UnknownTaskError
        When training begins, if a parameter is not what it must be; after an epoch,
        if the metric returns no number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import f1_score
    >>> from mtlearn import Classification, MultiTaskEstimator, Tasks
    >>> from mtlearn.training import TaskMetric
    >>> metric = TaskMetric(f1_score, "sign", on="train", average="macro")
    >>> X = np.linspace(-1, 1, 20)[:, np.newaxis]
    >>> estimator = MultiTaskEstimator(
    ...     Tasks(sign=Classification(2)), max_epochs=2, callbacks=[metric]
    ... ).fit(X, X[:, 0] > 0)
    >>> "train_sign_f1" in estimator.history_[0]
    True
    """

    greater_is_better: bool | None = None  # in pickles of earlier versions

    def __init__(
        self,
        metric: Callable[..., float],
        task: str,
        *,
        name: str | None = None,
        on: Literal["valid", "train"] = "valid",
        greater_is_better: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.metric = metric
        self.task = task
        self.name = name
        self.on = on
        self.greater_is_better = greater_is_better
        self.__dict__.update(kwargs)  # as in skorch: parameters, which clone copies

    @property
    def kwargs(self) -> dict[str, Any]:
        """Further arguments of the metric."""
        own = ("metric", "task", "name", "on", "greater_is_better")
        return {
            key: value
            for key, value in vars(self).items()
            if key not in own and not key.endswith("_")
        }

    def figure(self) -> str:
        """Check the parameters, and name the figure without its side.

        Returns
        -------
        str
            The task, and how the metric is called.
        """
        check_choice(self.on, "on", "TaskMetric", ("valid", "train"))
        if not callable(self.metric):
            raise ParameterTypeError(
                "The 'metric' parameter of TaskMetric must be a function of true and "
                f"predicted labels. Got {short(self.metric)} instead."
            )
        name = self.name
        if name is None:
            name = getattr(self.metric, "__name__", None)
        if not isinstance(name, str):
            raise InvalidParameterError(
                "The 'name' parameter of TaskMetric must be a string where the metric "
                f"has no name of its own. Got {self.name!r} with {short(self.metric)} "
                "instead."
            )
        if self.name is None:
            name = name.removesuffix("_score")
        return f"{self.task}_{name}"

    def rises(self) -> bool | None:
        """Tell whether the metric is greater where a network is better.

        Returns
        -------
        bool or None
            What `greater_is_better` says, or the function's name; None if neither does.
        """
        if self.greater_is_better is not None:
            owner = type(self).__name__
            return check_bool(self.greater_is_better, "greater_is_better", owner)
        function = getattr(self.metric, "func", self.metric)  # of a partial
        name = getattr(function, "__name__", "")
        if name.endswith(_BETTER_SMALL):
            return False
        of_sklearn = (getattr(function, "__module__", None) or "").startswith(
            "sklearn."
        )
        return True if of_sklearn or name.endswith("_score") else None

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        figure = self.figure()
        self.rises()
        self.task_ = net.tasks[self.task]
        if self.task_.n_columns == 0:
            raise InvalidParameterError(
                f"The 'task' of a TaskMetric must have labels. Got {self.task!r} "
                "instead, which reads no column of y."
            )
        self.index_ = net.tasks.names.index(self.task)
        self.key_ = f"{self.on}_{figure}"
        others = (each for _, each in net.callbacks_ if each is not self)
        if any(getattr(each, "key_", None) == self.key_ for each in others):
            raise InvalidParameterError(
                f"Two callbacks record {self.key_!r}. Give one of the TaskMetrics "
                "another name."
            )
        # Also of another task: "a" with "b_loss" is "a_b" with "loss".
        taken = {
            f"{self.on}_{other}_{figure}"
            for other, task in net.tasks.items()
            for figure in ("loss", task.metric)
        }
        if self.key_ in taken:
            name = figure.removeprefix(f"{self.task}_")
            raise InvalidParameterError(
                f"The 'name' of a TaskMetric must not be {name!r}: the history has "
                f"{self.key_!r} anyway. Leave the callback out, or give another name."
            )

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        # Outputs of a few batches, and the labels of all batches before.
        self.batches_: list[tuple[Tensor, Tensor, Tensor]] = []
        self.n_waiting_ = 0
        self.labels_: list[tuple[np.ndarray, np.ndarray]] = []
        self.has_seen_ = False

    def on_batch_end(
        self,
        net: Any,
        batch: Any = None,
        training: bool = False,
        y_pred: Any = None,
        **kwargs: Any,
    ) -> None:
        if training == (self.on == "train"):
            labels, i = batch[1], self.index_
            weights = labels.weights[i]
            present = weights > 0 if weights.ndim == 1 else (weights > 0).all(dim=1)
            self.batches_.append((y_pred[i].detach(), labels.values[i], present))
            self.n_waiting_ += len(present)
            self.has_seen_ = True
            # Not each batch by itself: on a GPU, that would wait for it every time.
            if self.n_waiting_ >= _AT_ONCE:
                self._decode()

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if self.has_seen_:
            self._decode()
            processes = current_processes()
            if processes is not None:
                each = processes.of_each(self.labels_)
                self.labels_ = [pair for pairs in each for pair in pairs]
            net.history.record(self.key_, self._compute())
        self.labels_ = []

    def state_dict(self) -> dict[str, Any]:
        """Give nothing: no epoch's figure depends on those before."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take nothing over."""

    def _decode(self) -> None:
        """Turn the outputs that wait into labels, which are far smaller."""
        if not self.batches_:
            return
        outputs, values, present = map(torch.cat, zip(*self.batches_, strict=True))
        self.batches_, self.n_waiting_ = [], 0
        activated = self.task_.activate(outputs[present]).cpu().numpy()
        true = self.task_.restore(values[present].cpu().numpy())
        self.labels_.append((true, self.task_.decode(activated)))

    def _compute(self) -> float:
        """Compute the metric of all labels."""
        true, predicted = map(np.concatenate, zip(*self.labels_, strict=True))
        if not len(true):
            return float("nan")
        result = self.metric(true, predicted, **self.kwargs)
        if isinstance(result, numbers.Real):
            return float(result)
        raise InvalidParameterError(
            f"The 'metric' parameter of TaskMetric, recorded as {self.key_!r}, must "
            f"return a number. Got {short(result)} instead. Choose an average, such as "
            "average='macro'."
        )
