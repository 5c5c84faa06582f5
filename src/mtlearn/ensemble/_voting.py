"""Different estimators with the same tasks."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import UNUSED

from mtlearn._utils._prepared import prepared
from mtlearn._utils._routing import routed_params
from mtlearn._utils._short import short
from mtlearn._utils._sklearn_compat import BaseComposition, VisualBlock
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import check_inside
from mtlearn._utils._validation import check_real
from mtlearn._utils._whole import in_one_step
from mtlearn.data import item_labels
from mtlearn.ensemble._base import BaseEnsemble
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError


class VotingEnsemble(BaseEnsemble, BaseComposition):
    """The average of different estimators that learn the same tasks.

    Probabilities of classes are averaged (a soft vote), and so are real values. The
    members may differ in everything but their tasks: backbones, recipes, what comes in
    front of them in a Pipeline.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Names and estimators of this package, or Pipelines or searches that end in one.
        ``"drop"`` in the place of an estimator leaves it out; a fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` takes part as it is. Where their
        `n_threads` is None, members compute with one thread.
    weights : None or sequence of float, default=None
        What each of `estimators` weighs, not negative, dropped ones included; None
        weighs all alike.
    n_jobs : None or int, default=None
        Members that train at once, as in :class:`SeedEnsemble`.
    verbose : int, default=0
        Of `joblib.Parallel`: above 0, it tells how many members are done.

    Attributes
    ----------
    estimators_ : list of estimator
        Fitted members, without dropped ones.
    named_estimators_ : Bunch
        The same by their names.
    tasks_ : Tasks
        Fitted tasks, with the classes that any member knows.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels; a list with None for regressions if y has two dimensions. Absent if no
        task is a classification.
    n_features_in_ : int
        Numbers in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if X had any.

    See Also
    --------
    SeedEnsemble : The same over seeds.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Partial, Regression
    >>> from mtlearn import Tasks, VotingEnsemble
    >>> from mtlearn.datasets import load_wine_quality
    >>> from mtlearn.networks import MLP
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> recipe = {"max_epochs": 2, "random_state": 0}
    >>> wide, deep = (
    ...     MultiTaskEstimator(tasks, backbone=Partial(MLP, hidden=hidden), **recipe)
    ...     for hidden in [(32,), (8, 8)]
    ... )
    >>> ensemble = VotingEnsemble([("wide", wide), ("deep", deep)], weights=[2, 1])
    >>> ensemble.fit(X, y).predict(X).shape
    (1599, 2)
    >>> ensemble.set_params(deep="drop").fit(X, y).named_estimators_.keys()
    dict_keys(['wide'])
    """

    __metadata_request__fit: ClassVar = {"sample_weight": UNUSED}

    def __init__(
        self,
        estimators: Sequence[tuple[str, Any]],
        *,
        weights: Sequence[float] | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimators = estimators
        self.weights = weights
        self.n_jobs = n_jobs
        self.verbose = verbose

    @in_one_step
    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, **fit_params: Any
    ) -> Self:
        """Fit the members.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimators take them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimators take them; None where X is a dataset of
            `(x, y)`.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        **fit_params : object
            Further arguments of the members' `fit`, such as `X_val`. With metadata
            routing, what each of them requests.

        Returns
        -------
        self : VotingEnsemble
            The fitted ensemble.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be, or the members learn other tasks.
        """
        named = self._check_members()
        y = item_labels(X, y)
        members = [prepared(estimator) for estimator in named.values()]
        params = routed_params(self, "fit", named, sample_weight, fit_params)
        weights = self._weights_taking_part()
        self._train(members, X, y, params, [None] * len(members), weights)
        self._weights = weights
        self.named_estimators_ = Bunch(
            **dict(zip(named, self.estimators_, strict=True))
        )
        return self

    def _check_members(self) -> dict[str, Any]:
        """Check the parameters, and give the members that take part."""
        owner = type(self).__name__
        pairs = self.estimators
        if not (
            isinstance(pairs, list | tuple)
            and pairs
            and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs)
        ):
            raise ParameterTypeError(
                f"The 'estimators' parameter of {owner} must be a list of pairs of a "
                f"name and an estimator, at least one. Got {short(pairs)} instead."
            )
        names = [name for name, _ in pairs]
        if not all(isinstance(name, str) for name in names):
            raise ParameterTypeError(
                f"The names among the 'estimators' of {owner} must be strings. "
                f"Got {short(names)} instead."
            )
        self._validate_names(names)
        self._check_weights(owner)
        named = self._templates()
        if not named:
            raise InvalidParameterError(
                f"The 'estimators' parameter of {owner} has nothing but 'drop'. Leave "
                "at least one estimator in."
            )
        for name, estimator in named.items():
            check_inside(estimator, f"estimators: {name}", owner)
        return named

    def _check_weights(self, owner: str) -> None:
        if self.weights is None:
            return
        if isinstance(self.weights, str | dict) or np.ndim(self.weights) != 1:
            raise ParameterTypeError(
                f"The 'weights' parameter of {owner} must be None or a sequence of "
                f"numbers, one for each estimator. Got {short(self.weights)} instead."
            )
        weights = [check_real(each, "weights", owner, low=0) for each in self.weights]
        if len(weights) != len(self.estimators):
            raise InvalidParameterError(
                f"The 'weights' parameter of {owner} has {len(weights)} entries for "
                f"{len(self.estimators)} estimators. Give one for each."
            )
        if not any(self._weights_taking_part()):
            raise InvalidParameterError(
                f"The 'weights' parameter of {owner} must have a positive one among "
                f"the estimators that take part. Got {short(self.weights)} instead."
            )

    def _templates(self) -> dict[str, Any]:
        pairs = self.estimators if isinstance(self.estimators, list | tuple) else []
        # What fit will refuse must still have tags and be shown.
        named = [pair for pair in pairs if isinstance(pair, list | tuple)]
        return {name: each for name, each in named if not _is_dropped(each)}

    def _member_weights(self) -> list[float]:
        return self._weights  # those of the fit: an estimator may be dropped since

    def _weights_taking_part(self) -> list[float]:
        weights = self.weights
        if weights is None:
            weights = [1.0] * len(self.estimators)
        return [
            float(weight)
            for weight, (_, each) in zip(weights, self.estimators, strict=True)
            if not _is_dropped(each)
        ]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, and with `deep` the estimators and theirs by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give those of the estimators too.

        Returns
        -------
        dict
            Values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the estimators by ``name__parameter``.

        Parameters
        ----------
        **params : object
            New values; an estimator's name replaces it, by ``"drop"`` to leave it out.

        Returns
        -------
        self : VotingEnsemble
            The ensemble.
        """
        return self._set_params("estimators", **params)

    def _sk_visual_block_(self) -> VisualBlock:
        named = self._templates()
        return VisualBlock("parallel", list(named.values()), names=list(named))


def _is_dropped(estimator: Any) -> bool:
    return isinstance(estimator, str) and estimator == "drop"
