"""Predictions that are written where they belong, batch by batch."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._listing import listed
from mtlearn._utils._progress import progress
from mtlearn._utils._threads import threads
from mtlearn._utils._typed import available_if
from mtlearn._utils._unwrap import reach, single_networks
from mtlearn.estimators._mixin import MultiTaskMixin, has_probabilities
from mtlearn.estimators._sinks import check_outs, open_sinks
from mtlearn.exceptions import InvalidDataError, InvalidParameterError
from mtlearn.tasks import (
    Tasks,
    array_dtype,
    decode_rows,
    in_arrays,
    keeps_labels,
    label_dtype,
)
from mtlearn.training import RowChange, own_modes

# Outputs, labels or features of each task, of one batch of rows.
Batch = list[np.ndarray]


class Stream(NamedTuple):
    """What is predicted, batch by batch.

    Attributes
    ----------
    n_rows : int
        Of all batches.
    lacks : bool
        Whether rows may have no prediction.
    batches : iterator of list of ndarray
        One array for each task; nothing is computed before it is asked for.
    """

    n_rows: int
    lacks: bool
    batches: Iterator[Batch]

    def map(self, change: Callable[[Batch], Batch]) -> "Stream":
        """Change each batch."""
        return self._replace(batches=map(change, self.batches))

    def decoded(self, tasks: Tasks) -> "Stream":
        """Make labels of outputs."""
        labelled = list(tasks.labelled)
        return self.map(
            lambda outputs: [
                decode_rows(task, output)
                for task, output in zip(labelled, outputs, strict=True)
            ]
        )


class Request(NamedTuple):
    """What is wanted.

    Attributes
    ----------
    out : object
        What the user gave.
    n_outs : int or None
        How many results there are in a list; None of one result by itself.
    X : object
        What is predicted of.
    method : str
        Its name, for messages.
    is_shown : bool
        Whether there is a bar.
    """

    out: Any
    n_outs: int | None
    X: Any
    method: str
    is_shown: bool


# Tells the dtype of a result from its first batch, and which other dtypes hold it.
Dtypes = Callable[[Batch], list[np.dtype]]
Keeps = Callable[[np.dtype, np.dtype], bool]
# Makes of the arrays of each task those of each result.
LayOut = Callable[[Batch], Batch]


def casts_safely(dtype: np.dtype, natural: np.dtype) -> bool:
    """Tell whether a dtype holds all values of another one.

    Parameters
    ----------
    dtype, natural : dtype
        The one, and the other.

    Returns
    -------
    bool
        Of real numbers.
    """
    return dtype.kind in "biuf" and np.can_cast(natural, dtype, "safe")


def _own_dtypes(batch: Batch) -> list[np.dtype]:
    return [each.dtype for each in batch]


def _as_it_is(batch: Batch) -> Batch:
    return batch


def write_batches(
    stream: Stream,
    request: Request,
    dtypes: Dtypes = _own_dtypes,
    keeps: Keeps = casts_safely,
    lay_out: LayOut = _as_it_is,
) -> list[np.ndarray]:
    """Write batches to where they are wanted.

    Parameters
    ----------
    stream : Stream
        What is predicted.
    request : Request
        What is wanted.
    dtypes : callable
        Gives the dtype of each result, of the first batch.
    keeps : callable
        Tells whether a dtype holds another one.
    lay_out : callable
        Makes of a batch one array for each result.

    Returns
    -------
    list of ndarray
        What the user gave, or memory maps of new files.

    Raises
    ------
    InvalidParameterError, ParameterTypeError
        If `out` is not what it must be; nothing is written then.
    """
    outs = check_outs(
        request.out, request.n_outs, stream.n_rows, request.X, request.method
    )
    first = next(stream.batches)
    natural, laid = dtypes(first), lay_out(first)
    shapes = [(stream.n_rows, *each.shape[1:]) for each in laid]
    for out, shape, dtype in zip(outs, shapes, natural, strict=True):
        _check_fits(out, shape, dtype, keeps, request.method)
    with ExitStack() as stack:
        sinks = open_sinks(outs, shapes, natural, stack)
        with progress(
            stream.n_rows, request.method, "row", shown=request.is_shown
        ) as bar:
            for batch in chain([laid], map(lay_out, stream.batches)):
                for sink, rows in zip(sinks, batch, strict=True):
                    sink.write(rows)
                bar.update(len(batch[0]))
    return [sink.result() for sink in sinks]


def _check_fits(
    out: Any, shape: tuple[int, ...], natural: np.dtype, keeps: Keeps, method: str
) -> None:
    if natural.kind == "O":
        raise InvalidParameterError(
            f"The 'out' parameter of {method} is for numbers, or text alone, and here "
            "are objects, such as text beside numbers or of a DataFrame. Write "
            "predict_proba(X, out=...), whose columns are in the order of classes_."
        )
    if not isinstance(out, np.ndarray):
        return
    if out.shape != shape:
        raise InvalidParameterError(
            f"The 'out' parameter of {method} has the shape {out.shape}, and what is "
            f"predicted has {shape}. Make one of that shape."
        )
    if not keeps(out.dtype, natural):
        raise InvalidParameterError(
            f"The 'out' parameter of {method} has the dtype {out.dtype}, which does "
            f"not hold all that may be predicted. Make it {natural}."
        )


def within(n_threads: int | None, batches: Iterator[Any]) -> Iterator[Any]:
    """Compute each batch in torch's own modes, and give it outside of them.

    Parameters
    ----------
    n_threads : int or None
        Threads to compute with.
    batches : iterator
        What computes.

    Yields
    ------
    object
        Each batch.
    """
    while True:
        # Not around the loop: who takes the batches has modes and threads of its own.
        with own_modes(), threads(n_threads):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def in_step(streams: Sequence[Stream]) -> Iterator[list[Batch]]:
    """Give the same rows of several streams, whatever batches each of them has.

    Parameters
    ----------
    streams : sequence of Stream
        Of as many rows.

    Yields
    ------
    list of list of ndarray
        Of each stream.

    Raises
    ------
    InvalidDataError
        If they are not of as many rows.
    """
    if len({stream.n_rows for stream in streams}) > 1:
        counts = sorted({stream.n_rows for stream in streams})
        raise InvalidDataError(
            f"The members predict {listed(counts)} rows of the same X: a step in front "
            "of one leaves some out or adds some. Do so before, for all of them."
        )
    held: list[Batch] = [[] for _ in streams]
    while True:
        held = [
            batch if batch and len(batch[0]) else next(stream.batches, [])
            for batch, stream in zip(held, streams, strict=True)
        ]
        if not held[0]:
            return
        n_rows = min(len(batch[0]) for batch in held)
        yield [[each[:n_rows] for each in batch] for batch in held]
        held = [[each[n_rows:] for each in batch] for batch in held]


class InBulk(MultiTaskMixin):
    """Predictions that need no more memory for more rows.

    A subclass computes the outputs of each task also batch by batch.
    """

    @abstractmethod
    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        """Compute what `_outputs` does, batch by batch."""

    def _stream_of(self, X: Any, position: int, *, decode: bool) -> Stream:
        """Compute the same of one task; of one network, by its own head alone."""
        stream = self._stream(X, decode=decode)
        return stream.map(lambda batch: [batch[position]])

    def _request(self, out: Any, n_outs: int | None, X: Any, method: str) -> Request:
        verbose = getattr(self, "verbose", None)
        is_shown = bool(verbose)
        if verbose is None:  # of what has none, those inside tell
            is_shown = any(bool(each.verbose) for each in single_networks(self))
        return Request(out, n_outs, X, method, is_shown)

    def predict(self, X: Any, *, out: Any = None) -> Any:
        """Predict labels, in the layout of the y that the estimator was fitted on.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        out : ndarray, str or path-like, default=None
            Where to write the labels, batch by batch, so that they need no memory: an
            array or memory map, or the name of a ``.npy`` file that is not there yet.
            See :meth:`MultiTaskMixin.predict` for what there is without.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks), or DataFrame
            Labels and values in the units of y. An array has dtype object if a label
            is not a number, or is a whole one that the real values beside it would
            round. A DataFrame has the tasks' columns of y with their dtypes
            (floating-point ones for real values), and the index of X if that is a
            DataFrame. Images that are skipped have NaN among numbers, which are real
            values then, and None or the null of the DataFrame elsewhere. With `out`,
            that array, or a read-only memory map of the new file, with the columns of
            the DataFrame if there would be one.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If `out` is no such array or name: of another shape, or of a dtype that
            does not hold every label and value as it is. Nothing is written then.

        Notes
        -----
        A file is there once it is whole: what is interrupted leaves none. An array has
        the rows up to the interruption, and is as it was after them. A whole number is
        written as a real one if a row may have no label.
        """
        if out is None:
            return super().predict(X)
        stream = self._stream(X, decode=True)
        codec = in_arrays(self._codec)

        def keeps(dtype: np.dtype, natural: np.dtype) -> bool:
            return keeps_labels(dtype, natural, codec.labelled, stream.lacks)

        (written,) = write_batches(
            stream,
            self._request(out, None, X, "predict"),
            lambda batch: [array_dtype(codec, batch, stream.lacks)],
            keeps,
            lambda batch: [codec.arrange(batch)],
        )
        return written

    @available_if(has_probabilities)
    def predict_proba(self, X: Any, *, out: Any = None) -> Any:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like or dataset
            Samples; see the class for their shape.
        out : ndarray, str or path-like, or list of these, default=None
            Where to write them, as in `predict`: a list where a list is returned.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of ndarray
            An array if there is one task; else a list in the order of y's columns, as
            those of `predict`, with `(n_samples, 1)`, the predicted value, for a
            regression. Images that are skipped have NaN.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If `out` is not what it must be. Nothing is written then.
        """
        if out is None:
            return super().predict_proba(X)
        alone = self._codec.has_one_task
        n_outs = None if alone else len(self.tasks_.labelled)
        request = self._request(out, n_outs, X, "predict_proba")
        written = write_batches(self._stream(X), request)
        return written[0] if alone else written

    def _write_one(
        self, X: Any, out: Any, position: int, *, decode: bool
    ) -> np.ndarray:
        """Write the labels or the outputs of one task."""
        stream = self._stream_of(X, position, decode=decode)
        method = "predict" if decode else "predict_proba"
        request = self._request(out, None, X, method)
        if not decode:
            return write_batches(stream, request)[0]
        name = self.tasks_.labelled.names[position]
        task = self.tasks_[name]

        def dtypes(batch: Batch) -> list[np.dtype]:
            return [label_dtype(task, batch[0], stream.lacks)]

        def keeps(dtype: np.dtype, natural: np.dtype) -> bool:
            return keeps_labels(dtype, natural, [task], stream.lacks)

        return write_batches(stream, request, dtypes, keeps)[0]


class InnerStream(InBulk):
    """The same of what is around one estimator, whose outputs are passed on."""

    estimator_: Any

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        return inner._stream(X, decode=decode, change=change)
