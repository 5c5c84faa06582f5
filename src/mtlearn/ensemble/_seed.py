"""One recipe, several seeds."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_consistent_length
from sklearn.utils.metadata_routing import UNUSED

from mtlearn._utils._indexing import is_dataset
from mtlearn._utils._prepared import prepared
from mtlearn._utils._routing import n_rows, routed_params, told_of
from mtlearn._utils._short import short
from mtlearn._utils._typed import available_if, with_callbacks
from mtlearn._utils._unwrap import check_inside, unwrap
from mtlearn._utils._validation import check_bool, check_choice, check_integer
from mtlearn._utils._whole import copy_of, in_one_step
from mtlearn.data import item_labels, row_dims, selectable_rows
from mtlearn.ensemble._base import BaseEnsemble
from mtlearn.estimators import MultiTaskEstimator, MultiTaskImageEstimator
from mtlearn.exceptions import InvalidParameterError, ParameterTypeError
from mtlearn.tasks import fit_codec
from mtlearn.training import as_member, common_seed, draw_seed, inner_place


def _is_seeds(name: str) -> bool:
    return name.rpartition("__")[2] == "seeds"


def _with_params(member: Any, template: Any) -> Any:
    """Give a fitted member in an object of its own, with the parameters of another."""
    again = copy_of(member)
    return again.set_params(**template.get_params(deep=False))


def _read_vectorized(value: Any) -> bool | str:
    if isinstance(value, str):
        return check_choice(value, "vectorized", "SeedEnsemble", ("auto",))
    try:
        return check_bool(value, "vectorized", "SeedEnsemble")
    except ParameterTypeError as error:
        raise ParameterTypeError(
            "The 'vectorized' parameter of SeedEnsemble must be True, False or 'auto'. "
            f"Got {short(value)} instead."
        ) from error


def _trains_partially(ensemble: Any) -> bool:
    return ensemble.estimator is None or hasattr(ensemble.estimator, "partial_fit")


class SeedEnsemble(BaseEnsemble):
    """The average of networks that differ in their seed.

    Each member is a clone of one estimator with another `random_state`. Probabilities
    of classes are averaged (a soft vote), and so are real values.

    Parameters
    ----------
    estimator : estimator, default=None
        An estimator of this package, or a Pipeline or search that ends in one. None is
        a :class:`~mtlearn.MultiTaskEstimator` for X of two dimensions, else a
        :class:`~mtlearn.MultiTaskImageEstimator`. Where its `n_threads` is None,
        members compute with one thread.
    n_members : int, default=3
        Number of members.
    seeds : None or sequence of int, default=None
        The `random_state` of each member, in [0, 2**32), in place of `n_members` and
        `random_state`. None draws them.
    bootstrap : bool, default=False
        Whether each member trains on a resample of the rows, as many as there are,
        with repetition. It makes members differ more, and each of them a little worse.
        The rows are copied, but for those of a dataset.
    n_jobs : None or int, default=None
        Members that train at once; None is 1 unless in a `joblib.parallel_config`,
        which also decides where: in processes, threads, or on a dask or Ray cluster.
        On a GPU, leave it at 1.
    random_state : None, int or RandomState, default=None
        What the seeds are drawn from, at each `fit`. An int gives the same members on
        the same machine and versions, whatever `n_jobs` and the joblib backend; the
        first members of a larger ensemble are those of a smaller one.
    verbose : int, default=0
        Of `joblib.Parallel`: above 0, it tells how many members are done. For bars over
        epochs, set scikit-learn's callbacks.
    vectorized : bool or "auto", default=False
        Whether members are trained together, in one pass through the batches of all,
        which is several times as fast for small networks. Each has its own weights,
        order and dropout; they equal those of members trained apart but for rounding.
        True raises an error where that cannot be; "auto" then trains them apart, and
        networks with convolutions too, which gain little. With `n_jobs`, each worker
        trains its share together. All members are in memory at once.

    Attributes
    ----------
    estimators_ : list of estimator
        Fitted members.
    seeds_ : list of int
        The `random_state` of each.
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
    VotingEnsemble : The same over different estimators.
    mtlearn.metrics.ensemble_report : What the average gains over its members.

    Notes
    -----
    A task's classes that a member did not see, as a resample may lack them, have
    probability 0 there. Declare classes to let every member learn of them.

    References
    ----------
    .. [1] L. K. Hansen, P. Salamon, "Neural Network Ensembles", IEEE Transactions on
       Pattern Analysis and Machine Intelligence 12, 1990.
    .. [2] B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and Scalable Predictive
       Uncertainty Estimation using Deep Ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskEstimator, Regression
    >>> from mtlearn import SeedEnsemble, Tasks
    >>> from mtlearn.datasets import load_wine_quality
    >>> X, y = load_wine_quality(return_X_y=True)
    >>> tasks = Tasks(quality=Regression(), good=Classification(2))
    >>> estimator = MultiTaskEstimator(tasks, max_epochs=2)
    >>> ensemble = SeedEnsemble(estimator, seeds=[42, 43, 44]).fit(X, y)
    >>> ensemble.predict(X).shape
    (1599, 2)
    >>> quality, good = ensemble.spread(X)
    >>> quality.shape, good.shape
    ((1599, 1), (1599, 2))
    """

    __metadata_request__fit: ClassVar = {"sample_weight": UNUSED}
    __metadata_request__partial_fit: ClassVar = {
        "sample_weight": UNUSED,
        "classes": UNUSED,
    }

    _routed_methods: ClassVar = ("fit", "partial_fit")

    def __init__(
        self,
        estimator: Any = None,
        n_members: int = 3,
        *,
        seeds: Sequence[int] | None = None,
        bootstrap: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        vectorized: bool | Literal["auto"] = False,
    ) -> None:
        self.estimator = estimator
        self.n_members = n_members
        self.seeds = seeds
        self.bootstrap = bootstrap
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.vectorized = vectorized

    @in_one_step
    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, **fit_params: Any
    ) -> Self:
        """Fit the members.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them; None where X is a dataset of `(x, y)`.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        **fit_params : object
            Further arguments of the members' `fit`, such as `X_val`. With metadata
            routing, what they request.

        Returns
        -------
        self : SeedEnsemble
            The fitted ensemble.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        """
        seeds = self._draw_seeds()
        y = item_labels(X, y)
        template = self._template(X)
        if self.bootstrap:
            X = self._check_rows(template, X, y, sample_weight)
        members = [prepared(template, seed) for seed in seeds]
        params = routed_params(
            self, "fit", {"estimator": template}, sample_weight, fit_params
        )
        rows = [self._resample(X, seed) for seed in seeds]
        self._train(
            members,
            X,
            y,
            params * len(members),
            rows,
            vectorized=_read_vectorized(self.vectorized),
        )
        self.seeds_ = seeds
        return self

    @available_if(_trains_partially)
    @in_one_step
    @with_callbacks
    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        classes: Any = None,
    ) -> Self:
        """Train each member for one epoch on these rows, one after the other.

        It goes on with the members that there are, with the estimator's parameters of
        today. If one of them fails, all are as they were.

        Parameters
        ----------
        X : array-like or dataset
            Samples, as the estimator takes them.
        y : array-like, DataFrame or SliceDict, default=None
            Labels; None where X is a dataset of `(x, y)`.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        classes : array-like or list of array-like, default=None
            All labels that will be seen; see the estimator.

        Returns
        -------
        self : SeedEnsemble
            The ensemble.

        Raises
        ------
        InvalidParameterError
            If classes are not known, or `bootstrap` is set: a row may not come back.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        """
        seeds = self._draw_seeds()
        if self.bootstrap:
            raise InvalidParameterError(
                "The 'bootstrap' parameter of SeedEnsemble must be False for "
                "partial_fit, which does not see all rows. Set it to False, or call "
                "fit."
            )
        y = item_labels(X, y)
        template = self._template(X)
        if hasattr(self, "estimators_"):
            seeds = self.seeds_
            members = [
                _with_params(member, prepared(template, seed))
                for member, seed in zip(self.estimators_, seeds, strict=True)
            ]
        else:
            members = [prepared(template, seed) for seed in seeds]
        given = {} if classes is None else {"classes": classes}
        (params,) = routed_params(
            self, "partial_fit", {"estimator": template}, sample_weight, given
        )
        root, contexts = self._contexts(len(members), X, y)
        data = {"estimator": self, "X": X, "y": y}
        with ExitStack() as stack:
            for member in members:
                stack.enter_context(member._unchanged_on_error())
            for number, (member, context) in enumerate(
                zip(members, contexts, strict=True)
            ):
                place = as_member(inner_place(number), seeds[number])
                with told_of(context, member, **data), place:
                    member.partial_fit(X, y, **params)
            self._keep(members)
            self.seeds_ = seeds
            root.call_on_fit_task_end(**data)
        return self

    def _draw_seeds(self) -> list[int]:
        """Check the parameters, and give the seed of each member."""
        owner = type(self).__name__
        n_members = check_integer(self.n_members, "n_members", owner, low=1)
        check_bool(self.bootstrap, "bootstrap", owner)
        _read_vectorized(self.vectorized)
        if self.estimator is not None:
            check_inside(self.estimator, "estimator", owner)
            self._check_seedable(owner)
        if self.seeds is None:
            # Not the global generator for None; more members keep the first ones.
            seed = common_seed(draw_seed(self.random_state), owner)
            generator = np.random.RandomState(seed)
            return generator.randint(2**31 - 1, size=n_members).tolist()
        if not isinstance(self.seeds, Sequence | np.ndarray | range):
            raise ParameterTypeError(
                f"The 'seeds' parameter of {owner} must be None or a sequence of "
                f"integers. Got {short(self.seeds)} instead."
            )
        seeds = [check_integer(seed, "seeds", owner, low=0) for seed in self.seeds]
        if not seeds or len(set(seeds)) < len(seeds) or max(seeds) >= 2**32:
            raise InvalidParameterError(
                f"The 'seeds' parameter of {owner} must be None or distinct integers "
                f"in [0, 2**32). Got {short(self.seeds)} instead."
            )
        return seeds

    def _check_seedable(self, owner: str) -> None:
        if isinstance(self.estimator, FrozenEstimator):
            raise InvalidParameterError(
                f"The 'estimator' parameter of {owner} must be one that can be "
                "trained, and a FrozenEstimator is not. To average fitted ones, use "
                "VotingEnsemble."
            )
        inner = self.estimator.get_params(deep=True).items()
        given = [name for name, value in inner if _is_seeds(name) and value is not None]
        if given:
            raise InvalidParameterError(
                f"The {given[0]!r} parameter inside {owner} must be None, as {owner} "
                "seeds what is inside. Leave it out."
            )

    def _check_rows(self, template: Any, X: Any, y: Any, sample_weight: Any) -> Any:
        """Check labels and lengths before rows are drawn, whose numbers are others."""
        X = selectable_rows(X, type(self).__name__)
        codec = fit_codec(unwrap(template)._declared_tasks(), y, sample_weight)
        targets = codec.encode(y, sample_weight)
        check_consistent_length(X, targets)
        return X

    def _template(self, X: Any) -> Any:
        if self.estimator is not None:
            return self.estimator
        # Of a dataset the first row tells; numpy would read all of it.
        if is_dataset(X):
            n_dims = 1 + row_dims(X)
        else:
            n_dims = np.ndim(selectable_rows(X, type(self).__name__))
        return MultiTaskEstimator() if n_dims == 2 else MultiTaskImageEstimator()

    def _templates(self) -> dict[str, Any]:
        given = self.estimator
        return {"estimator": MultiTaskEstimator() if given is None else given}

    def _resample(self, X: Any, seed: int) -> np.ndarray | None:
        if not self.bootstrap:
            return None
        # Apart from the stream of the network, which the seed alone begins.
        n_samples = n_rows(X) or 0
        return np.random.default_rng([seed, 1]).integers(n_samples, size=n_samples)
