"""What ensembles share."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._unwrap import align_outputs, aligned_outputs, reach, unwrap
from mtlearn.ensemble._average import joint_codec, mean_stream, weighted_moments
from mtlearn.ensemble._members import fit_members
from mtlearn.estimators import BaseMetaEstimator, InBulk, Stream
from mtlearn.tasks import decode_rows
from mtlearn.training import RowChange, release


class BaseEnsemble(InBulk, BaseMetaEstimator):
    """An average of members with the same tasks.

    A subclass says which members there are and what each of them weighs.
    """

    estimators_: list[Any]

    def _inner_weights(self) -> list[float]:
        return self._member_weights()

    def _member_weights(self) -> list[float]:
        """Give the weight of each member."""
        return [1.0] * len(self.estimators_)

    def _train(
        self,
        members: list[Any],
        X: Any,
        y: Any,
        params: list[dict[str, Any]],
        rows: list[np.ndarray | None],
        weights: list[float] | None = None,
        vectorized: bool | str = False,
    ) -> None:
        """Fit the members, and keep them if all went well."""
        root, contexts = self._contexts(len(members), X, y)
        fitted, checkpoints = fit_members(
            members,
            X,
            y,
            params,
            rows=rows,
            contexts=contexts,
            owner=self,
            vectorized=vectorized,
        )
        self._keep(fitted, weights)
        release(checkpoints)
        root.call_on_fit_task_end(estimator=self, X=X, y=y)

    def _contexts(self, n_members: int, X: Any, y: Any) -> tuple[Any, list[Any]]:
        """Begin a fit for scikit-learn's callbacks, and give each member's context."""
        root = self._init_callback_context(
            max_subtasks=n_members, sequential_subtasks=False
        )
        root.call_on_fit_task_begin(estimator=self, X=X, y=y)
        # All of them before the first fit: a context in use cannot be pickled.
        return root, [
            root.subcontext(task_name="member", task_id=position)
            for position in range(n_members)
        ]

    def _keep(self, members: list[Any], weights: list[float] | None = None) -> None:
        """Set what is known of fitted members."""
        codec = joint_codec(members, weights, type(self).__name__)
        self.estimators_ = members
        self._set_codec(codec)

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        means, _ = self._moments(X, change)
        if not decode:
            return means
        return [
            decode_rows(task, mean)
            for task, mean in zip(self.tasks_.labelled, means, strict=True)
        ]

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        check_is_fitted(self, "estimators_")
        reached = [reach(member, X) for member in self.estimators_]
        streams = [inner._stream(own, change=change) for inner, own in reached]

        def align(number: int, outputs: list[np.ndarray]) -> list[np.ndarray]:
            return align_outputs(self.estimators_[number], outputs, self.tasks_)

        means = mean_stream(streams, self._member_weights(), align)
        return means.decoded(self.tasks_) if decode else means

    def _moments(
        self, X: Any, change: RowChange | None = None
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        check_is_fitted(self, "estimators_")
        outputs = (
            aligned_outputs(member, X, self.tasks_, change)
            for member in self.estimators_
        )
        return weighted_moments(outputs, self._member_weights())

    def spread(self, X: Any) -> Any:
        """Compute how far the members lie apart: their standard deviation.

        It describes the members that there are: squares are divided by their number
        (``ddof=0``), or by the sum of their weights, so that one member has none. As an
        estimate of how far further members would lie apart it is too small; multiply
        that of M members by ``sqrt(M / (M - 1))``.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the members take them.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), or list of ndarray
            In the layout of `predict_proba`: of each class's probability, in [0, 0.5],
            or `(n_samples, 1)` of a real value, in its units. An array if there is
            one task, else a list in the order of y's columns.
        """
        _, deviations = self._moments(X)
        return deviations[0] if self._codec.has_one_task else deviations

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Give back what the members have learned, if what is done inside fails."""
        with ExitStack() as stack:
            for member in self._fitted():
                stack.enter_context(unwrap(member)._unchanged_on_error())
            yield

    def _fitted(self) -> list[Any]:
        return getattr(self, "estimators_", [])
