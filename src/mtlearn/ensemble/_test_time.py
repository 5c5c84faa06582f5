"""One estimator, and several views of each image."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from mtlearn._utils._routing import n_rows, routed_params
from mtlearn._utils._typed import with_callbacks
from mtlearn._utils._unwrap import check_inside, reach, single_networks, unwrap
from mtlearn._utils._validation import check_integer, check_nested_names
from mtlearn._utils._whole import in_one_step
from mtlearn.augmentation import Policy, resolve_augmentation
from mtlearn.data import item_labels
from mtlearn.ensemble._average import mean_stream, weighted_moments
from mtlearn.estimators import (
    AroundOne,
    AugmentationLike,
    InBulk,
    MultiTaskImageEstimator,
    Stream,
    names_of_categories,
)
from mtlearn.exceptions import InvalidParameterError
from mtlearn.tasks import decode_rows
from mtlearn.training import RowChange, SameChange, TwoChanges, draw_seed, same_value

_REMEDIES = {
    "estimator": " Pass an estimator first.",
    "augmentation": " Pass an Augmentation(...) first.",
}


class TestTimeAugmented(InBulk, AroundOne):
    """An estimator that sees each image several times, changed, and averages.

    Of each image, the prediction is the mean of those of the image as it is and of
    ``n - 1`` random changes of it. Probabilities are averaged and so are real values;
    labels are decided by the means, at the thresholds of the estimator.

    Parameters
    ----------
    estimator : estimator, default=None
        An estimator of this package, such as a :class:`~mtlearn.SeedEnsemble`, or a
        Pipeline or search that ends in one. A fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` is taken as it is. None is a
        :class:`~mtlearn.MultiTaskImageEstimator`.
    n : int, default=8
        How often each image is seen, once of these as it is. A prediction takes so
        many times as long.
    augmentation : None, str, Augmentation or callable, default="light"
        The changes: ``"light"``, ``"standard"``, ``"trivial"``, ``"randaugment"``, an
        :class:`~mtlearn.augmentation.Augmentation` or another object of that room, or
        a callable that maps a batch and a `torch.Generator` to such a batch. None
        takes the `augmentation` that the networks inside were trained with.
    random_state : None, int or RandomState, default=None
        What the changes are drawn from, at each `fit`; later predictions are all made
        with the same ones. Larger `n` keep the changes of smaller ones.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    augmentation_ : callable
        The changes.
    seeds_ : list of int
        ``n - 1`` seeds, one for each change of an image.
    tasks_ : Tasks
        Fitted tasks, those of the estimator.
    task_names_ : tuple of str
        Their names.
    classes_ : ndarray or list
        Labels, as those of the estimator.
    n_features_in_ : int
        Numbers in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if X had any.

    See Also
    --------
    SeedEnsemble : An average over networks.
    mtlearn.TemperatureScaled : May be around it, or inside.

    Notes
    -----
    A change is the same for all rows of X. It takes place right before the network,
    behind the transformers of a Pipeline, on each row by itself:
    ``augmentation_(x[i : i + 1], torch.Generator().manual_seed(seed))``. What is
    predicted of a row depends neither on the rows beside it nor on batches. Images on
    disk and datasets are read once for each of the `n`.

    Only a change that keeps the labels helps. A callable that draws nothing, such as a
    flip, needs no more than ``n=2``.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
       Convolutional Neural Networks", NeurIPS 2012.
    .. [2] D. Shanmugam, D. Blalock, G. Balakrishnan, J. Guttag, "Better Aggregation in
       Test-Time Augmentation", ICCV 2021.

    Examples
    --------
    >>> from mtlearn import Classification, MultiTaskImageEstimator, Partial, Tasks
    >>> from mtlearn import Regression, TestTimeAugmented
    >>> from mtlearn.datasets import make_multitask_digits
    >>> from mtlearn.networks import ResNet
    >>> X, y = make_multitask_digits(40, random_state=0)
    >>> digit, item = Classification(10), Classification(32)
    >>> tasks = Tasks(digit=digit, item=item, shade=Regression())
    >>> small = Partial(ResNet, widths=(4,), n_blocks=1, n_features=8)
    >>> estimator = MultiTaskImageEstimator(tasks, backbone=small, max_epochs=1)
    >>> augmented = TestTimeAugmented(estimator, n=4, random_state=0).fit(X, y)
    >>> augmented.predict(X).shape, len(augmented.seeds_)
    ((40, 3), 3)
    """

    __test__: ClassVar = False  # pytest takes what is called so for tests
    __metadata_request__fit: ClassVar = {"sample_weight": UNUSED}

    augmentation_: Any
    seeds_: list[int]

    def __init__(
        self,
        estimator: Any = None,
        n: int = 8,
        *,
        augmentation: AugmentationLike = "light",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n = n
        self.augmentation = augmentation
        self.random_state = random_state

    @in_one_step
    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, **fit_params: Any
    ) -> Self:
        """Fit the estimator, and draw the changes.

        Parameters
        ----------
        X : array-like or dataset
            Training samples, as the estimator takes them; not looked at for a
            FrozenEstimator.
        y : array-like, DataFrame or SliceDict, default=None
            Labels, as the estimator takes them; None where X is a dataset of
            `(x, y)`, or for a FrozenEstimator.
        sample_weight : array-like, default=None
            Weights of shape `(n_samples,)` or `(n_samples, n_tasks)`.
        **fit_params : object
            Further arguments of the estimator's `fit`, such as `X_val`. With metadata
            routing, what it requests.

        Returns
        -------
        self : TestTimeAugmented
            The fitted estimator.

        Raises
        ------
        InvalidParameterError, ParameterTypeError
            If a parameter is not what it must be, or the augmentation is for images
            and the estimator for tables, or for tables with columns of categories.
        InvalidDataError, DataTypeError
            If the data are not what they must be.
        sklearn.exceptions.NotFittedError
            If a FrozenEstimator is not fitted.
        """
        owner = type(self).__name__
        estimator = self._templates()["estimator"]
        check_inside(estimator, "estimator", owner)
        n = check_integer(self.n, "n", owner, low=1)
        given = resolve_augmentation(self.augmentation, owner)
        seed = draw_seed(self.random_state)
        _check_suits(_declared(estimator), given, owner)
        if isinstance(estimator, FrozenEstimator):
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            self._refuse_arguments(fit_params | weights)
            fitted = estimator
            check_is_fitted(unwrap(fitted), "tasks_")
        else:
            y = item_labels(X, y)
            (params,) = routed_params(
                self, "fit", self._templates(), sample_weight, fit_params
            )
            part = (clone(estimator), None)
            (fitted,) = self._train([part], X, y, params, n_rows(X) or 0)
        networks = list(single_networks(fitted))
        if given is None:
            given = _trained_with(networks, owner)
        _check_suits(networks, given, owner)
        _refuse_categories(networks, owner)
        self.estimator_ = fitted
        # Whose parameters may be set before the next fit.
        self.augmentation_ = clone(given, safe=False)
        draws = np.random.RandomState(seed)
        self.seeds_ = draws.randint(2**31 - 1, size=n - 1).tolist()
        self._set_codec(unwrap(fitted)._codec)
        return self

    def _outputs(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> list[np.ndarray]:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        views = [change, *self._changes(change)]
        outputs = (inner._outputs(X, change=view) for view in views)
        means, _ = weighted_moments(outputs, [1.0] * len(views))
        if not decode:
            return means
        return [
            decode_rows(task, mean)
            for task, mean in zip(self.tasks_.labelled, means, strict=True)
        ]

    def _stream(
        self, X: Any, *, decode: bool = False, change: RowChange | None = None
    ) -> Stream:
        check_is_fitted(self, "estimator_")
        inner, X = reach(self.estimator_, X)
        views = [change, *self._changes(change)]
        streams = [inner._stream(X, change=view) for view in views]
        means = mean_stream(streams, [1.0] * len(views), lambda _, outputs: outputs)
        return means.decoded(self.tasks_) if decode else means

    def _changes(self, before: RowChange | None) -> Iterator[RowChange]:
        """Give the changes of an image that another may have changed before."""
        for seed in self.seeds_:
            own = SameChange(self.augmentation_, seed)
            yield own if before is None else TwoChanges(before, own)

    def _templates(self) -> dict[str, Any]:
        given = self.estimator
        return {"estimator": MultiTaskImageEstimator() if given is None else given}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the estimator and of an augmentation.

        Parameters
        ----------
        **params : object
            New values, of what is inside by ``name__parameter``.

        Returns
        -------
        self : TestTimeAugmented
            The estimator.

        Raises
        ------
        InvalidParameterError, ValueError
            If there is no such parameter.
        """
        given = {**self.get_params(deep=False), **params}
        check_nested_names(given, type(self).__name__, _REMEDIES)
        return super().set_params(**params)


def _declared(estimator: Any) -> Iterator[Any]:
    """Give the estimators of one network each that are to be trained, where known."""
    inner = unwrap(estimator)
    if inner is None:  # which its own fit will refuse
        return
    if not hasattr(inner, "_templates"):
        yield inner
    elif getattr(inner, "estimator", inner) is not None:
        for inside in inner._templates().values():
            yield from _declared(inside)


def _trained_with(networks: list[Any], owner: str) -> Any:
    """Give the augmentation that all networks were trained with."""
    first, *others = [network.augmentation for network in networks]
    if first is None or not all(same_value(first, each) for each in others):
        found = "were trained without" if first is None else "do not share one"
        raise InvalidParameterError(
            f"The 'augmentation' parameter of {owner} is None, which takes that of the "
            f"networks inside, and these {found}. Set it, such as to 'light'."
        )
    return resolve_augmentation(first, owner)


def _check_suits(networks: Any, augmentation: Any, owner: str) -> None:
    """Raise where changes of images meet a network for tables."""
    if not isinstance(augmentation, Policy):
        return
    if all(get_tags(each).input_tags.three_d_array for each in networks):
        return
    raise InvalidParameterError(
        f"The 'augmentation' parameter of {owner} is {augmentation!r}, which changes "
        "images, and the estimator inside is for tables. Pass one for images, or a "
        "callable that maps a batch (n_samples, n_features) and a torch.Generator to "
        "such a batch."
    )


def _refuse_categories(networks: list[Any], owner: str) -> None:
    """Raise where rows to be changed have categories, whose codes mean nothing."""
    for network in networks:
        names = names_of_categories(network)
        if names:
            raise InvalidParameterError(
                f"{owner} changes numbers, and the columns {names} of X hold "
                "categories. Encode them in front of the estimator, such as by "
                "scikit-learn's OneHotEncoder in a Pipeline."
            )
