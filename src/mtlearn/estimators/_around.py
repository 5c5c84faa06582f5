"""What the estimators share that hold one other of this package."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mtlearn._utils._indexing import take_rows
from mtlearn._utils._routing import params_of_rows, told_of
from mtlearn._utils._row_plan import planned_rows, resampled_plan
from mtlearn.estimators._meta import BaseMetaEstimator
from mtlearn.exceptions import ParameterTypeError


class AroundOne(BaseMetaEstimator):
    """An estimator around one, which it trains, or takes as it is if it is frozen."""

    estimator: Any
    estimator_: Any

    def _train(
        self,
        parts: Sequence[tuple[Any, np.ndarray | None]],
        X: Any,
        y: Any,
        params: dict[str, Any],
        n_samples: int,
    ) -> Iterator[Any]:
        """Fit estimators on some rows each, and tell scikit-learn's callbacks of it.

        Parameters
        ----------
        parts : sequence of (estimator, rows)
            Clones, and the numbers of the rows to fit each on; None takes all.
        X, y : array-like
            All rows.
        params : dict
            Arguments of `fit`.
        n_samples : int
            How many rows there are.

        Yields
        ------
        estimator
            Fitted.
        """
        data = {"estimator": self, "X": X, "y": y}
        root = self._init_callback_context(max_subtasks=len(parts))
        root.call_on_fit_task_begin(**data)
        for estimator, rows in parts:
            own, given = (X, y), params
            if rows is not None:
                own = take_rows(X, rows), take_rows(y, rows)
                given = params_of_rows(params, rows, n_samples)
            context = root.subcontext(task_name="estimator")
            told = told_of(context, estimator, estimator=self, X=own[0], y=own[1])
            with planned_rows(resampled_plan(n_samples, rows)), told:
                estimator.fit(*own, **given)
            yield estimator
        root.call_on_fit_task_end(**data)

    def _refuse_arguments(self, given: Mapping[str, Any]) -> None:
        """Raise if there are arguments of `fit` for what is not trained."""
        if given:
            raise ParameterTypeError(
                f"{type(self).__name__} does not train a FrozenEstimator, and has no "
                f"use for the arguments {sorted(given)}."
            )

    def _templates(self) -> dict[str, Any]:
        return {"estimator": self.estimator}

    def _fitted(self) -> list[Any]:
        return [self.estimator_] if hasattr(self, "estimator_") else []
