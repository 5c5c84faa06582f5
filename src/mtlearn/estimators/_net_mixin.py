"""What a fitted net predicts, and what a fit sets."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import bracketed
from mtlearn._utils._short import short
from mtlearn._utils._threads import threads
from mtlearn.data import (
    Rows,
    Samples,
    known_rows,
    may_lack,
    only_found,
    readable,
    to_labels,
    warn_lacking,
)
from mtlearn.estimators._in_bulk import InBulk, Stream, within, write_batches
from mtlearn.estimators._older import net_in_order
from mtlearn.estimators._reconstructing import reconstructing
from mtlearn.estimators._settings import read_n_threads
from mtlearn.estimators._watching import Watch, current_watch
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import EncodedTargets, Task, decode_rows
from mtlearn.training import (
    MultiTaskNet,
    Observation,
    RowChange,
    activations,
    features,
    gate_weights,
    observations,
    own_modes,
    reconstructions,
)


class NetMixin(InBulk):
    """Predictions of one net, whose attributes a fit sets."""

    net_: MultiTaskNet
    precision_: str
    n_features_in_: int
    feature_names_in_: np.ndarray
    n_iter_: int
    lr_: float
    best_epoch_: int
    best_epochs_: dict[str, int]
    history_: list[dict[str, Any]]

    @abstractmethod
    def _check_X(self, X: Any, *, reset: bool) -> Rows:
        """Check X; with `reset`, remember its shape, else compare with it."""

    def _check_fitted(self) -> None:
        # It reads the tags, which takes a part of the time of one row.
        if "net_" not in vars(self):
            check_is_fitted(self, "net_")

    @own_modes()
    def _labelled(self, X: Any, targets: EncodedTargets) -> Samples:
        """Join rows and encoded labels, as the fitted net's loss sees them."""
        self._check_fitted()
        (X,), rows = readable(X)
        targets = targets if rows is None else targets.take(rows)
        X = self._check_X(X, reset=False)
        dtype, device = self.net_.precision.dtype, torch.device(self.net_.device)
        return Samples(X, to_labels(targets, dtype, device))

    def _forget_optimizer(self) -> None:
        self.net_.forget_optimizer()

    def _restored(self) -> None:
        order = self._reorder()
        if order is not None:
            net: MultiTaskNet = vars(self)["net_"]
            self.net_ = net_in_order(net, self.tasks_, order)

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        self._check_fitted()
        watch, compiled = current_watch(), self.net_.compile_options is not None
        if watch is not None and change is None and not compiled:
            return self._watched(X, decode, watch)
        return self._predicted(X, None, decode, change)

    def _output(self, X: Any, position: int, *, decode: bool) -> np.ndarray:
        self._check_fitted()
        if self.net_.compile_options is not None:  # all heads are one piece
            return super()._output(X, position, decode=decode)
        return self._predicted(X, position, decode)[0]

    @own_modes()
    def _predicted(
        self,
        X: Any,
        only: int | None,
        decode: bool,
        change: RowChange | None = None,
    ) -> list[np.ndarray]:
        tasks, rows, computed = self._computing(X, only, change)
        # Labels take less memory; but which rows are lacking, the last one tells.
        at_once = decode and not may_lack(rows)
        with threads(read_n_threads(self)):
            batches = [
                [
                    task.decode(output.numpy()) if at_once else output.numpy()
                    for task, output in zip(tasks, outputs, strict=True)
                ]
                for outputs in computed
            ]
        found = [
            only_found(np.concatenate(outputs), rows)
            for outputs in zip(*batches, strict=True)
        ]
        warn_lacking(rows)
        if at_once or not decode:
            return found
        pairs = zip(tasks, found, strict=True)
        return [decode_rows(task, output) for task, output in pairs]

    def _computing(
        self, X: Any, only: int | None, change: RowChange | None
    ) -> tuple[list[Task], Rows, Iterator[tuple[torch.Tensor, ...]]]:
        """Give the tasks, the rows, and what computes their outputs in batches."""
        self._check_fitted()
        labelled = list(self.tasks_.labelled)  # which come first
        numbers = range(len(labelled)) if only is None else [only]
        tasks = [labelled[number] for number in numbers]
        every = len(tasks) == len(self.tasks_)
        checked = self._check_X(X, reset=False)
        rows = known_rows(checked, type(self).__name__)
        chosen = None if every else numbers
        return tasks, rows, activations(self.net_, Samples(rows), chosen, change)

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        return self._streamed(X, None, decode, change)

    def _stream_of(self, X: Any, position: int, *, decode: bool) -> Stream:
        self._check_fitted()
        if self.net_.compile_options is not None:  # all heads are one piece
            return super()._stream_of(X, position, decode=decode)
        return self._streamed(X, position, decode)

    @own_modes()
    def _streamed(
        self,
        X: Any,
        only: int | None,
        decode: bool,
        change: RowChange | None = None,
    ) -> Stream:
        tasks, rows, computed = self._computing(X, only, change)
        batches = self._of_rows(rows, computed)
        if decode:
            batches = (
                [decode_rows(*pair) for pair in zip(tasks, outputs, strict=True)]
                for outputs in batches
            )
        return Stream(len(rows), may_lack(rows), batches)

    def _of_rows(
        self, rows: Rows, computed: Iterator[Sequence[torch.Tensor]]
    ) -> Iterator[list[np.ndarray]]:
        """Give batches as arrays, NaN where an image is skipped, and warn of these."""
        start = 0
        for outputs in within(read_n_threads(self), computed):
            yield [only_found(output.numpy(), rows, start) for output in outputs]
            start += len(outputs[0])
        warn_lacking(rows)

    @own_modes()
    def embed(self, X: Any, task: str | None = None, *, out: Any = None) -> np.ndarray:
        """Compute the features that the tasks share.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        task : str, default=None
            The task whose features to give, where the backbone makes some for each.
        out : ndarray, str or path-like, default=None
            Where to write them, as in `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Output of the backbone, without maps; NaN for images that are skipped.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If there is no such task, or each has features of its own and none is given,
            or `out` is not what it must be.
        """
        self._check_fitted()
        number = self._whose_features(task)
        rows = known_rows(self._check_X(X, reset=False), type(self).__name__)
        if out is not None:
            computed = ([each] for each in features(self.net_, Samples(rows), number))
            stream = Stream(len(rows), may_lack(rows), self._of_rows(rows, computed))
            return write_batches(stream, self._request(out, None, X, "embed"))[0]
        with threads(read_n_threads(self)):
            batches = [
                batch.numpy() for batch in features(self.net_, Samples(rows), number)
            ]
        found = only_found(np.concatenate(batches), rows)
        warn_lacking(rows)
        return found

    @own_modes()
    def _gate_weights(self, X: Any) -> list[np.ndarray]:
        """Compute how much each task takes of each expert; NaN for images skipped."""
        self._check_fitted()
        rows = known_rows(self._check_X(X, reset=False), type(self).__name__)
        with threads(read_n_threads(self)):
            batches = list(gate_weights(self.net_, Samples(rows)))
        found = [
            only_found(torch.cat(each).numpy(), rows)
            for each in zip(*batches, strict=True)
        ]
        warn_lacking(rows)
        return found

    @own_modes()
    def _remade(self, X: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        self._check_fitted()
        checked = self._check_X(X, reset=False)
        rows = known_rows(checked, type(self).__name__)
        number = self.tasks_.names.index(name)
        with threads(read_n_threads(self)):
            batches = list(reconstructions(self.net_, Samples(rows), number))
        made, errors = (
            only_found(torch.cat(each).numpy(), rows)
            for each in zip(*batches, strict=True)
        )
        warn_lacking(rows)
        if made.ndim == 4:
            made = made.transpose(0, 2, 3, 1)
            # Rows have channels also where X has none; those of datasets tell which.
            item_shape = getattr(checked, "item_shape", None) or np.shape(X)[1:]
            made = made if len(item_shape) == 3 else made[..., 0]
        return made, errors

    @own_modes()
    def _observed(
        self,
        X: Any,
        names: Sequence[str],
        *,
        with_scores: bool = False,
        remaking: str | None = None,
    ) -> Observation:
        """Look inside of the network; see `observations`. NaN for images skipped."""
        self._check_fitted()
        rows = known_rows(self._check_X(X, reset=False), type(self).__name__)
        place = self.tasks_.names.index
        with threads(read_n_threads(self)):
            batches = observations(
                self.net_,
                Samples(rows),
                [place(name) for name in names],
                with_scores=with_scores,
                remaking=None if remaking is None else place(remaking),
            )
            features, scores, outputs, errors, variances = zip(*batches, strict=True)

        def joined(each: Sequence[torch.Tensor]) -> np.ndarray:
            return only_found(torch.cat(list(each)).numpy(), rows)

        def of_tasks(parts: Sequence[Any]) -> tuple[np.ndarray, ...]:
            return tuple(joined(each) for each in zip(*parts, strict=True))

        warn_lacking(rows)
        return Observation(
            of_tasks(features),
            of_tasks(scores),
            of_tasks(outputs),
            None if remaking is None else joined(errors),
            None if remaking is None else joined(variances),
        )

    def _watched(self, X: Any, decode: bool, watch: Watch) -> list[np.ndarray]:
        """Predict, and note what the network sees."""
        labelled, remaking = self.tasks_.labelled, None
        if watch.remaking:
            remaking = reconstructing(self.tasks_)[0]
        seen = self._observed(X, labelled.names, with_scores=True, remaking=remaking)
        watch.seen.append(seen)
        if not decode:
            return list(seen.outputs)
        pairs = zip(labelled, seen.outputs, strict=True)
        return [decode_rows(task, output) for task, output in pairs]

    def _whose_features(self, task: str | None) -> int | None:
        if task is None and not self.net_.module_.per_task:
            return None
        if task not in self.tasks_.names:
            why = ": each has features of its own" if task is None else ""
            raise InvalidParameterError(
                "The 'task' parameter of embed must be the name of a task, of which "
                f"there are {bracketed(self.tasks_.names)}{why}. Got {short(task)} "
                "instead."
            )
        return self.tasks_.names.index(task)
